import { BlockList, isIP } from "node:net";

const schemes: Record<string, boolean> = { https: true, grpcs: true, http: false, grpc: false };

/** Of this machine, in /etc/hosts and in front of domains. */
const ownNames = ["localhost", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback"];

/** What IPv6 addresses begin with that end with one of IPv4: ::/96, ::ffff:0:0/96, and NAT64's
 * ::ffff:0:0:0/96 and 64:ff9b::/96 (RFC 4291, 2765 and 6052). */
const carryIpv4 = ["::", "::ffff:", "::ffff:0:", "64:ff9b::"];

/** The numbers of the machine itself, with those of IPv4 that stand behind some of IPv6. */
function own(prefixes: readonly string[]): BlockList {
  const numbers = new BlockList();
  numbers.addSubnet("127.0.0.0", 8);
  numbers.addAddress("0.0.0.0");
  numbers.addAddress("::1", "ipv6");
  numbers.addAddress("::", "ipv6");
  for (const prefix of prefixes) {
    numbers.addSubnet(`${prefix}7f00:0`, 104, "ipv6");
    numbers.addAddress(`${prefix}0:0`, "ipv6");
  }
  return numbers;
}

const surelyOwn = own(["::ffff:"]);
const perhapsOwn = own(carryIpv4);

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
  if (mayBeHere(url) && !isHere(asking)) {
    return false;
  }
  const isOpen = asking.protocol === "http:" && !mayBeHere(asking);
  return url.protocol === "https:" || isHere(url) || isOpen;
}

/** Give the host of a URL, which has numbers in one form only. */
function nameOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$|\.+$/g, "").toLowerCase();
}

/** Tell a URL of this machine wherever it is asked for (RFC 6761): no DNS says otherwise. */
function isHere(url: URL): boolean {
  const name = nameOf(url);
  return isIP(name)
    ? isAmong(surelyOwn, name)
    : name === "localhost" || name.endsWith(".localhost");
}

/** Tell whether a URL leads to this machine on some network. */
function mayBeHere(url: URL): boolean {
  const name = nameOf(url);
  const first = name.split(".")[0] as string;
  return isHere(url) || (isIP(name) ? isAmong(perhapsOwn, name) : ownNames.includes(first));
}

function isAmong(numbers: BlockList, name: string): boolean {
  return numbers.check(name, isIP(name) === 6 ? "ipv6" : "ipv4");
}
