"""How lists of objects are asked for: their order, filter and page, all in one shape."""

from collections.abc import Mapping, Sized
from datetime import UTC, datetime
from typing import Any

from api import messages
from api.page_tokens import foreign_token
from mulligan.meta.names import is_uuid
from mulligan.values.errors import InvalidArgumentError
from mulligan.values.listing import Filter, Listed, Listing, OrderBy
from mulligan.values.states import TABLES
from mulligan_client.gen.mulligan.common.v1 import common_pb2

_ORDERS: Mapping[int, OrderBy] = {
    common_pb2.ORDER_BY_ID: OrderBy.ID,
    common_pb2.ORDER_BY_NAME: OrderBy.NAME,
    common_pb2.ORDER_BY_CREATED_AT: OrderBy.CREATED_AT,
}


def listing_of(
    request: Any,
    noun: str,
    *,
    named: bool = True,
    newest_first: bool = False,
    words: bool = False,
) -> Listing:
    """Read what is asked of a list of objects.

    Args:
        request: a List request with page, order_by, descending and filter.
        noun: server, machine, ...
        named: whether these objects have names.
        newest_first: the order of who asks for none, instead of that of the ids.
        words: whether they are words, each its own name and id.

    Raises:
        InvalidArgumentError: the order or filter asks for what these objects don't have, or the
            page token is not one of such a list.
    """
    order_by = _ORDERS.get(request.order_by, OrderBy.CREATED_AT if newest_first else OrderBy.ID)
    if words and order_by is OrderBy.NAME:
        order_by = OrderBy.ID
    if not named and (order_by is OrderBy.NAME or request.filter.name_prefix):
        field = "order_by" if order_by is OrderBy.NAME else "filter.name_prefix"
        raise InvalidArgumentError(
            f"no {noun} has a name; order and filter by created_at", field=field
        )
    return Listing(
        order_by=order_by,
        descending=request.descending != (newest_first and not request.order_by),
        filter=_filter(request.filter, noun),
        after=_after(request.page, order_by, words=words),
        limit=messages.page_size(request.page),
    )


def token_after(page: Listed[Any], shown: Sized) -> str:
    """Make the token of the page that begins after those shown; empty when nothing follows."""
    end = page.places[len(shown) - 1] if len(shown) < len(page.items) else page.end
    return messages.token_of(
        *(one.astimezone(UTC).isoformat() if isinstance(one, datetime) else one for one in end)
    )


def _filter(given: common_pb2.Filter, noun: str) -> Filter:
    known = TABLES.get(noun, {})
    for state in given.states:
        if state not in known:
            those = f"these have {', '.join(known)}" if known else "these have none to filter by"
            raise InvalidArgumentError(
                f"no {noun} is ever {state!r}; {those}", field="filter.states"
            )
    return Filter(
        name_prefix=given.name_prefix,
        created_since=_time(given, "created_since"),
        created_until=_time(given, "created_until"),
        states=tuple(given.states),
    )


def _time(given: common_pb2.Filter, field: str) -> datetime | None:
    return messages.time_of(getattr(given, field)) if given.HasField(field) else None  # type: ignore[arg-type]


def _after(page: common_pb2.Page, order_by: OrderBy, *, words: bool) -> tuple[Any, ...]:
    cursor = messages.cursor_of(page)
    if not cursor:
        return ()
    if len(cursor) != (1 if order_by is OrderBy.ID else 2) or not (words or is_uuid(cursor[-1])):
        raise foreign_token()
    if order_by is OrderBy.CREATED_AT:
        return messages.cursor_time(cursor[0]), cursor[1]
    return tuple(cursor)
