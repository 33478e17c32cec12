"""Lists: their pages and page tokens."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import pytest

from api.page_tokens import close_token
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.caller import METHODS, Caller, refused, request_of
from tests.fakes.place import Place, new_name, on_sqlite
from tests.fakes.rows import write_host, write_machine
from tests.fakes.site import Site

PAGED = [n for n, method in METHODS.items() if "page" in method.input_type.fields_by_name]
LISTED_AT_ONCE = {
    "ListTags",
    "ListAttributes",
    # Of objects that the request names.
    "ListTokenKeys",
    "ListRegionKeys",
    # A few public keys.
    "ListServices",
    # What clients hold whole: three services a site.
}
NEEDED: dict[str, dict[str, Any]] = {
    "ListCalendar": {"region": str(uuid4())},
    "ListObjectsByTag": {"tags": ["any"]},
    "ListObjectsByAttribute": {"attribute": "any"},
}
"""What a list has to be told besides a project."""


def asked(name: str, **fields: Any) -> Any:
    method = METHODS[name]
    needed = dict(NEEDED.get(name, {}))
    project = method.input_type.fields_by_name.get("project")
    if project and name not in NEEDED:
        needed["project"] = "00000000-0000-4000-8000-000000000000"
    return request_of(method, **needed | fields)


def ask(caller: Caller, name: str, **fields: Any) -> Any:
    return caller.send(METHODS[name], asked(name, **fields))


def forged(caller: Caller, name: str, cursor: str, **fields: Any) -> str:
    """A token as the list itself would give it to this caller, with any cursor in it."""
    method = METHODS[name]
    answer = common_pb2.ListAuditEventsResponse(next_page_token=cursor)
    close_token(answer, asked(name, **fields), method.full_name, caller.account)
    return answer.next_page_token


def encoded(cursor: Any) -> str:
    return urlsafe_b64encode(json.dumps(cursor).encode()).decode()


def pages(call: Callable[..., Any], size: int = 2, **fields: Any) -> Iterator[Any]:
    token = ""
    while True:
        answer = call(page={"size": size, "token": token}, **fields)
        yield answer
        token = answer.next_page_token
        if not token:
            return


# Shape


def test_every_list_has_pages_and_tells_its_revision() -> None:
    lists = {name: one for name, one in METHODS.items() if "List" in name}
    assert lists.keys() - LISTED_AT_ONCE == set(PAGED)
    for name in PAGED:
        method = METHODS[name]
        page = method.input_type.fields_by_name["page"].message_type
        assert page is not None
        assert page.full_name == "mulligan.common.v1.Page"
        assert {"next_page_token", "revision"} <= set(method.output_type.fields_by_name), name


@pytest.mark.parametrize("name", PAGED)
@pytest.mark.parametrize("size", [-1, 1001])
def test_a_page_has_a_size_that_can_be_had(sqlite_site: Site, name: str, size: int) -> None:
    with refused("INVALID_ARGUMENT", about="page.size"):
        ask(sqlite_site.admin, name, page={"size": size})


# Tokens


@pytest.mark.parametrize("name", PAGED)
def test_a_page_token_that_was_made_up_is_refused(site: Site, name: str) -> None:
    for token in ("abc", ".", "é.ü", encoded([str(uuid4())]), f"{'0' * 32}.{encoded(['a'])}"):
        with refused("INVALID_ARGUMENT", about="page.token") as refusal:
            ask(site.admin, name, page={"token": token})
        assert "start from the first page" in refusal.message


@pytest.mark.parametrize("name", PAGED)
def test_a_page_token_with_a_digest_but_without_sense_is_refused(site: Site, name: str) -> None:
    id_ = str(uuid4())
    broken: list[Any] = [[], {}, [1], ["a\0b"], ["\ud800"], [id_] * 9, [id_, "\0"], "abc", None]
    for cursor in ("", "*", "W10", *map(encoded, broken), encoded("[" * 700 + "]" * 700)):
        token = forged(site.admin, name, cursor)
        with refused("INVALID_ARGUMENT", about="page.token"):
            ask(site.admin, name, page={"token": token or f"{'0' * 32}."})


@on_sqlite
@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_page_token_with_a_time_that_utc_has_not_is_refused(site: Site, at: str) -> None:
    name = "ListProjects"
    token = forged(site.admin, name, encoded([at, str(uuid4())]), order_by="ORDER_BY_CREATED_AT")
    with refused("INVALID_ARGUMENT", about="page.token"):
        ask(site.admin, name, page={"token": token}, order_by="ORDER_BY_CREATED_AT")


def test_a_page_token_is_good_for_its_list_its_request_and_its_account(site: Site) -> None:
    parent = site.admin.CreateRegion(name=new_name("bound")).metadata.id
    for _ in range(3):
        site.admin.CreateRegion(name=new_name("bound"), parent=parent)
    page = {"size": 1, "token": site.admin.ListRegions(page={"size": 1}).next_page_token}
    for name in PAGED:
        if name != "ListRegions":
            with refused("INVALID_ARGUMENT", about="page.token"):
                ask(site.admin, name, page=page)
    with refused("INVALID_ARGUMENT", about="page.token"):
        site.admin.ListRegions(page=page, parent=parent)
    with refused("INVALID_ARGUMENT", about="page.token"):
        site.account(common_pb2.ROLE_ADMIN).ListRegions(page=page)
    assert site.admin.ListRegions(page={**page, "size": 2}).regions
    assert site.admin.ListRegions(page=page, filter={}).regions


# Pages while things come and go


_numbers = count()


def _providers(place: Place) -> str:
    kind = place.operator.CreateProviderType(name=f"t-{uuid4().hex[:8]}").name
    new = [{"name": new_name("provider"), "type": kind}]
    answer = place.operator.CreateProviders(region=place.region, providers=new)
    return str(answer.providers[0].id)


def _network(place: Place) -> str:
    spec = {"prefix": f"10.9.{next(_numbers)}.0/24"}
    made = place.operator.CreateNetwork(name=new_name("n"), region=place.region, spec=spec)
    return str(made.metadata.id)


def _machine(place: Place) -> str:
    return write_machine(place, name=new_name("machine"))


def _credential(place: Place) -> str:
    role = {"role": common_pb2.ROLE_READER, "project": place.project}
    fields = {"name": new_name("app"), "secret": "s" * 32, "roles": [role]}
    return str(place.member.CreateApplicationCredential(**fields).metadata.id)


@dataclass(frozen=True)
class Paged:
    """A list: its field, what makes and deletes objects in it, and what narrows it to them."""

    field: str
    make: Callable[[Place], str]
    delete: str = ""
    narrowed: Callable[[Place], dict[str, Any]] = lambda place: {"region": place.region}


LISTS: dict[str, Paged] = {
    "ListProjects": Paged(
        "projects",
        lambda place: (
            place.operator.CreateProject(name=new_name("paged"), parent=place.project).metadata.id
        ),
        "DeleteProject",
        lambda place: {"parent": place.project},
    ),
    "ListRegions": Paged(
        "regions",
        lambda place: (
            place.operator.CreateRegion(name=new_name("paged"), parent=place.region).metadata.id
        ),
        "DeleteRegion",
        lambda place: {"parent": place.region},
    ),
    "ListApplicationCredentials": Paged(
        "application_credentials",
        _credential,
        "DeleteApplicationCredential",
        lambda place: {"creator": place.member.account},
    ),
    "ListProviders": Paged("providers", _providers, "DeleteProviders"),
    "ListGroups": Paged(
        "groups",
        lambda place: (
            place.operator.CreateGroup(name=new_name("g"), region=place.region).metadata.id
        ),
        "DeleteGroup",
    ),
    "ListNetworks": Paged("networks", _network, "DeleteNetwork"),
    "ListImages": Paged("images", lambda place: place.create_image().metadata.id, "DeleteImage"),
    # Of these none is deleted: they are written without the operations that would check them.
    "ListHosts": Paged("hosts", write_host),
    "ListMachines": Paged(
        "machines", _machine, "", lambda place: {"project": place.project, "include_ended": True}
    ),
}


def walked(place: Place, name: str, **asked: Any) -> Iterator[list[Any]]:
    """The pages of a list, two objects each."""
    paged = LISTS[name]
    for page in pages(getattr(place.operator, name), **paged.narrowed(place), **asked):
        yield list(getattr(page, paged.field))


def listed(place: Place, name: str, **asked: Any) -> list[Any]:
    return [one for page in walked(place, name, **asked) for one in page]


def ids_of(objects: Iterable[Any]) -> list[str]:
    return [one.metadata.id for one in objects]


def id_of(one: Any) -> str:
    return str(one.metadata.id)


def name_of(one: Any) -> str:
    return str(one.metadata.name)


def made_at(one: Any) -> tuple[int, int, str]:
    at = one.metadata.created_at
    return at.seconds, at.nanos, str(one.metadata.id)


KEYS: dict[str, Callable[[Any], Any]] = {
    "ORDER_BY_ID": id_of,
    "ORDER_BY_NAME": name_of,
    "ORDER_BY_CREATED_AT": made_at,
}


@pytest.mark.parametrize("name", LISTS)
def test_what_comes_and_goes_makes_a_list_neither_skip_nor_repeat(place: Place, name: str) -> None:
    paged = LISTS[name]
    for _ in range(4):
        paged.make(place)
    for order_by, key in KEYS.items():
        before = ids_of(sorted(listed(place, name), key=key))
        walk = walked(place, name, order_by=order_by)
        seen = ids_of(next(walk))
        assert seen == before[:2]
        gone = [before[1], before[3]] if paged.delete else []
        for one in gone:
            which = {"ids": [one]} if name == "ListProviders" else {"id": one}
            getattr(place.operator, paged.delete)(**which)
        added = [paged.make(place) for _ in range(2)]
        for page in walk:
            seen += ids_of(page)
        assert len(set(seen)) == len(seen)
        stays = [one for one in before if one == before[1] or one not in gone]
        assert [one for one in seen if one not in added] == stays


def test_a_rename_between_two_pages_makes_others_neither_skip_nor_repeat(place: Place) -> None:
    for _ in range(7):
        place.create_image()
    before = ids_of(listed(place, "ListImages", order_by="ORDER_BY_NAME"))
    walk = walked(place, "ListImages", order_by="ORDER_BY_NAME")
    seen = ids_of(next(walk))
    for one, name in ((before[1], "zz"), (before[3], "aa")):
        place.operator.UpdateImage(id=one, name=name, update_mask={"paths": ["name"]})
    seen += [one for page in walk for one in ids_of(page)]
    renamed = {before[1], before[3]}
    others = [one for one in before if one not in renamed]
    assert [one for one in seen if one not in renamed] == others


def test_what_was_made_at_the_same_moment_is_listed_by_id(place: Place) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    same = [write_machine(place, name=new_name("same"), created_at=at) for _ in range(5)]
    earlier = write_machine(place, name="earlier", created_at=at - timedelta(microseconds=1))
    asked_for = {"order_by": "ORDER_BY_CREATED_AT"}
    assert ids_of(listed(place, "ListMachines", **asked_for)) == [earlier, *sorted(same)]
    newest = listed(place, "ListMachines", descending=True, **asked_for)
    assert ids_of(newest) == [*sorted(same, reverse=True), earlier]


# Order and filter


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_ordered_and_filtered(place: Place, name: str) -> None:
    for _ in range(5):
        LISTS[name].make(place)

    def shown(**asked: Any) -> list[str]:
        return ids_of(listed(place, name, **asked))

    by_id = sorted(listed(place, name), key=id_of)
    assert len(by_id) == 5
    for order_by, key in KEYS.items():
        in_order = ids_of(sorted(by_id, key=key))
        assert shown(order_by=order_by) == in_order
        assert shown(order_by=order_by, descending=True) == in_order[::-1]
    one = by_id[3]
    prefix = name_of(one)[:-3]
    begun = [each for each in by_id if name_of(each).startswith(prefix)]
    assert shown(filter={"name_prefix": prefix}) == ids_of(begun)
    assert shown(filter={"name_prefix": name_of(one).upper()}) == []
    at = one.metadata.created_at
    since = shown(filter={"created_since": at}, order_by="ORDER_BY_NAME")
    until = shown(filter={"created_until": at}, order_by="ORDER_BY_NAME")
    assert id_of(one) in since
    assert sorted(since + until) == ids_of(by_id)


def test_operations_come_newest_first_unless_another_order_is_asked_for(place: Place) -> None:
    host = place.host()
    place.operator.VerifyHost(id=host)
    place.end_of_check(host)
    newest = place.operator.ListOperations(object_id=host).operations
    assert list(newest) == sorted(newest, key=made_at, reverse=True)
    assert len(newest) == 2
    oldest = place.operator.ListOperations(object_id=host, order_by="ORDER_BY_CREATED_AT")
    assert list(oldest.operations) == list(newest)[::-1]
    turned = place.operator.ListOperations(object_id=host, descending=True)
    assert turned.operations == oldest.operations


def test_machines_are_filtered_by_state_ended_or_not(place: Place) -> None:
    assert place.host()
    one = place.machine()

    def in_states(*states: str, **asked: Any) -> list[str]:
        answer = place.member.ListMachines(
            project=place.project, filter={"states": states}, **asked
        )
        return [each.metadata.id for each in answer.machines]

    assert in_states("active", "failed") == [one]
    assert in_states("active", order_by="ORDER_BY_NAME") == [one]
    assert in_states("failed", "gone") == []
    assert in_states() == [one]


@on_sqlite
@pytest.mark.parametrize(
    ("name", "asked_for", "about"),
    [
        ("ListClaims", {"order_by": "ORDER_BY_NAME"}, "order_by"),
        ("ListMetadefs", {"order_by": "ORDER_BY_NAME"}, "order_by"),
        ("ListCapabilities", {"filter": {"states": ["active"]}}, "filter.states"),
        ("ListOperations", {"filter": {"name_prefix": "a"}}, "filter.name_prefix"),
        ("ListMachines", {"filter": {"states": ["asleep"]}}, "filter.states"),
        ("ListNetworks", {"filter": {"states": ["active"]}}, "filter.states"),
        ("ListServers", {"order_by": 9}, "order_by"),
        ("ListImages", {"filter": {"created_since": {"nanos": -1}}}, "created_since"),
    ],
)
def test_an_order_or_filter_that_a_list_does_not_have_is_refused(
    place: Place, name: str, asked_for: dict[str, Any], about: str
) -> None:
    with refused("INVALID_ARGUMENT", about=about):
        ask(place.operator, name, **asked_for)


@on_sqlite
def test_a_watch_from_a_lists_revision_tells_what_came_after(place: Place) -> None:
    before = place.operator.ListNetworks(region=place.region)
    made = _network(place)
    seen = place.operator.until(
        lambda event: event.object_id == made, after_revision=before.revision
    )
    assert [one.object_id for one in seen if one.object_type == "network"] == [made]
