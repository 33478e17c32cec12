"""What this process holds in memory, to tell whether what it did left something."""

import ctypes
import gc
import sys
from dataclasses import dataclass

_FIELDS = (
    "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks",
    "keepcost",
)  # fmt: skip


class _Mallinfo2(ctypes.Structure):
    """glibc's account of its heap, in bytes: mallinfo(3)."""

    _fields_ = tuple((name, ctypes.c_size_t) for name in _FIELDS)


@dataclass(frozen=True)
class Memory:
    """What is allocated and not given back, whatever the process keeps for later.

    Attributes:
        kib: of glibc's malloc: Python's objects above 512 bytes, and those of all libraries.
        objects: Python's smaller ones, which it keeps apart.
    """

    kib: float
    objects: float

    @classmethod
    def now(cls) -> "Memory":
        """Count what is left when the garbage is gone."""
        gc.collect()
        libc = ctypes.CDLL(None)
        libc.mallinfo2.restype = _Mallinfo2
        heap = libc.mallinfo2()
        return cls((heap.uordblks + heap.hblkhd) / 1024, sys.getallocatedblocks())

    def each(self, before: "Memory", many: int) -> "Memory":
        """What each of so many has left since."""
        return Memory((self.kib - before.kib) / many, (self.objects - before.objects) / many)
