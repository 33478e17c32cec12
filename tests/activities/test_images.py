"""Images come whole, once, and from where they may; otherwise nothing of them stays."""

import hashlib
import os
import struct
import subprocess
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext

import pytest

from activities.contracts.hardware import ImageSource
from activities.images import CachedImage, ImageCache
from activities.keys import RegionKeys
from activities.settings import ExecutorSettings
from mulligan.values.errors import HardwareBusyError, HardwareError
from mulligan_client.sealing import seal

MIB = 1 << 20
RAW = os.urandom(MIB) + bytes(2 * MIB)


def quiet(_words: str) -> None:
    """Take heartbeats."""


@dataclass
class ImageServer:
    """A web server whose answers are (status, headers, body) by path, and what it was asked."""

    port: int = 0
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    signed_in: list[str | None] = field(default_factory=list)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[ImageServer]:
    images = ImageServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            images.asked.append(self.path)
            images.signed_in.append(self.headers["Authorization"])
            status, headers, body = images.answers.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(ConnectionError):  # whoever asks may hang up when it is too much
                self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        images.port = web.server_port
        if getattr(request, "param", "") == "tls":
            context = SSLContext(PROTOCOL_TLS_SERVER)
            context.load_cert_chain(request.getfixturevalue("certificate"))
            web.socket = context.wrap_socket(web.socket, server_side=True)
        thread = threading.Thread(target=web.serve_forever, args=[0.01])
        thread.start()
        yield images
        web.shutdown()
        thread.join()


@pytest.fixture
def settings(tmp_path: Path, server: ImageServer) -> ExecutorSettings:
    (tmp_path / "offered").mkdir()
    return ExecutorSettings(
        region="r1",
        state_folder=tmp_path / "state",
        ramdisk_folder=tmp_path / "ramdisk",
        media_url="http://127.0.0.1:1",
        ramdisk_url="https://127.0.0.1:2",
        report_url="http://10.0.2.2:1",
        allowed_image_hosts=(f"127.0.0.1:{server.port}",),
        image_folder=tmp_path / "offered",
        max_image_bytes=8 * MIB,
    )


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def image(url: str, content: bytes = RAW, **stated: str) -> ImageSource:
    record = {"disk_format": "raw", "sha256": sha256(content)} | stated
    return ImageSource.model_validate({"image": "i1", "name": "debian", "url": url} | record)


def left_over(settings: ExecutorSettings) -> list[str]:
    return sorted(path.name for path in (settings.state_folder / "images").glob("*"))


def qcow2(folder: Path, *options: str, size: str = "4M") -> bytes:
    path = folder / "made.qcow2"
    made = ["qemu-img", "create", "-q", "-f", "qcow2", *options, str(path), size]
    subprocess.run(made, check=True)
    return path.read_bytes()


def refused(settings: ExecutorSettings, source: ImageSource) -> HardwareError:
    with pytest.raises(HardwareError) as caught:
        ImageCache(settings).fetch(source, quiet)
    assert left_over(settings) == []
    assert "debian" in caught.value.message
    return caught.value


def test_a_raw_image_is_fetched_and_verified(
    settings: ExecutorSettings, server: ImageServer
) -> None:
    server.answers["/a"] = (200, {}, RAW)
    cached = ImageCache(settings).fetch(image(server.url("/a")), quiet)
    assert cached.path.read_bytes() == RAW
    assert cached == CachedImage(cached.path, "raw", len(RAW), sha256(RAW))
    as_raw = ImageCache(settings).raw(cached, quiet)
    assert (as_raw.path, as_raw.sha256, as_raw.size_bytes) == (cached.path, sha256(RAW), len(RAW))


