"""Where iam is, and who a site's services are to it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mulligan.database import Database
from mulligan.iam import keys, tokens
from mulligan_client.client import Client
from mulligan_client.errors import MulliganCallError
from mulligan_client.tokens import RENEWED_AFTER, SignIn, Tokens


@dataclass(frozen=True)
class IamAt:
    """Where iam is (empty: in this process), and who these services are to it."""

    address: str = ""
    account: str = ""
    secret: str = field(default="", repr=False)
    ca_file: Path | None = None


HERE = IamAt()


def sign_in_at(iam: IamAt, beside: int, installation: Database | None) -> Client:
    """Give a client that is signed in at iam; beside it, with tokens that it makes itself."""
    if installation is not None:
        return Client(f"127.0.0.1:{beside}", sign_in=OwnTokens(installation))
    address = iam.address if "://" in iam.address else f"http://{iam.address}"
    client = Client(address, ca_file=iam.ca_file)
    try:
        client.log_in(iam.account, iam.secret)
    except MulliganCallError:
        client.close()
        raise
    return client


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
