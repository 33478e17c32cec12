import { BlockList, isIP } from "node:net";

const schemes: Record<string, boolean> = { https: true, grpcs: true, http: false, grpc: false };

/** Of this machine, in /etc/hosts and in front of domains. */
const ownNames = ["localhost", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback"];

/** What IPv6 addresses begin with that end with one of IPv4: ::/96, ::ffff:0:0/96, and NAT64's
 * ::ffff:0:0:0/96 and 64:ff9b::/96 (RFC 4291, 2765 and 6052). */
const carryIpv4 = ["::", "::ffff:", "::ffff:0:", "64:ff9b::"];

/** The numbers of the machine itself; those of IPv4 in IPv6, too. */
const own = new BlockList();
own.addSubnet("127.0.0.0", 8);
own.addAddress("0.0.0.0");
own.addAddress("::1", "ipv6");
for (const prefix of carryIpv4) {
  own.addSubnet(`${prefix}7f00:0`, 104, "ipv6");
  own.addAddress(`${prefix}0:0`, "ipv6");
}

/** Read an address as a URL whose scheme says whether it speaks TLS there. */
export function urlOf(address: string): string {
  const scheme = /^(\w+):\/\//.exec(address)?.[1];
  if (scheme !== undefined && schemes[scheme] === undefined) {
    throw new Error(`scheme ${scheme} of ${address} is none of ${Object.keys(schemes).join(", ")}`);
  }
  const rest = scheme === undefined ? address : address.slice(scheme.length + 3);
  if (rest.includes("%")) {
    // What reads it next may read it otherwise.
    throw new Error(`${address} has a % in it; write the host as it is`);
  }
  const parts = new URL(`http://${rest}`);
  if (parts.username || parts.password || parts.pathname !== "/" || parts.search || parts.hash) {
    throw new Error(`the address of ${parts.host} has more in it; give host:port`);
  }
  if (scheme === undefined && !/:\d+$/.test(rest)) {
    throw new Error(`${address} has no port; give host:port`);
  }
  const here = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(parts.hostname);
  const secure = scheme === undefined ? !here : schemes[scheme];
  return `${secure ? "https" : "http"}://${rest.replace(/\/$/, "")}`;
}

/**
 * Tell whether a token may go to an address that iam told: not in the clear, and not to this machine
 * by mistake.
 *
 * Another machine's iam leads not to this one. A token goes without TLS only to this machine, or
 * where iam itself is reached so over the network: somebody has asked for that.
 *
 * @param iam the URL of iam.
 */
export function isTrusted(address: string, iam: string): boolean {
  let url: URL;
  try {
    url = new URL(urlOf(address));
  } catch {
    return false;
  }
  const asking = new URL(iam);
  if (isHere(url)) {
    return isHere(asking);
  }
  return url.protocol === "https:" || (asking.protocol === "http:" && !isHere(asking));
}

/** Tell whether a URL, which has numbers in one form only, leads to this machine. */
function isHere({ hostname }: URL): boolean {
  const name = hostname.replace(/^\[|\]$|\.+$/g, "").toLowerCase();
  const version = isIP(name);
  if (version) {
    return own.check(name, version === 6 ? "ipv6" : "ipv4");
  }
  const labels = name.split(".");
  return ownNames.includes(labels[0] as string) || labels.at(-1) === "localhost";
}
