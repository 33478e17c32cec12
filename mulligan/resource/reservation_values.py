"""What a reservation is for, and what becomes of it at its end."""

from dataclasses import dataclass
from datetime import timedelta

from mulligan.values.errors import InvalidArgumentError

AT_END = ("decommission", "keep")
SPANS = ("keep_for", "warn_before", "reclaim_after")
MOST_PURPOSE = 1000
LONGEST = timedelta(days=366)
"""For how long a machine may be kept, warned of its end before, or left unused."""


@dataclass(frozen=True, slots=True)
class ReservationSpec:
    """What a reservation is for, and what becomes of it.

    Args:
        purpose: why, for people.
        at_end: decommission its machine at the end of its window, or keep it for a while.
        keep_s: for how long it is kept, in seconds.
        warn_s: so long before its end that is told, in seconds; 0: not.
        reclaim_s: given up when nobody used it for so long, in seconds; 0: never.
        heals: whether it may go elsewhere when its provider fails.

    Raises:
        InvalidArgumentError: a field can't be used; names it.
    """

    purpose: str = ""
    at_end: str = "decommission"
    keep_s: int = 0
    warn_s: int = 900
    reclaim_s: int = 0
    heals: bool = True

    def __post_init__(self) -> None:
        if len(self.purpose) > MOST_PURPOSE:
            raise InvalidArgumentError(
                f"a purpose of {len(self.purpose)} characters is too long; {MOST_PURPOSE} at most",
                field="spec.purpose",
            )
        if self.at_end not in AT_END:
            raise InvalidArgumentError(
                f"at_end {self.at_end!r} can't be used; give one of {', '.join(AT_END)}",
                field="spec.at_end",
            )
        if (self.at_end == "keep") != (self.keep_s > 0):
            raise InvalidArgumentError(
                "say for how long the machine is kept, or decommission it at the end",
                field="spec.keep_for",
            )
        spans = (self.keep_s, self.warn_s, self.reclaim_s)
        for field, seconds in zip(SPANS, spans, strict=True):
            if not 0 <= seconds <= LONGEST.total_seconds():
                raise InvalidArgumentError(
                    f"{seconds} s can't be used; give 0 to {LONGEST.days} days",
                    field=f"spec.{field}",
                )
