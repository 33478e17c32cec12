"""The ways out: abort, retry, force-release. They work whatever is dead behind the services."""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy.orm import Session
from temporalio.client import WorkflowExecutionStatus
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from activities.contracts.machines import BeginForceRelease
from activities.contracts.operations import WORKFLOW_OF, FreshAccess, Resume
from api.call import current_call
from api.operations import Operations, Starter
from mulligan.control import endpoints, force_release, operations
from mulligan.control.tables import Operation
from mulligan.values.caller import Caller
from mulligan.values.errors import (
    FailedPreconditionError,
    PermissionDeniedError,
)
from mulligan.values.ids import object_id
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from workflows.force_release import ForceRelease
from workflows.operation import CONTROL_QUEUE, TRY_AGAIN, OperationWorkflow, search_attributes

T = TypeVar("T")


class WaysOut:
    """The RPCs by which operators, and members of a project for their own, get out of anything."""

    def __init__(self, starter: Starter, shown: Operations) -> None:
        self._client = starter.client
        self._starter = starter
        self._operations = shown

    async def abort(self, request: control_pb2.AbortOperationRequest) -> control_pb2.Operation:
        """Have a running operation take back what it did, also one whose workflow is lost."""
        row, payload = await self._of_caller(request.id)
        if row.state != "running":
            if await current_call().refuse_other_content(request):
                return await self._operations.get(row.id)
            raise FailedPreconditionError(
                f"operation {row.id} is {row.state} already ({row.reason}); there is nothing to "
                "abort",
                object_type="operation",
                object_id=row.id,
            )
        await current_call().write(
            request, control_pb2.Operation, _telling(row, "asked to abort", control_pb2.Operation())
        )
        if await self._has_workflow(row.id):
            await self._client.get_workflow_handle(row.id).cancel()
        elif row.type in WORKFLOW_OF and payload:
            await self._start_again(row, payload, "undo")
        else:
            # Nothing is known of what it did: its row ends, and reconciliation tells what is left.
            await current_call().write_anonymously(
                lambda session: endpoints.end_operation(
                    session, row.id, "cancelled", "aborted; its workflow is lost"
                )
            )
        return await self._operations.get(row.id)

    async def retry(self, request: control_pb2.RetryOperationRequest) -> control_pb2.Operation:
        """Try the failed step again: of a running operation now, of an ended one by a new one."""
        call = current_call()
        row, payload = await self._of_caller(request.id)
        if await call.refuse_other_content(request) or await _went_on(row):
            return await self._operations.get(row.id)
        if row.state != "running":
            return await self._ask_anew(request, row, payload)
        await call.write_anonymously(_telling(row, "asked to try again", None))
        if await self._has_workflow(row.id):
            await self._starter.signal([row.id], TRY_AGAIN, *await self._fresh_access(row.id))
        else:
            await self._start_again(row, payload, "forward")
        # Not before: while Temporal is away nothing is tried again, and the caller asks once more.
        await call.write(request, control_pb2.Operation, lambda _: control_pb2.Operation())
        return await self._operations.get(row.id)

    async def force_release(
        self, request: control_pb2.ForceReleaseRequest
    ) -> control_pb2.Operation:
        """End the claim of a machine or server at once."""

        def find(session: Session) -> tuple[str, str, str, str]:
            machine, server = force_release.find_target(session, request.object_id)
            region = machine.region if machine else server.region if server else ""
            project = machine.project if machine else ""
            return (
                "machine" if machine else "server",
                region,
                project,
                machine.id if machine else "",
            )

        object_type, region, project, machine = await current_call().read(find)
        asked = self._starter.asked(request, project, region)
        await self._starter.start(
            ForceRelease.run,
            ForceRelease.accepted,
            BeginForceRelease.model_validate(
                {
                    "asked": asked,
                    "object_type": object_type,
                    "object_id": machine or request.object_id,
                    "reason": request.reason,
                }
            ),
            asked,
            summary=f"force-release {object_type}: {request.reason}"[:180],
            machine=machine,
        )
        return await self._operations.get(asked.operation)

    async def _fresh_access(self, operation: str) -> list[FreshAccess]:
        """Say how an operation's server is reached now: somebody may have changed it since."""
        server = await current_call().read(lambda s: endpoints.held_server(s, operation))
        if server is None:
            return []
        return [
            FreshAccess(
                server=server.id,
                sealed_credentials=server.sealed_credentials,
                verify_tls=not server.insecure_tls,
            )
        ]

    async def _of_caller(self, operation: str) -> tuple[Operation, dict[str, Any]]:
        """Find an operation that the caller may change, with the request that began it."""
        call = current_call()

        def find(session: Session) -> tuple[Operation, dict[str, Any]]:
            row = operations.get_visible(session, call.caller, operation)
            _require_member(call.caller, row)
            return row, operations.request_of(session, row)

        return await call.read(find)

    async def _has_workflow(self, operation: str) -> bool:
        try:
            described = await self._client.get_workflow_handle(operation).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return described.status is WorkflowExecutionStatus.RUNNING

    async def _start_again(self, row: Operation, payload: dict[str, Any], resume: Resume) -> None:
        """Start the workflow of an operation again from its row: Temporal has lost or ended it."""
        if row.type not in WORKFLOW_OF or not payload:
            raise FailedPreconditionError(
                f"operation {row.id} (a {row.type}) has no workflow any more and can't be started "
                "again; ask for it anew",
                object_type="operation",
                object_id=row.id,
            )
        await self._client.start_workflow(
            WORKFLOW_OF[row.type],
            payload | {"resume": resume},
            id=row.id,
            task_queue=CONTROL_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=search_attributes(
                project=row.project or "",
                region=row.region,
                machine=row.object_id if row.object_type == "machine" else "",
                provider=row.object_id if row.object_type in ("server", "host") else "",
            ),
            static_summary=f"{row.type} again: {resume}",
        )

    async def _ask_anew(
        self, request: control_pb2.RetryOperationRequest, row: Operation, payload: dict[str, Any]
    ) -> control_pb2.Operation:
        """Ask for what an ended operation was asked for, as a new operation."""
        if row.state == "done" or row.type not in WORKFLOW_OF or not payload:
            raise FailedPreconditionError(
                f"operation {row.id} (a {row.type}) is {row.state} ({row.reason}) and can't be "
                "retried; ask for it anew",
                object_type="operation",
                object_id=row.id,
            )
        asked = self._starter.asked(request, row.project or "", row.region)
        changed: dict[str, Any] = {"asked": asked.model_dump(mode="json"), "resume": ""}
        if row.type in ("provision", "claim"):
            kind = row.object_type
            changed[kind] = object_id(asked.operation, kind)
        if row.type in ("verify", "inspect"):
            # It is enrolled since the first time.
            changed |= {"enrol_server": None, "enrol_host": None}
        await self._starter.start(
            WORKFLOW_OF[row.type],
            OperationWorkflow.accepted,
            payload | changed,
            asked,
            summary=f"{row.type} of {row.object_type}, again after {row.id}",
            machine=changed.get("machine", ""),
            gives=row.type in ("provision", "claim"),
        )
        return await self._operations.get(asked.operation)


def _telling(row: Operation, words: str, answer: T) -> Callable[[Session], T]:
    """Tell in a transaction who asked what, once for each request id."""
    call = current_call()

    def tell(session: Session) -> T:
        operations.tell_asked(session, row.id, call.caller.account, words, call.request_id)
        return answer

    return tell


async def _went_on(row: Operation) -> bool:
    """Whether an operation was done after this very request, of which no answer was kept."""
    call = current_call()
    asked = call.caller.account, call.request_id
    return row.state == "done" and await call.read(
        lambda session: operations.was_asked(session, row.id, *asked)
    )


def _require_member(caller: Caller, row: Operation) -> None:
    # What operators only may begin, they only may change, whosever machine it is about.
    if row.type == "force-release":
        role, allowed = "operator", caller.has("operator")
    elif row.project is None:
        role, allowed = "operator", caller.has_in("operator", row.region)
    else:
        role, allowed = "member", caller.has("member", row.project)
    if not allowed:
        raise PermissionDeniedError(
            f"your role lets you see operation {row.id}, and not change it; ask one with the role "
            f"{role}"
        )
