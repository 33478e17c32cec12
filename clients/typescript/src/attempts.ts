import { Code } from "@connectrpc/connect";

import { MulliganError, statusName } from "./errors.js";
import type { IamService, MetaService } from "./gen/services.js";
import type { Method } from "./methods.js";
import type { NameSearch } from "./names.js";
import type { Refresh, SignIn } from "./tokens.js";

const firstDelayMs = 200;
/** Between attempts. */
export const longestDelayMs = 5_000;
const rateLimited = "RATE_LIMITED";
/** A token is over: another one helps. */
export const tokenExpired = "TOKEN_EXPIRED";

/** What calls of all services of a client share. */
export interface Calls {
  iam: IamService;
  meta: MetaService;
  names: NameSearch;
  signIn: SignIn;
  refresh: Refresh;
  timeoutMs: number;
  attempts: number;
  /** The client was closed: what breaks is not taken up again. */
  isClosed: boolean;
  /** Wait, milliseconds, unless the signal comes first. */
  pause: (delayMs: number, signal: AbortSignal | undefined) => Promise<unknown>;
  /** A clock, milliseconds. */
  now: () => number;
}

/** What holds for one call only. */
export interface Limits {
  /** How often it is made while nobody answers. */
  attempts?: number;
  timeoutMs?: number;
}

/** How often a call was made, and whether it is made again. */
export class Attempts {
  private made = 0;
  private readonly waits = delays();
  private readonly enough: number;

  constructor(
    private readonly calls: Calls,
    private readonly method: Method,
    private readonly signal: AbortSignal | undefined,
    private readonly limits: Limits,
  ) {
    // A server that waits itself before it gives up is not waited for attempts times as long.
    this.enough = calls.now() + calls.timeoutMs;
  }

  /** Wait until the call may be made again; throws what it failed with where that won't help. */
  async wait(failed: MulliganError): Promise<void> {
    const told = pauseMs(failed);
    const { attempts = this.calls.attempts } = failed.code === rateLimited ? {} : this.limits;
    const isLast = ++this.made >= attempts || this.method.retry === "never";
    if (isLast || told === undefined || this.calls.now() + told > this.enough) {
      throw failed;
    }
    const delay = Math.max(this.waits.next().value, told);
    await this.calls.pause(delay, this.signal).catch(() => {
      throw failed;
    });
  }
}

/** Waits between attempts: doubling from 0.2 s to 5 s, with jitter, which spreads load. */
export function* delays(): Generator<number, never> {
  for (let delay = firstDelayMs; ; delay = Math.min(2 * delay, longestDelayMs)) {
    yield delay * (0.8 + 0.4 * Math.random());
  }
}

/** Tell how long to wait before another try; undefined where that would change nothing. */
export function pauseMs(failed: MulliganError): number | undefined {
  if (failed.code === rateLimited) {
    return failed.retryAfterMs;
  }
  const isAway = failed.status === Code.Unavailable;
  return isAway ? Math.min(failed.retryAfterMs, longestDelayMs) : undefined;
}

/** Tell whether a stream that failed so can be taken up again. */
export function isBroken(error: unknown): error is MulliganError {
  if (!(error instanceof MulliganError)) {
    return false;
  }
  // A proxy or a killed server resets the stream; what the server itself says has a code. What did
  // not answer in time, as iam where a token ends, may do so the next time.
  const resets = [Code.Internal, Code.Unknown, Code.Canceled, Code.Aborted, Code.DeadlineExceeded];
  const isReset = resets.includes(error.status);
  const saidByTransport = error.code === statusName(error.status);
  return pauseMs(error) !== undefined || (saidByTransport && isReset);
}

/** Tell an error by its stable code. */
export function isCode(error: unknown, code: string): error is MulliganError {
  return error instanceof MulliganError && error.code === code;
}
