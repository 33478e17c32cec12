"""An executor without hardware: it answers as the test says, and keeps what it was asked."""

import asyncio
import threading
import zlib
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, get_type_hints

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from activities.contracts import executor, hypervisor, redfish, reports
from activities.contracts.executor import ExecutorDescription, RegionKey, Served
from activities.contracts.hardware import Done, GuestReport, OperationLog
from activities.contracts.hypervisor import HostInventory, HostSurvey, StagedMachine, StartedMachine
from activities.contracts.redfish import (
    DiskFacts,
    NicFacts,
    RamdiskFacts,
    RamdiskFile,
    RamdiskImage,
    RamdiskProgress,
    RamdiskResult,
    RamdiskTask,
    ServerInventory,
    ServerLook,
    StagedServer,
    VerifiedServer,
)
from mulligan.values.errors import HardwareError
from worker.errors import TellsErrors
from workflows.operation import executor_queue
from workflows.policies import POLICIES

Contract = Callable[[Any], Any]
OK = RamdiskResult(ok=True)
OFTEN = timedelta(milliseconds=50)
PUBLIC_KEY = b64encode(bytes(32)).decode()
KEY_ID, NEXT_KEY_ID = "0000000000a1", "0000000000a2"


def name_of(contract: Contract) -> str:
    """The name under which a contract is registered."""
    name = activity._Definition.must_from_callable(contract).name
    assert name is not None
    return name


def a_log(source: str, text: str) -> OperationLog:
    """What a source said, as executors hand it over."""
    compressed = b64encode(zlib.compress(text.encode())).decode()
    return OperationLog.model_validate({"source": source, "compressed": compressed})


HOST = HostInventory(
    hostname="host-1",
    hypervisor="QEMU",
    hypervisor_version="8.2",
    architecture="x86_64",
    cpus=8,
    memory_mib=16384,
    disk_gib=100,
)
SERVER = ServerInventory(
    manufacturer="Maker",
    model="Model",
    architecture="x86_64",
    cpus=16,
    memory_mib=65536,
    disks=(
        DiskFacts(name="sda", size_bytes=200 << 30, serial="disk-1"),
        DiskFacts(name="sdb", size_bytes=400 << 30, serial="disk-2"),
    ),
    nics=(NicFacts(name="eth0", mac="02:00:00:00:00:01"),),
    boot_mode="uefi",
)


def _staged_server(request: redfish.StageServer) -> StagedServer:
    image = RamdiskImage(sha256="0" * 64, size_bytes=1 << 20)
    drive = RamdiskFile(sha256="0" * 64)
    return StagedServer(
        image=image if request.image else None,
        config_drive=drive if request.config_drive else None,
    )


def _sealed_anew(request: executor.SealAnew) -> executor.SecretsSealedAnew:
    anew = [
        executor.SealedAnew(id=one.id, sealed=one.sealed.replace(f"{KEY_ID}.", f"{NEXT_KEY_ID}."))
        for one in request.secrets
    ]
    return executor.SecretsSealedAnew(secrets=tuple(anew))


def _live(*key_ids: str) -> executor.LiveKeys:
    keys = [RegionKey(key_id=key_id, public_key=PUBLIC_KEY) for key_id in key_ids]
    return executor.LiveKeys(keys=tuple(keys))


ANSWERS: dict[Contract, Callable[[Any], Any]] = {
    executor.describe: lambda _: ExecutorDescription(
        version="fake",
        keys=(RegionKey(key_id=KEY_ID, public_key=PUBLIC_KEY),),
        media_url="http://media",
        report_url="http://media",
    ),
    executor.list_served: lambda _: Served(),
    executor.stop_serving: lambda _: Served(),
    executor.make_key: lambda _: _live(NEXT_KEY_ID, KEY_ID),
    executor.seal_anew: _sealed_anew,
    executor.retire_keys: lambda _: _live(NEXT_KEY_ID),
    hypervisor.inspect: lambda _: HOST,
    hypervisor.stage: lambda asked: StagedMachine(
        root_volume=f"root-{asked.machine}", config_volume=f"config-{asked.machine}"
    ),
    hypervisor.start: lambda _: StartedMachine(domain_uuid="domain-1", domain_name="web"),
    hypervisor.stop: lambda _: Done(),
    hypervisor.start_again: lambda _: StartedMachine(domain_uuid="domain-1", domain_name="web"),
    hypervisor.survey: lambda _: HostSurvey(),
    hypervisor.remove: lambda _: Done(),
    hypervisor.read_console: lambda _: a_log("console", "login:"),
    redfish.verify: lambda _: VerifiedServer(system="/redfish/v1/Systems/1", power="off"),
    redfish.inspect: lambda _: SERVER,
    redfish.stage: _staged_server,
    redfish.look: lambda _: ServerLook(power="off"),
    redfish.restart_bmc: lambda _: Done(),
    redfish.power_cycle: lambda _: Done(),
    redfish.boot_medium: lambda _: Done(),
    redfish.boot_disk: lambda _: Done(),
    redfish.power_off: lambda _: Done(),
    redfish.unstage: lambda _: Done(),
    redfish.read_log: lambda _: (
        a_log("bmc", "power on at https://bmc.internal"),
        a_log("ramdisk", "asks https://executor.internal"),
    ),
}


