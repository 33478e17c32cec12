// A machine there and back: sign in, provision by names, watch it become active, decommission it,
// watch it go.
//
//	MULLIGAN_PASSWORD=… go run ./example -address 127.0.0.1:7600 -account admin -name web-1
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	mulligan "mulligan.internal/client"
	commonv1 "mulligan.internal/client/gen/commonv1"
	controlv1 "mulligan.internal/client/gen/controlv1"
)

func main() {
	address := flag.String("address", "127.0.0.1:7600", "where iam listens; it tells where the sites are")
	account := flag.String("account", "admin", "who asks; the password is in MULLIGAN_PASSWORD")
	name := flag.String("name", "web-1", "of the machine")
	project := flag.String("project", "default", "name or UUID")
	region := flag.String("region", "home", "name or UUID")
	image := flag.String("image", "debian", "name or UUID")
	network := flag.String("network", "lan", "name or UUID")
	flag.Parse()
	client, err := mulligan.New(*address, mulligan.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if _, err := client.LogIn(ctx, *account, os.Getenv("MULLIGAN_PASSWORD")); err != nil {
		log.Fatal(err)
	}
	spec := &controlv1.MachineSpec{
		Kind: "virtual", Image: *image, Vcpus: 1, MemoryMib: 64, DiskGib: 1,
		Nics: []*controlv1.NicRequest{{Network: *network}},
	}
	asked := &controlv1.ProvisionMachineRequest{Project: *project, Region: *region, Name: *name, Spec: spec}
	if err := thereAndBack(ctx, client, asked); err != nil {
		log.Fatal(err)
	}
}

func thereAndBack(ctx context.Context, client *mulligan.Client, asked *controlv1.ProvisionMachineRequest) error {
	// A list of a region is of its site, and so is the revision: each site counts its own.
	there := &controlv1.ListImagesRequest{Region: asked.Region, Page: &commonv1.Page{Size: 1}}
	images, err := client.Control.ListImages(ctx, there)
	if err != nil {
		return err
	}
	operation, err := client.Control.ProvisionMachine(ctx, asked)
	if err != nil {
		return err
	}
	revision, err := reach(ctx, client, operation.ObjectId, images.Revision, "active")
	if err != nil {
		return err
	}
	ended := &controlv1.DecommissionMachineRequest{Project: asked.Project, Id: asked.Name}
	if _, err := client.Control.DecommissionMachine(ctx, ended); err != nil {
		return err
	}
	_, err = reach(ctx, client, operation.ObjectId, revision, "gone")
	return err
}

// reach watches a machine until it is in a state; gives the revision of that event.
func reach(ctx context.Context, client *mulligan.Client, machine string, after int64, state string) (int64, error) {
	watched := &commonv1.WatchRequest{AfterRevision: &after, ObjectId: machine}
	for event, err := range client.Control.Watch(ctx, watched) {
		if err != nil {
			return 0, err
		}
		fmt.Println(event.Status.GetState(), event.Message)
		switch event.Status.GetState() {
		case state:
			return event.Revision, nil
		case "failed":
			return 0, fmt.Errorf("machine %s failed: %s", machine, event.Status.GetReason())
		}
	}
	return 0, fmt.Errorf("the watch of machine %s ended", machine)
}
