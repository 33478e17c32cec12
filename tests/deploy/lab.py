"""A lab of real guests: QEMU with UEFI firmware, and a stand-in for the executor that they talk to.

"Story": one guest from start to end. The fixtures in conftest.py run them.
"""

import datetime as dt
import hashlib
import http.server
import io
import ipaddress
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pycdlib import PyCdlib

from activities.boot_iso import write_boot_iso

REPOSITORY = Path(__file__).parents[2]
FIRMWARE = Path("/usr/share/OVMF")
HOST = "10.0.2.2"  # what a guest with QEMU's user-mode network calls the host's loopback
MAC = "52:54:00:12:34:56"
TOKEN = "header.payload.signature"
GUEST_TIMEOUT_S = 240


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Authority:
    """A CA and a server certificate for `HOST` signed by it."""

    pem: bytes
    fingerprint: str
    server_files: Path


def make_authority(folder: Path) -> Authority:
    now = dt.datetime.now(dt.UTC)

    def certificate(name: str, key: Any, issuer_key: Any, extension: Any) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lab CA")]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=5))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(extension, critical=False)
            .sign(issuer_key, hashes.SHA256())
        )

    ca_key, server_key = (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
    )
    ca = certificate("lab CA", ca_key, ca_key, x509.BasicConstraints(ca=True, path_length=None))
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))])
    server = certificate("executor", server_key, ca_key, address)
    server_files = folder / "server.pem"
    server_files.write_bytes(
        server.public_bytes(serialization.Encoding.PEM)
        + server_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return Authority(
        ca.public_bytes(serialization.Encoding.PEM),
        sha256(ca.public_bytes(serialization.Encoding.DER)),
        server_files,
    )


@dataclass
class Executor:
    """The executor's HTTP side, as far as a guest sees it; keeps what it was sent."""

    authority: Authority | None
    """None: plain HTTP, for phoning home."""
    task: dict[str, Any] | None = None
    """None: the operation is no longer live (409)."""
    files: dict[str, bytes] = field(default_factory=dict)
    cut_once: set[str] = field(default_factory=set)
    """Paths whose first answer breaks off half-way, as when an executor dies."""
    received: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    phoned_home: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Executor":  # noqa: C901 - the handler is a closure over the executor
        executor = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args: Any) -> None:
                pass

            def answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                executor.received.append((self.path, dict(self.headers), b""))
                body = executor.files.get(self.path)
                if body is None:
                    self.answer(404, b"")
                    return
                start = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
                offset = int(start[1]) if start else 0
                self.send_response(206 if start else 200)
                if start:
                    self.send_header("Content-Range", f"bytes {offset}-{len(body) - 1}/{len(body)}")
                self.send_header("Content-Length", str(len(body) - offset))
                self.end_headers()
                end = len(body)
                if self.path in executor.cut_once:
                    executor.cut_once.remove(self.path)
                    end //= 2
                self.wfile.write(body[offset:end])

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                executor.received.append((self.path, dict(self.headers), body))
                if not self.path.endswith("/task"):
                    self.answer(200, b"{}")
                elif executor.task is None:
                    self.answer(409, b"{}")
                else:
                    self.answer(200, json.dumps(executor.task).encode())
                if self.path.startswith("/home"):
                    executor.phoned_home.set()

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        if self.authority:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.authority.server_files)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def posted(self, noun: str) -> list[Any]:
        """The JSON bodies sent to /ramdisk/v1/<noun>."""
        return [
            json.loads(body) for path, _, body in self.received if path == f"/ramdisk/v1/{noun}"
        ]

    def home_calls(self) -> list[dict[str, str]]:
        """The forms of all phone-home calls."""
        return [
            dict(urllib.parse.parse_qsl(body.decode(), strict_parsing=True))
            for path, _, body in self.received
            if path.startswith("/home")
        ]

    def log(self) -> str:
        return next(body.decode() for path, _, body in self.received if path == "/ramdisk/v1/log")


class Guest:
    """One run of QEMU; the disk comes before the CD-ROM, so a blank disk boots the CD-ROM."""

    def __init__(
        self, folder: Path, *, disk: Path, cdrom: Path | None, disk_device: str = "virtio-blk-pci"
    ) -> None:
        folder.mkdir(exist_ok=True)
        variables = folder / "vars.fd"
        shutil.copy(FIRMWARE / "OVMF_VARS_4M.fd", variables)
        self.console_file = folder / "console.log"
        self.monitor = folder / "monitor"
        command = [
            "qemu-system-x86_64",
            "-machine",
            "q35,accel=tcg",
            "-m",
            "512",
            "-display",
            "none",
        ]
        command += [
            "-drive",
            f"if=pflash,format=raw,readonly=on,file={FIRMWARE / 'OVMF_CODE_4M.fd'}",
        ]
        command += ["-drive", f"if=pflash,format=raw,file={variables}"]
        command += ["-drive", f"if=none,id=disk,format=raw,file={disk}"]
        command += ["-device", f"{disk_device},drive=disk,bootindex=0,serial=LAB-0001"]
        command += [
            "-netdev",
            "user,id=net",
            "-device",
            f"virtio-net-pci,netdev=net,mac={MAC},romfile=",
        ]
        command += [
            "-serial",
            f"file:{self.console_file}",
            "-qmp",
            f"unix:{self.monitor},server=on,wait=off",
        ]
        if cdrom:
            command += ["-drive", f"if=none,id=cd,media=cdrom,readonly=on,format=raw,file={cdrom}"]
            command += ["-device", "ide-cd,bus=ide.1,drive=cd,bootindex=1"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def __enter__(self) -> "Guest":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def wait_until_off(self) -> None:
        assert self.process.wait(timeout=GUEST_TIMEOUT_S) == 0

    def press_power_button(self) -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.monitor))
            stream = connection.makefile("rw")
            stream.readline()
            for command in ("qmp_capabilities", "system_powerdown"):
                stream.write(json.dumps({"execute": command}) + "\n")
                stream.flush()
                stream.readline()

    def console(self) -> str:
        return self.console_file.read_text(errors="replace")


def write_iso(out: Path, label: str, files: dict[str, bytes]) -> None:
    iso = PyCdlib()
    iso.new(interchange_level=3, vol_ident=label, rock_ridge="1.09")
    made: set[str] = set()
    for number, (path, content) in enumerate(files.items()):
        *folders, name = path.split("/")
        parent = ""
        for folder in folders:
            parent += "/" + folder.upper()
            if parent not in made:
                iso.add_directory(parent, rr_name=folder)
                made.add(parent)
        iso.add_fp(io.BytesIO(content), len(content), f"{parent}/FILE{number}.;1", rr_name=name)
    iso.write(str(out))
    iso.close()


@dataclass
class Lab:
    """Everything that is built once, and the folder that stories work in."""

    folder: Path
    ramdisk: Path
    test_image: Path
    authority: Authority

    def story(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        return folder

    def boot_iso(self, folder: Path, executor: Executor, *, ca_sha256: str | None = None) -> Path:
        orders = {
            "operation": "5a9ed2f0-4d2c-4f0c-8d6c-6f7f3f4e2d11",
            "url": f"https://{HOST}:{executor.port}",
            "ca_sha256": ca_sha256 or self.authority.fingerprint,
            "token": TOKEN,
        }
        write_boot_iso(self.ramdisk, orders, folder / "boot.iso")
        return folder / "boot.iso"


def blank_disk(folder: Path, size_mib: int) -> Path:
    path = folder / "disk.img"
    path.touch()
    os.truncate(path, size_mib << 20)
    return path
