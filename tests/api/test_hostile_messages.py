"""Any message at any RPC: it is answered or refused in words, never with INTERNAL or UNKNOWN.

What is refused changes nothing, and nothing of it stays in memory.
"""

import gc
import os
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from sqlalchemy import select, union_all

from mulligan.events import IS_REFUSED, EventRow
from mulligan.requests import Answer
from tests.fakes.caller import METHODS, Caller
from tests.fakes.contents import changed, contents
from tests.fakes.hostile import Hostile
from tests.fakes.place import Place
from tests.fakes.site import Site

MESSAGES = int(os.environ.get("MULLIGAN_HOSTILE_MESSAGES", "30"))
"""So many of each RPC and database: more than 10,000 together."""

WORKFLOWS = ("Reconcile", "RotateRegionKey")
"""Most messages at these start a workflow, which takes its time: a fifth of the others' number."""

SEED = int(os.environ.get("MULLIGAN_HOSTILE_SEED", "0"))

OURS = frozenset(
    (
        "OK", "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
        "UNAUTHENTICATED", "FAILED_PRECONDITION", "RESOURCE_EXHAUSTED", "ABORTED", "UNAVAILABLE",
        "OUT_OF_RANGE",
    )
)  # fmt: skip
AGAIN = 50
"""So many refused messages are sent once more, where others were taken."""

WARM_UP = 2_000
"""After so many messages everything is loaded that ever is, and caches are full."""

MOST_GROWTH_MIB, MOST_LEFT_KIB = 64, 2
"""What the memory of the process may grow by, and for each message besides: what is refused leaves
nothing, but some are taken, and make objects."""

LONGEST_S = 60
STREAM_S = 0.1
"""A watch goes on for ever; what it refuses, it refuses at once."""


def ask(caller: Caller, method: MethodDescriptor, message: bytes) -> tuple[str, str]:
    """Send what may not even be a message; give the answer's status and words."""
    try:
        if method.name == "Watch":
            next(caller.send(method, message, timeout=STREAM_S))
        elif method.server_streaming:
            list(caller.send(method, message, timeout=LONGEST_S))
        else:
            caller.send(method, message, timeout=LONGEST_S)
    except grpc.RpcError as error:
        refusal: Any = error
        if method.name == "Watch" and refusal.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            return "OK", ""
        if "grpc-status-details-bin" not in dict(refusal.trailing_metadata()):
            return "not in our words", f"{refusal.code()}: {refusal.details()}"
        return refusal.code().name, refusal.details()
    return "OK", ""


class Battered:
    """A place on a site of its own, where some of what is sent is taken.

    Client and site are one process, whose memory is looked at once it has warmed up.
    """

    def __init__(self, site: Site) -> None:
        self.place = Place(site)
        self.sent = 0
        self.warm_mib = 0.0
        self.held: Mapping[str, str] = {}
        place = self.place
        endpoints, machine = [place.host(), place.server()], place.machine()
        ids = [place.region, place.project, place.image, place.network]
        self.known = [*ids, *endpoints, machine, place.get(machine).claim]

    def refuses(self, method: MethodDescriptor, message: bytes) -> bool:
        """Send a message; whether it is refused, which is in our words."""
        status, words = ask(self.place.operator, method, message)
        assert status in OURS, f"{status}: {words}: {message[:2000]!r}"
        self.sent += 1
        if self.sent == WARM_UP:
            self.warm_mib = resident_mib()
        return status != "OK"

    def refuses_without_change(
        self, method: MethodDescriptor, messages: Mapping[str, bytes]
    ) -> None:
        """Send messages by their request ids, and look at what is kept before and after.

        Where it is not certain that none of the refused ones changed anything, some of those are
        sent once more: what the others began comes to its end meanwhile.
        """
        ends_at = None
        while messages:
            refused = {one: text for one, text in messages.items() if self.refuses(method, text)}
            before, self.held = self.held, contents(self.place.site)
            assert not self.keeps_of(refused)
            if before == self.held:
                return
            if ends_at is None or len(refused) < len(messages):
                ends_at = monotonic() + LONGEST_S
            assert monotonic() < ends_at, f"it changed {changed(before, self.held)}: {refused}"
            messages = dict(islice(refused.items(), AGAIN))

    def keeps_of(self, request_ids: Collection[str]) -> list[str]:
        """Answers to requests, and what is told of them but that they were refused."""
        told = select(EventRow.message).where(EventRow.request_id.in_(request_ids), ~IS_REFUSED)
        answered = select(Answer.method).where(Answer.request_id.in_(request_ids))
        query = union_all(told, answered)
        site = self.place.site
        return [
            words
            for database in (site.database, site.installation)
            for words in database.read(lambda session: session.scalars(query).all())
        ]


def resident_mib() -> float:
    """What this process has in memory, as Linux counts it (proc(5), statm)."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def battered(request: pytest.FixtureRequest, _sites: Callable[..., Site]) -> Iterator[Battered]:
    made = Battered(_sites(request.param, "hostile"))
    yield made
    if made.warm_mib:
        grown_mib = resident_mib() - made.warm_mib
        most_mib = MOST_GROWTH_MIB + MOST_LEFT_KIB * made.sent / 1024
        assert grown_mib < most_mib, f"{made.sent} messages left {grown_mib:.0f} MiB"


@pytest.mark.parametrize("name", METHODS)
def test_hostile_messages_are_refused_in_words_and_change_nothing(
    battered: Battered, name: str
) -> None:
    method, project, region = METHODS[name], battered.place.project, battered.place.region
    hostile = Hostile(zlib.crc32(name.encode(), SEED), battered.known)
    messages = {}
    for _ in range(MESSAGES // 5 if name in WORKFLOWS else MESSAGES):
        fields = {"request_id": str(uuid4()), "project": project, "region": region}
        fields |= {"id": hostile.dice.choice(battered.known)}
        messages[fields["request_id"]] = hostile.encoded(method.input_type, **fields)
    battered.refuses_without_change(method, messages)