def test_a_qcow2_image_is_converted_once(settings: ExecutorSettings, tmp_path: Path) -> None:
    source = tmp_path / "a.raw"
    source.write_bytes(RAW)
    target = tmp_path / "offered" / "a.qcow2"
    converted = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(source), str(target)]
    subprocess.run(converted, check=True)
    stated = image(target.as_uri(), target.read_bytes(), disk_format="qcow2")
    cache = ImageCache(settings)
    cached = cache.fetch(stated, quiet)
    assert cached.virtual_size_bytes == len(RAW)
    as_raw = cache.raw(cached, quiet)
    assert as_raw.path.read_bytes() == RAW
    assert (as_raw.sha256, as_raw.size_bytes) == (sha256(RAW), len(RAW))
    made_at = as_raw.path.stat().st_mtime_ns
    assert cache.raw(cached, quiet) == as_raw
    assert as_raw.path.stat().st_mtime_ns == made_at


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of localhost and its key in one file."""
    path = tmp_path / "localhost.pem"
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(path)]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    made = ["openssl", "req", "-x509", *key, *name]
    said = subprocess.run(made, check=True, capture_output=True).stdout
    path.write_bytes(path.read_bytes() + said)
    return path


@pytest.mark.parametrize("server", ["tls"], indirect=True)
def test_a_servers_certificate_is_verified_for_its_name(
    settings: ExecutorSettings,
    server: ImageServer,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.answers["/a"] = (200, {}, RAW)
    listed = replace(
        settings, allowed_image_hosts=(f"localhost:{server.port}", f"127.0.0.1:{server.port}")
    )
    by_name = image(server.url("/a", host="localhost").replace("http:", "https:"))
    assert refused(listed, by_name).reason == "IMAGE_SERVER_UNREACHABLE"
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    by_address = image(server.url("/a").replace("http:", "https:"))
    assert refused(listed, by_address).reason == "IMAGE_SERVER_UNREACHABLE"
    assert ImageCache(listed).fetch(by_name, quiet).path.read_bytes() == RAW


def test_ten_threads_fetch_an_image_once(settings: ExecutorSettings, server: ImageServer) -> None:
    server.answers["/a"] = (200, {}, RAW)
    source = image(server.url("/a"))
    with ThreadPoolExecutor(10) as pool:
        fetched = list(pool.map(lambda _: ImageCache(settings).fetch(source, quiet), range(10)))
    assert len(set(fetched)) == 1
    assert server.asked == ["/a"]


def fetch(settings: ExecutorSettings, source: ImageSource) -> CachedImage:
    return ImageCache(settings).fetch(source, quiet)


def test_processes_fetch_an_image_once(settings: ExecutorSettings, server: ImageServer) -> None:
    server.answers["/a"] = (200, {}, RAW)
    source = image(server.url("/a"))
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        fetched = [pool.submit(fetch, settings, source) for _ in range(3)]
        assert len({future.result() for future in fetched}) == 1
    assert server.asked == ["/a"]


def test_a_wrong_checksum_names_both(settings: ExecutorSettings, server: ImageServer) -> None:
    server.answers["/a"] = (200, {}, RAW)
    error = refused(settings, image(server.url("/a"), sha256="0" * 64))
    assert error.reason == "IMAGE_CHECKSUM_MISMATCH"
    assert "0" * 64 in error.message
    assert sha256(RAW) in error.message


def test_what_is_no_sha256_is_refused(settings: ExecutorSettings, server: ImageServer) -> None:
    error = refused(settings, image(server.url("/a"), sha256="../../etc"))
    assert error.reason == "IMAGE_CHECKSUM_MISMATCH"
    assert server.asked == []


@pytest.mark.parametrize("status", [404, 410, 403])
def test_what_the_server_does_not_give_is_not_found(
    settings: ExecutorSettings, server: ImageServer, status: int
) -> None:
    server.answers["/a"] = (status, {}, b"no")
    error = refused(settings, image(server.url("/a")))
    assert (error.reason, error.retryable) == ("IMAGE_NOT_FOUND", False)
    assert str(status) in error.message


def test_a_failing_server_is_tried_again_later(
    settings: ExecutorSettings, server: ImageServer
) -> None:
    server.answers["/a"] = (503, {}, b"")
    error = refused(settings, image(server.url("/a")))
    assert isinstance(error, HardwareBusyError)
    assert error.reason == "IMAGE_SERVER_UNREACHABLE"


def test_a_server_that_hangs_up_half_way_is_tried_again_later(
    settings: ExecutorSettings, server: ImageServer
) -> None:
    server.answers["/a"] = (200, {"Content-Length": str(len(RAW))}, RAW[: MIB + 5])
    assert refused(settings, image(server.url("/a"))).reason == "IMAGE_SERVER_UNREACHABLE"


def test_nobody_at_the_port_is_tried_again_later(settings: ExecutorSettings) -> None:
    listed = replace(settings, allowed_image_hosts=("127.0.0.1",))
    error = refused(listed, image("http://127.0.0.1:1/a"))
    assert error.reason == "IMAGE_SERVER_UNREACHABLE"


@pytest.mark.parametrize("headers", [{}, {"Content-Length": ""}])
def test_an_image_over_the_limit_is_too_large(
    settings: ExecutorSettings, server: ImageServer, headers: dict[str, str]
) -> None:
    server.answers["/a"] = (200, headers, bytes(9 * MIB))
    error = refused(settings, image(server.url("/a")))
    assert error.reason == "IMAGE_TOO_LARGE"
    assert str(8 * MIB) in error.message


def test_a_small_file_with_a_huge_disk_is_too_large(
    settings: ExecutorSettings, server: ImageServer, tmp_path: Path
) -> None:
    content = qcow2(tmp_path, size="1T")
    server.answers["/a"] = (200, {}, content)
    error = refused(settings, image(server.url("/a"), content, disk_format="qcow2"))
    assert error.reason == "IMAGE_TOO_LARGE"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/a",
        "http://127.0.0.1:2/a",
        "ftp://127.0.0.1/a",
        "http://169.254.169.254/latest/meta-data",
        "http://user:word@{here}/a",
        "http://localhost:{port}/a",
        "http://[::1]:{port}/a",
        "file:///etc/passwd",
        "file:{folder}/../secret",
        "file:{folder}/link",
        "file://elsewhere{folder}/a",
        "/etc/passwd",
    ],
)
def test_other_places_are_refused(
    settings: ExecutorSettings, server: ImageServer, tmp_path: Path, url: str
) -> None:
    (tmp_path / "secret").write_bytes(RAW)
    (tmp_path / "offered" / "link").symlink_to(tmp_path / "secret")
    here = f"127.0.0.1:{server.port}"
    url = url.format(here=here, port=server.port, folder=tmp_path / "offered")
    error = refused(settings, image(url))
    assert error.reason == "IMAGE_URL_NOT_ALLOWED"
    assert "user:word" not in error.message
    assert server.asked == []


def test_a_redirect_is_followed_to_an_allowed_host(
    settings: ExecutorSettings, server: ImageServer
) -> None:
    server.answers["/a"] = (302, {"Location": "/b?signature=x"}, b"")
    server.answers["/b?signature=x"] = (200, {}, RAW)
    assert ImageCache(settings).fetch(image(server.url("/a")), quiet).path.read_bytes() == RAW


@pytest.mark.parametrize(
    "target", ["http://localhost:{port}/b", "http://10.1.2.3/b", "file:///etc/passwd", "/a"]
)
def test_a_redirect_does_not_lead_out(
    settings: ExecutorSettings, server: ImageServer, target: str
) -> None:
    server.answers["/a"] = (302, {"Location": target.format(port=server.port)}, b"")
    assert refused(settings, image(server.url("/a"))).reason == "IMAGE_URL_NOT_ALLOWED"
    assert "/b" not in server.asked


def test_an_allowed_name_does_not_lead_to_loopback(
    settings: ExecutorSettings, server: ImageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = ("127.0.0.1", server.port)
    monkeypatch.setattr("activities.images.getaddrinfo", lambda *_, **__: [(2, 1, 6, "", here)])
    listed = replace(settings, allowed_image_hosts=("images.example.org",))
    error = refused(listed, image(server.url("/a", host="images.example.org")))
    assert error.reason == "IMAGE_URL_NOT_ALLOWED"
    assert "127.0.0.1" in error.message
    assert server.asked == []


def test_a_missing_file_is_not_found(settings: ExecutorSettings, tmp_path: Path) -> None:
    error = refused(settings, image((tmp_path / "offered" / "a").as_uri()))
    assert error.reason == "IMAGE_NOT_FOUND"


def test_raw_that_is_qcow2_is_another_format(
    settings: ExecutorSettings, server: ImageServer, tmp_path: Path
) -> None:
    content = qcow2(tmp_path)
    server.answers["/a"] = (200, {}, content)
    error = refused(settings, image(server.url("/a"), content))
    assert error.reason == "IMAGE_FORMAT_MISMATCH"
    assert "raw" in error.message


def damaged(content: bytes) -> bytes:
    return content[:20] + struct.pack(">I", 63) + content[24:]


def of_version_1(content: bytes) -> bytes:
    return content[:4] + struct.pack(">I", 1) + content[8:]


@pytest.mark.parametrize("change", [lambda _: RAW, lambda _: b"QFI", damaged, of_version_1])
def test_qcow2_that_is_not_is_another_format(
    settings: ExecutorSettings,
    server: ImageServer,
    tmp_path: Path,
    change: Callable[[bytes], bytes],
) -> None:
    content = change(qcow2(tmp_path))
    server.answers["/a"] = (200, {}, content)
    error = refused(settings, image(server.url("/a"), content, disk_format="qcow2"))
    assert error.reason == "IMAGE_FORMAT_MISMATCH"


@pytest.mark.parametrize(
    "options",
    [
        ["-u", "-b", "/etc/passwd", "-F", "raw"],
        ["-o", "data_file={folder}/outside.raw"],
        ["-o", "data_file={folder}/outside.raw,data_file_raw=on"],
    ],
)
def test_an_image_that_needs_another_file_is_refused(
    settings: ExecutorSettings, server: ImageServer, tmp_path: Path, options: list[str]
) -> None:
    content = qcow2(tmp_path, *[option.format(folder=tmp_path) for option in options])
    server.answers["/a"] = (200, {}, content)
    error = refused(settings, image(server.url("/a"), content, disk_format="qcow2"))
    assert error.reason == "IMAGE_HAS_BACKING_FILE"


def test_what_a_killed_fetch_left_is_deleted_by_the_next(
    settings: ExecutorSettings, server: ImageServer
) -> None:
    server.answers["/a"] = (200, {}, RAW)
    folder = settings.state_folder / "images"
    folder.mkdir(parents=True)
    (folder / f"{sha256(RAW)}.0123abcd.part").write_bytes(b"half")
    ImageCache(settings).fetch(image(server.url("/a")), quiet)
    assert left_over(settings) == [f"{sha256(RAW)}.raw"]


def test_a_cancelled_fetch_leaves_nothing(settings: ExecutorSettings, server: ImageServer) -> None:
    server.answers["/a"] = (200, {}, RAW)

    def cancelled(_words: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ImageCache(settings).fetch(image(server.url("/a")), cancelled)
    assert left_over(settings) == []


def sealed_for(keys: RegionKeys, origin: str, image: str = "i1") -> str:
    key_id, public = keys.public_keys()[0]
    bound = {"endpoint": image, "address": origin, "region": keys.region}
    return seal(public, key_id, **bound, username="ann", password="s3cret")


def test_an_image_behind_a_sign_in_is_fetched_with_its_sealed_credentials(
    settings: ExecutorSettings, server: ImageServer, tmp_path: Path
) -> None:
    keys = RegionKeys.load(tmp_path / "keys", "r1")
    server.answers["/a"] = (302, {"Location": "/b"}, b"")
    server.answers["/b"] = (200, {}, RAW)
    sealed = sealed_for(keys, server.url("").rstrip("/"))
    source = image(server.url("/a"), sealed_credentials=sealed)
    assert ImageCache(settings, keys).fetch(source, quiet).path.read_bytes() == RAW
    expected = "Basic " + b64encode(b"ann:s3cret").decode()
    assert server.signed_in == [expected, expected]


def test_credentials_go_to_nobody_but_the_host_that_they_were_sealed_for(
    settings: ExecutorSettings, server: ImageServer, tmp_path: Path
) -> None:
    keys = RegionKeys.load(tmp_path / "keys", "r1")
    server.answers["/a"] = (302, {"Location": server.url("/b", host="localhost")}, b"")
    server.answers["/b"] = (200, {}, RAW)
    listed = replace(settings, allowed_image_hosts=(*settings.allowed_image_hosts, "localhost"))
    source = image(server.url("/a"), sealed_credentials=sealed_for(keys, server.url("")))
    ImageCache(listed, keys).fetch(source, quiet)
    assert server.signed_in[1] is None
    other = image(server.url("/b"), sealed_credentials=sealed_for(keys, "http://elsewhere:80"))
    with pytest.raises(HardwareError) as caught:
        ImageCache(settings, keys).fetch(other.model_copy(update={"sha256": "1" * 64}), quiet)
    assert caught.value.reason == "SECRET_MISMATCH"
    assert "s3cret" not in caught.value.message
