package mulligan

import (
	"context"
	"fmt"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
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

// callerOf gives who calls a service of some version, which answers nothing but its health.
func callerOf(t *testing.T, version *string) *caller {
	t.Helper()
	tell := func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, answer grpc.UnaryHandler) (any, error) {
		if err := grpc.SetTrailer(ctx, metadata.Pairs(versionKey, *version)); err != nil {
			return nil, err
		}
		return answer(ctx, request)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(tell))
	healthv1.RegisterHealthServer(server, health.NewServer())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	client, err := New(listener.Addr().String(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client.Control.caller
}

func TestWhatAnOlderServiceDoesNotKnowIsNotSent(t *testing.T) {
	version := "0.1.0"
	older := callerOf(t, &version)
	for needed, spec := range map[string]*controlv1.MachineSpec{
		"spec.image needs control ≥ 0.2.0":      {Image: "a"},
		"spec.placement needs control ≥ 0.10.0": {Image: "a", Placement: commonv1.Placement_PLACEMENT_NEAREST},
	} {
		said := fmt.Sprintf("ProvisionMachine with %s (the one at %s is 0.1.0); leave it out, or have the service updated", needed, older.address)
		_, err := older.ready(context.Background(), &newer, &controlv1.ProvisionMachineRequest{Spec: spec})
		if !HasCode(err, "NEEDS_NEWER_SERVICE") || err.Error() != said {
			t.Errorf("got %v instead of %s", err, said)
		}
	}
}

func TestWhatTheServiceKnowsByNowIsSent(t *testing.T) {
	request := &controlv1.ProvisionMachineRequest{Spec: &controlv1.MachineSpec{Image: "a"}}
	version := "0.1.0"
	updated := callerOf(t, &version)
	if _, err := updated.ready(context.Background(), &newer, request); !HasCode(err, "NEEDS_NEWER_SERVICE") {
		t.Errorf("got %v", err)
	}
	version = "0.2.0"
	ready, err := updated.ready(context.Background(), &newer, request)
	if err != nil || !proto.Equal(ready, request) {
		t.Errorf("got %v, %v", ready, err)
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
