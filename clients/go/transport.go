package mulligan

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
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
	tokenExpired = "TOKEN_EXPIRED"
	// Nobody answered a watch for about 45 s: a server that is only being restarted is back by then.
	watchAttempts = 12
)

// caller calls one service: deadline, token, request id, retry, and words for what went wrong.
type caller struct {
	client  *Client
	address string
	conn    *grpc.ClientConn
	// Of the service, as it said last; not set yet: not known.
	version atomic.Value
}

// unary makes a call, again while nobody answers, as far as its method allows.
func unary[Answer proto.Message](ctx context.Context, c *caller, method *Method, request proto.Message, answer Answer) (Answer, error) {
	var none Answer
	ready, err := c.ready(ctx, method, request)
	if err != nil {
		return none, err
	}
	ready, requestID := withRequestID(ready)
	for renewed := false; ; renewed = true {
		token, err := c.token(ctx, method)
		if err != nil {
			return none, err
		}
		failed := c.answered(ctx, method, ready, answer, token, requestID)
		if failed == nil {
			return answer, nil
		}
		if failed.Code != tokenExpired || renewed {
			return none, failed
		}
		// It was refused before anything was done.
		if another, err := c.client.signIn.renew(ctx, token, c.client.refresh); err != nil || !another {
			return none, errors.Join(failed, err)
		}
	}
}

func (c *caller) answered(ctx context.Context, method *Method, request, answer proto.Message, token, requestID string) *Error {
	enough, delay := time.Now().Add(c.client.options.Timeout), firstDelay
	for attempt := 1; ; attempt++ {
		failed := c.once(ctx, method, request, answer, token, requestID)
		if failed == nil || failed.Status != codes.Unavailable || method.Retry == RetryNever {
			return failed
		}
		if attempt >= c.client.options.Attempts || time.Now().After(enough) {
			return failed
		}
		if !pause(ctx, max(delay, min(failed.RetryAfter, longestDelay))) {
			return failed
		}
		delay = min(2*delay, longestDelay)
	}
}

func (c *caller) once(ctx context.Context, method *Method, request, answer proto.Message, token, requestID string) *Error {
	ctx, cancel := context.WithTimeout(signed(ctx, token), c.client.options.Timeout)
	defer cancel()
	var trailer metadata.MD
	err := c.conn.Invoke(ctx, method.Path, request, answer, grpc.Trailer(&trailer))
	c.hearVersion(trailer)
	if err == nil {
		return nil
	}
	return translate(err, c.address, method.Path, requestID)
}

