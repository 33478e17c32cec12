"""Starting operations, and showing how they go."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from google.protobuf.message import Message
from sqlalchemy.orm import Session
from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WithStartWorkflowOperation,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.contracts.executor import DescribeExecutor
from activities.contracts.operations import Asked
from api import messages
from api.call import current_call
from api.listings import listing_of, token_after
from api.projects import Projects
from mulligan import events
from mulligan.control import keys, operations
from mulligan.control.tables import Operation, Step
from mulligan.database import Database
from mulligan.meta import names
from mulligan.meta.names import Name
from mulligan.resource import reservations
from mulligan.values import told
from mulligan.values.caller import Caller
from mulligan.values.errors import (
    FailedPreconditionError,
    MulliganError,
    NotFoundError,
    UnavailableError,
)
from mulligan.values.ids import digest, operation_id
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from workflows.operation import CONTROL_QUEUE, search_attributes
from workflows.region_keys import ReadRegionKeys
from workflows.reservation import RESERVATION_CHANGED
from workflows.wake import CAPACITY_CHANGED


class RefusedError(MulliganError):
    """What a workflow's first step refused, in the words and with the code that it gave."""

    def __init__(self, cause: ApplicationError) -> None:
        details = dict(cause.details[0]) if cause.details else {}
        self.grpc_status = details.pop("grpc_status", "INTERNAL")  # type: ignore[misc]
        super().__init__(cause.message, code=cause.type or "", **details)


class Starter:
    """Starts one workflow for each operation, once for each request id."""

    def __init__(self, client: Client, projects: Projects) -> None:
        self.client = client
        self._projects = projects

    def asked(self, request: Message, project: str, region: str) -> Asked:
        """Say who asks for what, with the id that the operation gets."""
        call = current_call()
        account, origin = call.caller.account, call.origin
        content = request.SerializeToString(deterministic=True)
        return Asked(
            operation=operation_id(project, account, call.request_id),
            request_id=call.request_id,
            account=account,
            project=project,
            region=region,
            digest=digest(call.method.encode() + content),
            method=origin.method or "",
            address=origin.address or "",
            session=origin.session,
            home=call.caller.home(project, region),
        )

    async def start(
        self,
        run: Any,
        accepted: Any,
        payload: Any,
        asked: Asked,
        *,
        summary: str,
        machine: str = "",
        provider: str = "",
        gives: bool = False,
    ) -> None:
        """Start an operation's workflow and wait until its row is written.

        A retry of the same request finds what the first try started, ended or not. An operation
        that `gives` a project something needs one that is not deleted.

        Raises:
            MulliganError: what the operation's first step refused.
            UnavailableError: Temporal or the control worker did not answer in time.
        """
        if await self._is_known(asked):
            return
        if gives:
            await self.require(asked.project)
        else:
            await self._projects.know(asked.project)
        operation = WithStartWorkflowOperation(
            run,
            payload,
            id=asked.operation,
            task_queue=CONTROL_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=search_attributes(
                project=asked.project, region=asked.region, machine=machine, provider=provider
            ),
            static_summary=summary,
        )
        try:
            async with asyncio.timeout(current_call().configured.accept_timeout):
                await self.client.execute_update_with_start_workflow(
                    accepted, start_workflow_operation=operation
                )
        except WorkflowUpdateFailedError as error:
            cause = error.cause
            if isinstance(cause, ApplicationError):
                raise RefusedError(cause) from None
            raise
        except (RPCError, RPCTimeoutOrCancelledError, TimeoutError) as error:
            raise UnavailableError(
                "no control worker took the request in time; look whether `mulligan serve worker` "
                "runs, then try again with the same request id"
            ) from error
        await self._is_known(asked)

    @asynccontextmanager
    async def unless_done(
        self, request: Message, asked: Asked | None = None
    ) -> AsyncIterator[None]:
        """Check what a request names, unless this very request was met before: then all was there.

        Raises:
            AlreadyExistsError: the request id was used with other content.
            NotFoundError: what it names is not there, or not for the caller.
            FailedPreconditionError: REGION_ELSEWHERE, and whatever else forbids it by now.
        """
        try:
            yield
        except (NotFoundError, FailedPreconditionError):
            answered = await current_call().refuse_other_content(request)
            if not answered and not (asked and await self._is_known(asked)):
                raise

    async def require(self, project: str) -> None:
        """Have the site know a project that gets something, and those above it.

        Raises:
            NotFoundError: there is no such project, or it is deleted.
        """
        await self._projects.require(project)

    async def _is_known(self, asked: Asked) -> bool:
        row = await current_call().read(
            lambda session: operations.find_same(session, asked.operation, asked.digest)
        )
        return row is not None

    async def tell_holder(self, claim: str) -> None:
        """Tell the workflow that holds a claim, or keeps its reservation, that it changed."""
        call = current_call()
        rows = await call.read(lambda session: operations.of_object(session, "claim", claim))
        await self.signal(rows, "hold_changed")
        kept = await call.read(lambda session: reservations.of_claims(session, [claim]))
        await self.signal([row.operation for row in kept], RESERVATION_CHANGED)

    async def tell_reservation(self, reservation: str) -> None:
        """Tell what keeps a reservation that a machine uses it."""
        row = await current_call().read(lambda s: reservations.find(s, reservation))
        await self.signal([row.operation] if row else [], RESERVATION_CHANGED)

    async def tell_reservations_on(self, providers: Sequence[str]) -> None:
        """Tell the reservations of providers that these stand otherwise now."""
        found = await current_call().read(lambda s: reservations.on_providers(s, providers))
        await self.signal(found, RESERVATION_CHANGED)

    async def wake_waiting(self, region: str) -> None:
        """Tell the operations that wait for capacity to try again."""
        rows = await current_call().read(
            lambda session: operations.waiting_for_capacity(session, region)
        )
        await self.signal(rows, CAPACITY_CHANGED)

    async def wake_all(self, site: Database) -> None:
        """Tell all that may wait to try again: where they may be met has changed."""
        rows = await asyncio.to_thread(site.read, operations.claiming)
        await self.signal(rows, CAPACITY_CHANGED)

    async def signal(self, workflows: Sequence[str], signal: str, *words: Any) -> None:
        """Signal workflows; one that ended meanwhile is fine."""
        for workflow in workflows:
            try:
                await self.client.get_workflow_handle(workflow).signal(signal, args=words)
            except RPCError as error:
                if error.status != RPCStatusCode.NOT_FOUND:
                    raise

    async def region_keys(self, region: str) -> list[tuple[str, str]]:
        """Give a region's keys, asking its executors for them the first time.

        Raises:
            UnavailableError: no executor of the region answers.
        """
        call = current_call()
        known, fresh = await call.read(lambda session: keys.keys_of(session, region))
        if fresh:
            return known
        try:
            told = await self.client.execute_workflow(
                ReadRegionKeys.run,
                DescribeExecutor(region=region),
                id=f"region-keys-{region}",
                task_queue=CONTROL_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                execution_timeout=timedelta(seconds=20),
                static_summary="read a region's public keys from its executor",
            )
        except (RPCError, WorkflowFailureError) as error:
            if known:
                return known
            raise UnavailableError(
                f"no executor of region {region} answers; start one with `mulligan serve "
                f"executor --region {region}`",
                object_type="region",
                object_id=region,
            ) from error
        found = [(key.key_id, key.public_key) for key in told.keys]
        await call.write_anonymously(lambda session: keys.keep_keys(session, region, found))
        return found


