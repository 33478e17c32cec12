#!/bin/sh
# The deploy ramdisk's agent: asks the executor of its region for one task, does it, says how it went.
#
# It trusts one thing, the medium it was started from, which names the executor's address, the fingerprint of its
# CA, and a token that is good for one operation. Everything that destroys data happens after the executor has
# confirmed, over verified TLS, that this operation is still live; there is no default task and no default disk.
#
# Started by init.sh with its output on every console; leaves `reboot` or `poweroff` in $AFTER.
set -u

say() { printf 'mulligan: %s\n' "$*"; }

# ── Ends ─────────────────────────────────────────────────────────────────────────────────────────────────────

# Nobody wants this machine to do anything (any more): off, and nothing further is written or sent.
stand_down() {
    say "$*; powering off"
    # A writer in the background must not go on while the machine goes down.
    [ ! -s "$RUN/writers" ] || xargs kill -9 <"$RUN/writers" 2>/dev/null
    exit 0
}

# fail CODE MESSAGE: report what an operator needs to know, then off. A failed machine must not boot from its disk.
fail() {
    say "failed, $1: $2"
    [ -z "${written_disk:-}" ] || clear_partition_tables "$written_disk"
    jq -n --arg code "$1" --arg message "$2" '{ok: false, code: $code, message: $message}' >"$RUN/result"
    report_result
    exit 0
}

# succeed: with what is in $RUN/result.
succeed() {
    report_result
    echo "$after" >"$AFTER"
    say "done: $after"
    exit 0
}

report_result() {
    # The log goes first: with the result in hand the other side may end the operation, and us with it.
    send_log
    call_until_accepted /ramdisk/v1/result "$RUN/result" || say "the result was not accepted (HTTP $status)"
}

# ── Talking to the executor ──────────────────────────────────────────────────────────────────────────────────

# call PATH BODY_FILE [TYPE]: one POST; the HTTP status in $status (000: no answer), the body in $RUN/answer.
# Token and CA stand in a file for curl, so that neither a command line nor a log ever shows the token.
call() {
    status=$(curl --config "$RUN/curl.conf" --max-time "${call_timeout_s:-30}" --header "Content-Type: ${3:-application/json}" \
        --data-binary "@$2" --output "$RUN/answer" --write-out '%{http_code}' "$url$1" 2>"$RUN/curl.words") ||
        say "$1: $(cat "$RUN/curl.words")"
}

accepted() { case "$status" in 2??) true ;; *) false ;; esac; }

# The executor answered, and it does not know this operation as live.
not_live() { case "$status" in 401 | 403 | 404 | 409 | 410) true ;; *) false ;; esac; }

# The executor may be starting again or handing over to another: keep asking for ten minutes, then give up.
call_until_accepted() {
    local give_up_at=$(($(date +%s) + 600)) pause=1
    while :; do
        call "$@"
        if accepted; then return 0; fi
        if not_live || [ "$(date +%s)" -ge "$give_up_at" ]; then return 1; fi
        sleep "$pause"
        [ "$pause" -ge 8 ] || pause=$((pause * 2))
    done
}

# progress STEP PERCENT: worth one try and at most every two seconds. The answer matters more than the report:
# "not live" in the middle of the work means that somebody else is, or soon will be, in charge of this machine.
progress() {
    local now
    now=$(date +%s)
    [ "$now" -ge "${next_progress_at:-0}" ] || return 0
    echo "{\"step\":\"$1\",\"percent\":$2}" >"$RUN/progress"
    call_timeout_s=5 call /ramdisk/v1/progress "$RUN/progress"
    next_progress_at=$(($(date +%s) + 2))
    ! not_live || stand_down "the operation is no longer live (HTTP $status)"
}

send_log() {
    # The token can't be in there; should it ever be, it is blanked on the way out.
    dmesg | sed "s|$token|[token]|g" | tail -c 65536 >"$RUN/log"
    call_timeout_s=10 call /ramdisk/v1/log "$RUN/log" text/plain || :
}

