// Package mulligan is the smart client of Mulligan: a method for each RPC, which takes names where
// it takes ids, with deadlines, retries, tokens that renew themselves, and watches without gaps.
package mulligan

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	iamv1 "mulligan.internal/client/gen/iamv1"
)

// Options are how a client goes about its calls; the zero value does.
type Options struct {
	// An access token, which ends in minutes; SignIn goes before it.
	Token string
	// The tokens of another client or of a keeper.
	SignIn *SignIn
	// Addresses of services, where iam's catalogue is not to say it; by noun: iam, meta, resource,
	// control.
	Addresses map[string]string
	// The UUID of a site, to call no other.
	Site string
	// Told of each site that a list or watch lacks because it does not answer; without it that fails.
	// It is called where the list or watch is read.
	Away func(site Site, why error)
	// PEM texts of the authorities to trust instead of the system's.
	CA []byte
	// Deadline of a call; 0: 30 s. Watches have none.
	Timeout time.Duration
	// How often a call is made while nobody answers; 0: 4.
	Attempts int
}

// Client is one signed-in caller of one installation.
type Client struct {
	Services
	options Options
	signIn  *SignIn
	// Of all that the catalogue does not have, and of iam.
	address, iamAddress string
	authorities         *x509.CertPool
	// Of the connections, by address.
	mutex  sync.Mutex
	conns  map[string]*grpc.ClientConn
	closed atomic.Bool
	// They wait between attempts (false: the context was done before) and tell the time.
	pause func(context.Context, time.Duration) bool
	now   func() time.Time
}

// New gets ready; nothing is sent before the first call.
//
// The address is iam's, and that of all that its catalogue does not have: host:port, with https:// or
// grpcs:// for TLS, http:// or grpc:// for none; without a scheme: TLS, except to the machine itself.
func New(address string, options Options) (*Client, error) {
	if options.Timeout == 0 {
		options.Timeout = 30 * time.Second
	}
	if options.Attempts == 0 {
		options.Attempts = 4
	}
	client := &Client{
		options: options, signIn: options.SignIn, conns: map[string]*grpc.ClientConn{},
		address: address, iamAddress: cmp.Or(options.Addresses["iam"], address),
		pause: pause, now: time.Now,
	}
	if client.signIn == nil {
		client.signIn = NewSignIn(Tokens{Access: options.Token}, nil)
	}
	if options.CA != nil {
		client.authorities = x509.NewCertPool()
		if !client.authorities.AppendCertsFromPEM(options.CA) {
			return nil, errors.New("the CA has no certificate in it")
		}
	}
	_, failed := parse(address)
	iam, err := parse(client.iamAddress)
	failed = errors.Join(failed, err)
	router := client.router(iam)
	client.Services = newServices(func(service string) calls {
		at := options.Addresses[service]
		if service == "iam" {
			at = client.iamAddress
		}
		if at == "" {
			return router(service)
		}
		made, err := client.caller(client.manner(at))
		failed = errors.Join(failed, err)
		return made
	})
	if failed != nil {
		client.Close()
		return nil, failed
	}
	return client, nil
}

// router gives what makes the callers of services at the sites of iam's catalogue.
func (c *Client) router(iam target) func(service string) calls {
	now := func() time.Time { return c.now() }
	sites := &catalogue{ask: c.askCatalogue, iam: iam, only: strings.ToLower(c.options.Site), now: now}
	objects, reach := newWhereabouts(), newReach(now)
	regions := &regionTree{read: func(ctx context.Context) iter.Seq2[*iamv1.Region, error] {
		return c.Iam.AllRegions(ctx, &iamv1.ListRegionsRequest{})
	}}
	return func(service string) calls {
		return &routed{
			client: c, service: service, catalogue: sites, whereabouts: objects, sent: newWhereabouts(),
			reach: reach, regions: regions, callers: map[manner]*caller{},
		}
	}
}

// askCatalogue reads the catalogue; nil: nobody is signed in.
func (c *Client) askCatalogue(ctx context.Context, waits bool) (*iamv1.ListServicesResponse, error) {
	if tokens := c.signIn.Tokens(); tokens.Access == "" && tokens.Refresh == "" {
		return nil, nil
	}
	request := &iamv1.ListServicesRequest{}
	if waits {
		return c.Iam.ListServices(ctx, request)
	}
	once := c.manner(c.iamAddress)
	once.attempts, once.timeout = 1, min(once.timeout, catalogueWithin)
	made, err := c.caller(once)
	if err != nil {
		return nil, err
	}
	return (&IamService{made}).ListServices(ctx, request)
}

// LogIn begins a session and goes on as this account (name or UUID).
func (c *Client) LogIn(ctx context.Context, account, password string) (*iamv1.SignedIn, error) {
	answer, err := c.Iam.Login(ctx, &iamv1.LoginRequest{Account: account, Password: password})
	if err != nil {
		return nil, err
	}
	return answer, c.signIn.Take(answer)
}

// Format keeps tokens from being printed.
func (c *Client) Format(state fmt.State, _ rune) { _, _ = fmt.Fprint(state, "mulligan.Client") }

// Format keeps the token from being printed.
func (o Options) Format(state fmt.State, _ rune) { _, _ = fmt.Fprint(state, "mulligan.Options") }

// Close ends the connections and the calls under way.
func (c *Client) Close() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.closed.Store(true)
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}

func (c *Client) refresh(ctx context.Context, token, requestID string) (*iamv1.SignedIn, error) {
	answer, err := c.Iam.RefreshToken(ctx, &iamv1.RefreshTokenRequest{RefreshToken: token, RequestId: requestID})
	if failed := asError(err); failed != nil {
		failed.ofRenewal = true
	}
	return answer, err
}

// manner is how an address is called as a rule.
func (c *Client) manner(address string) manner {
	return manner{address: address, attempts: c.options.Attempts, timeout: c.options.Timeout}
}

// caller gives what calls an address.
func (c *Client) caller(how manner) (*caller, error) {
	conn, err := c.dial(how.address)
	if err != nil {
		return nil, err
	}
	return &caller{client: c, manner: how, conn: conn}, nil
}

func (c *Client) dial(address string) (*grpc.ClientConn, error) {
	found, err := parse(address)
	if err != nil {
		return nil, err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if conn := c.conns[address]; conn != nil {
		return conn, nil
	}
	if c.closed.Load() {
		return nil, &Error{Code: "CANCELLED", Status: codes.Canceled, Message: "the client was closed"}
	}
	security := insecure.NewCredentials()
	if found.secure {
		security = credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.authorities})
	}
	// gRPC decodes it once.
	conn, err := grpc.NewClient("dns:///"+strings.ReplaceAll(found.String(), "%", "%25"),
		grpc.WithTransportCredentials(security),
		// A watch that is silent for long notices a peer that has gone; servers count more than one
		// ping in five minutes as abuse.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 310 * time.Second}),
		// gRPC's own would leave a server alone for up to two minutes.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: firstDelay, Multiplier: 2, Jitter: 0.2, MaxDelay: longestDelay},
			MinConnectTimeout: longestDelay,
		}),
	)
	if err != nil {
		return nil, err
	}
	c.conns[address] = conn
	return conn, nil
}
