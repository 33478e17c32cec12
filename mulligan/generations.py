"""Generations: a write that was decided on an older one is refused, and told what changed since."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from mulligan import events
from mulligan.values.errors import StaleError

TOLD_CHANGES = 5
"""How many changes, the latest, a refusal tells."""


def refuse_stale(
    session: Session,
    object_type: str,
    object_id: str,
    *,
    generation: int,
    read_at: int,
    event_id: str = "",
) -> None:
    """Refuse a write that was decided on another generation.

    Args:
        session: a session.
        object_type: provider, group, claim, ...
        object_id: its UUID, or the name of what has none.
        generation: the one that it is at.
        read_at: the one that the caller says; 0: any.
        event_id: the UUID under which its events stand, if that isn't the object's.

    Raises:
        StaleError: it was decided on another one.
    """
    if read_at in (0, generation):
        return
    since = events.changes_since(session, event_id or object_id, read_at, TOLD_CHANGES)
    raise StaleError(
        f"{object_type.replace('_', ' ')} {object_id} is at generation {generation}, not "
        f"{read_at}. Since then: {_described(since)}. Read it again and decide anew",
        field="generation",
        object_type=object_type,
        object_id=object_id,
        generation=str(generation),
    )


def _described(changes: Sequence[events.EventRow]) -> str:
    told = (
        f"{change.message or change.reason or change.kind} "
        f"({change.at.isoformat(timespec='seconds')}"
        f"{f', by account {change.author}' if change.author else ''})"
        for change in changes
    )
    return "; ".join(told) or "changes of which there is no record"
