"""The records of operations."""

from collections.abc import Mapping
from typing import Any, Protocol

from sqlalchemy.orm import Session

from activities.contracts import operations as contract
from activities.contracts.configuration import Configured
from activities.contracts.operations import (
    Asked,
    FinishOperation,
    Recorded,
    RecordLog,
    RecordSteps,
    StepChange,
)
from activities.records.transaction import Contract, Record
from mulligan import configuration
from mulligan.control import endpoints, freezes, operations
from mulligan.control.operations import Ask
from mulligan.values.configuration import EXECUTOR


class Begins(Protocol):
    """A payload with which a workflow starts."""

    @property
    def asked(self) -> Asked:
        """Who asks, and for what."""

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """Give it as JSON."""


def ask_of(request: Begins, operation_type: str, object_type: str, object_id: str) -> Ask:
    """Say in the domain's words who asks for what."""
    asked = request.asked
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
        request=request.model_dump(mode="json"),
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
    region = operations.get(session, request.operation).region
    return Recorded(
        frozen=freezes.why_frozen(session, region), configured=_configured(session, region)
    )


def _configured(session: Session, region: str) -> Configured | None:
    row = configuration.find(session, EXECUTOR, region)
    if row is None:
        return None
    return Configured(generation=row.generation, wanted=row.configuration)


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