# ── Finding the medium, the hardware, the executor ───────────────────────────────────────────────────────────

# Load drivers for all hardware that is there, until loading them brings up nothing new (a controller, then its disks).
load_drivers() {
    local before
    : >"$RUN/modaliases.new"
    before=none
    while [ "$before" != "$(cat "$RUN/modaliases.new")" ]; do
        before=$(cat "$RUN/modaliases.new")
        find /sys/devices -name modalias -exec cat {} + 2>/dev/null | sort -u >"$RUN/modaliases.new"
        # By its path: busybox's xargs would run busybox's modprobe, which doesn't know these options.
        xargs /usr/sbin/modprobe --all --use-blacklist --quiet <"$RUN/modaliases.new"
    done
}

# The 32 bytes where an ISO 9660 primary volume descriptor has its volume identifier (ECMA-119, 8.4.7).
iso_label() { dd "if=/dev/$1" bs=8 skip=4101 count=4 2>/dev/null | tr -d '\0' | sed 's/ *$//'; }

# A BMC's virtual CD-ROM is a USB device that may take its time to appear.
mount_medium() {
    local give_up_at=$(($(date +%s) + 120)) name
    while [ "$(date +%s)" -lt "$give_up_at" ]; do
        load_drivers
        for name in $(ls /sys/block); do
            if [ "$(iso_label "$name")" = MULLIGAN ]; then
                mkdir -p "$RUN/medium"
                mount -t iso9660 -o ro "/dev/$name" "$RUN/medium" || continue
                echo "$name" >"$RUN/medium.name"
                return 0
            fi
        done
        sleep 1
    done
    return 1
}

# from_json FILE NAME=JQ_PATH…: sets shell variables; a missing one is an error. One jq for all of them, because
# jq takes a third of a second to start under emulation, and @sh quotes whatever the value is.
from_json() {
    local file="$1" pair program=
    shift
    for pair in "$@"; do
        program="$program \"${pair%%=*}=\" + (${pair#*=} // error(\"no ${pair%%=*}\") | @sh),"
    done
    pair=$(jq -r "${program%,}" "$file") && eval "$pair"
}

read_medium() {
    local file="$RUN/medium/mulligan.json" written_at
    from_json "$file" operation=.operation url=.url ca_sha256=.ca_sha256 token=.token || return 1
    # A server's clock may be years behind, and then no certificate is valid yet. The medium was written
    # after the certificate, just before this boot, and it is what we trust anyway.
    written_at=$(stat -c %Y "$file")
    [ "$(date +%s)" -ge "$written_at" ] || date -s "@$written_at" >/dev/null
}

