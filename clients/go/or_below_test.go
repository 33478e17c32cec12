package mulligan

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/timestamppb"

	commonv1 "mulligan.internal/client/gen/commonv1"
	controlv1 "mulligan.internal/client/gen/controlv1"
	iamv1 "mulligan.internal/client/gen/iamv1"
	resourcev1 "mulligan.internal/client/gen/resourcev1"
)

func (s *sites) claim(t *testing.T, requestID string, wait bool) error {
	t.Helper()
	request := &resourcev1.CreateClaimRequest{
		RequestId: requestID, Project: someID, Spec: &resourcev1.ClaimSpec{Region: topID, OrBelow: true},
	}
	if wait {
		request.WaitUntil = &timestamppb.Timestamp{Seconds: 9}
	}
	_, err := s.client.Resource.CreateClaim(t.Context(), request)
	return err
}

func TestAClaimOrBelowGoesOnOnlyWhereItWasRefused(t *testing.T) {
	s := twoSites(t, Options{Attempts: 1})
	s.north.answer("CreateClaim", full)
	s.south.answer("CreateClaim", away)
	refused(t, s.claim(t, "one", false), "UNAVAILABLE")
	expect(t, "asked", s.asked("CreateClaim"), [2]int{1, 1})
	// It may have been done at the second, so the first is not asked again though it has room now.
	s.both("CreateClaim", &resourcev1.Claim{})
	for number := range 2 * remembered {
		s.client.Resource.caller.(*routed).whereabouts.noteID(fmt.Sprint("of a long list ", number), northID)
	}
	done(t, s.claim(t, "one", false))
	done(t, s.claim(t, "two", false))
	expect(t, "asked", s.asked("CreateClaim"), [2]int{2, 2})
	s.north.answer("CreateClaim", away)
	refused(t, s.claim(t, "", false), "UNAVAILABLE")
	// A new one, which nobody can have made before, need not wait for a site that is away.
	done(t, s.claim(t, "", false))
	refused(t, s.claim(t, "three", false), "UNAVAILABLE")
	expect(t, "asked", s.asked("CreateClaim"), [2]int{4, 3})
}

func TestAClaimIsBoundToASiteOnlyUntilThatRefusesIt(t *testing.T) {
	for _, wait := range []bool{false, true} {
		s := twoSites(t, Options{Attempts: 1})
		s.both("CreateClaim", &resourcev1.Claim{})
		s.north.answer("CreateClaim", away)
		refused(t, s.claim(t, "one", wait), "UNAVAILABLE")
		s.north.answer("CreateClaim", full)
		done(t, s.claim(t, "one", wait))
		expect(t, "asked", s.asked("CreateClaim"), [2]int{2, 1})
	}
}

func TestAClaimOrBelowWaitsWhereNoSiteHasRoomAtOnceAndIsLookedForThereFirst(t *testing.T) {
	s := twoSites(t, Options{Attempts: 1})
	atOnceFull := func(then any) func(proto.Message) any {
		return func(request proto.Message) any {
			if request.(*resourcev1.CreateClaimRequest).WaitUntil == nil {
				return full
			}
			return then
		}
	}
	s.north.answer("CreateClaim", atOnceFull(refusal(codes.DeadlineExceeded, "DEADLINE_EXCEEDED")))
	s.south.answer("CreateClaim", atOnceFull(&resourcev1.Claim{}))
	refused(t, s.claim(t, "one", true), "DEADLINE_EXCEEDED")
	expect(t, "asked", s.asked("CreateClaim"), [2]int{2, 1})
	s.north.answer("CreateClaim", &resourcev1.Claim{})
	done(t, s.claim(t, "one", true))
	asked := s.north.requests("CreateClaim")
	ids := []string{}
	for _, one := range asked {
		ids = append(ids, requestID(one))
	}
	// As Python's uuid.uuid5(uuid.NAMESPACE_OID, "one").
	expect(t, "ids", ids, []string{"aa67c98c-d81f-5a9c-b0bc-26caa0051aea", "one", "one"})
}

