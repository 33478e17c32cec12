package mulligan

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Of this machine, in /etc/hosts and in front of domains.
var ownNames = []string{"localhost", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback"}

// The IPv6 addresses that end with one of IPv4, ::ffff:0:0/96 aside: ::/96, and NAT64's
// ::ffff:0:0:0/96 and 64:ff9b::/96 (RFC 4291, 2765 and 6052).
var carryIPv4 = []netip.Prefix{
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("::ffff:0:0:0/96"), netip.MustParsePrefix("64:ff9b::/96"),
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

// target is where a service listens, and whether it speaks TLS there.
type target struct {
	host, port string
	secure     bool
}

func (t target) String() string { return net.JoinHostPort(t.host, t.port) }

// parse reads an address: host:port or scheme://host:port.
func parse(address string) (target, error) {
	full := address
	if !strings.Contains(address, "://") {
		full = "//" + address
	}
	parts, err := url.Parse(full)
	if err != nil {
		return target{}, err
	}
	if parts.User != nil || strings.Trim(parts.Path, "/") != "" || parts.RawQuery != "" || parts.Fragment != "" {
		return target{}, fmt.Errorf("%q has more than a host and a port in it; give host:port", parts.Redacted())
	}
	_, authority, _ := strings.Cut(full, "//")
	if strings.Contains(authority, "%") && !strings.HasPrefix(authority, "[") {
		// What it stands for depends on who reads it.
		return target{}, fmt.Errorf("the host of %q has a %% in it; write it plainly", address)
	}
	found := target{host: parts.Hostname(), port: parts.Port()}
	number, failed := netip.ParseAddr(found.host)
	found.secure = found.host != "localhost" && (failed != nil || !number.IsLoopback())
	switch parts.Scheme {
	case "":
	case "https", "grpcs":
		found.secure = true
	case "http", "grpc":
		found.secure = false
	default:
		return target{}, fmt.Errorf("scheme %q of %q is none of https, grpcs, http, grpc", parts.Scheme, address)
	}
	if found.port == "" && parts.Scheme != "" {
		found.port = map[bool]string{true: "443", false: "80"}[found.secure]
	}
	if found.host == "" || found.port == "" {
		return target{}, fmt.Errorf("%q has no host or no port; give host:port", address)
	}
	if !isHost(found.host) {
		return target{}, fmt.Errorf("the host of %q is neither a name nor a number; write it out in ASCII, without anything encoded", address)
	}
	return found, nil
}

// isHost tells a host that gRPC takes as it is written: it decodes %31, also behind an IPv6 address. A
// zone, as of fe80::1%eth0, is of link-local ones only: these stay what they are.
func isHost(host string) bool {
	if !strings.Contains(host, ":") {
		return hostName.MatchString(host)
	}
	number, zone, hasZone := strings.Cut(host, "%")
	found, err := netip.ParseAddr(number)
	return err == nil && (!hasZone || found.IsLinkLocalUnicast() && hostName.MatchString(zone))
}

// isHere tells a host that is this machine wherever it is asked for (RFC 6761): no DNS says otherwise.
func isHere(host string) bool {
	found, err := netip.ParseAddr(host)
	if err != nil {
		name := strings.ToLower(strings.TrimRight(host, "."))
		return name == "localhost" || strings.HasSuffix(name, ".localhost")
	}
	found = found.Unmap()
	return found.IsLoopback() || found.IsUnspecified()
}

// mayBeHere tells whether a name or number, however it is written, leads to this machine on some
// network.
func mayBeHere(host string) bool {
	name := strings.ToLower(strings.TrimRight(host, "."))
	plain, _, _ := strings.Cut(name, "%")
	found, err := netip.ParseAddr(plain)
	if err != nil {
		number, ok := oldNumber(name)
		if !ok {
			labels := strings.Split(name, ".")
			return slices.Contains(ownNames, labels[0]) || labels[len(labels)-1] == "localhost"
		}
		found = number
	}
	carried := found.Unmap()
	if slices.ContainsFunc(carryIPv4, func(one netip.Prefix) bool { return one.Contains(found) }) {
		bits := found.As16()
		carried = netip.AddrFrom4([4]byte(bits[12:]))
	}
	return slices.ContainsFunc([]netip.Addr{found, carried}, func(one netip.Addr) bool {
		return one.IsLoopback() || one.IsUnspecified()
	})
}

// oldNumber reads an IPv4 number as the C library does: 127.1, 0x7f000001, 017700000001.
func oldNumber(host string) (netip.Addr, bool) {
	parts := strings.Split(host, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var whole uint64
	for place, part := range parts {
		bits := 8
		if place == len(parts)-1 {
			bits = 8 * (5 - len(parts))
		}
		value, err := strconv.ParseUint(part, 0, bits)
		if isGo := strings.ContainsAny(part, "_oO") || strings.HasPrefix(strings.ToLower(part), "0b"); err != nil || isGo {
			return netip.Addr{}, false
		}
		whole = whole<<bits | value
	}
	return netip.AddrFrom4([4]byte{byte(whole >> 24), byte(whole >> 16), byte(whole >> 8), byte(whole)}), true
}
