import { createHash } from "node:crypto";

import { clone, create, type DescMessage, type Message } from "@bufbuild/protobuf";

import type { Site } from "./catalogue.js";
import { MulliganError } from "./errors.js";
import { type Fields, isOrBelow } from "./leads.js";
import { type Failure, isNotHere, mayBeDone, noCapacity, together } from "./site_errors.js";
import { regionElsewhere } from "./site_errors.js";
import { compare, momentOf } from "./site_pages.js";
import type { Whereabouts } from "./whereabouts.js";

/** How many are given where FindOpenings doesn't say. */
const usualOpenings = 10;

/** The name space of object ids (RFC 9562, appendix). */
const oids = Buffer.from("6ba7b8129dad11d180b400c04fd430c8", "hex");

type Claim = Message & { requestId: string };

/**
 * Claim at the first site that has capacity; if none has, wait at the first that may have.
 *
 * The request id protects a claim at one site only. So it goes on to the next one only where a site
 * has refused it, or can't be called at all; one that is made again goes first to the site that may
 * have done it, also if the region has left that.
 *
 * @param sites that have some of the regions, the likeliest first.
 * @param sent remembers the sites that request ids were sent to, and that have not refused them.
 * @param known all that there are.
 * @param hasOwnId another process may have sent it already, to a site that is heard of no more.
 */
export async function claimBelow(
  sites: Site[],
  schema: DescMessage,
  request: Claim,
  ask: (site: Site, request: Message) => Promise<Message>,
  sent: Whereabouts,
  known: Site[],
  hasOwnId: boolean,
): Promise<Message> {
  const refusals = new Map<string, Failure>();
  const asked = async (site: Site, one: Claim): Promise<Message | undefined> => {
    const isSentHere = sent.of(one.requestId) === site.id;
    const isPerhapsDone = isSentHere || (hasOwnId && site.untrusted.length === 0);
    sent.noteId(one.requestId, site.id);
    try {
      return await ask(site, one);
    } catch (raised) {
      const error = raised as MulliganError;
      // One that can't be called has done nothing, unless it was called for this before.
      const isUncalled = error.unsent && !isPerhapsDone;
      const goesOn = isNotHere(error) || error.code === noCapacity || isUncalled;
      if (goesOn || error.code === regionElsewhere) {
        sent.forget(one.requestId);
      }
      if (!goesOn) {
        throw error;
      }
      refusals.set(site.id, [site, error]);
      return undefined;
    }
  };
  const atOnce = withoutWait(schema, request);
  const last = sentTo(atOnce, sent, known);
  const others = sites.filter(({ id }) => id !== last[0]?.id);
  const tries = [...last, ...others].map((one): [Site, Claim] => [one, atOnce]);
  if (atOnce !== request) {
    // It may wait there already.
    tries.unshift(...sentTo(request, sent, known).map((one): [Site, Claim] => [one, request]));
  }
  for (const [site, one] of tries) {
    const found = await asked(site, one);
    if (found) {
      return found;
    }
  }
  const full = [...refusals.values()].find(([, { code }]) => code === noCapacity);
  const found = full && atOnce !== request ? await asked(full[0], request) : undefined;
  if (found) {
    return found;
  }
  throw together([...refusals.values()]);
}

/** Tell what is "or below" and a site may have done already. */
export function isSent(schema: DescMessage, request: Message, sent: Whereabouts): boolean {
  const claim = request as Claim;
  if (!claim.requestId || !isOrBelow(request)) {
    return false;
  }
  return [claim, withoutWait(schema, claim)].some(({ requestId }) => sent.of(requestId) !== "");
}

/** Give the site that may have done it; none: nobody was asked, or it was refused. */
function sentTo({ requestId }: Claim, sent: Whereabouts, known: Site[]): Site[] {
  const at = sent.of(requestId);
  const found = known.filter(({ id }) => id === at && at !== "");
  if (at !== "" && found.length === 0) {
    throw mayBeDone(at, requestId);
  }
  return found;
}

/** Give the same without a wait, under an id of its own; itself, if it doesn't wait. */
function withoutWait(schema: DescMessage, request: Claim): Claim {
  if (!(request as Fields)["waitUntil"]) {
    return request;
  }
  const changed = clone(schema, request) as Claim & { waitUntil?: unknown };
  changed.waitUntil = undefined;
  changed.requestId = idFrom(request.requestId);
  return changed;
}

/** Make a UUID of a text, always the same (version 5). */
function idFrom(text: string): string {
  const bytes = createHash("sha1").update(oids).update(text).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** Make one answer of several sites' openings, the earliest first. */
export function earliest(output: DescMessage, found: Message[], limit: number): Message {
  type Opening = { window?: { acquireAt?: unknown } };
  const start = ({ window }: Opening): [bigint, number] => momentOf(window?.acquireAt);
  const openings = found
    .flatMap((one) => (one as Message & { openings: Opening[] }).openings)
    .sort((a, b) => compare(start(a), start(b)))
    .slice(0, limit || usualOpenings);
  return Object.assign(create(output), { openings });
}
