"""Every fault of a BMC under every activity: what is said while it lasts, and what comes of it.

The table says with which code each activity ends while the fault lasts ("" is success). When it is
gone a second try succeeds, and the server was told each thing exactly once over both tries.
"""

from base64 import b64decode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zlib import decompress

import pytest
from temporalio.testing import ActivityEnvironment

from activities import bmc, bmc_line
from activities.bmc import Patience
from activities.contracts.redfish import (
    BmcAccess,
    BmcTarget,
    BootMedium,
    InspectServer,
    VerifyServer,
)
from activities.images import ImageCache
from activities.redfish import Redfish
from mulligan.values.errors import HardwareBusyError, HardwareError
from tests.activities.scripted_bmc import ScriptedBmc
from tests.fakes.lying_bmc import SESSIONS, Certificate, Fault, LyingBmc
from tests.lab import Executor, bmc_access, running_executor, serving

PATIENT = Patience(pause_s=0.01, power_s=3, media_s=5, boot_s=5)
HASTY = Patience(pause_s=0.01, power_s=0.2, media_s=0.1, boot_s=0.1)
"""For what is never going to be as it was told."""

PASSWORD = "a-password-that-nobody-may-see"
SERVER = "server-7"
WAITING_HELPS = {"BMC_UNREACHABLE", "BMC_BUSY", "BMC_ANSWER_CUT_OFF"}

ACTIVITIES = ("verify", "inspect", "boot_medium", "boot_disk", "power_off")
TELLS = {
    "verify": [],
    "inspect": [],
    "boot_medium": ["ForceOff", "insert", "boot Cd", "On"],
    "boot_disk": ["ForceOff", "eject", "boot Hdd", "On"],
    "power_off": ["ForceOff", "eject"],
}
"""What each activity tells a server that is on; in this order, once."""

SYSTEM = "/redfish/v1/Systems/1"
REQUESTS = {
    "eject": ("POST", "/redfish/v1/Managers/1/VirtualMedia/CD1/Actions/VirtualMedia.EjectMedia"),
    "insert": ("POST", "/redfish/v1/Managers/1/VirtualMedia/CD1/Actions/VirtualMedia.InsertMedia"),
    "boot Cd": ("PATCH", SYSTEM),
    "boot Hdd": ("PATCH", SYSTEM),
}
"""How a server is told; all else is a reset."""

LOGIN = ("POST", SESSIONS)
READS_WORK = ("", "")
RESET = "ComputerSystem.Reset$"
INSERT = "VirtualMedia.InsertMedia$"
EJECT = "VirtualMedia.EjectMedia$"

REFUSED = Fault("answer", status=503)
TOLD_TO_WAIT = replace(REFUSED, headers=(("Retry-After", "0"),))
CONFLICT = Fault("answer", status=409, message="another operation is under way")
SLOW = Fault("delay", delay_s=0.6)

