"""The tables of the resource service. They hold no names: those live in meta.

Rows of what occupies something (`allocations`, `address_claims`) outlive the provider or network
that they name, as history; hence no foreign key there.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column

from mulligan.database import Base, Id, in_region, of_living
from mulligan.status import StatusColumns
from mulligan.values.states import RESERVATION_ENDED

HELD, CONFIRMED, RELEASED, LAPSED = "held", "confirmed", "released", "lapsed"
"""States of a claim; lapsed is never written, time alone makes a hold so."""


class NameColumns:
    """A registered name: known to all, in no region, nobody's.

    The standard ones come with Mulligan and stay.
    """

    description: Mapped[str] = mapped_column(Text, default="")
    standard: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]


class ProviderTypeRow(NameColumns, Base):
    """A kind of provider, and how long one of it is kept free between two claims."""

    __tablename__ = "provider_types"
    name: Mapped[str] = mapped_column(String(16), primary_key=True)
    cleaning_margin_s: Mapped[int] = mapped_column(BigInteger, default=0)
    generation: Mapped[int] = mapped_column(BigInteger, default=1)


class ResourceTypeRow(NameColumns, Base):
    """A name of what is counted."""

    __tablename__ = "resource_types"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)


class CapabilityNameRow(NameColumns, Base):
    """A name of what a provider can do."""

    __tablename__ = "capabilities"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)


class ProviderRow(Base):
    """Anything that has inventory.

    `root` is the provider at the top of its tree, none at the top itself; there `project` is the
    owner of all of it, none for nobody. It is offered while it is `available` and not
    `unhealthy_until` a time to come.
    """

    __tablename__ = "providers"
    __table_args__ = (
        Index(None, "region", "type", "available"),
        Index(None, "parent"),
        Index(None, "root"),
        Index(
            "ix_providers_project",
            "project",
            sqlite_where=text("project IS NOT NULL"),
            postgresql_where=text("project IS NOT NULL"),
        ),
        *in_region(),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    region: Mapped[str] = mapped_column(Id)
    project: Mapped[str | None] = mapped_column(Id)
    type: Mapped[str] = mapped_column(String(16))
    parent: Mapped[str | None] = mapped_column(Id, ForeignKey("providers.id"))
    root: Mapped[str | None] = mapped_column(Id)
    available: Mapped[bool]
    unavailable_reason: Mapped[str] = mapped_column(Text, default="")
    unhealthy_until: Mapped[datetime | None]
    generation: Mapped[int] = mapped_column(BigInteger, default=1)
    created_at: Mapped[datetime]


class InventoryRow(Base):
    """How much of a resource type a provider has; `capacity` is computed when it is written."""

    __tablename__ = "inventories"
    provider: Mapped[str] = mapped_column(
        Id, ForeignKey("providers.id", ondelete="CASCADE"), primary_key=True
    )
    resource_type: Mapped[str] = mapped_column(String(64), primary_key=True)
    total: Mapped[int] = mapped_column(BigInteger)
    reserved: Mapped[int] = mapped_column(BigInteger)
    min_unit: Mapped[int] = mapped_column(BigInteger)
    max_unit: Mapped[int] = mapped_column(BigInteger)
    step_size: Mapped[int] = mapped_column(BigInteger)
    allocation_ratio: Mapped[float]
    capacity: Mapped[int] = mapped_column(BigInteger)


class CapabilityRow(Base):
    """One thing that a provider can do."""

    __tablename__ = "provider_capabilities"
    __table_args__ = (Index(None, "capability", "provider"),)
    provider: Mapped[str] = mapped_column(
        Id, ForeignKey("providers.id", ondelete="CASCADE"), primary_key=True
    )
    capability: Mapped[str] = mapped_column(String(64), primary_key=True)


class PropertyRow(Base):
    """One measure of a provider that is compared, not counted: cpus, memory_mib, ..."""

    __tablename__ = "provider_properties"
    provider: Mapped[str] = mapped_column(
        Id, ForeignKey("providers.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)


class GroupRow(Base):
    """Providers that belong together, in whatever respect; who is in it stands in members."""

    __tablename__ = "provider_groups"
    __table_args__ = in_region()
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    region: Mapped[str] = mapped_column(Id)
    generation: Mapped[int] = mapped_column(BigInteger, default=1)
    created_at: Mapped[datetime]


class BelongingColumns:
    """A group and a provider that has to do with it."""

    group: Mapped[str] = mapped_column(
        Id, ForeignKey("provider_groups.id", ondelete="CASCADE"), primary_key=True
    )
    provider: Mapped[str] = mapped_column(
        Id, ForeignKey("providers.id", ondelete="CASCADE"), primary_key=True
    )


class MemberRow(BelongingColumns, Base):
    """A provider in a group."""

    __tablename__ = "group_members"
    __table_args__ = (Index(None, "provider"),)


class SharingRow(BelongingColumns, Base):
    """A provider that shares what it has with the members of a group."""

    __tablename__ = "sharing_providers"
    __table_args__ = (Index(None, "provider"),)


class DistanceTypeRow(NameColumns, Base):
    """A way to measure how far providers are apart: its codes from near to far."""

    __tablename__ = "distance_types"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    codes: Mapped[list[Any]]


class DistanceRow(Base):
    """How far two providers or groups are apart, said once: `a` is not greater than `b`.

    `steps` is the place of the code among its type's. A pair may be of two kinds; hence no foreign
    key there.
    """

    __tablename__ = "distances"
    __table_args__ = (Index(None, "a"), Index(None, "b"))
    type: Mapped[str] = mapped_column(
        String(64), ForeignKey("distance_types.name"), primary_key=True
    )
    a: Mapped[str] = mapped_column(Id, primary_key=True)
    b: Mapped[str] = mapped_column(Id, primary_key=True)
    steps: Mapped[int]


class NetworkRow(Base):
    """A network as a record: what machines in it are told, and which addresses are handed out."""

    __tablename__ = "networks"
    __table_args__ = in_region()
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    region: Mapped[str] = mapped_column(Id)
    project: Mapped[str | None] = mapped_column(Id)
    prefix: Mapped[str] = mapped_column(String(64))
    gateway: Mapped[str] = mapped_column(String(64))
    dns: Mapped[list[Any]]
    vlan: Mapped[int]
    host_bridge: Mapped[str] = mapped_column(String(16))
    first_address: Mapped[str] = mapped_column(String(64))
    last_address: Mapped[str] = mapped_column(String(64))
    generation: Mapped[int] = mapped_column(BigInteger, default=1)
    created_at: Mapped[datetime]


CLAIM_LIVES = text(f"state <> '{RELEASED}'")
"""In words of SQL, as the partial indexes say it; what time alone ended is among them."""


class ClaimRow(StatusColumns, Base):
    """What was committed.

    The window that counts is `[acquire_at, planned_release_at)`. `release_at` is when the claim
    ends unless somebody acts: a hold's deadline (which may lie before a window in the future), then
    the planned end, then the moment of release, or the window's start if that comes later.
    """

    __tablename__ = "claims"
    __table_args__ = (
        Index(None, "project", "id"),
        Index(None, "consumer"),
        Index(None, "project", "created_at", "id"),
        *of_living("claims", CLAIM_LIVES),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    project: Mapped[str] = mapped_column(Id)
    region: Mapped[str] = mapped_column(Id)
    consumer: Mapped[str | None] = mapped_column(Id)
    acquire_at: Mapped[datetime]
    release_at: Mapped[datetime]
    planned_release_at: Mapped[datetime]
    released_at: Mapped[datetime | None]
    spec: Mapped[dict[str, Any]]
    generation: Mapped[int] = mapped_column(BigInteger, default=1)
    created_at: Mapped[datetime]


class OccupationColumns:
    """From when to when a row of a claim occupies something.

    `acquire_at` is the plan's start, or long ago for what began when it was committed. `release_at`
    is the plan's end. `occupied_until` is where the occupation ends as far as the database knows:
    the plan's end, or without end while a machine uses the claim, or long ago for what is released.
    `held_until` is a hold's deadline; from then on the row counts as nothing.
    """

    project: Mapped[str] = mapped_column(Id)
    region: Mapped[str] = mapped_column(Id)
    acquire_at: Mapped[datetime]
    release_at: Mapped[datetime]
    occupied_until: Mapped[datetime]
    held_until: Mapped[datetime | None]


class AllocationRow(OccupationColumns, Base):
    """One amount of one resource type from one provider in one window.

    `margin_s` is for how long the provider is kept free after the window, as of when it was
    claimed; the ends above are with it. `alone` keeps other projects out of the provider's tree.
    """

    __tablename__ = "allocations"
    __table_args__ = (
        Index(None, "provider", "resource_type", "occupied_until"),
        Index(None, "region", "resource_type", "occupied_until"),
        Index(None, "project", "resource_type", "occupied_until"),
        Index(
            "ix_allocations_alone", "region",
            sqlite_where=text("alone"), postgresql_where=text("alone"),
        ),
    )  # fmt: skip
    claim: Mapped[str] = mapped_column(Id, ForeignKey("claims.id"), primary_key=True)
    provider: Mapped[str] = mapped_column(Id, primary_key=True)
    resource_type: Mapped[str] = mapped_column(String(64), primary_key=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    margin_s: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    alone: Mapped[bool] = mapped_column(default=False, server_default=false())


class AddressClaimRow(OccupationColumns, Base):
    """One NIC of a claim in a network; without an address when DHCP gives it one."""

    __tablename__ = "address_claims"
    __table_args__ = (Index(None, "network", "occupied_until"),)
    claim: Mapped[str] = mapped_column(Id, ForeignKey("claims.id"), primary_key=True)
    nic: Mapped[int] = mapped_column(primary_key=True)
    network: Mapped[str] = mapped_column(Id)
    mode: Mapped[str] = mapped_column(String(8))
    address: Mapped[str | None] = mapped_column(String(64))
    mac: Mapped[str] = mapped_column(String(17))


RESERVATION_LIVES = text(f"state NOT IN {RESERVATION_ENDED!r}")
"""In words of SQL, as the partial indexes say it."""


class ReservationRow(StatusColumns, Base):
    """A claim in the future, with a purpose; its window is its claim's.

    `machine_wish` is what control provisions, without its name, which meta has; none when it holds
    for the project. `machine` uses it now, or is about to. `attempts` counts what was started for
    it, `failures` what failed in a row; `problem` is why the last of these did, `retry_at` when it
    is tried again. `warned_until` is the end of which was warned, `kept_until` that of a machine
    that is kept. `stop` is why it is to end before its time.
    """

    __tablename__ = "reservations"
    __table_args__ = (
        Index(None, "project", "id"),
        Index(None, "project", "created_at", "id"),
        *of_living("reservations", RESERVATION_LIVES),
        Index(None, "region", "state"),
        Index(None, "claim"),
        Index(None, "machine"),
        Index(None, "series"),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    project: Mapped[str] = mapped_column(Id)
    region: Mapped[str] = mapped_column(Id)
    claim: Mapped[str] = mapped_column(Id)
    operation: Mapped[str] = mapped_column(Id)
    series: Mapped[str | None] = mapped_column(Id)
    author: Mapped[str] = mapped_column(Id)
    purpose: Mapped[str] = mapped_column(Text, default="")
    machine_wish: Mapped[dict[str, Any] | None]
    at_end: Mapped[str] = mapped_column(String(16))
    keep_s: Mapped[int] = mapped_column(BigInteger, default=0)
    warn_s: Mapped[int] = mapped_column(BigInteger, default=0)
    reclaim_s: Mapped[int] = mapped_column(BigInteger, default=0)
    heals: Mapped[bool]
    machine: Mapped[str | None] = mapped_column(Id)
    attempts: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str] = mapped_column(Text, default="")
    retry_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    unused_since: Mapped[datetime | None]
    warned_until: Mapped[datetime | None]
    kept_until: Mapped[datetime | None]
    stop: Mapped[str] = mapped_column(Text, default="")
    ended_at: Mapped[datetime | None]
    generation: Mapped[int] = mapped_column(BigInteger, default=1)
    created_at: Mapped[datetime]


class SeriesRow(StatusColumns, Base):
    """Reservations that are made again and again, each so long `ahead_s` before it begins.

    `recurs` are days and local times, `wish` is what each one asks for. `looked_at` is when those
    that were due were made last.
    """

    __tablename__ = "reservation_series"
    __table_args__ = (Index(None, "project", "id"), Index(None, "project", "created_at", "id"))
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    project: Mapped[str] = mapped_column(Id)
    region: Mapped[str] = mapped_column(Id)
    author: Mapped[str] = mapped_column(Id)
    recurs: Mapped[dict[str, Any]]
    wish: Mapped[dict[str, Any]]
    ahead_s: Mapped[int] = mapped_column(BigInteger)
    looked_at: Mapped[datetime]
    generation: Mapped[int] = mapped_column(BigInteger, default=1)
    created_at: Mapped[datetime]


class ProjectRow(Base):
    """A project as resource knows it: under which other one it is."""

    __tablename__ = "project_tree"
    __table_args__ = (Index(None, "parent"),)
    project: Mapped[str] = mapped_column(Id, primary_key=True)
    parent: Mapped[str | None] = mapped_column(Id)


class QuotaRow(Base):
    """How much a project, with all that are under it, may have at the same time, and when.

    `amounts` are by resource type. None is no limit.
    """

    __tablename__ = "quotas"
    project: Mapped[str] = mapped_column(Id, primary_key=True)
    amounts: Mapped[dict[str, Any]]
    claims: Mapped[int | None] = mapped_column(BigInteger)
    longest_s: Mapped[int | None] = mapped_column(BigInteger)
    advance_s: Mapped[int | None] = mapped_column(BigInteger)
    generation: Mapped[int] = mapped_column(BigInteger, default=1)
