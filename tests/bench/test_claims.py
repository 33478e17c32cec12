"""What is asked for the figures of claims and reservations, a few times each, without the peers."""

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs

import grpc
import pytest
from sqlalchemy import URL

from bench import reservations
from bench.asking import Answers, Ask, asked
from bench.figures import Size
from bench.fleets import (
    CLAIM,
    SEARCHES,
    TREE_CLAIM,
    Member,
    hosts,
    hot_claim,
    hot_host,
    provider_id,
    trees,
)
from bench.own_fleet import (
    Bookings,
    Claims,
    Openings,
    Region,
    Searches,
    register_names,
)
from bench.placement import query_of
from bench.raw_limit import raw_limit
from mulligan.database import Database
from mulligan_client.client import Client
from mulligan_client.gen.services import ResourceService
from mulligan_client.transport import Caller
from tests.fakes.place import Place, on_sqlite

SMALL = Size(booked_hosts=2, bookings=56)
"""As many bookings of a server as there are half days: the gaps are longer than what is asked."""


@dataclass(frozen=True)
class Nearby(Region):
    """A region of a site that listens on a socket's path."""

    token: str = ""

    def client(self) -> Client:
        """Sign in by that path."""
        client = Client("localhost:1", token=self.token)
        signed = Caller(
            "here",
            grpc.insecure_channel(self.address),
            tokens=client,
            timeout_s=30,
            attempts=1,
            pause=lambda _: None,
        )
        client.resource = ResourceService(signed)
        return client


@pytest.fixture
def region(place: Place) -> Region:
    """A region of one's own."""
    token = place.operator.token
    return Nearby(place.site.address, "", place.project, place.region, token=token)


def said(ask: Ask) -> list[str]:
    """What two of them are answered."""
    return [ask(0), ask(1)]


@on_sqlite
def test_each_fleet_gives_what_is_asked_of_it(region: Region, place: Place) -> None:
    register_names(region.client())
    region.load(hosts(0, 600))
    region.load(hosts(600, 1_000))
    assert said(Claims(region, CLAIM)(0)) == ["", ""]
    assert said(Searches(region, SEARCHES)(0)) == ["", ""]
    region.load([hot_host("hot", 2)])
    hot = Claims(region, hot_claim("hot"))(0)
    assert [*said(hot), hot(2)] == ["", "", "NO_CAPACITY"]
    region.load(trees(2))
    assert said(Claims(region, TREE_CLAIM)(0)) == ["", ""]
    region.load([Member("server-0", {"SERVER": 1}), Member("server-1", {"SERVER": 1})])
    now = datetime.now(UTC)
    reservations.book(place.site.database.url, region, now, SMALL)
    assert said(Openings(region, 4, 20)(0)) == ["", ""]
    assert set(said(Bookings(region, now, 4, 20)(0))) <= {"", "NO_CAPACITY"}
    assert double_bookings(place.site.database) == 0


def double_bookings(database: Database) -> int:
    """Count them as the figure does."""
    with database.engine.connect() as connection:
        return int(connection.execute(reservations.DOUBLE).scalar_one())


def test_clients_ask_in_another_process(tmp_path: str) -> None:
    url = URL.create("sqlite", database=f"{tmp_path}/raw.sqlite")
    answers = raw_limit(url, rows=2, clients=2, seconds=0.2)
    assert answers.rate > 0
    assert not answers.others


def test_what_breaks_is_an_answer_that_is_not_counted_as_done() -> None:
    answers = asked(Broken(), clients=2, count=6)
    assert (len(answers.times), answers.rate, answers.others_share()) == (0, 0, 1)
    assert answers.others == {"ZeroDivisionError: division by zero": 6}


@dataclass(frozen=True)
class Broken:
    """Clients that can't ask."""

    def __call__(self, _: int) -> Ask:
        return lambda number: str(number / 0)


def test_percentiles_are_of_what_was_done() -> None:
    answers = Answers([number / 1000 for number in range(1, 101)], seconds=4)
    assert (answers.rate, answers.p50_ms) == (25, 50.5)
    assert answers.p99_ms == pytest.approx(99.01)


def test_placement_is_asked_for_the_same() -> None:
    query = parse_qs(query_of(TREE_CLAIM, 10).partition("?")[2])
    assert query["resources_CELL"] == ["VCPU:1"]
    assert query["required_GPU"] == ["CUSTOM_GPU_A100"]
    assert query["same_subtree"] == ["_CELL,_GPU"]
    hot = parse_qs(query_of(hot_claim("hot"), 10).partition("?")[2])
    assert hot == {"limit": ["10"], "resources": ["VCPU:1"], "in_tree": [provider_id("hot")]}
