"""Secrets are planted wherever people give them, and then looked for in everything that is kept."""

import asyncio
import re
import secrets
import sqlite3
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client as Temporal

from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.sealing import url_origin
from tests.e2e.stack import Stack, sha256_of

pytestmark = pytest.mark.timeout(900)

JWT = re.compile(rb"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}")
MEDIA = re.compile(rb"/media/[0-9a-f]{40}/")
CANARY = "not-a-secret"
"""A machine's name: that the search finds it everywhere shows that the search finds things."""


@dataclass(frozen=True)
class Planted:
    """Secrets by what they are."""

    secrets: dict[str, str]

    def found_in(self, kept: bytes) -> list[str]:
        """Name the secrets that are in a text, as they are or in base64."""
        plain = [
            what
            for what, secret in self.secrets.items()
            if secret.encode() in kept or b64encode(secret.encode()).rstrip(b"=") in kept
        ]
        generic = {"a token": JWT, "an address of media": MEDIA}
        return [*plain, *(what for what, shape in generic.items() if shape.search(kept))]


@contextmanager
def images_behind_a_sign_in(folder: Path, port: int, expected: str) -> Iterator[None]:
    """Serve a folder to who signs in."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers["Authorization"] != expected:
                self.send_error(401)
                return
            content = (folder / self.path.rpartition("/")[2]).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def test_no_secret_is_in_anything_that_is_kept(stack: Stack, image_port: int) -> None:
    new = {name: secrets.token_urlsafe(18) for name in ("user data", "user", "image", "wrong BMC")}
    planted = Planted(
        {
            "the BMC's password": stack.lab.password,
            "the administrator's password": stack.password,
            "an access token": stack.client.token,
            "a refresh token": stack.client.sign_in.tokens.refresh,
            "user data": new["user data"],
            "a user's password": new["user"],
            "an image's password": new["image"],
            "a wrong BMC password": new["wrong BMC"],
        }
    )
    _, server_id = stack.new_server()
    expected = "Basic " + b64encode(f"reader:{new['image']}".encode()).decode()
    with images_behind_a_sign_in(stack.folder / "images", image_port, expected):
        image = _sealed_image(stack, f"http://127.0.0.1:{image_port}/tiny.raw", new["image"])
        operations = [
            _provision(stack, CANARY, image, "virtual", new["user data"]),
            _provision(stack, f"{CANARY}-metal", image, "baremetal", new["user data"], server_id),
        ]
        for operation in operations:
            ended = stack.wait(operation)
            assert ended.status.state == "done", ended.status.reason
            stack.end(ended.object_id)
    _give_an_account_a_password(stack, new["user"])
    other = stack.unknown_server()
    refused = stack.enrol(other, password=new["wrong BMC"], name="refused")
    assert stack.wait(refused.operation).status.state == "failed"
    said = [
        *(stack.log(operation).encode() for operation in operations),
        _what_debug_prints(stack, new["wrong BMC"]),
        *_events(stack),
    ]
    places = {
        "logs": _logs(stack.state),
        "databases": _dumps(stack.state),
        "Temporal's histories": asyncio.run(_histories(stack)),
        "events, operation logs, --debug": b"\n".join(said),
    }
    for place, kept in places.items():
        assert planted.found_in(kept) == [], place
    for place in ("databases", "Temporal's histories"):
        assert CANARY.encode() in places[place], place
    assert b"HTTP" in places["logs"] or b"started" in places["logs"]


def test_the_search_finds_what_is_there() -> None:
    planted = Planted({"a password": "correct horse"})
    token = b"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
    assert planted.found_in(b"... correct horse ...") == ["a password"]
    assert planted.found_in(b"key=" + b64encode(b"correct horse")) == ["a password"]
    assert planted.found_in(b"Bearer " + token) == ["a token"]
    assert planted.found_in(b"http://h/media/" + b"0a" * 20 + b"/boot.iso") == [
        "an address of media"
    ]


def _sealed_image(stack: Stack, url: str, password: str) -> str:
    image = str(uuid4())
    sealed = stack.client.seal(
        stack.login.region,
        endpoint=image,
        address=url_origin(url),
        username="reader",
        password=password,
    )
    spec = control_pb2.ImageSpec(
        url=url,
        sha256=sha256_of(stack.folder / "images" / "tiny.raw"),
        disk_format="raw",
        sealed_credentials=sealed,
    )
    request = control_pb2.CreateImageRequest(
        name="guarded", region=stack.login.region, spec=spec, image_id=image
    )
    return stack.client.control.CreateImage(request).metadata.id


def _provision(
    stack: Stack, name: str, image: str, kind: str, user_data: str, provider: str = ""
) -> str:
    virtual = kind == "virtual"
    spec = control_pb2.MachineSpec(
        kind=kind,
        image=image,
        nics=[control_pb2.NicRequest(network=stack.network)],
        provider=provider,
        vcpus=1 if virtual else 0,
        memory_mib=512 if virtual else 0,
        disk_gib=1 if virtual else 0,
        sealed_user_data=stack.client.seal(
            stack.login.region, purpose="user-data", user_data=f"#!/bin/sh\n# {user_data}\n"
        ),
    )
    request = control_pb2.ProvisionMachineRequest(
        project=stack.login.project, region=stack.login.region, name=name, spec=spec
    )
    return stack.client.control.ProvisionMachine(request).metadata.id


def _give_an_account_a_password(stack: Stack, password: str) -> None:
    request = iam_pb2.CreateAccountRequest(name="planted", password=password)
    stack.client.iam.CreateAccount(request)
    said = stack.mulligan(
        *("login", stack.login.address, "--account", "planted", "--password-stdin"),
        config=stack.folder / "planted",
        given=f"{password}\n",
    )
    assert said.code in (0, 4, 5, 7), said.errors


def _what_debug_prints(stack: Stack, password: str) -> bytes:
    """Fail with --debug while a password is at hand."""
    said = stack.mulligan(
        *("--debug", "server", "add", "again", "https://127.0.0.1:1", "--username", "root"),
        *("--password-stdin", "--region", "nowhere"),
        given=f"{password}\n",
    )
    assert said.code != 0
    assert "Traceback" in said.errors
    return (said.out + said.errors).encode()


def _events(stack: Stack) -> list[bytes]:
    request = common_pb2.WatchRequest(after_revision=1)
    watch: Any = stack.client.control.Watch(request)
    last = stack.client.control.ListServers(
        control_pb2.ListServersRequest(page=common_pb2.Page(size=1))
    ).revision
    seen = []
    for event in watch:
        seen.append(str(event).encode())
        if event.revision >= last:
            watch.cancel()
            break
    return seen


def _logs(state: Path) -> bytes:
    logs = [path for path in state.rglob("*.log") if path.is_file()]
    assert logs
    return b"\n".join(path.read_bytes() for path in logs)


def _dumps(state: Path) -> bytes:
    """Dump the databases of site and iam, with what a dump shows in hexadecimal too."""
    dumped = []
    for file in ("site.sqlite", "iam.sqlite"):
        with closing(sqlite3.connect(f"file:{state / file}?mode=ro", uri=True)) as database:
            text = "\n".join(database.iterdump())
        blobs = [bytes.fromhex(one) for one in re.findall(r"X'([0-9A-F]*)'", text)]
        dumped += [text.encode(), *blobs]
    return b"\n".join(dumped)


async def _histories(stack: Stack) -> bytes:
    """Read every history that Temporal has, each payload as text and decoded."""
    temporal = await Temporal.connect(stack.temporal_address, namespace="mulligan")
    kept = []
    async for workflow in temporal.list_workflows():
        handle = temporal.get_workflow_handle(workflow.id, run_id=workflow.run_id)
        text = (await handle.fetch_history()).to_json()
        kept.append(text.encode())
        kept += [b64decode(data) for data in re.findall(r'"data":\s*"([A-Za-z0-9+/=]+)"', text)]
    assert kept
    return b"\n".join(kept)
