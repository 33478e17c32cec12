"""One call: who calls, and the transactions in which it is answered."""

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TypeVar

from google.protobuf.message import Message
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.addresses import address_of
from api.kept_answers import with_names, without_names
from mulligan import events, requests
from mulligan.database import Database
from mulligan.events import Origin
from mulligan.values.caller import Caller
from mulligan.values.configuration import UNSET, Configuration
from mulligan.values.errors import AlreadyExistsError
from mulligan.values.ids import digest
from mulligan.waiting import Waiting, waited_for

T = TypeVar("T")
M = TypeVar("M", bound=Message)

SECRETS = ("password", "old_password", "secret")
"""Fields of requests whose content is kept nowhere."""

_current: ContextVar["Call"] = ContextVar("call")


@dataclass(frozen=True)
class Call:
    """A call in progress; its transactions run in a bounded pool of threads.

    `ends_at` is the caller's deadline, by time.monotonic; `configured` is how the service is.
    """

    caller: Caller
    method: str
    request_id: str
    database: Database
    threads: ThreadPoolExecutor
    ends_at: float = math.inf
    configured: Configuration = UNSET

    @property
    def origin(self) -> Origin:
        """What the audit says of the call."""
        caller = self.caller
        address = address_of(caller.address)
        return Origin(
            short_name(self.method), address, self.request_id, caller.session, caller.home
        )

    def on(self, database: Database) -> "Call":
        """Give the same call with transactions in another database."""
        return replace(self, database=database)

    async def read(self, query: Callable[[Session], T]) -> T:
        """Answer from one snapshot."""
        return await self._waited_for(lambda waiting: self.database.read(query, waiting))

    async def write(self, request: Message, response: type[M], change: Callable[[Session], M]) -> M:
        """Change something in one transaction, once for each request id.

        A retry of the same request gets the first answer, with names as they are now; the same id
        with other content is refused.
        """
        content = _digest(request)

        def once(session: Session) -> M:
            events.come_from(session, self.origin)
            key = (session, self.caller.account, self.request_id, self.method, content)
            earlier = requests.earlier_answer(*key)
            if earlier is not None:
                return with_names(session, response.FromString(earlier))
            answer = change(session)
            requests.keep_answer(*key, without_names(answer).SerializeToString())
            return answer

        def write(waiting: Waiting) -> M:
            try:
                return self.database.write(once, waiting)
            except (AlreadyExistsError, IntegrityError):
                # Perhaps this very request, a moment ago: the second time finds its answer.
                return self.database.write(once, waiting)

        return await self._waited_for(write)

    async def refuse_other_content(self, request: Message) -> bool:
        """Refuse a request whose id was used for something that was answered at once.

        Returns:
            Whether this very request was answered before.

        Raises:
            AlreadyExistsError: it was, with other content.
        """
        key = (self.caller.account, self.request_id, self.method, _digest(request))
        earlier = await self.read(lambda session: requests.earlier_answer(session, *key))
        return earlier is not None

    async def write_anonymously(self, change: Callable[[Session], T]) -> T:
        """Change something for a caller that has no account yet, or of which no answer is kept."""

        def from_here(session: Session) -> T:
            events.come_from(session, self.origin)
            return change(session)

        return await self._waited_for(lambda waiting: self.database.write(from_here, waiting))

    async def _waited_for(self, work: Callable[[Waiting], T]) -> T:
        """Run a transaction as long as the caller waits, and no longer than the service may."""
        within_s = self.configured.transaction_timeout or math.inf
        return await waited_for(self.threads, work, min(self.ends_at, time.monotonic() + within_s))

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do what takes its time where it holds no other call up."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, work)


def _digest(request: Message) -> str:
    return digest(_without_secrets(request).SerializeToString(deterministic=True))


def _without_secrets(request: M) -> M:
    """Leave out what must not be stored even as a digest."""
    secrets = [name for name in SECRETS if name in request.DESCRIPTOR.fields_by_name]
    if not secrets:
        return request
    copy = type(request)()
    copy.CopyFrom(request)
    for name in secrets:
        copy.ClearField(name)
    return copy


def short_name(method: str) -> str:
    """Give an RPC's name as Service/Method."""
    service, _, verb = method.rpartition(".")
    return f"{service.rpartition('.')[2]}/{verb}"


def current_call() -> Call:
    """Give the call that is being answered."""
    return _current.get()


def enter_call(call: Call) -> None:
    """Say which call this task answers; done by the interceptor only."""
    _current.set(call)
