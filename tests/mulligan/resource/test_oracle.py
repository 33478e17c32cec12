"""Random fleets, requests, holds, releases, reshapes and clocks, against an oracle beside."""

import os
from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from mulligan.database import Database
from mulligan.iam.tables import Project
from mulligan.iam.tables import Region as RegionRow
from mulligan.resource import (
    claims,
    distances,
    groups,
    occupation,
    offers,
    registry,
    reshape,
)
from mulligan.resource.claims import Claim
from mulligan.resource.demands import Demand, DistanceLimit, DomainLimit, Near, PropertyRange
from mulligan.resource.groups import GroupChange, MembersChange
from mulligan.resource.provider_changes import NewProvider, create_providers
from mulligan.resource.requests import Candidate, ClaimRequest, RequestGroup
from mulligan.resource.reshape import AllocationMove
from mulligan.resource.tables import AllocationRow, ProviderTypeRow
from mulligan.resource.values import Inventory, Placement
from mulligan.values.amount import Amount
from mulligan.values.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NoCapacityError,
)
from mulligan.values.regions import DomainKind, RegionSpec, Visibility
from tests.mulligan.resource.draws import (
    CAPABILITIES,
    CODES,
    MARGINS,
    fleets,
    steps,
)
from tests.mulligan.resource.fleet import START, Fleet, at, new_id, window
from tests.mulligan.resource.model import (
    FOREVER,
    Ask,
    Booking,
    Group,
    Model,
    Pool,
    Provider,
    Region,
    Takes,
    Trait,
    Wanted,
)

EXAMPLES = int(os.environ.get("MULLIGAN_EXAMPLES", "0"))
"""More than the usual few, for who wants to be sure: MULLIGAN_EXAMPLES=2000."""


def pick(things: Any, number: int) -> Any:
    """Count round."""
    return list(things)[number % len(things)]


