"""Any message at any RPC: it is answered or refused in words, never with INTERNAL or UNKNOWN.

Whoever sends it. What is refused changes nothing, and no message leaves anything in memory or an
error in the services' log. At the end the site still works.
"""

import gc
import os
import secrets
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from mulligan import configuration
from mulligan.events import IS_REFUSED, EventRow
from mulligan.requests import Answer
from mulligan.values.configuration import FIELDS, UNSET
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.belongings import access_of
from tests.fakes.caller import METHODS, Caller
from tests.fakes.contents import changed, contents
from tests.fakes.hostile import Hostile
from tests.fakes.log import Faults, faults
from tests.fakes.memory import Memory
from tests.fakes.place import Place, new_name
from tests.fakes.site import LONG, Site

MESSAGES = int(os.environ.get("MULLIGAN_HOSTILE_MESSAGES", "24"))
"""So many of each RPC and database."""

LEAST = 10_000
"""So many all tests together send at least."""

AGAIN = 5
"""So many more of each RPC are sent when what they need is in memory, to see what each leaves."""

WORKFLOWS = ("Reconcile", "RotateRegionKey")
"""Most messages at these start a workflow, which takes its time: a fifth of the others' number."""

SEED = int(os.environ.get("MULLIGAN_HOSTILE_SEED", "0"))

NOBODY = "nobody"
SENDERS = ("operator", "operator", "operator", "member", "program", NOBODY)
"""Who sends a message: half of them somebody who may do everything."""


@dataclass(frozen=True)
class Sent:
    """A message, and who sends it."""

    sender: str
    text: bytes


Make = Callable[[int], Mapping[str, Sent]]
"""Makes so many messages, by their request ids."""

OURS = frozenset(
    (
        "OK", "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
        "FAILED_PRECONDITION", "RESOURCE_EXHAUSTED", "ABORTED", "UNAVAILABLE", "OUT_OF_RANGE",
    )
)  # fmt: skip
OF_SIGNING_IN = OURS | {"UNAUTHENTICATED"}
NOT_LET_IN = frozenset(("UNAUTHENTICATED", "INVALID_ARGUMENT"))
"""Who is nobody: what is no message is refused before it is asked whose it is."""

LOOKS = MESSAGES // 8
"""So many refused messages more are looked at one by one, where others were taken."""

MOST_TAKEN = 5
"""After so many times as many messages nearly all of which are taken, there is none to look at."""

WARM_UP = 2_000
"""After so many messages everything is loaded that ever is, and caches are full."""

MOST_LEFT = Memory(kib=2.5, objects=75)
"""What each message may leave when all RPCs are known: what is refused leaves nothing, but some are
taken, and make objects. Measured: -1.4 to 1.2 KiB, 9 to 28 objects."""

MOST_GROWTH_MIB, MOST_LEFT_KIB = 64, 2
"""What the memory of the process may grow by in all, and for each message besides."""

MANY = 20_000
"""Of fewer messages too little stays to tell it from what Python keeps anyway."""

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

    callers: Mapping[str, Caller]

    def __init__(self, site: Site, heard: Faults) -> None:
        self.place, self.faults = Place(site), heard
        self.sent, self.taken = 0, Counter[str]()
        self.warm_mib = 0.0
        self.held: Mapping[str, str] = {}
        place = self.place
        endpoints, machine = [place.host(), place.server()], place.machine()
        ids = [place.region, place.project, place.image, place.network]
        self.known = [*ids, *endpoints, machine, place.get(machine).claim]
        made = place.member.CreateApplicationCredential(
            name=new_name("program"),
            secret=secrets.token_urlsafe(32),
            roles=[{"role": common_pb2.ROLE_MEMBER, "project": place.project}],
        )
        self.accounts = {
            "operator": place.operator.account,
            "member": place.member.account,
            "program": str(made.metadata.id),
        }
        self.callers = {sender: site.caller() for sender in (*self.accounts, NOBODY)}

    def refuses(self, method: MethodDescriptor, sent: Sent) -> bool:
        """Send a message; whether it is refused, which is in our words."""
        status, words = ask(self.callers[sent.sender], method, sent.text)
        told = f"{sent.sender} is told {status}: {words}: {sent.text[:2000]!r}"
        assert status in words_for(sent.sender, access_of(method).role), told
        self.sent += 1
        self.taken[sent.sender] += status == "OK"
        if self.sent == WARM_UP:
            self.warm_mib = resident_mib()
        return status != "OK"

    def refuses_without_change(self, method: MethodDescriptor, make: Make, many: int) -> None:
        """Send messages, and look at what is kept before and after.

        Where it changed, as some were taken, new ones are sent and looked at one by one: a change
        that can be made once only is seen. What others began comes to its end meanwhile.
        """
        if not self._changed_by(method, make(many)):
            return
        ends_at, unchanged, tries = monotonic() + LONGEST_S, 0, 0
        while unchanged < LOOKS and tries < LOOKS * MOST_TAKEN:
            taken = self.taken.total()
            tables = self._changed_by(method, make(1))
            if tables and self.taken.total() == taken:
                assert monotonic() < ends_at, f"refused by {method.name}, it changes {tables}"
                continue
            ends_at = monotonic() + LONGEST_S
            tries += self.taken.total() > taken
            unchanged += self.taken.total() == taken

    def _changed_by(self, method: MethodDescriptor, messages: Mapping[str, Sent]) -> set[str]:
        """Send messages; in which tables something is otherwise afterwards."""
        refused = [one for one, sent in messages.items() if self.refuses(method, sent)]
        before, self.held = self.held, contents(self.place.site)
        assert not self.keeps_of(refused)
        return changed(before, self.held)

    def sends_to_all(self, run: int) -> None:
        """Send each RPC some messages that it has not had."""
        for name, method in METHODS.items():
            self.signs_in()
            for message in messages_to(self, name, run)(of_workflows(name, AGAIN)).values():
                self.refuses(method, message)
            self.mends(name)
        self.logs_nothing_amiss()

    def logs_nothing_amiss(self) -> None:
        """Of what the services have logged since this was asked last, nothing tells of a fault."""
        found, self.faults.found = self.faults.found, []
        assert not found, "\n\n".join(found)

    def signs_in(self) -> None:
        """Take tokens of today's key: those before retire while many messages are sent."""
        for sender, account in self.accounts.items():
            self.callers[sender].token = self.place.site.token(account, LONG)
        self.place.operator.token = self.callers["operator"].token

    def mends(self, name: str) -> None:
        """Undo what an RPC may have done after which others would only be refused."""
        site, operator = self.place.site, self.place.operator
        if name.endswith("Configure"):
            service = name.removesuffix("Configure").lower()
            region = self.place.region if service == "executor" else ""
            database = site.installation if service == "iam" else site.database
            database.write(lambda session: unset(session, service, region, operator.account))
        if name == "Freeze":
            for freeze in operator.ListFreezes().freezes:
                operator.Thaw(region=freeze.region)

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


