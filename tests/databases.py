"""Fixtures: a private PostgreSQL for the session, and a fresh database of each kind for a test."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, insert, text
from sqlalchemy.engine import URL

from mulligan import events
from mulligan.database import Base, Database
from mulligan.iam.tables import CopyRow
from mulligan.resource.standards import standard_rows

TEMPLATE = "mulligan_template"
OPTIONS = {
    "listen_addresses": "''",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "autovacuum": "off",
}
ROOM_BYTES = 4 << 30
"""For the databases of all tests at once, by far."""

_numbers = count(1)


class PostgreSQL:
    """A PostgreSQL server of our own on a Unix socket in a short folder.

    One that is `durable` keeps what was committed when it is killed (not when the machine is).
    `options` are put in the place of those of tests, which give up safety for speed.
    `parent` is the folder in which it makes its own.
    """

    def __init__(
        self,
        *,
        durable: bool = False,
        options: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        parent: str = "/tmp",
    ) -> None:
        self._environment = {**os.environ, **(environment or {})}
        self._options = OPTIONS | ({"synchronous_commit": "on"} if durable else {})
        self._options |= options or {}
        self.folder = Path(tempfile.mkdtemp(prefix="mpg", dir=parent))
        self.has_template = False
        self._programs = newest_programs()
        self._user = unprivileged_user()
        if self._user:
            shutil.chown(self.folder, self._user)

    def start(self) -> None:
        """Create the cluster and start the server."""
        self._run("initdb", "-D", self._cluster, "-U", "mulligan", "-A", "trust", "--no-sync",
                  "-E", "UTF8", "--locale=C")  # fmt: skip
        self.start_again()

    def start_again(self) -> None:
        """Start the server on the cluster that is there."""
        options = " ".join(f"-c {name}={value}" for name, value in self._options.items())
        self._run("pg_ctl", "-D", self._cluster, "-w", "-l", f"{self.folder}/log",
                  "-o", f"-k {self.folder} {options}", "start")  # fmt: skip

    def stop(self) -> None:
        """Stop the server and remove what it wrote."""
        self._run("pg_ctl", "-D", self._cluster, "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.folder)

    @property
    def pid(self) -> int:
        """The id of its first process."""
        return int(Path(self._cluster, "postmaster.pid").read_text().split()[0])

    @property
    def _cluster(self) -> str:
        return f"{self.folder}/cluster"

    def _run(self, program: str, *arguments: str) -> None:
        # To a file: the server inherits the output, and a pipe would never come to its end.
        with (self.folder / "output").open("a") as output:
            # Not subprocess's `user`: it forks, which gRPC's threads don't survive.
            as_user = ["setpriv", f"--reuid={self._user}", "--clear-groups"] if self._user else []
            command = [*as_user, str(self._programs / program), *arguments]
            done = subprocess.run(
                command,
                cwd="/",
                env=self._environment,
                stdout=output,
                stderr=output,
                check=False,
            )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {(self.folder / 'output').read_text()}")

    def url(self, name: str) -> URL:
        """The URL of one of its databases."""
        query = {"host": str(self.folder)}
        return URL.create("postgresql+psycopg", "mulligan", database=name, query=query)

    def administer(self, statement: str) -> None:
        """Run a statement such as CREATE DATABASE."""
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def create_database(self) -> str:
        """Create a database with all tables; give its name."""
        if not self.has_template:
            self.administer(f"CREATE DATABASE {TEMPLATE}")
            template = Database(self.url(TEMPLATE).render_as_string())
            create_tables(template)
            template.close()
            self.has_template = True
        name = f"test_{next(_numbers)}"
        # Before 15 there is one way only; by the log takes longer, as nothing is synced.
        version = int(Path(self._cluster, "PG_VERSION").read_text())
        strategy = "STRATEGY FILE_COPY" if version >= 15 else ""
        self.administer(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} {strategy}")
        return name


def quick_parent() -> str:
    """Where what tests write costs least: in memory if there is room, else on the disk."""
    in_memory = Path("/dev/shm")
    has_room = in_memory.is_dir() and shutil.disk_usage(in_memory).free > ROOM_BYTES
    return str(in_memory) if has_room else "/tmp"


def newest_programs() -> Path:
    """Find the folder with initdb and pg_ctl."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda f: int(f.parent.name))
    if folders:
        return folders[-1]
    found = shutil.which("pg_ctl")
    if found is None:
        raise RuntimeError("no PostgreSQL server here; install it: apt-get install postgresql")
    return Path(found).resolve().parent


def unprivileged_user() -> str | None:
    """Name the user as whom the server runs: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    users = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in users else "nobody"


def create_tables(database: Database) -> None:
    """Create all tables, the row that counts revisions, and the standard names."""
    Base.metadata.create_all(database.engine)
    with database.engine.begin() as connection:
        for table, rows in standard_rows().items():
            connection.execute(insert(table), rows)
        connection.execute(insert(events.Revision).values(id=1, value=0))
        connection.execute(insert(CopyRow).values(id=1, revision=0))


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQL]:
    """A private PostgreSQL that lives as long as the test session."""
    server = PostgreSQL(parent=quick_parent())
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def quick_folder() -> Iterator[Path]:
    """A folder for what tests write most, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="mq", dir=quick_parent()) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def new_sqlite(quick_folder: Path) -> Callable[[], Database]:
    """Makes SQLite databases with all tables, each in a folder of its own."""
    empty = quick_folder / "empty.sqlite"
    database = Database(f"sqlite:///{empty}")
    create_tables(database)
    database.close()

    def make() -> Database:
        folder = Path(tempfile.mkdtemp(dir=quick_folder))
        shutil.copy(empty, folder / "new.sqlite")
        return Database(f"sqlite:///{folder}/new.sqlite", pool_size=32)

    return make


@pytest.fixture
def sqlite_database(new_sqlite: Callable[[], Database]) -> Iterator[Database]:
    """A fresh SQLite database with all tables, whose transactions write their events."""
    database = new_sqlite()
    events.record(database)
    yield database
    database.close()
    shutil.rmtree(Path(str(database.engine.url.database)).parent)


@pytest.fixture
def postgresql_database(postgresql_server: PostgreSQL) -> Iterator[Database]:
    """A fresh PostgreSQL database with all tables, whose transactions write their events."""
    name = postgresql_server.create_database()
    database = Database(postgresql_server.url(name).render_as_string(), pool_size=32)
    events.record(database)
    yield database
    database.close()
    postgresql_server.administer(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """A fresh database, once of each kind."""
    found: Database = request.getfixturevalue(f"{request.param}_database")
    return found
