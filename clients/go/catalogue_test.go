package mulligan

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	controlv1 "mulligan.internal/client/gen/controlv1"
	iamv1 "mulligan.internal/client/gen/iamv1"
)

func TestATokenGoesOnlyWhereItMay(t *testing.T) {
	type told struct {
		told, iam string
		isTrusted bool
	}
	all := []told{
		{"https://berlin:7600", "https://iam.lan:9", true},
		{"http://berlin:7600", "https://iam.lan:9", false},
		{"http://berlin:7600", "http://iam.lan:9", true},
		// Without TLS on one machine nobody has trusted the network.
		{"http://berlin:7600", "127.0.0.1:9", false},
		{"https://berlin:7600", "127.0.0.1:9", true},
		{"http://127.0.0.1:1", "127.0.0.1:9", true},
		{"http://[::ffff:127.0.0.1]:1", "http://a.localhost:9", true},
		{"http://Localhost.:1", "[::1]:9", true},
		// What only may be this machine is sent nothing in the clear, and is no word for this one.
		{"http://localhost.berlin.lan:1", "127.0.0.1:9", false},
		{"https://localhost.berlin.lan:1", "127.0.0.1:9", true},
		{"http://127.1:1", "localhost:9", false},
		{"http://[64:ff9b::7f00:1]:1", "127.0.0.1:9", false},
		{"https://127.0.0.1:1", "http://localhost.berlin.lan:9", false},
		{"http://berlin:7600", "http://localhost.berlin.lan:9", false},
		{"https://berlin:7600", "https://localhost.berlin.lan:9", true},
		{"http://128.0.0.1:1", "http://iam.lan:9", true},
		{"http://unix:1", "http://iam.lan:9", true},
		{"https://[fe80::1%25eth0]:1", "https://iam.lan:9", true},
	}
	for _, host := range []string{
		// This machine, however it is written.
		"127.0.0.1", "127.1", "127.0.0.1.", "0x7f.1", "0X7F.1", "0177.0.0.01", "0177.0.0.0x1b",
		"2130706433", "017700000001", "0x7f000001", "127.255.0.9", "0", "0.0.0.0",
		"[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
		"[::FFFF:0.0.0.0]", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]",
		"[64:ff9b::7f00:1]", "localhost", "LocalHost", "localhost.", "a.localhost", "a.LOCALHOST",
		"localhost.localdomain", "localhost4", "ip6-localhost", "localhost.berlin.lan",
		// Something that gRPC would read as another host than this is.
		"%31%32%37.0.0.1", "%6cocalhost", "%31", "berlin%2elan", "localhos%74",
		"[::1%eth0]", "[::1%25lo]", "[::ffff:7f00%3a1]", "[::ffff:7f0%30:1]", "[::ffff:7f0%2530:1]", "[1::%31]",
		"[1::%2531]", "[fe80::1%a/b]", "[fe80::1%25a%2fb]", "me@127.0.0.1", "berlin@127.0.0.1",
		"me:word@berlin", "@berlin", "berlin/..", "berlin?", "\uff11\uff12\uff17.0.0.1", "berl in",
		"berlin,127.0.0.1", "b\\erlin", "-berlin", "*",
	} {
		for _, scheme := range []string{"http", "https"} {
			all = append(all, told{scheme + "://" + host + ":1", scheme + "://iam.lan:9", false})
		}
	}
	for _, one := range all {
		iam, err := parse(one.iam)
		done(t, err)
		known := &catalogue{iam: iam, now: time.Now}
		found := known.site(siteOf(northID, one.told))
		expect(t, one.told+" of "+one.iam, len(found.addresses["control"]) == 1, one.isTrusted)
		expect(t, "untrusted", len(found.untrusted) == 0, one.isTrusted)
	}
}

func TestAHostIsAHostWhateverItIsCalled(t *testing.T) {
	for host, target := range map[string]string{
		"unix": "dns:///unix:1", "google-c2p": "dns:///google-c2p:1", "[fe80::1%25eth0]": "dns:///[fe80::1%eth0]:1",
	} {
		client, err := New("http://"+host+":1", Options{})
		done(t, err)
		conn, err := client.dial(client.address)
		done(t, err)
		expect(t, host, conn.CanonicalTarget(), target)
		client.Close()
	}
}

