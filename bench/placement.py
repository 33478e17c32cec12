"""OpenStack's Placement as a peer: behind uwsgi with several processes, without Keystone.

The start of its fleet is loaded as its API has it, provider by provider; the rest is written to
its database, because only requests are measured on it.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Self
from urllib.parse import urlencode
from uuid import uuid4

import urllib3
from sqlalchemy import URL, Connection, create_engine, text

from bench.asking import Answers, Ask, Connect, asked
from bench.figures import NotMeasuredError
from bench.fleets import CAPABILITIES, Member, Wishes, provider_id, zone_name
from bench.peers import installed
from deploy.ports import free_port
from tests.e2e import processes

PROCESSES = 4
VERSION = "placement 1.39"
TYPES = {"MEMORY": "MEMORY_MB", "DISK": "DISK_GB"}
READY_LIMIT_S = 60
ATTEMPTS = 20
"""How often a client looks for candidates again because others were faster."""

CONFIGURATION = """
[api]
auth_strategy = noauth2
[placement_database]
connection = {url}
[placement]
randomize_allocation_candidates = true
"""
"""Candidates at random, so that clients get less in each other's way."""


class Placement:
    """One Placement in a folder of its own."""

    def __init__(self, programs: Path, folder: Path, url: URL) -> None:
        self._programs, self._folder = programs, folder
        self._url = url.set(drivername="postgresql+psycopg") if _on_postgresql(url) else url
        theirs = url.set(drivername="postgresql+psycopg2") if _on_postgresql(url) else url
        words = CONFIGURATION.format(url=theirs.render_as_string(hide_password=False))
        (folder / "placement.conf").write_text(words)
        self._environment = {**os.environ, "OS_PLACEMENT_CONFIG_DIR": str(folder)}
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    @contextmanager
    def running(cls, url: URL | None = None) -> Iterator[Self]:
        """Install it unless it is there, and run it on an empty database; SQLite without one.

        Raises:
            NotMeasuredError: it can't be installed or started.
        """
        programs = installed(
            "Placement", "bin/uwsgi", "openstack-placement==16.*", "uwsgi", "psycopg2-binary"
        )
        folder = Path(tempfile.mkdtemp(prefix="bench-placement", dir="/tmp"))
        url = url or URL.create("sqlite", database=str(folder / "placement.sqlite"))
        placement = cls(programs, folder, url)
        try:
            placement._synchronize()
            placement._start()
            yield placement
        finally:
            placement._kill()
            shutil.rmtree(folder)

    def load(self, members: Iterable[Member], *, clients: int) -> float:
        """Make providers as its API has it, four calls each; gives how long it took (s)."""
        call = Calls(self.port)
        for name in CAPABILITIES:
            call("PUT", f"traits/{name}")
        given = list(members)
        started = time.monotonic()
        with ThreadPoolExecutor(clients) as threads:
            list(threads.map(lambda one: _make(Calls(self.port), one), given))
        return time.monotonic() - started

    def write(self, members: Iterable[Member]) -> None:
        """Write providers to its database; their traits are known."""
        engine = create_engine(self._url)
        with engine.begin() as connection:
            _write(connection, list(members))
        engine.dispose()

    def asked(self, connect: Connect, *, clients: int, **how_long: Any) -> Answers:
        """Have clients ask it.

        Raises:
            NotMeasuredError: it does not run any more, so what they heard says nothing of it.
        """
        answers = asked(connect, clients=clients, **how_long)
        if self._process is None or self._process.poll() is not None or not self._is_ready():
            raise NotMeasuredError(f"Placement ended meanwhile: {self._last_words()}")
        return answers

    def used(self, name: str) -> int:
        """Read from its database what is used of a provider."""
        query = text(
            "SELECT coalesce(sum(used), 0) FROM allocations a JOIN resource_providers p "
            "ON p.id = a.resource_provider_id WHERE p.uuid = :provider"
        )
        engine = create_engine(self._url)
        with engine.connect() as connection:
            used = connection.execute(query, {"provider": provider_id(name)}).scalar_one()
        engine.dispose()
        return int(used)

    def _synchronize(self) -> None:
        configuration = str(self._folder / "placement.conf")
        command = [
            *(str(self._programs / "placement-manage"), "--config-file", configuration),
            *("db", "sync"),
        ]
        done = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise NotMeasuredError(f"Placement has no database: {done.stderr.strip()[-500:]}")

    def _start(self) -> None:
        command = [
            *(str(self._programs / "uwsgi"), "--http-socket", f"127.0.0.1:{self.port}"),
            *("--module", "placement.wsgi.api:application", "--virtualenv"),
            *(str(self._programs.parent), "--master", "--processes", str(PROCESSES)),
            *("--lazy-apps", "--need-app", "--die-on-term", "--disable-logging"),
            *("--buffer-size", "65535", "--listen", "100", "--add-header", "Connection: close"),
        ]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                command,
                env=self._environment,
                cwd=self._folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        give_up_at = time.monotonic() + READY_LIMIT_S
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                raise NotMeasuredError(f"Placement did not start: {self._last_words()}")
            time.sleep(0.1)

    def _last_words(self) -> str:
        return (self._folder / "log").read_text(errors="replace").strip()[-500:]

    def _is_ready(self) -> bool:
        try:
            # A list of some may fail with an error of its own (times without zone among others).
            found = Calls(self.port)("GET", "resource_providers?name=nobody")
            return found is not None
        except (urllib3.exceptions.HTTPError, NotMeasuredError):
            return False

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            children = processes.children(self._process.pid)
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            processes.wait_until_gone(*children)


