package mulligan

import (
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	metav1 "mulligan.internal/client/gen/metav1"
	resourcev1 "mulligan.internal/client/gen/resourcev1"
)

// What no site has may be at a new one, if the catalogue is older.
const newsAfter = 5 * time.Second

// routed calls a service at the site, or the sites, that a request is for. What leads to a site
// stands in methods.gen.go. A region leads to its site. Of an object it is remembered which site had
// it; else all are asked for its name, or in turn for itself, and what none has is not there. A list
// that nothing leads goes on from site to site. A claim for a region "or below" is tried at each
// site that has some of them, until one has capacity.
//
// A change is done once: where its answer was lost it goes nowhere but to that site again, with the
// same request id.
type routed struct {
	client    *Client
	service   string
	catalogue *catalogue
	// Of objects; of all services.
	whereabouts *whereabouts
	// Of request ids: apart, so that long lists don't push them out.
	sent    *whereabouts
	reach   *reach
	regions *regionTree
	mutex   sync.Mutex
	callers map[manner]*caller
}

// manner is where and how a caller calls.
type manner struct {
	address  string
	attempts int
	timeout  time.Duration
	// Where nobody answers, another address is tried instead of this one again.
	hasOther bool
}

// pace is how long a site is called that does not answer.
type pace int

const (
	// As often as is usual, and at addresses that it has by then.
	patient pace = iota
	// As often as is usual, but not waiting for an address.
	brisk
	// Once, and not for long.
	hurried
)

// routing is one call, wherever its request goes.
type routing struct {
	method  *Method
	answers protoreflect.MessageType
	// Of each attempt; 0: as is usual.
	timeout time.Duration
	// Whether the caller gave its request id, and so may make it again in another process.
	hasOwnID bool
	// It is the client's own: nobody needs to know what it lacks.
	isQuiet bool
	// Notes the sites that are away, which the caller tells then or not; nil: they are told.
	lacking *[]siteFailure
}

func (r *routed) ready(ctx context.Context, method *Method, request proto.Message) (proto.Message, error) {
	return withIDs(ctx, r.client.Meta, method, request)
}

func (r *routed) unary(ctx context.Context, method *Method, request proto.Message, answers protoreflect.MessageType) (proto.Message, error) {
	return r.call(ctx, &routing{method: method, answers: answers}, request)
}

// call makes a call, once more if the catalogue was too old for it.
func (r *routed) call(ctx context.Context, call *routing, request proto.Message) (proto.Message, error) {
	asked, _ := withRequestID(request)
	call.hasOwnID = asked == request
	began := r.client.now()
	sites, err := r.catalogue.sites(ctx)
	if err != nil {
		return nil, err
	}
	found, err := r.route(ctx, call, sites, asked)
	// Nothing was done: the catalogue may have been too old.
	if err == nil || ctx.Err() != nil || !r.hasNews(ctx, err, began, sites) {
		return found, err
	}
	if sites, err = r.catalogue.sites(ctx); err != nil {
		return nil, err
	}
	return r.route(ctx, call, sites, asked)
}

// hasNews reads the catalogue again where it may be the reason for a refusal.
func (r *routed) hasNews(ctx context.Context, err error, began time.Time, sites []*Site) bool {
	if HasCode(err, regionElsewhere) {
		return r.catalogue.refresh(ctx, began)
	}
	failed := asError(err)
	if failed == nil || failed.Status != codes.NotFound || !r.catalogue.refresh(ctx, began.Add(-newsAfter)) {
		return false
	}
	fresh, err := r.catalogue.sites(ctx)
	return err == nil && idsOf(fresh) != idsOf(sites)
}

