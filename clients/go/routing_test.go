package mulligan

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	commonv1 "mulligan.internal/client/gen/commonv1"
	controlv1 "mulligan.internal/client/gen/controlv1"
	iamv1 "mulligan.internal/client/gen/iamv1"
	metav1 "mulligan.internal/client/gen/metav1"
	resourcev1 "mulligan.internal/client/gen/resourcev1"
)

// nowhere gives an address at which nobody listens.
func nowhere(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	done(t, err)
	done(t, listener.Close())
	return listener.Addr().String()
}

func TestACallGoesToTheSiteOfItsRegionHoweverThatIsWritten(t *testing.T) {
	s := twoSites(t, Options{})
	s.both("CreateHost", &controlv1.Host{})
	done(t, s.createHost(t, strings.ToUpper(southID)))
	done(t, s.createHost(t, northID))
	expect(t, "asked", s.asked("CreateHost"), [2]int{1, 1})
	refused(t, s.createHost(t, otherID), "NO_SITE")
	_, err := s.client.Control.Freeze(t.Context(), &controlv1.FreezeRequest{Reason: "smoke"})
	refused(t, err, "WHICH_SITE")
}

func TestAChangeKeepsItsRequestIDAtAnotherAddressAndGoesThereFirstFromThen(t *testing.T) {
	s := twoSites(t, Options{})
	s.tells(siteOf(northID, nowhere(t), s.north.address, s.south.address))
	ids := []string{}
	note := func(answer any) func(proto.Message) any {
		return func(request proto.Message) any {
			ids = append(ids, requestID(request))
			return answer
		}
	}
	s.north.answer("CreateHost", note(lost{}))
	s.south.answer("CreateHost", note(&controlv1.Host{}))
	done(t, s.createHost(t, northID))
	expect(t, "the same", ids, []string{ids[0], ids[0]})
	done(t, s.createHost(t, northID))
	expect(t, "asked", s.asked("CreateHost"), [2]int{1, 2})
	expect(t, "waits", len(s.pauses), 0)
	s.south.answer("CreateHost", refusal(codes.ResourceExhausted, rateLimited, after(time.Second)), &controlv1.Host{})
	done(t, s.createHost(t, northID))
	expect(t, "waits", s.pauses, []time.Duration{time.Second})
}

func TestASiteWithoutALivingProcessOfAServiceSaysSo(t *testing.T) {
	s := twoSites(t, Options{Attempts: 1})
	s.north.answer("CreateHost", away)
	silentOne := siteOf(northID, s.north.address, nowhere(t))
	silentOne.Services[0].Alive, silentOne.Services[1].Kinds = false, []string{"meta"}
	s.tells(silentOne, siteOf(southID, s.south.address))
	err := s.createHost(t, northID)
	refused(t, err, "NO_SERVICE")
	expect(t, "away", isAway(err), true)
	expect(t, "words", strings.HasPrefix(err.Error(), "no process of service control of site "+northID+" is alive: "), true)
	expect(t, "it may be back before iam knows it", s.asked("CreateHost"), [2]int{1, 0})
	s.tells(siteOf(northID, s.north.address), siteOf(southID, s.south.address))
	s.passes(time.Hour)
	refused(t, s.createHost(t, northID), "UNAVAILABLE")
}

func TestAnObjectIsAskedForInTurnUntilItIsKnownWhereItIs(t *testing.T) {
	s := twoSites(t, Options{})
	s.both("DescribeObjects", &metav1.DescribeObjectsResponse{})
	s.north.answer("GetHost", notHere)
	s.south.answer("GetHost", hosts(hostID)[0])
	done(t, s.getHost(t, hostID))
	done(t, s.getHost(t, strings.ToUpper(hostID)))
	expect(t, "asked", s.asked("GetHost"), [2]int{1, 2})
	s.both("GetHost", notHere)
	refused(t, s.getHost(t, otherID), "NOT_FOUND")
}

func TestWhoAsksForOneObjectIsNotToldOfSitesThatAreAway(t *testing.T) {
	told := 0
	s := twoSites(t, Options{Attempts: 1, Away: func(Site, error) { told++ }})
	s.both("DescribeObjects", &metav1.DescribeObjectsResponse{})
	s.north.answer("DescribeObjects", away)
	s.both("GetHost", away)
	s.south.answer("GetHost", hosts(hostID)[0])
	done(t, s.getHost(t, hostID))
	expect(t, "looked for", s.asked("DescribeObjects"), [2]int{1, 1})
	expect(t, "told", told, 0)
}

