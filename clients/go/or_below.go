package mulligan

import (
	"cmp"
	"context"
	"crypto/sha1"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	resourcev1 "mulligan.internal/client/gen/resourcev1"
)

// How many are given where FindOpenings doesn't say.
const usualOpenings = 10

// Of the request ids that are derived from others: the UUID's OID name space.
var nameSpace = []byte{0x6b, 0xa7, 0xb8, 0x12, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}

// below is a claim for a region "or below" whose parts are at several sites. It is made at one of
// them: each is asked in turn. The request id protects it at one site only. So it goes on to the
// next one only where a site has refused it or could not be asked, and one that is made again goes
// first to the site that may have done it, also if the region has left that.
type below struct {
	ask func(*Site, proto.Message) (proto.Message, error)
	// Remembers the sites that request ids were sent to, and that have not refused them.
	sent *whereabouts
	// All that there are.
	known []*Site
	// Another process may have sent it already, to a site that is heard of no more.
	hasOwnID bool
	refusals []siteFailure
}

// claim claims at the first site that has capacity; if none has, it waits at the first that may
// have. The sites come in their order, the likeliest first.
func (b *below) claim(ctx context.Context, sites []*Site, request proto.Message) (proto.Message, error) {
	atOnce, tries := withoutWait(request), []siteRequest{}
	last, err := b.sentTo(atOnce)
	if err != nil {
		return nil, err
	}
	if atOnce != request {
		// It may wait there already.
		waiting, err := b.sentTo(request)
		if err != nil {
			return nil, err
		}
		tries = toAll(waiting, request)
	}
	others := slices.DeleteFunc(slices.Clone(sites), func(site *Site) bool {
		return slices.ContainsFunc(last, func(one *Site) bool { return one.ID == site.ID })
	})
	for _, one := range slices.Concat(tries, toAll(last, atOnce), toAll(others, atOnce)) {
		if found, err := b.at(ctx, one.site, one.request); found != nil || err != nil {
			return found, err
		}
	}
	full := slices.IndexFunc(b.refusals, func(one siteFailure) bool { return HasCode(one.err, noCapacity) })
	if full >= 0 && atOnce != request {
		if found, err := b.at(ctx, b.refusals[full].site, request); found != nil || err != nil {
			return found, err
		}
	}
	return nil, together(b.refusals)
}

// sentTo gives the site that may have done it; none: nobody was asked, or it was refused. An error:
// there is no such site any more.
func (b *below) sentTo(request proto.Message) ([]*Site, error) {
	at := b.sent.of(requestID(request))
	for _, site := range b.known {
		if site.ID == at && at != "" {
			return []*Site{site}, nil
		}
	}
	if at != "" {
		return nil, mayBeDone(at, requestID(request))
	}
	return nil, nil
}

// isSent tells what is "or below" and a site may have done already.
func isSent(request proto.Message, sent *whereabouts) bool {
	return requestID(request) != "" && isOrBelow(request) &&
		(sent.of(requestID(request)) != "" || sent.of(requestID(withoutWait(request))) != "")
}

// at gives a site's answer; neither answer nor error: it goes on elsewhere.
func (b *below) at(ctx context.Context, site *Site, request proto.Message) (proto.Message, error) {
	id := requestID(request)
	mayBeDone := b.sent.of(id) == site.ID || b.hasOwnID && len(site.untrusted) == 0
	b.sent.noteID(id, site.ID)
	found, err := b.ask(site, request)
	if err == nil {
		return found, nil
	}
	failed := asError(err)
	goesOn := isNotHere(err) || HasCode(err, noCapacity) || failed != nil && failed.unsent && !mayBeDone
	if goesOn || HasCode(err, regionElsewhere) {
		b.sent.forget(id)
	}
	if !goesOn || ctx.Err() != nil {
		return nil, err
	}
	b.refusals = slices.DeleteFunc(b.refusals, func(one siteFailure) bool { return one.site == site })
	b.refusals = append(b.refusals, siteFailure{site, err})
	return nil, nil
}

// firstWith puts those first of which something is so.
func firstWith(sites []*Site, isSo func(*Site) bool) []*Site {
	return slices.SortedStableFunc(slices.Values(sites), func(one, other *Site) int {
		return cmp.Compare(number(isSo(other)), number(isSo(one)))
	})
}

func number(is bool) int {
	if is {
		return 1
	}
	return 0
}

func requestID(request proto.Message) string { return textOf(request.ProtoReflect(), "request_id") }

// withoutWait gives the same without a wait, under an id of its own; itself, if it doesn't wait.
func withoutWait(request proto.Message) proto.Message {
	message := request.ProtoReflect()
	field := message.Descriptor().Fields().ByName("wait_until")
	if field == nil || !message.Has(field) {
		return request
	}
	changed := proto.Clone(request)
	changed.ProtoReflect().Clear(field)
	setText(changed, "request_id", derivedUUID(requestID(request)))
	return changed
}

// derivedUUID gives the UUID of version 5 of a text.
func derivedUUID(text string) string {
	bits := sha1.Sum(append(slices.Clone(nameSpace), text...))
	bits[6], bits[8] = bits[6]&0x0f|0x50, bits[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", bits[:4], bits[4:6], bits[6:8], bits[8:10], bits[10:16])
}

// earliest makes one answer of several sites' openings, the earliest first.
func earliest(found []proto.Message, request *resourcev1.FindOpeningsRequest) proto.Message {
	openings := []*resourcev1.Opening{}
	for _, one := range found {
		openings = append(openings, one.(*resourcev1.FindOpeningsResponse).Openings...)
	}
	slices.SortStableFunc(openings, func(one, other *resourcev1.Opening) int {
		return compareMoments(one.GetWindow().GetAcquireAt(), other.GetWindow().GetAcquireAt())
	})
	limit := usualOpenings
	if request.Limit > 0 {
		limit = int(request.Limit)
	}
	return &resourcev1.FindOpeningsResponse{Openings: openings[:min(limit, len(openings))]}
}
