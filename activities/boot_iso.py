"""Boot media of the deploy ramdisk: one small ISO per operation."""

import io
import json
from pathlib import Path

from pycdlib import PyCdlib

VOLUME_LABEL = "MULLIGAN"
"""What the agent looks for (deploy/ramdisk/agent.sh)."""

_RAMDISK_FILES = {
    "efi.img": "/EFI.IMG;1",
    "vmlinuz": "/VMLINUZ.;1",
    "initrd.img": "/INITRD.IMG;1",
    "grub.cfg": "/BOOT/GRUB/GRUB.CFG;1",
}


def write_boot_iso(ramdisk_dir: Path, task: dict[str, str], out: Path) -> None:
    """Write a UEFI-bootable CD image with the ramdisk of `ramdisk_dir` and `task` as mulligan.json.

    `ramdisk_dir` is what build.sh made; `task` has the keys operation, url, ca_sha256 and token.
    Files are streamed from disk to disk. `out` appears whole or not at all.

    Raises:
        FileNotFoundError: The ramdisk is not built.
    """
    orders = json.dumps(task).encode()
    unfinished = out.with_name(out.name + ".part")
    iso = PyCdlib()
    iso.new(interchange_level=3, vol_ident=VOLUME_LABEL, rock_ridge="1.09")
    try:
        iso.add_directory("/BOOT", rr_name="boot")
        iso.add_directory("/BOOT/GRUB", rr_name="grub")
        for name, iso_path in _RAMDISK_FILES.items():
            iso.add_file(str(ramdisk_dir / name), iso_path, rr_name=name)
        # Debian's GRUB for CD-ROMs takes the first medium with this file as its own.
        iso.add_directory("/DISK", rr_name=".disk")
        iso.add_fp(io.BytesIO(b"Mulligan\n"), len(b"Mulligan\n"), "/DISK/INFO.;1", rr_name="info")
        iso.add_fp(io.BytesIO(orders), len(orders), "/MULLIGAN.JSO;1", rr_name="mulligan.json")
        iso.add_eltorito("/EFI.IMG;1", bootcatfile="/BOOT.CAT;1", platform_id=0xEF)
        iso.write(str(unfinished))
    finally:
        iso.close()
    unfinished.replace(out)
