"""What is asked for and what is proposed.

A request is groups of amounts, each with its demands on where they come from, in a window. All
groups come from one tree of providers, and from providers that share what they have with it.
What a claim keeps of its request is written and read by `as_json` and `from_json`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as column
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from mulligan.resource.demands import (
    Demand,
    DistanceLimit,
    DomainLimit,
    Near,
    PropertyRange,
)
from mulligan.resource.values import (
    Allocation,
    Placement,
    check_id,
    check_name,
    check_provider_type,
    choose,
)
from mulligan.values.amount import Amount
from mulligan.values.errors import InvalidArgumentError
from mulligan.values.window import Window

MOST_GROUPS = 32


@dataclass(frozen=True)
class RequestGroup:
    """Amounts that come from one provider, or each from any of a tree, and what must hold there.

    Across a tree, what is required of capabilities, properties, provider and type holds of at least
    one of the providers used, and what is forbidden of none; groups and distances hold of all.

    Args:
        amounts: each resource type once; none at all names a provider without using it.
        name: by which others speak of it; each of a request once.
        across_tree: each amount may come from another provider of the tree.
        capabilities: names.
        groups: UUIDs of groups; a provider is in the groups of what is above it, and in those with
            which it shares.
        properties: ranges.
        distances: all of them hold.
        provider: UUID; only this one.
        provider_type: only of this type; empty for any.
        isolated_from: names of groups with which it has no provider in common.
        alone: no other project uses anything of that tree in the whole window.

    Raises:
        InvalidArgumentError: a field can't be used.
    """

    amounts: tuple[Amount, ...] = ()
    name: str = ""
    across_tree: bool = False
    capabilities: Demand[str] = column(default_factory=Demand)
    groups: Demand[str] = column(default_factory=Demand)
    properties: Demand[PropertyRange] = column(default_factory=Demand)
    distances: tuple[DistanceLimit, ...] = ()
    provider: str = ""
    provider_type: str = ""
    isolated_from: tuple[str, ...] = ()
    alone: bool = False

    def __post_init__(self) -> None:
        self._put("amounts", tuple(self.amounts))
        if self.name:
            check_name(self.name, field="groups.name")
        if self.provider:
            self._put("provider", check_id(self.provider, field="provider"))
        if self.provider_type:
            check_provider_type(self.provider_type, field="provider_type")
        for name, check in (
            ("capabilities", lambda one: check_name(one, field="capabilities")),
            ("groups", lambda one: check_id(one, field="groups")),
            ("properties", lambda one: one),
        ):
            self._put(name, getattr(self, name).checked(name, check))
        self._put("isolated_from", tuple(sorted(set(self.isolated_from))))
        self._check_amounts()

    def _put(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _check_amounts(self) -> None:
        types = [amount.resource_type for amount in self.amounts]
        for name in types:
            if types.count(name) > 1:
                raise InvalidArgumentError(
                    f"{name} is asked for twice; give one amount for it in a group",
                    field="amounts",
                )
        if self.across_tree and not types:
            raise InvalidArgumentError(
                "a group across a tree needs at least one amount", field="amounts"
            )


@dataclass(frozen=True)
class ClaimRequest:
    """What is asked for, for one window.

    Args:
        groups: at least one; together they ask for at least one amount.
        window: when.
        region: where.
        placement: spread prefers the provider with most free in the window, pack the one with
            least, nearest the one nearest to `near`.
        near: for nearest: from where is measured.
        same_subtree: sets of names of groups: of the providers of each set one is above all others.
        or_below: the region or one below it that the project sees.
        domains: what all providers share of failure domains with something, or don't.

    Raises:
        InvalidArgumentError: a field can't be used.
    """

    groups: tuple[RequestGroup, ...]
    window: Window
    region: str
    placement: Placement = Placement.SPREAD
    near: Near | None = None
    same_subtree: tuple[tuple[str, ...], ...] = ()
    or_below: bool = False
    domains: tuple[DomainLimit, ...] = ()

    def __post_init__(self) -> None:
        for name, value in (
            ("groups", tuple(self.groups)),
            ("region", check_id(self.region, field="region")),
            ("placement", choose(Placement, self.placement, "placement")),
            ("same_subtree", tuple(tuple(sorted(set(each))) for each in self.same_subtree)),
            ("domains", tuple(dict.fromkeys(self.domains))),
        ):
            object.__setattr__(self, name, value)
        if not any(group.amounts for group in self.groups):
            raise InvalidArgumentError("a claim needs at least one amount", field="amounts")
        if len(self.groups) > MOST_GROUPS:
            raise InvalidArgumentError(
                f"{len(self.groups)} groups are too many; give {MOST_GROUPS} at most",
                field="groups",
            )
        if (self.placement is Placement.NEAREST) != (self.near is not None):
            raise InvalidArgumentError(
                "placement nearest, and only that, needs to know from where; give near",
                field="near",
            )
        self._check_names()

    def _check_names(self) -> None:
        names = [group.name for group in self.groups]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise InvalidArgumentError(
                f"two groups are called {twice[0]!r}; give each a name of its own",
                field="groups.name",
            )
        across = {group.name for group in self.groups if group.across_tree}
        for where, name in self._references():
            if not name or name not in names:
                raise InvalidArgumentError(
                    f"there is no group {name!r} in the request; there are "
                    f"{', '.join(map(repr, names))}",
                    field=where,
                )
            if where == "same_subtree" and name in across:
                raise InvalidArgumentError(
                    f"group {name!r} is across a tree and has no one provider to be in a "
                    "subtree; ask for one provider",
                    field="same_subtree",
                )

    def _references(self) -> Iterator[tuple[str, str]]:
        """Where groups speak of each other by name."""
        for group in self.groups:
            for name in group.isolated_from:
                yield "groups.isolated_from", "" if name == group.name else name
            for limit in group.distances:
                if not limit.origin:
                    yield "groups.distances.group", "" if limit.group == group.name else limit.group
        for each in self.same_subtree:
            for name in each:
                yield "same_subtree", name

    @classmethod
    def for_one_provider(
        cls,
        amounts: tuple[Amount, ...],
        window: Window,
        region: str,
        *,
        required_capabilities: tuple[str, ...] = (),
        forbidden_capabilities: tuple[str, ...] = (),
        minimum_properties: Mapping[str, int] | None = None,
        provider: str | None = None,
        provider_type: str = "",
        placement: Placement = Placement.SPREAD,
        or_below: bool = False,
        domains: tuple[DomainLimit, ...] = (),
        **demands: Any,
    ) -> "ClaimRequest":
        """Ask for everything from one provider; `demands` are the further ones of its group."""
        least = (minimum_properties or {}).items()
        group = RequestGroup(
            amounts,
            capabilities=Demand(tuple(required_capabilities), tuple(forbidden_capabilities)),
            properties=Demand(tuple(PropertyRange(name, value) for name, value in least)),
            provider=provider or "",
            provider_type=provider_type,
            **demands,
        )
        return cls(
            (group,), window, region, placement=placement, or_below=or_below, domains=domains
        )

    @property
    def amounts(self) -> tuple[Amount, ...]:
        """Everything that is asked for, in the request's order; a type may stand in many groups."""
        return tuple(amount for group in self.groups for amount in group.amounts)

    def within(self, window: Window) -> "ClaimRequest":
        """Ask for the same in another window."""
        return replace(self, window=window)

    def in_region(self, region: str) -> "ClaimRequest":
        """Ask for the same in one region, and not below it."""
        return replace(self, region=region, or_below=False)

    def staying_in(self, region: str) -> "ClaimRequest":
        """Ask for the same in the region in which it was met: its failure domains did then."""
        return replace(self.in_region(region), domains=())

    def as_json(self) -> dict[str, Any]:
        """Write it in the form in which a claim keeps it."""
        written: dict[str, Any] = _adapter().dump_python(self, mode="json", exclude_defaults=True)
        written["window"] = [self.window.acquire_at.isoformat(), self.window.release_at.isoformat()]
        return written

    @classmethod
    def from_json(cls, spec: Mapping[str, Any]) -> "ClaimRequest":
        """Read what `as_json` wrote, or releases that knew one group only."""
        if "groups" not in spec:
            return cls.for_one_provider(
                tuple(Amount(name, amount) for name, amount in spec["amounts"]),
                _window(spec["acquire_at"], spec["release_at"]),
                spec["region"],
                required_capabilities=tuple(spec["required_capabilities"]),
                forbidden_capabilities=tuple(spec["forbidden_capabilities"]),
                minimum_properties=spec["minimum_properties"],
                provider=spec["provider"],
                provider_type=spec["provider_type"],
                placement=Placement(spec["placement"]),
            )
        known = {name: spec[name] for name in cls.__dataclass_fields__ if name in spec}
        read: ClaimRequest = _adapter().validate_python(
            known | {"window": _window(*spec["window"])}
        )
        return read


