"""Processes that are started to help, and end with who started them."""

import shutil


def dies_with_parent() -> list[str]:
    """Give the words before a command that have it killed when our thread ends."""
    # util-linux's setpriv rather than preexec_fn, which is unsafe beside gRPC's threads. SIGKILL
    # frees the ports at once for a successor, and SQLite's file does not mind.
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