@dataclass
class Held:
    """A contract that does not end before it is told to, or cancelled."""

    reached: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def wait(self) -> None:
        """Come back when somebody has called it."""
        assert self.reached.wait(20), "nobody called what is held"

    def release(self) -> None:
        self.go_on.set()


@dataclass
class FakeExecutor:
    """What one region's hardware does. `guest` and `ramdisk` are what its machines say.

    `guest`: what a started machine phones home; None says nothing. `stops`: it stops instead.
    `does`: what answers a contract, where that is more than a constant.
    `ramdisk`: how the ramdisk's tasks end, by action; an action without result is never reported.
    """

    region: str
    guest: GuestReport | None = field(
        default_factory=lambda: GuestReport(hostname="web", address="10.0.2.2")
    )
    stops: bool = False
    ramdisk: dict[str, RamdiskResult] = field(default_factory=lambda: {"deploy": OK, "wipe": OK})
    asked: list[tuple[str, Any]] = field(default_factory=list)
    tasks: list[RamdiskTask] = field(default_factory=list)
    does: dict[Contract, Callable[[Any], Any]] = field(default_factory=dict)
    _failures: dict[str, list[Exception]] = field(default_factory=lambda: defaultdict(list))
    _broken: dict[str, Exception] = field(default_factory=dict)
    _answers: dict[str, Any] = field(default_factory=dict)
    _held: dict[str, Held] = field(default_factory=dict)
    _client: Client | None = None

    # What the test says

    def breaks(self, contract: Contract, code: str, message: str = "it broke") -> None:
        """Have a contract fail for good."""
        self._broken[name_of(contract)] = HardwareError(message, code=code)

    def mends(self, contract: Contract) -> None:
        """Have a contract succeed again."""
        del self._broken[name_of(contract)]

    def stumbles(self, contract: Contract, error: Exception) -> None:
        """Have a contract fail once."""
        self._failures[name_of(contract)].append(error)

    def answers(self, contract: Contract, answer: Any) -> None:
        """Have a contract answer something else."""
        self._answers[name_of(contract)] = answer

    def holds(self, contract: Contract) -> Held:
        """Have a contract wait until the test goes on."""
        return self._held.setdefault(name_of(contract), Held())

    # What the test asks

    @property
    def called(self) -> list[str]:
        """The contracts that were called, in order."""
        return [name for name, _ in self.asked]

    def request_of(self, contract: Contract) -> Any:
        """The latest request to a contract."""
        return next(asked for name, asked in reversed(self.asked) if name == name_of(contract))

    # The worker

    def worker(self, client: Client) -> Worker:
        """Make the worker of the region's queue."""
        self._client = client
        return Worker(
            client,
            task_queue=executor_queue(self.region),
            activities=[self._activity(contract) for contract in POLICIES],
            interceptors=[TellsErrors()],
            max_concurrent_activity_task_polls=1,
            default_heartbeat_throttle_interval=OFTEN,
            max_heartbeat_throttle_interval=OFTEN,
        )

    def _activity(self, contract: Contract) -> Contract:
        async def run(request: Any) -> Any:
            return await self._perform(contract, request)

        hints = get_type_hints(contract)
        run.__annotations__ = {"request": hints["request"], "return": hints["return"]}
        return activity.defn(name=name_of(contract))(run)

    async def _perform(self, contract: Contract, request: Any) -> Any:
        name = name_of(contract)
        self.asked.append((name, request))
        if name in self._held:
            await self._wait(self._held[name])
        if self._failures[name]:
            raise self._failures[name].pop(0)
        if name in self._broken:
            raise self._broken[name]
        if contract is redfish.boot_medium:
            await self._run_ramdisk(request.operation)
        if contract in (hypervisor.start, redfish.boot_disk):
            await self._run_guest(request.operation)
        if name in self._answers:
            return self._answers[name]
        return self.does.get(contract, ANSWERS[contract])(request)

    async def _wait(self, held: Held) -> None:
        held.reached.set()
        while not held.go_on.is_set():
            activity.heartbeat()
            await asyncio.sleep(0.02)

    async def _run_guest(self, operation: str) -> None:
        if self.stops:
            await self._workflow(operation).signal(reports.MACHINE_STOPPED)
        elif self.guest is not None:
            await self._workflow(operation).signal(reports.GUEST_REPORT, self.guest)

    async def _run_ramdisk(self, operation: str) -> None:
        workflow = self._workflow(operation)
        await workflow.signal(reports.RAMDISK_FACTS, RamdiskFacts(cpus=16))
        task = await workflow.execute_update(reports.RAMDISK_TASK, result_type=RamdiskTask)
        self.tasks.append(task)
        if task.action in self.ramdisk:
            progress = RamdiskProgress(step=task.action, percent=50)
            await workflow.signal(reports.RAMDISK_PROGRESS, progress)
            await workflow.signal(reports.RAMDISK_RESULT, self.ramdisk[task.action])

    def _workflow(self, operation: str) -> WorkflowHandle[Any, Any]:
        assert self._client is not None
        return self._client.get_workflow_handle(operation)
