"""How much this process logs: as it was started, or as its parts are told while it runs."""

import logging

_log = logging.getLogger(__name__)

OURS = ("activities", "api", "deploy", "mulligan", "mulligan_client", "worker", "workflows")
"""The loggers that follow. Others never tell more than INFO unless the process was started so.

What speaks HTTP for us writes each URL at DEBUG, and those of boot media are secrets.
"""


class LogLevel:
    """The level of this process' log: the most talkative of what its parts were told."""

    def __init__(self) -> None:
        self._root = logging.getLogger()
        self._usual = self._root.level
        self._told: dict[str, int] = {}

    def tell(self, part: str, level: str | None) -> None:
        """Have a part log from a level on, by its name; None: as the process was started.

        Each part says so at its start: one that says nothing does not count.
        """
        known = logging.getLevelNamesMapping()
        if level is not None and level not in known:
            _log.warning("%s is to log from %s on, which this release does not know", part, level)
            level = None
        self._told[part] = self._usual if level is None else known[level]
        wanted = min(self._told.values())
        self._root.setLevel(max(wanted, min(self._usual, logging.INFO)))
        for name in OURS:
            logging.getLogger(name).setLevel(logging.NOTSET if wanted == self._usual else wanted)

    def restore(self) -> None:
        """Log as the process was started."""
        self._told.clear()
        self._root.setLevel(self._usual)
        for name in OURS:
            logging.getLogger(name).setLevel(logging.NOTSET)
