package mulligan

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/durationpb"
)

const someID = "55555555-5555-4555-8555-555555555555"

// served is a server within the test, and a client of it.
type served struct {
	client  *Client
	address string
	server  *grpc.Server
	// What it says of itself.
	version atomic.Value
	mutex   sync.Mutex
	// By RPC: one after the other, the last one for ever.
	answers map[string][]any
	asked   map[string][]proto.Message
	// The waits between attempts; nobody sleeps.
	pauses []time.Duration
	// By which the client goes.
	now time.Time
	// Told of each call, where it is set.
	seen func(ctx context.Context, name string)
	// Connections, which the answer `lost` ends.
	conns []net.Conn
}

// lost is an answer: the end of the connection.
type lost struct{}

// waiting is an answer: none, as long as the caller waits.
type waiting struct{}

// start answers as the test says until it is over: messages, what `refusal` gives, `lost`, functions
// of the request, and for streams lists of those.
func start(t *testing.T, answers map[string][]any) *served {
	t.Helper()
	s := &served{answers: answers, asked: map[string][]proto.Message{}}
	if s.answers == nil {
		s.answers = map[string][]any{}
	}
	s.version.Store("0.1.0")
	s.answer("Check", &healthv1.HealthCheckResponse{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address, s.server = listener.Addr().String(), grpc.NewServer(grpc.UnknownServiceHandler(s.handle))
	go func() { _ = s.server.Serve(noted{listener, s}) }()
	t.Cleanup(s.server.Stop)
	return s
}

// serve starts a server with a client of it.
func serve(t *testing.T, answers map[string][]any, options Options) *served {
	t.Helper()
	s := start(t, answers)
	made, err := New(s.address, options)
	if err != nil {
		t.Fatal(err)
	}
	s.client = made
	t.Cleanup(s.client.Close)
	s.client.now = func() time.Time {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		return s.now
	}
	s.client.pause = func(ctx context.Context, delay time.Duration) bool {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.pauses = append(s.pauses, delay)
		return ctx.Err() == nil
	}
	return s
}

func (s *served) answer(name string, answers ...any) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.answers[name] = answers
}

// atIam gives what calls control where iam is.
func (s *served) atIam(t *testing.T) *caller {
	t.Helper()
	made, err := s.client.Control.caller.(*routed).at(s.client.manner(s.client.address))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// requests gives what was asked of an RPC.
func (s *served) requests(name string) []proto.Message {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.asked[name]
}

func (s *served) handle(_ any, stream grpc.ServerStream) error {
	path, _ := grpc.Method(stream.Context())
	service, name, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	described, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		return err
	}
	method := described.(protoreflect.ServiceDescriptor).Methods().ByName(protoreflect.Name(name))
	kind, err := protoregistry.GlobalTypes.FindMessageByName(method.Input().FullName())
	if err != nil {
		return err
	}
	request := kind.New().Interface()
	if err := stream.RecvMsg(request); err != nil {
		return err
	}
	if s.seen != nil {
		s.seen(stream.Context(), name)
	}
	if version := s.version.Load().(string); version != "" {
		stream.SetTrailer(metadata.Pairs(versionKey, version))
	}
	return s.send(stream, s.next(name, request), request)
}

func (s *served) next(name string, request proto.Message) any {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.asked[name] = append(s.asked[name], request)
	answers := s.answers[name]
	if len(answers) == 0 {
		return status.Errorf(codes.Unimplemented, "%s has no answer in this test", name)
	}
	if len(answers) > 1 {
		s.answers[name] = answers[1:]
	}
	return answers[0]
}

func (s *served) send(stream grpc.ServerStream, answer any, request proto.Message) error {
	switch found := answer.(type) {
	case error:
		return found
	case lost:
		s.mutex.Lock()
		defer s.mutex.Unlock()
		for _, conn := range s.conns {
			_ = conn.Close()
		}
		return nil
	case waiting:
		<-stream.Context().Done()
		return nil
	case func(proto.Message) any:
		return s.send(stream, found(request), request)
	case []any:
		for _, one := range found {
			if err := s.send(stream, one, request); err != nil {
				return err
			}
		}
		return nil
	}
	return stream.SendMsg(answer)
}

// noted notes the connections that are made.
type noted struct {
	net.Listener
	served *served
}

func (n noted) Accept() (net.Conn, error) {
	conn, err := n.Listener.Accept()
	if err == nil {
		n.served.mutex.Lock()
		n.served.conns = append(n.served.conns, conn)
		n.served.mutex.Unlock()
	}
	return conn, err
}

// refusal is what a service refuses with: a stable code, and what it tells programs.
func refusal(code codes.Code, reason string, details ...protoadapt.MessageV1) error {
	told := []protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: reason, Domain: domain}}
	said, err := status.New(code, reason).WithDetails(append(told, details...)...)
	if err != nil {
		panic(err)
	}
	return said.Err()
}

// after asks to be called again then.
func after(delay time.Duration) protoadapt.MessageV1 {
	return &errdetails.RetryInfo{RetryDelay: durationpb.New(delay)}
}

// at tells up to which revision a watch has told all.
func at(revision string) protoadapt.MessageV1 {
	return &errdetails.ErrorInfo{Reason: tokenExpired, Domain: domain, Metadata: map[string]string{"revision": revision}}
}
