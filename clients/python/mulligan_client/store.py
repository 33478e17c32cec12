"""What `login` leaves behind: one address, token, project and region, for the owner's eyes only."""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self

_FILE = "login.json"


@dataclass(frozen=True)
class Login:
    """Who is logged in where; project and region are UUIDs, empty where none is chosen."""

    address: str = ""
    token: str = ""
    account: str = ""
    project: str = ""
    region: str = ""
    ca_file: str = ""


class Store:
    """The folder in which the login is kept."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / _FILE

    @classmethod
    def default(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """The folder of MULLIGAN_CONFIG_DIR, else the platform's one for configuration."""
        if folder := environment.get("MULLIGAN_CONFIG_DIR"):
            return cls(Path(folder))
        from platformdirs import user_config_path

        return cls(user_config_path("mulligan"))

    def read(self) -> Login:
        """Read the login; an empty one where nobody has logged in.

        Raises:
            ValueError: the file is damaged.
        """
        try:
            content = json.loads(self.path.read_text())
        except FileNotFoundError:
            return Login()
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise ValueError(f"{self.path} is damaged; log in again: mulligan login ADDRESS")
        known = {field.name for field in fields(Login)}
        return Login(**{name: str(value) for name, value in content.items() if name in known})

    def write(self, login: Login) -> None:
        """Replace the login; no reader sees half of it, and nobody else sees any of it."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=f".{_FILE}")
        try:
            with os.fdopen(descriptor, "w") as file:  # mkstemp makes it with mode 0600
                json.dump(asdict(login), file, indent=1)
            Path(temporary).replace(self.path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