def words_for(sender: str, role: int) -> frozenset[str]:
    """Statuses that an RPC for this role may give to a sender."""
    if sender == NOBODY and role > common_pb2.ROLE_ANONYMOUS:
        return NOT_LET_IN
    return OF_SIGNING_IN if role <= common_pb2.ROLE_AUTHENTICATED else OURS


DATABASES = ("sqlite", "postgresql")


@pytest.fixture(scope="module", params=DATABASES)
def battered(request: pytest.FixtureRequest, _sites: Callable[..., Site]) -> Iterator[Battered]:
    with faults() as heard:
        made = Battered(_sites(request.param, "hostile"), heard)
        yield made
        made.signs_in()
        assert Place(made.place.site).host(), "nothing is taken any more"  # in a region of its own
    made.logs_nothing_amiss()
    assert made.taken
    if made.sent > MANY:
        grown_mib = resident_mib() - made.warm_mib
        most_mib = MOST_GROWTH_MIB + MOST_LEFT_KIB * made.sent / 1024
        assert grown_mib < most_mib, f"{made.sent} messages left {grown_mib:.0f} MiB"


def unset(session: Session, service: str, region: str, author: str) -> None:
    """Have what is configured as it was at the start."""
    fields = FIELDS[service]
    configuration.configure(session, service, region, UNSET, fields, generation=0, author=author)


def messages_to(battered: Battered, name: str, run: int = 0) -> Make:
    """Make messages to an RPC, in each run others."""
    method, project, region = METHODS[name], battered.place.project, battered.place.region
    hostile = Hostile(zlib.crc32(f"{name}{run or ''}".encode(), SEED), battered.known)

    def make(many: int) -> Mapping[str, Sent]:
        messages = {}
        for _ in range(many):
            fields = {"request_id": str(uuid4()), "project": project, "region": region}
            fields |= {"id": hostile.dice.choice(battered.known)}
            text = hostile.encoded(method.input_type, **fields)
            messages[fields["request_id"]] = Sent(hostile.dice.choice(SENDERS), text)
        return messages

    return make


def of_workflows(name: str, many: int) -> int:
    """So many messages, or fewer where they start workflows."""
    return many // 5 if name in WORKFLOWS else many


def to_all(many: int) -> int:
    """So many messages are sent where each RPC gets as many, or as few as are for it."""
    return sum(of_workflows(name, many) for name in METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_hostile_messages_are_refused_in_words_and_change_nothing(
    battered: Battered, name: str
) -> None:
    battered.signs_in()
    make, many = messages_to(battered, name), of_workflows(name, MESSAGES)
    before = battered.sent
    battered.refuses_without_change(METHODS[name], make, many)
    assert battered.sent >= before + many
    battered.mends(name)
    battered.logs_nothing_amiss()


def test_hostile_messages_leave_nothing_in_memory(battered: Battered) -> None:
    if battered.sent < WARM_UP:
        battered.sends_to_all(run=1)
    let_in = {*SENDERS} - {NOBODY}  # who is taken only where a message happens to fit
    assert all(battered.taken[sender] for sender in let_in), "some are let in nowhere"
    before, sent = Memory.now(), battered.sent
    battered.sends_to_all(run=2)
    assert battered.sent == sent + to_all(AGAIN)
    left = Memory.now().each(before, battered.sent - sent)
    assert left.kib < MOST_LEFT.kib, f"each message left {left}"
    assert left.objects < MOST_LEFT.objects, f"each message left {left}"


def test_all_together_are_as_many_as_they_have_to_be() -> None:
    """Each of these is counted where it is sent."""
    assert len(DATABASES) * (to_all(MESSAGES) + to_all(AGAIN)) >= LEAST
