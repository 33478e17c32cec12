"""A client of two sites: what it watches, waits for, claims and lists."""

from collections.abc import Iterator

import pytest

from mulligan_client.client import Client
from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
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
    yield server
    server.stop()


def test_a_watch_of_all_sites_tells_what_each_has_and_takes_up_each(
    fake: FakeMulligan, there: FakeMulligan, client: Client
) -> None:
    fake.on("Watch", [an_event(900)], [])
    there.on("Watch", [an_event(5), AWAY], [an_event(6)], [])
    watch = client.watch(project=PROJECT)
    assert sorted(next(watch).revision for _ in range(3)) == [5, 6, 900]
    watch.close()
    assert [one.after_revision for one in there.asked("Watch")[:2]] == [0, 5]
    with pytest.raises(MulliganCallError, match=f"{HERE}, {THERE}.*; leave the revision out"):
        next(client.watch(after_revision=3))


def test_what_is_awaited_at_a_site_is_watched_there_from_a_revision_of_its_own(
    fake: FakeMulligan, there: FakeMulligan, client: Client
) -> None:
    not_here = RefusalError("NOT_FOUND", "NOT_FOUND", "not here")
    fake.on("GetOperation", not_here)
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
