"""Watch: from a revision on, in order, nothing missed, nothing of others."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice, product
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from mulligan import events
from mulligan.events import Event
from mulligan.values import caller
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.api.instances import LIMIT_S, beside
from tests.fakes.caller import Caller, refused
from tests.fakes.held import HeldCommits, wait_for_waiting_lock
from tests.fakes.place import Place, new_name, on_sqlite
from tests.fakes.site import PASSWORD, Site

OF_THE_SITE = ("Watch", "metaWatch", "resourceWatch")
of_each_service = pytest.mark.parametrize("watch", [*OF_THE_SITE, "iamWatch"])


def revision_of(place: Place) -> int:
    return int(place.member.ListMachines(project=place.project).revision)


def make(place: Place, watch: str) -> str:
    """Make something of which a service's watchers are told."""
    if watch == "iamWatch":
        return str(place.operator.CreateProject(name=new_name("project")).metadata.id)
    return str(place.create_image().metadata.id)


def now(place: Place, watch: str) -> int:
    """The revision of a list from which a service's watch goes on."""
    if watch == "iamWatch":
        return int(place.operator.ListRegions().revision)
    return int(place.operator.ListHosts(region=place.region).revision)


def test_a_watch_goes_on_from_the_revision_of_a_list(place: Place) -> None:
    place.host()
    after = revision_of(place)
    machine = place.machine()

    def until_active(watch: str, after: int) -> Any:
        return place.member.until(
            lambda event: event.status.state == "active", watch, object_id=machine,
            after_revision=after,
        )  # fmt: skip

    for watch in OF_THE_SITE:
        seen = until_active(watch, after)
        assert [event.status.state for event in seen] == ["provisioning", "active"]
        assert seen[-1].operation == place.get(machine).operation
        assert until_active(watch, seen[0].revision) == seen[1:]


@pytest.mark.parametrize(
    "plural",
    ["Providers", "Groups", "Distances", "ProviderTypes", "ResourceTypes", "Capabilities",
     "DistanceTypes"],
)  # fmt: skip
@on_sqlite
def test_lists_of_inventory_tell_their_revision(place: Place, plural: str) -> None:
    assert place.region
    before = getattr(place.operator, f"List{plural}")().revision
    name = f"t:{new_name('capability')}"
    place.operator.CreateCapability(name=name)
    made = place.operator.until(lambda event: name in event.message, after_revision=before)[-1]
    assert 0 < before < made.revision <= getattr(place.operator, f"List{plural}")().revision


@of_each_service
def test_a_watch_without_revision_begins_with_the_next_change(place: Place, watch: str) -> None:
    before = make(place, watch)
    with ThreadPoolExecutor(1) as pool:
        watched = getattr(place.operator, watch)()
        made: list[str] = []
        answer = pool.submit(lambda: next(e for e in watched if e.object_id in {before, *made}))
        # The watch begins at an unknown moment: change something until it sees a change.
        while not answer.done():
            made.append(make(place, watch))
        assert answer.result(timeout=30).object_id in made
        watched.cancel()


@of_each_service
def test_nothing_is_missed_while_many_write(place: Place, watch: str) -> None:
    """Each of the writers' events comes once, in the order of revisions."""
    writers, each = 4, 8
    make(place, watch)
    after = now(place, watch)

    def write(_: int) -> list[str]:
        return [make(place, watch) for _ in range(each)]

    with ThreadPoolExecutor(writers + 1) as pool:
        watched = getattr(place.operator, watch)(after_revision=after)
        mine = (e for e in watched if e.object_type in ("image", "project"))
        reading = pool.submit(lambda: list(islice(mine, writers * each)))
        made = [one for many in pool.map(write, range(writers)) for one in many]
        seen = reading.result(timeout=30)
        watched.cancel()
    revisions = [event.revision for event in seen]
    assert revisions == sorted(set(revisions))
    assert sorted(event.object_id for event in seen) == sorted(made)