@dataclass(frozen=True)
class Part:
    """What one provider gives to one group."""

    group: str
    provider: str
    amounts: tuple[Amount, ...]


@dataclass(frozen=True)
class Candidate:
    """Providers that together meet a request, from one tree and what is shared with it.

    Args:
        parts: one per place to fill, in the request's order.
        tree: UUID of the provider at the top of the tree.
    """

    parts: tuple[Part, ...]
    tree: str

    @property
    def allocations(self) -> tuple[Allocation, ...]:
        """What it takes of each provider, in the request's order."""
        sums: Counter[tuple[str, str]] = Counter()
        for part in self.parts:
            for amount in part.amounts:
                sums[part.provider, amount.resource_type] += amount.amount
        return tuple(Allocation(provider, name, n) for (provider, name), n in sums.items())

    def as_json(self) -> dict[str, Any]:
        """Write it in the form in which it is passed on."""
        written: dict[str, Any] = TypeAdapter(Candidate).dump_python(self, mode="json")
        return written

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> "Candidate":
        """Read what `as_json` wrote."""
        read: Candidate = TypeAdapter(Candidate).validate_python(written)
        return read


def from_now(request: ClaimRequest, now: datetime) -> ClaimRequest:
    """Have a request's window begin no earlier than now: the past can't be claimed.

    Raises:
        InvalidArgumentError: the window is over.
    """
    return request.within(rest_of(request.window, now, field="window"))


def is_from_now_on(window: Window, now: datetime) -> bool:
    """Say whether a window has begun and has no end."""
    return window.acquire_at <= now and not window.has_end


def rest_of(window: Window, now: datetime, *, field: str) -> Window:
    """What is left of a window.

    Raises:
        InvalidArgumentError: nothing is.
    """
    if window.release_at <= now:
        raise InvalidArgumentError(
            f"the window ended at {window.release_at.isoformat()}, and now it is "
            f"{now.isoformat()}; give one that ends later",
            field=f"{field}.release_at",
        )
    return window if window.acquire_at >= now else Window(now, window.release_at)


def _window(acquire_at: str, release_at: str) -> Window:
    return Window(datetime.fromisoformat(acquire_at), datetime.fromisoformat(release_at))


@cache
def _adapter() -> TypeAdapter[ClaimRequest]:
    return TypeAdapter(ClaimRequest)
