import { randomUUID } from "node:crypto";
import { inspect } from "node:util";

import { Code } from "@connectrpc/connect";

import { MulliganError } from "./errors.js";
import type { SignedIn } from "./gen/mulligan/iam/v1/iam_pb.js";

/** The share of an access token's life after which it is renewed: the rest is for an iam away. */
const renewedAfter = 2 / 3;

/** So long after a renewal that nobody answered it is tried again, while the token may be good. */
const againAfterMs = 30_000;

/** What a service says of a refresh token that is never good again. */
const dead = ["SESSION_REVOKED", "SESSION_EXPIRED", "REFRESH_TOKEN_UNKNOWN", "CREDENTIAL_OVER"];

/** An access token, and what renews it. */
export interface Tokens {
  access: string;
  refresh: string;
  /** By this machine's clock, milliseconds. */
  renewAt: number;
  /** Of a renewal whose answer is not there yet: sent again with the token until it is. */
  requestId: string;
}

/** Keeps tokens beyond the process; while `locked` runs, no other process changes them. */
export interface Keeper {
  locked<T>(run: () => Promise<T>): Promise<T>;
  /** The tokens as another process may have renewed them. */
  read(): Promise<Tokens | undefined>;
  write(tokens: Tokens): Promise<void>;
}

/** Renews: gives new tokens for a refresh token and a request id. */
export type Refresh = (refreshToken: string, requestId: string) => Promise<SignedIn>;

const nobody: Keeper = {
  locked: (run) => run(),
  read: async () => undefined,
  write: async () => undefined,
};

/** The tokens of one sign-in, for any number of clients. */
export class SignIn {
  /** The change of them that is under way. */
  private renewing: Promise<void> | undefined;

  constructor(
    public tokens: Tokens = withoutRenewal(""),
    private readonly keeper: Keeper = nobody,
  ) {}

  /** Go on with the tokens that Login or Bootstrap gave. */
  async take(answer: SignedIn): Promise<void> {
    // A renewal of those before must not come after them.
    while (this.renewing) {
      await this.renewing.catch(() => undefined);
    }
    await this.alone(() => this.keep(tokensOf(answer)));
  }

  /** Give the access token, renewed if it ends soon and iam answers. */
  async fresh(ask: Refresh): Promise<string> {
    if (this.tokens.refresh && Date.now() >= this.tokens.renewAt) {
      try {
        await this.renew(this.tokens.access, ask);
      } catch (error) {
        if (error instanceof MulliganError && error.status === Code.Unauthenticated) {
          throw error;
        }
        // Services go on while iam is away, until the token ends.
        this.tokens = { ...this.tokens, renewAt: Date.now() + againAfterMs };
      }
    }
    return this.tokens.access;
  }

  /**
   * Put another access token into the place of one that has ended; false: there is none.
   *
   * Who asks while somebody renews gets what comes of that, be it an error.
   */
  async renew(ended: string, ask: Refresh): Promise<boolean> {
    if (this.tokens.access === ended) {
      await (this.renewing ?? this.alone(() => this.exchange(ended, ask)));
    }
    return this.tokens.access !== ended;
  }

  /** Tokens are nothing to print. */
  [inspect.custom](): string {
    return "SignIn";
  }

  /** Change the tokens while nobody else does, in this process or another. */
  private alone(change: () => Promise<void>): Promise<void> {
    this.renewing = this.keeper.locked(change).finally(() => {
      this.renewing = undefined;
    });
    return this.renewing;
  }

  private async exchange(ended: string, ask: Refresh): Promise<void> {
    this.tokens = (await this.keeper.read()) ?? this.tokens;
    if (this.tokens.access !== ended || !this.tokens.refresh) {
      return;
    }
    // Kept before it is asked: if the answer is lost, with this process even, the same request gets
    // it again. Another request would count as a thief's.
    const requestId = this.tokens.requestId || randomUUID();
    await this.keep({ ...this.tokens, requestId });
    try {
      await this.keep(tokensOf(await ask(this.tokens.refresh, requestId)));
    } catch (error) {
      if (error instanceof MulliganError && dead.includes(error.code)) {
        await this.keep(withoutRenewal(this.tokens.access));
      }
      throw error;
    }
  }

  private async keep(tokens: Tokens): Promise<void> {
    this.tokens = tokens;
    await this.keeper.write(tokens);
  }
}

function tokensOf(answer: SignedIn): Tokens {
  const life = answer.lifetime;
  const lifeMs = life ? Number(life.seconds) * 1000 + life.nanos / 1e6 : 0;
  return {
    access: answer.accessToken,
    refresh: answer.refreshToken,
    renewAt: Date.now() + lifeMs * renewedAfter,
    requestId: "",
  };
}

/** Tokens that nothing renews. */
export function withoutRenewal(access: string): Tokens {
  return { access, refresh: "", renewAt: 0, requestId: "" };
}
