package mulligan

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

var away = refusal(codes.Unavailable, "UNAVAILABLE")

func expect(t *testing.T, what string, got, expected any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(expected) {
		t.Errorf("%s: %v instead of %v", what, got, expected)
	}
}

func TestACallWhoseConnectionIsLostIsMadeAgainWithTheSameRequestID(t *testing.T) {
	server := serve(t, map[string][]any{"VerifyServer": {lost{}, away, &controlv1.Operation{}}}, Options{})
	if _, err := server.client.Control.VerifyServer(t.Context(), &controlv1.VerifyServerRequest{Id: someID}); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, request := range server.requests("VerifyServer") {
		ids[request.(*controlv1.VerifyServerRequest).RequestId] = true
	}
	expect(t, "attempts, ids", []int{len(server.requests("VerifyServer")), len(ids)}, []int{3, 1})
	expect(t, "pauses", len(server.pauses), 2)
}

func TestWhatMayHaveBeenDoneIsNotDoneAgain(t *testing.T) {
	server := serve(t, map[string][]any{"Bootstrap": {lost{}}}, Options{})
	_, err := server.client.Iam.Bootstrap(t.Context(), &iamv1.BootstrapRequest{})
	expect(t, "unavailable", HasCode(err, "UNAVAILABLE"), true)
	expect(t, "attempts", len(server.requests("Bootstrap")), 1)
}

func TestACallThatItsCallerGivesUpSaysSo(t *testing.T) {
	server := serve(t, nil, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	server.answer("VerifyServer", func(proto.Message) any { cancel(); return away })
	_, err := server.client.Control.VerifyServer(ctx, &controlv1.VerifyServerRequest{Id: someID})
	expect(t, "cancelled", HasCode(err, "CANCELLED") || HasCode(err, "UNAVAILABLE"), true)
	_, err = server.client.Control.VerifyServer(ctx, &controlv1.VerifyServerRequest{Id: someID})
	expect(t, "cancelled", HasCode(err, "CANCELLED"), true)
	expect(t, "attempts", len(server.requests("VerifyServer")), 1)
}

func TestWhoCalledTooOftenWaitsAsLongAsItIsToldUnlessThatIsTooLong(t *testing.T) {
	limited := func(delay time.Duration) error {
		return refusal(codes.ResourceExhausted, rateLimited, after(delay))
	}
	server := serve(t, map[string][]any{
		"VerifyServer": {limited(7 * time.Second), &controlv1.Operation{}, limited(99 * time.Second)},
	}, Options{})
	request := &controlv1.VerifyServerRequest{Id: someID}
	if _, err := server.client.Control.VerifyServer(t.Context(), request); err != nil {
		t.Error(err)
	}
	_, err := server.client.Control.VerifyServer(t.Context(), request)
	expect(t, "limited", HasCode(err, rateLimited), true)
	expect(t, "pauses", server.pauses, []time.Duration{7 * time.Second})
}

func TestAListIsReadToItsEndAndItsNamesAreLookedUpOnce(t *testing.T) {
	page := func(name, next string) *controlv1.ListServersResponse {
		servers := []*controlv1.Server{{Metadata: &commonv1.Metadata{Name: name}}}
		return &controlv1.ListServersResponse{Servers: servers, NextPageToken: next}
	}
	home := &metav1.ResolveNamesResponse{Objects: []*metav1.NamedObject{{Asked: "home", Id: someID}}}
	server := serve(t, map[string][]any{
		"ResolveNames": {home},
		"ListServers":  {page("a", "2"), page("b", "3"), page("c", "")},
	}, Options{})
	names := []string{}
	asked := &controlv1.ListServersRequest{Region: "home", Page: &commonv1.Page{Size: 1}}
	for one, err := range server.client.Control.AllServers(t.Context(), asked) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, one.Metadata.Name)
	}
	expect(t, "names", names, []string{"a", "b", "c"})
	pages := []string{}
	for _, one := range server.requests("ListServers") {
		request := one.(*controlv1.ListServersRequest)
		pages = append(pages, fmt.Sprintf("%s %d %s", last(request.Region), request.Page.Size, request.Page.Token))
	}
	expect(t, "pages", pages, []string{"5 1 ", "5 1 2", "5 1 3"})
	expect(t, "look-ups", len(server.requests("ResolveNames")), 1)
	expect(t, "the caller's", asked.Page.Token, "")
}

