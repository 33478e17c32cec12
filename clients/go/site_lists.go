package mulligan

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	resourcev1 "mulligan.internal/client/gen/resourcev1"
)

// So many sites are asked at the same time.
const atOnce = 16

// siteRequest is a site, and the request for it.
type siteRequest struct {
	site    *Site
	request proto.Message
}

// siteAnswer is what a site answers or fails with.
type siteAnswer struct {
	found proto.Message
	err   error
}

// askAll asks sites at the same time, and gives what each answers or fails with.
func askAll(asked []siteRequest, ask func(siteRequest) (proto.Message, error)) []siteAnswer {
	answers, free := make([]siteAnswer, len(asked)), make(chan struct{}, atOnce)
	var asking sync.WaitGroup
	for place, one := range asked {
		free <- struct{}{}
		asking.Go(func() {
			answers[place].found, answers[place].err = ask(one)
			<-free
		})
	}
	asking.Wait()
	return answers
}

func toAll(sites []*Site, request proto.Message) []siteRequest {
	asked := []siteRequest{}
	for _, site := range sites {
		asked = append(asked, siteRequest{site, request})
	}
	return asked
}

// hurriedAll asks sites at the same time, those that are away not for long.
func (r *routed) hurriedAll(ctx context.Context, call *routing, asked []siteRequest) []siteAnswer {
	return askAll(asked, func(one siteRequest) (proto.Message, error) {
		return r.ask(ctx, call, one.site, one.request, hurried)
	})
}

// tell tells which sites something was not read of; those that have nothing of it aside.
func (r *routed) tell(failures []siteFailure) error {
	for _, one := range failures {
		switch {
		case isNotHere(one.err):
		case r.client.options.Away == nil || !isAway(one.err):
			return one.err
		default:
			r.client.options.Away(*one.site, one.err)
		}
	}
	return nil
}

// noted leaves it to who notes the sites that are away to tell them.
func (r *routed) noted(call *routing, failures []siteFailure) error {
	if call.lacking == nil {
		return r.tell(failures)
	}
	for _, one := range failures {
		if !slices.ContainsFunc(*call.lacking, func(known siteFailure) bool { return known.site.ID == one.site.ID }) {
			*call.lacking = append(*call.lacking, one)
		}
	}
	return nil
}

// quietly notes the sites that are away instead of telling them.
type quietly struct {
	*routed
	lacking *[]siteFailure
}

func (q quietly) unary(ctx context.Context, method *Method, request proto.Message, answers protoreflect.MessageType) (proto.Message, error) {
	return q.call(ctx, &routing{method: method, answers: answers, lacking: q.lacking}, request)
}

// batch reads objects by their ids, each where it is.
func (r *routed) batch(ctx context.Context, call *routing, sites []*Site, lead leading, request proto.Message) (proto.Message, error) {
	r.locate(ctx, sites, lead.ids)
	parts, where := []siteRequest{}, map[string][]string{}
	for _, id := range lead.ids {
		where[r.whereabouts.of(id)] = append(where[r.whereabouts.of(id)], id)
	}
	for _, site := range sites {
		if ids := where[site.ID]; len(ids) > 0 {
			parts = append(parts, siteRequest{site, partOf(request, ids)})
		}
		delete(where, site.ID)
	}
	for _, ids := range where {
		// Of the others each is looked for by itself: a batch is refused where one is missing.
		for _, id := range ids {
			parts = append(parts, siteRequest{nil, partOf(request, []string{id})})
		}
	}
	rows := map[string]proto.Message{}
	for _, one := range askAll(parts, func(one siteRequest) (proto.Message, error) {
		if one.site != nil {
			return r.ask(ctx, call, one.site, one.request, patient)
		}
		return firstOf(ctx, sites, func(site *Site) (proto.Message, error) {
			return r.ask(ctx, call, site, one.request, patient)
		}, isNotHere, isAway)
	}) {
		if one.err != nil {
			return nil, one.err
		}
		for _, row := range rowsOf(one.found) {
			rows[strings.ToLower(metadataOf(row).GetId())] = row
		}
	}
	ordered := []proto.Message{}
	for _, id := range askedFor(request) {
		if row := rows[id]; row != nil {
			ordered = append(ordered, row)
		}
	}
	answer := call.answers.New().Interface()
	setRows(answer, ordered)
	return answer, nil
}

// partOf asks the same for some of the ids.
func partOf(request proto.Message, ids []string) proto.Message {
	part := proto.Clone(request)
	message := part.ProtoReflect()
	list := message.Mutable(message.Descriptor().Fields().ByName("ids")).List()
	list.Truncate(0)
	for _, id := range ids {
		list.Append(protoreflect.ValueOfString(id))
	}
	return part
}

