"""The tables of control."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from mulligan.database import Base, Id, in_region, of_living
from mulligan.status import StatusColumns
from mulligan.values.states import MACHINE_ENDED


class Server(StatusColumns, Base):
    """Hardware with a BMC; whose it is, its provider says, and `project` is not used.

    `needs_cleaning` is set when a machine takes it, and cleared by a wipe that was read back, or
    when nothing was ever written: until then it is never offered.
    """

    __tablename__ = "servers"
    __table_args__ = (UniqueConstraint("address", "system"), *in_region())
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    region: Mapped[str] = mapped_column(Id)
    project: Mapped[str | None] = mapped_column(Id)
    address: Mapped[str] = mapped_column(String(255))
    sealed_credentials: Mapped[str] = mapped_column(Text)
    insecure_tls: Mapped[bool] = mapped_column(default=False)
    system: Mapped[str] = mapped_column(String(255), default="")
    verified: Mapped[dict[str, Any]] = mapped_column(default=dict)
    inventory: Mapped[dict[str, Any]] = mapped_column(default=dict)
    machine: Mapped[str | None] = mapped_column(Id)
    needs_cleaning: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    generation: Mapped[int] = mapped_column(BigInteger, default=1)


class Host(StatusColumns, Base):
    """A hypervisor; whose it is, its provider says, and `project` is not used."""

    __tablename__ = "hosts"
    __table_args__ = in_region()
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    region: Mapped[str] = mapped_column(Id)
    project: Mapped[str | None] = mapped_column(Id)
    uri: Mapped[str] = mapped_column(String(255), unique=True)
    pool: Mapped[str] = mapped_column(String(64))
    inventory: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]
    generation: Mapped[int] = mapped_column(BigInteger, default=1)


class Image(Base):
    """An operating system to put on machines."""

    __tablename__ = "images"
    __table_args__ = in_region()
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    region: Mapped[str] = mapped_column(Id)
    project: Mapped[str | None] = mapped_column(Id)
    url: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    disk_format: Mapped[str] = mapped_column(String(16))
    activation: Mapped[str] = mapped_column(String(16))
    config_format: Mapped[str] = mapped_column(String(16))
    sealed_credentials: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    generation: Mapped[int] = mapped_column(BigInteger, default=1)


MACHINE_LIVES = text(f"state NOT IN {MACHINE_ENDED!r}")
"""In words of SQL, as the partial index says it: by a parameter, it would not be used."""


class Machine(StatusColumns, Base):
    """What a project gets. `spec` is what was asked for; `reported` what the machine said."""

    __tablename__ = "machines"
    __table_args__ = (
        Index(None, "project", "state", "id"),
        Index(None, "provider", "state"),
        Index(None, "project", "id"),
        Index(None, "project", "created_at", "id"),
        *of_living("machines", MACHINE_LIVES),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    region: Mapped[str] = mapped_column(Id)
    project: Mapped[str] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(String(16))
    image: Mapped[str] = mapped_column(Id)
    provider: Mapped[str] = mapped_column(Id)
    claim: Mapped[str] = mapped_column(Id)
    spec: Mapped[dict[str, Any]]
    nics: Mapped[list[Any]]
    reported: Mapped[dict[str, Any]] = mapped_column(default=dict)
    operation: Mapped[str] = mapped_column(Id)
    active_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    generation: Mapped[int] = mapped_column(BigInteger, default=1)


class Operation(StatusColumns, Base):
    """One thing asked of control, done by the workflow with the same id.

    `request` is the workflow's input, from which it can be started again; its secrets are sealed,
    and the name in it is meta's.
    """

    __tablename__ = "operations"
    __table_args__ = (
        Index(None, "project", "id"),
        Index(None, "project", "created_at", "id"),
        Index(None, "object_id", "created_at"),
        Index(None, "type", "state", "created_at"),
        Index(None, "created_at", "id"),
        Index(
            "ix_operations_running",
            "region",
            sqlite_where=text("state = 'running'"),
            postgresql_where=text("state = 'running'"),
        ),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    type: Mapped[str] = mapped_column(String(16))
    region: Mapped[str] = mapped_column(Id)
    project: Mapped[str | None] = mapped_column(Id)
    object_type: Mapped[str] = mapped_column(String(16))
    object_id: Mapped[str] = mapped_column(Id)
    endpoint: Mapped[str | None] = mapped_column(Id)
    author: Mapped[str] = mapped_column(Id)
    request_id: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))
    error_code: Mapped[str] = mapped_column(String(64), default="")
    request: Mapped[dict[str, Any]] = mapped_column(default=dict, deferred=True)
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    generation: Mapped[int] = mapped_column(BigInteger, default=1)


class Step(Base):
    """One step of an operation, in order."""

    __tablename__ = "operation_steps"
    operation: Mapped[str] = mapped_column(Id, primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    message: Mapped[str] = mapped_column(Text, default="")
    percent: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class OperationLog(Base):
    """What one source said during an operation, redacted, compressed."""

    __tablename__ = "operation_logs"
    operation: Mapped[str] = mapped_column(Id, primary_key=True)
    source: Mapped[str] = mapped_column(String(16), primary_key=True)
    compressed: Mapped[str] = mapped_column(Text)


class Slot(Base):
    """The operation that has an end-point (server, host, machine), and the rising fence."""

    __tablename__ = "slots"
    endpoint: Mapped[str] = mapped_column(Id, primary_key=True)
    operation: Mapped[str | None] = mapped_column(Id)
    fence: Mapped[int] = mapped_column(BigInteger, default=0)


class RegionKey(Base):
    """A public key to which secrets for a region are sealed, as its executors told it."""

    __tablename__ = "region_keys"
    region: Mapped[str] = mapped_column(Id, primary_key=True)
    key_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    public_key: Mapped[str] = mapped_column(String(64))
    position: Mapped[int]
    seen_at: Mapped[datetime]


class Freeze(Base):
    """An operator's stop; a `region` of "" is the whole site."""

    __tablename__ = "freezes"
    region: Mapped[str] = mapped_column(String(36), primary_key=True)
    reason: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(Id)
    since: Mapped[datetime]


class Difference(Base):
    """Something that the last comparison of a region found not to be the same in two places."""

    __tablename__ = "differences"
    region: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(64), primary_key=True)
    object_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    object_type: Mapped[str] = mapped_column(String(16))
    message: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    mends_itself: Mapped[bool]
    found_at: Mapped[datetime]
    mended_at: Mapped[datetime | None]
