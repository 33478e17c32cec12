import { Code } from "@connectrpc/connect";

import { type Calls, delays, isBroken, isCode, pauseMs, tokenExpired } from "./attempts.js";
import { MulliganError } from "./errors.js";
import type { Event, WatchRequest } from "./gen/mulligan/common/v1/common_pb.js";
import { clientClosed, unlessAborted } from "./signals.js";

/** Nobody answered a watch for about 45 s: a server that is only being restarted is back by then. */
const watchAttempts = 14;
/** A watch that went on for so long was all right: what ends it begins to count anew. */
const lastedMs = 60_000;

/**
 * Give changes in order and each once, over streams that break, until the signal.
 *
 * @param open begins a stream of what is followed; its revision is moved on.
 */
export async function* follow(
  calls: Calls,
  open: () => AsyncIterable<Event>,
  following: WatchRequest,
  signal: AbortSignal | undefined,
): AsyncIterable<Event> {
  const { now, pause, signIn, refresh } = calls;
  let [failures, waits] = [0, delays()];
  for (;;) {
    signal?.throwIfAborted();
    const began = now();
    let token = "";
    let broken = new MulliganError(
      "UNAVAILABLE",
      Code.Unavailable,
      "the server ends each watch at once",
    );
    try {
      token = await unlessAborted(signIn.fresh(refresh), signal);
      for await (const event of open()) {
        [failures, waits] = [0, delays()];
        if (event.revision > (following.afterRevision ?? -1n)) {
          following.afterRevision = event.revision;
          yield event;
        }
      }
    } catch (error) {
      signal?.throwIfAborted();
      broken = await mended(calls, error, token, following, signal);
    }
    if (now() - began > lastedMs) {
      [failures, waits] = [0, delays()];
    }
    if (++failures >= watchAttempts) {
      throw broken;
    }
    await pause(Math.max(waits.next().value, pauseMs(broken) ?? 0), signal).catch(() => {
      signal?.throwIfAborted();
      throw calls.isClosed ? clientClosed() : broken;
    });
  }
}

/** Get ready to take up a stream that broke; gives what broke it, or throws what can't be mended. */
async function mended(
  { signIn, refresh, isClosed }: Calls,
  error: unknown,
  token: string,
  following: WatchRequest,
  signal: AbortSignal | undefined,
): Promise<MulliganError> {
  let broken = error;
  if (isCode(error, tokenExpired)) {
    // Up to there nothing was left to tell.
    const told = BigInt(error.details["revision"] || -1);
    if (told > (following.afterRevision ?? -1n)) {
      following.afterRevision = told;
    }
    try {
      if (await unlessAborted(signIn.renew(token, refresh), signal)) {
        return error;
      }
    } catch (unanswered) {
      signal?.throwIfAborted();
      broken = unanswered;
    }
  }
  if (isClosed || !isBroken(broken)) {
    throw broken;
  }
  return broken;
}
