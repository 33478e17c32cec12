"""What is kept of passwords and secrets by a service as it is deployed: tests hash quicker."""

from collections.abc import Sequence
from importlib.util import find_spec, module_from_spec

import pytest
from argon2 import Parameters, Type, extract_parameters
from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.database import Database
from mulligan.iam import accounts, bootstrap, credentials, sign_ins
from mulligan.iam.tables import Account, ApplicationCredential, Bootstrap

LEAST = Parameters(
    Type.ID, version=19, salt_len=16, hash_len=32, time_cost=3, memory_cost=1 << 16, parallelism=4
)
"""RFC 9106, section 4, the second recommended option: for where there is no 2 GiB to spare.

OWASP's Password Storage Cheat Sheet asks for less: 19 MiB, 2 passes, 1 lane.
"""


@pytest.fixture(autouse=True)
def _as_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with what the module itself says, whatever tests have put there."""
    found = find_spec("mulligan.iam.sign_ins")
    assert found is not None
    assert found.loader is not None
    fresh = module_from_spec(found)
    found.loader.exec_module(fresh)
    monkeypatch.setattr(sign_ins, "hasher", fresh.hasher)


def store(session: Session) -> None:
    """Keep a password, a program's secret and a bootstrap token."""
    bootstrap.prepare(session)
    made = accounts.create_account(session, "ann", accounts.hash_password("long enough")).id
    session.flush()
    secret = credentials.hash_secret("a secret of more than 32 characters")
    session.add(ApplicationCredential(account=made, creator=made, secret_hash=secret, methods=[]))


def hashes(session: Session) -> Sequence[str]:
    columns = (Account.password_hash, ApplicationCredential.secret_hash, Bootstrap.token_hash)
    return [one for column in columns for one in session.scalars(select(column))]


def test_passwords_and_secrets_are_kept_as_rfc_9106_recommends(sqlite_database: Database) -> None:
    sqlite_database.write(store)
    kept = sqlite_database.read(hashes)
    assert len(kept) == 3
    for one in kept:
        assert one.startswith("$argon2id$v=19$")
        used = extract_parameters(one)
        for cost in ("memory_cost", "time_cost", "parallelism", "salt_len", "hash_len"):
            assert getattr(used, cost) >= getattr(LEAST, cost), f"{cost} of {one}"
