"""Images: fetched from where their record says, verified, and kept until they are not needed.

An image's address and content are untrusted. Its record states format and SHA-256; both are held
against what arrives, and a qcow2 header is read here before any tool opens the file (the lesson of
CVE-2024-32498: a backing or data file in an image makes qemu-img read files of this machine).
"""

import hashlib
import json
import os
import re
import secrets
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from socket import SOCK_STREAM, gaierror, getaddrinfo
from ssl import create_default_context
from typing import BinaryIO, Literal
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import make_headers

from activities.contracts.hardware import ImageSource
from activities.disk_space import in_room_of
from activities.keys import RegionKeys
from activities.lease import Heartbeat
from activities.locks import hold_lock
from activities.qemu_img import describe, qemu_img
from activities.settings import ExecutorSettings
from mulligan.values.errors import HardwareBusyError, HardwareError

CHUNK_BYTES = 1 << 20
MOST_REDIRECTS = 5
SERVER_TIMEOUT = urllib3.Timeout(connect=10, read=30)

QCOW2_MAGIC = b"QFI\xfb"
QCOW2_DATA_FILE_BIT = 1 << 2
QCOW2_DATA_FILE_EXTENSION = 0x44415441


@dataclass(frozen=True)
class CachedImage:
    """A verified image in the cache. Its content never changes: it is kept by its SHA-256."""

    path: Path
    disk_format: Literal["raw", "qcow2"]
    virtual_size_bytes: int
    sha256: str


@dataclass(frozen=True)
class RawImage:
    """The image as the bytes of a disk; `sha256` and `size_bytes` are of these."""

    path: Path
    sha256: str
    size_bytes: int


