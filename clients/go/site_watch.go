package mulligan

import (
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	commonv1 "mulligan.internal/client/gen/commonv1"
	controlv1 "mulligan.internal/client/gen/controlv1"
	metav1 "mulligan.internal/client/gen/metav1"
	resourcev1 "mulligan.internal/client/gen/resourcev1"
)

const (
	// So many changes are read before they are asked for; the servers keep the others.
	ahead = 1000
	// A site that does not tell its revision by then is away.
	revisionWithin = 5 * time.Second
)

// watch is of the site that has what it names, and stays there; else of all that there are now. What
// comes after this call is missed at none of them.
func (r *routed) watch(ctx context.Context, method *Method, request *commonv1.WatchRequest) iter.Seq2[*commonv1.Event, error] {
	begun, err := r.beginWatch(ctx, method, request)
	return func(yield func(*commonv1.Event, error) bool) {
		switch {
		case err != nil:
			yield(nil, err)
		case len(begun) == 1:
			begun[0].again().events(ctx)(yield)
		default:
			r.mergedWatch(ctx, begun, yield)
		}
	}
}

// watched is the watch of a site, ready to begin.
type watched struct {
	site *Site
	siteWatch
}

// again gives it as it was ready, for another time.
func (w watched) again() *siteWatch {
	fresh := w.siteWatch
	fresh.following = proto.Clone(w.following).(*commonv1.WatchRequest)
	return &fresh
}

func (r *routed) beginWatch(ctx context.Context, method *Method, request *commonv1.WatchRequest) ([]watched, error) {
	ready, err := r.ready(ctx, method, request)
	if err != nil {
		return nil, err
	}
	asked := ready.(*commonv1.WatchRequest)
	sites, err := r.catalogue.sites(ctx)
	if err != nil {
		return nil, err
	}
	lead := leadOf(method, asked)
	if len(sites) > 1 && len(lead.ids) > 0 {
		found, err := r.candidates(ctx, method, asked, lead)
		if err != nil {
			return nil, err
		}
		if len(found) > 1 {
			// One of a site that does not have it would be silent for ever.
			return nil, unknownObject(lead.ids[0], sites)
		}
		sites = found
	}
	begun := []watched{}
	for _, site := range sites {
		begun = append(begun, watched{site, r.watchAt(method, site, asked)})
	}
	if len(begun) == 1 {
		return begun, nil
	}
	if asked.AfterRevision != nil {
		return nil, whichWatch(sites)
	}
	return begun, r.beginAll(ctx, begun)
}

// beginAll has each site tell its revision, to begin with; one that is away is asked again by its
// watch.
func (r *routed) beginAll(ctx context.Context, begun []watched) error {
	var asking sync.WaitGroup
	failures := make([]error, len(begun))
	for place := range begun {
		one := &begun[place]
		one.begin = func(ctx context.Context) (int64, error) { return r.revisionOf(ctx, one.site) }
		asking.Go(func() {
			revision, err := one.begin(ctx)
			if failures[place] = err; err == nil {
				one.following.AfterRevision = proto.Int64(revision)
			}
		})
	}
	asking.Wait()
	lacking := []siteFailure{}
	for place, err := range failures {
		if err == nil {
			continue
		}
		if ctx.Err() != nil || isRefused(err) {
			// Without a revision to begin with it could miss some, and nobody would know.
			return err
		}
		lacking = append(lacking, siteFailure{begun[place].site, err})
	}
	return r.tell(lacking)
}

// isRefused tells the error of a site that will not tell this caller later either, or of iam.
func isRefused(err error) bool {
	failed := asError(err)
	ours := []codes.Code{codes.PermissionDenied, codes.NotFound, codes.InvalidArgument, codes.Unauthenticated}
	return failed == nil || failed.ofRenewal || slices.Contains(ours, failed.Status)
}

