package mulligan

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	commonv1 "mulligan.internal/client/gen/commonv1"
)

// siteWatch is the changes of a site, each once. Followed again after a failure it goes on behind
// the last.
type siteWatch struct {
	client *Client
	method *Method
	// What is watched; its revision is moved on.
	following *commonv1.WatchRequest
	// open begins a stream and calls take with one change after the other, until that has enough.
	open func(ctx context.Context, request *commonv1.WatchRequest, token string, take func(proto.Message) bool) error
	// begin gives the revision to begin with where none is known; nil: the server's next one.
	begin func(context.Context) (int64, error)
}

// watch begins a watch.
func watch(ctx context.Context, c calls, method *Method, request *commonv1.WatchRequest) iter.Seq2[*commonv1.Event, error] {
	return c.watch(ctx, method, request)
}

func (c *caller) watch(ctx context.Context, method *Method, request *commonv1.WatchRequest) iter.Seq2[*commonv1.Event, error] {
	return func(yield func(*commonv1.Event, error) bool) {
		asked, err := c.ready(ctx, method, proto.Clone(request))
		if err != nil {
			yield(nil, err)
			return
		}
		following := siteWatch{client: c.client, method: method, following: proto.Clone(asked).(*commonv1.WatchRequest)}
		following.open = func(ctx context.Context, request *commonv1.WatchRequest, token string, take func(proto.Message) bool) error {
			return plain(c.streamed(ctx, method, request, (&commonv1.Event{}).ProtoReflect().Type(), token, take))
		}
		following.events(ctx)(yield)
	}
}

// plain keeps no error from becoming one.
func plain(failed *Error) error {
	if failed == nil {
		return nil
	}
	return failed
}

// events gives changes in order and each once, over streams that break, until the context is done.
func (w *siteWatch) events(ctx context.Context) iter.Seq2[*commonv1.Event, error] {
	return func(yield func(*commonv1.Event, error) bool) {
		failures, delay := 0, firstDelay
		for {
			token, err := w.client.token(ctx, w.method)
			if err != nil {
				yield(nil, err)
				return
			}
			began, enough := w.client.now(), false
			failed := w.once(ctx, token, func(one proto.Message) bool {
				event := one.(*commonv1.Event)
				failures, delay = 0, firstDelay
				if w.following.AfterRevision != nil && event.Revision <= w.following.GetAfterRevision() {
					return true
				}
				w.following.AfterRevision = proto.Int64(event.Revision)
				enough = !yield(event, nil)
				return !enough
			})
			if enough {
				return
			}
			if ctx.Err() != nil {
				yield(nil, ctx.Err())
				return
			}
			broken, err := w.mend(ctx, failed, token)
			if err != nil {
				yield(nil, err)
				return
			}
			if w.client.now().Sub(began) > lasted {
				failures, delay = 0, firstDelay
			}
			told, _ := pauseOf(broken)
			if failures++; failures >= watchAttempts || !w.client.pause(ctx, max(jittered(delay), told)) {
				yield(nil, broken)
				return
			}
			delay = min(2*delay, longestDelay)
		}
	}
}

func (w *siteWatch) once(ctx context.Context, token string, take func(proto.Message) bool) error {
	if w.following.AfterRevision == nil && w.begin != nil {
		revision, err := w.begin(ctx)
		if err != nil {
			return err
		}
		w.following.AfterRevision = proto.Int64(revision)
	}
	return w.open(ctx, w.following, token, take)
}

// mend gets ready to take up a stream that broke; gives what broke it, or what can't be mended.
func (w *siteWatch) mend(ctx context.Context, err error, token string) (*Error, error) {
	if err == nil {
		return &Error{Code: "UNAVAILABLE", Status: codes.Unavailable, Message: "the server ends each watch at once"}, nil
	}
	failed := asError(err)
	if failed == nil || w.client.closed.Load() {
		return nil, err
	}
	if failed.Code == tokenExpired {
		// Up to there nothing was left to tell.
		if told, err := strconv.ParseInt(failed.Details["revision"], 10, 64); err == nil {
			w.following.AfterRevision = proto.Int64(max(told, w.following.GetAfterRevision()))
		}
		another, err := w.client.renewed(ctx, w.method, failed, token)
		if another {
			return failed, nil
		}
		if unanswered := (*Error)(nil); errors.As(err, &unanswered) && isBroken(unanswered) {
			return unanswered, nil
		}
		return nil, worse(err, failed)
	}
	if !isBroken(failed) {
		return nil, failed
	}
	return failed, nil
}

// isBroken tells whether a stream that failed so can be taken up again.
func isBroken(failed *Error) bool {
	if _, away := pauseOf(failed); away {
		return true
	}
	// A proxy or a killed server resets the stream; what the server itself says has a code. What did
	// not answer in time, as iam where a token ends, may do so the next time.
	saidByTransport := failed.Code == codeName(failed.Status)
	resets := []codes.Code{codes.Internal, codes.Unknown, codes.Canceled, codes.DeadlineExceeded}
	return saidByTransport && slices.Contains(resets, failed.Status)
}
