"""A watch of one site: it stays there, and is taken up where it broke."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mulligan_client.errors import MulliganCallError
from mulligan_client.gen import methods
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.methods import Method
from mulligan_client.site_watch import SiteWatch
from mulligan_client.transport import TOKEN_EXPIRED
from tests.client.sites import NORTH, OTHER, TWO, World, error, site


class Told:
    """A stream of changes, and what ends it."""

    def __init__(self, *told: int | MulliganCallError) -> None:
        self._told = told

    def __iter__(self) -> Iterator[common_pb2.Event]:
        for one in self._told:
            if isinstance(one, MulliganCallError):
                raise one
            yield common_pb2.Event(revision=one)

    def cancel(self) -> None:
        """End it."""


class Tokens:
    """Gives a token; a renewal fails as the test says."""

    def __init__(self, *fails: MulliganCallError) -> None:
        self._fails = list(fails)

    def fresh(self) -> str:
        return "token"

    def renew(self, ended: str) -> bool:
        if self._fails:
            raise self._fails.pop()
        return True


Streams = Callable[..., World]


@pytest.fixture
def streams() -> Streams:
    """Make a world of one site whose watches are what is given, one after the other."""

    def make(*told: Told) -> World:
        left = list(told)

        def do(address: str, method: Method, request: Any) -> Told:
            return left.pop(0)

        return World(TWO[0], do=do)

    return make


def watch(world: World, *, timeout_s: float | None = None, tokens: Tokens | None = None) -> Any:
    caller, request = world.caller(), common_pb2.WatchRequest(after_revision=3)
    [there] = caller.sites_of_watch(methods.CONTROL_WATCH, request)
    return iter(
        SiteWatch(
            caller.at_site(there),
            methods.CONTROL_WATCH,
            request,
            tokens or Tokens(),
            is_over=lambda: False,
            pause=lambda _: None,
            timeout_s=timeout_s,
        )
    )


def test_a_watch_stays_at_its_site_whoever_comes_and_ends_when_that_goes(streams: Streams) -> None:
    world = streams(Told(4), Told(5), Told(6))
    events = watch(world)
    assert next(events).revision == 4
    world.told = TWO
    world.now += 61
    assert next(events).revision == 5
    world.told = (site("another", OTHER, regions=("north",)),)
    world.now += 61
    with pytest.raises(MulliganCallError, match="there is no site north"):
        next(events)
    assert world.addresses == [NORTH, NORTH]


@pytest.mark.parametrize("timeout_s", [None, 3600.0])
def test_a_server_that_was_too_slow_does_not_end_a_watch(
    streams: Streams, timeout_s: float | None
) -> None:
    slow = error("DEADLINE_EXCEEDED")
    events = watch(streams(Told(4, slow), Told(slow), Told(5)), timeout_s=timeout_s)
    assert [next(events).revision for _ in range(2)] == [4, 5]


def test_a_watch_ends_when_its_time_is_over(streams: Streams) -> None:
    assert list(watch(streams(Told(4, error("DEADLINE_EXCEEDED"))), timeout_s=0.0)) == []


@pytest.mark.parametrize("status", ["UNAVAILABLE", "DEADLINE_EXCEEDED"])
def test_a_watch_waits_for_an_iam_that_does_not_renew_its_token(
    streams: Streams, status: str
) -> None:
    ended = error("UNAUTHENTICATED", TOKEN_EXPIRED)
    world = streams(Told(4, ended), Told(ended), Told(5))
    events = watch(world, tokens=Tokens(error(status)))
    assert [next(events).revision for _ in range(2)] == [4, 5]
