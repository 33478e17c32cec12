package mulligan

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	iamv1 "mulligan.internal/client/gen/iamv1"
)

const (
	// A site that is new, or has moved, is known after so long at the latest.
	readAgainAfter = time.Minute
	// A catalogue without sites is read again after so long: those that start register in a moment.
	noSitesFor = 10 * time.Second
	// So long iam is not asked again where it did not answer, and something is known.
	leftAlone = 30 * time.Second
	// iam tells of the sites by then, or what it told before holds on.
	catalogueWithin = 5 * time.Second
)

// What iam says that has no catalogue, or shows it not to a credential for other methods only.
var noCatalogue = []string{"UNIMPLEMENTED", "CREDENTIAL_LIMITED"}

// Site is one database with the services on it, as iam's catalogue tells of it.
type Site struct {
	// UUID; empty: everything is at one address, of which no catalogue tells.
	ID string
	// UUIDs of those that it serves.
	Regions []string
	// By service, those first that were alive.
	addresses map[string][]string
	// Whether iam heard of one of its processes lately, and of which services.
	alive  bool
	living map[string]bool
	// Addresses that a token may not go to.
	untrusted []string
}

func (s *Site) String() string {
	if s.ID == "" {
		return "the site"
	}
	return "site " + s.ID
}

// Everything is where iam is: of an iam that has no catalogue, or that nobody signed in at yet.
var onlySite = &Site{alive: true}

// catalogue asks iam for the sites when they are needed and old, for all goroutines once.
type catalogue struct {
	// Calls ListServices, or gives nil while nobody is signed in; it is told whether to wait for an
	// iam that is being restarted, because nothing is known yet.
	ask func(ctx context.Context, waits bool) (*iamv1.ListServicesResponse, error)
	// Where that goes.
	iam target
	// The UUID of a site, to know no other.
	only string
	now  func() time.Time
	// Of what follows; it is never held for long.
	mutex                             sync.Mutex
	known                             []*Site
	readAt, goodUntil, leftAloneUntil time.Time
	// Under way; nil: none.
	reading *reading
}

// reading is what goroutines that need the catalogue wait for together.
type reading struct {
	done  chan struct{}
	sites []*Site
	err   error
}

// sites gives the sites, one at least.
func (c *catalogue) sites(ctx context.Context) ([]*Site, error) {
	c.mutex.Lock()
	known, isNew := c.known, c.now().Before(c.goodUntil)
	begun, isMine := c.reading, false
	if !isNew && (len(known) == 0 || !c.now().Before(c.leftAloneUntil)) {
		begun, isMine = c.begin(ctx)
	}
	c.mutex.Unlock()
	if len(known) > 0 && (isNew || !isMine) {
		// What is known is good enough for those that come while one reads.
		return known, nil
	}
	select {
	case <-begun.done:
	case <-ctx.Done():
		return nil, translate(ctx.Err(), "iam", iamListServices.Path, "")
	}
	if len(begun.sites) > 0 {
		return begun.sites, nil
	}
	if begun.err != nil && len(known) == 0 {
		return nil, begun.err
	}
	if len(known) > 0 {
		return known, nil
	}
	return []*Site{onlySite}, nil
}

// refresh reads it again unless that was done after a moment; false: nothing newer is to be had.
func (c *catalogue) refresh(ctx context.Context, since time.Time) bool {
	c.mutex.Lock()
	if c.readAt.After(since) {
		c.mutex.Unlock()
		return true
	}
	if c.now().Before(c.leftAloneUntil) {
		c.mutex.Unlock()
		return false
	}
	begun, _ := c.begin(ctx)
	c.mutex.Unlock()
	select {
	case <-begun.done:
		return begun.err == nil && len(begun.sites) > 0
	case <-ctx.Done():
		return false
	}
}

// newest gives a site as it is told of by now; itself where that isn't.
func (c *catalogue) newest(site *Site) *Site {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if place := slices.IndexFunc(c.known, func(one *Site) bool { return one.ID == site.ID }); place >= 0 {
		return c.known[place]
	}
	return site
}

