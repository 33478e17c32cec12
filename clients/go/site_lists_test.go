package mulligan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/timestamppb"

	commonv1 "mulligan.internal/client/gen/commonv1"
	controlv1 "mulligan.internal/client/gen/controlv1"
	metav1 "mulligan.internal/client/gen/metav1"
	resourcev1 "mulligan.internal/client/gen/resourcev1"
)

// rowsAt tells which rows a page has, of so many, and the token of the next one; pages are no longer
// than the limit.
func rowsAt(request proto.Message, count, limit int) (from, to int, next string) {
	page := pageOf(request)
	from, _ = strconv.Atoi(page.GetToken())
	size := int(page.GetSize())
	if size == 0 {
		size = limit
	}
	if to = min(from+min(size, limit), count); to < count {
		next = strconv.Itoa(to)
	}
	return from, to, next
}

func TestAListGoesOnFromSiteToSite(t *testing.T) {
	s := twoSites(t, Options{})
	for server, has := range map[*served][]string{s.north: {"1", "2"}, s.south: {"3"}} {
		server.answer("ListHosts", func(request proto.Message) any {
			from, to, next := rowsAt(request, len(has), 1)
			return &controlv1.ListHostsResponse{Hosts: hosts(has[from:to]...), NextPageToken: next, Revision: 7}
		})
	}
	found := []string{}
	for one, err := range s.client.Control.AllHosts(t.Context(), &controlv1.ListHostsRequest{}) {
		done(t, err)
		found = append(found, one.Metadata.Id)
	}
	expect(t, "hosts", found, []string{"1", "2", "3"})
	answer, err := s.client.Control.ListHosts(t.Context(), &controlv1.ListHostsRequest{})
	done(t, err)
	expect(t, "the revision of several", answer.Revision, 0)
	answer, err = s.client.Control.ListHosts(t.Context(), &controlv1.ListHostsRequest{Region: southID})
	done(t, err)
	expect(t, "the revision of one", answer.Revision, 7)
	for _, foreign := range []string{"Zm9v", "west/Zm9v", "at:west/Zm9v", "at:" + northID + "/%x"} {
		_, err := s.client.Control.ListHosts(t.Context(), &controlv1.ListHostsRequest{Page: &commonv1.Page{Token: foreign}})
		refused(t, err, "INVALID_PAGE_TOKEN")
	}
}

func TestAListIsGivenWithoutASiteThatIsAwayIfThatIsTold(t *testing.T) {
	lacking := []string{}
	s := twoSites(t, Options{Attempts: 2, Away: func(site Site, why error) {
		refused(t, why, "UNAVAILABLE")
		lacking = append(lacking, site.ID)
	}})
	s.north.answer("ListHosts", away)
	s.south.answer("ListHosts", &controlv1.ListHostsResponse{Hosts: hosts(hostID)})
	for range 2 {
		answer, err := s.client.Control.ListHosts(t.Context(), &controlv1.ListHostsRequest{})
		done(t, err)
		expect(t, "hosts", idOf(answer.Hosts), []string{hostID})
	}
	expect(t, "lacking", lacking, []string{northID, northID})
	expect(t, "the second time once", s.asked("ListHosts"), [2]int{3, 2})
	s.client.options.Away = nil
	_, err := s.client.Control.ListHosts(t.Context(), &controlv1.ListHostsRequest{})
	refused(t, err, "UNAVAILABLE")
	s.north.answer("ListHosts", refusal(codes.PermissionDenied, "PERMISSION_DENIED"))
	_, err = s.client.Control.ListHosts(t.Context(), &controlv1.ListHostsRequest{})
	done(t, err)
}

