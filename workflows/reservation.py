"""Reservations: wait for the start → provision, or hold → warn → decommission, or keep.

What a reservation needs next is decided in the database; these workflows wait, start what they are
told to, and ask again. After each wait they continue as new: a year of waiting has a short history.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import (
    ApplicationError,
    ChildWorkflowError,
    FailureError,
    WorkflowAlreadyStartedError,
)

with workflow.unsafe.imports_passed_through():
    from activities.contracts import reservations
    from activities.contracts.machines import (
        BeginDecommission,
        BeginKeep,
        BeginProvision,
        BeginRestore,
    )
    from activities.contracts.operations import Asked
    from activities.contracts.payload import Payload
    from activities.contracts.reservations import (
        AdvanceReservation,
        EndedOperation,
        KeepReservation,
        KeepSeries,
        MakeDue,
        MakeReservations,
        NextAct,
    )
    from workflows.decommission import Decommission
    from workflows.keep import Keep, Restore
    from workflows.operation import (
        STATE,
        Operation,
        OperationWorkflow,
        search_attributes,
        why,
    )
    from workflows.provision import Provision
    from workflows.wake import CAPACITY_CHANGED, wake

AGAIN = timedelta(seconds=15)
"""What somebody else has at work already is looked after so often."""

ABORTED = "somebody aborted it"

RESERVATION_CHANGED = "reservation_changed"
"""Workflow signal without argument: somebody extended, moved or cancelled it."""


@workflow.defn(name="Reserve")
class Reserve(OperationWorkflow):
    """Commit reservations, and have each of them kept."""

    @workflow.run
    async def run(self, request: MakeReservations) -> int:
        """Give the number of reservations that were made."""
        region = request.asked.region
        made = await self.begin(region, reservations.make, request, is_accepted=False)
        await self.operation.to_the_end(self._keep(made.kept))
        return len(made.kept)

    async def _keep(self, kept: tuple[KeepReservation, ...]) -> None:
        await _keep(kept)
        self._begun = True
        await self.operation.finish()


async def _keep(kept: tuple[KeepReservation, ...]) -> None:
    """Have reservations kept, each by a workflow that lives on."""
    for one in kept:
        try:
            await workflow.start_child_workflow(
                Reservation.run,
                one,
                id=one.asked.operation,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                search_attributes=search_attributes(
                    project=one.asked.project, region=one.asked.region, state="reserved"
                ),
                static_summary="keep a reservation",
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info("reservation %s is kept already", one.reservation)


@workflow.defn(name="ReserveSeries")
class ReserveSeries:
    """Make the reservations of a series that are due: what its Temporal schedule starts."""

    @workflow.run
    async def run(self, request: KeepSeries) -> str:
        """Give in words what was made, and what could not be."""
        made = await Operation().record(
            reservations.make_due, MakeDue(series=request.series, at=workflow.now())
        )
        await _keep(made.kept)
        return made.words


@workflow.defn(name="Reservation")
class Reservation(OperationWorkflow):
    """Keep one reservation from its making to its end."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = False
        self._stop = ""

    @workflow.run
    async def run(self, request: KeepReservation) -> str:
        """Give how the reservation ended, in words."""
        self.operation.region = request.asked.region
        self._begun = True
        if request.resume == "undo":
            self._stop = ABORTED
        words = await self.operation.to_the_end(self._until_it_waits(request))
        if words is None:
            workflow.continue_as_new(request.model_copy(update={"resume": ""}))
        return words

    @workflow.signal(name=RESERVATION_CHANGED)
    def on_reservation_changed(self) -> None:
        """Hear that somebody changed it."""
        self._changed = True

    @workflow.signal(name=CAPACITY_CHANGED)
    def on_capacity_changed(self) -> None:
        """Hear that what it waits for may be there, or that its machine ended."""
        self._changed = True

    async def _until_it_waits(self, request: KeepReservation) -> str | None:
        """Do what is needed until after the next wait; says how it ended, if it did."""
        ended: EndedOperation | None = None
        while True:
            found = await self._look(request, ended)
            ended = None
            workflow.set_current_details(found.words)
            if found.act == "end":
                workflow.upsert_search_attributes([STATE.value_set("ended")])
                await wake(found.waiting)
                return found.words
            if found.asked is not None:
                ended = await self._do(request, found, found.asked)
                continue
            if found.abort:
                await _cancel(found.abort)
            span = None if found.until is None else found.until - workflow.now()
            await self._until(self._is_called, span)
            if not self._is_aborted:
                return None

    async def _look(self, request: KeepReservation, ended: EndedOperation | None = None) -> NextAct:
        self._changed = False
        if self._is_aborted:
            self._stop = ABORTED
        now = workflow.now()
        look = AdvanceReservation(
            reservation=request.reservation, at=now, ended=ended, stop=self._stop
        )
        try:
            return await self.operation.record(reservations.advance, look)
        except FailureError as error:
            # Whatever it is, the reservation is still there, and so is its machine.
            failure = why(error)
            missing = failure.details.get("object_id")
            if failure.code == "NOT_FOUND" and missing == request.reservation:
                return NextAct(act="end", words=failure.message)
            workflow.logger.error("reservation %s: %s", request.reservation, failure.message)
            return NextAct(act="wait", words=failure.message, until=now + AGAIN)

    async def _do(
        self, request: KeepReservation, found: NextAct, asked: Asked
    ) -> EndedOperation | None:
        """Start the operation that it needs, and wait for its end; meanwhile it may be cancelled.

        None: somebody else has it at work already.
        """
        try:
            child = await self._start(request, found, asked)
        except WorkflowAlreadyStartedError:
            await self._until(self._is_called, AGAIN)
            return None
        until = found.until
        while not child.done():
            span = None if until is None else until - workflow.now()
            await self._until(lambda: child.done() or self._is_called(), span)
            if not child.done():
                again = await self._look(request)
                until = again.until
                if again.abort == asked.operation:
                    await _cancel(asked.operation)
        try:
            await child
        except ChildWorkflowError as error:
            problem = why(error.cause or error).message
            return EndedOperation(operation=asked.operation, problem=problem)
        return EndedOperation(operation=asked.operation)

    async def _start(
        self, request: KeepReservation, found: NextAct, asked: Asked
    ) -> workflow.ChildWorkflowHandle[Any, str]:
        run, payload = self._operation(request, found, asked)
        child: workflow.ChildWorkflowHandle[Any, str] = await workflow.start_child_workflow(
            run,
            payload,
            id=asked.operation,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            search_attributes=search_attributes(
                project=asked.project, region=asked.region, machine=found.machine
            ),
            static_summary=found.words[:180],
        )
        return child

    def _operation(
        self, request: KeepReservation, found: NextAct, asked: Asked
    ) -> tuple[Any, Payload]:
        """The workflow of an operation, and what it starts with."""
        if found.act == "decommission":
            return Decommission.run, BeginDecommission(asked=asked, machine=found.machine)
        if found.act == "keep" and found.until is not None:
            until = found.until
            return Keep.run, BeginKeep(asked=asked, machine=found.machine, until=until)
        if found.act == "restore":
            return Restore.run, BeginRestore(asked=asked, machine=found.machine)
        if found.wanted is None:
            raise ApplicationError("no machine is wanted", type="INTERNAL", non_retryable=True)
        return Provision.run, BeginProvision(
            asked=asked,
            machine=found.machine,
            name=found.wanted.name,
            wish=found.wanted.wish,
            reservation=request.reservation,
        )

    @property
    def _is_aborted(self) -> bool:
        return self.operation.is_cancelled and not self._stop

    def _is_called(self) -> bool:
        return self._changed or self._is_aborted

    async def _until(self, happened: Callable[[], bool], span: timedelta | None = None) -> None:
        """Wait for something to happen, or for the time to be over."""
        least = timedelta(milliseconds=100)
        with suppress(TimeoutError):
            await workflow.wait_condition(
                happened, timeout=None if span is None else max(span, least)
            )


async def _cancel(operation: str) -> None:
    """Have an operation take back what it did; one that ended meanwhile is fine."""
    try:
        await workflow.get_external_workflow_handle(operation).cancel()
    except FailureError:
        workflow.logger.info("operation %s has ended", operation)
