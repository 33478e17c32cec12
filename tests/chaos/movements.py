"""How the operations of a site move, as Watch tells it: the moments at which the killer kills."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from typing import TypeVar

from mulligan_client.client import Client
from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from tests.chaos.site import Site

Found = TypeVar("Found")

OUTSIDE = ("activate", "boot ramdisk", "deploy", "wipe", "inspect")
"""Steps in which a guest or ramdisk is waited for: that takes long by itself."""


@dataclass
class Moving:
    """One operation: of what type, on which kind, where it is, and when it last moved."""

    id: str
    type: str = ""
    kind: str = ""
    """virtual, metal, or empty for operations on hosts and servers."""
    state: str = "running"
    steps: list[str] = field(default_factory=list)
    waits: bool = False
    """It waits for somebody outside, for a thaw, or for its time."""
    moved_at: list[float] = field(default_factory=list)
    """`time.time` of each thing that happened to it, as the event says: Watch may tell it late."""

    @property
    def step(self) -> str:
        """The step at which it is."""
        return self.steps[-1] if self.steps else ""

    def moved_after(self, moment: float) -> float | None:
        """Give when it first moved after a moment."""
        return next((at for at in self.moved_at if at > moment), None)


class Movements:
    """All operations since the beginning of `watching`, and conditions to wait for."""

    def __init__(self, site: Site) -> None:
        self._kinds = {site.login.project: "virtual", site.metal_project: "metal"}
        self._operations: dict[str, Moving] = {}
        self._reservations: dict[str, str] = {}
        self._ended = False
        self.changed = threading.Condition()
        self.problem = ""

    def all(self) -> list[Moving]:
        """Give all operations."""
        with self.changed:
            return list(self._operations.values())

    def running(self) -> list[Moving]:
        """Give the operations that have not ended."""
        return [one for one in self.all() if one.state == "running"]

    def of(self, operation: str) -> Moving:
        """Give one operation."""
        with self.changed:
            return self._operations.get(operation) or Moving(operation)

    def state_of(self, reservation: str) -> str:
        """Give the state of a reservation."""
        with self.changed:
            return self._reservations.get(reservation, "")

    def wait(self, look: Callable[[], Found], timeout_s: float) -> Found:
        """Wait until something is so, looking after each movement; gives the last answer."""
        give_up_at = time.monotonic() + timeout_s
        with self.changed:
            while not (found := look()) and not self._ended:
                if not self.changed.wait(give_up_at - time.monotonic()):
                    return look()
            return found

    def wait_for_step(self, operation: str, step: str, timeout_s: float = 60) -> None:
        """Wait until an operation has come to a step; a quick one may be past it by then.

        Raises:
            AssertionError: it did not come there.
        """

        def look() -> bool:
            one = self.of(operation)
            return step in one.steps or one.state != "running"

        self.wait(look, timeout_s)
        found = self.of(operation)
        assert step in found.steps, f"it is at {found}, not at {step!r}: {self.problem}"

    def hear(self, event: common_pb2.Event) -> None:
        """Take in an event."""
        if event.object_type == "reservation":
            with self.changed:
                self._reservations[event.object_id] = event.status.state
                self.changed.notify_all()
        if event.object_type != "operation":
            return
        with self.changed:
            one = self._operations.setdefault(event.object_id, Moving(event.object_id))
            one.kind = self._kinds.get(event.project, "")
            one.state = event.status.state
            if event.kind == "created":
                one.type = event.message.partition(" ")[0]
                one.waits = one.type == "reservation"
            elif event.kind == "step":
                step, _, message = event.message.partition(": ")
                one.steps.append(step.rpartition(" ")[0])
                one.waits = one.step.startswith(OUTSIDE) or "because" in message
                one.waits |= one.type == "keep"  # a guest has its grace
            one.moved_at.append(event.at.ToDatetime(UTC).timestamp())
            self.changed.notify_all()

    def listen(self, client: Client, revision: int) -> None:
        """Hear until the client is closed."""
        try:
            for event in client.watch(after_revision=revision):
                self.hear(event)
        except (MulliganCallError, ValueError) as error:  # gRPC: ValueError of a closed channel
            self.problem = str(error)
        with self.changed:
            self._ended = True
            self.changed.notify_all()


@contextmanager
def watching(site: Site) -> Iterator[Movements]:
    """Hear of all operations as long as the context lasts."""
    revision = site.client.control.ListHosts(control_pb2.ListHostsRequest()).revision
    movements = Movements(site)
    with site.another_client() as client:
        listener = threading.Thread(
            target=movements.listen, args=(client, revision), name="watch", daemon=True
        )
        listener.start()
        yield movements
    listener.join(10)
