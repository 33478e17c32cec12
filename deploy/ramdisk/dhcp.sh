#!/bin/sh
# What udhcpc calls when it has or loses a lease; the variables are its own (interface, ip, mask, router, dns, domain).
case "$1" in
deconfig)
    ip addr flush dev "$interface"
    ;;
bound | renew)
    ip addr replace "$ip/$mask" dev "$interface"
    for gateway in ${router:-}; do
        ip route replace default via "$gateway" dev "$interface"
        break
    done
    {
        [ -z "${domain:-}" ] || echo "search $domain"
        for server in ${dns:-}; do echo "nameserver $server"; done
    } >/etc/resolv.conf
    ;;
esac
