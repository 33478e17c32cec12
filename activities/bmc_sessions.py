"""The Redfish sessions that the executors of a region hold on one BMC, kept in their folder.

Where each stands ("/redfish/v1/SessionService/Sessions/7"), never its token. Whoever is about to
write ends the others first: one that was stopped in the middle of its work can't write with the
token that it still has (DESIGN.md, "Fencing").
"""

import secrets
from hashlib import blake2b
from pathlib import Path

from activities.operation_logs import single_name


class BmcSessions:
    """The sessions on one server's BMC: one file each in `state_folder`/sessions/<server>/."""

    def __init__(self, state_folder: Path, server: str) -> None:
        self._folder = state_folder / "sessions" / single_name(server)

    def keep(self, path: str) -> None:
        """Have a session found by whoever writes to the BMC next."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = self._folder / f".part-{secrets.token_hex(6)}"
        part.write_text(path)
        part.replace(self._file(path))

    def forget(self, path: str) -> None:
        """Hear that a session has ended."""
        self._file(path).unlink(missing_ok=True)

    def others(self, mine: str) -> list[str]:
        """Give the sessions that somebody else opened and has not ended."""
        found = [
            file.read_text() for file in self._folder.glob("*") if not file.name.startswith(".")
        ]
        return sorted(path for path in found if path != mine)

    def _file(self, path: str) -> Path:
        return self._folder / blake2b(path.encode(), digest_size=12).hexdigest()