func (r *routed) route(ctx context.Context, call *routing, sites []*Site, request proto.Message) (proto.Message, error) {
	if len(sites) == 1 && !isOfSites(request) && !isSent(request, r.sent) {
		return r.ask(ctx, call, sites[0], request, patient)
	}
	request, err := r.ready(ctx, call.method, request)
	if err != nil {
		return nil, err
	}
	lead := leadOf(call.method, request)
	switch {
	case call.method.isBatch() && len(lead.ids) > 0:
		return r.batch(ctx, call, sites, lead, request)
	case len(lead.ids) == 0 && !hasPages(request) && !isOfMany(call.method, request):
		return nil, whichSite(call.method, sites)
	}
	found, err := r.candidates(ctx, call.method, request, lead)
	if err != nil {
		return nil, err
	}
	openings, isOpenings := request.(*resourcev1.FindOpeningsRequest)
	switch {
	case hasPages(request):
		return r.page(ctx, call, found, request)
	case isOfMany(call.method, request):
		return r.merged(ctx, call, found, request)
	case isOpenings && isOrBelow(request):
		return r.openings(ctx, call, found, openings)
	case call.method.Retry == RetryRead:
		return firstOf(ctx, found, func(site *Site) (proto.Message, error) {
			return r.ask(ctx, call, site, request, patient)
		}, isNotHere, isAway)
	}
	return r.changed(ctx, call, found, request, lead)
}

// candidates gives the sites that a request may be for, the likeliest first.
func (r *routed) candidates(ctx context.Context, method *Method, request proto.Message, lead leading) ([]*Site, error) {
	if lead.isRegion {
		return r.serving(ctx, method, request, lead.ids)
	}
	sites, err := r.catalogue.sites(ctx)
	if err != nil {
		return nil, err
	}
	if !isOfMany(method, request) {
		r.locate(ctx, sites, lead.ids)
	}
	known, all := []*Site{}, len(lead.ids) > 0
	for _, site := range sites {
		if slices.ContainsFunc(lead.ids, func(id string) bool { return r.whereabouts.of(id) == site.ID }) {
			known = append(known, site)
		}
	}
	for _, id := range lead.ids {
		all = all && slices.ContainsFunc(known, func(site *Site) bool { return r.whereabouts.of(id) == site.ID })
	}
	if all {
		return known, nil
	}
	if hasPages(request) {
		return sites, nil // Its tokens are good for one order only.
	}
	return firstWith(sites, func(site *Site) bool { return slices.Contains(known, site) }), nil
}

// locate has all sites asked for objects of which it is not known where they are. Where that fails
// less is known.
func (r *routed) locate(ctx context.Context, sites []*Site, ids []string) {
	lost := slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		at := r.whereabouts.of(id)
		return at == everywhere || slices.ContainsFunc(sites, func(site *Site) bool { return site.ID == at })
	})
	meta, isRouted := r.client.Meta.caller.(*routed)
	call := &routing{method: &metaDescribeObjects, answers: (&metav1.DescribeObjectsResponse{}).ProtoReflect().Type(), isQuiet: true}
	for some := range slices.Chunk(lost, namesPerCall) {
		if !isRouted {
			return
		}
		if _, err := meta.merged(ctx, call, sites, &metav1.DescribeObjectsRequest{Ids: some}); err != nil {
			return
		}
	}
}

// serving gives the sites that serve regions, or some below them if the request takes those.
func (r *routed) serving(ctx context.Context, method *Method, request proto.Message, regions []string) ([]*Site, error) {
	began := r.client.now()
	found, err := r.with(ctx, regions)
	if err == nil && len(found) == 0 && r.catalogue.refresh(ctx, began) {
		found, err = r.with(ctx, regions)
	}
	if err == nil && isOrBelow(request) {
		for _, top := range regions {
			all, failed := r.regions.below(ctx, top)
			if failed != nil {
				return nil, failed
			}
			further, failed := r.with(ctx, all)
			if failed != nil {
				return nil, failed
			}
			for _, site := range further {
				if !slices.ContainsFunc(found, func(one *Site) bool { return one.ID == site.ID }) {
					found = append(found, site)
				}
			}
		}
	}
	if err != nil || len(found) > 0 {
		return found, err
	}
	if method.Retry != RetryRead && method.Retry != RetryStream {
		return nil, noSite(regions)
	}
	return r.catalogue.sites(ctx)
}

