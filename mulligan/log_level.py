"""How much this process logs: as it was started, or as its parts are told while it runs."""

import logging


class LogLevel:
    """The root logger's level: the most talkative of what the parts of this process were told."""

    def __init__(self) -> None:
        self._root = logging.getLogger()
        self._usual = self._root.level
        self._told: dict[str, int] = {}

    def tell(self, part: str, level: str | None) -> None:
        """Have a part log from a level on, by its name; None: as the process was started."""
        self._told.pop(part, None)
        if level is not None:
            self._told[part] = logging.getLevelNamesMapping()[level]
        self._root.setLevel(min(self._told.values(), default=self._usual))

    def restore(self) -> None:
        """Log as the process was started."""
        self._told.clear()
        self._root.setLevel(self._usual)
