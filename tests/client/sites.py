"""Sites that answer as a test says: an iam that tells of them, and fakes for their addresses."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mulligan_client.catalogue import Catalogue
from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.methods import Method
from mulligan_client.reach import Reach
from mulligan_client.routing import RoutedCaller
from mulligan_client.transport import Target
from mulligan_client.whereabouts import Whereabouts

NORTH, SOUTH, OTHER = "http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3"
IAM = Target.parse("127.0.0.1:9")
Do = Callable[[str, Method, Any], Any]
"""Answers a request at an address."""


def site(
    name: str, *addresses: str, regions: tuple[str, ...] = (), alive: bool = True
) -> iam_pb2.Site:
    kinds = ("meta", "resource", "control")
    services = [
        iam_pb2.Service(id=one, site=name, kinds=kinds, address=one, alive=alive)
        for one in addresses
    ]
    return iam_pb2.Site(id=name, regions=regions or (name,), services=services)


TWO = (site("north", NORTH), site("south", SOUTH))


def error(status: str, code: str = "") -> MulliganCallError:
    return MulliganCallError(code or status, status, "as the test says")


class Calls:
    """What is called at one address."""

    def __init__(self, world: "World", address: str, attempts: int) -> None:
        self._world, self._address, self._attempts = world, address, attempts

    def unary(self, method: Method, request: Any, answer: Any, timeout: float | None) -> Any:
        asked = type(request)()
        asked.CopyFrom(request)
        self._world.calls.append((self._address, method.name, asked))
        self._world.attempts.append(self._attempts)
        found = self._world.do(self._address, method, request)
        return answer() if found is None else found

    def stream(self, method: Method, request: Any, answer: Any, timeout: float | None) -> Any:
        self._world.calls.append((self._address, method.name, request))
        return self._world.do(self._address, method, request)

    def pages(self, call: Any, request: Any) -> Iterator[Any]:
        raise AssertionError("the generated lists call it")

    def translate(self, error: Any, method: str = "", request_id: str = "") -> MulliganCallError:
        if said := getattr(error, "words", None):
            words: MulliganCallError = said
            return words
        return MulliganCallError(error.status, error.status, f"{self._address} failed")


class World:
    """An iam that tells of sites, and addresses that answer as `do` says; no time passes."""

    def __init__(self, *told: iam_pb2.Site, do: Do = lambda *_: None) -> None:
        self.told, self.do = told, do
        self.iam_fails: MulliganCallError | None = None
        self.calls: list[tuple[str, str, Any]] = []
        self.attempts: list[int] = []
        self.asked = 0
        self.now = 1000.0
        self.away: list[str] = []
        self.tree: dict[str, set[str]] = {}
        self.whereabouts = Whereabouts()

    def ask(self, waits: bool) -> iam_pb2.ListServicesResponse:
        self.asked += 1
        if self.iam_fails:
            raise self.iam_fails
        return iam_pb2.ListServicesResponse(sites=self.told)

    def caller(
        self, service: str = "control", *, only: str = "", tells: bool = False
    ) -> RoutedCaller:
        catalogue = Catalogue(self.ask, IAM, only, clock=lambda: self.now)
        return RoutedCaller(
            service,
            catalogue,
            self.whereabouts,
            Reach(lambda: self.now),
            below=lambda region: {region, *self.tree.get(region, ())},
            at=lambda address, attempts: Calls(self, address, attempts),
            with_ids=lambda _, request: request,
            locate=lambda _: None,
            away=(lambda site, _: self.away.append(site.id)) if tells else None,
            pause=lambda _: None,
        )

    @property
    def addresses(self) -> list[str]:
        return [address for address, _, _ in self.calls]


def refused(call: Callable[[], object]) -> MulliganCallError:
    with pytest.raises(MulliganCallError) as raised:
        call()
    return raised.value


def only_at(*addresses: str, status: str = "UNAVAILABLE") -> Do:
    """Answer at some addresses only."""

    def do(address: str, method: Method, request: Any) -> None:
        if address not in addresses:
            raise error(status)

    return do