// isSilent tells whether iam, too, has not heard lately of a process of a service at a site.
func (c *catalogue) isSilent(site *Site, service string) bool {
	return site.ID != "" && !c.newest(site).living[service]
}

// begin begins to read, unless somebody does; the mutex is held. Who gives up waiting takes nothing
// from the others.
func (c *catalogue) begin(ctx context.Context) (*reading, bool) {
	if c.reading != nil {
		return c.reading, false
	}
	begun, waits := &reading{done: make(chan struct{})}, len(c.known) == 0
	c.reading = begun
	go func() {
		answer, err := c.ask(context.WithoutCancel(ctx), waits)
		c.mutex.Lock()
		begun.sites, begun.err = c.taken(answer, err)
		if begun.err != nil {
			c.leftAloneUntil = c.now().Add(leftAlone)
		}
		c.reading = nil
		c.mutex.Unlock()
		close(begun.done)
	}()
	return begun, true
}

// taken keeps what iam told; none: nobody is signed in.
func (c *catalogue) taken(answer *iamv1.ListServicesResponse, err error) ([]*Site, error) {
	failed := asError(err)
	switch {
	case failed != nil && c.only == "" && slices.Contains(noCatalogue, failed.Code):
		known := c.known
		if len(known) == 0 {
			known = []*Site{onlySite}
		}
		return c.keep(known, readAgainAfter), nil
	case err != nil:
		return nil, err
	case answer == nil && c.only != "" && len(c.known) == 0:
		return nil, &Error{
			Code: "UNAUTHENTICATED", Status: codes.Unauthenticated,
			Message: fmt.Sprintf("nobody is signed in, so it is not known where site %s is; log in", c.only),
		}
	case answer == nil:
		return c.known, nil
	}
	found := []*Site{}
	for _, told := range answer.Sites {
		if c.only == "" || strings.EqualFold(told.Id, c.only) {
			found = append(found, c.site(told))
		}
	}
	if len(found) > 0 {
		return c.keep(found, readAgainAfter), nil
	}
	if c.only != "" {
		return nil, noSuchSite(c.only)
	}
	return c.keep([]*Site{onlySite}, noSitesFor), nil
}

func (c *catalogue) keep(sites []*Site, goodFor time.Duration) []*Site {
	c.known, c.readAt = sites, c.now()
	c.goodUntil = c.readAt.Add(goodFor)
	return sites
}

func (c *catalogue) site(told *iamv1.Site) *Site {
	found := &Site{ID: strings.ToLower(told.Id), addresses: map[string][]string{}, living: map[string]bool{}}
	for _, region := range told.Regions {
		found.Regions = append(found.Regions, strings.ToLower(region))
	}
	for _, alive := range []bool{true, false} {
		for _, service := range told.Services {
			if service.Alive != alive {
				continue
			}
			found.alive = found.alive || alive
			for _, kind := range service.Kinds {
				found.living[kind] = found.living[kind] || alive
			}
			if !c.isTrusted(service.Address) {
				found.untrusted = append(found.untrusted, service.Address)
				continue
			}
			for _, kind := range service.Kinds {
				if !slices.Contains(found.addresses[kind], service.Address) {
					found.addresses[kind] = append(found.addresses[kind], service.Address)
				}
			}
		}
	}
	return found
}

// isTrusted tells whether a token may go there: not in the clear, and not to this machine by
// mistake. Another machine's iam leads not to this one. A token goes without TLS only to this
// machine, or where iam itself is reached so over the network: somebody has asked for that.
func (c *catalogue) isTrusted(address string) bool {
	if address == "" {
		return true
	}
	found, err := parse(address)
	if err != nil {
		return false
	}
	if mayBeHere(found.host) && !isHere(c.iam.host) {
		return false
	}
	return found.secure || isHere(found.host) || !c.iam.secure && !mayBeHere(c.iam.host)
}