func TestAnObjectThatWasNamedOnceIsAskedForWhereItIs(t *testing.T) {
	s := twoSites(t, Options{})
	s.north.answer("ResolveNames", &metav1.ResolveNamesResponse{})
	s.south.answer("ResolveNames", &metav1.ResolveNamesResponse{Objects: []*metav1.NamedObject{
		{Asked: "web", Id: hostID, ObjectType: "host"},
	}})
	s.south.answer("GetHost", hosts(hostID)[0])
	done(t, s.getHost(t, "web"))
	expect(t, "asked", s.asked("GetHost"), [2]int{0, 1})
}

func TestWhatOnlySpeaksOfAnObjectTellsNothingOfWhereItIs(t *testing.T) {
	known, site := newWhereabouts(), &Site{ID: northID}
	known.note("control", &commonv1.ListAuditEventsResponse{Events: []*commonv1.AuditEvent{
		{ObjectId: hostID, ObjectType: "host", Operation: otherID},
	}}, site)
	known.note("control", &controlv1.ListDifferencesResponse{Differences: []*controlv1.Difference{{ObjectId: hostID}}}, site)
	expect(t, "known", known.of(hostID)+known.of(otherID), "")
	known.note("control", &controlv1.DecommissionMachineResponse{Operation: &controlv1.Operation{
		Metadata: &commonv1.Metadata{Id: otherID}, ObjectId: strings.ToUpper(hostID), ObjectType: "machine",
	}}, site)
	expect(t, "known", []string{known.of(hostID), known.of(otherID)}, []string{northID, northID})
	known.note("meta", &metav1.ListTagsResponse{Objects: []*metav1.TaggedObject{{ObjectId: topID, ObjectType: "project"}}}, site)
	expect(t, "a project", known.of(topID), everywhere)
	for number := range 2 * remembered {
		known.noteID(fmt.Sprint(number), southID)
	}
	expect(t, "bounded", []int{len(known.known), known.order.Len()}, []int{remembered, remembered})
	expect(t, "forgotten", known.of(hostID), "")
}

func TestARegionThatMovedIsFollowed(t *testing.T) {
	s := twoSites(t, Options{})
	elsewhere, ids := refusal(codes.FailedPrecondition, regionElsewhere), map[string]bool{}
	note := func(answer any) func(proto.Message) any {
		return func(request proto.Message) any { ids[requestID(request)] = true; return answer }
	}
	s.north.answer("CreateHost", note(elsewhere))
	s.south.answer("CreateHost", note(&controlv1.Host{}))
	refused(t, s.createHost(t, northID), regionElsewhere)
	moved := siteOf(southID, s.south.address)
	moved.Regions = append(moved.Regions, northID)
	clear(ids)
	s.answer("ListServices", &iamv1.ListServicesResponse{Sites: []*iamv1.Site{siteOf(northID, s.north.address), siteOf(southID, s.south.address)}},
		&iamv1.ListServicesResponse{Sites: []*iamv1.Site{{Id: northID}, moved}})
	s.passes(time.Hour)
	done(t, s.createHost(t, northID))
	expect(t, "ids", len(ids), 1)
}

func TestWhatNoSiteHasIsLookedForAtANewOne(t *testing.T) {
	s, west := twoSites(t, Options{}), start(t, nil)
	s.both("GetHost", notHere)
	west.answer("GetHost", hosts(hostID)[0])
	refused(t, s.getHost(t, hostID), "NOT_FOUND")
	s.tells(siteOf(northID, s.north.address), siteOf(southID, s.south.address), siteOf(otherID, west.address))
	s.passes(10 * time.Second)
	done(t, s.getHost(t, hostID))
}

func TestTagsOfAProjectAreChangedAtAllSitesAndThoseOfSeveralAtNone(t *testing.T) {
	s := twoSites(t, Options{})
	s.both("UpdateTags", &metav1.UpdateTagsResponse{})
	describe := func(rows ...*metav1.NamedObject) any { return &metav1.DescribeObjectsResponse{Objects: rows} }
	project := &metav1.NamedObject{Id: topID, ObjectType: "project"}
	s.north.answer("DescribeObjects", describe(project, &metav1.NamedObject{Id: hostID, ObjectType: "host"}))
	s.south.answer("DescribeObjects", describe(project, &metav1.NamedObject{Id: otherID, ObjectType: "host"}))
	tag := func(ids ...string) error {
		_, err := s.client.Meta.UpdateTags(t.Context(), &metav1.UpdateTagsRequest{ObjectIds: ids})
		return err
	}
	done(t, tag(topID))
	expect(t, "asked", s.asked("UpdateTags"), [2]int{1, 1})
	expect(t, "ids", requestID(s.north.requests("UpdateTags")[0]), requestID(s.south.requests("UpdateTags")[0]))
	refused(t, tag(hostID, otherID), "SEVERAL_SITES")
	done(t, tag(otherID))
	expect(t, "asked", s.asked("UpdateTags"), [2]int{1, 2})
}

