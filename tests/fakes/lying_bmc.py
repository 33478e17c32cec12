"""A proxy in front of a Redfish service that slows, drops, refuses and lies as real BMCs do.

A fault is data: which requests it meets, how often, and what it does to them. Tests switch faults
on and off while the proxy runs. It has sessions of its own, hears every request, and counts how
many a client makes at once.
"""

import asyncio
import json
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import aiohttp
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from deploy.ports import free_port
from tests.lab import LoopThread

ROOT = "/redfish/v1"
SESSIONS = f"{ROOT}/SessionService/Sessions"

Does = Literal[
    "delay",
    "answer",
    "swallow",
    "drop before",
    "drop after",
    "truncate",
    "stale power",
    "expire sessions",
    "vanish",
]
Certificate = Literal["none", "good", "self-signed", "expired"]


@dataclass(frozen=True)
class Fault:
    """What goes wrong, with which requests, and how often (None: until it is taken away).

    It counts the requests that it could meet, and meets the first of `every` so many.

    - delay: it comes through after `delay_s`
    - answer: `status` and `headers` in place of what the BMC would say; the BMC hears nothing
    - swallow: 204, as if done; the BMC hears nothing
    - drop before, drop after: the connection breaks before or after the BMC heard it
    - truncate: half of the answer's body
    - stale power: `reads` readings after each reset show the power of before it
    - expire sessions: all of them, then it comes through
    - vanish: nobody listens any more, until `LyingBmc.come_back`
    """

    does: Does
    methods: str = "GET POST PATCH PUT DELETE"
    path: str = "."
    times: int | None = None
    every: int = 1
    status: int = 503
    headers: tuple[tuple[str, str], ...] = ()
    message: str = "the service is temporarily unavailable"
    delay_s: float = 0
    reads: int = 0

    def meets(self, method: str, path: str) -> bool:
        return method in self.methods.split() and re.search(self.path, path) is not None

    def for_writes(self) -> "Fault":
        """Give the same fault for writes to systems and their media only."""
        return replace(self, methods="POST PATCH PUT", path=r"/(Systems|Managers)/")


@dataclass
class Lie:
    """A fault that is switched on, and how many requests met it so far."""

    fault: Fault
    hits: int = 0
    seen: int = 0

    def meets(self, method: str, path: str) -> bool:
        """Say whether a request is met, and count it."""
        if not self.fault.meets(method, path):
            return False
        is_due = self.seen % self.fault.every == 0
        self.seen += 1
        is_met = is_due and (self.fault.times is None or self.hits < self.fault.times)
        self.hits += is_met
        return is_met


@dataclass(frozen=True)
class Heard:
    """A request, as it came from the client; `status` is what it got, 0 for nothing."""

    method: str
    path: str
    status: int

    @property
    def is_write(self) -> bool:
        """Whether it was to change the server; sessions are the BMC's own."""
        return self.method != "GET" and not self.path.startswith(SESSIONS)


