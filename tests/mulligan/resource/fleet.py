"""A small fleet in a region of its own, and short ways to ask for a part of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from mulligan.database import Database
from mulligan.resource import choice, claims, networks, providers, registry
from mulligan.resource.claims import Claim
from mulligan.resource.networks import NetworkSpec, NicWanted
from mulligan.resource.provider_changes import NewProvider, create_providers
from mulligan.resource.requests import Candidate, ClaimRequest, RequestGroup
from mulligan.resource.tables import ProviderTypeRow
from mulligan.resource.values import Inventory
from mulligan.values.amount import Amount
from mulligan.values.window import WITHOUT_END, Window

START = datetime(2030, 1, 1, tzinfo=UTC)


def new_id() -> str:
    return str(uuid4())


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def window(start: float, end: float | None = None) -> Window:
    return Window(at(start), WITHOUT_END if end is None else at(end))


@dataclass
class Fleet:
    """Each call is a transaction of its own, at `now`."""

    database: Database
    region: str = field(default_factory=new_id)
    project: str = field(default_factory=new_id)
    now: datetime = START

    def add(self, provider: str = "", **totals: int) -> str:
        """A host with that much of each resource type, available."""
        inventories = [Inventory(name, total) for name, total in totals.items()]
        return self.add_with(inventories, provider=provider)

    def add_with(
        self,
        inventories: Sequence[Inventory],
        *,
        provider: str = "",
        kind: str = "host",
        capabilities: Sequence[str] = (),
        **properties: int,
    ) -> str:
        provider = provider or new_id()

        def change(session: Any) -> None:
            providers.create_provider(
                session, id=provider, region=self.region, type=kind, now=self.now
            )
            providers.set_inventories(session, provider, inventories, now=self.now)
            providers.set_capabilities(session, provider, capabilities)
            providers.set_properties(session, provider, properties)
            providers.set_availability(session, provider, True, now=self.now)

        self.database.write(change)
        return provider

    def rack(self, parent: str = "", *, kind: str = "rack", **fields: Any) -> str:
        """A provider that an operator made, offered at once."""
        new = NewProvider(new_id(), kind, parent=parent or None, **fields)

        def create(session: Any) -> None:
            registry.adopt_names(session, ProviderTypeRow, {kind}, self.now)
            create_providers(session, self.region, [new], now=self.now)

        self.database.write(create)
        return new.id

    def request(self, when: Window | None = None, **wanted: Any) -> ClaimRequest:
        """Amounts are the upper-case arguments."""
        amounts = tuple(Amount(n, wanted.pop(n)) for n in list(wanted) if n.isupper())
        return ClaimRequest.for_one_provider(
            amounts=amounts, window=when or Window(self.now), region=self.region, **wanted
        )

    def ask(
        self, *groups: RequestGroup, when: Window | None = None, **options: Any
    ) -> ClaimRequest:
        """A request of several groups."""
        return ClaimRequest(groups, when or Window(self.now), self.region, **options)

    def propose(
        self, request: ClaimRequest, *, seed: int = 0, limit: int = 8, project: str = ""
    ) -> list[Candidate]:
        return self.database.read(
            lambda session: choice.propose(
                session, request, project=project or self.project, now=self.now, seed=seed,
                limit=limit,
            )
        )  # fmt: skip

    def commit(
        self, request: ClaimRequest, *, proposed: Candidate | None = None, project: str = ""
    ) -> Claim:
        return self.database.write(
            lambda session: claims.commit_claim(
                session, claim_id=new_id(), project=project or self.project, request=request,
                now=self.now, seed=0, proposed=proposed,
            )
        )  # fmt: skip

    def claim(
        self,
        when: Window | None = None,
        *,
        claim_id: str = "",
        consumer: str | None = None,
        hold_until: datetime | None = None,
        nics: Sequence[NicWanted] = (),
        **wanted: Any,
    ) -> Claim:
        request = self.request(when, **wanted)
        claim_id = claim_id or new_id()
        return self.database.write(
            lambda session: claims.commit_claim(
                session,
                claim_id=claim_id,
                project=self.project,
                request=request,
                now=self.now,
                consumer=consumer,
                hold_until=hold_until,
                nics=nics,
                seed=0,
            )
        )

    def confirm(self, claim: Claim, **options: Any) -> Claim:
        return self.database.write(lambda s: claims.confirm_claim(s, claim.id, self.now, **options))

    def release(self, claim: Claim, **options: Any) -> Claim:
        return self.database.write(lambda s: claims.release_claim(s, claim.id, self.now, **options))

    def read(self, claim: Claim) -> Claim:
        return self.database.read(lambda s: claims.get_claim(s, claim.id, now=self.now))

    def usage(self, provider: str, when: Window) -> dict[str, int]:
        return self.database.read(lambda s: claims.usage(s, provider, when, self.now))

    def network(self, prefix: str = "10.0.2.0/24", **spec: Any) -> str:
        network = new_id()
        self.database.write(
            lambda session: networks.create_network(
                session,
                id=network,
                region=self.region,
                spec=NetworkSpec(prefix, **spec),
                now=self.now,
            )
        )
        return network
