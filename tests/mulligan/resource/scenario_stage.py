"""Sets a scenario up in a region of its own, asks, and says what came out by the file's names."""

import json
import re
from collections.abc import Callable, Collection
from datetime import datetime
from functools import partial
from hashlib import blake2b
from typing import Any, cast
from uuid import UUID

from sqlalchemy.orm import Session

from mulligan.database import Database
from mulligan.resource import claims, distances, groups, offers, providers, registry
from mulligan.resource.demands import Demand, DistanceLimit, Near, PropertyRange
from mulligan.resource.groups import GroupChange, MembersChange
from mulligan.resource.provider_changes import NewProvider, create_providers
from mulligan.resource.requests import Candidate, ClaimRequest, RequestGroup
from mulligan.resource.tables import (
    CapabilityNameRow,
    ProviderTypeRow,
    ResourceTypeRow,
)
from mulligan.resource.values import Inventory, Placement
from mulligan.values.amount import GREATEST_AMOUNT, Amount
from mulligan.values.errors import NoCapacityError
from mulligan.values.window import WITHOUT_END, Window
from tests.mulligan.resource.fleet import START, Fleet
from tests.mulligan.resource.scenario_files import (
    CandidateSpec,
    Claim,
    Provider,
    Refusal,
    Request,
    Scenario,
    Topology,
    Wanted,
    topology,
)

US = "us"
ELSEWHERE = "elsewhere"

Spoken = tuple[str, str, tuple[str, ...]]
"""A request group, who fills it, and with what."""


class Names:
    """UUIDs for names, numbered as they come, so that order by id is order in the file."""

    def __init__(self, scenario: str) -> None:
        digest = blake2b(scenario.encode(), digest_size=8).digest()
        self._high = int.from_bytes(digest, "big") << 64
        self._ids: dict[str, str] = {}

    def give(self, name: str) -> str:
        """The UUID of something new."""
        if name in self._ids:
            raise ValueError(f"{name!r} stands for two things; name each differently")
        self._ids[name] = str(UUID(int=self._high + len(self._ids) + 1))
        return self._ids[name]

    def __getitem__(self, name: str) -> str:
        return self._ids[name]

    def find(self, name: str) -> str:
        """The UUID of what may not be there."""
        return self._ids.get(name) or self.give(name)

    def put_back(self, words: str) -> str:
        """Words with names instead of UUIDs."""
        names = {given: name for name, given in self._ids.items()}
        return re.sub(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
                      lambda found: names.get(found.group(), found.group()), words)  # fmt: skip


