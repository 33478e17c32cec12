#!/bin/bash
# Usage: build.sh OUT_FILE
# Builds the test image: a raw GPT disk of less than 64 MB that boots with UEFI, from Debian packages, without root.
# Nothing happens when OUT_FILE was built from these same scripts.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ramdisk=$(cd "$here/../ramdisk" && pwd)
# shellcheck source=../ramdisk/packages.sh
source "$ramdisk/packages.sh"

[ $# = 1 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
out="$1"
mkdir -p "$(dirname "$out")"
exec 9>"$out.lock"
flock 9
stamp=$(content_hash "$ramdisk"/{packages.sh,dhcp.sh} "$here"/{build.sh,init.sh,drivers})
[ ! -e "$out" ] || [ "$(cat "$out.stamp" 2>/dev/null)" != "$stamp" ] || exit 0
rm -f "$out.stamp"

work=$(mktemp -d "$(dirname "$out")/.build.XXXXXX")
trap 'rm -rf "$work"' EXIT
fetch_and_unpack "$work" busybox-static dash curl jq kmod dropbear-bin zstd -- systemd-boot-efi

tree="$work/tree"
install_programs "$work/tools" "$tree" curl jq kmod dropbear dropbearkey
install_busybox "$work/tools" "$tree"
mkdir -p "$tree/etc"
echo root:x:0:0:root:/root:/usr/bin/sh >"$tree/etc/passwd"
echo root:*:19000:0:99999:7::: >"$tree/etc/shadow"
echo /usr/bin/sh >"$tree/etc/shells"
install -m 755 "$here/init.sh" "$tree/init"
install -m 755 "$ramdisk/dhcp.sh" "$tree/"
make_initramfs "$work/initrd.img" "$work/boot" "$tree" "$here/drivers" "$work/tools"

# 48 MiB: one EFI system partition, after the customary first MiB and before the second partition table.
truncate -s 48M "$work/disk"
sgdisk --clear --new 1:2048:-1M --typecode 1:EF00 --change-name 1:esp "$work/disk" >/dev/null
sectors=$(sgdisk --info 1 "$work/disk" | awk '/^Partition size/ {print $3}')
mkfs.vfat -C -n TESTIMAGE --invariant "$work/esp" "$((sectors / 2))" >/dev/null
printf 'timeout 0\n' >"$work/loader.conf"
printf 'title test image\nlinux /vmlinuz\ninitrd /initrd.img\noptions %s\n' \
    "console=tty0 console=ttyS0,115200 loglevel=4 scsi_mod.scan=sync panic=30" >"$work/entry.conf"
mmd -i "$work/esp" ::EFI ::EFI/BOOT ::loader ::loader/entries
mcopy -i "$work/esp" "$work/boot/usr/lib/systemd/boot/efi/systemd-bootx64.efi" ::EFI/BOOT/BOOTX64.EFI
mcopy -i "$work/esp" "$work/loader.conf" ::loader/loader.conf
mcopy -i "$work/esp" "$work/entry.conf" ::loader/entries/testimage.conf
mcopy -i "$work/esp" "$work"/boot/boot/vmlinuz-* ::vmlinuz
mcopy -i "$work/esp" "$work/initrd.img" ::initrd.img
dd if="$work/esp" of="$work/disk" bs=1M seek=1 conv=notrunc status=none

chmod 644 "$work/disk"
mv "$work/disk" "$out"
echo "$stamp" >"$out.stamp"