class ImageCache:
    """The images below `settings.state_folder`, shared by all executors of a machine.

    `keys` open the credentials of images that need some.
    """

    def __init__(self, settings: ExecutorSettings, keys: RegionKeys | None = None) -> None:
        self._settings = settings
        self._keys = keys
        self._folder = settings.state_folder / "images"
        self._locks = settings.state_folder / "locks"

    def fetch(self, source: ImageSource, heartbeat: Heartbeat) -> CachedImage:
        """Give the image, fetching it when it isn't there; many who ask at once fetch it once.

        Raises:
            HardwareError: IMAGE_URL_NOT_ALLOWED, IMAGE_NOT_FOUND, IMAGE_TOO_LARGE,
                IMAGE_CHECKSUM_MISMATCH, IMAGE_FORMAT_MISMATCH or IMAGE_HAS_BACKING_FILE.
            HardwareBusyError: IMAGE_SERVER_UNREACHABLE, DISK_FULL, QEMU_IMG_FAILED.
        """
        if not re.fullmatch("[0-9a-f]{64}", source.sha256):
            raise HardwareError(
                f"{_words(source)}: {source.sha256!r} is stated as its checksum, which is not a "
                "SHA-256 in lower-case hexadecimal; correct the image's record",
                code="IMAGE_CHECKSUM_MISMATCH",
                field="sha256",
            )
        self._check_url(source, source.url)
        path = self._folder / f"{source.sha256}.{source.disk_format}"
        with (
            in_room_of(self._folder, f"image {source.name}"),
            hold_lock(self._locks / f"image-{source.sha256}", heartbeat),
        ):
            if not path.exists():
                with self._part_of(path) as part:
                    self._download(source, part, heartbeat)
                    self._check_format(source, part, heartbeat)
                    part.replace(path)
        size = _virtual_size(path, source.disk_format)
        return CachedImage(path, source.disk_format, size, source.sha256)

    def raw(self, cached: CachedImage, heartbeat: Heartbeat) -> RawImage:
        """Give the image as the bytes of a disk; a qcow2 image is converted once.

        Raises:
            HardwareError: IMAGE_FORMAT_MISMATCH, when qemu-img can't read the image to its end.
            HardwareBusyError: DISK_FULL, QEMU_IMG_FAILED.
        """
        if cached.disk_format == "raw":
            return RawImage(cached.path, cached.sha256, cached.virtual_size_bytes)
        path = cached.path.with_suffix(".converted")
        checksum = cached.path.with_suffix(".converted.sha256")
        with (
            in_room_of(self._folder, f"image {cached.path.name} as a raw disk"),
            hold_lock(self._locks / f"image-{cached.sha256}", heartbeat),
        ):
            if not path.exists():
                with self._part_of(path) as part:
                    formats = ["-f", cached.disk_format, "-O", "raw"]
                    qemu_img("convert", *formats, str(cached.path), str(part), heartbeat=heartbeat)
                    checksum.write_text(_sha256_of(part, heartbeat))
                    part.replace(path)
        return RawImage(path, checksum.read_text(), path.stat().st_size)

    @contextmanager
    def _part_of(self, path: Path) -> Iterator[Path]:
        """Make room for a file in the making, which is gone afterwards unless it was renamed.

        Called under the image's lock: parts that are there were left by a killed executor.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        for abandoned in path.parent.glob(f"{path.stem}.*.part"):
            abandoned.unlink()
        part = path.with_suffix(f".{secrets.token_hex(4)}.part")
        try:
            yield part
        finally:
            part.unlink(missing_ok=True)

    def _check_url(self, source: ImageSource, url: str) -> SplitResult:
        """Refuse an address by its scheme and host, before anything is asked of it."""
        parts = urlsplit(url)
        if parts.scheme == "file" and url == source.url:
            return parts
        if parts.scheme not in ("http", "https"):
            raise _not_allowed(source, url, "only http, https and file addresses are fetched")
        if parts.username is not None:
            raise _not_allowed(source, url, "an address must not carry a user or password")
        if not self._host_is_listed(parts):
            raise _not_allowed(
                source, url, f"host {parts.netloc!r} is not in the executor's allowed_image_hosts"
            )
        return parts

    def _host_is_listed(self, parts: SplitResult, host: str | None = None) -> bool:
        host = host or parts.hostname or ""
        shown = f"[{host}]" if ":" in host else host
        allowed = self._settings.allowed_image_hosts
        return host in allowed or f"{shown}:{_port(parts)}" in allowed

    def _download(self, source: ImageSource, part: Path, heartbeat: Heartbeat) -> None:
        """Copy the image to `part`, held against the size limit and the stated SHA-256."""
        digest, size = hashlib.sha256(), 0
        with self._opened(source) as chunks, part.open("xb") as file:
            for chunk in chunks:
                size += len(chunk)
                self._check_size(source, size)
                digest.update(chunk)
                _write(file, chunk)
                heartbeat(f"image {source.name}: {size >> 20} MiB fetched")
            file.truncate(size)
            file.flush()
            os.fsync(file.fileno())
        if digest.hexdigest() != source.sha256:
            raise HardwareError(
                f"{_words(source)}: its record states SHA-256 {source.sha256}, the {size} bytes at "
                f"its address have {digest.hexdigest()}; correct the record, or have the file "
                "replaced",
                code="IMAGE_CHECKSUM_MISMATCH",
                field="sha256",
            )

    def _check_size(self, source: ImageSource, size: int, what: str = "file") -> None:
        limit = self._settings.max_image_bytes
        if size > limit:
            raise HardwareError(
                f"{_words(source)}: its {what} has {size} bytes or more, the executor takes up to "
                f"{limit}; use a smaller image or raise max_image_bytes",
                code="IMAGE_TOO_LARGE",
            )

    @contextmanager
    def _opened(self, source: ImageSource) -> Iterator[Iterator[bytes]]:
        """Open the image where it is and give its bytes in chunks."""
        if urlsplit(source.url).scheme == "file":
            with self._open_file(source) as file:
                yield iter(lambda: file.read(CHUNK_BYTES), b"")
            return
        try:
            response = self._open_http(source)
            try:
                self._check_size(source, int(response.headers.get("Content-Length") or 0))
                yield response.stream(CHUNK_BYTES, decode_content=False)
            finally:
                response.close()
        except HTTPError as error:
            raise _unreachable(source, source.url, str(error)) from error

    def _open_file(self, source: ImageSource) -> BinaryIO:
        """Open a file below the image folder, wherever links lead."""
        parts, folder = urlsplit(source.url), self._settings.image_folder
        path = Path(unquote(parts.path)).resolve()
        if folder is None or parts.netloc not in ("", "localhost"):
            raise _not_allowed(source, source.url, "the executor has no image_folder for files")
        if not path.is_relative_to(folder.resolve()):
            raise _not_allowed(source, source.url, "the file is not below the image_folder")
        if not path.is_file():
            raise _not_found(source, source.url, "there is no such file")
        self._check_size(source, path.stat().st_size)
        return path.open("rb")

    def _open_http(self, source: ImageSource) -> urllib3.BaseHTTPResponse:
        """Ask for the image, following redirects to addresses that are allowed themselves."""
        url = source.url
        for _ in range(MOST_REDIRECTS + 1):
            response = self._get(source, url)
            redirected = response.get_redirect_location()
            if not redirected:
                _check_status(source, url, response)
                return response
            response.close()
            url = urljoin(url, redirected)
        raise _not_allowed(source, url, f"it was redirected more than {MOST_REDIRECTS} times")

    def _get(self, source: ImageSource, url: str) -> urllib3.BaseHTTPResponse:
        """Send one request to one of the host's addresses, all of which were checked.

        The connection goes to the address, not to the name, so that a second look-up can't lead
        somewhere else. Proxies are not used for the same reason.
        """
        parts = self._check_url(source, url)
        headers = {
            "Host": parts.netloc,
            "Accept-Encoding": "identity",
            **self._credentials(source, parts),
        }
        target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
        failure: Exception | None = None
        for address in self._addresses(source, url, parts):
            pool = _pool(parts, str(address))
            try:
                return pool.request(
                    "GET",
                    target,
                    headers=headers,
                    redirect=False,
                    retries=False,
                    preload_content=False,
                )
            except HTTPError as error:
                failure = error
        raise _unreachable(source, url, str(failure))

    def _credentials(self, source: ImageSource, parts: SplitResult) -> dict[str, str]:
        """Give the header that signs in, to nobody but the host for which it was sealed.

        Raises:
            HardwareError: SECRET_UNREADABLE or SECRET_MISMATCH.
        """
        sealed_for = origin(urlsplit(source.url))
        if not source.sealed_credentials or self._keys is None or origin(parts) != sealed_for:
            return {}
        secret = self._keys.open(
            source.sealed_credentials,
            endpoint=source.image,
            address=sealed_for,
            region=self._keys.region,
        )
        return make_headers(basic_auth=f"{secret.get('username', '')}:{secret.get('password', '')}")

    def _addresses(
        self, source: ImageSource, url: str, parts: SplitResult
    ) -> list[IPv4Address | IPv6Address]:
        """Look the host up, refusing loopback and link-local addresses that aren't listed."""
        host = parts.hostname or ""
        try:
            found = getaddrinfo(host, _port(parts), type=SOCK_STREAM)
        except (gaierror, UnicodeError) as error:
            raise _unreachable(source, url, f"host {host!r} can't be found: {error}") from error
        addresses = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
        for address in addresses:
            listed = host == "localhost" or self._host_is_listed(parts, str(address))
            if not listed and _is_local(address):
                raise _not_allowed(
                    source,
                    url,
                    f"host {host!r} has the local address {address}, which is not itself in the "
                    "executor's allowed_image_hosts",
                )
        return addresses

    def _check_format(self, source: ImageSource, path: Path, heartbeat: Heartbeat) -> None:
        """Hold the file against the stated format: our look comes first, then qemu-img's."""
        if source.disk_format == "qcow2":
            _check_qcow2(source, path)
        elif _head(path, 4) == QCOW2_MAGIC:
            raise _wrong_format(source, "the file is a qcow2 image")
        self._check_size(source, _virtual_size(path, source.disk_format), "disk")
        try:
            seen = describe(path, source.disk_format, heartbeat)
        except HardwareBusyError:
            raise
        except HardwareError as error:
            raise _wrong_format(source, error.message) from error
        if seen.get("format") != source.disk_format:
            raise _wrong_format(source, f"qemu-img calls it {seen.get('format')}")
        if seen.get("full-backing-filename") or "data-file" in json.dumps(seen):
            raise _has_backing_file(source, "qemu-img names another file that it needs")


