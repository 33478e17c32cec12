"""Faults put into a worker's activities: before their effect, or after it, once or for good.

An interceptor in front of all others, for executors and for records alike: what it raises is what
Temporal would hear had the worker failed there. A fault is for one region, so that tests of several
regions go on side by side.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

When = Literal["before", "after"]
WHENS: tuple[When, ...] = ("before", "after")

CODE = "INJECTED"
"""The code of every fault from here."""


@dataclass(frozen=True)
class Call:
    """One try of one activity."""

    region: str
    workflow: str
    name: str
    attempt: int


@dataclass
class Fault:
    """What goes wrong in a region, before or after the effect.

    Without a name every activity is hit. One for good hits each try after the first `spared` ones,
    else only the first try of an activity's every call is hit.
    """

    region: str
    when: When
    name: str = ""
    for_good: bool = False
    spared: int = 0
    hits: list[Call] = field(default_factory=list)
    _met: int = 0

    def hit(self, call: Call) -> bool:
        """Say whether this try is hit, and remember it."""
        if call.region != self.region or self.name not in ("", call.name):
            return False
        self._met += 1
        if not (self._met > self.spared if self.for_good else call.attempt == 1):
            return False
        self.hits.append(call)
        return True


class Injector(Interceptor):
    """Stands in front of the activities of any number of workers; keeps every call."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._faults: list[Fault] = []
        self._listeners: list[Callable[[Call], None]] = []
        self._regions: dict[str, str] = {}
        self._counting = threading.Lock()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        """Stand around each activity."""
        return _Faulty(next, self)

    @contextmanager
    def fault(self, fault: Fault) -> Iterator[Fault]:
        """Have this go wrong as long as the context lasts."""
        self._faults.append(fault)
        try:
            yield fault
        finally:
            self._faults.remove(fault)

    @contextmanager
    def heard_by(self, listener: Callable[[Call], None]) -> Iterator[None]:
        """Have somebody told of each try that is about to begin."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def heard(self, request: Any) -> Call:
        """Take note of a try that begins."""
        told = activity.info()
        workflow = told.workflow_id or ""
        with self._counting:
            region = self._region(told.task_queue, workflow, request)
            call = Call(region, workflow, told.activity_type, told.attempt)
            self.calls.append(call)
        for listener in list(self._listeners):
            listener(call)
        return call

    def _region(self, queue: str, workflow: str, request: Any) -> str:
        """Say whose a call is: its queue, its request, or its workflow's first request tells."""
        of_queue = queue.partition("executor.")[2]
        asked = getattr(request, "asked", None)
        said = of_queue or getattr(asked, "region", "") or getattr(request, "region", "")
        for kind in ("reservation", "series"):
            said = said or self._regions.get(getattr(request, kind, ""), "")
        return self._regions.setdefault(workflow, said)

    def place(self, object_id: str, region: str) -> None:
        """Say in which region a reservation or series is, as its requests don't."""
        self._regions[object_id] = region

    def strike(self, call: Call, when: When) -> None:
        """Raise what is to go wrong at this point of a call, if anything is."""
        for fault in list(self._faults):
            if fault.when == when and fault.hit(call):
                raise ApplicationError(
                    f"{call.name} was broken {when} its effect",
                    type=CODE,
                    non_retryable=fault.for_good,
                )


class _Faulty(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, injector: Injector) -> None:  # noqa: A002
        super().__init__(next)
        self._injector = injector

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        call = self._injector.heard(input.args[0])
        self._injector.strike(call, "before")
        result = await super().execute_activity(input)
        for one in getattr(result, "kept", ()):
            self._injector.place(one.reservation, one.asked.region)
        self._injector.strike(call, "after")
        return result
