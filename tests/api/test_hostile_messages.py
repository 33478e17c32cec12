"""Any message at any RPC: it is answered or refused in words, never with INTERNAL or UNKNOWN."""

import os
import zlib
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor

from tests.fakes.caller import METHODS, Caller
from tests.fakes.hostile import Hostile
from tests.fakes.place import Place
from tests.fakes.site import Site

MESSAGES = int(os.environ.get("MULLIGAN_HOSTILE_MESSAGES", "50"))
"""So many of each RPC and database."""

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


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def battered(request: pytest.FixtureRequest, _sites: Callable[..., Site]) -> Place:
    """A place on a site of its own: some of what is sent is taken."""
    return Place(_sites(request.param, "hostile"))


@pytest.fixture(scope="module")
def known(battered: Place) -> list[str]:
    """Objects of each kind, and their names."""
    endpoints = [battered.host(), battered.server()]
    machine = battered.machine()
    claim = battered.get(machine).claim
    ids = [battered.region, battered.project, battered.image, battered.network]
    return [*ids, *endpoints, machine, claim]


@pytest.mark.parametrize("name", METHODS)
def test_hostile_messages_are_refused_in_words(
    battered: Place, known: list[str], name: str
) -> None:
    method = METHODS[name]
    hostile = Hostile(zlib.crc32(name.encode(), SEED), known)
    for number in range(MESSAGES // 5 if name in WORKFLOWS else MESSAGES):
        fields = {"request_id": str(uuid4()), "project": battered.project}
        fields |= {"region": battered.region, "id": hostile.dice.choice(known)}
        message = hostile.encoded(method.input_type, **fields)
        status, words = ask(battered.operator, method, message)
        assert status in OURS, f"message {number}: {status}: {words}: {message[:2000]!r}"
