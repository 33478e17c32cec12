package mulligan

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	commonv1 "mulligan.internal/client/gen/commonv1"
	controlv1 "mulligan.internal/client/gen/controlv1"
	metav1 "mulligan.internal/client/gen/metav1"
	resourcev1 "mulligan.internal/client/gen/resourcev1"
)

// changes is an answer of Watch: changes of these revisions, and what ends them.
func changes(end any, revisions ...int64) any {
	told := []any{}
	for _, revision := range revisions {
		told = append(told, &commonv1.Event{Revision: revision})
	}
	return append(told, end)
}

// silent answers so, and once that is over with nothing until the test is.
func silent(t *testing.T, server *served, answers ...any) {
	t.Helper()
	server.answer("Watch", append(answers, waiting{})...)
}

func (s *sites) images(north, south any) {
	s.north.answer("ListImages", north)
	s.south.answer("ListImages", south)
}

func atRevision(revision int64) any { return &controlv1.ListImagesResponse{Revision: revision} }

// afters gives what watches of a server went on after.
func afters(server *served) []string {
	found := []string{}
	for _, one := range server.requests("Watch") {
		if request := one.(*commonv1.WatchRequest); request.AfterRevision == nil {
			found = append(found, "none")
		} else {
			found = append(found, fmt.Sprint(*request.AfterRevision))
		}
	}
	return found
}

// read gives the revisions of so many changes.
func read(t *testing.T, watch iter.Seq2[*commonv1.Event, error], count int) []int64 {
	t.Helper()
	found := []int64{}
	for event, err := range watch {
		done(t, err)
		if found = append(found, event.Revision); len(found) == count {
			break
		}
	}
	return found
}

// fails gives what a watch ends with.
func fails(watch iter.Seq2[*commonv1.Event, error]) (failed error) {
	for _, err := range watch {
		failed = err
	}
	return failed
}

func TestAWatchOfAllSitesTellsWhatEachHasFromItsCallOnAndTakesUpEach(t *testing.T) {
	s := twoSites(t, Options{})
	s.images(atRevision(899), atRevision(4))
	silent(t, s.north, changes(waiting{}, 900))
	silent(t, s.south, away, changes(away, 5), changes(waiting{}, 5, 6))
	watch := s.client.Control.Watch(t.Context(), &commonv1.WatchRequest{})
	s.images(atRevision(1000), atRevision(1000))
	found := read(t, watch, 3)
	slices.Sort(found)
	expect(t, "revisions", found, []int64{5, 6, 900})
	expect(t, "after", afters(s.south), []string{"4", "4", "5"})
	err := fails(s.client.Control.Watch(t.Context(), &commonv1.WatchRequest{AfterRevision: proto.Int64(3)}))
	refused(t, err, "WHICH_SITE")
}

func TestAWatchOfAllSitesBeginsNotWithOneThatTellsNoRevisionUnlessThatIsTold(t *testing.T) {
	s := twoSites(t, Options{Attempts: 1})
	s.images(atRevision(1), away)
	s.both("Watch", waiting{})
	refused(t, fails(s.client.Control.Watch(t.Context(), &commonv1.WatchRequest{})), "NO_REVISION")
	s.images(atRevision(1), refusal(codes.PermissionDenied, "PERMISSION_DENIED"))
	refused(t, fails(s.client.Control.Watch(t.Context(), &commonv1.WatchRequest{})), "PERMISSION_DENIED")
	expect(t, "watches", s.asked("Watch"), [2]int{0, 0})
}

func TestASiteThatIsAwayAsAWatchBeginsIsToldAndWatchedFromItsRevisionOnceItIsBack(t *testing.T) {
	lacking := make(chan string, 100)
	s := twoSites(t, Options{Attempts: 1, Away: func(site Site, _ error) { lacking <- site.ID }})
	s.images(atRevision(1), away)
	s.north.answer("Watch", waiting{})
	watch := s.client.Control.Watch(t.Context(), &commonv1.WatchRequest{})
	expect(t, "lacking", <-lacking, southID)
	s.images(atRevision(1), atRevision(8))
	// It breaks before anything was told, and what came meanwhile is not missed.
	silent(t, s.south, away, changes(waiting{}, 9))
	expect(t, "revisions", read(t, watch, 1), []int64{9})
	expect(t, "after", afters(s.south), []string{"8", "8"})
}

