"""What is refused, written down for the audit: soon, but never so much that it fills the database.

The first of its kind is written at once. What is refused for the same reason to the same caller in
the same place in the minute after it is counted, and written as one row when the minute is over.
"""

import asyncio
import logging
import math
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from google.protobuf.message import Message

from api.addresses import address_of
from api.call import SECRETS, short_name
from api.places import Places
from api.wellformed import messages_in
from mulligan import audit
from mulligan.audit import Refusal
from mulligan.database import Database
from mulligan.events import UNKNOWN, Origin
from mulligan.failures import log_failure
from mulligan.meta import names
from mulligan.values.caller import Caller
from mulligan.values.errors import MulliganError
from mulligan_client.gen.mulligan.common.v1 import common_pb2

if TYPE_CHECKING:
    from api.access import Method

WINDOW_S = 60.0
"""So long the same refusals are one row."""

MOST_KINDS = 256
"""Kinds of refusal in a window; half of them for who has no token, so that they hide nobody."""

MOST_OF_ONE = 16
"""Kinds of one caller in a window, so that none hides the others; the rest of its is one row."""

ROWS_A_BEAT = 20
BEAT_S = 1.0
"""So often, and so many rows then at most, the database is written to."""

MOST_WORDS = 1_000
"""Characters of a message."""

NOT_TOLD = "NOT_TOLD"
"""The result of a row that says how many were left out: of one caller, or of all."""

_WHO = ("UNAUTHENTICATED", "PERMISSION_DENIED")
"""What is refused for who asks is told of reading, too."""

NEVER_SHOWN = frozenset(
    (*SECRETS, "token", "refresh_token", "sealed_credentials", "sealed_user_data")
)
"""Fields of requests whose content is taken out of messages."""
_SHORTEST_SECRET = 4
"""Characters; taking shorter ones out of a text would leave nothing of it to read."""

_log = logging.getLogger(__name__)


class Kind(NamedTuple):
    """Which refusals are the same: those of an account (or of an address, where none is known).

    `where` is the project and the region that are named, else the object.
    """

    who: str
    method: str
    code: str
    where: str = ""


@dataclass
class Asking:
    """What is known of a call so far."""

    method: "Method"
    peer: str
    request_id: str
    request: Message | None = None
    caller: Caller | None = None

    def is_told(self, error: MulliganError) -> bool:
        """Say whether the audit tells of it: for who asks, or because it would change something."""
        if error.reason == "TOKEN_EXPIRED" and "ahead_s" not in error.details:
            return False  # it was a good one: so each watch ends, and who was idle renews it
        changes = self.method.has_request_id or self.method.verb == "Bootstrap"
        return changes or error.grpc_status in _WHO

    @property
    def author(self) -> str:
        """UUID of the account; empty for who has no good token."""
        anonymous = self.method.access.role == common_pb2.ROLE_ANONYMOUS
        return "" if anonymous or self.caller is None else self.caller.account

    def kind(self, error: MulliganError, places: Places) -> Kind:
        """Say which refusals are the same as this one."""
        where = "/".join(filter(None, self._place(places))) or self._object(error)[1].lower()
        return Kind(self.author or address_of(self.peer), self.method.name, error.reason, where)

    def refusal(self, error: MulliganError, places: Places) -> Refusal:
        """Say all that the audit tells."""
        object_type, object_id = self._object(error)
        project, region = self._place(places)
        return Refusal(
            Origin(
                short_name(self.method.name),
                address_of(self.peer),
                _plain(self.request_id)[:64],
                *((self.caller.session, self.caller.home) if self.caller else ()),
            ),
            error.reason[:64],
            self._message(error),
            author=self.author or None,
            object_type=object_type[:32],
            object_id=object_id.lower(),
            project=project,
            region=region,
            signing_in=self.request.account if self._signs_in else "",  # type: ignore[union-attr]
        )

    @property
    def _signs_in(self) -> bool:
        return self.method.verb == "Login" and self.request is not None

    def _object(self, error: MulliganError) -> tuple[str, str]:
        if self._signs_in:
            return "", ""
        request, noun = self.request, _noun(self.method.verb)
        named = (
            (error.details.get("object_type", ""), error.details.get("object_id", "")),
            (noun, getattr(request, "id", "")),
            *((noun, one) for one in getattr(request, "ids", ())[:1]),
            (getattr(request, "object_type", ""), getattr(request, "object_id", "")),
            ("account", getattr(request, "account", "")),
        )
        return next((one for one in named if names.is_uuid(one[1])), ("", ""))

    def _place(self, places: Places) -> tuple[str, str]:
        """The project that the request names, if there is such, and the region, if it is shown.

        Else who is refused would read in its own row that there is such a region.
        """
        project, region = (getattr(self.request, one, "") for one in ("project", "region"))
        access = self.method.access
        if access.field:
            named = getattr(self.request, access.field, "")
            if access.scope == common_pb2.SCOPE_PROJECT:
                project = named
            else:
                region = named
        project, region = project.lower(), region.lower()
        return (
            project if project in places.projects else "",
            region if region in places.regions and self._is_shown(region) else "",
        )

    def _is_shown(self, region: str) -> bool:
        return self.caller is None or self.caller.sees(region)

    def _message(self, error: MulliganError) -> str:
        text = error.message
        hidden = NEVER_SHOWN | {"account"} if self._signs_in else NEVER_SHOWN
        for secret in _texts(self.request, hidden):
            text = text.replace(secret, "…")
        return _plain(text)[:MOST_WORDS]


