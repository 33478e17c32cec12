import { type Calls, longestDelayMs } from "./attempts.js";
import type { Site } from "./catalogue.js";
import { MulliganError } from "./errors.js";
import type { Event } from "./gen/mulligan/common/v1/common_pb.js";
import { unlessAborted } from "./signals.js";
import { isAway } from "./site_errors.js";

/** Gives the revision that a site is at. */
export type RevisionOf = (site: Site, signal: AbortSignal) => Promise<bigint>;

/** What one watch of several sites is made of. */
export interface Watching {
  revisionOf: RevisionOf;
  /** Follows one site from a revision, and moves that on, so that it can be followed again. */
  follow: (site: Site, revision: bigint, signal: AbortSignal) => () => AsyncIterable<Event>;
  /** Told which site is away, and taken up later; without it that ends the watch. */
  away: ((site: Site, error: MulliganError) => void) | undefined;
  calls: Calls;
  signal: AbortSignal | undefined;
}

/** A change, or what a site's watch failed with. */
type Told = { event: Event } | { site: Site; error: unknown };

/**
 * Follow several sites, each site's changes in its order, from where each is at this call.
 *
 * Each site counts revisions of its own, so those of the changes say nothing of their order. A site
 * that does not tell its revision, or is away for longer than a watch waits, is told to `away`, each
 * time, and taken up where it was once it is back. Read a second time it is over, like that of one
 * site.
 */
export function watchAll(sites: Site[], watching: Watching): AsyncIterable<Event> {
  const over = new AbortController();
  const { signal } = watching;
  const ended = AbortSignal.any([over.signal, ...(signal ? [signal] : [])]);
  const begun = sites.map((site) => {
    const revision = watching.revisionOf(site, ended);
    // Who follows the site hears of it.
    revision.catch(() => undefined);
    return { site, revision };
  });
  const follow = (told: Handover): void => {
    for (const { site, revision } of begun) {
      void followSite(site, revision, watching, told, ended);
    }
  };
  return merged(watching, follow, () => over.abort());
}

/** Give what sites tell, as it comes, until one fails or the reader has enough. */
async function* merged(
  { away, signal }: Watching,
  follow: (told: Handover) => void,
  end: () => void,
): AsyncIterable<Event> {
  const told = new Handover();
  follow(told);
  try {
    for (;;) {
      const one = await unlessAborted(told.take(), signal);
      if ("event" in one) {
        yield one.event;
      } else if (away && isOfAway(one.error)) {
        away(one.site, one.error);
      } else {
        throw one.error;
      }
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    end();
  }
}

/** Hand over what a site tells, until the watch is over or the site fails for good. */
async function followSite(
  site: Site,
  begun: Promise<bigint>,
  { revisionOf, follow, away, calls }: Watching,
  told: Handover,
  ended: AbortSignal,
): Promise<void> {
  let first: Promise<bigint> | undefined = begun;
  let events: (() => AsyncIterable<Event>) | undefined;
  while (!ended.aborted) {
    try {
      if (!events) {
        const revision: bigint = await (first ?? revisionOf(site, ended));
        events = follow(site, revision, ended);
      }
      for await (const event of events()) {
        await told.put({ event });
      }
    } catch (error) {
      if (ended.aborted) {
        return;
      }
      await told.put({ site, error });
      if (!away || !isOfAway(error)) {
        return;
      }
      await calls.pause(longestDelayMs, ended).catch(() => undefined);
    }
    first = undefined;
  }
}

function isOfAway(error: unknown): error is MulliganError {
  return error instanceof MulliganError && isAway(error);
}

/** Hands over one thing of each site at a time: who tells faster than is read waits. */
class Handover {
  private readonly waiting: { one: Told; taken: () => void }[] = [];
  private wake: () => void = () => undefined;

  /** Give something, and wait until it was taken. */
  put(one: Told): Promise<void> {
    return new Promise((taken) => {
      this.waiting.push({ one, taken });
      this.wake();
    });
  }

  /** Take what was given first. */
  async take(): Promise<Told> {
    for (;;) {
      const given = this.waiting.shift();
      if (given) {
        given.taken();
        return given.one;
      }
      await new Promise<void>((wake) => {
        this.wake = wake;
      });
    }
  }
}
