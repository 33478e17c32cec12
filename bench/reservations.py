"""Reserving whole servers in a calendar that is full of bookings, beside Blazar's own code."""

import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID

from sqlalchemy import URL, create_engine, insert, text

from bench.asking import asked
from bench.claims_site import on_postgresql
from bench.figures import Figure, NotMeasuredError, Size, Target
from bench.fleets import Member, provider_id
from bench.own_fleet import Bookings, Openings, Region, region_of
from bench.peers import installed
from bench.raw_limit import raw_limit
from mulligan.resource.claim_changes import confirm
from mulligan.resource.occupation import occupation_of
from mulligan.resource.requests import ClaimRequest
from mulligan.resource.tables import AllocationRow, ClaimRow
from mulligan.values.amount import Amount
from mulligan.values.window import Window

CLIENTS = 4
HOURS, DAYS = 4, 28
LONGEST = 0.9
"""A booking takes up to so much of its slot, at random: about half of the time is booked."""

AT_ONCE = 5_000

DOUBLE = text("""
SELECT count(*) FROM allocations a JOIN allocations b ON a.provider = b.provider
    AND a.claim < b.claim AND a.resource_type = 'SERVER' AND b.resource_type = 'SERVER'
    AND a.acquire_at < b.release_at AND b.acquire_at < a.release_at
""")
"""Pairs of bookings of one server at the same time."""


def reservations(size: Size) -> Iterator[Figure]:
    """Reserve servers for four hours of the four weeks ahead; ask when one is free for as long.

    Every server is booked for half of these weeks already, in many short bookings, which are
    written to the database before anybody asks. Blazar's code reserves in process, one after
    another, on SQLite and on a calendar that is empty, which is its best case.
    """
    first = datetime.now(UTC).replace(second=0, microsecond=0)
    with on_postgresql() as own:
        region = region_of(own.site, "reservations")
        region.load(_servers(size.booked_hosts))
        book(own.database, region, first, size)
        openings = asked(Openings(region, HOURS, DAYS), clients=1, count=size.searches // 4)
        ours = asked(Bookings(region, first, HOURS, DAYS), clients=CLIENTS, seconds=size.claims_s)
        double = own.number(DOUBLE)
        limit = raw_limit(
            own.database, rows=size.booked_hosts, clients=CLIENTS, seconds=size.claims_s / 4
        )
    blazar, remark = _blazar(size)
    yield Figure(
        "reservations", "reserve", "reservations/s", ours.rate, peer="Blazar, empty calendar",
        peer_value=blazar, limit_value=limit.rate, target=Target("at least", ratio=100),
        remark=f"{remark} ours {ours}".strip(),
    )  # fmt: skip
    yield Figure("reservations", "double", "pairs", double, target=Target("at most", value=0))
    yield Figure(
        "reservations", "opening_p99", "ms", openings.p99_ms,
        target=Target("at most", value=20), remark=f"ours {openings}",
    )  # fmt: skip


def _servers(count: int) -> Iterator[Member]:
    for number in range(count):
        yield Member(f"server-{number}", {"SERVER": 1})


def book(database: URL, region: Region, first: datetime, size: Size) -> None:
    """Write bookings of all servers, with gaps at random between them."""
    random = Random(5)
    each = size.bookings // size.booked_hosts
    slot = timedelta(days=DAYS) / each
    claims, allocations = [], []
    for server in range(size.booked_hosts):
        for number in range(each):
            share = random.uniform(0.1, LONGEST)
            begins = first + slot * (number + random.uniform(0, 1 - share))
            window = Window(begins, begins + share * slot)
            claim = _booking(UUID(int=random.getrandbits(128), version=4), region, first, window)
            claims.append(claim)
            allocations.append({
                **occupation_of(claim), "claim": claim.id, "amount": 1, "margin_s": 0,
                "provider": provider_id(f"server-{server}"), "resource_type": "SERVER",
                "alone": False,
            })  # fmt: skip
    engine = create_engine(database)
    columns = [column.key for column in ClaimRow.__table__.columns]
    with engine.begin() as connection:
        for start in range(0, len(claims), AT_ONCE):
            rows = [
                {c: getattr(one, c) for c in columns} for one in claims[start : start + AT_ONCE]
            ]
            connection.execute(insert(ClaimRow), rows)
            connection.execute(insert(AllocationRow), allocations[start : start + AT_ONCE])
        connection.execute(text("ANALYZE"))
    engine.dispose()


def _booking(number: UUID, region: Region, now: datetime, window: Window) -> ClaimRow:
    request = ClaimRequest.for_one_provider((Amount("SERVER", 1),), window, region.region)
    row = ClaimRow(
        id=str(number), project=region.project, region=region.region, spec=request.as_json(),
        acquire_at=window.acquire_at, planned_release_at=window.release_at, created_at=now,
        generation=1,
    )  # fmt: skip
    confirm(row, now)
    return row


def _blazar(size: Size) -> tuple[float | None, str]:
    program = Path(__file__).with_name("blazar_reserve.py")
    try:
        # Its plugins look for pkg_resources, which newer ones of setuptools have no more.
        python = installed("Blazar", "bin/blazar-manager", "blazar", "setuptools<81") / "python"
        with tempfile.TemporaryDirectory(prefix="bench-blazar", dir="/tmp") as folder:
            counts = (size.booked_hosts, round(size.claims_s), HOURS, DAYS)
            done = subprocess.run(
                [python, program, f"{folder}/blazar.sqlite", *map(str, counts)],
                capture_output=True, text=True, check=False, timeout=300,
            )  # fmt: skip
        if done.returncode:
            raise NotMeasuredError(f"Blazar failed: {done.stderr.strip()[-500:]}")
    except (NotMeasuredError, subprocess.TimeoutExpired) as error:
        return None, str(error)
    count, seconds = done.stdout.split()[-2:]
    return int(count) / float(seconds), ""