def _texts(request: Message | None, fields: frozenset[str]) -> list[str]:
    """What a request has in some fields, wherever they are."""
    if request is None:
        return []
    found: list[Any] = [
        value
        for message in messages_in(request)
        for field, value in message.ListFields()
        if field.name in fields
    ]
    return [one for one in found if isinstance(one, str) and len(one) >= _SHORTEST_SECRET]


def _noun(verb: str) -> str:
    """Give what a method is about: provider_type of DeleteProviderType."""
    words: list[str] = re.findall("[A-Z][a-z]+", verb)
    return "_".join(words[1:]).lower()


def _plain(text: str) -> str:
    return text.replace("\0", "")


@dataclass
class _Counted:
    first: Refusal
    count: int
    due: float


class Tally:
    """Refusals that are to be written, each kind once a window with how many there were.

    Times are seconds of any clock that only goes forward.
    """

    def __init__(self) -> None:
        self._counted: dict[Kind, _Counted] = {}
        self._kinds_of: Counter[str] = Counter()
        self._left_out = 0
        self._tell_left_out_at = -math.inf

    def __bool__(self) -> bool:
        """Say whether there is, or was a moment ago, something to write."""
        return bool(self._counted or self._left_out)

    def note(self, kind: Kind, anonymous: bool, make: Callable[[], Refusal], now: float) -> None:
        """Count a refusal; `make` is asked for it only if it is the first of its kind."""
        if kind not in self._counted and self._kinds_of[kind.who] >= MOST_OF_ONE:
            kind, make = Kind(kind.who, "", NOT_TOLD), partial(_rest_of_caller, make)
        counted = self._counted.get(kind)
        if counted is None:
            if len(self._counted) >= (MOST_KINDS // 2 if anonymous else MOST_KINDS):
                self._left_out += 1
                return
            self._counted[kind] = _Counted(make(), 1, now)
            self._kinds_of[kind.who] += 1
        else:
            if not counted.count:
                counted.first = make()
            counted.count += 1

    def leave_out(self, written: Sequence[tuple[Refusal, int]]) -> None:
        """Take in that what was taken could not be written."""
        self._left_out += sum(count for _, count in written)

    def take(self, now: float, most: int) -> list[tuple[Refusal, int]]:
        """Take what is due, at most so many, each with its count; all that is left at the end."""
        taken: list[tuple[Refusal, int]] = []
        for kind, counted in list(self._counted.items()):
            if counted.due > now:
                continue
            if not counted.count:
                self._end(kind)
            elif len(taken) < most:
                taken.append((counted.first, counted.count))
                counted.count, counted.due = 0, now + WINDOW_S
        if self._left_out and self._tell_left_out_at <= now:
            words = "too many calls were refused at once to tell of each"
            taken.append((Refusal(UNKNOWN, NOT_TOLD, words), self._left_out))
            self._left_out, self._tell_left_out_at = 0, now + WINDOW_S
        return taken

    def _end(self, kind: Kind) -> None:
        del self._counted[kind]
        self._kinds_of[kind.who] -= 1
        if not self._kinds_of[kind.who]:
            del self._kinds_of[kind.who]


def _rest_of_caller(make: Callable[[], Refusal]) -> Refusal:
    first = make()
    words = "more kinds of this caller's calls were refused than are told of"
    return Refusal(Origin(address=first.origin.address), NOT_TOLD, words, author=first.author)


class Refusals:
    """Writes what is refused into one database, behind the back of the calls."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._tally = Tally()
        self._noted = asyncio.Event()
        self._stopping = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Refusals"]:
        """Write as long as the context lasts, and at its end what is left."""
        task = asyncio.create_task(self._write_on(), name="refusals")
        try:
            yield self
        finally:
            self._stopping.set()
            self._noted.set()
            await task

    def note(self, asking: Asking, error: MulliganError, places: Places) -> None:
        """Have a refusal written if the audit tells of such; takes no time to speak of."""
        if asking.is_told(error):
            make = partial(asking.refusal, error, places)
            kind = asking.kind(error, places)
            self._tally.note(kind, not asking.author, make, self._clock())
            self._noted.set()

    async def _write_on(self) -> None:
        while not self._stopping.is_set():
            await self._noted.wait()
            await self._write(self._clock(), ROWS_A_BEAT)
            if not self._tally:
                self._noted.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_S):
                    await self._stopping.wait()
        await self._write(math.inf, MOST_KINDS)

    async def _write(self, now: float, most: int) -> None:
        taken = self._tally.take(now, most)
        if not taken:
            return
        try:
            record = partial(audit.record_refusals, refusals=taken)
            await asyncio.to_thread(self._database.write, record)
        except Exception as error:
            log_failure(_log, "refusals can't be written, they are only counted", error)
            self._tally.leave_out(taken)
