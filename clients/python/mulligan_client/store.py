"""What `login` leaves behind: one address, its tokens, project and region, for its owner only.

Beside it lies what iam told this login of the sites (`kept_catalogue`).
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

from mulligan_client.tokens import Keeper, Tokens

_FILE = "login.json"
_LOCK = "login.lock"
_CATALOGUE = "catalogue.json"


@dataclass(frozen=True)
class Login:
    """Who is logged in where; project and region are UUIDs, empty where none is chosen.

    `renew_at` and `request_id` are those of `Tokens`.
    """

    address: str = ""
    token: str = ""
    refresh_token: str = ""
    renew_at: str = ""
    request_id: str = ""
    account: str = ""
    project: str = ""
    region: str = ""
    ca_file: str = ""

    @property
    def tokens(self) -> Tokens:
        """Its tokens."""
        renew_at = float(self.renew_at or 0)
        return Tokens(self.token, self.refresh_token, renew_at, self.request_id)

    def with_tokens(self, tokens: Tokens) -> "Login":
        """The same login with other tokens."""
        return replace(
            self,
            token=tokens.access,
            refresh_token=tokens.refresh,
            renew_at=str(tokens.renew_at) if tokens.renew_at else "",
            request_id=tokens.request_id,
        )


class Store:
    """The folder in which the login is kept."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / _FILE
        self.catalogue = folder / _CATALOGUE

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
        """Replace the login."""
        self.write_file(self.path, asdict(login))

    def write_file(self, path: Path, content: Mapping[str, Any]) -> None:
        """Replace a file here; no reader sees half of it, and nobody else sees any of it."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}")
        try:
            with os.fdopen(descriptor, "w") as file:  # mkstemp makes it with mode 0600
                json.dump(content, file, indent=1)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def replace(self, login: Login) -> None:
        """Replace the login by another one, when no other process changes it.

        What iam told the one before of its sites may be another installation's.
        """
        with self.locked():
            self.write(login)
            self.catalogue.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Have no other process change the login meanwhile.

        The lock is a file of its own: the login's is replaced by each change.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.path.with_name(_LOCK), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)  # which gives the lock back


class LoginKeeper(Keeper):
    """Keeps the tokens of one login in its store, for as long as it is the one that is stored.

    `seen` is told each token that is read or written.
    """

    def __init__(
        self, store: Store, login: Login, seen: Callable[[str], object] = lambda _: None
    ) -> None:
        self._store = store
        self._login = login
        self._seen = seen

    def locked(self) -> AbstractContextManager[None]:
        """Keep other processes from renewing meanwhile."""
        return self._store.locked()

    def read(self) -> Tokens | None:
        """Give the tokens as another process may have renewed them."""
        stored = self._stored()
        if stored is None:
            return None
        return self._told(stored.tokens)

    def write(self, tokens: Tokens) -> None:
        """Keep the tokens, unless somebody has logged in elsewhere or out meanwhile."""
        stored = self._stored()
        if stored is not None:
            self._store.write(stored.with_tokens(self._told(tokens)))

    def _stored(self) -> Login | None:
        try:
            stored = self._store.read()
        except ValueError:
            return None
        mine = (stored.address, stored.account) == (self._login.address, self._login.account)
        return stored if mine and stored.token else None

    def _told(self, tokens: Tokens) -> Tokens:
        self._seen(tokens.access)
        self._seen(tokens.refresh)
        return tokens