nics() { for link in /sys/class/net/*; do [ ! -e "$link/device" ] || basename "$link"; done; }

# Several networks may have a DHCP server; ours is the one from which the executor can be reached.
connect() {
    local give_up_at=$(($(date +%s) + 300)) nic
    while [ "$(date +%s)" -lt "$give_up_at" ]; do
        for nic in $(nics); do ip link set "$nic" up; done
        for nic in $(nics); do
            [ "$(cat "/sys/class/net/$nic/carrier" 2>/dev/null)" = 1 ] || continue
            # Without -q it stays and renews the lease: a wipe can take longer than a lease.
            udhcpc -i "$nic" -n -t 3 -T 2 -s /dhcp.sh -p "$RUN/dhcp.pid" >/dev/null 2>&1 || continue
            say "network: $nic has $(ip -4 -o addr show dev "$nic" | awk '{print $4}')"
            if fetch_ca; then return 0; fi
            kill "$(cat "$RUN/dhcp.pid")"
            ip addr flush dev "$nic"
            ip link set "$nic" down
        done
        sleep 1
        load_drivers
    done
    return 1
}

# The CA comes over an unverified connection and is judged by its fingerprint. Only the certificate that was
# judged is kept: the file as received could carry a second one, which curl would trust as well.
fetch_ca() {
    curl --silent --show-error --insecure --proto =https --max-time 15 --max-filesize 65536 \
        --output "$RUN/received.pem" "$url/ca.pem" 2>"$RUN/curl.words" || {
        say "$(cat "$RUN/curl.words")"
        return 1
    }
    sed -n '/-BEGIN CERTIFICATE-/,/-END CERTIFICATE-/p;/-END CERTIFICATE-/q' "$RUN/received.pem" |
        grep -v -- ----- | base64 -d >"$RUN/ca.der" 2>/dev/null
    if [ "$(sha256sum <"$RUN/ca.der" | cut -d ' ' -f 1)" != "$ca_sha256" ]; then
        stand_down "the CA at $url is not the one that the medium names"
    fi
    { echo "-----BEGIN CERTIFICATE-----"; base64 <"$RUN/ca.der"; echo "-----END CERTIFICATE-----"; } >"$RUN/ca.pem"
    # Without AES in the processor (old ones, emulated ones) the other cipher is several times as fast.
    grep -q '^flags.* aes' /proc/cpuinfo || echo 'tls13-ciphers = "TLS_CHACHA20_POLY1305_SHA256"' >"$RUN/curl.conf"
    printf '%s\n' silent show-error 'proto = "=https"' 'connect-timeout = 10' \
        "cacert = \"$RUN/ca.pem\"" "header = \"Authorization: Bearer $token\"" >>"$RUN/curl.conf"
}

# ── Disks ────────────────────────────────────────────────────────────────────────────────────────────────────

# Printable text without the blanks around it (busybox's tr has no [:print:]).
clean() { tr -d '\000-\037\177-\377' | sed 's/^ *//; s/ *$//'; }

attribute() { [ ! -e "/sys/block/$1" ] || clean <"/sys/block/$1"; }

disk_serial() {
    local serial
    serial=$(attribute "$1/serial")
    [ -n "$serial" ] || serial=$(attribute "$1/device/serial")
    # SCSI and SATA have it in vital product data page 0x80, after a header of four bytes.
    [ -n "$serial" ] || serial=$(tail -c +5 "/sys/block/$1/device/vpd_pg80" 2>/dev/null | clean)
    echo "$serial"
}

# As udev's ID_WWN and lsblk write it.
disk_wwn() {
    local wwn
    wwn=$(attribute "$1/wwid")
    [ -n "$wwn" ] || wwn=$(attribute "$1/device/wwid")
    case "$wwn" in
    naa.*) echo "0x${wwn#naa.}" ;;
    eui.* | nvme.* | uuid.*) echo "$wwn" ;;
    esac
}

disk_transport() {
    case "$1 $(readlink -f "/sys/block/$1")" in
    nvme*) echo nvme ;;
    vd*) echo virtio ;;
    *"/usb"*) echo usb ;;
    *"/ata"*) echo sata ;;
    *"/end_device-"*) echo sas ;;
    *"/rport-"*) echo fc ;;
    *"/session"[0-9]*) echo iscsi ;;
    *) echo scsi ;;
    esac
}

