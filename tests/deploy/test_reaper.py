"""What is orphaned below the tests is reaped at once, whatever process 1 does."""

import subprocess
import sys

LEAVES_AN_ORPHAN = """
import os, sys
reads, writes = os.pipe()
if os.fork() == 0:
    orphan = os.fork()
    if orphan:
        os.write(writes, str(orphan).encode())
    os._exit(0)
os.wait()
orphan = int(os.read(reads, 20))
while os.path.exists(f"/proc/{orphan}"):
    os.sched_yield()
sys.exit(3)
"""


def test_an_orphan_is_reaped_and_the_commands_exit_code_is_given() -> None:
    words = [sys.executable, "-m", "tests.reaper", sys.executable, "-c", LEAVES_AN_ORPHAN]
    done = subprocess.run(words, timeout=60, check=False)
    assert done.returncode == 3
