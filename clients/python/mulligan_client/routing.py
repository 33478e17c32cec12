"""Calls that go straight to the site that answers them: by region, by object, or to all of them.

What leads to a site stands in gen/methods.py. A region leads to its site. Of an object it is
remembered which site had it; else the sites are asked in turn, and what none has is not there. A
list that nothing leads goes on from site to site. A claim for a region "or below" is tried at each
site that has some of them, until one has capacity.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from mulligan_client.catalogue import Catalogue, Site
from mulligan_client.errors import MulliganCallError
from mulligan_client.methods import Method, Retry
from mulligan_client.paths import texts
from mulligan_client.transport import Calls, Stream, with_request_id

REMEMBERED = 10_000
"""Ids of which is known at which site they are."""

_ELSEWHERE = ("NOT_FOUND", "PERMISSION_DENIED", "UNAVAILABLE")
_NO_CAPACITY = "NO_CAPACITY"
_BETWEEN = "/"
Answer = TypeVar("Answer", bound=Message)
Away = Callable[[Site, MulliganCallError], None]
"""Told which site a list has nothing of, and why."""


Below = Callable[[str], set[str]]
"""Gives a region (UUID) and all below it that the caller sees."""


class Whereabouts:
    """Which site had an object when it was last seen; of the latest ones."""

    def __init__(self) -> None:
        self._sites: OrderedDict[str, str] = OrderedDict()

    def of(self, object_id: str) -> str:
        """Give a site's id; empty: it is not known."""
        return self._sites.get(object_id, "")

    def note(self, answer: Any, site: Site) -> None:
        """Remember what an answer is about: it, the objects in it, and their operations."""
        for one in _ids(answer):
            self._sites[one] = site.id
            self._sites.move_to_end(one)
        while len(self._sites) > REMEMBERED:
            self._sites.popitem(last=False)


def _ids(message: Any) -> Iterator[str]:
    for descriptor, value in message.ListFields():
        if descriptor.name in ("id", "operation", "object_id") and isinstance(value, str):
            yield value
        elif descriptor.message_type is None or descriptor.message_type.GetOptions().map_entry:
            continue
        elif descriptor.is_repeated:
            for one in value:
                yield from _ids(one)
        elif descriptor.name in ("metadata", "operation", "machine", "claim"):
            yield from _ids(value)


