import { Code } from "@connectrpc/connect";

import { MulliganError } from "./errors.js";
import { holders, type Method, type Newer } from "./methods.js";

/** Each answer of a service has its version in its trailing metadata. */
export const versionKey = "mulligan-version";

/** What a request needs its service to be; undefined: any version does. */
export interface Need {
  since: string;
  what: string;
}

/** Tell which version of its service a request needs, and for what. */
export function needs(method: Method, request: unknown): Need | undefined {
  const name = method.path.split("/").at(-1) as string;
  const found: Need[] = method.since ? [{ since: method.since, what: name }] : [];
  for (const newer of method.newer) {
    if (isSet(request, newer)) {
      found.push({ since: newer.since, what: `${name} with ${newer.path.join(".")}` });
    }
  }
  return found.sort((a, b) => (isOlder(a.since, b.since) ? 1 : -1))[0];
}

/** Say what a service of some version is too old for. */
export function newerNeeded(
  method: Method,
  need: Need,
  version: string,
  address: string,
): MulliganError {
  const service = method.path.split(".")[1] as string;
  const failed = new MulliganError(
    "NEEDS_NEWER_SERVICE",
    Code.FailedPrecondition,
    `${need.what} needs ${service} ≥ ${need.since} (the one at ${address} is ${version}); ` +
      "leave it out, or have the service updated",
  );
  failed.details = { service, since: need.since, version };
  return failed;
}

function isSet(request: unknown, newer: Newer): boolean {
  for (const holder of holders(request, newer.path)) {
    const value = holder[newer.path.at(-1) as string];
    const values = Array.isArray(value) ? value : [value];
    if (newer.value === undefined ? values.some(isFilled) : values.includes(newer.value)) {
      return true;
    }
  }
  return false;
}

function isFilled(value: unknown): boolean {
  return Boolean(value) && !(value instanceof Uint8Array && value.length === 0);
}

/** Compare releases by their numbers; 0.2.0rc1 counts as 0.2.0, and none is older than all. */
export function isOlder(one: string, other: string): boolean {
  const [mine, its] = [release(one), release(other)];
  const place = mine.findIndex((number, index) => number !== its[index]);
  return place >= 0 && (mine[place] as number) < (its[place] as number);
}

function release(version: string): number[] {
  return [0, 1, 2].map((place) => Number.parseInt(version.split(".")[place] ?? "0", 10) || 0);
}
