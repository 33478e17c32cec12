#!/bin/sh
# The test image's only program: a distribution of one script, which does with a config drive what cloud-init does
# (https://cloudinit.readthedocs.io: config-drive v2, NoCloud, network-config v2, phone_home), as far as Mulligan's tests
# look. It knows nothing of Mulligan: what works here works because it stands in cloud-init's documentation.
#
# One limit: what may be YAML there must be JSON here (JSON is YAML too), because jq is the only parser.
set -u
export PATH=/usr/bin:/usr/sbin

mount -t devtmpfs devtmpfs /dev
mkdir -p /proc /sys /run /tmp /dev/pts /root /etc/dropbear /var/log
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mount -t devpts devpts /dev/pts
exec >/dev/console 2>&1

say() { printf 'mulligan-testimage: %s\n' "$*"; }

# ── Hardware ─────────────────────────────────────────────────────────────────────────────────────────────────

load_drivers() {
    local before=none now=
    while [ "$before" != "$now" ]; do
        before=$now
        now=$(find /sys/devices -name modalias -exec cat {} + 2>/dev/null | sort -u)
        echo "$now" | xargs /usr/sbin/modprobe --all --use-blacklist --quiet
    done
}

# Both formats are file systems known by their label, on a CD-ROM, a disk or a partition; letters in any case.
find_config_drive() {
    local device label
    for device in $(awk 'NR > 2 {print $4}' /proc/partitions); do
        for label in "$(label_of_iso "/dev/$device")" "$(label_of_vfat "/dev/$device")"; do
            case "$(echo "$label" | tr '[:upper:]' '[:lower:]')" in
            config-2) format=config-2 ;;
            cidata) format=nocloud ;;
            *) continue ;;
            esac
            mkdir -p /run/drive
            mount -o ro -t iso9660 "/dev/$device" /run/drive 2>/dev/null ||
                mount -o ro -t vfat "/dev/$device" /run/drive || continue
            say "config drive: $format on $device"
            return 0
        done
    done
    return 1
}

bytes_at() { dd "if=$1" bs=1 "skip=$2" "count=$3" 2>/dev/null | tr -d '\0' | sed 's/ *$//'; }
label_of_iso() { [ "$(bytes_at "$1" 32769 5)" != CD001 ] || bytes_at "$1" 32808 32; }
label_of_vfat() {
    case "$(bytes_at "$1" 54 5) $(bytes_at "$1" 82 5)" in
    FAT1*) bytes_at "$1" 43 11 ;;
    *FAT32) bytes_at "$1" 71 11 ;;
    esac
}

# ── The config drive's files, each as JSON in /run/config ────────────────────────────────────────────────────

read_config_drive() {
    local from
    mkdir -p /run/config
    case "$format" in
    config-2)
        from=/run/drive/openstack/latest
        cp "$from/meta_data.json" /run/config/meta
        cp "$from/network_data.json" /run/config/network 2>/dev/null
        cp "$from/user_data" /run/config/user.raw 2>/dev/null
        # vendor_data.json is JSON around it: the cloud-config is the string under "cloud-init".
        jq -r '."cloud-init" // empty' "$from/vendor_data.json" >/run/config/vendor.raw 2>/dev/null
        ;;
    nocloud)
        from=/run/drive
        if ! jq -e . "$from/meta-data" >/run/config/meta 2>/dev/null; then
            # The common form: flat YAML, one "key: value" a line.
            jq -Rn '[inputs | capture("^(?<key>[A-Za-z_-]+): *(?<value>.*)$") | .value |= gsub("^[\"'\'']|[\"'\'']$"; "")] | from_entries' \
                "$from/meta-data" >/run/config/meta
        fi
        cp "$from/network-config" /run/config/network 2>/dev/null
        cp "$from/user-data" /run/config/user.raw 2>/dev/null
        cp "$from/vendor-data" /run/config/vendor.raw 2>/dev/null
        ;;
    esac
    umount /run/drive
    [ -s /run/config/network ] || echo null >/run/config/network
    cloud_config /run/config/vendor.raw >/run/config/vendor
    cloud_config /run/config/user.raw >/run/config/user
    # The owner's words win over the provider's, as in cloud-init.
    jq -s '.[0] * .[1]' /run/config/vendor /run/config/user >/run/config/cloud
}