func TestAHurriedCallTakesNoTimeFromTheRenewalThatOthersWaitFor(t *testing.T) {
	lacking := []string{}
	tokens := Tokens{Access: "access", Refresh: "refresh", RenewAt: time.Now().Add(time.Hour)}
	s := twoSites(t, Options{SignIn: NewSignIn(tokens, nil), Away: func(site Site, _ error) { lacking = append(lacking, site.ID) }})
	asleep := siteOf(northID, s.north.address)
	asleep.Services[0].Alive = false
	s.tells(asleep, siteOf(southID, s.south.address))
	s.answer("RefreshToken", &iamv1.SignedIn{AccessToken: "another", RefreshToken: "refresh", Lifetime: durationpb.New(time.Hour)})
	left, noting := map[string]time.Duration{}, sync.Mutex{}
	note := func(ctx context.Context, name string) {
		noting.Lock()
		defer noting.Unlock()
		until, _ := ctx.Deadline()
		left[name] = time.Until(until)
	}
	s.seen, s.north.seen = note, note
	s.north.answer("ListHosts", refusal(codes.Unauthenticated, tokenExpired), away)
	s.south.answer("ListHosts", &controlv1.ListHostsResponse{Hosts: hosts(hostID)})
	answer, err := s.client.Control.ListHosts(t.Context(), &controlv1.ListHostsRequest{})
	done(t, err)
	expect(t, "hosts, lacking", fmt.Sprint(idOf(answer.Hosts), lacking), fmt.Sprint([]string{hostID}, []string{northID}))
	expect(t, "attempts", s.asked("ListHosts"), [2]int{2, 1})
	expect(t, "hurried", left["ListHosts"] <= hurriedWithin, true)
	expect(t, "time for the renewal", left["RefreshToken"] > hurriedWithin, true)
}

func TestAnIamThatDoesNotRenewATokenMakesNoSiteAway(t *testing.T) {
	lacking := 0
	ended := refusal(codes.Unauthenticated, tokenExpired)
	tokens := Tokens{Access: "access", Refresh: "refresh", RenewAt: time.Now().Add(time.Hour)}
	s := twoSites(t, Options{SignIn: NewSignIn(tokens, nil), Away: func(Site, error) { lacking++ }})
	s.both("ListHosts", &controlv1.ListHostsResponse{})
	s.north.answer("ListHosts", ended)
	s.answer("RefreshToken", away)
	_, err := s.client.Control.ListHosts(t.Context(), &controlv1.ListHostsRequest{})
	refused(t, err, "UNAVAILABLE")
	expect(t, "lacking", lacking, 0)
	known := s.client.Control.caller.(*routed).reach
	expect(t, "away", known.isAway(&Site{ID: northID, alive: true}), false)
}

func TestAStreamGoesOnAtTheSiteThatMayHaveIt(t *testing.T) {
	s := twoSites(t, Options{})
	s.north.answer("ProposeCandidates", full)
	s.south.answer("ProposeCandidates", []any{&resourcev1.Candidate{Tree: hostID}})
	propose := func(spec *resourcev1.ClaimSpec) (came int, failed error) {
		for one, err := range s.client.Resource.ProposeCandidates(t.Context(), &resourcev1.ProposeCandidatesRequest{Spec: spec}) {
			if failed = err; one != nil {
				came++
			}
		}
		return came, failed
	}
	came, err := propose(&resourcev1.ClaimSpec{Region: topID, OrBelow: true})
	expect(t, "candidates", fmt.Sprint(came, err), "1 <nil>")
	s.tells(siteOf(northID, s.north.address), siteOf(southID, nowhere(t), s.south.address))
	s.passes(time.Hour)
	came, err = propose(&resourcev1.ClaimSpec{Region: southID})
	expect(t, "candidates", fmt.Sprint(came, err), "1 <nil>")
	_, err = propose(&resourcev1.ClaimSpec{})
	refused(t, err, "WHICH_SITE")
}
