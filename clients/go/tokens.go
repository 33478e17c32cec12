package mulligan

import (
	"context"
	"errors"
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
	// Read gives the tokens as another process may have renewed them.
	Read() (Tokens, error)
	Write(Tokens) error
}

// SignIn has the tokens of one sign-in, for any number of goroutines and clients.
type SignIn struct {
	mutex  sync.Mutex
	tokens Tokens
	keeper Keeper
}

// NewSignIn goes on with tokens; a keeper, where there is one, is told each change of them.
func NewSignIn(tokens Tokens, keeper Keeper) *SignIn {
	if keeper == nil {
		keeper = nobody{}
	}
	return &SignIn{tokens: tokens, keeper: keeper}
}

type refresh func(ctx context.Context, token, requestID string) (*iamv1.SignedIn, error)

// Tokens gives the tokens as they are.
func (s *SignIn) Tokens() Tokens {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.tokens
}

// Take goes on with the tokens that Login or Bootstrap gave.
func (s *SignIn) Take(answer *iamv1.SignedIn) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.keep(tokensOf(answer))
}

// fresh gives the access token, renewed if it ends soon and iam answers.
func (s *SignIn) fresh(ctx context.Context, ask refresh) (string, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.tokens.Refresh == "" || time.Now().Before(s.tokens.RenewAt) {
		return s.tokens.Access, nil
	}
	err := s.exchange(ctx, s.tokens.Access, ask)
	var failed *Error
	if errors.As(err, &failed) && failed.Status == codes.Unauthenticated {
		return "", err
	}
	if err != nil {
		// Services go on while iam is away, until the token ends.
		s.tokens.RenewAt = time.Now().Add(againAfter)
	}
	return s.tokens.Access, nil
}

// renew puts another access token into the place of one that has ended; false: there is none.
func (s *SignIn) renew(ctx context.Context, ended string, ask refresh) (bool, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.tokens.Access == ended {
		if err := s.exchange(ctx, ended, ask); err != nil {
			return false, err
		}
	}
	return s.tokens.Access != ended, nil
}

// exchange renews the token, unless another process has.
func (s *SignIn) exchange(ctx context.Context, ended string, ask refresh) error {
	if err := s.keeper.Lock(); err != nil {
		return err
	}
	defer s.keeper.Unlock()
	if kept, err := s.keeper.Read(); err == nil && kept.Access != "" {
		s.tokens = kept
	}
	if s.tokens.Access != ended || s.tokens.Refresh == "" {
		return nil
	}
	// Kept before it is asked: if the answer is lost, with this process even, the same request
	// gets it again. Another request would count as a thief's.
	asked := s.tokens
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
	s.tokens = tokens
	return s.keeper.Write(tokens)
}

func tokensOf(answer *iamv1.SignedIn) Tokens {
	tokens := Tokens{Access: answer.AccessToken, Refresh: answer.RefreshToken}
	life := time.Duration(float64(answer.Lifetime.AsDuration()) * renewedAfter)
	tokens.RenewAt = time.Now().Add(life)
	return tokens
}

// nobody keeps nothing.
type nobody struct{}

func (nobody) Lock() error           { return nil }
func (nobody) Unlock()               {}
func (nobody) Read() (Tokens, error) { return Tokens{}, nil }
func (nobody) Write(Tokens) error    { return nil }
