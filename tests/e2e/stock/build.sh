#!/bin/bash
# Usage: build.sh OUT_FILE
# Builds a stock Debian with cloud-init, the release of this machine: a qcow2 that boots with UEFI.
# cloud-init is as Debian's package has it. Works with root or with a user namespace (mmdebstrap, fakeroot).
# Nothing happens when OUT_FILE was built from this same script.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../../../deploy/ramdisk/packages.sh
source "$here/../../../deploy/ramdisk/packages.sh"

[ $# = 1 ] || { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }
out="$1"
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
# cloud-init renders netplan's files when it finds netplan, as on Debian's cloud images.
packages=(
    systemd-sysv systemd-resolved systemd-boot-efi udev dbus kmod linux-image-cloud-amd64 initramfs-tools zstd
    cloud-init cloud-guest-utils e2fsprogs fdisk netplan.io openssh-server sudo iproute2 ca-certificates
)
mkdir -p "$(dirname "$out")"
exec 9>"$out.lock"
flock 9
stamp=$(content_hash "$here/build.sh" "$release")
[ ! -e "$out" ] || [ "$(cat "$out.stamp" 2>/dev/null)" != "$stamp" ] || exit 0
rm -f "$out.stamp"

work=$(mktemp -d "$(dirname "$out")/.build.XXXXXX")
trap 'rm -rf "$work"' EXIT

mmdebstrap --quiet --variant=minbase --include="$(IFS=,; echo "${packages[*]}")" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d"; echo COMPRESS=zstd >"$1/etc/initramfs-tools/conf.d/zstd"' \
    --customize-hook='echo "LABEL=root / ext4 defaults,x-systemd.growfs 0 1" >"$1/etc/fstab"' \
    --customize-hook='echo LANG=C.UTF-8 >"$1/etc/default/locale"' \
    --customize-hook='rm -f "$1/etc/hostname" "$1"/etc/ssh/ssh_host_*; : >"$1/etc/machine-id"' \
    --customize-hook='chroot "$1" systemctl -q enable systemd-networkd systemd-resolved' \
    "$release" "$work/tree.tar"

# The kernel and the boot loader go to the EFI system partition, everything to the root file system.
mkdir "$work/boot"
tar -xf "$work/tree.tar" -C "$work/boot" --wildcards './boot/vmlinuz-*' './boot/initrd.img-*' ./usr/lib/systemd/boot/efi/systemd-bootx64.efi
as_root=()
[ "$(id -u)" = 0 ] || as_root=(fakeroot)
truncate -s 1400M "$work/root"
# shellcheck disable=SC2016  # the inner shell's arguments
"${as_root[@]}" bash -ec 'mkdir "$1/tree"
    tar -xf "$1/tree.tar" --numeric-owner -C "$1/tree"
    mke2fs -q -t ext4 -L root -d "$1/tree" "$1/root"
    chmod -R u+rwX "$1/tree"
    rm -rf "$1/tree"' - "$work"
rm "$work/tree.tar"

# After the customary first MiB 100 MiB of ESP, then the root; the last MiB has the second partition table.
truncate -s 1502M "$work/disk"
sgdisk --new 1:1M:+100M --typecode 1:EF00 --change-name 1:esp \
    --new 2:101M:+1400M --typecode 2:8304 --change-name 2:root "$work/disk" >/dev/null
mkfs.vfat -C -n ESP --invariant "$work/esp" "$((100 * 1024))" >/dev/null
printf 'timeout 0\n' >"$work/loader.conf"
printf 'title Debian\nlinux /vmlinuz\ninitrd /initrd.img\noptions %s\n' \
    "root=LABEL=root ro console=tty0 console=ttyS0,115200" >"$work/entry.conf"
mmd -i "$work/esp" ::EFI ::EFI/BOOT ::loader ::loader/entries
mcopy -i "$work/esp" "$work/boot/usr/lib/systemd/boot/efi/systemd-bootx64.efi" ::EFI/BOOT/BOOTX64.EFI
mcopy -i "$work/esp" "$work/loader.conf" ::loader/loader.conf
mcopy -i "$work/esp" "$work/entry.conf" ::loader/entries/debian.conf
mcopy -i "$work/esp" "$work"/boot/boot/vmlinuz-* ::vmlinuz
mcopy -i "$work/esp" "$work"/boot/boot/initrd.img-* ::initrd.img
dd if="$work/esp" of="$work/disk" bs=1M seek=1 conv=notrunc,sparse status=none
dd if="$work/root" of="$work/disk" bs=1M seek=101 conv=notrunc,sparse status=none

qemu-img convert -c -O qcow2 "$work/disk" "$work/qcow2"
chmod 644 "$work/qcow2"
mv "$work/qcow2" "$out"
echo "$stamp" >"$out.stamp"