func TestAWatchGoesOnWhileIamIsAwayAsItsTokenEndsAndWhenItIsQuietForLong(t *testing.T) {
	signIn := NewSignIn(Tokens{Access: "access-0", Refresh: "refresh-0", RenewAt: time.Now().Add(time.Hour)}, nil)
	renewed := &iamv1.SignedIn{RefreshToken: "refresh", Lifetime: durationpb.New(time.Hour)}
	server := serve(t, map[string][]any{"RefreshToken": {away, away, away, away, func(proto.Message) any {
		renewed.AccessToken += "x"
		return proto.Clone(renewed)
	}}}, Options{SignIn: signIn})
	revisions := []string{}
	server.answer("Watch", func(request proto.Message) any {
		revisions = append(revisions, fmt.Sprint(request.(*commonv1.WatchRequest).GetAfterRevision()))
		server.mutex.Lock()
		server.now = server.now.Add(lasted + time.Second)
		server.mutex.Unlock()
		if len(revisions) < 15 {
			return refusal(codes.Unauthenticated, tokenExpired, at("9"))
		}
		return &commonv1.Event{Revision: 10}
	})
	for event, err := range server.client.Control.Watch(t.Context(), &commonv1.WatchRequest{}) {
		if err != nil || event.Revision != 10 {
			t.Fatal(event, err)
		}
		break
	}
	expect(t, "revisions", revisions, append([]string{"0"}, slices.Repeat([]string{"9"}, 14)...))
	expect(t, "the first watch", server.requests("Watch")[0].(*commonv1.WatchRequest).AfterRevision == nil, true)
	expect(t, "the longest pause", slices.Max(server.pauses) < 2*time.Second, true)
}

func TestAWatchWhoseRevisionIsGoneAndOneThatNobodyAnswersEnd(t *testing.T) {
	server := serve(t, map[string][]any{"Watch": {refusal(codes.OutOfRange, "REVISION_GONE"), away}}, Options{})
	for _, expected := range []struct {
		code  string
		asked int
	}{{"REVISION_GONE", 1}, {"UNAVAILABLE", 1 + watchAttempts}} {
		var failed error
		for _, err := range server.client.Control.Watch(t.Context(), &commonv1.WatchRequest{AfterRevision: proto.Int64(1)}) {
			failed = err
		}
		expect(t, expected.code, HasCode(failed, expected.code), true)
		expect(t, "asked", len(server.requests("Watch")), expected.asked)
	}
}

func TestAWatchEndsWithItsClient(t *testing.T) {
	server := serve(t, map[string][]any{"Watch": {&commonv1.Event{Revision: 1}}}, Options{})
	var failed error
	for event, err := range server.client.Control.Watch(t.Context(), &commonv1.WatchRequest{}) {
		if failed = err; event != nil {
			server.client.Close()
		}
	}
	expect(t, "cancelled", HasCode(failed, "CANCELLED"), true)
	expect(t, "asked", len(server.requests("Watch")), 1)
}

func TestAStreamThatNobodyAnswersIsBegunAgainUntilSomethingCameOfIt(t *testing.T) {
	server := serve(t, map[string][]any{
		"ProposeCandidates": {away, []any{&resourcev1.Candidate{Tree: someID}, away}},
	}, Options{})
	came, failed := 0, error(nil)
	for one, err := range server.client.Resource.ProposeCandidates(t.Context(), &resourcev1.ProposeCandidatesRequest{}) {
		if failed = err; one != nil {
			came++
		}
	}
	expect(t, "candidates", came, 1)
	expect(t, "unavailable", HasCode(failed, "UNAVAILABLE"), true)
	expect(t, "attempts", len(server.requests("ProposeCandidates")), 2)
}

