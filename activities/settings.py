"""What an executor is told at its start."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ExecutorSettings:
    """Where an executor keeps its files, and the addresses at which others reach it.

    `media_url` (http) is what BMCs fetch boot media from and machines report to; `ramdisk_url`
    (https) is what ramdisks talk to; `report_url` (http) is `media_url` as a machine sees it (in
    user-mode networking the host is 10.0.2.2). `allowed_image_hosts` are host names or host:port;
    image URLs with other hosts, and redirects to them, are refused. `file:` URLs are allowed below
    `image_folder` only.
    """

    region: str
    state_folder: Path
    ramdisk_folder: Path
    media_url: str
    ramdisk_url: str
    report_url: str
    allowed_image_hosts: tuple[str, ...] = ()
    image_folder: Path | None = None
    max_image_bytes: int = 64 << 30
