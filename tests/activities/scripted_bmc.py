"""A BMC with the manners of vendors: for what neither the emulator nor recordings can show."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import urllib3
from aiohttp import web

Answer = web.Response
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ROOT = "/redfish/v1"
SYSTEM = f"{ROOT}/Systems/1"
MANAGER = f"{ROOT}/Managers/1"
LOGIN = f"{ROOT}/SessionService/Sessions"


@dataclass
class Hiccup:
    """What is answered once instead of the right thing, to a request whose line ends so."""

    to: str
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: str = '{"error": {"code": "Base.1.0.X", "message": "it hiccups"}}'


@dataclass
class ScriptedBmc:
    """One system with a virtual CD drive under its manager; each option is a vendor's manner.

    `login` is where it offers sessions; then it wants one, or basic authentication as admin.
    `requests` and `writes` are what it was asked, `sessions` the open ones by path.
    """

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

    manager_resets: tuple[str, ...] = ()
    login: str = ""
    password: str = "password"
    memory: bool = False
    takes_s: float = 0
    restarts_for: int = 0
    pages: int = 0
    last_page: str = ""

    writes_take_s: float = 0
    away_after_writes: bool = False

    hiccups: list[Hiccup] = field(default_factory=list)
    after_restart: list[Hiccup] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    sessions: dict[str, str] = field(default_factory=dict)
    logins: int = 0
    at_once: int = 0
    most_at_once: int = 0
    away: int = 0
    cycling: list[str] = field(default_factory=list)

    @property
    def app(self) -> web.Application:
        @web.middleware
        async def door(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._at_the_door(request, handler)

        app = web.Application(middlewares=[door])
        root, system, manager = ROOT, SYSTEM, MANAGER
        drive = f"{manager}/VirtualMedia/CD1"
        login = {"Links": {"Sessions": _link(self.login)}} if self.login else {}
        app.router.add_get(
            f"{root}/", self._fixed({"Id": "r", "Systems": _link(f"{root}/Systems"), **login})
        )
        app.router.add_post(LOGIN, self._log_in)
        app.router.add_delete(f"{LOGIN}/{{name}}", self._log_out)
        app.router.add_get(f"{root}/Systems", self._get_systems)
        app.router.add_post(f"{manager}/Actions/Manager.Reset", self._restart)
        app.router.add_get(system, self._get_system)
        app.router.add_patch(system, self._patch_system)
        app.router.add_post(f"{system}/Actions/ComputerSystem.Reset", self._reset)
        media = {} if self.media == "none" else {"VirtualMedia": _link(f"{manager}/VirtualMedia")}
        target = f"{manager}/Actions/Manager.Reset"
        allowed = {"ResetType@Redfish.AllowableValues": list(self.manager_resets)}
        actions = {"#Manager.Reset": {"target": target, **allowed}} if self.manager_resets else {}
        app.router.add_get(manager, self._fixed({"Id": "1", "Actions": actions, **media}))
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

    async def _at_the_door(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        line = f"{request.method} {request.path_qs}"
        self.requests.append(line)
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await asyncio.sleep(self.takes_s)
            if self.away:
                self.away -= 1
                return _refusal(503, "it restarts")
            for hiccup in self.hiccups:
                if line.endswith(hiccup.to):
                    self.hiccups.remove(hiccup)
                    return web.Response(
                        status=hiccup.status,
                        headers=hiccup.headers,
                        text=hiccup.body,
                        content_type="application/json",
                    )
            if not self._lets_in(request):
                return _refusal(401, "who are you?")
            answer = await handler(request)
            if request.method != "GET":
                await asyncio.sleep(self.writes_take_s)
            return answer
        finally:
            self.at_once -= 1

    def _lets_in(self, request: web.Request) -> bool:
        if not self.login or request.path in (f"{ROOT}/", LOGIN):
            return True
        if request.headers.get("X-Auth-Token", "-") in self.sessions.values():
            return True
        known = urllib3.make_headers(basic_auth=f"admin:{self.password}")["authorization"]
        return request.headers.get("Authorization") == known

    async def _log_in(self, request: web.Request) -> Answer:
        self.logins += 1
        if await request.json() != {"UserName": "admin", "Password": self.password}:
            return _refusal(401, "who are you?")
        path, token = f"{LOGIN}/{self.logins}", f"token-{self.logins}"
        self.sessions[path] = token
        return web.json_response(
            {"@odata.id": path}, status=201, headers={"Location": path, "X-Auth-Token": token}
        )

    async def _log_out(self, request: web.Request) -> Answer:
        if self.sessions.pop(request.path, None) is None:
            return _refusal(404, "no such session")
        return web.Response(status=204)

    async def _get_systems(self, request: web.Request) -> Answer:
        if not self.pages:
            return web.json_response({"@odata.id": request.path, "Members": [_link(SYSTEM)]})
        page = int(request.query.get("page", "1"))
        body: dict[str, Any] = {"@odata.id": request.path, "Members": []}
        if page == self.pages:
            body["Members"] = [_link(SYSTEM)]
        if page < self.pages or self.last_page:
            following = self.last_page or str(page + 1)
            body["Members@odata.nextLink"] = f"{request.path}?page={following}"
        return web.json_response(body)

    async def _restart(self, request: web.Request) -> Answer:
        if busy := self._write(f"BMC {(await request.json())['ResetType']}"):
            return busy
        self.away = self.restarts_for
        self.hiccups += self.after_restart
        self.sessions.clear()
        return web.Response(status=204)

    async def _get_system(self, request: web.Request) -> Answer:
        if self.cycling:
            self.power = self.cycling.pop(0)
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
                **({"Memory": _link(f"{SYSTEM}/Memory")} if self.memory else {}),
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
        elif kind == "PowerCycle":
            self.cycling = ["On", "On", "Off", "Off", "Off", "Off", "On"]
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
        if self.away_after_writes:
            self.away = 999
        if self.busy_writes:
            self.busy_writes -= 1
            return _refusal(503, "the service is starting")
        return None


def _link(path: str) -> dict[str, str]:
    return {"@odata.id": path}


def _refusal(status: int, words: str) -> Answer:
    return web.json_response({"error": {"code": "Base.1.0.X", "message": words}}, status=status)