class Both:
    """The oracle and Mulligan side by side."""

    def __init__(self, database: Database, drawn: dict[str, Any]) -> None:
        self.fleet = Fleet(database)
        self.projects = [self.fleet.project, new_id()]
        self.regions = self.regions_of(drawn.get("regions", []))
        ids = sorted(new_id() for _ in drawn["providers"])
        made: dict[str, Provider] = {}
        for one, has in zip(ids, drawn["providers"], strict=True):
            below, owner = has["below"], has["owner"]
            parent = pick(made, below) if made and below is not None else None
            made[one] = Provider(
                parent,
                has["type"],
                has["pools"],
                has["capabilities"],
                {"cores": has["cores"]} if has["cores"] else {},
                None if owner is None or parent else self.projects[owner],
                region=made[parent].region if parent else pick(self.regions, has.get("region", 0)),
            )
        named = {
            new_id(): Group(*in_one_region(made, [{pick(ids, n) for n in some} for some in drawn]))
            for drawn in drawn["groups"]
        }
        self.things = [*ids, *named]
        said = {}
        for a, b, count in drawn["said"]:
            pair = tuple(sorted((pick(self.things, a), pick(self.things, b))))
            if pair[0] != pair[1] or pair[0] in named:
                said[pair] = count
        above, below = self.projects
        lines = {above: {above}, below: {above, below}}
        self.model = Model(made, named, said, MARGINS, regions=self.regions, lines=lines)
        self.claims: list[Claim] = []
        self.proposals: list[tuple[Ask, ClaimRequest, Candidate]] = []
        database.write(self.create)

    def regions_of(self, drawn: list[dict[str, Any]]) -> dict[str, Region]:
        """The fleet's region, and those that were drawn."""
        made = {self.fleet.region: Region(None, {"feed-a"} if drawn else set())}
        for has in drawn:
            shown_to = has["shown_to"]
            made[new_id()] = Region(
                None if has["below"] is None else pick(made, has["below"]),
                has["power"],
                None if shown_to is None else {self.projects[n] for n in shown_to},
            )
        return made

    def create(self, session: Any) -> None:
        fleet, model = self.fleet, self.model
        above, below = self.projects
        session.add(Project(id=above, created_at=START))
        session.add(Project(id=below, parent=above, created_at=START))
        for one, region in model.regions.items():
            said = RegionSpec({DomainKind.POWER: tuple(region.power)} if region.power else {})
            if region.shown_to is not None:
                kind = Visibility.PROJECTS if region.shown_to else Visibility.INTERNAL
                said = replace(said, visibility=kind, visible_to=tuple(region.shown_to))
            session.add(RegionRow(id=one, parent=region.parent, created_at=START, spec=said))
        for name, ticks in MARGINS.items():
            if session.get(ProviderTypeRow, name) is None:
                registry.register(
                    session, ProviderTypeRow, name, now=START, cleaning_margin_s=60 * ticks
                )
        new = [
            NewProvider(
                one, has.type, has.owner, has.parent,
                [inventory(kind, pool) for kind, pool in has.pools.items()],
                sorted(has.capabilities), has.properties,
            )
            for one, has in model.providers.items()
        ]  # fmt: skip
        for there in model.regions:
            here = [one for one in new if model.providers[one.id].region == there]
            if here:
                create_providers(session, there, here, now=START)
        for one, group in model.groups.items():
            of = {model.providers[p].region for p in group.members | group.sharers}
            change = GroupChange(
                MembersChange(add=sorted(group.members)), MembersChange(add=sorted(group.sharers))
            )
            there = min(of, default=fleet.region)
            groups.create_group(session, id=one, region=there, change=change, now=START)
        told = {distances.Pair(a, b): CODES[count] for (a, b), count in model.said.items()}
        distances.set_distances(session, "location", told, now=START)

    def take(self, step: dict[str, Any]) -> None:
        if step["do"] == "ask":
            self.ask(step)
        elif step["do"] in ("confirm", "release", "move"):
            if self.claims:
                claim = pick(self.claims, step["which"])
                getattr(self, step["do"])(claim, self.model.bookings[claim.id], step)
        else:
            getattr(self, step["do"])(step)

    def ask(self, step: dict[str, Any]) -> None:
        ask = self.ask_of(step)
        if ask is None:
            return
        request, expected = self.request_of(ask), self.model.candidates(ask)
        try:
            found = self.fleet.propose(request, limit=10_000, project=ask.project)
        except InvalidArgumentError:
            assert not self.model.measures(ask)
            return
        except NoCapacityError as error:
            assert not expected
            self.check_earliest(error, ask)
            return
        assert self.model.measures(ask)
        assert [takes_of(one.allocations) for one in found] == list(expected)
        self.proposals += [(ask, request, one) for one in found]
        self.commit(ask, request, next(iter(expected.values())), step)

    def commit(
        self, ask: Ask, request: ClaimRequest, chosen: tuple[str, ...], step: dict[str, Any],
        proposed: Candidate | None = None,
    ) -> None:  # fmt: skip
        now = self.model.now
        hold = now + step["hold"] if step.get("hold") else None
        claim = self.fleet.database.write(
            lambda session: claims.commit_claim(
                session, claim_id=new_id(), project=ask.project, request=request,
                now=self.fleet.now, seed=0, proposed=proposed,
                consumer=new_id() if step.get("machine") else None,
                hold_until=at(hold) if hold else None,
            )
        )  # fmt: skip
        booking = self.model.commit(claim.id, ask, chosen)
        booking.hold = min(hold, ask.end) if hold else None
        booking.machine = bool(step.get("machine"))
        self.claims.append(claim)
        assert takes_of(claim.allocations) == booking.takes

    def again(self, step: dict[str, Any]) -> None:
        """Commit what was proposed before, if it still fits."""
        if not self.proposals:
            return
        ask, request, candidate = pick(self.proposals, step["which"])
        if ask.end <= self.model.now:
            return
        chosen = tuple(part.provider for part in candidate.parts)
        if chosen in set(self.model.ways(self.model.from_now(ask))):
            self.commit(ask, request, chosen, step, candidate)
        else:
            with pytest.raises(NoCapacityError):
                self.commit(ask, request, chosen, step, candidate)

    def check_earliest(self, error: NoCapacityError, ask: Ask) -> None:
        told, expected = error.details["earliest"], self.model.earliest(ask)
        if told == "never":
            assert expected is None
        else:
            ticks = (datetime.fromisoformat(told) - START) / timedelta(minutes=1)
            assert expected == ceil(ticks)

    def confirm(self, claim: Claim, booking: Booking, step: dict[str, Any]) -> None:
        if self.model.confirm(booking):
            self.fleet.confirm(claim)
            return
        with pytest.raises(FailedPreconditionError):
            self.fleet.confirm(claim)

    def release(self, claim: Claim, booking: Booking, step: dict[str, Any]) -> None:
        self.fleet.release(claim)
        booking.released = booking.released or not self.model.ended(booking)

    def wait(self, step: dict[str, Any]) -> None:
        self.model.now = max(0, self.model.now + step["ticks"])
        self.fleet.now = at(self.model.now)
        self.compare_use()

    def mark(self, step: dict[str, Any]) -> None:
        """Have a provider be unhealthy for some ticks, or in maintenance, or in it no more."""
        one, until = pick(self.model.providers, step["which"]), self.model.now + step["ticks"]
        has = self.model.providers[one]
        kind = "maintenance"
        fields: dict[str, Any] = {"author": new_id(), "now": self.fleet.now}
        if step["amount"] and until > self.model.now:
            has.unhealthy_until, kind = until, "unhealthy"
            fields["expires_at"] = at(until)
        elif has.available:
            has.available = False
        else:
            has.available = True
            self.fleet.database.write(lambda s: offers.unmark_providers(s, [one], kind, **fields))
            return
        self.fleet.database.write(lambda s: offers.mark_providers(s, [one], kind, "test", **fields))

    def move(self, claim: Claim, booking: Booking, step: dict[str, Any]) -> None:
        """Move what a claim takes of a provider to another one of the tree."""
        (source, kind), _ = pick(sorted(booking.takes), step["which"])
        target = pick(self.model.providers, step["which"] + step["ticks"])
        amount = step["amount"]
        if target == source:
            return
        move = AllocationMove(kind, source, target, [claim.id], amount)
        fits = self.model.move(booking, kind, source, target, amount)

        def write() -> None:
            self.fleet.database.write(
                lambda s: reshape.reshape_providers(s, [], [move], now=self.fleet.now)
            )

        if fits:
            write()
            return
        with pytest.raises((FailedPreconditionError, InvalidArgumentError)):
            write()

    def compare_use(self) -> None:
        model, start, end = self.model, self.model.now, self.model.now + 6
        scope = AllocationRow.provider.in_(model.providers)
        query = occupation.peaks(scope, window(start, end), self.fleet.now)
        rows = self.fleet.database.read(lambda session: session.execute(query).all())
        peaks = {
            (one, kind): model.peak(one, kind, start, end)
            for one, has in model.providers.items()
            for kind in has.pools
        }
        assert {(one, kind): n for one, kind, n in rows} == {k: n for k, n in peaks.items() if n}

    def ask_of(self, step: dict[str, Any]) -> Ask | None:
        """Name what a drawn request speaks of; None for one that can't be asked."""
        model, drawn = self.model, step["groups"]
        names = ["abc"[n] for n in range(len(drawn))]
        if not any(one["amounts"] for one in drawn):
            return None
        start = max(0, model.now + step["ahead"])
        end = FOREVER if step["length"] is None else start + step["length"]
        if end <= model.now:
            return None
        groups = [self.wanted_of(*one, names) for one in zip(names, drawn, strict=True)]
        together = [one.name for one in groups if not one.across]
        return Ask(
            groups, start, end, self.projects[step["project"]], step["placement"],
            pick(self.things, step["near"]) if step["placement"] == "nearest" else "",
            together if step["subtree"] else [],
            pick(model.regions, step.get("region", 0)),
            step.get("or_below", False),
            [(same, pick(self.origins, n)) for same, n in step.get("domains", ())],
        )  # fmt: skip

    @property
    def origins(self) -> list[str]:
        """From what failure domains can be told."""
        return [*self.model.providers, *self.model.regions, *self.model.bookings]

    def wanted_of(self, name: str, drawn: dict[str, Any], names: list[str]) -> Wanted:
        wanted = Wanted(name, drawn["amounts"], drawn["across"] and bool(drawn["amounts"]))
        rest = [other for other in names if other != name]
        for word, *demanded in drawn["demands"]:
            match word, demanded:
                case "need", [trait]:
                    wanted.needs += [[t] for t in self.traits(*trait) if t not in wanted.bans]
                case "ban", [trait]:
                    wanted.bans += [t for t in self.traits(*trait) if [t] not in wanted.needs]
                case "any", [kind, limits]:
                    which = [limits, limits] if kind == "property" else [0, 1]
                    both = [trait for one in which for trait in self.traits(kind, one)]
                    wanted.needs += [both] if both else []
                case "only", [kind, number]:
                    wanted.needs = [n for n in wanted.needs if n[0][0] != kind]
                    things = list(self.model.providers) if kind == "provider" else list(MARGINS)
                    wanted.needs.append([(kind, pick(things, number))])
                case "far", [least, count, number]:
                    wanted.limits.append((least, count, pick(self.things, number)))
                case "apart", [least, count, number] if rest:
                    wanted.limits.append((least, count, pick(rest, number)))
                case "isolated", [number] if rest:
                    wanted.isolated.add(pick(rest, number))
                case "alone", []:
                    wanted.alone = True
        return wanted

    def traits(self, kind: str, which: Any) -> list[Trait]:
        if kind == "property":
            return [(kind, "cores", *which)]
        things = CAPABILITIES if kind == "capability" else list(self.model.groups)
        return [(kind, pick(things, which))] if things else []

    def request_of(self, ask: Ask) -> ClaimRequest:
        return ClaimRequest(
            tuple(group_of(one, self.things) for one in ask.groups),
            window(ask.start, None if ask.end == FOREVER else ask.end),
            ask.region,
            Placement(ask.placement),
            Near("location", ask.near) if ask.near else None,
            (tuple(ask.subtree),) if ask.subtree else (),
            ask.or_below,
            tuple(DomainLimit(DomainKind.POWER, one, same=same) for same, one in ask.domains),
        )