// merged asks all sites about objects; one that is away matters if some were found nowhere.
func (r *routed) merged(ctx context.Context, call *routing, sites []*Site, request proto.Message) (proto.Message, error) {
	steps := [][]*Site{sites}
	if isOfInstallation(request) {
		// Every site has it: it is looked for at one after the other, until it is found.
		there := firstWith(sites, func(site *Site) bool { return !r.reach.isAway(site) })
		steps = slices.Collect(slices.Chunk(there, 1))
	}
	answer, failures := call.answers.New().Interface(), []siteFailure{}
	for _, step := range steps {
		for place, one := range r.hurriedAll(ctx, call, toAll(step, request)) {
			switch {
			case one.err == nil:
				proto.Merge(answer, one.found)
			case (isAway(one.err) || isNotHere(one.err)) && ctx.Err() == nil:
				failures = append(failures, siteFailure{step[place], one.err})
			default:
				return nil, one.err
			}
		}
		if isAnswered(request, answer) {
			return eachOnce(request, answer), nil
		}
	}
	if len(failures) == len(sites) {
		return nil, together(failures)
	}
	if len(steps) == 1 && !call.isQuiet {
		if err := r.noted(call, failures); err != nil {
			return nil, err
		}
	}
	return eachOnce(request, answer), nil
}

// eachOnce leaves out what another site told already, such as a project; in the order that was
// asked.
func eachOnce(request, answer proto.Message) proto.Message {
	places := map[string]int{}
	for place, one := range slices.Backward(askedFor(request)) {
		places[one] = place
	}
	type placed struct {
		place int
		row   proto.Message
	}
	told, rows := map[[4]string]bool{}, []placed{}
	for _, row := range rowsOf(answer) {
		key, place := [4]string{}, math.MaxInt
		for number, name := range []protoreflect.Name{"asked", "object_id", "id", "attribute"} {
			key[number] = textOf(row.ProtoReflect(), name)
			if found, is := places[strings.ToLower(key[number])]; is && name != "attribute" {
				place = min(place, found)
			}
		}
		if !told[key] {
			told[key] = true
			rows = append(rows, placed{place, row})
		}
	}
	slices.SortStableFunc(rows, func(one, other placed) int { return cmp.Compare(one.place, other.place) })
	ordered := []proto.Message{}
	for _, one := range rows {
		ordered = append(ordered, one.row)
	}
	setRows(answer, ordered)
	return answer
}

// page gives a page of a list that one site has, or several.
func (r *routed) page(ctx context.Context, call *routing, sites []*Site, request proto.Message) (proto.Message, error) {
	if isOfSites(request) {
		// Where it began, more may have been asked than now.
		all, err := r.catalogue.sites(ctx)
		if err != nil {
			return nil, err
		}
		sites = all
	} else if len(sites) == 1 {
		return r.ask(ctx, call, sites[0], request, patient)
	}
	failures := []siteFailure{}
	pages := func(asked []siteRequest) []proto.Message {
		found := []proto.Message{}
		for place, one := range r.hurriedAll(ctx, call, asked) {
			isKnown := slices.ContainsFunc(failures, func(known siteFailure) bool { return known.site == asked[place].site })
			if one.err != nil && !isKnown {
				failures = append(failures, siteFailure{asked[place].site, one.err})
			}
			found = append(found, one.found)
		}
		return found
	}
	list := siteList{sites, request, call.answers, pages}
	made, err := list.page(orderOf(call.method, request))
	switch {
	case err != nil:
		return nil, err
	case ctx.Err() != nil && len(failures) > 0:
		return nil, failures[0].err
	case len(failures) >= len(sites):
		return nil, together(failures)
	}
	return made, r.tell(failures)
}

// openings gives the earliest of what all sites have.
func (r *routed) openings(ctx context.Context, call *routing, sites []*Site, request *resourcev1.FindOpeningsRequest) (proto.Message, error) {
	found, failures, away := []proto.Message{}, []siteFailure{}, []siteFailure{}
	for place, one := range r.hurriedAll(ctx, call, toAll(sites, request)) {
		if one.err == nil {
			found = append(found, one.found)
			continue
		}
		failures = append(failures, siteFailure{sites[place], one.err})
		if !HasCode(one.err, noCapacity) {
			away = append(away, failures[len(failures)-1])
		}
	}
	if len(found) == 0 {
		return nil, together(failures)
	}
	if err := r.tell(away); err != nil {
		return nil, err
	}
	return earliest(found, request), nil
}
