"""Ask several sites: one after the other until one answers, or all at the same time."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from mulligan_client import site_errors
from mulligan_client.catalogue import Site
from mulligan_client.errors import MulliganCallError

AT_ONCE = 16
"""Sites that are asked at the same time."""

Answer = TypeVar("Answer")
Asked = tuple[Site, Any]
"""A site, and the request for it."""


def first(
    sites: Sequence[Site],
    request: Any,
    ask: Callable[[Site, Any], Answer],
    goes_on: Sequence[str],
) -> Answer:
    """Ask one site after the other until one has what is wanted."""
    refusals: list[tuple[Site, MulliganCallError]] = []
    for site in sites:
        try:
            return ask(site, request)
        except MulliganCallError as error:
            if error.grpc_status not in goes_on and error.code != site_errors.NO_CAPACITY:
                raise
            refusals.append((site, error))
    raise site_errors.together(refusals)


def ask_all(
    asked: Sequence[Asked], ask: Callable[[Site, Any], Answer]
) -> Sequence[Answer | MulliganCallError]:
    """Ask sites at the same time, and give what each answers or fails with."""

    def one(site: Site, request: Any) -> Answer | MulliganCallError:
        try:
            return ask(site, request)
        except MulliganCallError as error:
            return error

    if len(asked) < 2:
        return [one(*each) for each in asked]
    with ThreadPoolExecutor(min(AT_ONCE, len(asked))) as threads:
        return list(threads.map(lambda each: one(*each), asked))


def answered(found: Answer | MulliganCallError) -> Answer:
    """Give an answer, or raise the failure that it is."""
    if isinstance(found, MulliganCallError):
        raise found
    return found
