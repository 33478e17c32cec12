"""Machines on what a reservation claims."""

from datetime import datetime

from sqlalchemy.orm import Session

from mulligan.control.reservations import Course
from mulligan.iam.region_map import chain_of
from mulligan.resource import claims, providers, reservations
from mulligan.resource.network_values import NicWanted
from mulligan.resource.networks import claim_addresses
from mulligan.resource.requests import ClaimRequest, RequestGroup
from mulligan.resource.standing import Claim
from mulligan.resource.tables import ReservationRow
from mulligan.resource.whereabouts import Whereabouts
from mulligan.values.errors import FailedPreconditionError, InvalidArgumentError
from mulligan.values.states import RESERVATION_ENDED
from mulligan.values.window import Window


def use_reservation(
    session: Session,
    reservation: str,
    *,
    project: str,
    machine: str,
    wanted: ClaimRequest,
    nics: tuple[NicWanted, ...],
    now: datetime,
) -> Claim:
    """Have a machine use what a reservation claims.

    Raises:
        FailedPreconditionError: it is not its time, others still have it, or a machine uses it.
        InvalidArgumentError: the machine is larger than what is reserved, of another kind, or to be
            elsewhere.
        NotFoundError: there is no such reservation, or it is another project's.
    """
    row = reservations.lock(session, reservation, project=project)
    course = Course(session, row, now)
    _refuse_use(course, machine)
    claim = course.claim
    _refuse_elsewhere(session, row, wanted)
    _refuse_larger(row, claim, wanted)
    _refuse_other(session, row, claim.provider, wanted.groups[0])
    if nics and not claim.addresses:
        claim_addresses(
            session, claim=claim.id, window=Window(now, claim.window.release_at), nics=nics, now=now
        )
    elif [nic.network for nic in nics] != [nic.network for nic in claim.addresses]:
        networks = ", ".join(nic.network for nic in claim.addresses)
        raise InvalidArgumentError(
            f"reservation {row.id} has {len(claim.addresses)} NICs, in networks {networks}; ask "
            "for the same",
            field="spec.nics",
        )
    row.machine, row.unused_since = machine, None
    row.started_at = row.started_at or now
    row.generation += 1
    return claims.confirm_claim(session, claim.id, now, consumer=machine)


def _refuse_use(course: Course, machine: str) -> None:
    row, now = course.row, course.now
    problem = ""
    if row.state in RESERVATION_ENDED or row.stop:
        problem = f"is {row.state} ({row.reason}); make a new one"
    elif now < course.window.acquire_at:
        problem = f"begins at {course.window.acquire_at:%Y-%m-%d %H:%M:%S} UTC; wait until then"
    elif row.machine not in (None, machine) and not course.machine_has_ended():
        problem = f"is used by machine {row.machine} already; decommission that one first"
    elif course.is_used_by_others():
        problem = "waits for a hand-over: what it claims is still used past its plan"
    if problem:
        raise FailedPreconditionError(
            f"reservation {row.id} {problem}", object_type="reservation", object_id=row.id
        )


def _refuse_elsewhere(session: Session, row: ReservationRow, wanted: ClaimRequest) -> None:
    """Refuse a machine that is to be where the reservation is not."""
    there = chain_of(session, row.region) if wanted.or_below else [row.region]
    if wanted.region not in there:
        raise InvalidArgumentError(
            f"reservation {row.id} is in region {row.region}; ask for the machine there",
            field="region",
        )
    whereabouts = Whereabouts(session, wanted.in_region(row.region), row.project)
    for words, met in whereabouts.limits():
        if not met:
            raise InvalidArgumentError(
                f"what reservation {row.id} has does not meet: {words}; ask for another machine",
                field="spec.domains",
            )


def _refuse_larger(row: ReservationRow, claim: Claim, wanted: ClaimRequest) -> None:
    has = {part.resource_type: part.amount for part in claim.allocations}
    for amount in wanted.groups[0].amounts:
        if has.get(amount.resource_type, 0) < amount.amount:
            raise InvalidArgumentError(
                f"reservation {row.id} has {has.get(amount.resource_type, 0)} "
                f"{amount.resource_type}, and the machine needs {amount.amount}; ask for a "
                "smaller machine",
                field="spec",
            )
    if len({part.provider for part in claim.allocations}) > 1:
        raise InvalidArgumentError(
            f"reservation {row.id} has several providers, and a machine is on one",
            field="reservation",
        )


def _refuse_other(
    session: Session, row: ReservationRow, provider: str, wanted: RequestGroup
) -> None:
    """Refuse a machine that the provider is not fit for."""
    found = providers.get_provider(session, provider)
    missing = set(wanted.capabilities.require) - set(found.capabilities)
    small = [
        one for one in wanted.properties.require if found.properties.get(one.name, 0) < one.at_least
    ]
    problem = ""
    if wanted.provider_type not in ("", found.type):
        problem = f"is on a {found.type}, and the machine needs a {wanted.provider_type}"
    elif missing or small:
        words = ", ".join([*sorted(missing), *map(str, small)])
        problem = f"is on provider {provider}, which lacks {words}"
    if problem:
        raise InvalidArgumentError(
            f"reservation {row.id} {problem}; ask for another machine", field="spec"
        )
