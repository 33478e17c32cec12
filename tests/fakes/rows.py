"""Hosts and machines that are only written, for tests of lists: no workflow knows them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy.orm import Session

from mulligan.control.machine_specs import MachineSpec
from mulligan.control.tables import Host, Machine
from mulligan.meta import names
from mulligan.values.states import MACHINE_ENDED
from tests.fakes.place import Place, new_name


def write_machine(
    place: Place,
    *,
    name: str,
    state: str = "gone",
    ssh_keys: Sequence[str] = (),
    created_at: datetime | None = None,
) -> str:
    """Write a machine of the place's project; gives its id."""
    one, other, now = str(uuid4()), str(uuid4()), datetime.now(UTC)
    spec = MachineSpec("virtual", other, 1, 1, 1, ssh_keys=tuple(ssh_keys))
    project, region = place.project, place.region

    def write(session: Session) -> None:
        row = Machine(
            id=one,
            region=region,
            project=project,
            kind="virtual",
            image=other,
            provider=other,
            claim=other,
            spec=spec.as_json(),
            nics=[],
            operation=other,
            created_at=created_at or now,
            state=state,
            since=now,
        )
        session.add(row)
        names.give_name(session, "machine", one, name, project=project, region=region)
        if state in MACHINE_ENDED:
            names.release_name(session, one)

    place.site.database.write(write)
    return one


def write_host(place: Place) -> str:
    """Write a host of the place's region that is never offered; gives its id."""
    one, now, region = str(uuid4()), datetime.now(UTC), place.region

    def write(session: Session) -> None:
        row = Host(
            id=one, region=region, uri=one, pool="p", state="retired", since=now, created_at=now
        )
        session.add(row)
        names.give_name(session, "host", one, new_name("host"), region=region)

    place.site.database.write(write)
    return one
