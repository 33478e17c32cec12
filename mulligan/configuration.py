"""How services and executors are configured while they run: one row each, who changed it, and when.

Each service has its row in its own database; those of executors stand in their site's.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from mulligan import events
from mulligan.database import Base, Id
from mulligan.generations import refuse_stale
from mulligan.values.configuration import EXECUTOR, FIELDS, Configuration
from mulligan.values.errors import InvalidArgumentError
from mulligan.values.ids import name_id

CHANNEL = "mulligan_configurations"
"""The PostgreSQL channel on which a change is announced: few, so that listening costs nothing."""


class ConfigurationRow(Base):
    """What was set of a service, or of the executors of a region."""

    __tablename__ = "configurations"
    service: Mapped[str] = mapped_column(String(32), primary_key=True)
    region: Mapped[str] = mapped_column(String(36), primary_key=True)
    fields: Mapped[dict[str, Any]]
    generation: Mapped[int] = mapped_column(BigInteger)
    changed_by: Mapped[str] = mapped_column(Id)
    changed_at: Mapped[datetime]

    @property
    def configuration(self) -> Configuration:
        """What was set; what a newer release wrote beside it is left out."""
        return Configuration.model_validate(self.fields)


def find(session: Session, service: str, region: str = "") -> ConfigurationRow | None:
    """Find what was set, if anything ever was."""
    return session.get(ConfigurationRow, (service, region))


def of_services(session: Session, services: Collection[str]) -> dict[str, ConfigurationRow]:
    """Read what was set of services, by name."""
    query = select(ConfigurationRow).where(
        ConfigurationRow.service.in_(services), ConfigurationRow.region == ""
    )
    return {row.service: row for row in session.scalars(query)}


def configure(
    session: Session,
    service: str,
    region: str,
    wanted: Configuration,
    names: Collection[str],
    *,
    generation: int,
    author: str,
) -> ConfigurationRow:
    """Set the fields that are named as they are in `wanted`; one that is None has its default.

    Raises:
        InvalidArgumentError: the service has no use for one of the fields.
        StaleError: it is at another generation.
    """
    _refuse_useless(service, names)
    row = session.get(ConfigurationRow, (service, region), with_for_update=True)
    row = row or ConfigurationRow(service=service, region=region, fields={}, generation=0)
    identity = name_id("configuration", f"{service}/{region}")
    refuse_stale(
        session,
        "configuration",
        f"{service} {region}".strip(),
        generation=row.generation,
        read_at=generation,
        event_id=identity,
    )
    given = wanted.set_fields()
    kept = {name: value for name, value in row.fields.items() if name not in names}
    row.fields = kept | {name: given[name] for name in names if name in given}
    row.generation += 1
    row.changed_by, row.changed_at = author, datetime.now(UTC)
    session.add(row)
    session.flush()
    event = events.Event(
        "configuration",
        identity,
        "updated",
        region=region or None,
        author=author,
        message=f"{service}: {_words(wanted, names)}",
        generation=row.generation,
    )
    events.append(session, event)
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_notify(CHANNEL, "")))
    return row


def _refuse_useless(service: str, names: Collection[str]) -> None:
    for name in names:
        if name not in FIELDS[service]:
            whose = "executors have" if service == EXECUTOR else f"{service} has"
            raise InvalidArgumentError(
                f"{whose} no use for {name}; set {', '.join(FIELDS[service])}",
                field=f"spec.{name}",
            )


def _words(wanted: Configuration, names: Collection[str]) -> str:
    told = ((name, getattr(wanted, name)) for name in names)
    return "; ".join(f"{name} {'default' if value is None else value}" for name, value in told)