@dataclass
class LyingBmc:
    """The proxy, while it is entered: `address` is where clients find it."""

    upstream: str
    certificate: Certificate = "none"
    has_sessions: bool = True
    username: str = "admin"
    password: str = "password"

    lies: list[Lie] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    sessions: dict[str, str] = field(default_factory=dict)
    """Tokens of open sessions by path."""
    most_at_once: int = 0
    ca_pem: bytes = b""
    """Who vouches for the certificate; for a self-signed one nobody does."""

    def __enter__(self) -> "LyingBmc":
        self.port = free_port()
        self._under_way: list[web.Request] = []
        self._shown_power, self._stale_power, self._stale_reads = "", "", 0
        self._opened = 0
        self._gone = threading.Event()
        self._loop = LoopThread()
        self._loop.__enter__()
        self._loop.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run(self._stop())
        self._loop.__exit__()

    @property
    def address(self) -> str:
        scheme = "http" if self.certificate == "none" else "https"
        return f"{scheme}://127.0.0.1:{self.port}"

    @property
    def is_gone(self) -> bool:
        """Whether nobody listens, after `vanish`."""
        return self._gone.is_set()

    @property
    def writes(self) -> list[Heard]:
        return [heard for heard in self.heard if heard.is_write]

    @contextmanager
    def lying(self, *faults: Fault) -> Iterator[list[Lie]]:
        """Switch faults on, the first that meets a request counts; off again at the end."""
        lies = [Lie(fault) for fault in faults]
        self.lies.extend(lies)
        try:
            yield lies
        finally:
            self.lies = [lie for lie in self.lies if lie not in lies]

    def expire_sessions(self) -> None:
        self.sessions.clear()

    def vanish(self) -> None:
        """Let nobody listen any more; connections that there are break."""
        self._loop.run(self._vanish())

    def come_back(self) -> None:
        """Listen at the same address again."""
        self._loop.run(self._listen())

    # Serving

    async def _start(self) -> None:
        self._client = aiohttp.ClientSession(self.upstream)
        self._tls = self._certified()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._hear)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await self._listen()

    async def _listen(self) -> None:
        self._site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self._tls)
        await self._site.start()
        self._gone.clear()

    async def _vanish(self) -> None:
        if not self._gone.is_set():
            self._gone.set()
            await self._site.stop()
            for connection in self._runner.server.connections if self._runner.server else ():
                if connection.transport is not None:
                    connection.transport.abort()

    async def _stop(self) -> None:
        await self._runner.cleanup()
        await self._client.close()

    async def _hear(self, request: web.Request) -> web.Response:
        self._under_way.append(request)
        waiting = [each for each in self._under_way if not _is_gone(each)]
        self.most_at_once = max(self.most_at_once, len(waiting))
        try:
            await request.read()
            answer = await self._answer(request)
        finally:
            self._under_way.remove(request)
        status = 0 if _is_gone(request) else answer.status
        self.heard.append(Heard(request.method, request.path, status))
        return answer

    async def _answer(self, request: web.Request) -> web.Response:
        lie = next((each for each in self.lies if each.meets(request.method, request.path)), None)
        if lie is None:
            return await self._truth(request)
        fault = lie.fault
        match fault.does:
            case "answer":
                return _refusal(fault.status, fault.message, dict(fault.headers))
            case "swallow":
                return web.Response(status=204)
            case "vanish":
                await self._vanish()
                return web.Response()
            case "delay":
                await asyncio.sleep(fault.delay_s)
            case "expire sessions":
                self.expire_sessions()
            case "drop before":
                return _dropped(request)
        answer = await self._truth(request, fault.reads)
        if fault.does == "drop after":
            return _dropped(request)
        if fault.does == "truncate" and isinstance(answer.body, bytes):
            answer.body = answer.body[: len(answer.body) // 2]
        return answer

    async def _truth(self, request: web.Request, stale_reads: int = 0) -> web.Response:
        path = request.path.rstrip("/")
        if self.has_sessions and path == SESSIONS and request.method == "POST":
            return await self._open_session(request)
        if path not in ("/redfish", ROOT) and not self._is_known(request):
            return _refusal(401, "the session or the credentials are not valid")
        if self.has_sessions and path.startswith(f"{ROOT}/SessionService"):
            return self._session(request.method, path)
        return await self._forward(request, stale_reads)

    async def _forward(self, request: web.Request, stale_reads: int) -> web.Response:
        passed = ("Content-Type", "If-Match", "If-None-Match", "Prefer")
        headers = {name: request.headers[name] for name in passed if name in request.headers}
        headers["Authorization"] = aiohttp.encode_basic_auth(self.username, self.password)
        async with self._client.request(
            request.method, request.path_qs, data=await request.read(), headers=headers
        ) as said:
            body = await said.read()
            kept = ("Content-Type", "Location", "Allow", "ETag", "Retry-After")
            answer = web.Response(
                status=said.status,
                body=body,
                headers={name: said.headers[name] for name in kept if name in said.headers},
            )
        if request.method == "POST" and "ComputerSystem.Reset" in request.path and stale_reads:
            self._stale_power, self._stale_reads = self._shown_power, stale_reads
        return self._rewritten(request, answer)

    def _rewritten(self, request: web.Request, answer: web.Response) -> web.Response:
        """Name our sessions in the service root, and show the power of before where it is due."""
        if request.method != "GET" or answer.status != 200:
            return answer
        try:
            body: dict[str, Any] = json.loads(answer.body)  # type: ignore[arg-type]
        except ValueError:
            return answer
        if request.path.rstrip("/") == ROOT and self.has_sessions:
            body["SessionService"] = {"@odata.id": f"{ROOT}/SessionService"}
            body["Links"] = {"Sessions": {"@odata.id": SESSIONS}}
        elif "PowerState" in body and self._stale_reads:
            self._stale_reads -= 1
            body["PowerState"] = self._stale_power
        elif "PowerState" in body and "/Systems/" in request.path:
            self._shown_power = body["PowerState"]
            return answer
        else:
            return answer
        answer.body = json.dumps(body).encode()
        return answer

    # Sessions

    async def _open_session(self, request: web.Request) -> web.Response:
        said = await request.json()
        if (said.get("UserName"), said.get("Password")) != (self.username, self.password):
            return _refusal(401, "the credentials are not valid")
        self._opened += 1
        path = f"{SESSIONS}/{self._opened}"
        self.sessions[path] = f"session-token-{self._opened}"
        headers = {"X-Auth-Token": self.sessions[path], "Location": path}
        return web.json_response(self._shown(path), status=201, headers=headers)

    def _is_known(self, request: web.Request) -> bool:
        if token := request.headers.get("X-Auth-Token"):
            return token in self.sessions.values()
        login = aiohttp.encode_basic_auth(self.username, self.password)
        return request.headers.get("Authorization") == login

    def _session(self, method: str, path: str) -> web.Response:
        if method == "DELETE" and self.sessions.pop(path, ""):
            return web.Response(status=204)
        if method == "GET" and path in self.sessions:
            return web.json_response(self._shown(path))
        if method == "GET" and path == SESSIONS:
            members = [{"@odata.id": path} for path in self.sessions]
            return web.json_response({"@odata.id": path, "Id": "Sessions", "Members": members})
        if method == "GET" and path == f"{ROOT}/SessionService":
            link = {"@odata.id": SESSIONS}
            return web.json_response({"@odata.id": path, "Id": "SessionService", "Sessions": link})
        return _refusal(404, "no such resource")

    def _shown(self, path: str) -> dict[str, str]:
        name = path.rpartition("/")[2]
        return {"@odata.id": path, "Id": name, "Name": "Session", "UserName": self.username}

    # TLS

    def _certified(self) -> ssl.SSLContext | None:
        """Make the certificate that is wanted, for 127.0.0.1."""
        if self.certificate == "none":
            return None
        now = datetime.now(UTC)
        ends = now - timedelta(days=1) if self.certificate == "expired" else now + timedelta(days=1)
        signer, self.ca_pem = _signed("CA", None, now + timedelta(days=1))
        issued = None if self.certificate == "self-signed" else signer
        (_, key), pem = _signed("BMC", issued, ends)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        with TemporaryDirectory() as folder:
            chain = Path(folder) / "bmc.pem"
            private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            chain.write_bytes(pem + private)
            context.load_cert_chain(chain)
        return context


_Signer = tuple[x509.Name, ec.EllipticCurvePrivateKey]


def _signed(name: str, signer: _Signer | None, ends: datetime) -> tuple[_Signer, bytes]:
    """Make a key and its certificate, signed by `signer` or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, issuer_key = signer or (subject, key)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - timedelta(days=30))
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=name == "CA", path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(issuer_key, hashes.SHA256())
    )
    return (subject, key), certificate.public_bytes(Encoding.PEM)


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _dropped(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _refusal(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    said = {"error": {"code": "Base.1.8.GeneralError", "message": message}}
    return web.json_response(said, status=status, headers=headers)