// with gives the sites that serve some of these regions.
func (r *routed) with(ctx context.Context, regions []string) ([]*Site, error) {
	sites, err := r.catalogue.sites(ctx)
	return slices.DeleteFunc(slices.Clone(sites), func(site *Site) bool {
		return !slices.ContainsFunc(regions, func(one string) bool { return slices.Contains(site.Regions, one) })
	}), err
}

// changed changes what is at one site, or at all of them.
func (r *routed) changed(ctx context.Context, call *routing, sites []*Site, request proto.Message, lead leading) (proto.Message, error) {
	ask := func(site *Site) (proto.Message, error) { return r.ask(ctx, call, site, request, patient) }
	if isOrBelow(request) {
		if !call.hasOwnID {
			// Nobody can have made it before, so it need not wait for a site that is away.
			sites = firstWith(sites, func(site *Site) bool { return !r.reach.isAway(site) })
		}
		known, err := r.catalogue.sites(ctx)
		if err != nil {
			return nil, err
		}
		claim := below{sent: r.sent, known: known, hasOwnID: call.hasOwnID}
		claim.ask = func(site *Site, one proto.Message) (proto.Message, error) {
			return r.ask(ctx, call, site, one, brisk)
		}
		return claim.claim(ctx, sites, request)
	}
	if lead.isRegion {
		return ask(sites[0])
	}
	known := []string{}
	for _, id := range lead.ids {
		if at := r.whereabouts.of(id); at != "" && !slices.Contains(known, at) {
			known = append(known, at)
		}
	}
	switch {
	case len(known) > 1:
		return nil, severalSites(call.method, lead.ids)
	case len(known) == 1 && known[0] == everywhere:
		// The same at each: the id keeps a retry from changing anything twice.
		var found proto.Message
		for _, site := range sites {
			one, err := ask(site)
			if err != nil {
				return nil, err
			}
			found = one
		}
		return found, nil
	}
	// Only the site that has the object can have changed it.
	return firstOf(ctx, sites, ask, isNotHere, func(err error) bool { return isAway(err) && asError(err).Status == codes.Unavailable })
}

// ask calls a site, and remembers where what it tells of is.
func (r *routed) ask(ctx context.Context, call *routing, site *Site, request proto.Message, how pace) (proto.Message, error) {
	var found proto.Message
	again := func() bool { return call.method.Retry != RetryNever }
	err := r.there(ctx, site, how, call.timeout, again, func(at *caller) (err error) {
		found, err = at.unary(ctx, call.method, request, call.answers)
		return err
	})
	if err != nil {
		failed := asError(err)
		if ctx.Err() == nil && isAway(err) && failed.Code == "UNAVAILABLE" && r.catalogue.isSilent(site, r.service) {
			return nil, noneAlive(site, r.service, failed)
		}
		return nil, err
	}
	r.whereabouts.note(r.service, found, site)
	return found, nil
}

// there calls a site, at another of its addresses where one does not answer and it may be called
// again. One that is away is called once and not for long, if that is hurried.
func (r *routed) there(ctx context.Context, site *Site, how pace, timeout time.Duration, again func() bool, call func(*caller) error) error {
	if how == hurried && !r.reach.isAway(site) {
		how = brisk
	}
	var err error
	for address, missing := range r.addresses(ctx, site, how, timeout) {
		if missing != nil {
			return missing
		}
		at, failed := r.at(address)
		if failed == nil {
			failed = call(at)
		}
		if err = failed; err == nil {
			r.reach.answered(site, address.address)
			return nil
		}
		if ctx.Err() != nil || !isAway(err) || asError(err).Status != codes.Unavailable || !again() {
			break
		}
		r.reach.failed(address.address)
	}
	if ctx.Err() == nil && isAway(err) {
		r.reach.lost(site)
	}
	return err
}

