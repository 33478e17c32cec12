"""Where iam is, and who a site's services are to it."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from mulligan.database import Database
from mulligan.iam import keys, tokens
from mulligan_client.client import Client
from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.tokens import RENEWED_AFTER, SignIn, Tokens

ANSWER_WITHIN_S = 5.0
"""How long iam may take for an answer; so long a process that ends may wait for it, too."""


@dataclass(frozen=True)
class IamAt:
    """Where iam is (empty: in this process), and who these services are to it."""

    address: str = ""
    account: str = ""
    secret: str = field(default="", repr=False)
    ca_file: Path | None = None


HERE = IamAt()


class Iam(Protocol):
    """How a site's services reach iam."""

    def open(self, pause: Callable[[float], None]) -> Client:
        """Give a client; nothing is sent yet. `pause` waits between attempts (s)."""

    def sign_in(self, client: Client) -> None:
        """Begin a session, in place of one that is not good any more."""


class IamElsewhere(Iam):
    """Iam at an address, with an account's secret."""

    def __init__(self, at: IamAt) -> None:
        self._at = at

    def open(self, pause: Callable[[float], None]) -> Client:
        """Give a client that has TLS, as all do, unless the address says otherwise."""
        return Client(
            self._at.address,
            ca_file=self._at.ca_file,
            timeout_s=ANSWER_WITHIN_S,
            pause=pause,
        )

    def sign_in(self, client: Client) -> None:
        """Sign in, and out before."""
        if client.token:
            with suppress(MulliganCallError):
                client.iam.SignOut(iam_pb2.SignOutRequest())
        client.log_in(self._at.account, self._at.secret)


class IamBeside(Iam):
    """Iam in this process, at a port, with tokens that it makes itself."""

    def __init__(self, port: int, installation: Database) -> None:
        self._port, self._installation = port, installation

    def open(self, pause: Callable[[float], None]) -> Client:
        """Give a client."""
        return Client(
            f"127.0.0.1:{self._port}",
            sign_in=OwnTokens(self._installation),
            timeout_s=ANSWER_WITHIN_S,
            pause=pause,
        )

    def sign_in(self, client: Client) -> None:
        """Do nothing: tokens come by themselves."""


class OwnTokens(SignIn):
    """Access tokens that iam makes for the services in its own process."""

    def __init__(self, installation: Database) -> None:
        super().__init__(Tokens(refresh="none is needed"))
        self._installation = installation

    def _exchange(self, ask: Callable[[str, str], Any]) -> None:
        """Make a new one, without asking."""
        access = self._installation.write(tokens.issue_to_services)
        renew_at = time.time() + keys.LIFETIME.total_seconds() * RENEWED_AFTER
        self.tokens = replace(self.tokens, access=access, renew_at=renew_at)