class Stage:
    """A topology in a region of its own, with the claims that are there already."""

    def __init__(self, database: Database, title: str, fleet: Topology) -> None:
        self.names = Names(title)
        self.fleet = Fleet(database, self.names.give("region"), self.names.give(US))
        self._elsewhere, self._topology = self.names.give(ELSEWHERE), fleet
        self._named = list(fleet.walk())
        for name in (*(name for name, _, _ in self._named), *fleet.elsewhere, *fleet.groups):
            self.names.give(name)

    def build(self, session: Session) -> None:
        """Make what the topology has; its types are registered."""
        new = [self._new(name, above, one) for name, above, one in self._named]
        far = [self._new(name, "", one) for name, one in self._topology.elsewhere.items()]
        for region, some in ((self.fleet.region, new), (self._elsewhere, far)):
            if some:
                create_providers(session, region, some, now=START, by_control=True)
        self._mark(session)
        self._relate(session)

    def _new(self, name: str, above: str, one: Provider) -> NewProvider:
        inventories = [
            Inventory(
                resource_type, stock.total, stock.reserved, stock.least,
                stock.most or GREATEST_AMOUNT, stock.step, stock.ratio,
            )
            for resource_type, stock in one.has.items()
        ]  # fmt: skip
        return NewProvider(
            self.names[name],
            one.type,
            self.names.find(one.owner) if one.owner else None,
            self.names[above] if above else None,
            inventories,
            one.can,
            one.measures,
        )

    def _mark(self, session: Session) -> None:
        for name, _, one in self._named:
            if one.unavailable:
                reason = one.unavailable
                providers.set_availability(session, self.names[name], False, reason, now=START)
            if one.unhealthy_until:
                offers.mark_providers(
                    session, [self.names[name]], offers.UNHEALTHY, "too hot",
                    expires_at=one.unhealthy_until, author=self.names[US], now=START,
                )  # fmt: skip

    def _relate(self, session: Session) -> None:
        for name, group in self._topology.groups.items():
            members, sharing = (
                MembersChange(add=[self.names[one] for one in some])
                for some in (group.members, group.sharing)
            )
            groups.create_group(
                session, id=self.names[name], region=self.fleet.region, now=START,
                change=GroupChange(members, sharing),
            )  # fmt: skip
        for type_, by_code in self._topology.distances.items():
            said = {self._pair(pair): code for code, pairs in by_code.items() for pair in pairs}
            distances.set_distances(session, type_, said, now=START)

    def _pair(self, written: str) -> distances.Pair:
        within = written.removeprefix("within ")
        first, second = (within, within) if within != written else written.split(" to ")
        return distances.Pair(self.names[first], self.names[second])

    def take(self, claims_there: tuple[Claim, ...]) -> None:
        """Do what was done before anybody asks, in the order of the times at which it was done."""
        deeds: list[tuple[datetime, Callable[[Session, datetime], object]]] = []
        for number, one in enumerate(claims_there):
            claim = self.names.give(f"claim {number}")
            deeds.append((one.made_at, partial(self._claim, claim, one)))
            if one.confirmed_at:
                deeds.append((one.confirmed_at, partial(_confirm, claim)))
            if one.released_at:
                deeds.append((one.released_at, partial(_release, claim)))

        def act(session: Session) -> None:
            for when, deed in sorted(deeds, key=lambda each: each[0]):
                deed(session, when)

        if deeds:
            self.fleet.database.write(act)

    def _claim(self, claim: str, one: Claim, session: Session, now: datetime) -> None:
        asked = tuple(
            RequestGroup(
                tuple(Amount(name, amount) for name, amount in amounts.items()),
                name=f"part{index}",
                provider=self.names[provider],
                alone=one.alone or provider in one.alone_at,
            )
            for index, (provider, amounts) in enumerate(one.takes.items())
        )
        claims.commit_claim(
            session,
            claim_id=claim,
            project=self.names.find(one.who),
            request=ClaimRequest(asked, Window(*one.when), self.fleet.region),
            now=now,
            consumer=self.names.find(one.machine) if one.machine else None,
            hold_until=one.held_until,
            seed=0,
        )

    def request(self, asked: Request, scenario: Scenario) -> ClaimRequest:
        """What is asked for; it raises where that can't be asked."""
        window = Window(*(scenario.window or (scenario.now, WITHOUT_END)))
        near = Near("location", self.names.find(asked.nearest_to)) if asked.nearest_to else None
        return ClaimRequest(
            tuple(self._group(name, one) for name, one in asked.groups.items()),
            window,
            self.fleet.region,
            cast(Placement, asked.placement),
            near,
            asked.same_subtree,
        )

    def _group(self, name: str, one: Wanted) -> RequestGroup:
        find, forbid, require, choices = self.names.find, one.forbid, one.require, one.any_of
        return RequestGroup(
            tuple(Amount(resource_type, n) for resource_type, n in one.wants.items()),
            name,
            one.across_the_tree,
            Demand(require.capabilities, forbid.capabilities, choices.capabilities),
            Demand(
                tuple(map(find, require.groups)),
                tuple(map(find, forbid.groups)),
                tuple(tuple(map(find, each)) for each in choices.groups),
            ),
            Demand(
                tuple(map(_range, require.properties)),
                tuple(map(_range, forbid.properties)),
                tuple(tuple(map(_range, each)) for each in choices.properties),
            ),
            tuple(map(self._limit, one.distance)),
            find(one.provider) if one.provider else "",
            one.type,
            one.isolated_from,
            one.alone,
        )

    def _limit(self, written: str) -> DistanceLimit:
        found = re.fullmatch(
            r"(at most|at least) (\w+)(?: by (\w+))? from (request group )?(.+)", written
        )
        if not found:
            raise ValueError(f"{written!r} is no limit; write such as `at most rack from h1`")
        limit, code, type_, group, name = found.groups()
        origin = {"group": name} if group else {"origin": self.names.find(name)}
        return DistanceLimit(type_ or "location", code, limit == "at least", **origin)

    def told(self, error: NoCapacityError) -> dict[str, Any]:
        """What a refusal says, in the form of the files."""
        steps, earliest = json.loads(error.details["explanation"]), error.details["earliest"]
        # How many other regions there are, and what they have, is no matter of a scenario.
        here = [step for step in steps if not step["constraint"].endswith("in the region")]
        first = {steps[0]["constraint"]: f"{steps[0]['left']} left"}
        return {
            "steps": [self._step(step) for step in here if step["removed"]] or [first],
            "last straw": self.names.put_back(error.details["last_straw"]),
            "earliest": earliest if earliest == "never" else datetime.fromisoformat(earliest),
        }

    def _step(self, step: dict[str, Any]) -> dict[str, str]:
        because = "; ".join(f"{count} because {words}" for words, count in step["reasons"].items())
        because = f" ({because})" if because else ""
        words = f"{step['removed']} removed{because}, {step['left']} left"
        return {self.names.put_back(step["constraint"]): words}

    def spoken(self, candidate: Candidate) -> list[Spoken]:
        """Who gives what to which group."""
        return [
            (p.group, self.names.put_back(p.provider), tuple(a.resource_type for a in p.amounts))
            for p in candidate.parts
        ]


