package mulligan

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	commonv1 "mulligan.internal/client/gen/commonv1"
	controlv1 "mulligan.internal/client/gen/controlv1"
	resourcev1 "mulligan.internal/client/gen/resourcev1"
)

var newer = Method{
	Path: "/mulligan.control.v1.ControlService/ProvisionMachine",
	Newer: []Newer{
		{Path{"spec", "image"}, "0.2.0", 0},
		{Path{"spec", "nics"}, "0.3.0", 0},
		{Path{"changes", "under"}, "0.4.0", 0},
		{Path{"spec", "placement"}, "0.10.0", int32(commonv1.Placement_PLACEMENT_NEAREST)},
	},
}

func TestWhatAnOlderServiceDoesNotKnowIsNotSent(t *testing.T) {
	older := serve(t, nil, Options{}).atIam(t)
	for needed, spec := range map[string]*controlv1.MachineSpec{
		"spec.image needs control ≥ 0.2.0":      {Image: "a"},
		"spec.placement needs control ≥ 0.10.0": {Image: "a", Placement: commonv1.Placement_PLACEMENT_NEAREST},
	} {
		said := fmt.Sprintf("ProvisionMachine with %s (the one at %s is 0.1.0); leave it out, or have the service updated", needed, older.address)
		_, err := older.ready(t.Context(), &newer, &controlv1.ProvisionMachineRequest{Spec: spec})
		if !HasCode(err, "NEEDS_NEWER_SERVICE") || err.Error() != said {
			t.Errorf("got %v instead of %s", err, said)
		}
	}
}

func TestWhatTheServiceKnowsByNowIsSent(t *testing.T) {
	request := &controlv1.ProvisionMachineRequest{Spec: &controlv1.MachineSpec{Image: "a"}}
	server := serve(t, nil, Options{})
	updated := server.atIam(t)
	if _, err := updated.ready(t.Context(), &newer, request); !HasCode(err, "NEEDS_NEWER_SERVICE") {
		t.Errorf("got %v", err)
	}
	server.version.Store("0.2")
	ready, err := updated.ready(t.Context(), &newer, request)
	if err != nil || !proto.Equal(ready, request) {
		t.Errorf("got %v, %v", ready, err)
	}
}

func TestAFieldCountsThatIsSaidIfOnlyToBeTakenAway(t *testing.T) {
	older := serve(t, nil, Options{}).atIam(t)
	for _, request := range []proto.Message{
		&controlv1.ProvisionMachineRequest{Spec: &controlv1.MachineSpec{Nics: []*controlv1.NicRequest{}}},
		&resourcev1.UpdateProvidersRequest{Changes: []*resourcev1.ProviderChange{{}}},
		&controlv1.UpdateServerRequest{UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"name", "spec.image_name"}}},
	} {
		if _, err := older.ready(t.Context(), &newer, request); err != nil {
			t.Errorf("%v: %v", request, err)
		}
	}
	for what, request := range map[string]proto.Message{
		"changes.under": &resourcev1.UpdateProvidersRequest{Changes: []*resourcev1.ProviderChange{{}, {Under: proto.String("")}}},
		"spec.image":    &controlv1.UpdateServerRequest{UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"spec.image"}}},
	} {
		if _, err := older.ready(t.Context(), &newer, request); !HasCode(err, "NEEDS_NEWER_SERVICE") || !strings.Contains(err.Error(), what) {
			t.Errorf("%v: %v", request, err)
		}
	}
}

func TestARefusalTellsTheVersionAndWhatIsNotKnownIsAskedForAgain(t *testing.T) {
	server := serve(t, nil, Options{Attempts: 1})
	verify := func() error {
		_, err := server.client.Control.VerifyServer(t.Context(), &controlv1.VerifyServerRequest{Id: someID})
		return err
	}
	server.version.Store("0.2.0")
	server.answer("VerifyServer", refusal(codes.NotFound, "NOT_FOUND"))
	if err := verify(); !HasCode(err, "NOT_FOUND") || server.atIam(t).knownVersion() != "0.2.0" {
		t.Errorf("%v from %q", err, server.atIam(t).knownVersion())
	}
	server.version.Store("")
	server.answer("VerifyServer", refusal(codes.InvalidArgument, unknownField))
	if err := verify(); !HasCode(err, unknownField) || server.atIam(t).knownVersion() != "" {
		t.Errorf("%v from %q", err, server.atIam(t).knownVersion())
	}
}

func TestAnAddressSaysWhetherItSpeaksTLS(t *testing.T) {
	for address, expected := range map[string]struct {
		target string
		secure bool
	}{
		"127.0.0.1:7600":          {"127.0.0.1:7600", false},
		"[::1]:7600":              {"[::1]:7600", false},
		"mulligan.example:7600":   {"mulligan.example:7600", true},
		"grpc://mulligan.example": {"mulligan.example:80", false},
		"https://[fd00::1]":       {"[fd00::1]:443", true},
	} {
		found, err := parse(address)
		if err != nil || found.String() != expected.target || found.secure != expected.secure {
			t.Errorf("%s: %s %t %v", address, found, found.secure, err)
		}
	}
	for _, address := range []string{"", "host", "ftp://host:1", "user:secret@host:1", "host:1/path", "http://%C3%A9:1", "http://127.0.0.%31:1"} {
		if _, err := parse(address); err == nil {
			t.Errorf("%s was taken", address)
		}
	}
}
