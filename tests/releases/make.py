"""Make `releases/<version>/`, what this version leaves behind: `python -m tests.releases.make`.

A real site on each kind of database runs each workflow once, gets a bit of everything, answers what
there is, and is dumped. What is secret in the dumps is left out, though it is good for nothing.
"""

import argparse
import gzip
import json
import logging
import re
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from socket import gethostname
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from sqlalchemy import select, update
from temporalio.client import WorkflowHistory

from deploy import protos
from deploy.releases import (
    ANSWERS,
    DATABASES,
    DESCRIPTORS,
    HISTORIES,
    KINDS,
    RELEASES,
    Release,
    releases,
    version_here,
)
from mulligan import events
from mulligan.database import Database
from mulligan.iam import keys, sign_ins, tokens
from mulligan.iam.tables import SignInSession, TokenKey
from mulligan.migrations import migrate
from mulligan.tables import METADATA
from tests.databases import PostgreSQL
from tests.fakes.place import Place
from tests.fakes.site import LONG, QUICK_PASSWORDS, Site
from tests.releases import secrecy
from tests.releases.answers import PAGE, ask
from tests.releases.dumps import dump
from tests.releases.everything import add_everything
from tests.workflows.test_replay import RUNS, histories_of

ROOT = Path(__file__).resolve().parents[2]


def make(folder: Path) -> None:
    """Fill the folder of a release.

    Raises:
        ValueError: something would not be tried, or a secret or this machine be told; says what.
    """
    _write(folder / DESCRIPTORS, protos.descriptors().SerializeToString())
    folder.joinpath(HISTORIES).mkdir()
    with pytest.MonkeyPatch.context() as patch:
        # As in tests: passwords that nobody guesses, and tokens that are good until the end.
        patch.setattr(sign_ins, "hasher", QUICK_PASSWORDS)
        patch.setattr(tokens, "LONGEST", LONG)
        with ThreadPoolExecutor() as pool:
            list(pool.map(partial(_make_site, folder), KINDS))
    if told := secrecy.told(folder, (str(ROOT), f"@{gethostname()}")):
        raise ValueError(f"nobody may read {'; '.join(told)}")
    made = Release(folder)
    made.seal(made.before(releases()))


def _make_site(folder: Path, kind: str) -> None:
    with TemporaryDirectory() as at, _databases(kind) as databases:
        site = Site(databases["site"], databases["iam"], Path(at))
        with site.running():
            for run in RUNS:
                histories = histories_of(place := Place(site), run(place))
                _let_nothing_start(place)
                if kind == KINDS[0]:
                    _keep_histories(folder / HISTORIES, run.__name__, histories)
            add_everything(Place(site))
            answers = ask(site.admin)
        _refuse_empty_answers(answers)
        _keep_published_keys(databases)
        _leave_secrets_out(databases["iam"])
        _refuse_empty_tables(databases.values())
        for name, database in databases.items():
            _write(folder / kind / f"{name}.sql.gz", dump(database).encode())
    _write(folder / kind / ANSWERS, json.dumps(answers).encode())


@contextmanager
def _databases(kind: str) -> Iterator[Mapping[str, Database]]:
    """Empty ones with all tables, made by migrations."""
    with ExitStack() as stack:
        if kind == "sqlite":
            folder = stack.enter_context(TemporaryDirectory())
            urls = {name: f"sqlite:///{folder}/{name}.sqlite" for name in DATABASES}
        else:
            server = PostgreSQL()
            server.start()
            stack.callback(server.stop)
            for name in DATABASES:
                server.administer(f"CREATE DATABASE {name}")
            urls = {name: server.url(name).render_as_string() for name in DATABASES}
        databases = {name: Database(url, pool_size=32) for name, url in urls.items()}
        for database in databases.values():
            stack.callback(database.close)
            migrate(database)
            events.record(database)
        yield databases


def _let_nothing_start(place: Place) -> None:
    """Cancel what a run has reserved: nothing goes on in a database that is loaded years later."""
    project = {"project": place.project}
    for series in place.member.ListReservationSeries(**project, page=PAGE).series:
        place.member.EndReservationSeries(**project, id=series.metadata.id)
    for reservation in place.member.ListReservations(**project, page=PAGE).reservations:
        place.member.CancelReservation(**project, id=reservation.metadata.id)


def _keep_histories(folder: Path, name: str, histories: Sequence[WorkflowHistory]) -> None:
    """Write each run of a workflow into a file of its own."""
    for number, history in enumerate(histories, start=1):
        number_there = f".{number}" if len(histories) > 1 else ""
        folder.joinpath(f"{name}{number_there}.json").write_text(_anonymous(history.to_json()))


def _anonymous(history: str) -> str:
    """Write a history without the names of the machine that ran it."""
    text = json.dumps(json.loads(history), indent=1).replace(f"{ROOT}/", "")
    return re.sub(rf"\b\d+@{re.escape(gethostname())}", "worker", text) + "\n"


def _keep_published_keys(databases: Mapping[str, Database]) -> None:
    """Write down iam's keys, as a site does whose iam is elsewhere."""
    now = datetime.now(UTC)
    published = databases["iam"].read(lambda session: keys.public_keys(session, now))
    databases["site"].write(lambda session: keys.keep_published(session, published.values()))


def _refuse_empty_tables(databases: Collection[Database]) -> None:
    """Each table has rows in one of the databases: on others no migration would be tried.

    Raises:
        ValueError: one has none; the name is said.
    """
    with ExitStack() as stack:
        connections = [stack.enter_context(one.engine.connect()) for one in databases]
        for table in METADATA.sorted_tables:
            rows = select(table).limit(1)
            if not any(one.execute(rows).all() for one in connections):
                raise ValueError(
                    f"no rows in {table.name}; add some in tests/releases/everything.py"
                )


def _refuse_empty_answers(answers: Collection[Mapping[str, Any]]) -> None:
    """Each method tells of something: of others nothing would be compared.

    Raises:
        ValueError: one never does; the name is said.
    """
    told = {one["method"] for one in answers if one["answer"]}
    if silent := {one["method"] for one in answers} - told:
        raise ValueError(
            f"{', '.join(sorted(silent))} told of nothing; add some in "
            "tests/releases/everything.py, or ask otherwise in answers.py"
        )


def _leave_secrets_out(iam: Database) -> None:
    """Take out the keys that sign, which a service makes anew, and what refresh tokens are from."""
    erased = update(TokenKey).values(private_key="", retires_at=TokenKey.created_at)
    iam.write(lambda session: session.execute(erased))
    iam.write(lambda session: session.execute(update(SignInSession).values(secret=bytes(32))))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, mtime=0))


def main() -> int:
    """Make the folder of this version, if it isn't there."""
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    parser.add_argument(
        "--again",
        action="store_true",
        help="replace what is there: only before anybody has got that version",
    )
    again = parser.parse_args().again
    folder = RELEASES / version_here()
    if folder.exists() and not again:
        print(
            f"{folder.name} is released; say the next version in pyproject.toml, or, if nobody has "
            "got it, `make release ARGS=--again`",
            file=sys.stderr,
        )
        return 1
    logging.disable(logging.WARNING)  # Hardware that fails on purpose is told with tracebacks.
    with TemporaryDirectory() as made:
        make(Path(made, folder.name))
        if folder.exists():
            shutil.rmtree(folder)
        shutil.copytree(Path(made, folder.name), folder)
    print(f"{folder.relative_to(ROOT)} is made")
    return 0


if __name__ == "__main__":
    sys.exit(main())