// addresses gives those that iam told of, then those that it knows since; an error: it has none,
// after some waits for one to come back.
func (r *routed) addresses(ctx context.Context, site *Site, how pace, timeout time.Duration) iter.Seq2[manner, error] {
	return func(yield func(manner, error) bool) {
		tried, delay := []string{}, firstDelay
		untried := func() bool {
			left := slices.DeleteFunc(r.reach.ordered(r.client.addressesOf(site, r.service)), func(one string) bool {
				return slices.Contains(tried, one)
			})
			for place, one := range left {
				tried = append(tried, one)
				if !yield(r.manner(one, how, timeout, place < len(left)-1), nil) {
					return false
				}
			}
			return true
		}
		for attempt := 0; attempt == 0 || how == patient && attempt < r.client.options.Attempts; attempt++ {
			if attempt > 0 && !r.client.pause(ctx, jittered(delay)) {
				yield(manner{}, translate(ctx.Err(), site.String(), r.service, ""))
				return
			}
			if attempt > 0 {
				delay = min(2*delay, longestDelay)
			}
			began := r.client.now()
			if !untried() {
				return
			}
			if site.ID != "" && how != hurried && r.catalogue.refresh(ctx, began) {
				if site = r.catalogue.newest(site); !untried() {
					return
				}
			}
			if len(tried) > 0 {
				return
			}
		}
		yield(manner{}, noService(site, r.service))
	}
}

// manner tells how an address is called, of which there may be others.
func (r *routed) manner(address string, how pace, timeout time.Duration, hasOther bool) manner {
	found := r.client.manner(address)
	found.hasOther = hasOther
	if timeout > 0 {
		found.timeout = min(found.timeout, timeout)
	}
	if how == hurried {
		found.attempts, found.timeout = 1, min(found.timeout, hurriedWithin)
	}
	return found
}

// at gives the caller of an address, which knows the version there.
func (r *routed) at(how manner) (*caller, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if found := r.callers[how]; found != nil {
		return found, nil
	}
	made, err := r.client.caller(how)
	if err == nil {
		r.callers[how] = made
	}
	return made, err
}

// stream begins at the site that it is for; until something came of it, at the next one that may
// have it, where it was refused for what another one may have, or nobody answered.
func (r *routed) stream(ctx context.Context, method *Method, request proto.Message, answers protoreflect.MessageType, take func(proto.Message) bool) error {
	asked, err := r.ready(ctx, method, request)
	if err != nil {
		return err
	}
	began, moved := r.client.now(), false
	for {
		sites, err := r.sitesOfStream(ctx, method, asked)
		if err != nil {
			return err
		}
		failures := []siteFailure{}
		for _, site := range sites {
			begun := false
			err := r.there(ctx, site, patient, 0, func() bool { return !begun }, func(at *caller) error {
				return at.stream(ctx, method, asked, answers, func(one proto.Message) bool {
					begun = true
					return take(one)
				})
			})
			isElsewhere := HasCode(err, regionElsewhere)
			goesOn := isElsewhere || isNotHere(err) || HasCode(err, noCapacity) || isAway(err) && asError(err).Status == codes.Unavailable
			if err == nil || begun || !goesOn || ctx.Err() != nil {
				return err
			}
			failures = append(failures, siteFailure{site, err})
		}
		isElsewhere := slices.ContainsFunc(failures, func(one siteFailure) bool { return HasCode(one.err, regionElsewhere) })
		if moved || !isElsewhere || !r.catalogue.refresh(ctx, began) {
			return together(failures)
		}
		moved = true
	}
}

func (r *routed) sitesOfStream(ctx context.Context, method *Method, request proto.Message) ([]*Site, error) {
	sites, err := r.catalogue.sites(ctx)
	if err != nil || len(sites) == 1 {
		return sites, err
	}
	lead := leadOf(method, request)
	if len(lead.ids) == 0 {
		return nil, whichSite(method, sites)
	}
	return r.candidates(ctx, method, request, lead)
}

// addressesOf gives where a service of a site is; those beside iam are where that is reached.
func (c *Client) addressesOf(site *Site, service string) []string {
	if site.ID == "" {
		return []string{c.address}
	}
	found := slices.Clone(site.addresses[service])
	for place, one := range found {
		if one == "" {
			found[place] = c.iamAddress
		}
	}
	return found
}