cloud_config() {
    if [ "$(head -n 1 "$1" 2>/dev/null | tr -d '\r ')" = "#cloud-config" ]; then
        tail -n +2 "$1" | jq -e 'objects' || { say "the cloud-config in $1 is not JSON" >&2; echo '{}'; }
    else
        echo '{}'
    fi
}

meta() { jq -r "($1) // empty" /run/config/meta; }
cloud() { jq -r "($1) // empty" /run/config/cloud; }

set_identity() {
    instance_id=$(meta '.uuid // ."instance-id"')
    local_hostname=$(meta '.hostname // ."local-hostname"')
    fqdn=$(cloud .fqdn)
    fqdn=${fqdn:-${local_hostname:-localhost}}
    hostname=$(cloud .hostname)
    hostname=${hostname:-${fqdn%%.*}}
    hostname "$hostname"
    echo "$hostname" >/etc/hostname
    printf '127.0.0.1 localhost\n127.0.1.1 %s %s\n' "$fqdn" "$hostname" >/etc/hosts
    say "hostname $hostname, instance $instance_id"
}

install_keys() {
    mkdir -p -m 700 /root/.ssh
    {
        meta '.public_keys // ."public-keys" | if type == "object" then .[] elif type == "array" then .[] else . end | if type == "object" then .["openssh-key"] else . end'
        cloud '.ssh_authorized_keys[]?'
    } 2>/dev/null | sort -u >/root/.ssh/authorized_keys
    chmod 600 /root/.ssh/authorized_keys
    say "SSH keys: $(grep -c . /root/.ssh/authorized_keys)"
    dropbearkey -t ed25519 -f /etc/dropbear/dropbear_ed25519_host_key >/dev/null 2>&1
    host_key=$(dropbearkey -y -f /etc/dropbear/dropbear_ed25519_host_key | grep '^ssh-ed25519')
    # dropbear ends its keys' comment with the build's user; cloud-init's hosts have root@hostname.
    host_key="$(echo "$host_key" | cut -d ' ' -f 1,2) root@$hostname"
}

# ── Network ──────────────────────────────────────────────────────────────────────────────────────────────────