// ready gives a request as it is sent: with ids, and nothing that the service does not know.
func (c *caller) ready(ctx context.Context, method *Method, request proto.Message) (proto.Message, error) {
	since, what := needs(method, request)
	if isOlder(c.knownVersion(), since) {
		// It is not known yet, or it may have been updated since it answered last.
		if err := c.askVersion(ctx); err != nil {
			return nil, err
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

func (c *caller) askVersion(ctx context.Context) error {
	var trailer metadata.MD
	ctx, cancel := context.WithTimeout(ctx, c.client.options.Timeout)
	defer cancel()
	_, err := healthv1.NewHealthClient(c.conn).Check(ctx, &healthv1.HealthCheckRequest{}, grpc.Trailer(&trailer))
	if err != nil {
		return translate(err, c.address, healthv1.Health_Check_FullMethodName, "")
	}
	c.hearVersion(trailer)
	return nil
}

func (c *caller) hearVersion(trailer metadata.MD) {
	if told := trailer.Get(versionKey); len(told) > 0 {
		c.version.Store(told[0])
	}
}

func (c *caller) token(ctx context.Context, method *Method) (string, error) {
	if method.Anonymous {
		return "", nil
	}
	return c.client.signIn.fresh(ctx, c.client.refresh)
}

func signed(ctx context.Context, token string) context.Context {
	if token == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

// stream gives answers as they come; it is begun anew only if its token has ended.
func stream[Answer proto.Message](ctx context.Context, c *caller, method *Method, request proto.Message, answer Answer) iter.Seq2[Answer, error] {
	return func(yield func(Answer, error) bool) {
		var none Answer
		ready, err := c.ready(ctx, method, request)
		for renewed := false; err == nil; renewed = true {
			token, failure := c.token(ctx, method)
			if err = failure; err != nil {
				break
			}
			failed := c.streamed(ctx, method, ready, answer, token, func(one proto.Message) bool {
				return yield(one.(Answer), nil)
			})
			if failed == nil {
				return
			}
			err = failed
			// It was refused before anything came.
			if failed.Code == tokenExpired && !renewed {
				if another, _ := c.client.signIn.renew(ctx, token, c.client.refresh); another {
					err = nil
				}
			}
		}
		yield(none, err)
	}
}

// streamed gives what comes until take has enough, the stream ends or fails.
func (c *caller) streamed(ctx context.Context, method *Method, request, answer proto.Message, token string, take func(proto.Message) bool) *Error {
	ctx, cancel := context.WithCancel(signed(ctx, token))
	defer cancel()
	described := &grpc.StreamDesc{ServerStreams: true}
	open, err := c.conn.NewStream(ctx, described, method.Path)
	if err == nil {
		err = errors.Join(open.SendMsg(request), open.CloseSend())
	}
	for err == nil {
		one := answer.ProtoReflect().New().Interface()
		if err = open.RecvMsg(one); err == nil && !take(one) {
			return nil
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return translate(err, c.address, method.Path, "")
}

// watch gives changes in order and each once, over streams that break, until the context is done.
func watch(ctx context.Context, c *caller, method *Method, request *commonv1.WatchRequest) iter.Seq2[*commonv1.Event, error] {
	return func(yield func(*commonv1.Event, error) bool) {
		asked, err := c.ready(ctx, method, proto.Clone(request))
		if err != nil {
			yield(nil, err)
			return
		}
		following := proto.Clone(asked).(*commonv1.WatchRequest)
		failures, delay := 0, firstDelay
		for {
			token, err := c.token(ctx, method)
			if err != nil {
				yield(nil, err)
				return
			}
			enough := false
			failed := c.streamed(ctx, method, following, &commonv1.Event{}, token, func(one proto.Message) bool {
				event := one.(*commonv1.Event)
				failures, delay = 0, firstDelay
				if event.Revision <= following.GetAfterRevision() && following.AfterRevision != nil {
					return true
				}
				following.AfterRevision = proto.Int64(event.Revision)
				enough = !yield(event, nil)
				return !enough
			})
			if enough {
				return
			}
			failures++
			if ctx.Err() != nil {
				yield(nil, ctx.Err())
				return
			}
			if err := c.mend(ctx, failed, token, following); err != nil {
				yield(nil, err)
				return
			}
			if failures >= watchAttempts || !pause(ctx, delay) {
				yield(nil, lastOf(failed))
				return
			}
			delay = min(2*delay, longestDelay)
		}
	}
}

// mend gets ready to take up a stream that broke; what can't be mended is given back.
func (c *caller) mend(ctx context.Context, failed *Error, token string, following *commonv1.WatchRequest) error {
	switch {
	case failed == nil:
		return nil
	case failed.Code == tokenExpired:
		another, err := c.client.signIn.renew(ctx, token, c.client.refresh)
		if err != nil || !another {
			return errors.Join(failed, err)
		}
		if resumed, err := strconv.ParseInt(failed.Details["revision"], 10, 64); err == nil {
			following.AfterRevision = proto.Int64(max(resumed, following.GetAfterRevision()))
		}
		return nil
	case failed.Status == codes.Unavailable:
		return nil
	case failed.Code == codeName(failed.Status) && (failed.Status == codes.Internal || failed.Status == codes.Unknown || failed.Status == codes.Canceled):
		// A proxy or a killed server resets the stream; what the server itself says has a code.
		return nil
	}
	return failed
}

func lastOf(failed *Error) error {
	if failed == nil {
		return &Error{Code: "UNAVAILABLE", Status: codes.Unavailable, Message: "the server ends each watch at once"}
	}
	return failed
}

// pages gives one after the other what a list gives in pages.
func pages[Request proto.Message, Answer interface{ GetNextPageToken() string }, Item any](
	ctx context.Context, request Request,
	list func(context.Context, Request) (Answer, error), items func(Answer) []Item,
) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		asked := proto.Clone(request).(Request)
		for {
			answer, err := list(ctx, asked)
			if err != nil {
				var none Item
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
