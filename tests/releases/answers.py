"""What the services of a release answered, and whether today's still do."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message_factory import GetMessageClass

from tests.fakes.caller import METHODS, Caller

PAGE = {"size": 1000}
OF_ALL = (
    "ListAccounts", "ListAssignments", "ListCapabilities", "ListDistances", "ListDistanceTypes",
    "ListFreezes", "ListGroups", "ListHosts", "ListImages", "ListMetadefs", "ListNetworks",
    "ListOperations", "ListProjects", "ListProviders", "ListProviderTypes", "ListQuotas",
    "ListRegions", "ListResourceTypes", "ListServers",
    "GetControlConfiguration", "GetIamConfiguration", "GetMetaConfiguration",
    "GetResourceConfiguration",
)  # fmt: skip
OF_A_PROJECT: Mapping[str, Mapping[str, Any]] = {
    "ListClaims": {"include_ended": True},
    "ListMachines": {"include_ended": True},
    "ListMetadefs": {},
    "ListProjectHosts": {},
    "ListProjectQuotas": {},
    "ListProjectServers": {},
    "ListReservations": {"include_ended": True},
    "ListReservationSeries": {"filter": {"states": ["active", "ended"]}},
}
OF_AN_ACCOUNT = ("ListApplicationCredentials",)
OF_A_REGION = ("GetExecutorConfiguration", "ListDifferences")
OF_OBJECTS = ("ListAttributes", "ListTags")
NOT_ASKED = {
    "ListAuditEvents": "test_dumps.py asks",
    "ListCalendar": "of a window from now on",
    "ListObjectsByAttribute": "as ListAttributes tells",
    "ListObjectsByTag": "as ListTags tells",
    "ListProjectCalendar": "of a window from now on",
    "ListProjectUsage": "counts up to now",
    "ListRegionKeys": "an executor answers",
    "ListServices": "tells who was seen of late",
    "ListSessions": "end by themselves",
    "ListTokenKeys": "are made anew by who serves the dump",
    "ListUsage": "counts up to now",
    "iamListAuditEvents": "test_dumps.py asks",
}
"""Lists of which nothing is kept, and why."""

PASSES = {
    "ListNetworks": {"addresses_used"},
    "ListProjectQuotas": {"used", "claims_used"},
    "ListProviders": {"used"},
    "ListQuotas": {"used", "claims_used"},
}
"""By method, what of its answer another time may change by itself."""

NOT_TOLD = {"revision", "in_force", "next_page_token"}
"""What another release or another start may answer otherwise."""


def ask(admin: Caller) -> list[dict[str, Any]]:
    """Ask for all that is there, once nothing changes; give each call with its answer, as JSON."""
    before, now = None, _ask(admin)
    while now != before:
        before, now = now, _ask(admin)
    return now


def _ask(admin: Caller) -> list[dict[str, Any]]:
    return [
        {"method": method, "request": request, "answer": told(admin, method, request)}
        for method, request in _calls(admin)
    ]


def _calls(admin: Caller) -> Iterator[tuple[str, dict[str, Any]]]:
    accounts = [one.metadata.id for one in admin.ListAccounts(page=PAGE).accounts]
    projects = [one.metadata.id for one in admin.ListProjects(page=PAGE).projects]
    regions = [one.metadata.id for one in admin.ListRegions(page=PAGE).regions]
    for method in OF_ALL:
        yield method, _paged(method)
    for account in accounts:
        for method in OF_AN_ACCOUNT:
            yield method, {**_paged(method), "creator": account}
    for project in projects:
        for method, more in OF_A_PROJECT.items():
            yield method, {**_paged(method), "project": project, **more}
    for region in regions:
        for method in OF_A_REGION:
            yield method, {**_paged(method), "region": region}
    for method in OF_OBJECTS:
        yield method, {"object_ids": [*projects, *regions]}


def _paged(method: str) -> dict[str, Any]:
    return {"page": PAGE} if "page" in METHODS[method].input_type.fields_by_name else {}


def told(caller: Caller, method: str, request: dict[str, Any]) -> Any:
    """What a call gives, as JSON, without what passes."""
    found = METHODS[method]
    given = caller.send(found, ParseDict(request, GetMessageClass(found.input_type)()))
    assert not getattr(given, "next_page_token", "")
    return _lasting(method, MessageToDict(given, preserving_proto_field_name=True))


def _lasting(method: str, answer: Any) -> Any:
    return _without(answer, NOT_TOLD | PASSES.get(method, set()))


def _without(value: Any, names: set[str]) -> Any:
    if isinstance(value, Mapping):
        return {name: _without(one, names) for name, one in value.items() if name not in names}
    return [_without(one, names) for one in value] if isinstance(value, list) else value


def differing(admin: Caller, answers: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is told otherwise now, or no more; what is new since is let be."""
    found = []
    for one in answers:
        then = _lasting(one["method"], one["answer"])
        now = _not_new(then, told(admin, one["method"], one["request"]))
        said = f"{one['method']}({one['request']})"
        found += [f"{said}{difference}" for difference in _differing(then, now)]
    return found


def _not_new(then: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out of a list what is new since."""
    return {
        name: [one for one in value if _id(one) in map(_id, then.get(name, ()))]
        if isinstance(value, list)
        else value
        for name, value in now.items()
    }


def _id(element: Any) -> Any:
    """What an element is known by; None: its kind has no id, and all of them are looked at."""
    return element.get("metadata", {}).get("id", element.get("name"))


def _differing(then: Any, now: Any) -> Iterator[str]:
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for name, one in then.items():
            yield from (f".{name}{rest}" for rest in _differing(one, now.get(name)))
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for index, (one, other) in enumerate(zip(then, now, strict=True)):
            yield from (f"[{index}]{rest}" for rest in _differing(one, other))
    elif then != now:
        yield f": {then} then, {now} now"
