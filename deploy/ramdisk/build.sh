#!/bin/bash
# Usage: build.sh OUT_DIR [--profile lab|metal]
# Builds the deploy ramdisk from Debian packages: OUT_DIR/{efi.img,vmlinuz,initrd.img,grub.cfg}, from which media.py
# masters one ISO per operation. lab: drivers for emulated hardware; metal: drivers for servers. Needs no root.
# Nothing happens when OUT_DIR was built from these same scripts.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=packages.sh
source "$here/packages.sh"

usage() { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }
[ $# -ge 1 ] || usage
out="$1" profile=metal
shift
while [ $# -gt 0 ]; do
    case "$1" in
    --profile) profile="${2:-}"; shift 2 || usage ;;
    *) usage ;;
    esac
done
case "$profile" in
lab) settle_s=0 ;;
metal) settle_s=10 ;;
*) usage ;;
esac

mkdir -p "$out"
exec 9>"$out/.lock"
flock 9
stamp=$(content_hash "$profile" "$here"/{build.sh,packages.sh,init.sh,agent.sh,dhcp.sh,grub.cfg,drivers-"$profile"})
[ "$(cat "$out/.stamp" 2>/dev/null)" != "$stamp" ] || exit 0
rm -f "$out/.stamp"

work=$(mktemp -d "$out/.build.XXXXXX")
trap 'rm -rf "$work"' EXIT

fetch_and_unpack "$work" busybox-static dash curl jq gdisk kmod coreutils diffutils zstd -- shim-signed grub-efi-amd64-signed

# Programs of which busybox has none, or a lesser one: its tee moves a kilobyte at a time, its dd can't end a direct
# write on an odd tail, its cmp and sha256sum take several times as long.
tree="$work/tree"
install_programs "$work/tools" "$tree" curl jq sgdisk kmod dd tee cmp sha256sum
install_busybox "$work/tools" "$tree"
mkdir -p "$tree/etc"
install -m 755 "$here/init.sh" "$tree/init"
install -m 755 "$here/agent.sh" "$here/dhcp.sh" "$tree/"
echo "$settle_s" >"$tree/etc/settle-seconds"

make_initramfs "$work/initrd.img" "$work/boot" "$tree" "$here/drivers-$profile" "$work/tools"
cp "$work"/boot/boot/vmlinuz-* "$work/vmlinuz"
cp "$here/grub.cfg" "$work/grub.cfg"

# Debian's signed chain, so that Secure Boot may stay on: shim starts the GRUB that was built for CD-ROMs, which
# looks for the medium that has /.disk/info and reads /boot/grub/grub.cfg there.
mkfs.vfat -C -n MULLIGANEFI --invariant "$work/efi.img" 8192 >/dev/null
mmd -i "$work/efi.img" ::EFI ::EFI/BOOT
mcopy -i "$work/efi.img" "$work/boot/usr/lib/shim/shimx64.efi.signed" ::EFI/BOOT/BOOTX64.EFI
mcopy -i "$work/efi.img" "$work/boot/usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed" ::EFI/BOOT/grubx64.efi

chmod 644 "$work"/{efi.img,vmlinuz,initrd.img,grub.cfg}
mv "$work"/{efi.img,vmlinuz,initrd.img,grub.cfg} "$out/"
echo "$stamp" >"$out/.stamp"
