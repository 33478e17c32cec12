package mulligan

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	commonv1 "mulligan.internal/client/gen/commonv1"
	controlv1 "mulligan.internal/client/gen/controlv1"
	iamv1 "mulligan.internal/client/gen/iamv1"
)

const (
	northID = "aaaaaaaa-0000-4000-8000-000000000000"
	southID = "bbbbbbbb-0000-4000-8000-000000000000"
	topID   = "cccccccc-0000-4000-8000-000000000000"
	hostID  = "dddddddd-0000-4000-8000-000000000000"
	otherID = "eeeeeeee-0000-4000-8000-000000000000"
)

var (
	notHere = refusal(codes.NotFound, "NOT_FOUND")
	full    = refusal(codes.ResourceExhausted, noCapacity)
)

// sites are an iam with a client, and two sites that it tells of. Each serves the region that is
// called like itself, below topID.
type sites struct {
	*served
	north, south *served
}

func twoSites(t *testing.T, options Options) *sites {
	t.Helper()
	if options.Token == "" {
		options.Token = "access"
	}
	s := &sites{serve(t, nil, options), start(t, nil), start(t, nil)}
	s.tells(siteOf(northID, s.north.address), siteOf(southID, s.south.address))
	regions := []*iamv1.Region{}
	for _, id := range []string{northID, southID} {
		regions = append(regions, &iamv1.Region{Metadata: &commonv1.Metadata{Id: id}, Parent: topID})
	}
	s.answer("ListRegions", &iamv1.ListRegionsResponse{Regions: regions})
	return s
}

// siteOf is a site with a process at each address; plain ones are of this machine.
func siteOf(id string, addresses ...string) *iamv1.Site {
	told := &iamv1.Site{Id: id, Regions: []string{id}}
	for _, address := range addresses {
		kinds := []string{"meta", "resource", "control"}
		told.Services = append(told.Services, &iamv1.Service{Id: address, Site: id, Kinds: kinds, Address: address, Alive: true})
	}
	return told
}

// tells has iam tell of sites from now on.
func (s *sites) tells(told ...*iamv1.Site) {
	s.answer("ListServices", &iamv1.ListServicesResponse{Sites: told})
}

// passes lets time go by.
func (s *served) passes(time time.Duration) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.now = s.now.Add(time)
}

// both answers at both sites.
func (s *sites) both(name string, answers ...any) {
	s.north.answer(name, slices.Clone(answers)...)
	s.south.answer(name, slices.Clone(answers)...)
}

// asked tells how often an RPC was called at each site.
func (s *sites) asked(name string) [2]int {
	return [2]int{len(s.north.requests(name)), len(s.south.requests(name))}
}

func (s *sites) createHost(t *testing.T, region string) error {
	t.Helper()
	_, err := s.client.Control.CreateHost(t.Context(), &controlv1.CreateHostRequest{Region: region})
	return err
}

func (s *sites) getHost(t *testing.T, id string) error {
	t.Helper()
	_, err := s.client.Control.GetHost(t.Context(), &controlv1.GetHostRequest{Id: id})
	return err
}

// done fails the test if something did.
func done(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused fails the test unless something failed with this code.
func refused(t *testing.T, err error, code string) {
	t.Helper()
	if !HasCode(err, code) {
		t.Errorf("got %v instead of %s", err, code)
	}
}

func hosts(ids ...string) []*controlv1.Host {
	found := []*controlv1.Host{}
	for _, id := range ids {
		found = append(found, &controlv1.Host{Metadata: &commonv1.Metadata{Id: id}})
	}
	return found
}

// idOf gives the ids of objects.
func idOf[Row proto.Message](rows []Row) []string {
	ids := []string{}
	for _, row := range rows {
		ids = append(ids, metadataOf(row).GetId())
	}
	return ids
}
