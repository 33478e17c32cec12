"""A client of two sites: what it watches, waits for, claims and lists."""

import json
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import grpc
import pytest
from click.testing import Result
from google.protobuf.empty_pb2 import Empty

from mulligan_client.client import Client
from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.gen.services import Service
from mulligan_client.site_watch import WATCH_ATTEMPTS
from mulligan_client.store import Login, Store
from tests.client.conftest import Run
from tests.client.fake_mulligan import (
    OPERATION,
    PROJECT,
    REGION,
    FakeMulligan,
    RefusalError,
    an_event,
    an_operation,
)

HERE, THERE = "aaaaaaaa-0000-4000-8000-000000000000", "bbbbbbbb-0000-4000-8000-000000000000"
NOT_HERE = RefusalError("NOT_FOUND", "NOT_FOUND", "not here")
AWAY = RefusalError("UNAVAILABLE", "UNAVAILABLE", "the database is away")


def told(address: str, *, alive: bool = True) -> iam_pb2.ListServicesResponse:
    """A site beside iam, and one that serves the region."""
    kinds = ("meta", "resource", "control")
    here = iam_pb2.Service(id=HERE, site=HERE, kinds=kinds, alive=True)
    there = iam_pb2.Service(
        id=THERE, site=THERE, kinds=kinds, address=f"http://{address}", alive=alive
    )
    sites = [
        iam_pb2.Site(id=HERE, services=[here]),
        iam_pb2.Site(id=THERE, regions=[REGION], services=[there]),
    ]
    return iam_pb2.ListServicesResponse(sites=sites)


@pytest.fixture
def there(fake: FakeMulligan) -> Iterator[FakeMulligan]:
    """The second site."""
    server = FakeMulligan()
    fake.on("ListServices", told(server.address))
    for one in (fake, server):
        one.on("ListImages", control_pb2.ListImagesResponse())
    yield server
    server.stop()


