"""`python -m tests.reaper COMMAND…` runs a command, and reaps at once what is orphaned below it.

In many containers process 1 does that every few seconds only. Until then libvirt takes a QEMU that
has ended for one that runs, and each `destroy` waits for it.
"""

import ctypes
import os
import signal
import sys

_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)


def main(command: list[str]) -> int:
    """Run the command; gives its exit code. Ctrl-C reaches it too, and what follows is up to it."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    running = os.spawnvp(os.P_NOWAIT, command[0], command)
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(running, signal.SIGTERM))
    while True:
        ended, status = os.wait()
        if ended == running:
            return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