func TestOperationsOfAllSitesComeNewestFirst(t *testing.T) {
	s := twoSites(t, Options{})
	for server, has := range map[*served][]int64{s.north: {9, 4, 3}, s.south: {8, 7, 1}} {
		server.answer("ListOperations", func(request proto.Message) any {
			from, to, next := rowsAt(request, len(has), 9)
			answer := &controlv1.ListOperationsResponse{NextPageToken: next}
			for _, at := range has[from:to] {
				own := &commonv1.Metadata{Id: fmt.Sprint(at), CreatedAt: &timestamppb.Timestamp{Seconds: at}}
				answer.Operations = append(answer.Operations, &controlv1.Operation{Metadata: own})
			}
			return answer
		})
	}
	found, token := [][]string{}, ""
	for token != "" || len(found) == 0 {
		request := &controlv1.ListOperationsRequest{Page: &commonv1.Page{Size: 2, Token: token}}
		answer, err := s.client.Control.ListOperations(t.Context(), request)
		done(t, err)
		found, token = append(found, idOf(answer.Operations)), answer.NextPageToken
	}
	expect(t, "operations", found, [][]string{{"9", "8"}, {"7", "4"}, {"3", "1"}})
}

func TestTheAuditOfAllSitesComesNewestFirst(t *testing.T) {
	s := twoSites(t, Options{})
	for server, has := range map[*served][]int64{s.north: {6, 2}, s.south: {7, 5}} {
		answer := &commonv1.ListAuditEventsResponse{}
		for _, at := range has {
			answer.Events = append(answer.Events, &commonv1.AuditEvent{At: &timestamppb.Timestamp{Seconds: at}, Revision: at})
		}
		server.answer("ListAuditEvents", answer)
	}
	answer, err := s.client.Control.ListAuditEvents(t.Context(), &commonv1.ListAuditEventsRequest{})
	done(t, err)
	found := []int64{}
	for _, one := range answer.Events {
		found = append(found, one.Revision)
	}
	expect(t, "events", found, []int64{7, 6, 5, 2})
}

func TestAnOrderOverSitesHoldsWherePagesEndEarlyOrAreEmpty(t *testing.T) {
	s := twoSites(t, Options{})
	has := map[*served][]string{s.north: {"a", "c", "e", "f"}, s.south: {"b", "d", "g"}}
	for server, names := range has {
		empty := server == s.north
		server.answer("ListHosts", func(request proto.Message) any {
			if empty && pageOf(request).GetToken() == "" {
				return &controlv1.ListHostsResponse{NextPageToken: "0"}
			}
			from, to, next := rowsAt(request, len(names), 2)
			answer := &controlv1.ListHostsResponse{NextPageToken: next}
			for _, name := range names[from:to] {
				answer.Hosts = append(answer.Hosts, &controlv1.Host{Metadata: &commonv1.Metadata{Name: name}})
			}
			return answer
		})
	}
	names := []string{}
	request := &controlv1.ListHostsRequest{OrderBy: commonv1.OrderBy_ORDER_BY_NAME, Page: &commonv1.Page{Size: 3}}
	for one, err := range s.client.Control.AllHosts(t.Context(), request) {
		done(t, err)
		names = append(names, one.Metadata.Name)
	}
	expect(t, "names", names, strings.Split("abcdefg", ""))
}

func TestWordsOfSeveralSitesComeInOneOrder(t *testing.T) {
	for order, expected := range map[commonv1.OrderBy]string{
		commonv1.OrderBy_ORDER_BY_NAME:       "abcdef",
		commonv1.OrderBy_ORDER_BY_ID:         "abcdef",
		commonv1.OrderBy_ORDER_BY_CREATED_AT: "fedcba",
	} {
		s := twoSites(t, Options{})
		for server, has := range map[*served]string{s.north: "ace", s.south: "bdf"} {
			words := strings.Split(has, "")
			if expected[0] == 'f' {
				slices.Reverse(words)
			}
			answer := &resourcev1.ListCapabilitiesResponse{}
			for _, word := range words {
				moment := &timestamppb.Timestamp{Seconds: 999 - int64(word[0])}
				answer.Capabilities = append(answer.Capabilities, &resourcev1.Capability{Name: word, CreatedAt: moment})
			}
			server.answer("ListCapabilities", answer)
		}
		answer, err := s.client.Resource.ListCapabilities(t.Context(), &resourcev1.ListCapabilitiesRequest{OrderBy: order})
		done(t, err)
		found := ""
		for _, one := range answer.Capabilities {
			found += one.Name
		}
		expect(t, "words", found, expected)
	}
}

