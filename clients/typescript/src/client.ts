import { setTimeout } from "node:timers/promises";

import type { Calls } from "./attempts.js";
import { Callers } from "./callers.js";
import { MulliganError } from "./errors.js";
import type { SignedIn } from "./gen/mulligan/iam/v1/iam_pb.js";
import { Services } from "./gen/services.js";
import type { Away } from "./several_sites.js";
import { SignIn, withoutRenewal } from "./tokens.js";

/** How a client goes about its calls. */
export interface Options {
  /** An access token, which ends in minutes; `signIn` goes before it. */
  token?: string;
  /** The tokens of another client or of a keeper. */
  signIn?: SignIn;
  /** Addresses of services, where iam's catalogue is not to say it: iam, meta, resource, control. */
  addresses?: Record<string, string>;
  /** The UUID of a site, to call no other. */
  site?: string;
  /** Told of each site that a list or watch lacks because it does not answer; else that fails. */
  away?: Away;
  /** PEM text of the authorities to trust instead of the system's. */
  ca?: string;
  /** Deadline of a call, milliseconds; watches have none. */
  timeoutMs?: number;
  /** How often a call is made while nobody answers. */
  attempts?: number;
}

/**
 * One signed-in caller of one installation.
 *
 * `iam`, `meta`, `resource` and `control` have a method for each RPC, which takes names where it
 * takes ids, and one for each list that reads it to its end. iam tells at which sites the others are,
 * and each call goes to the site that it is for.
 */
export class Client extends Services {
  readonly signIn: SignIn;
  private readonly callers: Callers;
  private readonly closing: AbortController;
  private readonly calls: Calls;

  /**
   * Get ready; nothing is sent before the first call.
   *
   * @param address of iam, and of all that its catalogue does not have: host:port, with https:// or
   * grpcs:// for TLS, http:// or grpc:// for none; without a scheme: TLS, except to the machine
   * itself.
   */
  constructor(address: string, options: Options = {}) {
    const { timeoutMs = 30_000, attempts = 4, ca, site = "", away, addresses: own = {} } = options;
    const callers = new Callers({ address, own, site, ca, away }, timeoutMs, () => calls);
    super((service) => callers.of(service));
    this.callers = callers;
    this.signIn = options.signIn ?? new SignIn(withoutRenewal(options.token ?? ""));
    const closing = new AbortController();
    this.closing = closing;
    const calls: Calls = {
      iam: this.iam,
      meta: this.meta,
      names: { meta: (lacking) => callers.searching(this.meta, lacking), away },
      signIn: this.signIn,
      refresh: (refreshToken, requestId) => this.refresh(refreshToken, requestId),
      timeoutMs,
      attempts: Math.max(1, attempts),
      isClosed: false,
      pause: (delayMs, signal) => {
        const ended = AbortSignal.any([closing.signal, ...(signal ? [signal] : [])]);
        return setTimeout(delayMs, undefined, { signal: ended });
      },
      now: Date.now,
    };
    this.calls = calls;
  }

  /** Begin a session and go on as this account (name or UUID). */
  async logIn(account: string, password: string): Promise<SignedIn> {
    const answer = await this.iam.login({ account, password });
    await this.signIn.take(answer);
    return answer;
  }

  /** End the connections, the calls under way and the waits between them. */
  close(): void {
    this.calls.isClosed = true;
    this.closing.abort();
    this.callers.close();
  }

  private async refresh(refreshToken: string, requestId: string): Promise<SignedIn> {
    try {
      return await this.iam.refreshToken({ refreshToken, requestId });
    } catch (error) {
      if (error instanceof MulliganError) {
        error.ofRenewal = true;
      }
      throw error;
    }
  }
}
