"""What Mulligan takes and does while nobody asks for anything."""

import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure, NotMeasuredError, Size, Target
from bench.site import Site, running_site
from deploy.lab import VirtualServers, some_servers
from tests.databases import PostgreSQL
from tests.e2e import processes

STATEMENT = re.compile(r"LOG:  (?:statement|execute [^:]+): ")
LIBVIRT_CALL = re.compile(r" : vir[A-Z]\w+:\d+ : ")
TEMPORAL = "temporal"
PROCESSES_WITH_DATABASE = 2
"""Services and control worker."""


def memory(size: Size) -> Iterator[Figure]:
    """Add up the memory of `mulligan up` but for Temporal, with a host and a server, when idle.

    PSS: what several processes share is divided among them. libvirt's daemon is counted. RSS,
    which counts what is shared for each, stands beside it. During the same time calls of libvirt's
    API are counted in the log that its library writes in each process of ours and in its daemon,
    and requests in that of the Redfish service.
    """
    with tempfile.TemporaryDirectory(prefix="bench-lab", dir="/tmp") as folder:
        calls_file = Path(folder) / "libvirt.log"
        log = {
            "LIBVIRT_LOG_FILTERS": "1:libvirt",
            "LIBVIRT_LOG_OUTPUTS": f"1:file:{calls_file}",
        }
        with (
            running_site(environment=log) as site,
            VirtualServers(Path(folder) / "lab", site.libvirt_uri, some_servers(1)) as lab,
        ):
            site.add_host("qemu:///session")
            site.enrol(lab, lab.servers[0])
            requests_file = Path(folder) / "lab" / "emulator.log"
            before = _calls(calls_file), _requests(requests_file)
            if not all(before):
                raise NotMeasuredError(f"libvirt and Redfish log nothing to be counted: {before}")
            time.sleep(size.idle_s)
            calls = _calls(calls_file) - before[0]
            requests = _requests(requests_file) - before[1]
            sizes = _memory(site)
    most = Target("at most", value=0)
    yield Figure(
        "api",
        "idle_memory",
        "MB of PSS",
        sum(pss for pss, _ in sizes.values()),
        target=Target("at most", value=400),
        remark=", ".join(f"{name} {pss:.0f}" for name, (pss, _) in sorted(sizes.items())),
    )
    yield Figure("api", "idle_memory_rss", "MB of RSS", sum(rss for _, rss in sizes.values()))
    yield Figure("metal", "idle_libvirt_calls", "calls", calls, target=most)
    yield Figure("metal", "idle_redfish_requests", "requests", requests, target=most)


def statements(size: Size) -> Iterator[Figure]:
    """Count what is sent to PostgreSQL when `mulligan up` with a host is idle, from its own log."""
    server = PostgreSQL()
    server.start()
    try:
        for name in ("bench_site", "bench_iam"):
            server.administer(f"CREATE DATABASE {name}")
        server.administer("ALTER SYSTEM SET log_statement = 'all'")
        server.administer("SELECT pg_reload_conf()")
        urls = [server.url(name).render_as_string() for name in ("bench_site", "bench_iam")]
        with running_site("--database-url", urls[0], "--iam-database-url", urls[1]) as site:
            site.add_host("test:///default")
            log = server.folder / "log"
            before = _statements(log)
            if not before:
                raise NotMeasuredError("PostgreSQL logs no statement")
            time.sleep(size.idle_s)
            count = _statements(log) - before
    finally:
        server.stop()
    yield Figure(
        "api",
        "idle_statements",
        "statements/min a process",
        count / PROCESSES_WITH_DATABASE / (size.idle_s / 60),
        target=Target("at most", value=1),
    )


def _memory(site: Site) -> dict[str, tuple[float, float]]:
    """Read PSS and RSS of each process, in MB, by what it is."""
    names = {pid: role for role, pid in site.serving().items()}
    found: dict[str, tuple[float, float]] = {}
    for pid, name in processes.naming(site.folder).items():
        if name == TEMPORAL:
            continue
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 / 1e6 for line in lines}
        found[names.get(pid, name)] = sizes["Pss"], sizes["Rss"]
    return found


def _calls(log: Path) -> int:
    return len(LIBVIRT_CALL.findall(log.read_text(errors="replace"))) if log.exists() else 0


def _requests(log: Path) -> int:
    return log.read_text(errors="replace").count(" HTTP/1")


def _statements(log: Path) -> int:
    return len(STATEMENT.findall(log.read_text(errors="replace")))
