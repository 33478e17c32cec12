"""A server of which only the BMC is there: the test plays its ramdisk and its operating system.

What is played is what a real one says, over the executor's real media server. `disk` is the
operation that wrote the disk, empty when it is clean.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import urllib3
from aiohttp import web

from activities.keys import RegionKeys
from activities.settings import ExecutorSettings
from tests.activities.scripted_bmc import SYSTEM, ScriptedBmc, _link

MAC = "02:00:00:00:00:01"
PATIENT = urllib3.Retry(6, status_forcelist=[409, 503], allowed_methods=None, backoff_factor=0.1)
PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Cloud-init asks again, and so does a ramdisk while its server is on."""


@dataclass
class Machines:
    """What machines of one executor say to it."""

    settings: ExecutorSettings

    def __post_init__(self) -> None:
        ca = self.settings.state_folder / "tls" / "ca.pem"
        self._http = urllib3.PoolManager(ca_certs=str(ca), retries=PATIENT)

    def phone_home(self, operation: str) -> None:
        """Say that a machine is active, as cloud-init does."""
        address = f"{self.settings.media_url}/report/{self._token(operation, 'guest')}"
        self._http.request("POST", address, fields={"hostname": "played"}, encode_multipart=False)

    def ask_task(self, operation: str, off: threading.Event) -> Any:
        """Say what hardware there is, and ask what is to be done; None when nothing is."""
        heard = self._say(operation, "facts", {"cpus": 1}, off)
        return self._say(operation, "task", {}, off) if heard is not None else None

    def end_task(self, operation: str, result: dict[str, Any], off: threading.Event) -> None:
        """Say how the task ended."""
        self._say(operation, "result", result, off)

    def operation_of(self, medium: str) -> str:
        """Read from a boot medium's address for which operation it was made."""
        secret = medium.split("/")[-2]
        [folder] = (self.settings.state_folder / "media").glob(f"*/{secret}")
        return folder.parent.name

    def _say(self, operation: str, what: str, words: dict[str, Any], off: threading.Event) -> Any:
        """Say it until it is heard; None when the power went off or the operation is over."""
        for pause_s in PAUSES_S:
            answer = self._http.request(
                "POST",
                f"{self.settings.ramdisk_url}/ramdisk/v1/{what}",
                body=json.dumps(words),
                headers={"Authorization": f"Bearer {self._token(operation, 'ramdisk')}"},
                retries=False,
            )
            if answer.status not in (409, 503) or off.wait(pause_s):
                break
        if off.is_set() or answer.status in (409, 410):
            return None
        assert answer.status == 200, f"{what}: {answer.status} {answer.data!r}"
        return answer.json()

    def _token(self, operation: str, audience: Any) -> str:
        keys = RegionKeys.load(Path(self.settings.state_folder) / "keys", self.settings.region)
        return keys.report_token(operation, audience, datetime.now(UTC) + timedelta(hours=1))


@dataclass
class PlayedServer(ScriptedBmc):
    """A BMC whose server boots what is in its drive, else what is on its disk.

    `ramdisk`: how its tasks end, by action; one without result is never reported.
    `starts` counts how often the server was started. What runs on it ends with its power.
    """

    machines: Machines | None = None
    power: str = "Off"
    ramdisk: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {"deploy": {"ok": True}, "wipe": {"ok": True}}
    )
    disk: str = ""
    starts: int = 0
    playing: list[threading.Thread] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    off: threading.Event = field(default_factory=threading.Event)

    @property
    def app(self) -> web.Application:
        app = super().app
        interface = f"{SYSTEM}/EthernetInterfaces/1"
        listed = self._fixed({"Members": [_link(interface)]})
        app.router.add_get(f"{SYSTEM}/EthernetInterfaces", listed)
        app.router.add_get(interface, self._fixed({"Id": "1", "MACAddress": MAC}))
        return app

    def rest(self) -> list[str]:
        """Wait until nothing is played any more; tells what could not be said."""
        for thread in self.playing:
            thread.join(30)
            if thread.is_alive():
                self.errors.append("a played machine got no answer")
        told, self.errors, self.playing = self.errors, [], []
        return told

    async def _get_system(self, request: web.Request) -> web.Response:
        answer = await super()._get_system(request)
        body = json.loads(answer.text or "")
        body["EthernetInterfaces"] = _link(f"{SYSTEM}/EthernetInterfaces")
        return web.json_response(body)

    async def _reset(self, request: web.Request) -> web.Response:
        kind = (await request.json())["ResetType"]
        was_on, ignored = self.power == "On", self.ignores_resets
        answer = await super()._reset(request)
        if answer.status != 204 or ignored or (was_on and kind in ("On", "ForceOn")):
            return answer
        self.off.set()
        if self.power == "On" and kind != "PowerCycle":
            self._start()
        return answer

    def _start(self) -> None:
        self.starts += 1
        self.off = off = threading.Event()
        once = self.boot["BootSourceOverrideEnabled"] == "Once"
        from_cd = once and self.boot["BootSourceOverrideTarget"] == "Cd" and self.image
        if once:
            none = {"BootSourceOverrideEnabled": "Disabled", "BootSourceOverrideTarget": "None"}
            self.boot = self.boot | none
        machines = self.machines
        assert machines is not None
        if from_cd:
            operation = machines.operation_of(str(self.image))
            self._play(lambda: self._run_ramdisk(machines, operation, off), off)
        elif self.disk:
            self._play(lambda: machines.phone_home(self.disk), off)

    def _play(self, play: Callable[[], None], off: threading.Event) -> None:
        def run() -> None:
            try:
                play()
            except BaseException as error:
                if not off.is_set():
                    self.errors.append(f"a played machine met {error!r}")

        self.playing.append(threading.Thread(target=run, daemon=True))
        self.playing[-1].start()

    def _run_ramdisk(self, machines: Machines, operation: str, off: threading.Event) -> None:
        task = machines.ask_task(operation, off)
        if task is None:
            return
        result = self.ramdisk.get(task["action"])
        if task["action"] == "deploy":
            self.disk = operation
        elif result and result["ok"]:
            self.disk = ""
        if result:
            machines.end_task(operation, result, off)
