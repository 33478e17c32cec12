import type { DescMessage, Message, MessageShape } from "@bufbuild/protobuf";
import { isFieldSet } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";

import { MulliganError } from "./errors.js";
import type { Method, Newer, Path } from "./methods.js";

/** Each answer of a service has its version in its trailing metadata. */
export const versionKey = "mulligan-version";

/** What a request needs its service to be; undefined: any version does. */
export interface Need {
  since: string;
  what: string;
}

/** Tell which version of its service a request needs, and for what. */
export function needs<I extends DescMessage>(
  method: Method,
  schema: I,
  request: MessageShape<I>,
): Need | undefined {
  const name = method.path.split("/").at(-1) as string;
  const found: Need[] = method.since ? [{ since: method.since, what: name }] : [];
  for (const newer of method.newer) {
    if (isSet(schema, request, newer.path, newer.value) || isMasked(request, newer)) {
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

function isSet(schema: DescMessage, message: Message, path: Path, value?: number): boolean {
  const [name, ...rest] = path;
  const field = schema.fields.find((one) => one.localName === name);
  if (!field || !isFieldSet(message, field)) {
    return false;
  }
  const values = [(message as Message & Record<string, unknown>)[field.localName]].flat();
  const { message: within } = field;
  if (rest.length > 0 && within) {
    return values.some((one) => isSet(within, one as Message, rest, value));
  }
  return value === undefined || values.includes(value);
}

/** Tell whether the request is to change a field, if only to take its value away. */
function isMasked(request: Message, newer: Newer): boolean {
  const { updateMask } = request as { updateMask?: { paths: string[] } };
  const path = newer.path.join(".").replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const isNamed = (one: string): boolean => one === path || one.startsWith(`${path}.`);
  return newer.value === undefined && (updateMask?.paths ?? []).some(isNamed);
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
