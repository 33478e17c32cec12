"""Calls that go straight to the site that answers them: by region, by object, or to all of them.

What leads to a site stands in gen/methods.py. A region leads to its site. Of an object it is
remembered which site had it; else all are asked for its name, or in turn for itself, and what none
has is not there. A list that nothing leads goes on from site to site. A claim for a region "or
below" is tried at each site that has some of them, until one has capacity.

A change is done once: where its answer was lost it goes nowhere but to that site again, with the
same request id.
"""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from mulligan_client import site_errors
from mulligan_client.ask_sites import Asked, answered, ask_all, first
from mulligan_client.catalogue import Catalogue, OneSite, Site, is_silent
from mulligan_client.errors import AWAY, MulliganCallError
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.leads import (
    Lead,
    absent,
    has_pages,
    is_batch,
    is_of_installation,
    is_of_many,
    is_or_below,
    lead_of,
)
from mulligan_client.methods import Method, Retry
from mulligan_client.or_below import claim_below, earliest, is_sent
from mulligan_client.reach import HURRIED_S, Reach
from mulligan_client.routed_stream import Place, RoutedStream
from mulligan_client.site_batches import each_once, part_of, put_together
from mulligan_client.site_errors import NOT_HERE
from mulligan_client.site_pages import is_of_sites, order_of, page_after_page, page_in_order
from mulligan_client.transport import Calls, Stream, delays, with_request_id
from mulligan_client.whereabouts import EVERYWHERE, Whereabouts

NEWS_AFTER_S = 5.0
"""What no site has may be at a new one, if the catalogue is older."""

Answer = TypeVar("Answer", bound=Message)
Refusal = tuple[Site, MulliganCallError]
Away = Callable[[Site, MulliganCallError], None]
"""Told which site a list has nothing of, and why."""

Below = Callable[[str], set[str]]
"""Gives a region (UUID) and all below it that the caller sees."""


@dataclass(frozen=True)
class _Call:
    """One call, wherever its request goes."""

    method: Method
    answer: type[Any]
    timeout: float | None
    # Whether the caller gave its request id, and so may make it again in another process.
    has_own_id: bool