func TestANameIsLookedForInTheRegionThatIsSaidNearestToIt(t *testing.T) {
	ids := map[string]string{"north": someID[:35] + "1", "south": someID[:35] + "2", "lab": someID[:35] + "3"}
	looked := []string{}
	server := serve(t, map[string][]any{"ChangeClaims": {&resourcev1.ChangeClaimsResponse{}}}, Options{})
	server.answer("ResolveNames", func(request proto.Message) any {
		asked, answer := request.(*metav1.ResolveNamesRequest), &metav1.ResolveNamesResponse{}
		looked = append(looked, fmt.Sprint(asked.ObjectType, asked.Names, last(asked.Region)))
		for _, name := range asked.Names {
			if asked.ObjectType == "region" || asked.ObjectType == "provider" {
				answer.Objects = append(answer.Objects, &metav1.NamedObject{Asked: name, Id: ids[name]})
			}
		}
		return answer
	})
	request := &resourcev1.ChangeClaimsRequest{Project: someID}
	for _, region := range []string{"north", "south", ""} {
		move := &resourcev1.ClaimMove{Spec: &resourcev1.ClaimSpec{Region: region, Provider: "lab"}}
		request.Changes = append(request.Changes, &resourcev1.ClaimChange{Id: someID, Move: move})
	}
	if _, err := server.client.Resource.ChangeClaims(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	slices.Sort(looked)
	providers := slices.DeleteFunc(slices.Clone(looked), func(one string) bool { return one[:8] != "provider" })
	expect(t, "providers", providers, []string{"provider[lab]", "provider[lab]1", "provider[lab]2"})
	expect(t, "regions", slices.Contains(looked, "region[north south]"), true)
	sent := []string{}
	for _, one := range server.requests("ChangeClaims")[0].(*resourcev1.ChangeClaimsRequest).Changes {
		sent = append(sent, last(one.Move.Spec.Region)+last(one.Move.Spec.Provider))
	}
	expect(t, "sent", sent, []string{"13", "23", "3"})
}

func last(id string) string { return id[max(0, len(id)-1):] }

func TestManyNamesAreAskedForByTheThousandEachOnce(t *testing.T) {
	server := serve(t, map[string][]any{"DeleteProviders": {&resourcev1.DeleteProvidersResponse{}}}, Options{})
	asked := []int{}
	server.answer("ResolveNames", func(request proto.Message) any {
		names, answer := request.(*metav1.ResolveNamesRequest).Names, &metav1.ResolveNamesResponse{}
		if request.(*metav1.ResolveNamesRequest).ObjectType == "provider" {
			asked = append(asked, len(names))
			for _, name := range names {
				answer.Objects = append(answer.Objects, &metav1.NamedObject{Asked: name, Id: someID})
			}
		}
		return answer
	})
	request := &resourcev1.DeleteProvidersRequest{}
	for number := range 2002 {
		request.Ids = append(request.Ids, fmt.Sprint("p-", number%1001))
	}
	if _, err := server.client.Resource.DeleteProviders(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	expect(t, "names", asked, []int{1000, 1})
}

func TestAnErrorLeadsToItsCause(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	failed := translate(ctx.Err(), "here", "/a/B", "mine")
	expect(t, "the code", failed.Code+" "+failed.RequestID, "CANCELLED mine")
	expect(t, "the cause", errors.Is(failed, context.Canceled), true)
}

func TestAClientWithoutAnAddressOrAnAuthorityIsNotMade(t *testing.T) {
	for _, options := range []Options{{Addresses: map[string]string{"control": "no port"}}, {CA: []byte("none")}} {
		if _, err := New("mulligan.example:7600", options); err == nil {
			t.Errorf("%v %s were taken", options.Addresses, options.CA)
		}
	}
}
