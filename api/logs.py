"""The log of an operation: what console, ramdisk and BMC said."""

import zlib
from base64 import b64decode

from sqlalchemy.orm import Session

from api.call import current_call
from mulligan.control import operations
from mulligan_client.gen.mulligan.control.v1 import control_pb2


async def get_log(operation: str) -> control_pb2.GetOperationLogResponse:
    """Show what was said during an operation; a BMC's words are for the system's readers."""
    call = current_call()

    def read(session: Session) -> control_pb2.GetOperationLogResponse:
        row = operations.get_visible(session, call.caller, operation)
        return control_pb2.GetOperationLogResponse(
            parts=[
                control_pb2.LogPart(
                    source=part.source,
                    text=zlib.decompress(b64decode(part.compressed)).decode(errors="replace"),
                )
                for part in operations.logs_of(session, row.id)
                if part.source != "bmc" or call.caller.has("reader")
            ]
        )

    return await call.read(read)
