"""A stream from the first of several places that answers."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import grpc

from mulligan_client.catalogue import Site
from mulligan_client.errors import MulliganCallError
from mulligan_client.reach import Reach
from mulligan_client.transport import Calls, Stream

Told = TypeVar("Told")
Place = tuple[Site, str, Calls]
"""A site, one of its addresses, and what calls that."""


class RoutedStream(Generic[Told]):
    """Answers as they come; a failure of it is raised as MulliganCallError.

    As long as nothing came, one that fails is begun elsewhere: at another address where nobody
    answers, at another site where it was refused for what another one may have.
    """

    def __init__(
        self,
        method: str,
        places: Iterator[Place],
        begin: Callable[[Calls], Stream[Told]],
        reach: Reach,
        goes_on: Callable[[MulliganCallError], bool],
    ) -> None:
        """Begin it.

        Args:
            method: its full name, for words.
            places: where it may be begun, the likeliest first.
            begin: begins it there.
            reach: is told which addresses failed.
            goes_on: tells of a refusal whether another site may answer.

        Raises:
            MulliganCallError: there is no place.
        """
        self._places, self._begin, self._reach, self._goes_on = places, begin, reach, goes_on
        self._method, self._place = method, next(places)
        self._stream = begin(self._place[2])
        self._is_cancelled = False

    def __iter__(self) -> Iterator[Told]:
        """Wait for one after the other."""
        while True:
            site, address, calls = self._place
            has_begun = False
            try:
                for told in self._stream:
                    if not has_begun:
                        self._reach.answered(site, address)
                    has_begun = True
                    yield told
            except grpc.RpcError as raised:
                error = calls.translate(raised, self._method)
            else:
                return
            if error.grpc_status == "UNAVAILABLE":
                self._reach.failed(address)
            elif not has_begun and self._goes_on(error):
                self._places = _without(site, self._places)
            else:
                raise error
            if has_begun or not self._next(error):
                raise error

    def cancel(self) -> object:
        """End it."""
        self._is_cancelled = True
        return self._stream.cancel()

    def _next(self, error: MulliganCallError) -> bool:
        try:
            self._place = next(self._places)
        except StopIteration:
            return False
        except MulliganCallError as other:
            error.message = f"{error.message}; {other.message}"
            return False
        self._stream = self._begin(self._place[2])
        if self._is_cancelled:
            self._stream.cancel()
        return True


def _without(site: Site, places: Iterator[Place]) -> Iterator[Place]:
    return (one for one in places if one[0] != site)