func TestWhatHasATagIsToldOncePerObjectWhicheverPagesItIsOn(t *testing.T) {
	for size := range int32(5) {
		s := twoSites(t, Options{})
		// The project 5 is at both, and so is the account 2.
		for server, has := range map[*served][]string{s.north: {"1", "2", "5", "6"}, s.south: {"2", "3", "4", "5"}} {
			server.answer("ListObjectsByTag", func(request proto.Message) any {
				from, to, next := rowsAt(request, len(has), 3)
				answer := &metav1.ListObjectsByTagResponse{NextPageToken: next}
				for _, id := range has[from:to] {
					answer.Objects = append(answer.Objects, &metav1.TaggedObject{ObjectId: id})
				}
				return answer
			})
		}
		found := []string{}
		request := &metav1.ListObjectsByTagRequest{Tags: []string{"blue"}, Page: &commonv1.Page{Size: size}}
		for one, err := range s.client.Meta.AllObjectsByTag(t.Context(), request) {
			done(t, err)
			found = append(found, one.ObjectId)
		}
		expect(t, "objects", found, strings.Split("123456", ""))
	}
}

func TestObjectsOfSeveralSitesAreReadAtOnceInTheOrderOfTheirIDs(t *testing.T) {
	s := twoSites(t, Options{})
	s.both("DescribeObjects", &metav1.DescribeObjectsResponse{})
	ids := []string{hostID, otherID, topID}
	for server, has := range map[*served][]string{s.north: {hostID, topID}, s.south: {otherID}} {
		server.answer("BatchGetHosts", func(request proto.Message) any {
			for _, id := range request.(*controlv1.BatchGetHostsRequest).Ids {
				if !slices.Contains(has, id) {
					return notHere
				}
			}
			return &controlv1.BatchGetHostsResponse{Hosts: hosts(request.(*controlv1.BatchGetHostsRequest).Ids...)}
		})
	}
	for _, calls := range [][2]int{{3, 1}, {4, 2}} {
		asked := []string{strings.ToUpper(hostID), otherID, topID}
		answer, err := s.client.Control.BatchGetHosts(t.Context(), &controlv1.BatchGetHostsRequest{Ids: asked})
		done(t, err)
		expect(t, "hosts", idOf(answer.Hosts), ids)
		expect(t, "where they are is remembered", s.asked("BatchGetHosts"), calls)
	}
	_, err := s.client.Control.BatchGetHosts(t.Context(), &controlv1.BatchGetHostsRequest{Ids: append(ids, someID)})
	refused(t, err, "NOT_FOUND")
}

func TestANameIsFoundWhileAnotherSiteIsAway(t *testing.T) {
	s := twoSites(t, Options{Attempts: 1})
	s.north.answer("ResolveNames", away)
	s.south.answer("ResolveNames", func(request proto.Message) any {
		asked := request.(*metav1.ResolveNamesRequest)
		found := []*metav1.NamedObject{{Asked: "web", Id: hostID, ObjectType: asked.ObjectType}}
		if asked.Names[0] != "web" {
			found = nil
		}
		return &metav1.ResolveNamesResponse{Objects: found}
	})
	resolve := func(objectType, name, region string) error {
		request := &metav1.ResolveNamesRequest{ObjectType: objectType, Names: []string{name}, Region: region}
		_, err := s.client.Meta.ResolveNames(t.Context(), request)
		return err
	}
	done(t, resolve("network", "web", southID))
	expect(t, "its region leads", s.asked("ResolveNames"), [2]int{0, 1})
	done(t, resolve("machine", "web", ""))
	done(t, resolve("project", "web", ""))
	expect(t, "each site has it", s.asked("ResolveNames"), [2]int{1, 3})
	refused(t, resolve("machine", "other", ""), "UNAVAILABLE")
}

