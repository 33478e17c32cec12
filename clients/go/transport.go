package mulligan

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"iter"
	random "math/rand/v2"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	commonv1 "mulligan.internal/client/gen/commonv1"
)

const (
	firstDelay   = 200 * time.Millisecond
	longestDelay = 5 * time.Second
	rateLimited  = "RATE_LIMITED"
	tokenExpired = "TOKEN_EXPIRED"
	unknownField = "UNKNOWN_FIELD"
	// Nobody answered a watch for about 45 s: a server that is only being restarted is back by then.
	watchAttempts = 14
	// A watch that went on for so long was all right: what ends it begins to count anew.
	lasted = time.Minute
)

var healthCheck = Method{Path: healthv1.Health_Check_FullMethodName, Retry: RetryRead, Anonymous: true}

// calls is how the calls of one service are made.
type calls interface {
	// ready gives a request as it is sent.
	ready(ctx context.Context, method *Method, request proto.Message) (proto.Message, error)
	unary(ctx context.Context, method *Method, request proto.Message, answers protoreflect.MessageType) (proto.Message, error)
	// stream calls take with one answer after the other, until that has enough.
	stream(ctx context.Context, method *Method, request proto.Message, answers protoreflect.MessageType, take func(proto.Message) bool) error
	watch(ctx context.Context, method *Method, request *commonv1.WatchRequest) iter.Seq2[*commonv1.Event, error]
}

// caller calls one service at one address: deadline, token, request id, retry, and words for what
// went wrong.
type caller struct {
	manner
	client *Client
	conn   *grpc.ClientConn
	// Of the service, as it said last; not set yet, or empty: not known.
	version atomic.Value
}

// unary makes a call and gives its answer.
func unary[Answer proto.Message](ctx context.Context, c calls, method *Method, request proto.Message, answer Answer) (Answer, error) {
	found, err := c.unary(ctx, method, request, answer.ProtoReflect().Type())
	if err != nil {
		var none Answer
		return none, err
	}
	return found.(Answer), nil
}

// unary makes a call, again while nobody answers, as far as its method allows.
func (c *caller) unary(ctx context.Context, method *Method, request proto.Message, answers protoreflect.MessageType) (proto.Message, error) {
	ready, err := c.ready(ctx, method, request)
	if err != nil {
		return nil, err
	}
	ready, requestID := withRequestID(ready)
	for renewed := false; ; renewed = true {
		token, err := c.client.token(ctx, method)
		if err != nil {
			return nil, err
		}
		answer := answers.New().Interface()
		failed := c.answered(ctx, method, ready, answer, token, requestID)
		if failed == nil {
			return answer, nil
		}
		if renewed {
			return nil, failed
		}
		// It was refused before anything was done.
		if another, err := c.client.renewed(ctx, method, failed, token); !another {
			return nil, worse(err, failed)
		}
	}
}

func (c *caller) answered(ctx context.Context, method *Method, request, answer proto.Message, token, requestID string) *Error {
	attempts := c.counted(method)
	for {
		failed := c.once(ctx, method, request, answer, token, requestID)
		if failed == nil || !attempts.wait(ctx, failed) {
			return failed
		}
	}
}

func (c *caller) once(ctx context.Context, method *Method, request, answer proto.Message, token, requestID string) *Error {
	ctx, cancel := context.WithTimeout(signed(ctx, token), c.timeout)
	defer cancel()
	var trailer metadata.MD
	err := c.conn.Invoke(ctx, method.Path, request, answer, grpc.Trailer(&trailer))
	return c.heard(err, method, trailer, requestID)
}

// heard puts an error into words, if there is one, and hears which version the service is of.
func (c *caller) heard(err error, method *Method, trailer metadata.MD, requestID string) *Error {
	var failed *Error
	if err != nil {
		failed = translate(err, c.address, method.Path, requestID)
		if failed.Code == unknownField || failed.Status == codes.Unimplemented {
			// An older one may have come into its place.
			c.version.Store("")
		}
	}
	if told := trailer.Get(versionKey); len(told) > 0 {
		c.version.Store(told[0])
	}
	return failed
}

// ready gives a request as it is sent: with ids, and nothing that the service does not know.
func (c *caller) ready(ctx context.Context, method *Method, request proto.Message) (proto.Message, error) {
	since, what := needs(method, request)
	if isOlder(c.knownVersion(), since) {
		// It is not known yet, or it may have been updated since it answered last.
		if failed := c.answered(ctx, &healthCheck, &healthv1.HealthCheckRequest{}, &healthv1.HealthCheckResponse{}, "", ""); failed != nil {
			return nil, failed
		}
	}
	if version := c.knownVersion(); version != "" && isOlder(version, since) {
		return nil, newerError(method, since, what, version, c.address)
	}
	return withIDs(ctx, c.client.Meta, method, request)
}

func (c *caller) knownVersion() string {
	known, _ := c.version.Load().(string)
	return known
}

func (c *Client) token(ctx context.Context, method *Method) (string, error) {
	if method.Anonymous {
		return "", nil
	}
	return c.signIn.fresh(ctx, c.refresh)
}

// renewed gets another token if an error says that one has ended; false: it doesn't, or there is
// none.
func (c *Client) renewed(ctx context.Context, method *Method, failed *Error, token string) (bool, error) {
	if method.Anonymous || failed.Code != tokenExpired {
		return false, nil
	}
	return c.signIn.renew(ctx, token, c.refresh)
}

