"""What is asked of resource and what it proposes, from messages to the domain's words and back."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from api import messages
from api.region_specs import domains_of, shown_domains
from mulligan.resource.demands import Demand, DistanceLimit, Near, PropertyRange
from mulligan.resource.occupation import INSTANT
from mulligan.resource.requests import Candidate, ClaimRequest, Part, RequestGroup
from mulligan.resource.values import Placement
from mulligan.values.amount import GREATEST_AMOUNT, Amount
from mulligan.values.errors import InvalidArgumentError
from mulligan.values.window import WITHOUT_END, Window
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2 as pb

PLACEMENTS = {
    common_pb2.PLACEMENT_UNSPECIFIED: "pack",
    common_pb2.PLACEMENT_PACK: "pack",
    common_pb2.PLACEMENT_SPREAD: "spread",
    common_pb2.PLACEMENT_NEAREST: "nearest",
}
_PLACED = {
    Placement.PACK: common_pb2.PLACEMENT_PACK,
    Placement.SPREAD: common_pb2.PLACEMENT_SPREAD,
    Placement.NEAREST: common_pb2.PLACEMENT_NEAREST,
}
_FLAT = ("amounts", "required_capabilities", "forbidden_capabilities", "provider")


def request_of(spec: pb.ClaimSpec, now: datetime) -> ClaimRequest:
    """Read what is asked for; a window without start begins now.

    Raises:
        InvalidArgumentError: a field can't be used.
    """
    asked: dict[str, Any] = {
        "window": window_of(spec.window, now),
        "region": spec.region,
        "placement": Placement(PLACEMENTS[spec.placement]),
        "near": Near(spec.near.type, spec.near.origin) if spec.HasField("near") else None,
        "or_below": spec.or_below,
        "domains": domains_of(spec.domains),
    }
    if not spec.groups:
        flat = RequestGroup(
            _amounts(spec.amounts),
            capabilities=Demand(
                tuple(spec.required_capabilities), tuple(spec.forbidden_capabilities)
            ),
            provider=spec.provider,
        )
        return ClaimRequest((flat,), **asked)
    for name in _FLAT:
        if getattr(spec, name):
            raise InvalidArgumentError(
                f"{name} and groups are both given; say it in the groups", field=f"spec.{name}"
            )
    return ClaimRequest(
        tuple(map(_group, spec.groups)),
        same_subtree=tuple(tuple(each.group_names) for each in spec.same_subtree),
        **asked,
    )


def window_of(window: common_pb2.Window, now: datetime) -> Window:
    """Read a window; without a start it begins now, without an end it has none."""
    ends = window.release_at.ToDatetime(UTC) if window.HasField("release_at") else WITHOUT_END
    # A request that is sent again may come when its window is over.
    begins = min(now, ends - INSTANT)
    return Window(
        window.acquire_at.ToDatetime(UTC) if window.HasField("acquire_at") else begins, ends
    )


def _amounts(given: Iterable[common_pb2.Amount]) -> tuple[Amount, ...]:
    return tuple(Amount(one.resource_type, one.amount) for one in given)


def _group(given: pb.RequestGroup) -> RequestGroup:
    return RequestGroup(
        _amounts(given.amounts),
        name=given.name,
        across_tree=given.across_tree,
        capabilities=_names(given.capabilities),
        groups=_names(given.groups),
        properties=Demand(
            _ranges(given.properties.require),
            _ranges(given.properties.forbid),
            tuple(_ranges(each.ranges) for each in given.properties.any),
        ),
        distances=tuple(
            DistanceLimit(
                one.type, one.code, at_least=one.at_least, origin=one.origin, group=one.group_name
            )
            for one in given.distances
        ),
        provider=given.provider,
        provider_type=given.provider_type,
        isolated_from=tuple(given.isolated_from),
        alone=given.alone,
    )


def _names(given: pb.NameDemand) -> Demand[str]:
    return Demand(
        tuple(given.require), tuple(given.forbid), tuple(tuple(each.names) for each in given.any)
    )


def _ranges(given: Iterable[pb.PropertyRange]) -> tuple[PropertyRange, ...]:
    return tuple(
        PropertyRange(
            one.name, one.at_least, one.at_most if one.HasField("at_most") else GREATEST_AMOUNT
        )
        for one in given
    )


def candidate_of(given: pb.Candidate) -> Candidate:
    """Read what was proposed."""
    parts = (Part(one.group_name, one.provider, _amounts(one.amounts)) for one in given.parts)
    return Candidate(tuple(parts), given.tree)


def shown_candidate(one: Candidate) -> pb.Candidate:
    """Show what is proposed."""
    parts = [
        pb.CandidatePart(
            group_name=part.group, provider=part.provider, amounts=_shown_amounts(part.amounts)
        )
        for part in one.parts
    ]
    return pb.Candidate(parts=parts, tree=one.tree)


def _shown_amounts(amounts: Iterable[Amount]) -> list[common_pb2.Amount]:
    return [
        common_pb2.Amount(resource_type=one.resource_type, amount=one.amount) for one in amounts
    ]


def spec_of(request: ClaimRequest, window: Window) -> pb.ClaimSpec:
    """Show what was asked for; in the short form where that says all of it."""
    first = request.groups[0]
    spec = pb.ClaimSpec(
        window=common_pb2.Window(
            acquire_at=messages.timestamp(window.acquire_at),
            release_at=messages.timestamp(window.release_at),
        ),
        region=request.region,
        placement=_PLACED[request.placement],
        or_below=request.or_below,
        domains=shown_domains(request.domains),
    )
    if request.near:
        spec.near.CopyFrom(pb.Near(type=request.near.type, origin=request.near.origin))
    short = RequestGroup(
        first.amounts,
        capabilities=Demand(first.capabilities.require, first.capabilities.forbid),
        provider=first.provider,
    )
    if request.groups == (short,):
        spec.amounts.extend(_shown_amounts(first.amounts))
        spec.required_capabilities.extend(first.capabilities.require)
        spec.forbidden_capabilities.extend(first.capabilities.forbid)
        spec.provider = first.provider
        return spec
    spec.groups.extend(map(_shown_group, request.groups))
    spec.same_subtree.extend(pb.Subtree(group_names=each) for each in request.same_subtree)
    return spec


def _shown_group(group: RequestGroup) -> pb.RequestGroup:
    shown = pb.RequestGroup(
        name=group.name,
        amounts=_shown_amounts(group.amounts),
        across_tree=group.across_tree,
        provider=group.provider,
        provider_type=group.provider_type,
        isolated_from=group.isolated_from,
        alone=group.alone,
        distances=[
            pb.DistanceLimit(
                type=one.type, code=one.code, at_least=one.at_least, origin=one.origin,
                group_name=one.group,
            )
            for one in group.distances
        ],
    )  # fmt: skip
    if group.capabilities:
        shown.capabilities.CopyFrom(_shown_names(group.capabilities))
    if group.groups:
        shown.groups.CopyFrom(_shown_names(group.groups))
    if group.properties:
        wanted = group.properties
        shown.properties.require.extend(map(_shown_range, wanted.require))
        shown.properties.forbid.extend(map(_shown_range, wanted.forbid))
        for each in wanted.any:
            shown.properties.any.add(ranges=map(_shown_range, each))
    return shown


def _shown_names(demand: Demand[str]) -> pb.NameDemand:
    return pb.NameDemand(
        require=demand.require,
        forbid=demand.forbid,
        any=[pb.Alternatives(names=each) for each in demand.any],
    )


def _shown_range(one: PropertyRange) -> pb.PropertyRange:
    shown = pb.PropertyRange(name=one.name, at_least=one.at_least)
    if one.at_most < GREATEST_AMOUNT:
        shown.at_most = one.at_most
    return shown
