"""Who calls, as a checked token says it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from mulligan.values.errors import UnauthenticatedError

ROLES = ("reader", "member", "operator", "admin")
"""Each role includes the ones before it."""

SYSTEM = ""
"""The project of an assignment that holds on the whole system."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An account and its roles: project id (or SYSTEM) to role."""

    account: str
    roles: dict[str, str]
    address: str = ""
    expires_at: datetime | None = None

    def refuse_if_expired(self) -> None:
        """Refuse to go on once the token has ended.

        Raises:
            UnauthenticatedError: TOKEN_EXPIRED.
        """
        if self.expires_at is not None and datetime.now(UTC) >= self.expires_at:
            raise UnauthenticatedError(
                "the token is expired; sign in again with `mulligan login`", code="TOKEN_EXPIRED"
            )

    def has(self, role: str, project: str = SYSTEM) -> bool:
        """Say whether the caller has at least this role on the project or on the system."""
        held = (self.roles.get(SYSTEM), self.roles.get(project))
        return any(has and ROLES.index(has) >= ROLES.index(role) for has in held)

    @property
    def projects(self) -> list[str] | None:
        """The projects that the caller may read; None when it may read all of them."""
        if self.has("reader"):
            return None
        return [project for project in self.roles if project != SYSTEM]
