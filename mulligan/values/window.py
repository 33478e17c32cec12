"""Time as a dimension of claims: half-open windows in UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime

from mulligan.values.errors import InvalidArgumentError

WITHOUT_END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""The `release_at` of a claim without planned end: an ordinary value, greater than any other."""


@dataclass(frozen=True, slots=True)
class Window:
    """`[acquire_at, release_at)`, both aware and in UTC.

    Raises:
        InvalidArgumentError: the window is empty, ends before it starts, or has no time zone.
    """

    acquire_at: datetime
    release_at: datetime = WITHOUT_END

    def __post_init__(self) -> None:
        for field in ("acquire_at", "release_at"):
            if getattr(self, field).tzinfo is None:
                raise InvalidArgumentError(
                    f"{field} has no time zone; give a UTC time such as 2030-01-01T00:00:00Z",
                    field=f"window.{field}",
                )
            object.__setattr__(self, field, getattr(self, field).astimezone(UTC))
        if self.release_at <= self.acquire_at:
            raise InvalidArgumentError(
                f"the window ends ({self.release_at.isoformat()}) no later than it starts "
                f"({self.acquire_at.isoformat()}); give a release_at after acquire_at",
                field="window.release_at",
            )

    def overlaps(self, other: "Window") -> bool:
        """Say whether both windows share an instant; back-to-back windows do not."""
        return self.acquire_at < other.release_at and other.acquire_at < self.release_at

    @property
    def has_end(self) -> bool:
        """Say whether an end is planned."""
        return self.release_at < WITHOUT_END