def in_one_region(providers: dict[str, Provider], parts: list[set[str]]) -> list[set[str]]:
    """Leave out who is not in the region of the first one: a group is of one region."""
    there = min((providers[one].region for part in parts for one in part), default="")
    return [{one for one in part if providers[one].region == there} for part in parts]


def takes_of(allocations: Any) -> Takes:
    return frozenset(((one.provider, one.resource_type), one.amount) for one in allocations)


def inventory(kind: str, pool: Pool) -> Inventory:
    return Inventory(
        kind, pool.total, pool.reserved, pool.least, pool.most, pool.step, float(pool.ratio)
    )


def group_of(one: Wanted, things: list[str]) -> RequestGroup:
    def named(trait: Trait) -> Any:
        return PropertyRange(*trait[1:]) if trait[0] == "property" else trait[1]

    def demand(kind: str) -> Demand[Any]:
        needs = [tuple(map(named, need)) for need in one.needs if need[0][0] == kind]
        return Demand(
            tuple(need[0] for need in needs if len(need) == 1),
            tuple(named(trait) for trait in one.bans if trait[0] == kind),
            tuple(need for need in needs if len(need) > 1),
        )

    only = {need[0][0]: need[0][1] for need in one.needs}
    return RequestGroup(
        tuple(Amount(kind, n) for kind, n in one.amounts.items()),
        one.name,
        one.across,
        demand("capability"),
        demand("group"),
        demand("property"),
        tuple(
            DistanceLimit(
                "location", CODES[count], least, **{"origin" if what in things else "group": what}
            )
            for least, count, what in one.limits
        ),
        only.get("provider", ""),
        only.get("type", ""),
        tuple(one.isolated),
        one.alone,
    )


def drive(database: Database, drawn: dict[str, Any], taken: list[dict[str, Any]]) -> None:
    """Take the steps on either side, and compare after each."""
    both = Both(database, drawn)
    for step in taken:
        both.take(step)
    both.compare_use()


def examples(usually: int) -> settings:
    """Few on PostgreSQL, where each takes longer; the claim code asks both the same.

    The usual few are the same each time; more are drawn anew.
    """
    return settings(
        max_examples=EXAMPLES or usually,
        derandomize=not EXAMPLES,
        phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@examples(40)
@given(drawn=fleets, taken=steps)
def test_mulligan_and_the_oracle_never_differ_on_sqlite(
    sqlite_database: Database, drawn: dict[str, Any], taken: list[dict[str, Any]]
) -> None:
    drive(sqlite_database, drawn, taken)


@examples(16)
@given(drawn=fleets, taken=steps)
def test_mulligan_and_the_oracle_never_differ_on_postgresql(
    postgresql_database: Database, drawn: dict[str, Any], taken: list[dict[str, Any]]
) -> None:
    drive(postgresql_database, drawn, taken)