class RoutedCaller:
    """Calls a service at the site, or the sites, that a request is for."""

    def __init__(
        self,
        service: str,
        catalogue: Catalogue,
        whereabouts: Whereabouts,
        below: Below,
        *,
        at: Callable[[str], Calls],
        with_ids: Callable[[Method, Any], Any],
        away: Away | None,
    ) -> None:
        """Get ready; `at` gives the caller of an address, of iam's if it is empty."""
        self._service, self._catalogue, self._open = service, catalogue, at
        self._callers: dict[str, Calls] = {}
        self._whereabouts, self._below = whereabouts, below
        self._with_ids, self._away = with_ids, away

    def unary(
        self, method: Method, request: Message, answer: type[Answer], timeout: float | None
    ) -> Answer:
        """Make the call where it belongs.

        Raises:
            MulliganCallError: it failed, at each site that it may be for.
        """
        sites = self._catalogue.sites()
        if len(sites) == 1:
            return self._ask(sites[0], method, request, answer, timeout)
        request = with_request_id(self._with_ids(method, request))

        def ask(site: Site, asked: Message = request) -> Answer:
            return self._ask(site, method, asked, answer, timeout)

        if _is_of_all(method, request):
            return self._merged(sites, ask, answer)
        if not _leads(method, request)[1]:
            if "page" not in request.DESCRIPTOR.fields_by_name:
                raise _which_site(method, sites)
            return self._page(sites, ask, request, answer)
        return self._first(self._order(method, request), ask)

    def stream(
        self, method: Method, request: Message, answer: type[Answer], timeout: float | None
    ) -> Stream[Answer]:
        """Start a stream at the site that it is for.

        Raises:
            MulliganCallError: nothing tells which of the sites that is.
        """
        sites = self._catalogue.sites()
        if len(sites) > 1:
            request = self._with_ids(method, request)
            if not _leads(method, request)[1]:
                raise _which_site(method, sites)
            sites = self._order(method, request)
        address = next(iter(sites[0].addresses.get(self._service, ())), "")
        return self._at(address).stream(method, request, answer, timeout)

    def pages(self, call: Callable[[Any], Any], request: Any) -> Iterator[Any]:
        """Give one page of a list after the other."""
        return self._at("").pages(call, request)

    def translate(
        self, error: grpc.RpcError, method: str = "", request_id: str = ""
    ) -> MulliganCallError:
        """Put a gRPC error into words."""
        return self._at("").translate(error, method, request_id)

    def _at(self, address: str) -> Calls:
        """Give the caller of an address, which knows the version there."""
        if address not in self._callers:
            self._callers[address] = self._open(address)
        return self._callers[address]

    def _ask(
        self,
        site: Site,
        method: Method,
        request: Message,
        answer: type[Answer],
        timeout: float | None,
    ) -> Answer:
        """Call a site, at another of its addresses where one does not answer."""
        known = self._addresses(site)
        tried = list(known)
        while True:
            try:
                found = self._at(tried[0]).unary(method, request, answer, timeout)
            except MulliganCallError as error:
                if error.grpc_status != "UNAVAILABLE" or method.retry is Retry.NEVER:
                    raise
                del tried[0]
                if not tried and self._catalogue.refresh():
                    tried = [one for one in self._addresses(self._again(site)) if one not in known]
                    known = (*known, *tried)
                if not tried:
                    raise
            else:
                self._whereabouts.note(found, site)
                return found

    def _addresses(self, site: Site) -> Sequence[str]:
        found = site.addresses.get(self._service, ())
        if found or len(self._catalogue.sites()) == 1:
            return found or ("",)
        raise MulliganCallError(
            code="UNAVAILABLE",
            grpc_status="UNAVAILABLE",
            message=f"{site} has no service {self._service} that this client can reach; see "
            "`mulligan service list`",
            object_type="site",
            object_id=site.id,
        )

    def _again(self, site: Site) -> Site:
        return next((one for one in self._catalogue.sites() if one.id == site.id), site)

    def _order(self, method: Method, request: Message) -> Sequence[Site]:
        """Give the sites that a request may be for, the likeliest first."""
        is_region, leading = _leads(method, request)
        if not is_region:
            known = {self._whereabouts.of(one) for one in leading}
            return sorted(self._catalogue.sites(), key=lambda one: one.id not in known)
        if not self._with(leading):
            self._catalogue.refresh()
        found = self._with(leading)
        if _is_or_below(request):
            found += self._with({one for top in leading for one in self._below(top)})
        # A region that no site serves is any site's to refuse.
        return list({one.id: one for one in found}.values()) or self._catalogue.sites()

    def _with(self, regions: Iterable[str]) -> list[Site]:
        wanted = frozenset(regions)
        return [one for one in self._catalogue.sites() if one.regions & wanted]

    def _first(self, sites: Sequence[Site], ask: Callable[[Site], Answer]) -> Answer:
        """Ask one site after the other until one has what is wanted."""
        refusals: list[tuple[Site, MulliganCallError]] = []
        for site in sites:
            try:
                return ask(site)
            except MulliganCallError as error:
                if error.grpc_status not in _ELSEWHERE and error.code != _NO_CAPACITY:
                    raise
                refusals.append((site, error))
        raise _together(refusals)

    def _merged(
        self, sites: Sequence[Site], ask: Callable[[Site], Answer], answer: type[Answer]
    ) -> Answer:
        """Ask all sites, and give what they answer as one."""
        merged = answer()
        for site in sites:
            if (found := self._or_away(site, ask)) is not None:
                merged.MergeFrom(found)
        return merged

    def _page(
        self,
        sites: Sequence[Site],
        ask: Callable[[Site, Message], Answer],
        request: Any,
        answer: type[Answer],
    ) -> Answer:
        """Give a page of the site that the token names; after its last one that of the next site.

        It has no revision: each site counts its own.
        """
        asked = type(request)()
        asked.CopyFrom(request)
        name, _, asked.page.token = request.page.token.partition(_BETWEEN)
        left = sites[[one.id for one in sites].index(name) :] if name else sites
        found: Any = None
        while left and found is None:
            site, *left = left
            found = self._or_away(site, lambda one: ask(one, asked))
            if found is None:
                asked.page.token = ""
        if found is None:
            return answer()
        if found.next_page_token:
            found.next_page_token = f"{site.id}{_BETWEEN}{found.next_page_token}"
        elif left:
            found.next_page_token = f"{left[0].id}{_BETWEEN}"
        if "revision" in found.DESCRIPTOR.fields_by_name:
            found.revision = 0
        page: Answer = found
        return page

    def _or_away(self, site: Site, ask: Callable[[Site], Answer]) -> Answer | None:
        """Ask a site; None where it is away and somebody is told so."""
        try:
            return ask(site)
        except MulliganCallError as error:
            if self._away is None or error.grpc_status != "UNAVAILABLE":
                raise
            self._away(site, error)
            return None


def _leads(method: Method, request: Message) -> tuple[bool, list[str]]:
    """Give what leads to a site, by the first field that is filled in, and whether as a region."""
    for lead in method.leads:
        if found := list(texts(request, lead.path)):
            return lead.is_region, found
    return False, []


def _is_or_below(request: Any) -> bool:
    return bool(getattr(getattr(request, "spec", None), "or_below", False))


def _is_of_all(method: Method, request: Message) -> bool:
    """Tell what reads of many objects at once, wherever they are."""
    many = method.service == "meta" and method.retry is Retry.READ
    has_page = "page" in request.DESCRIPTOR.fields_by_name
    return many and not has_page and not method.name.startswith("Get")


def _which_site(method: Method, sites: Sequence[Site]) -> MulliganCallError:
    ids = ", ".join(one.id for one in sites)
    return MulliganCallError(
        code="WHICH_SITE",
        grpc_status="INVALID_ARGUMENT",
        message=f"{method.name} is for one site, and there are {len(sites)}: {ids}; say which one "
        "with --site",
        field="site",
    )


def _together(refusals: Sequence[tuple[Site, MulliganCallError]]) -> MulliganCallError:
    """Make one error of what several sites said: one that is away might have had it."""
    away = [one for one in refusals if one[1].grpc_status == "UNAVAILABLE"]
    full = [one for one in refusals if one[1].code == _NO_CAPACITY]
    site, error = (away or full or refusals)[0]
    if len(full) > 1 and not away:
        error.message = "; ".join(f"{site}: {one.message}" for site, one in full)
    elif away:
        error.message = f"{site} is away: {error.message}"
    return error