nic_with_mac() {
    local nic
    for nic in /sys/class/net/*; do
        if [ -e "$nic/device" ] && [ "$(cat "$nic/address")" = "$(echo "$1" | tr '[:upper:]' '[:lower:]')" ]; then basename "$nic"; fi
    done
}

# Both formats brought to one list, a line each: "mac dhcp", "mac address CIDR", "mac route TO VIA", "any dns SERVER".
network_lines() {
    jq -r '
        def bits: split(".") | map(tonumber | [recurse(if . > 0 then (. - . % 2) / 2 else empty end) % 2] | add) | add;
        def cidr($address; $mask): if $address | contains("/") then $address else "\($address)/\($mask | tostring | if contains(".") then bits else . end)" end;
        if .links then
            (.links | map({key: .id, value: .ethernet_mac_address}) | from_entries) as $mac
            | (.networks[]? | $mac[.link] as $m
                | if .type == "ipv4_dhcp" or .type == "dhcp4" then "\($m) dhcp"
                  elif .type == "ipv4" then "\($m) address \(cidr(.ip_address; .netmask // 32))",
                    (if .gateway then "\($m) route 0.0.0.0/0 \(.gateway)" else empty end),
                    (.routes[]? | "\($m) route \(cidr(.network; .netmask // 0)) \(.gateway)"),
                    (.dns_nameservers[]? | "any dns \(.)"), (.services[]? | select(.type == "dns") | "any dns \(.address)")
                  else empty end),
              (.services[]? | select(.type == "dns") | "any dns \(.address)")
        else
            (.network // .) | .ethernets[]? | .match.macaddress as $m
            | (if .dhcp4 then "\($m) dhcp" else empty end), (.addresses[]? | "\($m) address \(.)"),
              (if .gateway4 then "\($m) route 0.0.0.0/0 \(.gateway4)" else empty end),
              (.routes[]? | "\($m) route \(if .to == "default" then "0.0.0.0/0" else .to end) \(.via)"),
              (.nameservers.addresses[]? | "any dns \(.)")
        end' /run/config/network
}

configure_network() {
    local mac what first second nic
    ip link set lo up
    network_lines >/run/network-lines
    # No word about the network: DHCP on every card, which is cloud-init's fallback too.
    [ -s /run/network-lines ] || for nic in /sys/class/net/*; do
        [ ! -e "$nic/device" ] || echo "$(cat "$nic/address") dhcp"
    done >/run/network-lines
    # Addresses before routes.
    sort -s -k 2,2 /run/network-lines | while read -r mac what first second; do
        nic=$(nic_with_mac "$mac")
        case "$what" in
        dns) echo "nameserver $first" >>/etc/resolv.conf ;;
        *) [ -n "$nic" ] || { say "no network card $mac"; continue; } ;;
        esac
        case "$what" in
        address) ip link set "$nic" up && ip addr add "$first" dev "$nic" && say "$nic: $first" ;;
        dhcp)
            ip link set "$nic" up
            udhcpc -i "$nic" -n -t 10 -T 2 -s /dhcp.sh >/dev/null 2>&1 </dev/null && say "$nic: $(ip -4 -o addr show dev "$nic" | awk '{print $4}') by DHCP"
            ;;
        route) ip route add "$first" via "$second" dev "$nic" && say "$nic: $first via $second" ;;
        esac
    done
    address=$(ip -4 -o addr show scope global | awk '{sub("/.*", "", $4); print $4; exit}')
}

# ── Phone home: the form of cloud-init's module, with the address in addition ─────────────────────────────────

phone_home() {
    local url tries try=0
    url=$(cloud .phone_home.url | sed "s|\${\?INSTANCE_ID}\?|$instance_id|g")
    [ -n "$url" ] || { say "nobody to phone home to"; return; }
    tries=$(cloud .phone_home.tries)
    set -- pub_key_ed25519 "$host_key" instance_id "$instance_id" hostname "$hostname" fqdn "$fqdn"
    jq -r '.phone_home.post // "all" | if type == "array" then .[] else . end' /run/config/cloud >/run/wanted
    while [ $# -gt 0 ]; do
        if grep -qx -e all -e "$1" /run/wanted; then printf '%s\0' --data-urlencode "$1=${2:-N/A}"; fi
        shift 2
    done >/run/form
    printf '%s\0' --data-urlencode "address=$address" >>/run/form
    while [ "$try" -lt "${tries:-10}" ]; do
        try=$((try + 1))
        if xargs -0 curl --silent --show-error --fail --max-time 10 --output /dev/null "$url" </run/form; then
            say "phoned home"
            return
        fi
        say "phoning home failed, $try of ${tries:-10}"
        sleep 3
    done
}

# ── The whole of it ──────────────────────────────────────────────────────────────────────────────────────────

load_drivers

# The power button is how hypervisors and BMCs ask a system to go down.
mkdir -p /etc/acpi/PWRF
printf '#!/bin/sh\necho "mulligan-testimage: power button" >/dev/console\nsync\npoweroff -f\n' >/etc/acpi/PWRF/00000080
chmod +x /etc/acpi/PWRF/00000080
acpid -f -l /dev/null </dev/null >/dev/null 2>&1 &

if find_config_drive; then
    read_config_drive
else
    say "no config drive"
    mkdir -p /run/config
    echo '{}' | tee /run/config/meta /run/config/cloud >/run/config/network
fi
set_identity
configure_network
install_keys
dropbear -s -R >/dev/null 2>&1 || say "dropbear did not start"
phone_home
say "ready"

# The first process may not end; it also takes in whom others leave behind.
while :; do sleep 3600 & wait; done
