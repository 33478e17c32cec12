import { setTimeout } from "node:timers/promises";

import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";

import type { SignedIn } from "./gen/mulligan/iam/v1/iam_pb.js";
import { Services } from "./gen/services.js";
import { SignIn, withoutRenewal } from "./tokens.js";
import { Caller, type Calls } from "./transport.js";

/** How a client goes about its calls. */
export interface Options {
  /** An access token, which ends in minutes; `signIn` goes before it. */
  token?: string;
  /** The tokens of another client or of a keeper. */
  signIn?: SignIn;
  /** Addresses of services that listen elsewhere, by noun: iam, meta, resource, control. */
  addresses?: Record<string, string>;
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
 * takes ids, and one for each list that reads it to its end.
 */
export class Client extends Services {
  readonly signIn: SignIn;
  private readonly sessions: Map<string, Http2SessionManager>;
  private readonly calls: Calls;

  /**
   * Get ready; nothing is sent before the first call.
   *
   * @param address host:port, with https:// or grpcs:// for TLS, http:// or grpc:// for none;
   * without a scheme: TLS, except to the machine itself.
   */
  constructor(address: string, options: Options = {}) {
    const sessions = new Map<string, Http2SessionManager>();
    super((service) => {
      const url = urlOf(options.addresses?.[service] ?? address);
      const session =
        sessions.get(url) ??
        // A watch that is silent for long notices a peer that has gone; servers count more than one
        // ping in five minutes as abuse.
        new Http2SessionManager(url, { pingIntervalMs: 310_000 }, { ca: options.ca });
      sessions.set(url, session);
      const transport = createGrpcTransport({ baseUrl: url, sessionManager: session });
      return new Caller(url, transport, () => calls);
    });
    this.sessions = sessions;
    this.signIn = options.signIn ?? new SignIn(withoutRenewal(options.token ?? ""));
    const calls: Calls = {
      meta: this.meta,
      signIn: this.signIn,
      refresh: (refreshToken, requestId) => this.iam.refreshToken({ refreshToken, requestId }),
      timeoutMs: options.timeoutMs ?? 30_000,
      attempts: options.attempts ?? 4,
      isClosed: false,
      pause: (delayMs, signal) => setTimeout(delayMs, undefined, { signal }),
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

  /** End the connections and the calls under way. */
  close(): void {
    this.calls.isClosed = true;
    for (const session of this.sessions.values()) {
      session.abort();
    }
  }
}

const schemes: Record<string, boolean> = { https: true, grpcs: true, http: false, grpc: false };

/** Read an address as a URL whose scheme says whether it speaks TLS there. */
export function urlOf(address: string): string {
  const scheme = /^(\w+):\/\//.exec(address)?.[1];
  if (scheme !== undefined && schemes[scheme] === undefined) {
    throw new Error(`scheme ${scheme} of ${address} is none of ${Object.keys(schemes).join(", ")}`);
  }
  const rest = scheme === undefined ? address : address.slice(scheme.length + 3);
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