func TestANameThatOneTypeHasIsFoundWhileAnotherSiteIsAway(t *testing.T) {
	find := func(s *sites, name string) error {
		s.north.answer("ResolveNames", away)
		s.south.answer("ResolveNames", func(request proto.Message) any {
			asked, answer := request.(*metav1.ResolveNamesRequest), &metav1.ResolveNamesResponse{}
			if asked.ObjectType == "server" && asked.Names[0] == "web" {
				answer.Objects = []*metav1.NamedObject{{Asked: "web", Id: hostID, ObjectType: "server"}}
			}
			return answer
		})
		s.both("GetProvider", &resourcev1.Provider{})
		_, err := s.client.Resource.GetProvider(t.Context(), &resourcev1.GetProviderRequest{Id: name})
		return err
	}
	s := twoSites(t, Options{Attempts: 1})
	done(t, find(s, "web"))
	expect(t, "each type is looked at", s.asked("ResolveNames"), [2]int{3, 3})
	refused(t, find(s, "other"), "UNAVAILABLE")
	told := []string{}
	s = twoSites(t, Options{Attempts: 1, Away: func(site Site, _ error) { told = append(told, site.ID) }})
	done(t, find(s, "web"))
	expect(t, "told", told, []string{})
	refused(t, find(s, "other"), "NOT_FOUND")
	expect(t, "told", told, []string{northID})
}

func TestWhatEachSiteHasOfAProjectIsToldOnceAndInTheOrderOfTheIDs(t *testing.T) {
	s := twoSites(t, Options{})
	tagged := func(id, tag string) *metav1.TaggedObject {
		return &metav1.TaggedObject{ObjectId: id, Tags: []string{tag}}
	}
	s.north.answer("ListTags", &metav1.ListTagsResponse{Objects: []*metav1.TaggedObject{tagged(topID, "t"), tagged(otherID, "x")}})
	s.south.answer("ListTags", &metav1.ListTagsResponse{Objects: []*metav1.TaggedObject{tagged(topID, "t"), tagged(hostID, "y")}})
	request := &metav1.ListTagsRequest{ObjectIds: []string{hostID, strings.ToUpper(topID), otherID}}
	answer, err := s.client.Meta.ListTags(t.Context(), request)
	done(t, err)
	found := []string{}
	for _, one := range answer.Objects {
		found = append(found, one.ObjectId+one.Tags[0])
	}
	expect(t, "tags", found, []string{hostID + "y", topID + "t", otherID + "x"})
}

func TestWhatIsPutTogetherHasTheShapeForIt(t *testing.T) {
	checked := 0
	for _, file := range []protoreflect.FileDescriptor{
		controlv1.File_mulligan_control_v1_control_proto, resourcev1.File_mulligan_resource_v1_resource_proto,
		metav1.File_mulligan_meta_v1_meta_proto,
	} {
		methods := file.Services().Get(0).Methods()
		for number := range methods.Len() {
			method := methods.Get(number)
			isBatch := strings.HasPrefix(string(method.Name()), "BatchGet")
			if !isBatch && method.Input().Fields().ByName("order_by") == nil {
				continue
			}
			checked++
			kind, err := protoregistry.GlobalTypes.FindMessageByName(method.Output().FullName())
			done(t, err)
			row := rowField(kind.New())
			fields := row.Message().Fields()
			isWord := !isBatch && fields.ByName("name") != nil && fields.ByName("created_at") != nil
			expect(t, string(method.Name())+" has metadata", fields.ByName("metadata") != nil || isWord, true)
			expect(t, string(method.Name())+" has ids", method.Input().Fields().ByName("ids") != nil, isBatch)
		}
	}
	expect(t, "some", checked > 10, true)
}