class Silence:
    """A stream in which nothing comes as long as the test goes on."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def __iter__(self) -> Iterator[Any]:
        self.over.wait(20)
        return iter(())


@pytest.fixture
def silence(there: FakeMulligan) -> Iterator[Silence]:
    """Ends before the servers do."""
    made = Silence()
    yield made
    made.over.set()


def test_a_watch_of_all_sites_tells_what_each_has_and_takes_up_each(
    fake: FakeMulligan, there: FakeMulligan, silence: Silence, client: Client
) -> None:
    fake.on("Watch", [an_event(900)], silence)
    there.on("Watch", [an_event(5), AWAY], [an_event(6)], silence)
    watch = client.watch(project=PROJECT)
    assert sorted(next(watch).revision for _ in range(3)) == [5, 6, 900]
    watch.close()
    assert [one.after_revision for one in there.asked("Watch")[:2]] == [0, 5]
    with pytest.raises(MulliganCallError, match=f"{HERE}, {THERE}.*; leave the revision out"):
        next(client.watch(after_revision=3))


def test_a_watch_of_all_sites_misses_nothing_from_its_call_on(
    fake: FakeMulligan, there: FakeMulligan, silence: Silence, client: Client
) -> None:
    fake.on("Watch", silence)
    there.on("ListImages", control_pb2.ListImagesResponse(revision=7))
    there.on("Watch", [AWAY], [an_event(8)], silence)
    watch = client.watch(project=PROJECT)
    there.on("ListImages", control_pb2.ListImagesResponse(revision=8))
    fake.on("ListServices", AWAY)
    assert next(watch).revision == 8
    watch.close()
    assert [one.after_revision for one in there.asked("Watch")[:2]] == [7, 7]


@pytest.mark.parametrize(
    ("service", "method", "answer"),
    [
        ("control", "ListImages", control_pb2.ListImagesResponse),
        ("resource", "ListNetworks", resource_pb2.ListNetworksResponse),
        ("meta", "ListMetadefs", meta_pb2.ListMetadefsResponse),
    ],
)
@pytest.mark.parametrize("status", ["UNAVAILABLE", "DEADLINE_EXCEEDED", "UNIMPLEMENTED"])
def test_a_site_that_does_not_tell_its_revision_is_away_until_it_does(
    fake: FakeMulligan,
    there: FakeMulligan,
    silence: Silence,
    service: Service,
    method: str,
    answer: type[Any],
    status: str,
) -> None:
    dumb = RefusalError(status, status, "not now")
    fake.on(method, answer(revision=900))
    fake.on("Watch", [an_event(901)], silence)
    there.on(method, *[dumb] * (4 + WATCH_ATTEMPTS), answer(revision=7))
    # It breaks before the first change: what comes meanwhile is not missed.
    there.on("Watch", [AWAY], [an_event(8)], silence)
    away: list[tuple[str, MulliganCallError]] = []
    with Client(
        fake.address,
        token="t",
        away=lambda site, error: away.append((site.id, error)),
        attempts=1,
        pause=lambda _: None,
    ) as client:
        watch = client.watch(service=service)
        assert sorted(next(watch).revision for _ in range(2)) == [8, 901]
        watch.close()
    assert [site for site, _ in away] == [THERE, THERE], (
        "at its start, and as long as a watch waits"
    )
    for _, error in away:
        assert (error.code, error.grpc_status) == ("NO_REVISION", "UNAVAILABLE")
        assert f"site {THERE} does not tell its revision" in error.message
        assert error.message.endswith(": not now")
    assert [one.after_revision for one in there.asked("Watch")[:2]] == [7, 7]
    assert all(one.HasField("after_revision") for one in there.asked("Watch"))


@pytest.mark.parametrize("tells", [True, False])
def test_a_watch_that_can_not_begin_says_so(
    fake: FakeMulligan, there: FakeMulligan, tells: bool
) -> None:
    """Of no site, or of one while nobody would be told that it is missing; or it is refused."""
    away = (lambda *_: None) if tells else None
    denied = RefusalError("PERMISSION_DENIED", "CREDENTIAL_LIMITED", "for other methods only")
    with Client(fake.address, token="t", away=away, attempts=1, pause=lambda _: None) as client:
        for refusal, code in ((AWAY, "NO_REVISION"), (denied, "CREDENTIAL_LIMITED")):
            there.on("ListImages", refusal)
            if tells:
                fake.on("ListImages", refusal)
            with pytest.raises(MulliganCallError) as refused:
                next(client.watch())
            assert refused.value.code == code
    assert not there.asked("Watch")


@pytest.mark.parametrize("ends", [AWAY, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN])
def test_a_site_that_was_away_for_long_is_watched_again(
    fake: FakeMulligan, there: FakeMulligan, silence: Silence, ends: Any
) -> None:
    away: list[str] = []
    fake.on("Watch", silence)
    there.on("Watch", [an_event(5), ends], *[[ends]] * WATCH_ATTEMPTS, [an_event(6)], silence)
    with Client(
        fake.address,
        token="t",
        away=lambda site, _: away.append(site.id),
        pause=lambda _: None,
    ) as client:
        watch = client.watch()
        assert [next(watch).revision for _ in range(2)] == [5, 6]
        watch.close()
    assert away == [THERE]
    assert {one.after_revision for one in there.asked("Watch")[1 : WATCH_ATTEMPTS + 1]} == {5}


@pytest.mark.parametrize("object_id", ["", OPERATION])
def test_a_watch_ends_with_its_client(
    fake: FakeMulligan, there: FakeMulligan, silence: Silence, client: Client, object_id: str
) -> None:
    there.on("GetOperation", an_operation("running"))
    fake.on("GetOperation", NOT_HERE)
    fake.on("Watch", silence)
    there.on("Watch", [an_event(5)], silence)
    client.control.GetOperation(control_pb2.GetOperationRequest(id=OPERATION))
    watch = client.watch(object_id=object_id)
    assert next(watch).revision == 5
    client.close()
    with pytest.raises(MulliganCallError, match="the client of the watch was closed"):
        next(watch)


def test_a_watch_of_machines_begins_before_their_list(
    fake: FakeMulligan, there: FakeMulligan, logged_in: Store, run: Run
) -> None:
    for server in (fake, there):
        server.on("ListImages", control_pb2.ListImagesResponse(revision=7))
        server.on("ListMachines", control_pb2.ListMachinesResponse(revision=9))
        server.on("Watch", [RefusalError("PERMISSION_DENIED", "PERMISSION_DENIED", "no more")])
    assert "no more" in run("machine", "watch").output
    called = [one.method for one in there.calls]
    assert called.index("ListImages") < called.index("ListMachines")
    assert {one.after_revision for one in there.asked("Watch")} <= {7}


@pytest.mark.parametrize("status", ["UNAVAILABLE", "DEADLINE_EXCEEDED"])
def test_an_operation_is_awaited_whatever_another_site_does(
    fake: FakeMulligan, there: FakeMulligan, client: Client, status: str
) -> None:
    gone = RefusalError("OUT_OF_RANGE", "REVISION_GONE", "forgotten")
    slow = RefusalError(status, status, "another one")
    fake.on("GetOperation", NOT_HERE)
    for method in ("ListMachines", "ListImages"):
        fake.on(method, slow)
    there.on("GetOperation", *[an_operation("running")] * 3, an_operation("done"))
    there.on("ListMachines", control_pb2.ListMachinesResponse(revision=7))
    there.on("Watch", [gone], [slow], [an_event(8)])
    assert client.wait_for_operation(OPERATION).status.state == "done"
    asked = there.asked("Watch")
    assert asked[0].after_revision == 7
    assert not asked[1].HasField("after_revision")
    assert not fake.asked("ListMachines")


def test_what_is_awaited_at_a_site_is_watched_there_from_a_revision_of_its_own(
    fake: FakeMulligan, there: FakeMulligan, client: Client
) -> None:
    fake.on("GetOperation", NOT_HERE)
    fake.on("ListMachines", control_pb2.ListMachinesResponse(revision=900))
    running = an_operation("running")
    running.metadata.region = REGION
    there.on("GetOperation", running, running, an_operation("done"))
    there.on("ListMachines", control_pb2.ListMachinesResponse(revision=7))
    there.on("ListImages", control_pb2.ListImagesResponse(revision=7))
    there.on("Watch", [an_event(8)])
    assert client.wait_for_operation(OPERATION).status.state == "done"
    assert [one.after_revision for one in there.asked("Watch")] == [7]
    assert not fake.asked("Watch")


def test_a_claim_or_below_goes_by_the_tree_that_iam_told_last(
    fake: FakeMulligan, there: FakeMulligan, client: Client
) -> None:
    top = "cccccccc-0000-4000-8000-000000000000"
    region = iam_pb2.Region(metadata=common_pb2.Metadata(id=REGION), parent=top)
    fake.on("ListRegions", iam_pb2.ListRegionsResponse(regions=[region]), AWAY)
    there.on("CreateClaim", resource_pb2.Claim())
    spec = resource_pb2.ClaimSpec(region=top, or_below=True)
    for count in (1, 2):
        client.resource.CreateClaim(resource_pb2.CreateClaimRequest(project=PROJECT, spec=spec))
        assert len(there.asked("CreateClaim")) == count


def test_an_address_that_is_given_holds_and_the_others_go_by_the_catalogue(
    fake: FakeMulligan, there: FakeMulligan
) -> None:
    own, meta = FakeMulligan(), FakeMulligan()
    hosts, networks = control_pb2.ListHostsResponse(), resource_pb2.ListNetworksResponse()
    for server in (own, meta, fake, there):
        server.on("ListMetadefs", meta_pb2.ListMetadefsResponse())
        server.on("ListHosts", hosts)
        server.on("ListNetworks", networks)
    given: dict[Service, str] = {"iam": fake.address, "meta": meta.address}
    try:
        with Client(own.address, token="t", addresses=given) as client:
            client.meta.ListMetadefs(meta_pb2.ListMetadefsRequest())
            client.control.ListHosts(control_pb2.ListHostsRequest(region=REGION))
            list(client.resource.AllNetworks(resource_pb2.ListNetworksRequest()))
            with pytest.raises(MulliganCallError, match="no site serves region"):
                client.control.CreateHost(control_pb2.CreateHostRequest(region=OPERATION))
        assert [one.method for one in meta.calls] == ["ListMetadefs"]
        assert [one.method for one in there.calls] == ["ListHosts", "ListNetworks"]
        # What is beside iam is where that is; the catalogue is read again there, too.
        assert [one.method for one in fake.calls] == [
            "ListServices",
            "ListNetworks",
            "ListServices",
        ]
        assert own.calls == []
        # An iam without a catalogue: the others are at the address of all.
        fake.on("ListServices", RefusalError("UNIMPLEMENTED", "UNIMPLEMENTED", "older"))
        with Client(own.address, token="t", addresses={"iam": fake.address}) as client:
            client.control.ListHosts(control_pb2.ListHostsRequest(region=REGION))
        assert [one.method for one in own.calls] == ["ListHosts"]
    finally:
        own.stop()
        meta.stop()


def test_a_command_says_once_which_site_is_missing_and_how_one_is_chosen(
    fake: FakeMulligan, there: FakeMulligan, logged_in: Store, run: Run
) -> None:
    assert logged_in.read() != Login()
    there.stop()
    fake.on("ListServices", told(there.address, alive=False))
    freezes = [control_pb2.Freeze(), control_pb2.Freeze(region=THERE)]
    fake.on("ListFreezes", control_pb2.ListFreezesResponse(freezes=freezes))
    fake.on("Freeze", control_pb2.Freeze())
    listed = run("freeze")
    assert listed.exit_code == 0
    assert "the site" in listed.output
    assert listed.output.count(f"site {THERE} does not answer") == 1
    refused = run("freeze", "--site", "--reason", "smoke")
    assert "mulligan --at-site SITE" in refused.output
    assert not fake.asked("Freeze")
    assert run("--at-site", HERE, "freeze", "--site", "--reason", "smoke").exit_code == 0
    assert len(fake.asked("Freeze")) == 1


def kept_as(store: Store, **otherwise: Any) -> None:
    """Change what is kept of the catalogue."""
    kept = json.loads(store.catalogue.read_text())
    store.catalogue.write_text(json.dumps(kept | otherwise))


def test_commands_go_on_by_what_iam_told_last(
    fake: FakeMulligan, there: FakeMulligan, logged_in: Store, run: Run
) -> None:
    there.on("ListHosts", control_pb2.ListHostsResponse())

    def hosts() -> Result:
        return run("host", "list", "--region", REGION)

    assert hosts().exit_code == 0
    assert stat.S_IMODE(logged_in.catalogue.stat().st_mode) == 0o600
    fake.on("ListServices", AWAY)
    asked, calls = len(fake.asked("ListServices")), len(there.asked("ListHosts"))
    found = hosts()
    assert found.exit_code == 0
    assert "iam does not answer" in found.output
    assert "the database is away" in found.output
    assert len(fake.asked("ListServices")) == asked + 4, "it waits for one that is being restarted"
    assert len(there.asked("ListHosts")) == calls + 1
    # What iam tells is taken, as soon as it does; and a refusal of iam's is one.
    fake.on("ListServices", RefusalError("UNAUTHENTICATED", "TOKEN_REVOKED", "it was taken back"))
    assert "it was taken back" in hosts().output
    assert len(there.asked("ListHosts")) == calls + 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda store: store.write(replace(store.read(), account="bob")),
        lambda store: store.catalogue.write_text("{"),
        lambda store: store.catalogue.write_text("[]"),
        lambda store: store.replace(store.read()),
        lambda store: kept_as(store, sites=[]),
        lambda store: kept_as(store, sites=[7]),
    ],
    ids=["another login", "half of it", "a list", "a new login", "no site", "what is no site"],
)
def test_what_is_kept_of_the_sites_serves_the_login_that_it_was_told(
    fake: FakeMulligan,
    there: FakeMulligan,
    logged_in: Store,
    run: Run,
    spoil: Callable[[Store], object],
) -> None:
    there.on("ListHosts", control_pb2.ListHostsResponse())
    assert run("host", "list", "--region", REGION).exit_code == 0
    spoil(logged_in)
    fake.on("ListServices", AWAY)
    refused = run("host", "list", "--region", REGION)
    assert "the database is away" in refused.output
    assert len(there.asked("ListHosts")) == 1


def test_a_token_goes_nowhere_by_what_is_kept_that_iam_could_not_send_it_to(
    fake: FakeMulligan, there: FakeMulligan, logged_in: Store, run: Run
) -> None:
    there.on("ListHosts", control_pb2.ListHostsResponse())
    assert run("host", "list", "--region", REGION).exit_code == 0
    kept = logged_in.catalogue.read_text()
    logged_in.catalogue.write_text(kept.replace(there.address, "192.0.2.7:80"))
    fake.on("ListServices", AWAY)
    refused = run("host", "list", "--region", REGION)
    assert "a token is not sent to" in refused.output
    assert refused.exit_code != 0


def test_who_logs_out_leaves_no_sites_behind(
    fake: FakeMulligan, there: FakeMulligan, logged_in: Store, run: Run
) -> None:
    there.on("ListHosts", control_pb2.ListHostsResponse())
    fake.on("SignOut", Empty())
    assert run("host", "list", "--region", REGION).exit_code == 0
    assert logged_in.catalogue.exists()
    assert run("logout").exit_code == 0
    assert not logged_in.catalogue.exists()