def _pool(parts: SplitResult, address: str) -> urllib3.HTTPConnectionPool:
    if parts.scheme == "http":
        return urllib3.HTTPConnectionPool(address, _port(parts), timeout=SERVER_TIMEOUT)
    return urllib3.HTTPSConnectionPool(
        address,
        _port(parts),
        timeout=SERVER_TIMEOUT,
        ssl_context=create_default_context(),
        server_hostname=parts.hostname,
        assert_hostname=parts.hostname,
    )


def origin(parts: SplitResult) -> str:
    """Write what a URL's credentials are sealed for: scheme://host:port, the port always."""
    return f"{parts.scheme}://{parts.hostname}:{_port(parts)}"


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _is_local(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return (
        address.is_loopback
        or address.is_link_local
        or address.is_unspecified
        or address.is_multicast
    )


def _check_status(source: ImageSource, url: str, response: urllib3.BaseHTTPResponse) -> None:
    if response.status == 200:
        return
    response.close()
    answer = f"the server answers {response.status} {response.reason or ''}".rstrip()
    if response.status in (408, 425, 429) or response.status >= 500:
        raise _unreachable(source, url, answer)
    raise _not_found(source, url, answer)


def _head(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size)


def _virtual_size(path: Path, disk_format: str) -> int:
    """Read the size of the disk in the image, in bytes."""
    if disk_format == "raw":
        return path.stat().st_size
    return int(struct.unpack_from(">Q", _head(path, 32), 24)[0])


def _write(file: BinaryIO, chunk: bytes) -> None:
    """Write a chunk, or leave a hole where it is all zeros."""
    if chunk == bytes(len(chunk)):
        file.seek(len(chunk), os.SEEK_CUR)
    else:
        file.write(chunk)


def _check_qcow2(source: ImageSource, path: Path) -> None:
    """Read a qcow2 header as docs/interop/qcow2.txt of QEMU lays it out; refuse what leads out."""
    head = _head(path, 64 << 10).ljust(112, b"\0")
    if not head.startswith(QCOW2_MAGIC):
        raise _wrong_format(source, "the file does not start like a qcow2 image")
    version, backing_offset, backing_size = struct.unpack_from(">IQI", head, 4)
    if version not in (2, 3):
        raise _wrong_format(source, f"the file is a qcow image of version {version}")
    if backing_offset or backing_size:
        raise _has_backing_file(source, "its header names a backing file")
    if struct.unpack_from(">I", head, 32)[0]:
        raise _wrong_format(source, "the file is encrypted, and nothing here has its key")
    incompatible, header_size = 0, 72
    if version == 3:
        incompatible, header_size = struct.unpack_from(">Q20xI", head, 72)
    if incompatible & QCOW2_DATA_FILE_BIT or _names_data_file(head, header_size):
        raise _has_backing_file(source, "its header names an external data file")


def _names_data_file(head: bytes, offset: int) -> bool:
    """Walk the header extensions: (type, length, content padded to 8 bytes) until type 0."""
    while offset + 8 <= len(head):
        kind, length = struct.unpack_from(">II", head, offset)
        if kind == QCOW2_DATA_FILE_EXTENSION:
            return True
        if kind == 0:
            return False
        offset += 8 + (length + 7) // 8 * 8
    return False


def _sha256_of(path: Path, heartbeat: Heartbeat) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            heartbeat(f"checksum of {path.name}")
    return digest.hexdigest()


def _words(source: ImageSource) -> str:
    return f"image {source.name} ({_shown(source.url)})"


def _shown(url: str) -> str:
    """Give an address without what may be secret in it: user, password, signature."""
    parts = urlsplit(url)
    netloc = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=netloc, query="", fragment="").geturl()


