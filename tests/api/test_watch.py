"""Watch: from a revision on, in order, nothing missed, nothing of others."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest

from mulligan.values import caller
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.caller import refused
from tests.fakes.place import Place, new_name, on_sqlite
from tests.fakes.site import PASSWORD, Site


def revision_of(place: Place) -> int:
    return int(place.member.ListMachines(project=place.project).revision)


def test_a_watch_goes_on_from_the_revision_of_a_list(place: Place) -> None:
    place.host()
    after = revision_of(place)
    machine = place.machine()
    seen = place.member.until(
        lambda event: event.status.state == "active", object_id=machine, after_revision=after
    )
    assert [event.status.state for event in seen] == ["provisioning", "active"]
    assert seen[-1].operation == place.get(machine).operation
    again = place.member.until(
        lambda event: event.status.state == "active",
        object_id=machine,
        after_revision=seen[0].revision,
    )
    assert again == seen[1:]


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


def test_a_watch_without_revision_begins_with_the_next_change(place: Place) -> None:
    place.create_network("10.1.0.0/24")
    with ThreadPoolExecutor(1) as pool:
        watched = place.operator.Watch()
        answer = pool.submit(lambda: next(e for e in watched if e.region == place.region))
        made: list[Any] = []
        # The watch begins at an unknown moment: change something until it sees a change.
        while not answer.done():
            prefix = f"10.{len(made) // 250 + 2}.{len(made) % 250}.0/24"
            made.append(place.create_network(prefix).metadata.id)
        assert answer.result(timeout=30).object_id in made
        watched.cancel()


def test_nothing_is_missed_while_many_write(place: Place) -> None:
    """Each of the writers' events comes once, in the order of revisions."""
    writers, each = 4, 8
    assert place.region
    after = int(place.operator.ListHosts(region=place.region).revision)

    def write(_: int) -> list[str]:
        return [str(place.create_image().metadata.id) for _ in range(each)]

    with ThreadPoolExecutor(writers + 1) as pool:
        watched = place.operator.Watch(after_revision=after)
        mine = (e for e in watched if e.object_type == "image" and e.region == place.region)
        reading = pool.submit(lambda: list(islice(mine, writers * each)))
        made = [one for many in pool.map(write, range(writers)) for one in many]
        seen = reading.result(timeout=30)
        watched.cancel()
    revisions = [event.revision for event in seen]
    assert revisions == sorted(set(revisions))
    assert sorted(event.object_id for event in seen) == sorted(made)


def test_another_projects_events_are_not_seen(place: Place, site: Site) -> None:
    place.host()
    other = Place(site)
    other.__dict__.update(region=place.region, image=place.image, network=place.network)
    after = revision_of(place)
    theirs = place.machine()
    mine = other.machine()
    for narrowed in ({}, {"object_id": ""}, {"project": other.project}):
        seen = other.member.until(
            lambda event: event.object_id == mine and event.status.state == "active",
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


@on_sqlite
def test_an_event_says_who_did_it(place: Place) -> None:
    image = place.create_image().metadata.id
    [event] = place.operator.until(lambda event: event.object_id == image, object_id=image)
    assert (event.kind, event.object_type, event.region) == ("created", "image", place.region)
    admin = place.site.caller().Login(account="admin", password="correct horse")
    assert event.author == admin.account


@on_sqlite
def test_a_watch_whose_token_ends_says_where_to_go_on(
    place: Place, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = site.admin.CreateAccount(name=new_name("account"), password=PASSWORD).metadata.id
    site.admin.AssignRole(account=me, role=common_pb2.ROLE_READER)
    watched = site.caller(site.token(me, timedelta(hours=1))).Watch(
        after_revision=place.operator.ListHosts(region=place.region).revision
    )
    image = place.create_image().metadata.id
    seen = next(event for event in watched if event.object_id == image)
    later = datetime.now(UTC) + timedelta(hours=2)
    with monkeypatch.context() as patch:
        patch.setattr(caller, "datetime", SimpleNamespace(now=lambda _: later))
        missed = place.create_image().metadata.id
        with refused("UNAUTHENTICATED", "TOKEN_EXPIRED") as refusal:
            next(watched)
    assert refusal.metadata["revision"] == str(seen.revision)
    again = site.caller(site.token(me, timedelta(hours=1)))
    assert again.until(lambda event: event.object_id == missed, after_revision=seen.revision)


@on_sqlite
@pytest.mark.parametrize(
    ("types", "field"), [(["machine"] * 65, "object_types"), (["m" * 65], "object_types[0]")]
)
def test_a_watch_of_more_types_than_there_are_is_refused(
    place: Place, types: list[str], field: str
) -> None:
    with refused("INVALID_ARGUMENT", about=field):
        next(place.operator.Watch(after_revision=1, object_types=types))
