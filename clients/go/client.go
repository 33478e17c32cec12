// Package mulligan is the smart client of Mulligan: a method for each RPC, which takes names where
// it takes ids, with deadlines, retries, tokens that renew themselves, and watches without gaps.
package mulligan

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
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
	// Addresses of services that listen elsewhere, by noun: iam, meta, resource, control.
	Addresses map[string]string
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
	conns   map[string]*grpc.ClientConn
	closed  atomic.Bool
	// They wait between attempts (false: the context was done before) and tell the time.
	pause func(context.Context, time.Duration) bool
	now   func() time.Time
}

// New gets ready; nothing is sent before the first call.
//
// The address is host:port, with https:// or grpcs:// for TLS, http:// or grpc:// for none; without
// a scheme: TLS, except to the machine itself.
func New(address string, options Options) (*Client, error) {
	if options.Timeout == 0 {
		options.Timeout = 30 * time.Second
	}
	if options.Attempts == 0 {
		options.Attempts = 4
	}
	client := &Client{
		options: options, signIn: options.SignIn, conns: map[string]*grpc.ClientConn{},
		pause: pause, now: time.Now,
	}
	if client.signIn == nil {
		client.signIn = NewSignIn(Tokens{Access: options.Token}, nil)
	}
	var failed error
	client.Services = newServices(func(service string) *caller {
		at := address
		if elsewhere := options.Addresses[service]; elsewhere != "" {
			at = elsewhere
		}
		conn, err := client.dial(at)
		failed = errors.Join(failed, err)
		return &caller{client: client, address: at, conn: conn}
	})
	if failed != nil {
		client.Close()
		return nil, failed
	}
	return client, nil
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
	c.closed.Store(true)
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}

func (c *Client) refresh(ctx context.Context, token, requestID string) (*iamv1.SignedIn, error) {
	return c.Iam.RefreshToken(ctx, &iamv1.RefreshTokenRequest{RefreshToken: token, RequestId: requestID})
}

func (c *Client) dial(address string) (*grpc.ClientConn, error) {
	if conn := c.conns[address]; conn != nil {
		return conn, nil
	}
	target, secure, err := parse(address)
	if err != nil {
		return nil, err
	}
	security := insecure.NewCredentials()
	if secure {
		config := &tls.Config{MinVersion: tls.VersionTLS12}
		if c.options.CA != nil {
			config.RootCAs = x509.NewCertPool()
			if !config.RootCAs.AppendCertsFromPEM(c.options.CA) {
				return nil, errors.New("the CA has no certificate in it")
			}
		}
		security = credentials.NewTLS(config)
	}
	conn, err := grpc.NewClient("dns:///"+target,
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

// parse reads an address, and whether it speaks TLS there.
func parse(address string) (target string, secure bool, err error) {
	full := address
	if !strings.Contains(address, "://") {
		full = "//" + address
	}
	parts, err := url.Parse(full)
	if err != nil {
		return "", false, err
	}
	if parts.User != nil || strings.Trim(parts.Path, "/") != "" || parts.RawQuery != "" || parts.Fragment != "" {
		return "", false, fmt.Errorf("%q has more than a host and a port in it; give host:port", parts.Redacted())
	}
	host, port := parts.Hostname(), parts.Port()
	ip := net.ParseIP(host)
	secure = host != "localhost" && (ip == nil || !ip.IsLoopback())
	switch parts.Scheme {
	case "":
	case "https", "grpcs":
		secure = true
	case "http", "grpc":
		secure = false
	default:
		return "", false, fmt.Errorf("scheme %q of %q is none of https, grpcs, http, grpc", parts.Scheme, address)
	}
	if port == "" && parts.Scheme != "" {
		port = map[bool]string{true: "443", false: "80"}[secure]
	}
	if host == "" || port == "" {
		return "", false, fmt.Errorf("%q has no host or no port; give host:port", address)
	}
	return net.JoinHostPort(host, port), secure, nil
}
