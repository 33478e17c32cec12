"""The records of operations."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from activities.contracts import operations as contract
from activities.contracts.operations import (
    Asked,
    FinishOperation,
    Recorded,
    RecordLog,
    RecordSteps,
    StepChange,
)
from activities.records.transaction import Contract, Record
from mulligan.control import endpoints, operations
from mulligan.control.operations import Ask


def ask_of(asked: Asked, operation_type: str, object_type: str, object_id: str) -> Ask:
    """Say in the domain's words who asks for what."""
    return Ask(
        operation=asked.operation,
        type=operation_type,
        region=asked.region,
        project=asked.project,
        author=asked.account,
        request_id=asked.request_id,
        digest=asked.digest,
        object_type=object_type,
        object_id=object_id,
    )


def steps_of(changes: tuple[StepChange, ...]) -> list[operations.StepChange]:
    """Say in the domain's words which steps changed."""
    return [
        operations.StepChange(change.name, change.state, change.message, change.percent)
        for change in changes
    ]


def record_steps(session: Session, request: RecordSteps) -> Recorded:
    """Write how far an operation is."""
    operations.record_steps(session, request.operation, request.at, steps_of(request.changes))
    return Recorded()


def finish(session: Session, request: FinishOperation) -> Recorded:
    """Write an operation's end and free its slot."""
    operations.record_steps(session, request.operation, request.at, steps_of(request.changes))
    endpoints.end_operation(
        session, request.operation, request.state, request.reason, request.error_code
    )
    return Recorded()


def record_log(session: Session, request: RecordLog) -> Recorded:
    """Keep what was said during an operation."""
    for part in request.parts:
        operations.record_log(session, request.operation, part.source, part.compressed)
    return Recorded()


RECORDS: Mapping[Contract, Record] = {
    contract.record_steps: record_steps,
    contract.finish: finish,
    contract.record_log: record_log,
}
