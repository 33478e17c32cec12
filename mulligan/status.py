"""The columns of a status, shared by every table whose rows have one."""

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from mulligan.values.status import Status


class StatusColumns:
    """`state, reason, since, deadline, next_action`."""

    state: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(Text, default="")
    since: Mapped[datetime]
    deadline: Mapped[datetime | None]
    next_action: Mapped[str] = mapped_column(Text, default="")

    @property
    def status(self) -> Status:
        """The columns as one value."""
        return Status(self.state, self.reason, self.since, self.deadline, self.next_action)

    @status.setter
    def status(self, status: Status) -> None:
        self.state = status.state
        self.reason = status.reason
        self.since = status.since
        self.deadline = status.deadline
        self.next_action = status.next_action