# The disks that a task may ever touch, a line of tab-separated facts for each. Only block devices with hardware behind them have `device`
# (not loop, ram, zram, md, dm); of these not the optical, the removable, the write-protected, the empty, or our medium.
eligible_disks() {
    local path name
    for path in /sys/block/*; do
        name=$(basename "$path")
        case "$name" in sr* | fd* | mmcblk*boot* | "$(cat "$RUN/medium.name")") continue ;; esac
        [ -e "$path/device" ] && [ "$(attribute "$name/removable")" = 0 ] && [ "$(attribute "$name/ro")" = 0 ] || continue
        [ "$(attribute "$name/hidden")" != 1 ] && [ "$(attribute "$name/size")" -gt 0 ] || continue
        printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$name" $(($(attribute "$name/size") * 512)) "$(disk_serial "$name")" "$(disk_wwn "$name")" \
            "$(attribute "$name/device/model")" "$(attribute "$name/queue/rotational")" "$(disk_transport "$name")"
    done
}

# choose_disks WANTED_JSON_LIST: sets $chosen to the names of the eligible disks that the list describes. What is given
# decides alone, the surest first: a serial number that matches nothing never falls back to a name, which may be another
# disk on every boot. No disk, or two of the same serial number, is a failure that says what there is.
choose_disks() {
    chosen=$(jq -r --argjson wanted "$1" '
        def bare: ascii_downcase | ltrimstr("0x") | ltrimstr("naa.") | ltrimstr("eui.");
        .disks as $disks | $wanted[] as $w
        | $disks | map(select(.size_bytes >= ($w.min_bytes // 0)))
        | if ($w.serial // "") != "" then map(select(.serial == $w.serial))
          elif ($w.wwn // "") != "" then map(select((.wwn | bare) == ($w.wwn | bare)))
          elif ($w.name // "") != "" then map(select(.name == ($w.name | ltrimstr("/dev/"))))
          else map(select(.transport | IN("usb", "fc", "iscsi") | not)) | .[:1] end
        | if length == 1 then .[0].name else error("\(length) disks match \($w); this machine has: \(
              $disks | map("\(.name) (serial \(.serial), wwn \(.wwn), \(.size_bytes) bytes)") | join("; "))") end' \
        "$RUN/facts" 2>"$RUN/jq.words") || fail NO_DISK "$(sed 's/^jq: error (at [^)]*): //' "$RUN/jq.words")"
}

disk_size() { echo $(($(attribute "$1/size") * 512)); }

# So that what is read next comes from the disk, not from memory.
forget_cached() {
    sync
    blockdev --flushbufs "/dev/$1"
    echo 1 >/proc/sys/vm/drop_caches
}

# Bytes that the disk has written / read since the machine started, from its own counters.
bytes_written() { echo $(($(awk '{print $7}' "/sys/block/$1/stat") * 512)); }
bytes_read() { echo $(($(awk '{print $3}' "/sys/block/$1/stat") * 512)); }

# A disk that holds half an image, or a wrong one, must not boot: both copies of the partition table go.
clear_partition_tables() {
    local size
    size=$(disk_size "$1")
    dd if=/dev/zero "of=/dev/$1" bs=1M count=1 conv=fsync status=none
    dd if=/dev/zero "of=/dev/$1" bs=1M count=1 oflag=seek_bytes seek=$((size - 1048576)) conv=fsync status=none
    say "cleared the partition tables of $1"
}

# ── Task: deploy ─────────────────────────────────────────────────────────────────────────────────────────────

deploy() {
    local disk wanted drive_bytes
    from_json "$RUN/task" image_url=.image.url image_sha256=.image.sha256 image_bytes=.image.size_bytes \
        drive_url=.config_drive.url drive_sha256=.config_drive.sha256 wanted='([.disk]|tojson)' ||
        fail BAD_TASK "the deploy task is incomplete: $(cat "$RUN/task")"
    choose_disks "$wanted"
    disk=$chosen
    fetch_config_drive
    drive_bytes=$(stat -c %s "$RUN/config-drive")
    # Room for the image, the config drive in whole MiB, alignment, and the second partition table.
    if [ $((image_bytes + drive_bytes + 4 * 1048576)) -gt "$(disk_size "$disk")" ]; then
        fail IMAGE_TOO_LARGE "the image ($image_bytes bytes) and its config drive do not fit on $disk ($(disk_size "$disk") bytes)"
    fi
    say "writing $image_bytes bytes to $disk"
    written_disk=$disk
    write_image "$disk" "$image_bytes"
    add_config_drive "$disk" "$drive_bytes"
    written_disk=
    jq --arg name "$disk" --argjson bytes "$image_bytes" '.disks[] | select(.name == $name)
        | {ok: true, step: "deploy", detail: {disk: {name, serial, wwn}, image_bytes: $bytes}}' "$RUN/facts" >"$RUN/result"
    succeed
}

# Small, so it is fetched and checked before anything is written.
fetch_config_drive() {
    curl --config "$RUN/$(trusted "$drive_url")" --fail --retry 20 --retry-all-errors --retry-delay 2 \
        --max-filesize 67108864 --output "$RUN/config-drive" "$drive_url" 2>"$RUN/curl.words" ||
        fail DOWNLOAD_FAILED "the config drive could not be fetched: $(tail -n 1 "$RUN/curl.words")"
    [ "$(sha256sum <"$RUN/config-drive" | cut -d ' ' -f 1)" = "$drive_sha256" ] ||
        fail CHECKSUM_MISMATCH "the config drive is not the one that was asked for; nothing was written"
}

# The token goes to the executor only, never to another address that serves an image.
trusted() {
    case "$1" in
    "$url"/*) echo curl.conf ;;
    *)
        grep -v Authorization "$RUN/curl.conf" >"$RUN/curl-without-token.conf"
        echo curl-without-token.conf
        ;;
    esac
}

# The image goes from the network to the disk as it comes, with a copy to the checksum: no room for a second copy is needed.
write_image() {
    local disk="$1" size="$2" start pipeline received
    start=$(bytes_written "$disk")
    mkfifo "$RUN/copy"
    sha256sum <"$RUN/copy" >"$RUN/image.sha256" &
    {
        { stream_image "$size"; echo $? >"$RUN/stream.status"; } | tee "$RUN/copy" |
            # O_DIRECT: memory stays free, progress is what the disk took, and a disk error shows at once.
            { dd "of=/dev/$disk" bs=4M iflag=fullblock oflag=direct conv=fsync status=none; echo $? >"$RUN/write.status"; }
        wait
    } &
    pipeline=$!
    while kill -0 "$pipeline" 2>/dev/null; do
        sleep 0.5
        pidof dd curl tee >"$RUN/writers"
        progress write $((($(bytes_written "$disk") - start) * 99 / size))
    done
    wait
    received=$(cat "$RUN/stream.bytes")
    [ "$(cat "$RUN/write.status")" = 0 ] || fail WRITE_FAILED "$disk refused data after $received bytes were received; see the kernel's words in the log"
    [ "$(cat "$RUN/stream.status")" = 0 ] || fail DOWNLOAD_FAILED "the image ended after $received of $size bytes: $(head -n 1 "$RUN/stream.words")"
    [ "$received" = "$size" ] || fail CHECKSUM_MISMATCH "the image has $received bytes, not $size"
    [ "$(cut -d ' ' -f 1 "$RUN/image.sha256")" = "$image_sha256" ] ||
        fail CHECKSUM_MISMATCH "the image's sha256 is $(cut -d ' ' -f 1 "$RUN/image.sha256"), not $image_sha256"
    say "image written and verified"
}

# stream_image SIZE: the image to standard output, in pieces if it must be. An executor that goes away may come back
# or be replaced within minutes; the stream goes on where it broke, and the checksum covers the seams.
stream_image() {
    local size="$1" at=0 got patience=60 outcome config
    config="$RUN/$(trusted "$image_url")"
    echo 0 >"$RUN/stream.bytes"
    while :; do
        curl --config "$config" --fail --speed-limit 1 --speed-time 60 --continue-at "$at" \
            --write-out '%{stderr}%{size_download}\n' "$image_url" 2>"$RUN/stream.words"
        outcome=$?
        got=$(tail -n 1 "$RUN/stream.words")
        at=$((at + got))
        echo "$at" >"$RUN/stream.bytes"
        # 22: refused; 23: the disk's side is gone; 33: can't go on in the middle. Trying again would not help.
        case "$outcome" in 0) return 0 ;; 22 | 23 | 33) return "$outcome" ;; esac
        [ "$got" = 0 ] || patience=60
        patience=$((patience - 1))
        [ "$patience" -gt 0 ] || return "$outcome"
        sleep 2
    done
}

# cloud-init finds its config drive by the label of a file system on any partition. It goes to the end of the disk, where
# growing the root file system stops short of it; the last MiB of all is for the second partition table.
add_config_drive() {
    local disk="$1" bytes="$2" mib start_mib sectors_per_mib
    progress config 99
    mib=$(((bytes + 1048575) / 1048576))
    start_mib=$(($(disk_size "$disk") / 1048576 - 1 - mib))
    sectors_per_mib=$((1048576 / $(attribute "$disk/queue/logical_block_size")))
    # --move-second-header: to the end of this disk, from where the image ended.
    { sgdisk --move-second-header "/dev/$disk" &&
        sgdisk --new "0:$((start_mib * sectors_per_mib)):$(((start_mib + mib) * sectors_per_mib - 1))" \
            --change-name 0:config-2 --typecode 0:8300 "/dev/$disk" &&
        sgdisk --verify "/dev/$disk"; } >"$RUN/sgdisk.words" 2>&1 && grep -q '^No problems found' "$RUN/sgdisk.words" ||
        fail PARTITION_FAILED "no partition for the config drive on $disk (is the image GPT?): $(tail -n 3 "$RUN/sgdisk.words" | tr '\n' ' ')"
    dd "if=$RUN/config-drive" "of=/dev/$disk" bs=1M "seek=$start_mib" conv=notrunc,fsync status=none ||
        fail WRITE_FAILED "the config drive could not be written to $disk"
    forget_cached "$disk"
    [ "$(dd "if=/dev/$disk" bs=1M "skip=$start_mib" "count=$mib" status=none | head -c "$bytes" | sha256sum | cut -d ' ' -f 1)" = "$drive_sha256" ] ||
        fail WRITE_FAILED "the config drive reads back differently from $disk"
    say "config drive written and verified"
}

# ── Task: wipe ───────────────────────────────────────────────────────────────────────────────────────────────

wipe() {
    local wanted blank disks disk before now total
    # All disks are found before the first is touched: a missing one is a question for an operator. An entry that says
    # nothing would be "the first disk" to choose_disks; in a list of disks to destroy it is a mistake.
    from_json "$RUN/task" wanted='(.disks|tojson)' blank='([.disks[]|select(((.serial//"")+(.wwn//"")+(.name//""))=="")]|length|tostring)' ||
        fail BAD_TASK "the wipe task has no list of disks"
    [ "$blank" = 0 ] || fail BAD_TASK "$blank disks of the task have no serial, wwn or name"
    if [ "$wanted" = "[]" ]; then
        # What hangs on a network or a USB port may be somebody else's: it is touched only when it is named.
        disks=$(grep -vE '(usb|fc|iscsi)$' "$RUN/disks" | cut -f 1)
    else
        choose_disks "$wanted"
        disks=$chosen
    fi
    [ -n "$disks" ] || fail NO_DISK "there is no disk to wipe in this machine"
    say "wiping: $(echo $disks)"

    # All at once: a server's disks are independent, and a dozen of them in a row would take days.
    total=0 before=0
    for disk in $disks; do
        total=$((total + 2 * $(disk_size "$disk")))
        before=$((before + $(bytes_written "$disk") + $(bytes_read "$disk")))
        wipe_disk "$disk" "$(disk_size "$disk")" >"$RUN/wiped.$disk" &
        echo $! >>"$RUN/wipers"
    done
    while xargs kill -0 <"$RUN/wipers" 2>/dev/null || [ -n "$(pidof dd cmp)" ]; do
        sleep 0.5
        { cat "$RUN/wipers"; pidof dd cmp; } >"$RUN/writers"
        now=0
        for disk in $disks; do now=$((now + $(bytes_written "$disk") + $(bytes_read "$disk"))); done
        progress wipe $(((now - before) * 99 / (total + 1)))
    done

    for disk in $disks; do printf '%s\t%s\n' "$disk" "$(cat "$RUN/wiped.$disk")"; done >"$RUN/outcomes"
    jq --rawfile outcomes "$RUN/outcomes" '
        ($outcomes | [split("\n")[] | select(. != "") | split("\t") | {key: .[0], value: .[1]}] | from_entries) as $outcome
        | .disks | map(select($outcome[.name]) | {name, serial, wwn, size_bytes, ok: ($outcome[.name] == "ok"), outcome: $outcome[.name]})
        | {ok: all(.ok), step: "wipe", detail: {disks: .}}
        | if .ok then . else . + {
            code: (if any(.detail.disks[]; .outcome | startswith("write failed")) then "WRITE_FAILED" else "WIPE_VERIFY_FAILED" end),
            message: (.detail.disks | map(select(.ok | not) | "\(.name) (serial \(.serial)): \(.outcome)") | join("; "))} end' \
        "$RUN/facts" >"$RUN/result"
    if grep -q '"ok": false' "$RUN/result"; then
        say "the wipe failed: $(cat "$RUN/outcomes")"
        report_result
        exit 0
    fi
    succeed
}

# wipe_disk NAME BYTES: prints "ok" or what went wrong.
wipe_disk() {
    # Discarding tells a flash disk to forget its spare copies as well; what it then reads as is up to the disk,
    # so the zeros are written all the same, and read back to the last byte.
    blkdiscard "/dev/$1" 2>/dev/null
    if ! dd if=/dev/zero "of=/dev/$1" bs=4M iflag=count_bytes "count=$2" oflag=direct conv=fsync status=none; then
        echo "write failed at byte $(bytes_written "$1")"
        return
    fi
    forget_cached "$1"
    if ! cmp --bytes "$2" "/dev/$1" /dev/zero >"$RUN/cmp.$1" 2>&1; then
        echo "not all zeros: $(tail -n 1 "$RUN/cmp.$1")"
        return
    fi
    echo ok
}

# ── The whole of it ──────────────────────────────────────────────────────────────────────────────────────────

facts() {
    eligible_disks >"$RUN/disks"
    for nic in $(nics); do
        printf '%s\t%s\t%s\n' "$nic" "$(cat "/sys/class/net/$nic/address")" "$(cat "/sys/class/net/$nic/carrier" 2>/dev/null)"
    done >"$RUN/nics"
    jq -n --rawfile disks "$RUN/disks" --rawfile nics "$RUN/nics" --argjson cpus "$(nproc)" \
        --argjson memory_mib $(($(awk '/^MemTotal/ {print $2}' /proc/meminfo) / 1024)) \
        --arg boot_mode "$([ -d /sys/firmware/efi ] && echo uefi || echo bios)" '
        def rows: split("\n") | map(select(. != "") | split("\t"));
        {disks: $disks | rows | map({name: .[0], size_bytes: (.[1] | tonumber), serial: .[2], wwn: .[3], model: .[4],
                                     rotational: (.[5] == "1"), transport: .[6]}),
         nics: $nics | rows | map({name: .[0], mac: .[1], carrier: (.[2] == "1")}),
         $cpus, $memory_mib, $boot_mode}'
}

say "ramdisk is up"
mount_medium || stand_down "no medium labelled MULLIGAN"
read_medium || stand_down "mulligan.json on the medium is missing or incomplete"
say "operation $operation, executor $url"
connect || stand_down "no network from which $url can be reached"

# Disks behind slow controllers appear late; a wipe of "all disks" must not miss one.
load_drivers
sleep "$(cat /etc/settle-seconds)"
facts >"$RUN/facts"
call_until_accepted /ramdisk/v1/facts "$RUN/facts" || stand_down "the facts were not accepted (HTTP $status)"

# Asked for right before acting: the answer is what makes this operation's work legitimate now.
: >"$RUN/nothing"
call_until_accepted /ramdisk/v1/task "$RUN/nothing" || stand_down "no task (HTTP $status)"
mv "$RUN/answer" "$RUN/task"
from_json "$RUN/task" action=.action after='(.after // "poweroff")' || fail BAD_TASK "the task has no action"
say "task: $action"
case "$action" in
deploy) deploy ;;
wipe) wipe ;;
*) fail BAD_TASK "this ramdisk knows deploy and wipe, not $action" ;;
esac