func TestASiteWithoutAnAddressDoesNotStopAClaimOrBelow(t *testing.T) {
	s := twoSites(t, Options{Attempts: 1})
	s.south.answer("CreateClaim", &resourcev1.Claim{})
	untrusted := siteOf(northID, "http://north.lan:7600")
	s.tells(untrusted, siteOf(southID, s.south.address))
	done(t, s.claim(t, "one", false))
	s.south.answer("CreateClaim", full)
	err := s.claim(t, "two", false)
	refused(t, err, "NO_SERVICE")
	expect(t, "words", err, "site "+northID+" has no service resource that this client can reach (a token is not sent to http://north.lan:7600: it has no TLS or leads to this machine, other than iam's address); see `mulligan service list`")
	expect(t, "waits", len(s.pauses), 0)
}

func TestAClaimThatMayBeDoneAtASiteThatHasNoAddressNowIsMadeNowhereElse(t *testing.T) {
	s := twoSites(t, Options{Attempts: 1})
	s.both("CreateClaim", &resourcev1.Claim{})
	s.north.answer("CreateClaim", away)
	refused(t, s.claim(t, "one", false), "UNAVAILABLE")
	s.tells(siteOf(northID), siteOf(southID, s.south.address))
	s.passes(time.Hour)
	refused(t, s.claim(t, "one", false), "NO_SERVICE")
	expect(t, "asked", s.asked("CreateClaim"), [2]int{1, 0})
}

func TestAClaimOfAnotherProcessMayBeDoneAtASiteThatIsNotHeardOf(t *testing.T) {
	s := twoSites(t, Options{Attempts: 1})
	s.south.answer("CreateClaim", &resourcev1.Claim{})
	s.tells(siteOf(northID), siteOf(southID, s.south.address))
	refused(t, s.claim(t, "one", false), "NO_SERVICE")
	expect(t, "asked", s.asked("CreateClaim"), [2]int{0, 0})
	// An id that is made up here nobody has sent.
	done(t, s.claim(t, "", false))
	expect(t, "asked", s.asked("CreateClaim"), [2]int{0, 1})
}

// withTop is a site of the whole region.
func withTop(id, address string) *iamv1.Site {
	told := siteOf(id, address)
	told.Regions = []string{topID}
	return told
}

func TestAClaimThatASiteMayHaveDoneIsAskedOfItWhenTheRegionHasLeft(t *testing.T) {
	for _, wait := range []bool{false, true} {
		s := twoSites(t, Options{Attempts: 1})
		s.both("CreateClaim", &resourcev1.Claim{})
		s.north.answer("CreateClaim", away)
		refused(t, s.claim(t, "one", wait), "UNAVAILABLE")
		emptied := siteOf(northID, s.north.address)
		emptied.Regions = []string{otherID}
		s.tells(emptied, withTop(southID, s.south.address))
		s.passes(time.Hour)
		refused(t, s.claim(t, "one", wait), "UNAVAILABLE")
		expect(t, "asked", s.asked("CreateClaim"), [2]int{2, 0})
		// It did not do it, and says so: then it may go to where the region is.
		s.north.answer("CreateClaim", refusal(codes.FailedPrecondition, regionElsewhere))
		done(t, s.claim(t, "one", wait))
		expect(t, "asked", s.asked("CreateClaim"), [2]int{3, 1})
	}
}

func TestAClaimThatASiteMayHaveDoneThatIsNoMoreIsMadeAtNoOtherOne(t *testing.T) {
	for _, wait := range []bool{false, true} {
		for _, others := range [][]*iamv1.Site{nil, {siteOf(otherID)}} {
			s := twoSites(t, Options{Attempts: 1})
			s.both("CreateClaim", &resourcev1.Claim{})
			s.north.answer("CreateClaim", away)
			refused(t, s.claim(t, "one", wait), "UNAVAILABLE")
			s.tells(append(others, siteOf(southID, s.south.address))...)
			s.passes(time.Hour)
			refused(t, s.claim(t, "one", wait), "SITE_GONE")
			expect(t, "asked", s.asked("CreateClaim"), [2]int{1, 0})
			done(t, s.claim(t, "two", wait))
		}
	}
}

