"""The log of an operation: what console, ramdisk and BMC said."""

import asyncio
import logging
import zlib
from base64 import b64decode
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.orm import Session
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from activities.contracts.hardware import OperationLog
from activities.contracts.hypervisor import HostAccess, ReadConsole
from activities.contracts.redfish import BmcAccess, BmcTarget
from api.call import current_call
from mulligan.control import hardware, operations
from mulligan.control.tables import Host, Operation, Server
from mulligan.values import told
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from workflows.operation import CONTROL_QUEUE
from workflows.read_log import ReadLog, ReadOperationLog

_log = logging.getLogger(__name__)

READ_WITHIN_S = 10.0


class Logs:
    """The RPC that shows what was said; of an operation that runs, an executor is asked."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def get(self, operation: str) -> control_pb2.GetOperationLogResponse:
        """Show what was said during an operation; but a console's it is for the region's readers.

        What is kept is shown, and what an executor says instead of it when it answers in time.
        """
        call = current_call()

        def read(session: Session) -> tuple[dict[str, str], ReadLog | None, bool]:
            row = operations.get_visible(session, call.caller, operation)
            kept = {part.source: part.compressed for part in operations.logs_of(session, row.id)}
            of_hardware = call.caller.has_in("reader", row.region)
            return kept, _running_at(session, row), of_hardware

        said, running_at, of_hardware = await call.read(read)
        if running_at is not None:
            said |= {
                part.source: part.compressed for part in await self._ask(operation, running_at)
            }
        texts = {
            source: zlib.decompress(b64decode(compressed)).decode(errors="replace")
            for source, compressed in sorted(said.items())
        }
        return control_pb2.GetOperationLogResponse(
            parts=[
                control_pb2.LogPart(source=source, text=told.read(text, operators=of_hardware))
                for source, text in texts.items()
                if source == "console" or of_hardware
            ]
        )

    async def _ask(self, operation: str, request: ReadLog) -> Sequence[OperationLog]:
        """Ask an executor; nobody waits for long, and no answer is none."""
        try:
            async with asyncio.timeout(READ_WITHIN_S):
                return await self._client.execute_workflow(
                    ReadOperationLog.run,
                    request,
                    id=f"operation-log-{operation}",
                    task_queue=CONTROL_QUEUE,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    execution_timeout=timedelta(seconds=READ_WITHIN_S),
                    static_summary="read what was said so far in an operation",
                )
        except (RPCError, WorkflowFailureError, TimeoutError):
            _log.info("no executor told an operation's log", extra={"operation": operation})
            return ()


def _running_at(session: Session, row: Operation) -> ReadLog | None:
    """Say on which machine or server an operation is at work; None when it ended, or on none."""
    found = hardware.hardware_of(session, row) if row.state == "running" else None
    if isinstance(found, Host):
        access = HostAccess(host=found.id, region=found.region, uri=found.uri, pool=found.pool)
        console = ReadConsole(operation=row.id, fence=0, access=access, machine=row.object_id)
        return ReadLog(region=row.region, console=console)
    if isinstance(found, Server):
        bmc = BmcAccess(
            server=found.id,
            region=found.region,
            address=found.address,
            sealed_credentials=found.sealed_credentials,
            verify_tls=not found.insecure_tls,
            system=found.system,
        )
        return ReadLog(region=row.region, bmc=BmcTarget(operation=row.id, fence=0, access=bmc))
    return None
