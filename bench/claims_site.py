"""A Mulligan on PostgreSQL or SQLite for figures of claims, and the peers beside it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, TextClause, create_engine

from bench.figures import NotMeasuredError
from bench.own_fleet import register_names
from bench.placement import Placement
from bench.site import Site, running_site
from tests.databases import PostgreSQL
from tests.e2e import processes

SERVICE_PROCESSES = 2
"""Of Mulligan's services on PostgreSQL: as many as there are cores; Placement has four."""

SAFE = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "autovacuum": "on",
    "shared_buffers": "256MB",
}
"""PostgreSQL as it is run: what was committed stays whatever happens."""


@dataclass(frozen=True)
class ClaimsSite:
    """A running installation, its database, and the server of that, if it has one."""

    site: Site
    database: URL
    server: PostgreSQL | None

    def number(self, query: TextClause, **values: object) -> int:
        """Read a number from the database."""
        engine = create_engine(self.database)
        with engine.connect() as connection:
            found = connection.execute(query, values).scalar_one()
        engine.dispose()
        return int(found)

    def memory_mb(self) -> float:
        """Read what the largest process of the services has of memory (RSS), in MB."""
        sizes = [_rss_mb(pid) for pid in processes.naming(self.site.folder) if _serves(pid)]
        return max(sizes)

    @contextmanager
    def placement(self) -> Iterator[tuple[Placement | None, str]]:
        """Run Placement on a database of the same server, or say why it does not run."""
        with ExitStack() as stack:
            url = None
            if self.server is not None:
                self.server.administer("CREATE DATABASE placement")
                url = self.server.url("placement")
            try:
                placement = stack.enter_context(Placement.running(url))
            except NotMeasuredError as error:
                yield None, str(error)
                return
            yield placement, ""


def _serves(pid: int) -> bool:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return b"serve" in words and b"resource" in words


def _rss_mb(pid: int) -> float:
    words = Path(f"/proc/{pid}/status").read_text().split()
    return int(words[words.index("VmRSS:") + 1]) * 1024 / 1e6


@contextmanager
def on_postgresql() -> Iterator[ClaimsSite]:
    """Run `mulligan up` on a PostgreSQL of its own that is as safe as it comes."""
    server = PostgreSQL(options=SAFE)
    server.start()
    try:
        for name in ("site", "iam"):
            server.administer(f"CREATE DATABASE {name}")
        urls = [server.url(name).render_as_string() for name in ("site", "iam")]
        more = ("--service-processes", str(SERVICE_PROCESSES))
        with running_site(
            *("--database-url", urls[0], "--iam-database-url", urls[1]), *more
        ) as site:
            register_names(site.client)
            yield ClaimsSite(site, server.url("site"), server)
    finally:
        server.stop()


@contextmanager
def on_sqlite() -> Iterator[ClaimsSite]:
    """Run `mulligan up` as it comes."""
    with running_site() as site:
        register_names(site.client)
        yield ClaimsSite(site, URL.create("sqlite", database=f"{site.state}/site.sqlite"), None)
