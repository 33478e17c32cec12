"""A BMC with the manners of vendors: for what neither the emulator nor recordings can show."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

Answer = web.Response


@dataclass
class ScriptedBmc:
    """One system with a virtual CD drive under its manager; each option is a vendor's manner."""

    media: Literal["action", "patch", "none"] = "action"
    wants_all_arguments: bool = False
    ejects_with_body_only: bool = False
    shows_image_as: Literal["url", "path", "nothing", "something else"] = "url"
    cannot_fetch: bool = False
    drops_media: bool = False
    keeps_media: bool = False
    takes_boot_targets: tuple[str, ...] = ("None", "Cd", "Hdd")
    ignores_boot_override: bool = False
    ignores_resets: int = 0
    lies_about_power: int = 0
    busy_writes: int = 0
    resets: tuple[str, ...] = ("On", "ForceOff", "ForceRestart")

    power: str = "On"
    image: str | None = None
    boot: dict[str, Any] = field(
        default_factory=lambda: {
            "BootSourceOverrideEnabled": "Disabled",
            "BootSourceOverrideTarget": "None",
            "BootSourceOverrideMode": "Legacy",
        }
    )
    writes: list[str] = field(default_factory=list)

    @property
    def app(self) -> web.Application:
        app = web.Application()
        root, system, manager = "/redfish/v1", "/redfish/v1/Systems/1", "/redfish/v1/Managers/1"
        drive = f"{manager}/VirtualMedia/CD1"
        app.router.add_get(
            f"{root}/", self._fixed({"Id": "r", "Systems": _link(f"{root}/Systems")})
        )
        app.router.add_get(f"{root}/Systems", self._fixed({"Members": [_link(system)]}))
        app.router.add_get(system, self._get_system)
        app.router.add_patch(system, self._patch_system)
        app.router.add_post(f"{system}/Actions/ComputerSystem.Reset", self._reset)
        media = {} if self.media == "none" else {"VirtualMedia": _link(f"{manager}/VirtualMedia")}
        app.router.add_get(manager, self._fixed({"Id": "1", **media}))
        app.router.add_get(f"{manager}/VirtualMedia", self._fixed({"Members": [_link(drive)]}))
        app.router.add_get(drive, self._get_drive)
        app.router.add_patch(drive, self._patch_drive)
        app.router.add_post(f"{drive}/Actions/VirtualMedia.InsertMedia", self._insert)
        app.router.add_post(f"{drive}/Actions/VirtualMedia.EjectMedia", self._eject)
        return app

    def _fixed(self, body: Mapping[str, Any]) -> Any:
        async def get(request: web.Request) -> Answer:
            return web.json_response({"@odata.id": request.path, **body})

        return get

    async def _get_system(self, request: web.Request) -> Answer:
        power = self.power
        if self.lies_about_power:
            self.lies_about_power -= 1
            power = {"On": "Off", "Off": "On"}[power]
        target = f"{request.path}/Actions/ComputerSystem.Reset"
        reset = {"target": target, "ResetType@Redfish.AllowableValues": list(self.resets)}
        allowed = {
            "BootSourceOverrideTarget@Redfish.AllowableValues": list(self.takes_boot_targets)
        }
        return web.json_response(
            {
                "@odata.id": request.path,
                "Id": "1",
                "PowerState": power,
                "Boot": self.boot | allowed,
                "Links": {"ManagedBy": [_link("/redfish/v1/Managers/1")]},
                "Actions": {"#ComputerSystem.Reset": reset},
            }
        )

    async def _patch_system(self, request: web.Request) -> Answer:
        body = await request.json()
        if busy := self._write(f"boot {body['Boot'].get('BootSourceOverrideTarget', '-')}"):
            return busy
        if not self.ignores_boot_override:
            self.boot |= body["Boot"]
        return web.Response(status=204)

    async def _reset(self, request: web.Request) -> Answer:
        kind = (await request.json())["ResetType"]
        if busy := self._write(kind):
            return busy
        if self.ignores_resets:
            self.ignores_resets -= 1
        else:
            self.power = "Off" if kind == "ForceOff" else "On"
        return web.Response(status=204)

    async def _get_drive(self, request: web.Request) -> Answer:
        shown = {
            "url": self.image,
            "path": self.image and "/media/" + self.image.partition("/media/")[2],
            "nothing": None,
            "something else": "http://elsewhere/other.iso",
        }[self.shows_image_as]
        body: dict[str, Any] = {
            "@odata.id": request.path,
            "Id": "CD1",
            "Name": "CD1",
            "MediaTypes": ["CD", "DVD"],
            "Inserted": self.image is not None,
            "Image": shown if self.image else None,
        }
        headers = {"Allow": "GET, PATCH"} if self.media == "patch" else {"Allow": "GET"}
        if self.media == "action":
            body["Actions"] = {
                f"#VirtualMedia.{name}": {"target": f"{request.path}/Actions/VirtualMedia.{name}"}
                for name in ("InsertMedia", "EjectMedia")
            }
        return web.json_response(body, headers=headers)

    async def _patch_drive(self, request: web.Request) -> Answer:
        body = await request.json()
        if busy := self._write("insert" if body["Image"] else "eject"):
            return busy
        self.image = body["Image"]
        return web.Response(status=204)

    async def _insert(self, request: web.Request) -> Answer:
        body = await request.json()
        if busy := self._write("insert"):
            return busy
        if self.wants_all_arguments and "Inserted" not in body:
            return _refusal(400, "the parameter Inserted is missing")
        if self.cannot_fetch:
            return _refusal(400, "Unable to mount the image: the share is unreachable")
        self.image = None if self.drops_media else body["Image"]
        return web.Response(status=204)

    async def _eject(self, request: web.Request) -> Answer:
        if busy := self._write("eject"):
            return busy
        if self.ejects_with_body_only and not await request.read():
            return _refusal(415, "a body is needed")
        if not self.keeps_media:
            self.image = None
        return web.Response(status=204)

    def _write(self, what: str) -> Answer | None:
        self.writes.append(what)
        if self.busy_writes:
            self.busy_writes -= 1
            return _refusal(503, "the service is starting")
        return None


def _link(path: str) -> dict[str, str]:
    return {"@odata.id": path}


def _refusal(status: int, words: str) -> Answer:
    return web.json_response({"error": {"code": "Base.1.0.X", "message": words}}, status=status)