@pytest.mark.parametrize("site", ["postgresql"], indirect=True)
@pytest.mark.parametrize("watch", ["metaWatch", "iamWatch"])
def test_a_writer_that_commits_late_is_skipped_by_no_instances_watch(
    place: Place, site: Site, watch: str
) -> None:
    """It has its revision before another one that begins meanwhile, and both are told in order."""
    database = site.installation if watch == "iamWatch" else site.database
    held, things = HeldCommits(database), [str(uuid4()) for _ in range(3)]

    def tell(thing: str) -> None:
        told = Event("thing", thing, "state", project=place.project)
        database.write(lambda session: events.append(session, told))

    with (
        beside(site) as address,
        ThreadPoolExecutor(1, thread_name_prefix="held") as late_pool,
        ThreadPoolExecutor(1) as other_pool,
    ):
        after = now(place, watch)
        callers = (place.operator, Caller(address, place.operator.token))
        watches = [getattr(one, watch)(after_revision=after) for one in callers]
        mine = [(event for event in one if event.object_id in things) for one in watches]
        tell(things[0])
        assert [next(one).object_id for one in mine] == [things[0]] * 2, "both are open"
        late = late_pool.submit(tell, things[1])
        assert held.reached.wait(LIMIT_S)
        other = other_pool.submit(tell, things[2])
        wait_for_waiting_lock(database)
        held.go_on.set()
        late.result(LIMIT_S)
        other.result(LIMIT_S)
        seen = [list(islice(one, 2)) for one in mine]
        assert [event.object_id for event in seen[0]] == things[1:]
        assert seen[0] == seen[1]
        for one in watches:
            one.cancel()
    database.before_commit.remove(held)


def test_another_projects_events_are_not_seen(place: Place, site: Site) -> None:
    place.host()
    other = Place(site)
    other.__dict__.update(region=place.region, image=place.image, network=place.network)
    after = revision_of(place)
    theirs = place.machine()
    mine = other.machine()
    for watch, narrowed in product(
        OF_THE_SITE, ({}, {"object_id": ""}, {"project": other.project})
    ):
        seen = other.member.until(
            lambda event: event.object_id == mine and event.status.state == "active",
            watch,
            after_revision=after,
            **narrowed,
        )
        assert {event.project for event in seen} == {other.project}
        assert theirs not in {event.object_id for event in seen}


@pytest.mark.parametrize("by", ["object_id", "operation", "project"])
@on_sqlite
def test_asking_for_what_is_another_projects_gives_nothing(
    place: Place, site: Site, by: str
) -> None:
    place.host()
    machine = place.get(place.machine())
    asked = {
        "object_id": machine.metadata.id,
        "operation": machine.operation,
        "project": place.project,
    }[by]
    other = Place(site)
    assert other.member
    watched = other.member.Watch(**{"after_revision": 1, by: asked})
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(lambda: next(watched, None))
        # By the time that its own project's change is seen the other's would have been.
        network = place.create_network("10.77.0.0/24", name=new_name("later")).metadata.id
        place.operator.until(lambda event: event.object_id == network)
        assert not answer.done()
        watched.cancel()
        assert isinstance(answer.exception(timeout=10), Exception)


@of_each_service
@on_sqlite
def test_an_event_says_who_did_it(place: Place, watch: str) -> None:
    before = now(place, watch)
    made = make(place, watch)
    [event] = place.operator.until(
        lambda event: event.object_id == made, watch, object_id=made, after_revision=before
    )
    told = ("project", "") if watch == "iamWatch" else ("image", place.region)
    assert (event.kind, event.object_type, event.region) == ("created", *told)
    admin = place.site.caller().Login(account="admin", password="correct horse")
    assert event.author == admin.account


@of_each_service
@on_sqlite
def test_a_watch_whose_token_ends_says_where_to_go_on(
    place: Place, site: Site, monkeypatch: pytest.MonkeyPatch, watch: str
) -> None:
    me = site.admin.CreateAccount(name=new_name("account"), password=PASSWORD).metadata.id
    site.admin.AssignRole(account=me, role=common_pb2.ROLE_READER)
    caller_of_an_hour = site.caller(site.token(me, timedelta(hours=1)))
    watched = getattr(caller_of_an_hour, watch)(after_revision=now(place, watch))
    made = make(place, watch)
    seen = next(event for event in watched if event.object_id == made)
    later = datetime.now(UTC) + timedelta(hours=2)
    with monkeypatch.context() as patch:
        patch.setattr(caller, "datetime", SimpleNamespace(now=lambda _: later))
        missed = make(place, watch)
        with refused("UNAUTHENTICATED", "TOKEN_EXPIRED") as refusal:
            next(watched)
    assert refusal.metadata["revision"] == str(seen.revision)
    again = site.caller(site.token(me, timedelta(hours=1)))
    found = again.until(
        lambda event: event.object_id == missed, watch, after_revision=seen.revision
    )
    assert found


@of_each_service
@on_sqlite
@pytest.mark.parametrize(
    ("types", "field"), [(["machine"] * 65, "object_types"), (["m" * 65], "object_types[0]")]
)
def test_a_watch_of_more_types_than_there_are_is_refused(
    place: Place, types: list[str], field: str, watch: str
) -> None:
    with refused("INVALID_ARGUMENT", about=field):
        next(getattr(place.operator, watch)(after_revision=1, object_types=types))