FAULTS: dict[str, tuple[Fault, tuple[str, ...]]] = {
    "slow": (SLOW, ("BMC_UNREACHABLE",) * 5),
    "slow writes": (Fault("delay", delay_s=0.4).for_writes(), ("",) * 5),
    "slow login": (replace(SLOW, methods="POST", path=SESSIONS), ("BMC_UNREACHABLE",) * 5),
    "login dropped": (
        Fault("drop before", methods="POST", path=SESSIONS),
        ("BMC_UNREACHABLE",) * 5,
    ),
    "no session free": (replace(REFUSED, methods="POST", path=SESSIONS), ("",) * 5),
    "503": (REFUSED, ("BMC_BUSY",) * 5),
    "503, Retry-After": (TOLD_TO_WAIT, ("BMC_BUSY",) * 5),
    "503 to writes": (REFUSED.for_writes(), (*READS_WORK, *["BMC_BUSY"] * 3)),
    "503 to resets": (replace(REFUSED, path=RESET), (*READS_WORK, *["BMC_BUSY"] * 3)),
    "503 once": (replace(REFUSED.for_writes(), times=1), ("",) * 5),
    "503, Retry-After once": (replace(TOLD_TO_WAIT, times=1), ("",) * 5),
    "503 to ejections": (replace(REFUSED, path=EJECT), ("", "", "", "BMC_BUSY", "BMC_BUSY")),
    "409 to writes": (CONFLICT.for_writes(), (*READS_WORK, *["BMC_BUSY"] * 3)),
    "409 to resets": (replace(CONFLICT, path=RESET), (*READS_WORK, *["BMC_BUSY"] * 3)),
    "dropped": (Fault("drop before"), ("BMC_UNREACHABLE",) * 5),
    "dropped after": (Fault("drop after"), ("BMC_UNREACHABLE",) * 5),
    "writes dropped": (
        Fault("drop before").for_writes(),
        (*READS_WORK, *["BMC_UNREACHABLE"] * 3),
    ),
    "resets dropped": (
        Fault("drop before", path=RESET),
        (*READS_WORK, *["BMC_UNREACHABLE"] * 3),
    ),
    "writes dropped after": (Fault("drop after").for_writes(), ("",) * 5),
    "truncated": (Fault("truncate", methods="GET"), ("BMC_ANSWER_CUT_OFF",) * 5),
    "truncated once": (Fault("truncate", methods="GET", times=1), ("",) * 5),
    "stale power": (Fault("stale power", methods="POST", path=RESET, reads=4), ("",) * 5),
    "sessions expire": (
        Fault("expire sessions", methods="GET", path="/Systems/1$", every=2),
        ("",) * 5,
    ),
    "sessions expire before writes": (Fault("expire sessions", every=2).for_writes(), ("",) * 5),
    "media not there": (
        Fault("swallow", path=INSERT),
        (*READS_WORK, "MEDIA_NOT_ACCEPTED", "", ""),
    ),
    "override ignored": (
        Fault("swallow", methods="PATCH", path="/Systems/1$"),
        (*READS_WORK, "BOOT_OVERRIDE_REFUSED", "BOOT_OVERRIDE_REFUSED", ""),
    ),
    "resets ignored": (
        Fault("swallow", path=RESET),
        (*READS_WORK, *["POWER_NOT_CHANGED"] * 3),
    ),
    "wrong password": (
        Fault("answer", path="/redfish/v1/.", status=401, message="wrong credentials"),
        ("BMC_CREDENTIALS_REFUSED",) * 5,
    ),
    "gone": (Fault("vanish", times=1), ("BMC_UNREACHABLE",) * 5),
    "gone at a write": (
        replace(Fault("vanish", times=1).for_writes()),
        (*READS_WORK, *["BMC_UNREACHABLE"] * 3),
    ),
}


@dataclass
class Scene:
    """A server whose BMC is behind the proxy, and the executor that drives it."""

    executor: Executor
    hasty: Redfish
    server: ScriptedBmc
    proxy: LyingBmc
    access: BmcAccess
    operation: str
    marks: list[object] = field(default_factory=list)

    def run(self, name: str, *, is_hasty: bool = False) -> Any:
        """Run an activity as a worker does; a later try knows what an earlier one said."""
        redfish = self.hasty if is_hasty else self.executor.redfish
        target: dict[str, Any] = {"operation": self.operation, "fence": 1, "access": self.access}
        does: dict[str, tuple[Callable[..., Any], object]] = {
            "verify": (redfish.verify, VerifyServer(**target)),
            "inspect": (redfish.inspect, InspectServer(**target)),
            "boot_medium": (redfish.boot_medium, BootMedium(**target)),
            "boot_disk": (redfish.boot_disk, BmcTarget(**target)),
            "power_off": (redfish.power_off, BmcTarget(**target)),
        }
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, heartbeat_details=tuple(self.marks))
        environment.on_heartbeat = lambda *details: self.marks.extend(details)
        activity, request = does[name]
        return environment.run(activity, request)

    def state(self) -> tuple[str, str, bool]:
        """Look at the server itself: its power, from what it boots, whether our medium is in."""
        ours = self.executor.media.boot_url(self.operation, self.access.server)
        return (
            self.server.power,
            self.server.boot["BootSourceOverrideTarget"],
            self.server.image == ours,
        )

    def logged(self) -> str:
        """Read what the operation's log says that the BMC answered."""
        target = BmcTarget(operation=self.operation, fence=1, access=self.access)
        logs = self.executor.run(self.executor.redfish.read_log, target)
        return "".join(decompress(b64decode(log.compressed)).decode() for log in logs)


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Executor]:
    folder = tmp_path_factory.mktemp("lying")
    ramdisk = folder / "ramdisk"
    ramdisk.mkdir()
    for name in ("efi.img", "vmlinuz", "initrd.img", "grub.cfg"):
        (ramdisk / name).write_bytes(b"-" * 512)
    with running_executor(folder / "state", ramdisk, PATIENT) as running:
        yield running