class Operations:
    """The RPCs that show operations; `ui_url` is where Temporal's UI shows this namespace."""

    def __init__(self, ui_url: str) -> None:
        self._ui_url = ui_url

    async def get(self, operation: str) -> control_pb2.Operation:
        """Show one operation that the caller may see."""
        call = current_call()

        def read(session: Session) -> control_pb2.Operation:
            row = operations.get_visible(session, call.caller, operation)
            return self._messages(session, [row], call.caller)[0]

        return await call.read(read)

    async def get_all(
        self, request: control_pb2.BatchGetOperationsRequest
    ) -> control_pb2.BatchGetOperationsResponse:
        """Show several operations."""
        call = current_call()

        def read(session: Session) -> control_pb2.BatchGetOperationsResponse:
            rows = operations.get_all_visible(session, call.caller, request.ids)
            return control_pb2.BatchGetOperationsResponse(
                operations=messages.at_once(self._messages(session, rows, call.caller))
            )

        return await call.read(read)

    async def list(
        self, request: control_pb2.ListOperationsRequest
    ) -> control_pb2.ListOperationsResponse:
        """List the operations that the caller may see, newest first."""
        call = current_call()
        listing = listing_of(request, "operation", named=False, newest_first=True)

        def read(session: Session) -> control_pb2.ListOperationsResponse:
            revision = events.current_revision(session)
            page = operations.list_visible(
                session,
                call.caller,
                project=request.project,
                object_id=request.object_id,
                listing=listing,
            )
            shown = messages.fitting(self._messages(session, page.items, call.caller))
            return control_pb2.ListOperationsResponse(
                operations=shown,
                next_page_token=token_after(page, shown),
                revision=revision,
            )

        return await call.read(read)

    def _messages(
        self, session: Session, rows: Sequence[Operation], caller: Caller
    ) -> Sequence[control_pb2.Operation]:
        steps = operations.steps_of(session, [row.id for row in rows])
        described = names.describe(session, [row.object_id for row in rows])
        return [
            self._message(
                row, steps[row.id], described, operators=caller.has_in("reader", row.region)
            )
            for row in rows
        ]

    def _message(
        self,
        row: Operation,
        steps: Sequence[Step],
        described: Mapping[str, Name],
        *,
        operators: bool,
    ) -> control_pb2.Operation:
        shown = messages.metadata(row, {}, project=row.project, region=row.region)
        if row.object_id in described:
            shown.name = described[row.object_id].name
        return control_pb2.Operation(
            metadata=shown,
            type=row.type,
            status=messages.status(row.status, operators=operators),
            object_type=row.object_type,
            object_id=row.object_id,
            steps=[_step(step, operators=operators) for step in steps],
            ended_at=messages.timestamp(row.ended_at),
            workflow_url=f"{self._ui_url}/workflows/{row.id}" if self._ui_url and operators else "",
            author=row.author,
            error_code=row.error_code,
        )


def _step(step: Step, *, operators: bool) -> control_pb2.Step:
    return control_pb2.Step(
        name=step.name,
        state=step.state,
        started_at=messages.timestamp(step.started_at),
        ended_at=messages.timestamp(step.ended_at),
        percent=step.percent,
        message=told.read(step.message, operators=operators),
    )
