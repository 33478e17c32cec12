"""A site begins nothing in a region that another site serves, once iam has told it of that."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import grpc
import pytest

from api.places import Places
from mulligan.iam import objects
from tests.fakes.belongings import VCPU, WEEKLY, WINDOW
from tests.fakes.caller import refused
from tests.fakes.place import SEALED, SHA256, Place, new_name

HERE, ELSEWHERE = "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION"
"""How what nothing fits is answered by the site that serves the region, and by another one."""

TRIES = 3_000


def named(place: Place, **more: Any) -> Mapping[str, Any]:
    return {"name": new_name("one"), "region": place.region, **more}


def owned(place: Place) -> dict[str, str]:
    return {"project": place.project, "region": place.region}


def claim(place: Place, **more: Any) -> dict[str, Any]:
    return {**VCPU, "region": place.region, **more}


BEGINS: Mapping[str, Callable[[Place], Mapping[str, Any]]] = {
    "CreateNetwork": lambda place: named(place, spec={"prefix": "10.0.2.0/24"}),
    "CreateProviders": lambda place: {
        "region": place.region,
        "providers": [{"name": new_name("rack"), "type": "rack"}],
    },
    "CreateGroup": named,
    "CreateImage": lambda place: named(
        place, spec={"url": "http://images/a.raw", "sha256": SHA256, "disk_format": "raw"}
    ),
    "CreateHost": lambda place: named(place, spec={"uri": "test:///default"}),
    "CreateServer": lambda place: named(
        place,
        id=str(uuid4()),
        spec={"address": f"https://{uuid4()}", "sealed_credentials": SEALED},
    ),
    "CreateClaim": lambda place: {"project": place.project, "spec": claim(place)},
    "FindOpenings": lambda place: {
        "project": place.project,
        "spec": claim(place, window=WINDOW),
        "length": {"seconds": 60},
    },
    "ProvisionMachine": lambda place: named(place, project=place.project, spec=place.spec()),
    "CreateReservations": lambda place: {
        **owned(place),
        "spec": {"claim": VCPU, "window": WINDOW},
    },
    "CreateReservationSeries": lambda place: {
        **owned(place),
        "spec": {"claim": VCPU},
        "recurrence": WEEKLY,
        "ahead": {"seconds": 86_400},
    },
    "ExecutorConfigure": lambda place: {"region": place.region},
}


def register(place: Place) -> Any:
    """Have another site serve the place's region."""
    return place.operator.RegisterService(
        id=str(uuid4()), site=str(uuid4()), kinds=["control"], regions=[place.region]
    ).service


def wait_until(place: Place, code: str) -> None:
    """Ask until the answer is what it is to be: iam tells the site, and nobody tells the test."""
    for _ in range(TRIES):
        with pytest.raises(grpc.RpcError) as raised:
            place.operator.FindOpenings(**BEGINS["FindOpenings"](place))
        answer: Any = raised.value
        if answer.code().name == code:
            return
    raise AssertionError(f"it was refused with {answer.code()} to the end")


def test_nothing_begins_where_another_site_serves(place: Place) -> None:
    server = place.add_server()
    below = place.operator.CreateRegion(name=new_name("below"), parent=place.region).metadata.id
    asked = {name: fields(place) for name, fields in BEGINS.items()}
    wait_until(place, HERE)
    done = {
        name: {**BEGINS[name](place), "request_id": str(uuid4())}
        for name in ("CreateGroup", "CreateImage", "CreateHost", "CreateReservationSeries")
    }
    answers = {name: getattr(place.operator, name)(**fields) for name, fields in done.items()}
    other = register(place)
    wait_until(place, ELSEWHERE)
    for name, fields in asked.items():
        with refused("FAILED_PRECONDITION", "REGION_ELSEWHERE") as refusal:
            getattr(place.operator, name)(**fields)
        assert refusal.metadata["site"] == other.site
        assert refusal.resource == ("region", place.region)
    with refused("FAILED_PRECONDITION", "REGION_ELSEWHERE"):
        list(place.operator.ProposeCandidates(project=place.project, spec=claim(place)))
    with refused("FAILED_PRECONDITION", "REGION_ELSEWHERE"):
        place.operator.CreateNetwork(name="lan", region=below, spec={"prefix": "10.0.2.0/24"})

    # What was done here is not done once more elsewhere.
    for name, fields in done.items():
        again = getattr(place.operator, name)(**fields)
        assert again.metadata.id == answers[name].metadata.id

    # What is there already can be found and stopped.
    listed = place.operator.ListServers(region=place.region).servers
    assert [one.metadata.id for one in listed] == [server]
    place.operator.Freeze(region=place.region, reason="moved")
    place.operator.Thaw(region=place.region)
    with refused("FAILED_PRECONDITION", "REGION_ELSEWHERE"):
        place.operator.CreateClaim(project=place.project, spec=claim(place, or_below=True))


def test_what_no_other_site_serves_any_more_is_this_ones(place: Place) -> None:
    other = register(place)
    wait_until(place, ELSEWHERE)
    place.operator.WithdrawService(id=other.id)
    place.operator.DeleteSite(id=other.site)
    wait_until(place, HERE)
    assert place.network


async def _nothing(_: object) -> list[objects.Place]:
    return []


def test_a_region_is_of_the_site_that_names_it_or_the_nearest_one_above() -> None:
    places = Places(_nothing)
    above = {"top": None, "middle": "top", "low": "middle", "alone": None}
    places.take(objects.Place("region", one, parent, False) for one, parent in above.items())

    def elsewhere(served: Mapping[str, str]) -> Mapping[str, str]:
        places.take_served("ours", served)
        return {one: site for one in above if (site := places.other_site(one))}

    assert {one: places.other_site(one) for one in above} == dict.fromkeys(above, "")
    assert elsewhere({"": "ours"}) == {}
    assert elsewhere({"middle": "ours"}) == {}, "nobody serves the others"
    assert elsewhere({"top": "theirs", "low": "ours"}) == {"top": "theirs", "middle": "theirs"}
    assert elsewhere({"": "theirs", "top": "ours"}) == {"alone": "theirs"}
    assert elsewhere({"": "ours", "top": "theirs", "middle": "other"}) == {
        "top": "theirs",
        "middle": "other",
        "low": "other",
    }