class Calls:
    """One client of its API."""

    def __init__(self, port: int) -> None:
        self._http = urllib3.HTTPConnectionPool("127.0.0.1", port, retries=False, timeout=120)

    def __call__(self, method: str, path: str, body: object = None) -> Any:
        """Make a call that has to succeed; gives the answer's content, if there is any."""
        status, answer = self.ask(method, path, body)
        if status >= 300:
            raise NotMeasuredError(f"Placement answered {method} {path} with {status}: {answer}")
        return answer

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Make a call; gives the status and the content."""
        answer = self._http.request(
            method,
            f"/{path}",
            body=None if body is None else json.dumps(body),
            headers={
                "X-Auth-Token": "admin",
                "OpenStack-API-Version": VERSION,
                "Content-Type": "application/json",
            },
        )
        if answer.status >= 300:
            return answer.status, answer.data[:300]
        return answer.status, json.loads(answer.data) if answer.data else None


def query_of(wishes: Wishes, limit: int) -> str:
    """Say in its words what is asked for."""
    words: list[tuple[str, str]] = [("limit", str(limit))]
    for name, wish in wishes.items():
        suffix = f"_{name.upper()}" if name else ""
        amounts = ",".join(f"{TYPES.get(k, k)}:{amount}" for k, amount in wish.amounts.items())
        words.append((f"resources{suffix}", amounts))
        traits = [*wish.require, *(f"!{name}" for name in wish.forbid)]
        if traits:
            words.append((f"required{suffix}", ",".join(traits)))
        if wish.zone is not None:
            words.append((f"member_of{suffix}", zone_id(wish.zone)))
        if wish.provider:
            words.append((f"in_tree{suffix}", provider_id(wish.provider)))
    if len(wishes) > 1:
        names = ",".join(f"_{name.upper()}" for name in wishes)
        words += [("group_policy", "none"), ("same_subtree", names)]
    return f"allocation_candidates?{urlencode(words)}"


def zone_id(zone: int) -> str:
    """The UUID of the aggregate that stands for a zone."""
    return provider_id(zone_name(zone))


@dataclass(frozen=True)
class PeerClaims:
    """Clients who look for ten candidates and take one of them, again when others were faster."""

    port: int
    wishes: Wishes

    def __call__(self, number: int) -> Ask:
        """Connect one."""
        calls, random = Calls(self.port), Random(number)
        query = query_of(self.wishes, 10)

        def ask(_: int) -> str:
            for _ in range(ATTEMPTS):
                status, found = calls.ask("GET", query)
                if status != 200:
                    return f"GET {status}"
                if not found["allocation_requests"]:
                    return "NO_CAPACITY"
                body = {
                    **random.choice(found["allocation_requests"]),
                    "project_id": "bench",
                    "user_id": "bench",
                    "consumer_generation": None,
                    "consumer_type": "INSTANCE",
                }
                status, _ = calls.ask("PUT", f"allocations/{uuid4()}", body)
                if status == 204:
                    return ""
                if status != 409:
                    return f"PUT {status}"
            return "PUT 409"

        return ask


@dataclass(frozen=True)
class PeerSearches:
    """Clients who look for ten candidates."""

    port: int
    wishes: Sequence[Wishes]

    def __call__(self, _: int) -> Ask:
        """Connect one."""
        calls, queries = Calls(self.port), [query_of(one, 10) for one in self.wishes]

        def ask(number: int) -> str:
            found = calls("GET", queries[number % len(queries)])["allocation_requests"]
            return "" if len(found) == 10 else f"{len(found)} candidates"

        return ask


def _on_postgresql(url: URL) -> bool:
    return url.get_backend_name() == "postgresql"


def _make(call: Calls, one: Member) -> None:
    path = f"resource_providers/{one.id}"
    parent = provider_id(one.parent) if one.parent else None
    call("POST", "resource_providers", {
        "name": one.name, "uuid": one.id, "parent_provider_uuid": parent,
    })  # fmt: skip
    inventories = {
        TYPES.get(kind, kind): {"total": total, "allocation_ratio": one.ratio(kind)}
        for kind, total in one.amounts.items()
    }
    zones = [] if one.zone is None else [zone_id(one.zone)]
    generation = 0
    for name, content in (
        ("inventories", inventories),
        ("traits", one.capabilities),
        ("aggregates", zones),
    ):
        body = {"resource_provider_generation": generation, name: content}
        generation = call("PUT", f"{path}/{name}", body)["resource_provider_generation"]


def _write(connection: Connection, members: Sequence[Member]) -> None:
    """Write to the tables of Placement 16."""
    traits: dict[str, int] = dict(connection.execute(text("SELECT name, id FROM traits")).all())
    kinds: dict[str, int] = dict(
        connection.execute(text("SELECT name, id FROM resource_classes")).all()
    )
    first = connection.execute(text("SELECT coalesce(max(id), 0) FROM resource_providers"))
    ids = {one.id: number for number, one in enumerate(members, first.scalar_one() + 1)}
    tops: dict[str, int] = {}
    rows = []
    for one in members:
        parent = provider_id(one.parent) if one.parent else None
        tops[one.id] = tops[parent] if parent else ids[one.id]
        rows.append({
            "id": ids[one.id], "uuid": one.id, "name": one.name, "root": tops[one.id],
            "parent": ids[parent] if parent else None,
        })  # fmt: skip
    connection.execute(text(
        "INSERT INTO resource_providers (id, uuid, name, generation, root_provider_id, "
        "parent_provider_id) VALUES (:id, :uuid, :name, 0, :root, :parent)"
    ), rows)  # fmt: skip
    if _on_postgresql(connection.engine.url):
        connection.execute(text(
            "SELECT setval('resource_providers_id_seq', (SELECT max(id) FROM resource_providers))"
        ))  # fmt: skip
    connection.execute(text(
        "INSERT INTO inventories (resource_provider_id, resource_class_id, total, reserved, "
        "min_unit, max_unit, step_size, allocation_ratio) "
        "VALUES (:provider, :kind, :total, 0, 1, 2147483647, 1, :ratio)"
    ), [
        {"provider": ids[one.id], "kind": kinds[TYPES.get(kind, kind)], "total": total,
         "ratio": one.ratio(kind)}
        for one in members for kind, total in one.amounts.items()
    ])  # fmt: skip
    can = [
        {"provider": ids[one.id], "trait": traits[name]}
        for one in members
        for name in one.capabilities
    ]
    connection.execute(text(
        "INSERT INTO resource_provider_traits (resource_provider_id, trait_id) "
        "VALUES (:provider, :trait)"
    ), can)  # fmt: skip
    zones = {one.zone for one in members if one.zone is not None}
    if zones:
        _write_zones(connection, members, ids)


def _write_zones(connection: Connection, members: Sequence[Member], ids: dict[str, int]) -> None:
    found = connection.execute(text("SELECT uuid, id FROM placement_aggregates"))
    known: dict[str, int] = dict(found.all())
    given = {one.zone for one in members if one.zone is not None}
    for zone in sorted(given):
        if zone_id(zone) not in known:
            connection.execute(
                text("INSERT INTO placement_aggregates (uuid) VALUES (:uuid)"),
                {"uuid": zone_id(zone)},
            )
    known = dict(connection.execute(text("SELECT uuid, id FROM placement_aggregates")).all())
    connection.execute(text(
        "INSERT INTO resource_provider_aggregates (resource_provider_id, aggregate_id) "
        "VALUES (:provider, :zone)"
    ), [
        {"provider": ids[one.id], "zone": known[zone_id(one.zone)]}
        for one in members if one.zone is not None
    ])  # fmt: skip
