"""BMCs that answer from a recorded or written tree of resources; they refuse writes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import encode_basic_auth, web

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "redfish"
"""Whole trees of real BMCs, for those who have them; `<tree>/redfish/v1/.../index.json`."""

SESSIONS = "/redfish/v1/SessionService/Sessions"
OPEN = ("/redfish", "/redfish/v1")
"""What DSP0266 has a service show to everybody."""


def recorded_trees() -> list[str]:
    """Name the recorded trees that there are here."""
    return sorted(path.parent.name for path in RECORDED.glob("*/redfish"))


def recorded_tree(name: str) -> dict[str, str]:
    """Read a recorded tree: what the BMC answered at each path."""
    tree = RECORDED / name
    return {
        "/" + str(file.parent.relative_to(tree)): file.read_text()
        for file in tree.rglob("index.json")
    }


def written_tree(resources: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Write a small tree: each path below /redfish/v1/ with what it answers."""
    bodies = {f"/redfish/v1/{path}".rstrip("/"): body for path, body in resources.items()}
    return {
        path: json.dumps({"@odata.id": path, "Id": path.rpartition("/")[2], **body})
        for path, body in bodies.items()
    }


@dataclass
class RecordedBmc:
    """Serves a tree, with sessions and basic authentication; iLO takes paths in any case."""

    answers: Mapping[str, str]
    any_case: bool = False
    username: str = "admin"
    password: str = "password"
    sessions: dict[str, str] = field(default_factory=dict)
    """Tokens of open sessions by their path."""
    requests: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def of(cls, tree: str, **changes: str) -> "RecordedBmc":
        """Serve a recorded tree; `changes` are answers by the end of a path's name."""
        return cls(recorded_tree(tree) | changes, any_case=tree.startswith("hpe-"))

    @property
    def app(self) -> web.Application:
        self._by_path = {self._key(path): answer for path, answer in self.answers.items()}
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    def _key(self, path: str) -> str:
        plain = path.rstrip("/")
        return plain.lower() if self.any_case else plain

    async def _answer(self, request: web.Request) -> web.Response:
        path = self._key(request.path)
        self.requests.append((request.method, request.path))
        if request.method == "POST" and path == self._key(SESSIONS):
            return await self._open_session(request)
        if path not in OPEN and not self._is_known(request):
            return _refusal(401, "Base.1.8.NoValidSession")
        if request.method == "DELETE" and self.sessions.pop(request.path.rstrip("/"), ""):
            return web.Response(status=204)
        if request.method != "GET":
            return _refusal(405, "Base.1.8.OperationNotAllowed", Allow="GET, HEAD")
        body = self._by_path.get(path)
        if body is None:
            return _refusal(404, "Base.1.8.ResourceMissingAtURI")
        # A recorded error lacks the status that it came with; all but two say "missing".
        status = 404 if body.lstrip().removeprefix("{").lstrip().startswith('"error"') else 200
        return web.Response(text=body, status=status, content_type="application/json")

    async def _open_session(self, request: web.Request) -> web.Response:
        if self._key(SESSIONS) not in self._by_path:
            return _refusal(404, "Base.1.8.ResourceMissingAtURI")
        said = await request.json()
        if (said.get("UserName"), said.get("Password")) != (self.username, self.password):
            return _refusal(401, "Base.1.8.NoValidSession")
        path = f"{SESSIONS}/{len(self.requests)}"
        self.sessions[path] = f"token-{len(self.requests)}"
        headers = {"X-Auth-Token": self.sessions[path], "Location": path}
        return web.json_response({"@odata.id": path}, status=201, headers=headers)

    def _is_known(self, request: web.Request) -> bool:
        if token := request.headers.get("X-Auth-Token"):
            return token in self.sessions.values()
        said = request.headers.get("Authorization", "")
        return said == encode_basic_auth(self.username, self.password)


def _refusal(status: int, code: str, **headers: str) -> web.Response:
    said = {"error": {"code": code, "message": code}}
    return web.json_response(said, status=status, headers=headers)