class RoutedCaller:
    """Calls a service at the site, or the sites, that a request is for."""

    def __init__(
        self,
        service: str,
        catalogue: Catalogue,
        whereabouts: Whereabouts,
        reach: Reach,
        *,
        below: Below,
        at: Callable[[str, int], Calls],
        with_ids: Callable[[Method, Any], Any],
        locate: Callable[[Iterable[str]], object],
        away: Away | None,
        attempts: int = 4,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Get ready.

        Args:
            service: its noun.
            catalogue: tells the sites.
            whereabouts: remembers objects; of all services.
            reach: remembers addresses; of all services.
            below: reads the tree of regions.
            at: gives the caller of an address, of the client's own if it is empty, that tries so
                often; 0: as often as is usual.
            with_ids: puts ids in the place of names.
            locate: has all sites asked for objects, so that whereabouts notes where they are.
            away: told which sites a list lacks; without it such a list fails.
            attempts: how often a site without any address is looked for.
            pause: waits between.
        """
        self._service, self._open = service, at
        self._catalogue: Catalogue | OneSite = catalogue
        self._callers: dict[tuple[str, int], Calls] = {}
        self._whereabouts, self._reach, self._below = whereabouts, reach, below
        # Of request ids: apart, so that long lists don't push them out.
        self._sent = Whereabouts()
        self._with_ids, self._locate, self._away = with_ids, locate, away
        self._attempts, self._pause = attempts, pause

    def unary(
        self, method: Method, request: Message, answer: type[Answer], timeout: float | None
    ) -> Answer:
        """Make the call where it belongs.

        Raises:
            MulliganCallError: it failed, at each site that it may be for.
        """
        asked = with_request_id(request)
        call = _Call(method, answer, timeout, has_own_id=asked is request)
        began, sites = self._catalogue.now(), self._catalogue.sites()
        found: Answer
        try:
            found = self._routed(sites, call, asked)
        except MulliganCallError as error:
            # Nothing was done: the catalogue may have been too old.
            if not self._has_news(error, began, sites):
                raise
            found = self._routed(self._catalogue.sites(), call, asked)
        return found

    def stream(
        self, method: Method, request: Message, answer: type[Answer], timeout: float | None
    ) -> Stream[Answer]:
        """Start a stream at the site that it is for.

        Raises:
            MulliganCallError: nothing tells which of the sites that is.
        """
        began = self._catalogue.now()
        if len(self._catalogue.sites()) > 1:
            request = self._with_ids(method, request)
        sites = self._sites_of_stream(method, request)
        moved: list[str] = []

        def places() -> Iterator[Place]:
            unreached = yield from self._all_places(sites)
            if moved and self._catalogue.refresh(began):
                unreached = yield from self._all_places(self._sites_of_stream(method, request))
            if unreached:
                raise site_errors.together(unreached)

        def goes_on(error: MulliganCallError) -> bool:
            if error.code == site_errors.REGION_ELSEWHERE:
                moved.append(error.code)
                return True
            return error.grpc_status in NOT_HERE or error.code == site_errors.NO_CAPACITY

        def begin(calls: Calls) -> Stream[Answer]:
            return calls.stream(method, request, answer, timeout)

        return RoutedStream(method.path, places(), begin, self._reach, goes_on)

    def sites_of_watch(self, method: Method, request: Message) -> Sequence[Site]:
        """Give the sites that a watch is of: the one that has what it names, else all.

        Raises:
            MulliganCallError: it is not known which one has that.
        """
        sites = self._catalogue.sites()
        return self._sites_of_stream(method, request) if lead_of(method, request).ids else sites

    def at_site(self, site: Site) -> "RoutedCaller":
        """Give a caller of that site only, whatever the catalogue tells later."""
        there = copy(self)
        there._catalogue = OneSite(self._catalogue, site)
        return there

    def _sites_of_stream(self, method: Method, request: Message) -> Sequence[Site]:
        sites = self._catalogue.sites()
        if len(sites) == 1:
            return sites
        lead = lead_of(method, request)
        is_watch = method.name == "Watch"
        if not lead.ids:
            unclear = site_errors.which_watch(sites)
            raise unclear if is_watch else site_errors.which_site(method, sites)
        found = self._candidates(method, request, lead)
        if is_watch and len(found) > 1:
            # One of a site that does not have it would be silent for ever.
            raise site_errors.unknown_object(lead.ids[0], sites)
        return found

    def _all_places(self, sites: Sequence[Site]) -> Generator[Place, None, list[Refusal]]:
        """Give all addresses of sites; in the end, which of these have none."""
        unreached: list[Refusal] = []
        for site in sites:
            try:
                for address in self._places(site):
                    yield site, address, self._at(address)
            except MulliganCallError as error:
                unreached.append((site, error))
        return unreached

    def pages(self, call: Callable[[Any], Any], request: Any) -> Iterator[Any]:
        """Give one page of a list after the other."""
        return self._at("").pages(call, request)

    def translate(
        self, error: grpc.RpcError, method: str = "", request_id: str = ""
    ) -> MulliganCallError:
        """Put a gRPC error into words."""
        return self._at("").translate(error, method, request_id)

    def _at(self, address: str, attempts: int = 0) -> Calls:
        """Give the caller of an address, which knows the version there."""
        key = address, attempts
        if key not in self._callers:
            self._callers[key] = self._open(address, attempts)
        return self._callers[key]

    def _has_news(self, error: MulliganCallError, began: float, sites: Sequence[Site]) -> bool:
        """Read the catalogue again where it may be the reason for a refusal."""
        if error.code == site_errors.REGION_ELSEWHERE:
            return self._catalogue.refresh(began)
        if error.grpc_status != "NOT_FOUND" or not self._catalogue.refresh(began - NEWS_AFTER_S):
            return False
        return {one.id for one in self._catalogue.sites()} != {one.id for one in sites}

    def _routed(self, sites: Sequence[Site], call: _Call, request: Any) -> Any:
        def ask(site: Site, asked: Any, *, hurried: bool = False) -> Any:
            return self._ask(site, call, asked, hurried=hurried)

        method = call.method
        is_led = (has_pages(request) and is_of_sites(request)) or is_sent(request, self._sent)
        if len(sites) == 1 and not is_led:
            return ask(sites[0], request)
        request = self._with_ids(method, request)
        lead = lead_of(method, request)
        if is_batch(method):
            return self._batch(lead, request, ask, call.answer)
        if not (lead.ids or has_pages(request) or is_of_many(method, request)):
            raise site_errors.which_site(method, sites)
        found = self._candidates(method, request, lead)
        if has_pages(request):
            return self._page(found, method, request, ask, call.answer)
        if is_of_many(method, request):
            return each_once(request, self._merged(found, request, ask, call.answer))
        if method.name == "FindOpenings" and is_or_below(request):
            return self._openings(found, request, ask)
        if method.retry is Retry.READ:
            return first(found, request, ask, (*NOT_HERE, *AWAY))
        return self._changed(found, call, request, lead, ask)

    def _candidates(self, method: Method, request: Any, lead: Lead) -> Sequence[Site]:
        """Give the sites that a request may be for, the likeliest first."""
        sites = self._catalogue.sites()
        if lead.is_region:
            return self._serving(method, request, lead.ids)
        known = self._known(sites, lead.ids, locate=not is_of_many(method, request))
        if known and known <= {one.id for one in sites}:
            return [one for one in sites if one.id in known]
        if has_pages(request):
            return sites  # Its tokens are good for one order only.
        return sorted(sites, key=lambda one: one.id not in known)

    def _known(self, sites: Sequence[Site], ids: Iterable[str], *, locate: bool) -> set[str]:
        """Give the sites that objects are at; empty: of one it is not known."""
        there = {EVERYWHERE, *(one.id for one in sites)}
        if locate and (lost := [one for one in ids if self._whereabouts.of(one) not in there]):
            self._locate(lost)
        found = {self._whereabouts.of(one) for one in ids}
        return {one if one in there else "" for one in found}

    def _serving(self, method: Method, request: Any, regions: Sequence[str]) -> Sequence[Site]:
        """Give the sites that serve regions, or some below them if the request takes those."""
        began = self._catalogue.now()
        found = self._with(regions)
        if not found and self._catalogue.refresh(began):
            found = self._with(regions)
        if is_or_below(request):
            found += self._with({one for top in regions for one in self._below(top)})
        if not found and method.retry is not Retry.READ:
            raise site_errors.no_site(regions)
        return list({one.id: one for one in found}.values()) or self._catalogue.sites()

    def _with(self, regions: Iterable[str]) -> list[Site]:
        wanted = frozenset(regions)
        return [one for one in self._catalogue.sites() if one.regions & wanted]

    def _ask(self, site: Site, call: _Call, request: Any, *, hurried: bool) -> Any:
        """Call a site, at another of its addresses where one does not answer.

        One that is away is called once and not for long, if it is `hurried`.
        """
        hurried, timeout = hurried and self._reach.is_away(site), call.timeout
        if hurried:
            timeout = HURRIED_S if timeout is None else min(timeout, HURRIED_S)
        failure: MulliganCallError | None = None
        for address in self._places(site, hurried=hurried):
            try:
                caller = self._at(address, int(hurried))
                found = caller.unary(call.method, request, call.answer, timeout)
            except MulliganCallError as error:
                failure = error
                is_away = error.grpc_status == "UNAVAILABLE" and not error.of_renewal
                if not is_away or call.method.retry is Retry.NEVER:
                    break
                self._reach.failed(address)
            else:
                self._reach.answered(site, address)
                self._whereabouts.note(found, site)
                return found
        if failure is None:
            raise AssertionError("a site has an address, or that is said")
        if failure.grpc_status in AWAY and not failure.of_renewal:
            self._reach.lost(site)
            if failure.code == "UNAVAILABLE" and is_silent(
                self._catalogue.sites(), site, self._service
            ):
                raise site_errors.none_alive(site, self._service, failure)
        raise failure

    def _is_unlikely(self, site: Site) -> bool:
        """Whether a site is known not to answer, or nothing is known to call there."""
        return self._reach.is_away(site) or not site.addresses.get(self._service)

    def _places(self, site: Site, *, hurried: bool = False) -> Iterator[str]:
        """Give the addresses of a site: those that iam told of, then those that it knows since.

        Raises:
            MulliganCallError: it has none, after some waits for one to come back.
        """
        tried: list[str] = []
        waits = delays()
        for attempt in range(1 if hurried else self._attempts):
            if attempt:
                self._pause(next(waits))
            began = self._catalogue.now()
            for address in self._untried(site, tried):
                yield address
            if site.id and not hurried and self._catalogue.refresh(began):
                site = next((one for one in self._catalogue.sites() if one.id == site.id), site)
                for address in self._untried(site, tried):
                    yield address
            if tried:
                return
        raise site_errors.no_service(site, self._service)

    def _untried(self, site: Site, tried: list[str]) -> Iterator[str]:
        addresses = site.addresses.get(self._service, ()) if site.id else ("",)
        for address in self._reach.ordered(addresses):
            if address not in tried:
                tried.append(address)
                yield address

    def _changed(
        self,
        sites: Sequence[Site],
        call: _Call,
        request: Any,
        lead: Lead,
        ask: Callable[[Site, Any], Any],
    ) -> Any:
        """Change what is at one site, or at all of them."""
        if is_or_below(request):
            all_sites, own = self._catalogue.sites(), call.has_own_id
            sites = sites if own else sorted(sites, key=self._is_unlikely)
            return claim_below(sites, request, ask, self._sent, all_sites, has_own_id=own)
        if lead.is_region:
            return ask(sites[0], request)
        known = {self._whereabouts.of(one) for one in lead.ids} - {""}
        if len(known) > 1:
            raise site_errors.several_sites(call.method, lead.ids)
        if known == {EVERYWHERE}:
            # The same at each: the id keeps a retry from changing anything twice.
            return [ask(site, request) for site in sites][-1]
        # Only the site that has the object can have changed it.
        return first(sites, request, ask, (*NOT_HERE, "UNAVAILABLE"))

    def _batch(
        self,
        lead: Lead,
        request: Any,
        ask: Callable[[Site, Any], Answer],
        answer: type[Answer],
    ) -> Answer:
        """Read objects by their ids, each where it is."""
        sites = self._catalogue.sites()
        self._known(sites, lead.ids, locate=True)
        where = {one: self._whereabouts.of(one) for one in lead.ids}
        parts = [
            (site, part_of(request, ids))
            for site in sites
            if (ids := [one for one in lead.ids if where[one] == site.id])
        ]
        there = {site.id for site in sites}
        # Of the others each is looked for by itself: a batch is refused where one is missing.
        lost = [(sites[0], part_of(request, [one])) for one in lead.ids if where[one] not in there]

        def find(_: Site, one: Any) -> Answer:
            return first(sites, one, ask, (*NOT_HERE, *AWAY))

        found = [*ask_all(parts, ask), *ask_all(lost, find)]
        return put_together(request, [answered(one) for one in found], answer)

    def _merged(
        self,
        sites: Sequence[Site],
        request: Any,
        ask: Callable[..., Answer],
        answer: type[Answer],
    ) -> Answer:
        """Ask all sites about objects; one that is away matters if some were found nowhere."""
        asked = [(one, request) for one in sites]
        merged, failures = answer(), []
        steps = [asked]
        if is_of_installation(request):
            # Every site has it: it is looked for at one after the other, until it is found.
            steps = [[one] for one in sorted(asked, key=lambda one: self._reach.is_away(one[0]))]
        for step in steps:
            for (site, _), found in zip(
                step, ask_all(step, partial(ask, hurried=True)), strict=True
            ):
                if not isinstance(found, MulliganCallError):
                    merged.MergeFrom(found)
                elif found.grpc_status in (*AWAY, *NOT_HERE):
                    failures.append((site, found))
                else:
                    raise found
            if not absent(request, merged):
                return merged
        if len(failures) == len(sites):
            raise site_errors.together(failures)
        if len(steps) == 1:
            self._tell(failures)
        return merged

    def _page(
        self,
        sites: Sequence[Site],
        method: Method,
        request: Any,
        ask: Callable[..., Answer],
        answer: type[Answer],
    ) -> Answer:
        """Give a page of a list that one site has, or several."""
        if is_of_sites(request):
            sites = self._catalogue.sites()  # Where it began, more may have been asked than now.
        if len(sites) == 1 and not is_of_sites(request):
            return ask(sites[0], request)
        failures: list[tuple[Site, MulliganCallError]] = []

        def pages_of(asked: Sequence[Asked]) -> Sequence[Answer | None]:
            pages: list[Answer | None] = []
            for (site, _), page in zip(
                asked, ask_all(asked, partial(ask, hurried=True)), strict=True
            ):
                if isinstance(page, MulliganCallError):
                    failures.append((site, page))
                pages.append(None if isinstance(page, MulliganCallError) else page)
            return pages

        order = order_of(method, request)
        if order:
            made = page_in_order(sites, request, pages_of, answer, order)
        else:
            made = page_after_page(sites, request, lambda *one: pages_of([one])[0], answer)
        if len(failures) == len(sites):
            raise site_errors.together(failures)
        self._tell(failures)
        return made

    def _openings(
        self, sites: Sequence[Site], request: Any, ask: Callable[..., Any]
    ) -> resource_pb2.FindOpeningsResponse:
        """Give the earliest of what all sites have."""
        asked = [(one, request) for one in sites]
        found, failures = [], []
        for site, one in zip(sites, ask_all(asked, partial(ask, hurried=True)), strict=True):
            if not isinstance(one, MulliganCallError):
                found.append(one)
            else:
                failures.append((site, one))
        if not found:
            raise site_errors.together(failures)
        self._tell([one for one in failures if one[1].code != site_errors.NO_CAPACITY])
        return earliest(found, request.limit)

    def _tell(self, failures: Iterable[tuple[Site, MulliganCallError]]) -> None:
        """Tell which sites something was not read of; those that have nothing of it aside."""
        for site, error in failures:
            if error.grpc_status in NOT_HERE:
                continue
            if self._away is None or error.of_renewal or error.grpc_status not in AWAY:
                raise error
            self._away(site, error)