func TestAClaimOrBelowGoesByTheTreeThatIamToldLast(t *testing.T) {
	s := twoSites(t, Options{Attempts: 1})
	s.both("CreateClaim", &resourcev1.Claim{})
	done(t, s.claim(t, "one", false))
	s.answer("ListRegions", away)
	done(t, s.claim(t, "two", false))
	s.answer("ListRegions", refusal(codes.PermissionDenied, "PERMISSION_DENIED"))
	refused(t, s.claim(t, "three", false), "PERMISSION_DENIED")
}

func TestEachRequestThatCanBeOrBelowIsKnownToBe(t *testing.T) {
	known := 0
	for _, file := range []protoreflect.FileDescriptor{controlv1.File_mulligan_control_v1_control_proto, resourcev1.File_mulligan_resource_v1_resource_proto} {
		methods := file.Services().Get(0).Methods()
		for number := range methods.Len() {
			method := methods.Get(number)
			if method.Name() == "ChangeClaims" {
				continue // It goes to the site of what it names.
			}
			for _, path := range orBelows(method.Input(), nil) {
				kind, err := protoregistry.GlobalTypes.FindMessageByName(method.Input().FullName())
				done(t, err)
				request := kind.New()
				part := request
				for _, field := range path[:len(path)-1] {
					part = part.Mutable(field).Message()
				}
				part.Set(path[len(path)-1], protoreflect.ValueOfBool(true))
				expect(t, string(method.FullName()), isOrBelow(request.Interface()), true)
				known++
			}
		}
	}
	expect(t, "some", known > 3, true)
}

// orBelows gives the ways to the fields of that name in a message.
func orBelows(message protoreflect.MessageDescriptor, above []protoreflect.FieldDescriptor) (found [][]protoreflect.FieldDescriptor) {
	fields := message.Fields()
	for number := range fields.Len() {
		field := fields.Get(number)
		path := append(above[:len(above):len(above)], field)
		if field.Name() == "or_below" {
			found = append(found, path)
		} else if field.Message() != nil && !field.IsList() && !field.IsMap() && len(path) < 5 {
			found = append(found, orBelows(field.Message(), path)...)
		}
	}
	return found
}

func TestOpeningsOrBelowAreTheEarliestOfAllSites(t *testing.T) {
	s := twoSites(t, Options{})
	openings := func(starts ...int64) any {
		found := &resourcev1.FindOpeningsResponse{}
		for _, at := range starts {
			window := &commonv1.Window{AcquireAt: &timestamppb.Timestamp{Seconds: at}}
			found.Openings = append(found.Openings, &resourcev1.Opening{Window: window})
		}
		return found
	}
	starts := func() (found []int64, err error) {
		request := &resourcev1.FindOpeningsRequest{Spec: &resourcev1.ClaimSpec{Region: topID, OrBelow: true}, Limit: 3}
		answer, err := s.client.Resource.FindOpenings(t.Context(), request)
		for _, one := range answer.GetOpenings() {
			found = append(found, one.Window.AcquireAt.Seconds)
		}
		return found, err
	}
	s.north.answer("FindOpenings", openings(30, 40))
	s.south.answer("FindOpenings", openings(10, 35))
	found, err := starts()
	expect(t, "openings", fmt.Sprint(found, err), "[10 30 35] <nil>")
	s.north.answer("FindOpenings", full)
	found, err = starts()
	expect(t, "openings", fmt.Sprint(found, err), "[10 35] <nil>")
	s.south.answer("FindOpenings", full)
	_, err = starts()
	refused(t, err, noCapacity)
}
