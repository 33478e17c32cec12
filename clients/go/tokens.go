package mulligan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	iamv1 "mulligan.internal/client/gen/iamv1"
)

// After so much of an access token's life it is renewed: the rest is for an iam that is away.
const renewedAfter = 2.0 / 3

// So long after a renewal that nobody answered it is tried again, while the token may be good.
const againAfter = 30 * time.Second

// What a service says of a refresh token that is never good again.
var dead = []string{"SESSION_REVOKED", "SESSION_EXPIRED", "REFRESH_TOKEN_UNKNOWN", "CREDENTIAL_OVER"}

// Tokens are an access token, and what renews it.
type Tokens struct {
	Access  string    `json:"access"`
	Refresh string    `json:"refresh"`
	RenewAt time.Time `json:"renew_at"`
	// Of a renewal whose answer is not there yet: sent again with the token until it is.
	RequestID string `json:"request_id"`
}

// Keeper keeps tokens beyond the process. Between Lock and Unlock no other process changes them.
type Keeper interface {
	Lock() error
	Unlock()
	// Read gives the tokens as another process may have renewed them; none if none are kept. Where
	// it fails nothing is renewed.
	Read() (Tokens, error)
	Write(Tokens) error
}

// Format keeps tokens from being printed.
func (t Tokens) Format(state fmt.State, _ rune) { _, _ = fmt.Fprint(state, "mulligan.Tokens") }

// SignIn has the tokens of one sign-in, for any number of goroutines and clients.
type SignIn struct {
	keeper Keeper
	// Of what follows; it is never held for long.
	mutex  sync.Mutex
	tokens Tokens
	// Of the tokens, under way; nil: none.
	changing *change
}

// change is what goroutines that need the same one wait for together.
type change struct {
	done chan struct{}
	err  error
}

// NewSignIn goes on with tokens; a keeper, where there is one, is told each change of them.
func NewSignIn(tokens Tokens, keeper Keeper) *SignIn {
	if keeper == nil {
		keeper = nobody{}
	}
	return &SignIn{tokens: tokens, keeper: keeper}
}

// Format keeps tokens from being printed.
func (s *SignIn) Format(state fmt.State, _ rune) { _, _ = fmt.Fprint(state, "mulligan.SignIn") }

type refresh func(ctx context.Context, token, requestID string) (*iamv1.SignedIn, error)

// Tokens gives the tokens as they are.
func (s *SignIn) Tokens() Tokens {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.tokens
}

// Take goes on with the tokens that Login or Bootstrap gave.
func (s *SignIn) Take(answer *iamv1.SignedIn) error {
	for {
		// A renewal of those before must not come after them.
		always := func(Tokens) bool { return true }
		taking, begun := s.change(always, func(Tokens) error { return s.keep(tokensOf(answer)) })
		<-taking.done
		if begun {
			return taking.err
		}
	}
}

// fresh gives the access token, renewed if it ends soon and iam answers.
func (s *SignIn) fresh(ctx context.Context, ask refresh) (string, error) {
	isDue := func(tokens Tokens) bool { return tokens.Refresh != "" && !time.Now().Before(tokens.RenewAt) }
	err := s.renewIf(ctx, isDue, ask)
	var failed *Error
	if err != nil && (ctx.Err() != nil || errors.As(err, &failed) && failed.Status == codes.Unauthenticated) {
		return "", err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if err != nil {
		// Services go on while iam is away, until the token ends.
		s.tokens.RenewAt = time.Now().Add(againAfter)
	}
	return s.tokens.Access, nil
}

// renew puts another access token into the place of one that has ended; false: there is none.
func (s *SignIn) renew(ctx context.Context, ended string, ask refresh) (bool, error) {
	err := s.renewIf(ctx, func(tokens Tokens) bool { return tokens.Access == ended }, ask)
	return err == nil && s.Tokens().Access != ended, err
}

// renewIf renews tokens that need it. Who asks while somebody renews gets what comes of that, be it
// an error; one whose context is done waits no longer, and takes nothing from the others.
func (s *SignIn) renewIf(ctx context.Context, needed func(Tokens) bool, ask refresh) error {
	renewing, _ := s.change(needed, func(tokens Tokens) error {
		return s.exchange(context.WithoutCancel(ctx), tokens.Access, ask)
	})
	select {
	case <-renewing.done:
		return renewing.err
	case <-ctx.Done():
		failed := translate(ctx.Err(), "iam", iamRefreshToken.Path, "")
		failed.ofRenewal = true
		return failed
	}
}

// change begins a change of the tokens, if they need it and none is under way, and gives the one
// that is; false: somebody else began it.
func (s *SignIn) change(needed func(Tokens) bool, work func(Tokens) error) (*change, bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !needed(s.tokens) {
		return unneeded, false
	}
	if s.changing != nil {
		return s.changing, false
	}
	begun, tokens := &change{done: make(chan struct{})}, s.tokens
	s.changing = begun
	go func() {
		begun.err = s.alone(func() error { return work(tokens) })
		s.mutex.Lock()
		s.changing = nil
		s.mutex.Unlock()
		close(begun.done)
	}()
	return begun, true
}

// alone works while no other process changes the tokens.
func (s *SignIn) alone(work func() error) error {
	if err := s.keeper.Lock(); err != nil {
		return err
	}
	defer s.keeper.Unlock()
	return work()
}

// exchange renews the token, unless another process has.
func (s *SignIn) exchange(ctx context.Context, ended string, ask refresh) error {
	asked := s.Tokens()
	kept, err := s.keeper.Read()
	if err != nil {
		// Another process may have used the refresh token: whoever used it again would count as a
		// thief.
		return err
	}
	if kept.Access != "" {
		asked = s.set(kept)
	}
	if asked.Access != ended || asked.Refresh == "" {
		return nil
	}
	// Kept before it is asked: if the answer is lost, with this process even, the same request
	// gets it again. Another request would count as a thief's.
	if asked.RequestID == "" {
		asked.RequestID = newUUID()
	}
	if err := s.keep(asked); err != nil {
		return err
	}
	answer, err := ask(ctx, asked.Refresh, asked.RequestID)
	var failed *Error
	if errors.As(err, &failed) && slices.Contains(dead, failed.Code) {
		return errors.Join(err, s.keep(Tokens{Access: asked.Access}))
	}
	if err != nil {
		return err
	}
	return s.keep(tokensOf(answer))
}

func (s *SignIn) keep(tokens Tokens) error {
	return s.keeper.Write(s.set(tokens))
}

func (s *SignIn) set(tokens Tokens) Tokens {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.tokens = tokens
	return tokens
}

func tokensOf(answer *iamv1.SignedIn) Tokens {
	tokens := Tokens{Access: answer.AccessToken, Refresh: answer.RefreshToken}
	life := time.Duration(float64(answer.Lifetime.AsDuration()) * renewedAfter)
	tokens.RenewAt = time.Now().Add(life)
	return tokens
}

var unneeded = func() *change {
	done := &change{done: make(chan struct{})}
	close(done.done)
	return done
}()

// nobody keeps nothing.
type nobody struct{}

func (nobody) Lock() error           { return nil }
func (nobody) Unlock()               {}
func (nobody) Read() (Tokens, error) { return Tokens{}, nil }
func (nobody) Write(Tokens) error    { return nil }
