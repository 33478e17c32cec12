"""A disk that is full: said in words, and waited for, because somebody can make room."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mulligan.values.errors import HardwareBusyError

FULL = (errno.ENOSPC, errno.EDQUOT)
_WORDS = tuple(os.strerror(number) for number in FULL)


def says_full(words: str) -> bool:
    """Tell whether a program complains of a disk or a quota that is full."""
    return any(known in words for known in _WORDS)


@contextmanager
def in_room_of(folder: Path, writing: str) -> Iterator[None]:
    """Write something, named in words, below a folder of this machine.

    Raises:
        HardwareBusyError: DISK_FULL; it goes on when there is room.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise disk_full(folder, writing, str(error.strerror)) from error


def disk_full(folder: Path, writing: str, said: str) -> HardwareBusyError:
    """Say that a folder of this machine has no room."""
    return HardwareBusyError(
        f"could not write {writing} below {folder} of the executor's machine: {said}; make room "
        "there, it goes on then",
        code="DISK_FULL",
        folder=str(folder),
    )
