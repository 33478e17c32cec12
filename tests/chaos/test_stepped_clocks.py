"""The wall clock of one process of a site steps while machines are made and ended."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from mulligan.database import Database
from mulligan.resource.tables import ClaimRow
from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from tests.chaos.clocks import NONE, Clock, clocks
from tests.chaos.evidence import witnesses
from tests.chaos.movements import Movements, watching
from tests.chaos.site import Site, running_site

pytestmark = pytest.mark.timeout(120)

KINDS = ("services", "worker", "executor", "postgresql", "libvirt")
HOUR = timedelta(hours=1)
HOLD = timedelta(minutes=30)
MEMORY_MIB = 128
HELD_MIB = 64
BY_TIME = re.compile("were used at the same time")
"""The checker adds up by the times in the records, and some of those are an hour off."""


@pytest.fixture(scope="module")
def all_clocks() -> Iterator[dict[str, Clock]]:
    with clocks(*KINDS) as made:
        yield made


@pytest.fixture(scope="module")
def site(all_clocks: dict[str, Clock]) -> Iterator[Site]:
    with running_site(own={kind: one.environment for kind, one in all_clocks.items()}) as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def nothing_is_wrong_afterwards(site: Site) -> Iterator[None]:
    with witnesses(site) as heard:
        yield
        assert [one for one in heard.findings() if not BY_TIME.search(one)] == []


@pytest.fixture(scope="module")
def movements(site: Site) -> Iterator[Movements]:
    with watching(site) as movements:
        yield movements


@pytest.fixture
def clock(request: pytest.FixtureRequest, all_clocks: dict[str, Clock]) -> Iterator[Clock]:
    """Give a process's clock, which is right again afterwards."""
    found = all_clocks[request.param]
    yield found
    found.step(NONE)


@pytest.mark.parametrize(
    ("clock", "ahead"),
    [
        *((kind, HOUR) for kind in KINDS),
        ("worker", -HOUR),  # it alone writes times that are compared with later ones
    ],
    indirect=["clock"],
    ids=lambda value: f"{value / HOUR:+.0f}h" if isinstance(value, timedelta) else None,
)
def test_a_clock_steps_while_machines_are_made_and_ended(
    request: pytest.FixtureRequest,
    site: Site,
    movements: Movements,
    clock: Clock,
    ahead: timedelta,
) -> None:
    before, revision = site.in_use(), newest_revision(site)
    held = hold(site)

    first = site.provision("first", "virtual", memory_mib=MEMORY_MIB)
    movements.wait_for_step(first.metadata.id, "stage")
    clock.step(ahead)
    is_done(site, first.metadata.id)
    lapsed_early = "services" in request.node.name
    assert state_of(site, held) == ("lapsed" if lapsed_early else "held")
    assert memory_in_use(site) == MEMORY_MIB + (0 if lapsed_early else HELD_MIB)

    second = site.provision("second", "virtual", memory_mib=MEMORY_MIB)
    movements.wait_for_step(second.metadata.id, "stage")
    clock.step(-ahead)
    is_done(site, second.metadata.id)
    assert state_of(site, held) == "held"
    assert memory_in_use(site) == 2 * MEMORY_MIB + HELD_MIB
    refuses_one_more(site, machines=2)

    is_done(site, site.decommission(first.object_id))
    ending = site.decommission(second.object_id)
    movements.wait_for_step(ending, "remove machine")
    clock.step(NONE)
    is_done(site, ending)
    assert memory_in_use(site) == HELD_MIB
    project = site.login.project
    site.client.resource.ConfirmClaim(resource_pb2.ConfirmClaimRequest(id=held, project=project))
    assert state_of(site, held) == "confirmed"
    site.client.resource.ReleaseClaim(resource_pb2.ReleaseClaimRequest(id=held, project=project))
    is_done(site, site.operations(held)[0].metadata.id)
    assert site.in_use() == before
    assert endings(site, revision, ending) == {first.object_id: "gone", second.object_id: "gone"}
    assert no_claim_ends_before_it_begins(site)


@pytest.mark.parametrize("clock", ["services"], indirect=True)
def test_a_token_ends_when_the_clock_of_the_services_says_so(site: Site, clock: Clock) -> None:
    request = control_pb2.ListHostsRequest()
    with site.another_client() as client:
        client.token = client.token  # alone, so that nothing renews it
        clock.step(13 * HOUR)
        with pytest.raises(MulliganCallError) as caught:
            client.control.ListHosts(request)
        assert (caught.value.grpc_status, caught.value.code) == (
            "UNAUTHENTICATED",
            "TOKEN_EXPIRED",
        )
        client.log_in(site.login.account, site.password)
        assert client.control.ListHosts(request).hosts
        clock.step(NONE)
        assert client.control.ListHosts(request).hosts, "a token of the time to come is good"


def hold(site: Site) -> str:
    """Hold some memory for half an hour; gives the claim."""
    asked = claim_request(site, "MEMORY_MIB", HELD_MIB)
    asked.hold_until.FromDatetime(datetime.now(UTC) + HOLD)
    return site.client.resource.CreateClaim(asked).metadata.id


def refuses_one_more(site: Site, machines: int) -> None:
    """Ask for a short window of one processor more than such machines leave."""
    providers = resource_pb2.ListProvidersRequest()
    (total,) = (
        stock.total
        for host in site.client.resource.ListProviders(providers).providers
        for stock in host.inventories
        if stock.resource_type == "VCPU"
    )
    asked = claim_request(site, "VCPU", total - machines + 1)
    asked.spec.window.release_at.FromDatetime(datetime.now(UTC) + HOLD)
    with pytest.raises(MulliganCallError) as caught:
        site.client.resource.CreateClaim(asked)
    assert caught.value.code == "NO_CAPACITY"


def claim_request(site: Site, resource_type: str, amount: int) -> resource_pb2.CreateClaimRequest:
    return resource_pb2.CreateClaimRequest(
        project=site.login.project,
        spec=resource_pb2.ClaimSpec(
            region=site.login.region,
            amounts=[common_pb2.Amount(resource_type=resource_type, amount=amount)],
        ),
    )


def state_of(site: Site, claim: str) -> str:
    asked = resource_pb2.GetClaimRequest(id=claim, project=site.login.project)
    return site.client.resource.GetClaim(asked).status.state


def memory_in_use(site: Site) -> int:
    """Tell how much memory is claimed now, in MiB, as the services see it."""
    return sum(used.get("MEMORY_MIB", 0) for used in site.in_use()["capacity"].values())


def is_done(site: Site, operation: str) -> None:
    ended = site.wait(operation)
    assert ended.status.state == "done", ended


def newest_revision(site: Site) -> int:
    return site.client.control.ListHosts(control_pb2.ListHostsRequest()).revision


def endings(site: Site, revision: int, last: str) -> dict[str, str]:
    """Watch from a revision to the end of an operation: the last state of each machine."""
    states = {}
    for event in site.client.watch(after_revision=revision, timeout_s=30):
        assert event.revision > revision, event
        revision = event.revision
        if event.object_type == "machine":
            states[event.object_id] = event.status.state
        if event.object_id == last and event.status.state == "done":
            return states
    raise AssertionError(f"the end of operation {last} was not told")


def no_claim_ends_before_it_begins(site: Site) -> bool:
    database = Database(site.database.server.url("site").render_as_string())
    try:
        rows = database.read(lambda session: list(session.scalars(select(ClaimRow))))
    finally:
        database.close()
    return bool(rows) and all(row.acquire_at <= row.release_at for row in rows)
