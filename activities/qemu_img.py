"""qemu-img, on files that nobody trusts."""

import errno
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from activities.disk_space import disk_full, says_full
from activities.lease import Heartbeat
from activities.processes import dies_with_parent
from mulligan.values.errors import HardwareBusyError, HardwareError

QEMU_IMG_ADDRESS_SPACE = 1 << 30
QEMU_IMG_CPU_S = {"info": 30, "convert": 1800}
"""Limits of qemu-img on an untrusted file, those of OpenStack Nova and Glance (QEMU_IMG_LIMITS).

Each of its threads would reserve address space for an arena of its own, and sometimes exceed the
limit with that (seen: one conversion of 60): so they share one.
"""

REFUSED = 1
"""The exit code with which qemu-img itself complains; a signal or a loader gives others."""

OUT_OF_MEMORY = os.strerror(errno.ENOMEM)


def qemu_img(command: str, *arguments: str, heartbeat: Heartbeat) -> str:
    """Run qemu-img within limits and give what it says.

    Raises:
        HardwareError: IMAGE_FORMAT_MISMATCH with qemu-img's words.
        HardwareBusyError: DISK_FULL; the last argument is what it writes or reads. QEMU_IMG_FAILED,
            when what ended it says nothing about the image.
    """
    limits = ["prlimit", f"--as={QEMU_IMG_ADDRESS_SPACE}", f"--cpu={QEMU_IMG_CPU_S[command]}"]
    environment = {**os.environ, "LC_ALL": "C", "MALLOC_ARENA_MAX": "1"}
    with subprocess.Popen(
        [
            *dies_with_parent(),
            *limits,
            "--",
            shutil.which("qemu-img") or "qemu-img",
            command,
            *arguments,
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            said, complaint = _wait_for(process, f"qemu-img {command}", heartbeat)
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        if says_full(complaint):
            written = Path(arguments[-1])
            raise disk_full(written.parent, written.name, complaint.strip())
        if process.returncode != REFUSED or OUT_OF_MEMORY in complaint:
            raise _failed(command, f"ended with {process.returncode}: {complaint.strip()}")
        raise HardwareError(
            f"qemu-img {command}: {complaint.strip()}", code="IMAGE_FORMAT_MISMATCH"
        )
    return said


def describe(path: Path, disk_format: str, heartbeat: Heartbeat) -> dict[str, Any]:
    """Give what qemu-img finds in an image that is said to be of a format.

    Raises:
        HardwareError: as of `qemu_img`.
    """
    said = qemu_img("info", "--output=json", "-f", disk_format, str(path), heartbeat=heartbeat)
    try:
        found: dict[str, Any] = json.loads(said)
    except ValueError:
        raise _failed("info", f"said {said[:200]!r}, which is no JSON") from None
    return found


def _failed(command: str, what: str) -> HardwareBusyError:
    return HardwareBusyError(
        f"qemu-img {command} {what.rstrip(': ')}; it is tried again, look whether the executor's "
        "machine has memory left and its qemu-img works",
        code="QEMU_IMG_FAILED",
    )


def _wait_for(process: subprocess.Popen[str], words: str, heartbeat: Heartbeat) -> tuple[str, str]:
    while True:
        try:
            return process.communicate(timeout=1)
        except subprocess.TimeoutExpired:
            heartbeat(words)
