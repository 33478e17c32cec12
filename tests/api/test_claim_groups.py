"""Claims of several groups: proposed, committed, refused."""

from typing import Any
from uuid import uuid4

import pytest

from tests.fakes.caller import refused
from tests.fakes.place import Place, at, new_name, on_sqlite

CPU = {"name": "cpu", "amounts": [{"resource_type": "VCPU", "amount": 4}]}
GPU = {"name": "gpu", "amounts": [{"resource_type": "GPU", "amount": 1}]}


def box(place: Place, cards: int = 2) -> tuple[str, list[str]]:
    """A provider with CPUs, and cards with a GPU each below it."""
    kind, made = f"t-{uuid4().hex[:8]}", [str(uuid4()) for _ in range(cards + 1)]
    place.operator.CreateProviderType(name=kind)
    new: list[dict[str, Any]] = [
        {"id": made[0], "inventories": [{"resource_type": "VCPU", "total": 8}]}
    ]
    new += [
        {"id": card, "parent": made[0], "inventories": [{"resource_type": "GPU", "total": 1}]}
        for card in made[1:]
    ]
    place.operator.CreateProviders(
        region=place.region,
        providers=[{"name": new_name("provider"), "type": kind, **one} for one in new],
    )
    return made[0], sorted(made[1:])


def spec(place: Place, *groups: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"region": place.region, "groups": groups, **more}


def propose(place: Place, wanted: dict[str, Any], **more: Any) -> list[Any]:
    return list(place.member.ProposeCandidates(project=place.project, spec=wanted, **more))


def test_groups_are_proposed_and_the_proposed_is_committed(place: Place) -> None:
    host, cards = box(place)
    full: dict[str, Any] = {
        **GPU,
        "across_tree": False,
        "capabilities": {"forbid": ["storage:nvme"]},
        "properties": {"forbid": [{"name": "cpus", "at_most": 3}]},
        "distances": [
            {"type": "location", "code": "row", "at_least": True, "origin": str(uuid4())}
        ],
        "isolated_from": ["cpu"],
        "alone": True,
    }
    full["distances"][0]["origin"] = place.host()
    wanted = spec(place, CPU, full, same_subtree=[{"group_names": ["cpu", "gpu"]}])
    found = propose(place, wanted)
    assert [[part.provider for part in one.parts] for one in found] == [
        [host, card] for card in cards
    ]
    assert {one.tree for one in found} == {host}
    assert len(propose(place, wanted, limit=1)) == 1
    claim = place.member.CreateClaim(project=place.project, spec=wanted, candidate=found[1])
    assert {(one.provider, one.amount) for one in claim.allocations} == {(host, 4), (cards[1], 1)}
    shown = place.member.GetClaim(project=place.project, id=claim.metadata.id)
    assert shown.spec.groups[0].name == "cpu"
    again = type(shown.spec).FromString(shown.spec.SerializeToString())
    again.ClearField("window")
    asked = type(again)(**wanted, placement=again.placement)
    assert again == asked
    with refused("RESOURCE_EXHAUSTED", "NO_CAPACITY") as refusal:
        place.member.CreateClaim(project=place.project, spec=wanted, candidate=found[1])
    assert f"provider {cards[1]}" in refusal.metadata["explanation"]


def test_claims_are_changed_together(place: Place) -> None:
    hosts = sorted((place.host(), place.host()))
    claims = [
        place.claim(
            spec={"amounts": [{"resource_type": "VCPU", "amount": 8}],
                  "window": {"release_at": at(hours=2)}}
        )
        for _ in hosts
    ]  # fmt: skip
    was = [claim.allocations[0].provider for claim in claims]
    assert sorted(was) == hosts
    moves = [{"id": claim.metadata.id, "move": {"spec": claim.spec}} for claim in claims]
    for move, provider in zip(moves, reversed(was), strict=True):
        move["move"]["spec"].provider = provider
    with refused("RESOURCE_EXHAUSTED", "NO_CAPACITY"):
        place.member.ChangeClaims(project=place.project, changes=moves[:1])
    later = {"window": {"release_at": at(hours=9)}}
    answer = place.member.ChangeClaims(project=place.project, changes=[moves[0] | later, moves[1]])
    assert [one.allocations[0].provider for one in answer.claims] == list(reversed(was))
    assert answer.claims[0].spec.window.release_at == later["window"]["release_at"]
    assert answer.claims[1].spec.window == claims[1].spec.window
    stale = [{"id": claims[0].metadata.id, "generation": 1, "release": True}]
    with refused("ABORTED", "STALE_GENERATION"):
        place.member.ChangeClaims(project=place.project, changes=stale)
    with refused("NOT_FOUND"):
        place.member.ChangeClaims(
            project=place.project, changes=[{"id": str(uuid4()), "release": True}]
        )


@on_sqlite
def test_nothing_to_propose_is_explained(place: Place) -> None:
    box(place, cards=0)
    with refused("RESOURCE_EXHAUSTED", "NO_CAPACITY") as refusal:
        propose(place, spec(place, CPU, GPU))
    assert "group 'gpu': handing out 1 GPU at once" in refusal.metadata["last_straw"]


@on_sqlite
@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"groups": [CPU], "amounts": [{"resource_type": "VCPU", "amount": 1}]}, "spec.amounts"),
        ({"groups": [CPU, CPU]}, "groups.name"),
        ({"groups": [CPU], "same_subtree": [{"group_names": ["gpu"]}]}, "same_subtree"),
        ({"groups": [CPU], "placement": "PLACEMENT_NEAREST"}, "near"),
        ({"groups": [CPU], "window": {"release_at": at(hours=-1)}}, "window.release_at"),
        (
            {"groups": [CPU], "placement": 3, "near": {"type": "wires", "origin": str(uuid4())}},
            "distances.type",
        ),
    ],
)
def test_what_can_not_be_asked_is_refused(place: Place, wanted: Any, field: str) -> None:
    with refused("INVALID_ARGUMENT", about=field):
        propose(place, {"region": place.region, **wanted})
    with refused("INVALID_ARGUMENT", about=field):
        place.member.CreateClaim(project=place.project, spec={"region": place.region, **wanted})
    with refused("INVALID_ARGUMENT", about="limit"):
        propose(place, spec(place, CPU), limit=-1)


def test_a_quota_holds_for_claims_and_machines(place: Place) -> None:
    place.host()
    spec_ = {"amounts": [{"resource_type": "VCPU", "amount": 3}], "claims": 2}
    kept = place.operator.SetQuota(project=place.project, spec=spec_)
    assert kept.generation == 1
    place.claim()
    shown = place.member.GetQuota(project=place.project)
    assert [(one.resource_type, one.amount) for one in shown.used] == [("VCPU", 2)]
    assert (shown.claims_used, shown.spec) == (1, kept.spec)
    with refused("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED") as refusal:
        place.claim()
    assert refusal.resource == ("quota", place.project)
    with refused("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"):
        place.provision()
    assert not place.member.ListMachines(project=place.project).machines
    with refused("ABORTED", "STALE_GENERATION", about="generation"):
        place.operator.SetQuota(project=place.project, spec=spec_, generation=7)
    place.operator.DeleteQuota(project=place.project)
    place.claim()
    with refused("NOT_FOUND"):
        place.operator.DeleteQuota(project=place.project)
    with refused("PERMISSION_DENIED"):
        place.member.SetQuota(project=place.project, spec=spec_)
    with refused("NOT_FOUND"):
        place.operator.SetQuota(project=str(uuid4()), spec=spec_)
