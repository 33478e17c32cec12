"""Wall clocks of processes that run, which can be made to step: stepped_clock.c does it."""

import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

SOURCE = Path(__file__).with_name("stepped_clock.c")
NONE = timedelta()


class Clock:
    """The wall clock that some processes have together; no other clock of theirs steps."""

    def __init__(self, library: Path, file: Path) -> None:
        self._file = file
        file.write_bytes(struct.pack("q", 0))
        self.environment: Mapping[str, str] = {
            "LD_PRELOAD": str(library),
            "STEPPED_CLOCK": str(file),
        }

    def step(self, ahead: timedelta) -> None:
        """Have it show a time that is so much ahead of the true one, at once."""
        with self._file.open("r+b") as file:
            file.write(struct.pack("q", ahead // timedelta(microseconds=1) * 1000))


@contextmanager
def clocks(*names: str) -> Iterator[dict[str, Clock]]:
    """Make clocks, which all users may read: PostgreSQL is not root."""
    folder = Path(tempfile.mkdtemp(prefix="clocks", dir="/tmp"))
    folder.chmod(0o755)
    library = folder / "stepped_clock.so"
    try:
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
        yield {name: Clock(library, folder / name) for name in names}
    finally:
        shutil.rmtree(folder)