@pytest.fixture(scope="module")
def hasty(executor: Executor) -> Redfish:
    settings, keys, media = executor.settings, executor.keys, executor.media
    return Redfish(settings, keys, ImageCache(settings), media, patience=HASTY)


@contextmanager
def short_timeouts() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (bmc, bmc_line):
            patch.setattr(module, "READ_TIMEOUTS_S", (5, 0.3))
        patch.setattr(bmc_line, "WRITE_TIMEOUTS_S", (5, 0.3))
        patch.setattr(bmc_line, "LONGEST_WAIT_S", 0.05)
        yield


@pytest.fixture
def name() -> str:
    """The activity that a test is about; most are about each."""
    return "verify"


@pytest.fixture
def certificate() -> Certificate:
    return "none"


@pytest.fixture
def scene(
    executor: Executor,
    hasty: Redfish,
    name: str,
    certificate: Certificate,
    request: pytest.FixtureRequest,
) -> Iterator[Scene]:
    """A server that is on; for what comes after a boot from our medium, with that in it."""
    operation = "operation-" + "".join(c if c.isalnum() else "-" for c in request.node.name)
    server = ScriptedBmc()
    executor.media.write_boot_medium(operation, SERVER)
    if name in ("boot_disk", "power_off"):
        server.image = executor.media.boot_url(operation, SERVER)
        server.boot |= {"BootSourceOverrideEnabled": "Once", "BootSourceOverrideTarget": "Cd"}
    with (
        serving(server.app) as upstream,
        LyingBmc(upstream, certificate, password=PASSWORD) as proxy,
    ):
        access = bmc_access(executor.keys, proxy.address, server=SERVER, password=PASSWORD)
        yield Scene(executor, hasty, server, proxy, access, operation)


AFTER = {
    "verify": ("On", "None", False),
    "inspect": ("On", "None", False),
    "boot_medium": ("On", "Cd", True),
    "boot_disk": ("On", "Hdd", False),
    "power_off": ("Off", "Cd", False),
}
"""How a server is when an activity succeeded: power, boot override, our medium in it."""


def assert_well_said(error: HardwareError, code: str, scene: Scene) -> None:
    """The right code; a retry where waiting can help; who, where and what to do; no secret."""
    assert error.reason == code, error.message
    assert isinstance(error, HardwareBusyError) == error.retryable == (code in WAITING_HELPS)
    assert SERVER in error.message
    assert scene.access.address in error.message
    assert ";" in error.message, f"what to do is missing: {error.message}"
    assert_no_secret(f"{error.message} {error.details}", scene)


def assert_no_secret(words: str, scene: Scene) -> None:
    url = scene.executor.media.boot_url(scene.operation, SERVER)
    assert PASSWORD not in words
    assert "session-token-" not in words
    assert url.split("/media/")[1].split("/")[0] not in words


def can_meet(fault: Fault, name: str) -> bool:
    reset = ("POST", f"{SYSTEM}/Actions/ComputerSystem.Reset")
    told = [REQUESTS.get(tell, reset) for tell in TELLS[name]]
    return any(fault.meets(*request) for request in [LOGIN, ("GET", SYSTEM), *told])


