"""Options of commands that list objects: how the list is ordered, and what it is narrowed to."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar

import click

from mulligan_client.commands.options import TIME, one_of
from mulligan_client.gen.mulligan.common.v1 import common_pb2

_Command = TypeVar("_Command", bound=Callable[..., Any])

_UNNAMED_ORDERS = ("id", "created_at")


def takes_listing(*, named: bool = True, states: bool = False) -> Callable[[_Command], _Command]:
    """Add --order-by, --descending and filters; the command gets them as `listed`.

    That is what they say in the fields of a List request, without those that nobody gave.

    Args:
        named: whether these objects have names.
        states: whether they have states.
    """
    orders = _UNNAMED_ORDERS if not named else ("id", "name", "created_at")
    options = [
        click.option("--order-by", type=one_of(orders), help="By what they are ordered."),
        click.option("--descending", is_flag=True, help="From the last to the first."),
        click.option("--created-since", type=TIME, help="Only those made then or later."),
        click.option("--created-until", type=TIME, help="Only those made before."),
    ]
    if named:
        words = "Only those whose names begin so."
        options.append(click.option("--name-prefix", metavar="TEXT", default="", help=words))
    if states:
        words = "Only those in this state; can be given several times."
        options.append(click.option("--state", "states", multiple=True, help=words))

    def add(command: _Command) -> _Command:
        @wraps(command)
        def wrapped(*args: Any, order_by: str | None, descending: bool, **given: Any) -> Any:
            listed: dict[str, Any] = {}
            if order_by:
                listed["order_by"] = f"ORDER_BY_{order_by.upper()}"
            if descending:
                listed["descending"] = True
            chosen = _filter(
                given.pop("created_since"),
                given.pop("created_until"),
                name_prefix=given.pop("name_prefix", ""),
                states=given.pop("states", ()),
            )
            if chosen.ListFields():
                listed["filter"] = chosen
            return command(*args, **given, listed=listed)

        result: Any = wrapped
        for option in reversed(options):
            result = option(result)
        return result  # type: ignore[no-any-return]

    return add


def _filter(since: datetime | None, until: datetime | None, **fields: Any) -> common_pb2.Filter:
    chosen = common_pb2.Filter(**fields)
    if since is not None:
        chosen.created_since.FromDatetime(since)
    if until is not None:
        chosen.created_until.FromDatetime(until)
    return chosen