// revisionOf has a site tell its revision, with a list that everybody may read. NO_REVISION: it may
// tell it later.
func (r *routed) revisionOf(ctx context.Context, site *Site) (int64, error) {
	page := &commonv1.Page{Size: 1}
	var asked proto.Message = &controlv1.ListImagesRequest{Page: page}
	call := &routing{method: &controlListImages, answers: (&controlv1.ListImagesResponse{}).ProtoReflect().Type(), timeout: revisionWithin}
	switch r.service {
	case "meta":
		asked = &metav1.ListMetadefsRequest{Page: page}
		call.method, call.answers = &metaListMetadefs, (&metav1.ListMetadefsResponse{}).ProtoReflect().Type()
	case "resource":
		asked = &resourcev1.ListNetworksRequest{Page: page}
		call.method, call.answers = &resourceListNetworks, (&resourcev1.ListNetworksResponse{}).ProtoReflect().Type()
	}
	found, err := r.ask(ctx, call, r.catalogue.newest(site), asked, brisk)
	if err != nil {
		if ctx.Err() != nil || r.client.closed.Load() || isRefused(err) {
			return 0, err
		}
		return 0, noRevision(site, err)
	}
	return found.(interface{ GetRevision() int64 }).GetRevision(), nil
}

// watchAt gives the watch of a site, wherever that is by then.
func (r *routed) watchAt(method *Method, site *Site, request *commonv1.WatchRequest) siteWatch {
	events := (&commonv1.Event{}).ProtoReflect().Type()
	made := siteWatch{client: r.client, method: method, following: proto.Clone(request).(*commonv1.WatchRequest)}
	made.open = func(ctx context.Context, request *commonv1.WatchRequest, token string, take func(proto.Message) bool) error {
		there, err := r.still(ctx, site)
		if err != nil {
			return err
		}
		begun := false
		return r.there(ctx, there, brisk, 0, func() bool { return !begun }, func(at *caller) error {
			ready, err := at.ready(ctx, method, request)
			if err != nil {
				return err
			}
			return plain(at.streamed(ctx, method, ready, events, token, func(one proto.Message) bool {
				if !begun {
					r.reach.answered(there, at.address)
				}
				begun = true
				return take(one)
			}))
		})
	}
	return made
}

// still gives a site as it is by now, or says that there is none any more.
func (r *routed) still(ctx context.Context, site *Site) (*Site, error) {
	sites, err := r.catalogue.sites(ctx)
	if err != nil || site.ID == "" {
		return site, err
	}
	for _, one := range sites {
		if one.ID == site.ID {
			return one, nil
		}
	}
	return nil, noSuchSite(site.ID)
}

// told is a change of a site, or what its watch failed with.
type told struct {
	site  *Site
	event *commonv1.Event
	err   error
}

// mergedWatch gives the changes of several sites, each site's in its order. Each counts revisions of
// its own, so those of the changes say nothing of their order. A site that is away for longer than a
// watch waits is told to Options.Away, each time, and taken up where it was once it is back.
func (r *routed) mergedWatch(ctx context.Context, begun []watched, yield func(*commonv1.Event, error) bool) {
	ctx, stop := context.WithCancel(ctx)
	var following sync.WaitGroup
	defer following.Wait()
	defer stop()
	all := make(chan told, ahead)
	for _, one := range begun {
		following.Go(func() { r.follow(ctx, one.site, one.again(), all) })
	}
	for {
		select {
		case <-ctx.Done():
			yield(nil, ctx.Err())
			return
		case one := <-all:
			if one.err != nil && r.goesOn(one.err) {
				r.client.options.Away(*one.site, one.err)
			} else if !yield(one.event, one.err) || one.err != nil {
				return
			}
		}
	}
}

// goesOn tells whether a site whose watch failed so for long is told to be away, and watched again.
func (r *routed) goesOn(err error) bool {
	failed := asError(err)
	// Its streams break all the time: a proxy before a site that is gone, or one that is dying.
	isAway := isAway(err) || failed != nil && !failed.ofRenewal && isBroken(failed)
	return r.client.options.Away != nil && isAway && !r.client.closed.Load()
}

// follow tells what a site's watch gives, and watches again where that was away.
func (r *routed) follow(ctx context.Context, site *Site, watch *siteWatch, all chan<- told) {
	for {
		var failed error
		for event, err := range watch.events(ctx) {
			failed = err
			select {
			case all <- told{site, event, err}:
			case <-ctx.Done():
				return
			}
		}
		if !r.goesOn(failed) {
			return
		}
	}
}