func signed(ctx context.Context, token string) context.Context {
	if token == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

// stream gives answers as they come.
func stream[Answer proto.Message](ctx context.Context, c calls, method *Method, request proto.Message, answer Answer) iter.Seq2[Answer, error] {
	return func(yield func(Answer, error) bool) {
		enough := false
		err := c.stream(ctx, method, request, answer.ProtoReflect().Type(), func(one proto.Message) bool {
			enough = !yield(one.(Answer), nil)
			return !enough
		})
		if err != nil && !enough {
			var none Answer
			yield(none, err)
		}
	}
}

// stream begins a stream; until the first answer came, again as far as that helps.
func (c *caller) stream(ctx context.Context, method *Method, request proto.Message, answers protoreflect.MessageType, take func(proto.Message) bool) error {
	ready, err := c.ready(ctx, method, request)
	if err != nil {
		return err
	}
	attempts, begun, renewed := c.counted(method), false, false
	for {
		token, err := c.client.token(ctx, method)
		if err != nil {
			return err
		}
		limited, stop := context.WithTimeout(ctx, c.timeout)
		failed := c.streamed(limited, method, ready, answers, token, func(one proto.Message) bool {
			begun = true
			return take(one)
		})
		stop()
		if failed == nil {
			return nil
		}
		another, failure := false, error(nil)
		if !begun && !renewed {
			another, failure = c.client.renewed(ctx, method, failed, token)
		}
		if renewed = renewed || another; !another && (begun || failure != nil || !attempts.wait(ctx, failed)) {
			return worse(failure, failed)
		}
	}
}

// streamed gives what comes until take has enough, the stream ends or fails.
func (c *caller) streamed(ctx context.Context, method *Method, request proto.Message, answers protoreflect.MessageType, token string, take func(proto.Message) bool) *Error {
	ctx, cancel := context.WithCancel(signed(ctx, token))
	defer cancel()
	described := &grpc.StreamDesc{ServerStreams: true}
	var trailer metadata.MD
	open, err := c.conn.NewStream(ctx, described, method.Path, grpc.Trailer(&trailer))
	if err == nil {
		// io.EOF: it was refused already; RecvMsg tells why.
		if err = open.SendMsg(request); err == nil || errors.Is(err, io.EOF) {
			err = open.CloseSend()
		}
	}
	for err == nil {
		one := answers.New().Interface()
		if err = open.RecvMsg(one); err == nil && !take(one) {
			return nil
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return c.heard(err, method, trailer, "")
}

// attempts counts how often a call was made.
type attempts struct {
	caller *caller
	method *Method
	made   int
	delay  time.Duration
	enough time.Time
}

func (c *caller) counted(method *Method) *attempts {
	// A server that waits itself before it gives up is not waited for attempts times as long.
	enough := c.client.now().Add(c.client.options.Timeout)
	return &attempts{caller: c, method: method, delay: firstDelay, enough: enough}
}

// wait waits until a call that failed may be made again; false: that would change nothing.
func (a *attempts) wait(ctx context.Context, failed *Error) bool {
	told, away := pauseOf(failed)
	a.made++
	if failed.Code != rateLimited && a.caller.hasOther {
		return false
	}
	if !away || a.method.Retry == RetryNever || a.made >= a.caller.attempts || a.caller.client.now().Add(told).After(a.enough) {
		return false
	}
	delay := max(jittered(a.delay), told)
	a.delay = min(2*a.delay, longestDelay)
	return a.caller.client.pause(ctx, delay)
}

// pauseOf tells how long to wait before another try; false: that would change nothing.
func pauseOf(failed *Error) (time.Duration, bool) {
	if failed.Code == rateLimited {
		return failed.RetryAfter, true
	}
	return min(failed.RetryAfter, longestDelay), failed.Status == codes.Unavailable
}

// jittered spreads the load of many who wait.
func jittered(delay time.Duration) time.Duration {
	return time.Duration(float64(delay) * (0.8 + 0.4*random.Float64()))
}

// worse gives what a renewal failed with, or what made it needed.
func worse(renewal error, failed *Error) error {
	if renewal != nil {
		return renewal
	}
	return failed
}

// pages gives one after the other what a list gives in pages; names are looked up once.
func pages[Request proto.Message, Answer interface{ GetNextPageToken() string }, Item any](
	ctx context.Context, c calls, method *Method, request Request,
	list func(context.Context, Request) (Answer, error), items func(Answer) []Item,
) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		var none Item
		ready, err := c.ready(ctx, method, request)
		if err != nil {
			yield(none, err)
			return
		}
		asked := proto.Clone(ready).(Request)
		for {
			answer, err := list(ctx, asked)
			if err != nil {
				yield(none, err)
				return
			}
			for _, item := range items(answer) {
				if !yield(item, nil) {
					return
				}
			}
			if answer.GetNextPageToken() == "" {
				return
			}
			message := asked.ProtoReflect()
			page := message.Mutable(message.Descriptor().Fields().ByName("page")).Message()
			token := page.Descriptor().Fields().ByName("token")
			page.Set(token, protoreflect.ValueOfString(answer.GetNextPageToken()))
		}
	}
}

// withRequestID gives a mutation an id of its own; the caller's message stays as it is.
func withRequestID(request proto.Message) (proto.Message, string) {
	message := request.ProtoReflect()
	field := message.Descriptor().Fields().ByName("request_id")
	if field == nil {
		return request, ""
	}
	if given := message.Get(field).String(); given != "" {
		return request, given
	}
	copied, made := proto.Clone(request), newUUID()
	copied.ProtoReflect().Set(field, protoreflect.ValueOfString(made))
	return copied, made
}

func newUUID() string {
	bits := make([]byte, 16)
	_, _ = rand.Read(bits) // it never fails
	bits[6], bits[8] = bits[6]&0x0f|0x40, bits[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", bits[:4], bits[4:6], bits[6:8], bits[8:10], bits[10:])
}

// pause waits; false: the context was done before.
func pause(ctx context.Context, delay time.Duration) bool {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