func TestGoroutinesWaitForTheFirstAnswerOfIam(t *testing.T) {
	s, let := twoSites(t, Options{}), make(chan struct{})
	told := s.served.answers["ListServices"][0]
	s.answer("ListServices", func(proto.Message) any { <-let; return told })
	s.south.answer("CreateHost", &controlv1.Host{})
	over, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.client.Control.CreateHost(over, &controlv1.CreateHostRequest{Region: southID})
	refused(t, err, "CANCELLED")
	var calling sync.WaitGroup
	for range 3 {
		calling.Go(func() {
			if err := s.createHost(t, southID); err != nil {
				t.Error(err)
			}
		})
	}
	close(let)
	calling.Wait()
	expect(t, "asked", s.asked("CreateHost"), [2]int{0, 3})
	expect(t, "iam", len(s.requests("ListServices")), 1)
}

func TestWhileIamDoesNotTellNothingGoesAnywhereAndWhatItToldHolds(t *testing.T) {
	s := twoSites(t, Options{})
	s.both("CreateHost", &controlv1.Host{})
	told := s.served.answers["ListServices"][0]
	s.answer("ListServices", refusal(codes.DeadlineExceeded, "DEADLINE_EXCEEDED"))
	refused(t, s.createHost(t, southID), "DEADLINE_EXCEEDED")
	s.answer("ListServices", told)
	s.passes(time.Hour)
	done(t, s.createHost(t, southID))
	s.answer("ListServices", away)
	s.passes(time.Hour)
	done(t, s.createHost(t, southID))
	expect(t, "asked", s.asked("CreateHost"), [2]int{0, 2})
}

func TestAnIamWithoutACatalogueIsWhereEverythingIs(t *testing.T) {
	for _, told := range []error{
		refusal(codes.Unimplemented, "UNIMPLEMENTED"), refusal(codes.PermissionDenied, "CREDENTIAL_LIMITED"),
	} {
		s := twoSites(t, Options{})
		s.answer("ListServices", told)
		s.answer("CreateHost", &controlv1.Host{})
		done(t, s.createHost(t, southID))
		expect(t, "asked", len(s.requests("CreateHost")), 1)
	}
}

func TestAChosenSiteNeverBecomesAnother(t *testing.T) {
	s := twoSites(t, Options{Site: strings.ToUpper(southID)})
	s.both("Freeze", &controlv1.FreezeResponse{})
	freeze := func() error {
		_, err := s.client.Control.Freeze(t.Context(), &controlv1.FreezeRequest{Reason: "smoke"})
		return err
	}
	s.tells(siteOf(northID, s.north.address), siteOf(southID))
	refused(t, freeze(), "NO_SERVICE")
	s.tells(siteOf(northID, s.north.address), siteOf(southID, s.south.address))
	done(t, freeze())
	s.tells(siteOf(northID, s.north.address))
	s.passes(time.Hour)
	done(t, freeze())
	expect(t, "asked", s.asked("Freeze"), [2]int{0, 2})
	unknown := twoSites(t, Options{Site: topID})
	refused(t, unknown.createHost(t, northID), "NOT_FOUND")
}

func TestAnAddressThatIsGivenHoldsBesideTheCatalogue(t *testing.T) {
	elsewhere := start(t, map[string][]any{"CreateHost": {&controlv1.Host{}}})
	s := twoSites(t, Options{Addresses: map[string]string{"control": elsewhere.address}})
	done(t, s.createHost(t, southID))
	done(t, s.createHost(t, northID))
	expect(t, "asked", len(elsewhere.requests("CreateHost")), 2)
}

func TestIamMayBeAtAnAddressOfItsOwn(t *testing.T) {
	iam := start(t, map[string][]any{"CreateHost": {&controlv1.Host{}}})
	s := twoSites(t, Options{Addresses: map[string]string{"iam": iam.address}})
	beside := siteOf(northID, "")
	iam.answer("ListServices", &iamv1.ListServicesResponse{Sites: []*iamv1.Site{beside, siteOf(southID, s.south.address)}})
	s.south.answer("CreateHost", &controlv1.Host{})
	done(t, s.createHost(t, northID))
	done(t, s.createHost(t, southID))
	expect(t, "asked", []int{len(iam.requests("CreateHost")), len(s.south.requests("CreateHost"))}, []int{1, 1})
	expect(t, "the other one", len(s.requests("ListServices")), 0)
}
