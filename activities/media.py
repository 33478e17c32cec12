"""What is served to one server during one operation: boot medium, image, config drive.

Everything of an operation stands in `state_folder`/media/<operation>/<secret>/<name>, where the
secret is the unguessable part of its address. Executors of a region may share the folder.
"""

import os
import re
import secrets
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from activities.boot_iso import write_boot_iso
from activities.certificates import RegionCertificates
from activities.contracts.redfish import RamdiskFile, RamdiskImage
from activities.disk_space import in_room_of
from activities.images import RawImage
from activities.keys import RegionKeys
from activities.operation_logs import single_name
from activities.settings import ExecutorSettings
from mulligan.values.errors import HardwareError

BOOT_MEDIUM = "boot.iso"
IMAGE = "image.raw"
CONFIG_DRIVE = "config-drive.iso"

RAMDISK_TOKEN_LIFE = timedelta(days=7)
"""Wiping a large disk takes days; an operation that ended refuses its ramdisk long before this."""

_SECRET = re.compile(r"[0-9a-f]{40}")
_NAME = re.compile(r"[a-z][a-z0-9.-]{0,40}")


class MediaStore:
    """The media that the executors of a region serve, kept in `settings.state_folder`/media."""

    def __init__(self, settings: ExecutorSettings, keys: RegionKeys) -> None:
        self._settings = settings
        self._keys = keys
        self._folder = settings.state_folder / "media"
        self.certificates = RegionCertificates(
            settings.state_folder / "tls", settings.region, settings.ramdisk_url
        )

    def boot_url(self, operation: str, server: str) -> str:
        """Give the address at which the server's BMC finds the operation's boot medium."""
        secret = self._secret(operation, server, BOOT_MEDIUM)
        return f"{self._settings.media_url}/media/{secret}/{BOOT_MEDIUM}"

    def ramdisk_url(self, operation: str, server: str, name: str) -> str:
        """Give the address at which the server's ramdisk finds IMAGE or CONFIG_DRIVE."""
        secret = self._secret(operation, server, name)
        return f"{self._settings.ramdisk_url}/media/{secret}/{name}"

    def write_boot_medium(self, operation: str, server: str) -> None:
        """Write the ramdisk's medium for one operation.

        Raises:
            HardwareError: RAMDISK_NOT_BUILT.
        """
        orders = {
            "operation": operation,
            "url": self._settings.ramdisk_url,
            "ca_sha256": self.certificates.ca_sha256,
            "token": self._keys.report_token(
                operation, "ramdisk", datetime.now(UTC) + RAMDISK_TOKEN_LIFE
            ),
        }
        ramdisk = self._settings.ramdisk_folder
        try:
            self._publish(
                operation,
                server,
                BOOT_MEDIUM,
                lambda path: write_boot_iso(ramdisk, orders, path),
            )
        except FileNotFoundError as error:
            raise HardwareError(
                f"the deploy ramdisk is not complete in {ramdisk} ({error.filename} is missing); "
                "build it with deploy/ramdisk/build.sh, or correct the executor's ramdisk_folder",
                code="RAMDISK_NOT_BUILT",
            ) from None

    def serve_image(self, operation: str, server: str, image: RawImage) -> RamdiskImage:
        """Offer an image of the cache to the server's ramdisk; it is linked, not copied."""
        self._publish(operation, server, IMAGE, lambda path: os.link(image.path.resolve(), path))
        return RamdiskImage(sha256=image.sha256, size_bytes=image.size_bytes)

    def serve_config_drive(self, operation: str, server: str, content: bytes) -> RamdiskFile:
        """Offer a config drive to the server's ramdisk."""

        def write(path: Path) -> None:
            path.write_bytes(content)

        self._publish(operation, server, CONFIG_DRIVE, write)
        return RamdiskFile(sha256=sha256(content).hexdigest())

    def find(self, secret: str, name: str) -> Path | None:
        """Find what is served at /media/<secret>/<name>, if anything."""
        if not (_SECRET.fullmatch(secret) and _NAME.fullmatch(name)):
            return None
        return next(self._folder.glob(f"*/{secret}/{name}"), None)

    def operations(self) -> tuple[str, ...]:
        """List the operations of which something is served."""
        return tuple(sorted(folder.name for folder in self._folder.glob("*")))

    def remove(self, operation: str) -> bool:
        """Delete everything that is served for an operation; says whether there was something."""
        folder = self._folder / single_name(operation)
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            return False
        return True

    def _secret(self, operation: str, server: str, name: str) -> str:
        """Give the secret under which it is served already, whichever key that came from."""
        secrets_of_keys = self._keys.secret_paths(operation, server, name)
        folder = self._folder / single_name(operation)
        served = (secret for secret in secrets_of_keys if (folder / secret).exists())
        return next(served, secrets_of_keys[0])

    def _publish(
        self, operation: str, server: str, name: str, write: Callable[[Path], None]
    ) -> None:
        """Write a file beside its place and move it there.

        A predecessor that still writes the same file disturbs nothing.
        """
        secret = self._secret(operation, server, name)
        folder = self._folder / single_name(operation) / secret
        part = folder / f".part-{secrets.token_hex(6)}"
        with in_room_of(self._folder, f"{name} of operation {operation}"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                write(part)
                part.replace(folder / name)
            finally:
                part.unlink(missing_ok=True)
