"""Pages of a list that several sites have: one site after the other, or all in one order.

A token says where each site goes on: "at:SITE/TOKEN" of those that are read one after the other,
and "at:SITE/TOKEN,SITE/TOKEN" of those that are merged. A site's own begins with a digest.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from google.protobuf.message import Message

from mulligan_client.catalogue import Site
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.methods import Merge, Method
from mulligan_client.site_errors import foreign_token

USUAL_SIZE = 100
"""Of a page, where the request doesn't say."""

_AT, _BETWEEN, _AND = "at:", "/", ","

Answer = TypeVar("Answer", bound=Message)
Ask = Callable[[Site, Any], Answer | None]
"""Gives a site's page; None where it is away, or has nothing of what is asked for."""
AskAll = Callable[[Sequence[tuple[Site, Any]]], Sequence[Answer | None]]
"""Gives pages of several sites, asked at the same time."""


@dataclass(frozen=True)
class Order:
    """What a row is ordered by, from the first to the last or the other way round."""

    key: Callable[[Any], Any]
    is_descending: bool = False
    # Rows with the same key are told once.
    is_once: bool = False

    def same(self, one: Any, other: Any) -> bool:
        """Tell rows with the same key."""
        return bool(self.key(one) == self.key(other))


def is_of_sites(request: Any) -> bool:
    """Tell whether a request goes on with a list of several sites."""
    return str(request.page.token).startswith(_AT)


def page_after_page(
    sites: Sequence[Site], request: Any, ask: Ask[Answer], answer: type[Answer]
) -> Answer:
    """Give a page of the site that the token names; after its last one that of the next site.

    Of several sites it has no revision, since each counts its own.
    """
    token, left = request.page.token, sites
    if token and (len(sites) > 1 or is_of_sites(request)):
        [(site, token), *_] = _cursors(sites, token)
        left = sites[sites.index(site) :]
    asked = _asked(request, token, request.page.size)
    found: Any = None
    while left and found is None:
        site, *left = left
        found = ask(site, asked)
        if found is None:
            asked.page.token = ""  # That was of this site.
    if found is None:
        return answer()
    if found.next_page_token and site.id:
        found.next_page_token = _AT + _cursor(site, found.next_page_token)
    elif left:
        found.next_page_token = _AT + _cursor(left[0], "")
    if len(sites) > 1 and "revision" in found.DESCRIPTOR.fields_by_name:
        found.revision = 0
    page: Answer = found
    return page


def page_in_order(
    sites: Sequence[Site], request: Any, ask_all: AskAll[Answer], answer: type[Answer], order: Order
) -> Answer:
    """Give a page of what all sites have, in the order that was asked for.

    Each is asked for a whole page, and once more for as much of it as belongs here: so its token
    goes on behind that.
    """
    size = request.page.size or USUAL_SIZE
    asked = _cursors(sites, request.page.token)
    answers = ask_all([(site, _asked(request, token, size)) for site, token in asked])
    found = [(*one, page) for one, page in zip(asked, answers, strict=True) if page is not None]
    counts = _counts([page for *_, page in found], size, order)
    fewer = {
        at: (site, token, counts[at])
        for at, (site, token, page) in enumerate(found)
        if 0 < counts[at] < len(_rows(page))
    }
    shorter = _shorter(fewer, request, ask_all)
    parts, cursors = [], []
    for at, (site, token, whole) in enumerate(found):
        part: Any = shorter.get(at, whole)
        if counts[at] == 0 and _rows(whole):
            cursors.append(_cursor(site, token))
        elif part is not None:
            parts.append(part)
            if part.next_page_token:
                cursors.append(_cursor(site, part.next_page_token))
    merged: Any = answer()
    for _, row in _in_order(parts, order):
        if not (order.is_once and _rows(merged) and order.same(_rows(merged)[-1], row)):
            _rows(merged).append(row)
    merged.next_page_token = _AT + _AND.join(cursors) if cursors else ""
    whole_page: Answer = merged
    return whole_page


