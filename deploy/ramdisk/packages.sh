# Debian packages as material: fetched and unpacked into a folder, never installed on the host.
# Sourced by the build scripts of the ramdisk and of the test image; works without root.

# Downloads are kept here between builds; apt checks what is kept against the archive's hashes.
package_cache="${XDG_CACHE_HOME:-$HOME/.cache}/mulligan/debian"

# apt with a state of its own: the host's package lists may be empty or out of date, only root may
# refresh them, and an empty status file makes it resolve all dependencies, not only the host's gaps.
own_apt() {
    local tool="$1"
    shift
    "$tool" -qq -o "Dir::State=$package_cache" -o "Dir::State::status=$package_cache/status" \
        -o "Dir::Cache=$package_cache" -o Debug::NoLocking=true -o APT::Sandbox::User=root "$@"
}

refresh_package_lists() {
    mkdir -p "$package_cache/lists/partial" "$package_cache/archives/partial"
    : >"$package_cache/status"
    own_apt apt-get update
}

# with_dependencies NAME…: one NAME=VERSION per package that is needed to run these.
with_dependencies() {
    own_apt apt-get --simulate --no-install-recommends install "$@" |
        sed -n 's/^Inst \([^ ]*\) (\([^ ]*\) .*/\1=\2/p'
}

# candidate NAME…: NAME=VERSION of these alone.
candidate() {
    local name
    for name in "$@"; do
        own_apt apt-cache show --no-all-versions "$name" |
            sed -n "s/^Version: /$name=/p"
    done
}

# The kernel package that the metapackage stands for today.
kernel_package() {
    own_apt apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1
}

# unpack ROOT NAME=VERSION…: download what is missing and lay the packages over each other in ROOT.
unpack() {
    local root="$1" package name version
    shift
    mkdir -p "$root"
    (cd "$package_cache/archives" && own_apt apt-get download "$@")
    for package in "$@"; do
        name="${package%%=*}" version="${package#*=}"
        dpkg-deb --extract "$package_cache/archives/${name}_${version//:/%3a}"_*.deb "$root"
    done
}

# fetch_and_unpack WORK TOOL… -- PACKAGE…: the tools with all they need in WORK/tools; in WORK/boot, without
# what they depend on, today's kernel and the other packages.
fetch_and_unpack() {
    local work="$1" names=() tools boot
    shift
    while [ "$1" != -- ]; do names+=("$1"); shift; done
    shift
    mkdir -p "$package_cache"
    exec 8>"$package_cache/.lock"
    flock 8
    refresh_package_lists
    mapfile -t tools < <(with_dependencies "${names[@]}")
    mapfile -t boot < <(candidate "$(kernel_package)" "$@")
    [ "${#tools[@]}" -ge "${#names[@]}" ] && [ "${#boot[@]}" = $(($# + 1)) ] ||
        { echo "apt does not know all of: ${names[*]} linux-image-amd64 $*" >&2; return 1; }
    unpack "$work/tools" "${tools[@]}"
    unpack "$work/boot" "${boot[@]}"
    exec 8>&-
}

# install_programs ROOT TREE PROGRAM…: copy programs from ROOT to TREE/usr/bin with the libraries
# that they load. ROOT's own loader is asked, so the host's libraries can't get in.
install_programs() {
    local root="$1" tree="$2" program path library
    shift 2
    mkdir -p "$tree/usr/bin" "$tree/usr/lib64" "$tree/usr/lib/x86_64-linux-gnu"
    cp -L "$root/lib64/ld-linux-x86-64.so.2" "$tree/usr/lib64/"
    for program in "$@"; do
        path=$(find "$root/bin" "$root/sbin" "$root/usr/bin" "$root/usr/sbin" -name "$program" | head -n 1)
        [ -n "$path" ] || { echo "no program $program in the packages" >&2; return 1; }
        cp -L "$path" "$tree/usr/bin/$program"
        "$root/lib64/ld-linux-x86-64.so.2" --library-path "$root/lib/x86_64-linux-gnu:$root/usr/lib/x86_64-linux-gnu" \
            --list "$path" 2>/dev/null | sed -n 's/.* => \(.*\) (0x.*/\1/p' |
            while read -r library; do cp -Lu "$library" "$tree/usr/lib/x86_64-linux-gnu/"; done
    done
}

# install_busybox ROOT TREE: a shell, and busybox under every name that it answers to and that is not taken by a fuller program.
install_busybox() {
    local root="$1" tree="$2" applet
    cp "$root/bin/busybox" "$tree/usr/bin/busybox"
    # Not busybox's own shell: that one runs its applets rather than the fuller programs on the path.
    install_programs "$root" "$tree" dash
    ln -s dash "$tree/usr/bin/sh"
    # kmod's modprobe is the one that loads by modalias; /usr/sbin is where the kernel calls it.
    mkdir -p "$tree/usr/sbin"
    ln -s kmod "$tree/usr/bin/modprobe"
    ln -s ../bin/kmod "$tree/usr/sbin/modprobe"
    for applet in $("$root/bin/busybox" --list); do
        [ -e "$tree/usr/bin/$applet" ] || ln -s busybox "$tree/usr/bin/$applet"
    done
}

# make_initramfs OUT KERNEL_ROOT TREE DRIVERS_FILE TOOLS_ROOT: the kernel's modules by dracut, TREE's files as they are.
# TOOLS_ROOT has zstd: firmware reads slowly, so the smaller file boots sooner.
make_initramfs() {
    local out="$1" kernel="$2" tree="$3" drivers version zstd
    zstd="$5/lib64/ld-linux-x86-64.so.2 --library-path $5/usr/lib/x86_64-linux-gnu:$5/lib/x86_64-linux-gnu $5/usr/bin/zstd"
    drivers=$(sed 's/#.*//' "$4" | tr '\n' ' ')
    version=$(basename "$kernel"/lib/modules/*)
    depmod --basedir "$kernel" "$version"
    # No udev, no systemd, no hooks: the agent is the only program, so dracut's part is choosing modules
    # with what they depend on, and packing.
    dracut --quiet --force --no-hostonly --no-early-microcode --reproducible \
        --compress "$zstd -19 -q" \
        --tmpdir "$(dirname "$out")" --conf /dev/null --confdir "$tree" \
        --modules kernel-modules --kver "$version" --kmoddir "$kernel/lib/modules/$version" \
        --drivers "$drivers" --include "$tree" / "$out" "$version"
}

# content_hash FILE_OR_WORD…: one hash over everything that shapes a build.
content_hash() {
    local part
    for part in "$@"; do
        if [ -f "$part" ]; then cat "$part"; else printf '%s\n' "$part"; fi
    done | sha256sum | cut -d ' ' -f 1
}
