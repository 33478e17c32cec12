package mulligan

import (
	"context"
	"testing"

	"google.golang.org/protobuf/proto"

	commonv1 "mulligan.internal/client/gen/commonv1"
	controlv1 "mulligan.internal/client/gen/controlv1"
)

var newer = Method{
	Path: "/mulligan.control.v1.ControlService/ProvisionMachine",
	Newer: []Newer{
		{Path{"spec", "image"}, "0.2.0", 0},
		{Path{"spec", "placement"}, "0.10.0", int32(commonv1.Placement_PLACEMENT_NEAREST)},
	},
}

func TestWhatAnOlderServiceDoesNotKnowIsNotSent(t *testing.T) {
	older := &caller{address: "here"}
	older.version.Store("0.1.0")
	for needed, spec := range map[string]*controlv1.MachineSpec{
		"ProvisionMachine with spec.image needs control ≥ 0.2.0 (the one at here is 0.1.0); leave it out, or have the service updated":      {Image: "a"},
		"ProvisionMachine with spec.placement needs control ≥ 0.10.0 (the one at here is 0.1.0); leave it out, or have the service updated": {Image: "a", Placement: commonv1.Placement_PLACEMENT_NEAREST},
	} {
		_, err := older.ready(context.Background(), &newer, &controlv1.ProvisionMachineRequest{Spec: spec})
		if !HasCode(err, "NEEDS_NEWER_SERVICE") || err.Error() != needed {
			t.Errorf("got %v instead of %s", err, needed)
		}
	}
}

func TestWhatTheServiceKnowsIsSent(t *testing.T) {
	request := &controlv1.ProvisionMachineRequest{Spec: &controlv1.MachineSpec{Image: "a"}}
	for _, version := range []string{"0.2.0", "0.9.1", "0.10.0", "1.0.0rc1"} {
		known := &caller{client: &Client{}, address: "here"}
		known.version.Store(version)
		ready, err := known.ready(context.Background(), &newer, request)
		if err != nil || !proto.Equal(ready, request) {
			t.Errorf("%s: %v", version, err)
		}
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
		target, secure, err := parse(address)
		if err != nil || target != expected.target || secure != expected.secure {
			t.Errorf("%s: %s %t %v", address, target, secure, err)
		}
	}
	for _, address := range []string{"", "host", "ftp://host:1", "user:secret@host:1", "host:1/path"} {
		if _, _, err := parse(address); err == nil {
			t.Errorf("%s was taken", address)
		}
	}
}
