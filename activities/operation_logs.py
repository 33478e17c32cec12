"""What ramdisk and BMC said during an operation, kept in files until the operation records it."""

import fcntl
import logging
import zlib
from base64 import b64encode
from pathlib import Path
from typing import Literal

from activities.contracts.hardware import OperationLog
from activities.redaction import redact

KEPT_BYTES = 64 << 10
_log = logging.getLogger(__name__)

Source = Literal["ramdisk", "bmc"]


class OperationLogs:
    """The last 64 KiB of each source, redacted, below `state_folder`/logs/<operation>/.

    On a full disk nothing is kept.
    """

    def __init__(self, state_folder: Path) -> None:
        self._folder = state_folder / "logs"

    def append(self, operation: str, source: Source, text: str) -> None:
        """Keep a text that was said, without its secrets and without what is too old."""
        path = self._path(operation, source)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.seek(0)
                kept = (file.read() + redact(text).encode())[-KEPT_BYTES:]
                file.truncate(0)
                file.write(kept)
        except OSError as error:
            # What was said is worth less than the work about which it was said.
            _log.warning("a log could not be kept in %s: %s", path, error.strerror)

    def read(self, operation: str) -> tuple[OperationLog, ...]:
        """Give what is kept of an operation; a source that said nothing is left out."""
        sources: tuple[Source, ...] = ("ramdisk", "bmc")
        return tuple(
            OperationLog(source=source, compressed=compress(path.read_bytes()))
            for source in sources
            if (path := self._path(operation, source)).exists()
        )

    def _path(self, operation: str, source: Source) -> Path:
        return self._folder / single_name(operation) / f"{source}.log"


def single_name(operation: str) -> str:
    """Give an operation's id as the name of one folder.

    Raises:
        ValueError: it could lead to another folder.
    """
    if operation in ("", ".", "..") or "/" in operation or "\0" in operation:
        raise ValueError(f"{operation!r} can't be an operation's id")
    return operation


def compress(text: bytes) -> str:
    """Write a log as `OperationLog.compressed` has it: zlib in base64."""
    return b64encode(zlib.compress(text[-KEPT_BYTES:])).decode()