func TestASiteThatDoesNotTellItsRevisionIsToldHoweverThatFails(t *testing.T) {
	for _, broken := range []error{
		refusal(codes.Internal, "INTERNAL"), refusal(codes.ResourceExhausted, "QUOTA"), status.Error(codes.Unknown, "500"),
	} {
		lacking := make(chan error, 100)
		s := twoSites(t, Options{Attempts: 1, Away: func(_ Site, why error) { lacking <- why }})
		s.north.answer("ListImages", atRevision(1))
		s.south.answer("ListImages", broken, atRevision(8))
		s.north.answer("Watch", waiting{})
		silent(t, s.south, changes(waiting{}, 9))
		watch := s.client.Control.Watch(t.Context(), &commonv1.WatchRequest{})
		refused(t, <-lacking, "NO_REVISION")
		expect(t, "revisions", read(t, watch, 1), []int64{9})
		expect(t, "after", afters(s.south), []string{"8"})
	}
}

func TestEachServiceTellsItsRevisionWithTheListOfTheDocuments(t *testing.T) {
	s := twoSites(t, Options{})
	s.both("ListImages", &controlv1.ListImagesResponse{Revision: 8})
	s.both("ListMetadefs", &metav1.ListMetadefsResponse{Revision: 8})
	s.both("ListNetworks", &resourcev1.ListNetworksResponse{Revision: 8})
	s.both("Watch", changes(waiting{}, 9))
	watch := map[string]func(context.Context, *commonv1.WatchRequest) iter.Seq2[*commonv1.Event, error]{
		"ListImages": s.client.Control.Watch, "ListMetadefs": s.client.Meta.Watch, "ListNetworks": s.client.Resource.Watch,
	}
	for list, begin := range watch {
		expect(t, list, read(t, begin(t.Context(), &commonv1.WatchRequest{}), 2), []int64{9, 9})
		expect(t, list, s.asked(list), [2]int{1, 1})
	}
}

func TestASiteThatWasAwayForLongIsWatchedAgain(t *testing.T) {
	for _, broken := range []error{
		away, status.Error(codes.Unknown, "500"), status.Error(codes.Internal, "reset"), status.Error(codes.Canceled, "reset"),
	} {
		lacking := 0
		s := twoSites(t, Options{Attempts: 1, Away: func(Site, error) { lacking++ }})
		s.images(atRevision(1), atRevision(4))
		s.north.answer("Watch", waiting{})
		told := []any{changes(broken, 5)}
		for range watchAttempts {
			told = append(told, broken)
		}
		silent(t, s.south, append(told, changes(waiting{}, 6))...)
		expect(t, "revisions", read(t, s.client.Control.Watch(t.Context(), &commonv1.WatchRequest{}), 2), []int64{5, 6})
		expect(t, "lacking", lacking, 1)
		s.south.answer("Watch", refusal(codes.OutOfRange, "REVISION_GONE"))
		refused(t, fails(s.client.Control.Watch(t.Context(), &commonv1.WatchRequest{})), "REVISION_GONE")
	}
}

func TestAWatchOfAnObjectIsOfTheSiteThatHasItAndStaysThere(t *testing.T) {
	s := twoSites(t, Options{})
	s.both("DescribeObjects", &metav1.DescribeObjectsResponse{})
	request := &commonv1.WatchRequest{ObjectId: hostID, AfterRevision: proto.Int64(3)}
	refused(t, fails(s.client.Control.Watch(t.Context(), request)), "WHICH_SITE")
	s.north.answer("GetHost", notHere)
	s.south.answer("GetHost", hosts(hostID)[0])
	done(t, s.getHost(t, hostID))
	s.tells(siteOf(northID, s.north.address), siteOf(southID, nowhere(t), s.south.address))
	s.passes(time.Hour)
	silent(t, s.south, changes(away, 4), changes(away, 5))
	found := []int64{}
	var failed error
	for event, err := range s.client.Control.Watch(t.Context(), request) {
		if failed = err; err != nil {
			break
		}
		if found = append(found, event.Revision); event.Revision == 5 {
			s.tells(siteOf(northID, s.north.address), siteOf(otherID, s.south.address))
			s.passes(time.Hour)
		}
	}
	expect(t, "revisions", found, []int64{4, 5})
	expect(t, "the end", failed, "there is no site "+southID+"; see `mulligan service list`")
	expect(t, "watches", s.asked("Watch"), [2]int{0, 2})
}

func TestAWatchOfAllSitesEndsWithItsContextOrItsClient(t *testing.T) {
	s := twoSites(t, Options{Away: func(Site, error) {}})
	s.images(atRevision(1), atRevision(4))
	s.north.answer("Watch", waiting{})
	silent(t, s.south, changes(waiting{}, 5))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var failed error
	for event, err := range s.client.Control.Watch(ctx, &commonv1.WatchRequest{}) {
		if failed = err; event != nil {
			cancel()
		}
	}
	expect(t, "cancelled", errors.Is(failed, context.Canceled), true)
	silent(t, s.south, changes(waiting{}, 5))
	for event, err := range s.client.Control.Watch(t.Context(), &commonv1.WatchRequest{}) {
		if failed = err; event != nil {
			s.client.Close()
		}
	}
	refused(t, failed, "CANCELLED")
}