def build_all(database: Database, stages: Collection[Stage], topologies: set[str]) -> None:
    """Build many in one transaction, with the types and capabilities of their topologies."""

    def build(session: Session) -> None:
        for name in sorted(topologies):
            _register(session, topology(name))
        for stage in stages:
            stage.build(session)

    database.write(build)


def _register(session: Session, of: Topology) -> None:
    for name, minutes in of.cleaning_minutes.items():
        row = session.get(ProviderTypeRow, name)
        if row is None:
            registry.register(
                session, ProviderTypeRow, name, now=START, cleaning_margin_s=60 * minutes
            )
        elif row.cleaning_margin_s != 60 * minutes:
            raise ValueError(f"two topologies clean type {name} differently")
    for name, codes in of.distance_types.items():
        distances.create_distance_type(session, name, codes, now=START)
    everyone = [*(one for _, _, one in of.walk()), *of.elsewhere.values()]
    for table, used in (
        (ProviderTypeRow, {one.type for one in everyone}),
        (ResourceTypeRow, {name for one in everyone for name in one.has}),
        (CapabilityNameRow, {name for one in everyone for name in one.can}),
    ):
        registry.adopt_names(session, table, used, START)


def _confirm(claim: str, session: Session, now: datetime) -> None:
    claims.confirm_claim(session, claim, now)


def _release(claim: str, session: Session, now: datetime) -> None:
    claims.release_claim(session, claim, now)


def expected(asked: Request, spec: CandidateSpec) -> list[Spoken]:
    """A candidate of a file in the same form."""
    by_group: dict[str, Any] = {"": spec} if list(asked.groups) == [""] else dict(spec)  # type: ignore[arg-type]
    if by_group.keys() != asked.groups.keys():
        raise ValueError(f"{spec} does not say who fills {', '.join(asked.groups)}")
    parts: list[Spoken] = []
    for name, group in asked.groups.items():
        from_ = by_group[name]
        if group.across_the_tree:
            parts += [
                (name, from_[resource_type], (resource_type,)) for resource_type in group.wants
            ]
        else:
            parts.append((name, from_, tuple(group.wants)))
    return parts


def refusal(spec: Refusal) -> dict[str, Any]:
    """A refusal of a file in the form of `told`."""
    steps = list(spec.steps_to_the_last_straw)
    return {"steps": steps, "last straw": next(iter(steps[-1])), "earliest": spec.earliest}


def _range(written: str) -> PropertyRange:
    found = re.fullmatch(r"(\S+) (?:at least (\d+)|at most (\d+)|(\d+) to (\d+))", written)
    if not found:
        raise ValueError(f"{written!r} is no range; write such as `cpus at least 16`")
    name, least, most, first, last = found.groups()
    if first:
        return PropertyRange(name, int(first), int(last))
    return PropertyRange(name, int(least)) if least else PropertyRange(name, at_most=int(most))
