"""A region with hosts, servers and reservations, looked at with a clock of the test's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy.orm import Session

from mulligan import events, marks
from mulligan.control import endpoints, enrolment, operations
from mulligan.control import reservations as course
from mulligan.control.operations import Ask
from mulligan.control.reservations import Ended, Next
from mulligan.control.reserved_claims import use_reservation
from mulligan.control.tables import Host, Machine, Operation, Server
from mulligan.database import Database
from mulligan.iam.tables import Region
from mulligan.meta import names
from mulligan.resource import claims, kept_addresses, providers, quotas, reservations
from mulligan.resource.claims import Claim
from mulligan.resource.network_values import NicWanted
from mulligan.resource.quotas import Quota
from mulligan.resource.requests import ClaimRequest
from mulligan.resource.reservation_values import ReservationSpec
from mulligan.resource.tables import ReservationRow
from mulligan.resource.values import Inventory
from mulligan.values.regions import DomainKind, RegionSpec
from mulligan.values.states import MACHINE_ENDED
from mulligan.values.status import Status
from mulligan.values.window import WITHOUT_END, Window
from tests.fakes.place import SEALED
from tests.mulligan.resource.fleet import START, Fleet, at, new_id

WISH = {"name": "web", "wish": {"vcpus": 8}}
ROOM = {"cpus": 8, "memory_mib": 4096, "nics": [{"mac": "52:54:00:00:00:01"}]}


def minutes(count: float) -> int:
    """In seconds."""
    return int(count * 60)


@dataclass
class Looked:
    """What one look at a reservation gave, and how it stands since."""

    next: Next
    row: ReservationRow

    @property
    def act(self) -> str:
        return self.next.act

    @property
    def state(self) -> str:
        return self.row.state

    @property
    def reason(self) -> str:
        return self.row.reason


class Stage:
    """Times are minutes after START; every call is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.fleet = Fleet(database)
        self.region, self.project = self.fleet.region, self.fleet.project
        self._before = database.read(events.current_revision)

    def write(self, change: Any) -> Any:
        return self.database.write(change)

    # What there is

    def host(self) -> str:
        """A host with 8 VCPU that is offered."""
        host = new_id()

        def enrol(session: Session) -> None:
            row = enrolment.enrol_host(
                session, host=host, region=self.region, name=host[:8] + "-host",
                uri=f"test:///{host}", pool="mulligan", author=new_id(),
            )  # fmt: skip
            providers.set_inventories(session, host, [Inventory("VCPU", 8)])
            endpoints.move(session, "host", row, "available", "verified", new_id())

        self.write(enrol)
        return host

    def place(self, region: str, parent: str | None, *feeds: str) -> None:
        """Have a region be below another one, and on power feeds."""
        spec = RegionSpec({DomainKind.POWER: feeds} if feeds else {})
        row = Region(id=region, parent=parent, created_at=START, spec=spec)
        self.write(lambda session: session.merge(row))

    def server(self) -> str:
        """A server that is offered."""
        server = new_id()

        def enrol(session: Session) -> None:
            row = enrolment.enrol_server(
                session, server=server, region=self.region, name=server[:8] + "-server",
                address=f"https://{server}", sealed_credentials=SEALED, insecure_tls=False,
                system="", author=new_id(),
            )  # fmt: skip
            endpoints.record_server_inventory(session, row, ROOM, new_id())

        self.write(enrol)
        return server

    def mark(self, provider: str, kind: str = "maintenance", *, lifted: bool = False) -> None:
        """Mark a host or server, or take the mark back."""

        def change(session: Session) -> None:
            if lifted:
                marks.clear_marks(session, [provider], kind)
            else:
                marks.set_marks(session, [provider], kind, "a fan is loud", new_id(), now=START)
            self._refresh(session, provider)

        self.write(change)

    def put(self, provider: str, state: str, machine: str | None = None) -> None:
        """Have a host or server be in a state, with a machine on it or none."""

        def change(session: Session) -> None:
            row = session.get(Host, provider) or session.get_one(Server, provider)
            row.state = state
            if isinstance(row, Server):
                row.machine = machine
            session.flush()
            self._refresh(session, provider)

        self.write(change)

    def _refresh(self, session: Session, provider: str) -> None:
        server = session.get(Server, provider)
        kind = "server" if server else "host"
        endpoints.refresh_offer(session, kind, server or session.get_one(Host, provider))

    # Reservations

    def reserve(
        self,
        when: Window,
        *,
        machine: bool = True,
        nics: Sequence[NicWanted] = (),
        provider: str = "",
        now: float = 0,
        where: Mapping[str, Any] = MappingProxyType({}),
        **spec: Any,
    ) -> str:
        """Reserve a machine, or what is held; amounts are the upper-case arguments [8 VCPU].

        What `where` says of the request is so instead of its region.
        """
        operation, reservation = new_id(), new_id()
        amounts = {name: spec.pop(name) for name in list(spec) if name.isupper()} or {"VCPU": 8}
        request = self.fleet.request(when, provider=provider or None, **amounts)
        request = replace(request, **where)
        ask = Ask(operation, "reservation", self.region, self.project, new_id(), "request",
                  "digest", "reservation", reservation)  # fmt: skip

        def write(session: Session) -> None:
            operations.begin(session, ask)
            reservations.reserve(
                session, reservation=reservation, operation=operation, author=new_id(),
                project=self.project, request=request, spec=ReservationSpec(**spec), now=at(now),
                machine_wish=WISH if machine else None, nics=nics, seed=1,
            )  # fmt: skip

        self.write(write)
        return reservation

    def row(self, reservation: str) -> ReservationRow:
        found: ReservationRow = self.database.read(lambda s: reservations.get(s, reservation))
        return found

    def claim(self, reservation: str, now: float = 0) -> Claim:
        return self.database.read(
            lambda s: claims.get_claim(s, self.row(reservation).claim, now=at(now))
        )

    def look(self, reservation: str, now: float, ended: Ended | None = None) -> Looked:
        """Look once, and once more at the same time, which must change and tell nothing."""

        def advance(session: Session) -> Next:
            return course.advance(session, reservation, at(now), ended)

        first: Next = self.write(advance)
        told = self.told()
        assert self.write(advance) == first
        assert self.told() == told
        return Looked(first, self.row(reservation))

    def cancel(self, reservation: str, now: float) -> Looked:
        """Cancel as the API does, and look."""
        self.write(lambda s: course.cancel(s, reservation, at(now), "somebody cancelled it"))
        return self.look(reservation, now)

    def change(self, reservation: str, when: Window, now: float) -> None:
        """Give a reservation another window."""

        def change(session: Session) -> None:
            row = reservations.lock(session, reservation)
            reservations.change_window(session, row, when, at(now))

        self.write(change)

    def keep_for(self, reservation: str, keep_s: int, now: float) -> None:
        """Have its machine kept for so long at its end, or no more."""
        self.write(
            lambda session: reservations.change_end(
                session, reservations.lock(session, reservation), keep_s, at(now)
            )
        )

    def told(self, kind: str = "") -> list[str]:
        """What was told in its region, in order."""
        rows = self.database.read(lambda session: events.read_after(session, self._before))
        return [
            f"{row.object_type} {row.message}"
            for row in rows
            if row.region == self.region and kind in ("", row.kind)
        ]

    def operation(self, reservation: str) -> Operation:
        """The operation that keeps it."""
        operation = self.row(reservation).operation
        found: Operation = self.database.read(lambda s: operations.get(s, operation))
        return found

    # Machines

    def machine(
        self,
        reservation: str,
        now: float,
        state: str = "active",
        *,
        nics: tuple[NicWanted, ...] = (),
        wanted: ClaimRequest | None = None,
        name: str = "",
    ) -> str:
        """A machine on what is reserved: the one that was asked for, or the project's own."""
        machine = self.row(reservation).machine or new_id()

        def begin(session: Session) -> None:
            claim = use_reservation(
                session, reservation, project=self.project, machine=machine,
                wanted=wanted or self.claim(reservation, now).request, nics=nics, now=at(now),
            )  # fmt: skip
            if server := session.get(Server, claim.provider):
                server.state, server.machine = "in_use", machine
            operation = new_id()
            if name:
                names.give_name(session, "machine", machine, name, project=self.project)
            operations.begin(
                session,
                Ask(operation, "provision", self.region, self.project, new_id(), "request",
                    "digest", "machine", machine),
            )  # fmt: skip
            session.add(
                Machine(
                    id=machine, region=self.region, project=self.project, kind="virtual",
                    image=new_id(), provider=claim.provider, claim=claim.id, spec={}, nics=[],
                    operation=operation, created_at=at(now), state=state, since=at(now), reason="",
                )
            )  # fmt: skip

        self.write(begin)
        return machine

    def becomes(
        self, machine: str, state: str, now: float, reason: str = "", *, by_force: bool = False
    ) -> None:
        """Have a machine be in a state; what ended gives its claim back, as its records do."""

        def change(session: Session) -> None:
            row = session.get_one(Machine, machine)
            row.status = Status(state, reason, at(now))
            if state not in MACHINE_ENDED:
                return
            names.release_name(session, machine)
            if by_force or not reservations.take_back(session, row.claim, at(now)):
                claims.release_claim(session, row.claim, at(now))
            if by_force:
                kept_addresses.keep_addresses(session, row.claim)
            if server := session.get(Server, row.provider):
                server.machine, server.state = None, "quarantined" if by_force else "available"
            session.flush()
            self._refresh(session, row.provider)

        self.write(change)

    def finish_work_on(
        self, machine: str, reason: str = "its BMC is silent", error_code: str = ""
    ) -> None:
        """End the operation on a machine; it failed."""

        def finish(session: Session) -> None:
            operation = session.get_one(Machine, machine).operation
            operations.finish(session, operation, "failed", reason, error_code)

        self.write(finish)

    def free_addresses(self, machine: str, now: float) -> None:
        """Free the addresses that were kept of a machine."""

        def free(session: Session) -> None:
            claim = session.get_one(Machine, machine).claim
            kept_addresses.free_kept_addresses(session, claim, at(now))

        self.write(free)

    def quota(self, **limits: Any) -> None:
        """Limit the project; amounts are the upper-case arguments."""
        amounts = {name: limits.pop(name) for name in list(limits) if name.isupper()}
        self.write(
            lambda session: quotas.set_quota(
                session, self.project, Quota(amounts, **limits), now=self.fleet.now
            )
        )


def later(now: float, seconds: float) -> datetime:
    return at(now) + timedelta(seconds=seconds)


def without_end(start: float) -> Window:
    return Window(at(start), WITHOUT_END)


def started(stage: Stage, when: Window, now: float = 0, **spec: Any) -> tuple[str, str]:
    """A reservation whose machine runs; gives both."""
    reservation = stage.reserve(when, **spec)
    assert stage.look(reservation, now).act == "provision"
    machine = stage.machine(reservation, now)
    assert stage.look(reservation, now).state == "active"
    return reservation, machine