def _shorter(
    fewer: Mapping[int, tuple[Site, str, int]], request: Any, ask_all: AskAll[Any]
) -> Mapping[int, Any]:
    """Give pages of so many rows, of some sites; a page that is short is read on."""
    parts: dict[int, Any] = {}
    left = list(fewer)
    while left:
        asked = []
        for at in left:
            site, token, count = fewer[at]
            if part := parts.get(at):
                token, count = part.next_page_token, count - len(_rows(part))
            asked.append((site, _asked(request, token, count)))
        for at, more in zip(left, ask_all(asked), strict=True):
            if more is not None and (part := parts.get(at)):
                _rows(part).extend(_rows(more))
                part.next_page_token = more.next_page_token
            else:
                parts[at] = more
        left = [
            at
            for at in left
            if (part := parts[at]) and part.next_page_token and len(_rows(part)) < fewer[at][2]
        ]
    return parts


def order_of(method: Method, request: Any) -> Order | None:
    """Give the order that a list is to have over all sites; None: site by site is good enough."""
    if method.merge is Merge.LATEST_FIRST:
        return Order(lambda row: (*_moment(row.at), row.revision), is_descending=True)
    if method.merge is Merge.OBJECTS:
        return Order(lambda row: row.object_id.lower(), is_once=True)
    if "order_by" not in request.DESCRIPTOR.fields_by_name:
        return None
    match request.order_by:
        case common_pb2.ORDER_BY_NAME:
            return Order(_by_name, request.descending)
        case common_pb2.ORDER_BY_CREATED_AT:
            return Order(_by_creation, request.descending)
        case common_pb2.ORDER_BY_UNSPECIFIED if method.merge is Merge.NEWEST_FIRST:
            return Order(_by_creation, not request.descending)
        case _ if request.descending or request.order_by:
            return Order(lambda row: _by_name(row)[-1], request.descending)
    return None


def _by_name(row: Any) -> Any:
    # A word of the registries, such as a capability, has nothing but its name.
    metadata = getattr(row, "metadata", None)
    return (row.name,) if metadata is None else (metadata.name, metadata.id)


def _by_creation(row: Any) -> Any:
    of_row = getattr(row, "metadata", row)
    return *_moment(of_row.created_at), _by_name(row)[-1]


def _moment(at: Any) -> tuple[int, int]:
    return at.seconds, at.nanos


def _counts(pages: Sequence[Any], size: int, order: Order) -> Counter[int]:
    """Tell how many rows of each site belong to a page of all.

    It ends with the last row of a site that has more: what comes next is not known there.
    """
    counts, is_last = Counter[int](), False
    if any(page.next_page_token and not _rows(page) for page in pages):
        return counts
    told: list[Any] = []
    for at, row in _in_order(pages, order):
        # What others have of the last object, too, is not to come on the next page.
        is_told = order.is_once and bool(told) and order.same(told[-1], row)
        if not is_told and (is_last or len(told) == size):
            break
        counts[at] += 1
        if not is_told:
            told.append(row)
        if counts[at] == len(_rows(pages[at])) and pages[at].next_page_token:
            is_last = True
    return counts


def _in_order(pages: Sequence[Any], order: Order) -> Iterator[tuple[int, Any]]:
    """Give the rows of all pages, each with the place of its page."""
    tagged = [[(at, row) for row in _rows(page)] for at, page in enumerate(pages)]
    return heapq.merge(*tagged, key=lambda one: order.key(one[1]), reverse=order.is_descending)


def _rows(page: Any) -> Any:
    """Give the objects of a page."""
    [name] = [one.name for one in page.DESCRIPTOR.fields if one.is_repeated and one.message_type]
    return getattr(page, name)


def _asked(request: Any, token: str, size: int) -> Any:
    asked = type(request)()
    asked.CopyFrom(request)
    asked.page.token, asked.page.size = token, size
    return asked


def _cursor(site: Site, token: str) -> str:
    return f"{site.id}{_BETWEEN}{quote(token, safe='')}"


def _cursors(sites: Sequence[Site], token: str) -> Sequence[tuple[Site, str]]:
    """Read where each site goes on; those that are not named have no more."""
    if not token:
        return [(one, "") for one in sites]
    own = {one.id: one for one in sites}
    parts = [one.partition(_BETWEEN) for one in token.removeprefix(_AT).split(_AND)]
    if not token.startswith(_AT) or any(name not in own for name, _, _ in parts):
        raise foreign_token()
    return [(own[name], unquote(rest)) for name, _, rest in parts]
