"""What it takes to check an access token that was never seen before."""

import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.utils import base64url_decode
from sqlalchemy.orm import Session

from bench.figures import Figure, Size, Target
from mulligan import events
from mulligan.database import Database
from mulligan.iam import accounts, keys, projects, roles, tokens
from mulligan.iam.keys import PublicKey
from mulligan.migrations import migrate

PROJECTS = 3
"""In so many projects the account has a role."""


def token_check(size: Size) -> Iterator[Figure]:
    """Check tokens as the interceptor does, each for the first time, in one thread; medians.

    Each is another token of one account with roles in three projects, so that none is known again;
    the key is known, as it is to a service after its first token.
    Peer: the signature of the same token verified by cryptography's Ed25519 and nothing else, in
    turns with ours.
    """
    with tempfile.TemporaryDirectory(prefix="bench-tokens", dir="/tmp") as folder:
        database = Database(f"sqlite:///{Path(folder)}/iam.sqlite")
        migrate(database)
        events.record(database)
        issued, published = database.write(lambda session: _issued(session, size.tokens))
        database.close()
    [key] = published.values()
    raw = load_pem_public_key(key.pem.encode())
    if not isinstance(raw, Ed25519PublicKey):
        raise TypeError("the key is no Ed25519 key")
    checked_s, verified_s = [], []
    for token in issued:
        signed, _, signature = token.rpartition(".")
        given, encoded = base64url_decode(signature), signed.encode()
        verified_s.append(_timed(lambda: raw.verify(given, encoded)))  # noqa: B023 - called at once
        checked_s.append(_timed(lambda: tokens.check(token, published)))  # noqa: B023 - so is this
    yield Figure(
        "api",
        "token_check",
        "µs",
        median(checked_s) * 1e6,
        peer="Ed25519 alone",
        peer_value=median(verified_s) * 1e6,
        target=Target("at most", ratio=2),
    )


def _issued(session: Session, count: int) -> tuple[list[str], dict[str, PublicKey]]:
    now = datetime.now(UTC)
    keys.ensure_key(session, now)
    account = accounts.create_account(session, "bench", accounts.hash_password("long enough")).id
    session.flush()
    for number in range(PROJECTS):
        project = projects.create_project(session, f"project {number}").id
        session.flush()
        roles.assign_role(session, account, "member", project)
    issued = [tokens.issue(session, account)[0] for _ in range(count)]
    return issued, keys.public_keys(session, now)


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