@pytest.mark.parametrize("name", ACTIVITIES)
@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_is_named_and_a_second_try_ends_it(scene: Scene, what: str, name: str) -> None:
    fault, codes = FAULTS[what]
    code = codes[ACTIVITIES.index(name)]
    shortly = fault.does == "delay" or fault.headers
    with scene.proxy.lying(fault) as lies, short_timeouts() if shortly else nullcontext():
        if code:
            with pytest.raises(HardwareError) as caught:
                scene.run(name, is_hasty=True)
            assert_well_said(caught.value, code, scene)
        else:
            scene.run(name)
            assert scene.state() == AFTER[name]
    assert bool(lies[0].hits) == can_meet(fault, name)
    if fault.does == "vanish" and code:
        scene.proxy.come_back()
    scene.run(name)
    assert scene.state() == AFTER[name]
    assert scene.server.writes == TELLS[name]
    assert scene.proxy.most_at_once == 1
    said = scene.logged()
    assert SESSIONS in said
    assert_no_secret(said, scene)


@pytest.mark.parametrize("name", ACTIVITIES)
def test_wrong_credentials_are_tried_once(scene: Scene, name: str) -> None:
    """BMCs lock an account after a few wrong ones."""
    scene.proxy.password = "another-one-since-yesterday"
    with pytest.raises(HardwareError) as caught:
        scene.run(name)
    assert_well_said(caught.value, "BMC_CREDENTIALS_REFUSED", scene)
    assert [heard.status for heard in scene.proxy.heard].count(401) == 1
    assert scene.proxy.writes == []


@pytest.mark.parametrize("name", ACTIVITIES)
@pytest.mark.parametrize("certificate", ["self-signed", "expired"])
def test_an_untrusted_certificate_ends_it_before_anything_is_said(
    scene: Scene,
    name: str,
    certificate: Certificate,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """An expired one is refused for that alone: who signed it is trusted."""
    (tmp_path / "ca.pem").write_bytes(scene.proxy.ca_pem)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    with pytest.raises(HardwareError) as caught:
        scene.run(name)
    assert_well_said(caught.value, "BMC_TLS_UNTRUSTED", scene)
    assert ("expired" in caught.value.message) == (certificate == "expired")
    assert scene.proxy.heard == []


@pytest.mark.parametrize("certificate", ["self-signed", "expired"])
def test_an_untrusted_certificate_does_when_the_operator_says_so(
    scene: Scene, certificate: Certificate
) -> None:
    scene.access = scene.access.model_copy(update={"verify_tls": False})
    assert "the BMC's certificate is not verified" in scene.run("verify").notes


@pytest.mark.parametrize("certificate", ["good"])
def test_a_good_certificate_is_trusted(
    scene: Scene, certificate: Certificate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_bytes(scene.proxy.ca_pem)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    assert not any("certificate" in note for note in scene.run("verify").notes)


def test_a_bmc_is_asked_one_thing_at_a_time(scene: Scene) -> None:
    """Whatever is done to it at once, and however slow it is."""
    with (
        scene.proxy.lying(Fault("delay", delay_s=0.01)),
        ThreadPoolExecutor() as threads,
    ):
        done = [threads.submit(scene.run, name) for name in ("verify", "inspect", "power_off")]
        for each in done:
            each.result(30)
    assert scene.proxy.most_at_once == 1


@pytest.mark.parametrize("name", ACTIVITIES)
def test_no_session_is_left_on_a_bmc(scene: Scene, name: str) -> None:
    """Also not the one of a try that broke off: the next one that writes ends it."""
    gone = Fault("vanish", methods="POST PATCH DELETE", path=SYSTEM, times=1)
    with scene.proxy.lying(gone), suppress(HardwareBusyError):
        scene.run(name, is_hasty=True)
    if scene.proxy.is_gone:
        assert len(scene.proxy.sessions) == 1
        scene.proxy.come_back()
    scene.run(name)
    assert scene.proxy.sessions == {}


def test_a_bmc_that_does_not_listen_is_said_to_refuse_the_connection(scene: Scene) -> None:
    scene.proxy.vanish()
    with pytest.raises(HardwareBusyError) as caught:
        scene.run("verify")
    assert_well_said(caught.value, "BMC_UNREACHABLE", scene)
    assert "connection refused" in caught.value.message
    scene.proxy.come_back()
    scene.run("verify")
