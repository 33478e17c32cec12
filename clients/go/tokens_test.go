package mulligan

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	iamv1 "mulligan.internal/client/gen/iamv1"
)

var due = Tokens{Access: "access-0", Refresh: "refresh-0"}

func signedIn(number int) *iamv1.SignedIn {
	return &iamv1.SignedIn{
		AccessToken: fmt.Sprint("access-", number), RefreshToken: fmt.Sprint("refresh-", number),
		Lifetime: durationpb.New(15 * time.Minute),
	}
}

// shared keeps what processes share, and notes what it is asked.
type shared struct {
	noted []string
	kept  Tokens
}

func (s *shared) Lock() error           { s.noted = append(s.noted, "lock"); return nil }
func (s *shared) Unlock()               { s.noted = append(s.noted, "unlock") }
func (s *shared) Read() (Tokens, error) { return s.kept, nil }
func (s *shared) Write(tokens Tokens) error {
	s.noted = append(s.noted, fmt.Sprint(tokens.Access, " ", tokens.Refresh, " ", tokens.RequestID != ""))
	s.kept = tokens
	return nil
}

var iamIsAway = &Error{Code: "UNAVAILABLE", Status: codes.Unavailable, Message: "iam is away"}

func TestCallersWhoNeedARenewalAtOnceShareOneAndWhatItFailsWith(t *testing.T) {
	signIn, asking, let := NewSignIn(due, nil), make(chan string, 9), make(chan struct{})
	ask := func(_ context.Context, token, _ string) (*iamv1.SignedIn, error) {
		asking <- token
		<-let
		return nil, iamIsAway
	}
	first, _ := signIn.change(func(Tokens) bool { return true }, func(Tokens) error {
		return signIn.exchange(t.Context(), "access-0", ask)
	})
	<-asking
	// Who has no time left waits no longer.
	over, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := signIn.renew(over, "access-0", ask)
	expect(t, "given up", errors.Is(err, context.Canceled), true)
	_, err = signIn.fresh(over, ask)
	expect(t, "given up", errors.Is(err, context.Canceled), true)
	// The others are told what comes of it.
	second, begun := signIn.change(func(Tokens) bool { return true }, nil)
	expect(t, "one", []any{second == first, begun}, []any{true, false})
	close(let)
	<-first.done
	expect(t, "failure", first.err, iamIsAway)
	expect(t, "other renewals", len(asking), 0)
}

func TestARequestIDIsKeptBeforeItIsUsedAndUsedUntilItIsAnswered(t *testing.T) {
	keeper, ids := &shared{}, []string{}
	signIn := NewSignIn(due, keeper)
	access, err := signIn.fresh(t.Context(), func(_ context.Context, _, requestID string) (*iamv1.SignedIn, error) {
		ids = append(ids, requestID)
		return nil, iamIsAway
	})
	expect(t, "goes on", []any{access, err}, []any{"access-0", nil})
	another, err := signIn.renew(t.Context(), "access-0", func(_ context.Context, _, requestID string) (*iamv1.SignedIn, error) {
		ids = append(ids, requestID)
		return signedIn(1), nil
	})
	expect(t, "renewed with one id", []any{another, err, ids[0] == ids[1]}, []any{true, nil, true})
	asking := "lock, access-0 refresh-0 true, "
	expect(t, "noted", strings.Join(keeper.noted, ", "), asking+"unlock, "+asking+"access-1 refresh-1 false, unlock")
}

func TestWhatAnotherProcessHasRenewedIsTakenAndWhatIsOverIsKeptNoMore(t *testing.T) {
	keeper := &shared{kept: Tokens{Access: "access-7", Refresh: "refresh-7"}}
	signIn := NewSignIn(due, keeper)
	another, err := signIn.renew(t.Context(), "access-0", nil)
	expect(t, "taken", []any{another, err, signIn.Tokens().Access}, []any{true, nil, "access-7"})
	over := &Error{Code: "SESSION_REVOKED", Status: codes.Unauthenticated}
	_, err = signIn.renew(t.Context(), "access-7", func(context.Context, string, string) (*iamv1.SignedIn, error) {
		return nil, over
	})
	expect(t, "over", HasCode(err, "SESSION_REVOKED"), true)
	expect(t, "kept", keeper.kept.Refresh, "")
}

// unreadable is a keeper whose tokens can't be read.
type unreadable struct{ shared }

var errUnreadable = errors.New("the disk is broken")

func (*unreadable) Read() (Tokens, error) { return Tokens{}, errUnreadable }

func TestTokensThatAnotherProcessMayHaveRenewedAreNotUsedUnread(t *testing.T) {
	signIn := NewSignIn(due, &unreadable{})
	another, err := signIn.renew(t.Context(), "access-0", func(context.Context, string, string) (*iamv1.SignedIn, error) {
		t.Error("the refresh token was used")
		return signedIn(1), nil
	})
	expect(t, "not renewed", []any{another, errors.Is(err, errUnreadable)}, []any{false, true})
}

func TestWhoSignsInComesAfterARenewalThatIsUnderWayAndLocks(t *testing.T) {
	keeper, asking := &shared{}, make(chan struct{})
	signIn := NewSignIn(due, keeper)
	let := make(chan struct{})
	var renewing sync.WaitGroup
	renewing.Go(func() {
		_, _ = signIn.renew(t.Context(), "access-0", func(context.Context, string, string) (*iamv1.SignedIn, error) {
			close(asking)
			<-let
			return signedIn(1), nil
		})
	})
	<-asking
	taken := make(chan error)
	go func() { taken <- signIn.Take(signedIn(2)) }()
	close(let)
	if err := <-taken; err != nil {
		t.Error(err)
	}
	renewing.Wait()
	expect(t, "tokens", signIn.Tokens().Access, "access-2")
	expect(t, "noted", keeper.noted[len(keeper.noted)-3:], []string{"lock", "access-2 refresh-2 false", "unlock"})
}

func TestTokensAreNotPrinted(t *testing.T) {
	signIn := NewSignIn(Tokens{Access: "secret"}, nil)
	client, err := New("127.0.0.1:1", Options{SignIn: signIn})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, printed := range []any{signIn, client, signIn.Tokens(), Options{Token: "secret"}, []any{client, signIn}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if said := fmt.Sprintf(verb, printed); strings.Contains(said, "secret") {
				t.Error(said)
			}
		}
	}
}
