"""Where an object stands: the one shape of every status."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Status:
    """A state with its reason, since when, until when at the latest, and what happens next."""

    state: str
    reason: str
    since: datetime
    deadline: datetime | None = None
    next_action: str = ""