def _not_allowed(source: ImageSource, url: str, reason: str) -> HardwareError:
    return HardwareError(
        f"{_words(source)}: {_shown(url)} may not be fetched: {reason}; put the image where the "
        "executor may fetch it, or allow this place in the executor's settings",
        code="IMAGE_URL_NOT_ALLOWED",
        field="url",
    )


def _not_found(source: ImageSource, url: str, reason: str) -> HardwareError:
    return HardwareError(
        f"{_words(source)}: nothing can be fetched from {_shown(url)}: {reason}; correct the "
        "image's address or put the file there",
        code="IMAGE_NOT_FOUND",
        field="url",
    )


def _unreachable(source: ImageSource, url: str, reason: str) -> HardwareBusyError:
    return HardwareBusyError(
        f"{_words(source)}: {_shown(url)} can't be fetched now: {reason}; it is tried again, "
        "check the server and the way to it",
        code="IMAGE_SERVER_UNREACHABLE",
        field="url",
    )


def _wrong_format(source: ImageSource, reason: str) -> HardwareError:
    return HardwareError(
        f"{_words(source)}: its record states format {source.disk_format}, but {reason}; correct "
        "the record, or have the file replaced",
        code="IMAGE_FORMAT_MISMATCH",
        field="disk_format",
    )


def _has_backing_file(source: ImageSource, reason: str) -> HardwareError:
    return HardwareError(
        f"{_words(source)}: {reason}; an image has to stand alone: make one with "
        "`qemu-img convert -O qcow2`",
        code="IMAGE_HAS_BACKING_FILE",
    )
