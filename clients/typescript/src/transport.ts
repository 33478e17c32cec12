import { randomUUID } from "node:crypto";

import {
  clone,
  create,
  type DescMessage,
  type DescMethodStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";

import { MulliganError, statusName, translate } from "./errors.js";
import type { EventSchema, WatchRequestSchema } from "./gen/mulligan/common/v1/common_pb.js";
import type { Event, WatchRequest } from "./gen/mulligan/common/v1/common_pb.js";
import type { MetaService } from "./gen/services.js";
import type { Method } from "./methods.js";
import { withIds } from "./names.js";
import type { Refresh, SignIn } from "./tokens.js";
import { isOlder, needs, newerNeeded, versionKey } from "./versions.js";

const firstDelayMs = 200;
const longestDelayMs = 5_000;
const rateLimited = "RATE_LIMITED";
const tokenExpired = "TOKEN_EXPIRED";
const unknownField = "UNKNOWN_FIELD";
/** Nobody answered a watch for about 45 s: a server that is only being restarted is back by then. */
const watchAttempts = 14;
/** A watch that went on for so long was all right: what ends it begins to count anew. */
const lastedMs = 60_000;

/** What calls of all services of a client share. */
export interface Calls {
  meta: MetaService;
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

/** Calls one service: deadline, token, request id, retry, and words for what went wrong. */
export class Caller {
  /** Of the service, as it said last; empty: not known yet. */
  private version = "";

  constructor(
    private readonly address: string,
    private readonly transport: Transport,
    private readonly calls: () => Calls,
  ) {}

  /** Make a call, again while nobody answers, as far as its method allows. */
  async unary<I extends DescMessage, O extends DescMessage>(
    method: Method,
    described: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    signal?: AbortSignal,
  ): Promise<MessageShape<O>> {
    const made = await this.ready(method, described.input, request, signal);
    const ready = withRequestId(described.input, made);
    const token = await this.token(method);
    try {
      return await this.answered(method, described, ready, token, signal);
    } catch (error) {
      if (!(await this.renewed(method, error, token))) {
        throw error;
      }
    }
    // It was refused before anything was done.
    return this.answered(method, described, ready, await this.token(method), signal);
  }

  /** Give answers as they come; until the first one has, it is begun again as far as that helps. */
  async *stream<I extends DescMessage, O extends DescMessage>(
    method: Method,
    described: DescMethodStreaming<I, O>,
    request: MessageInitShape<I>,
    signal?: AbortSignal,
  ): AsyncIterable<MessageShape<O>> {
    const ready = await this.ready(method, described.input, request, signal);
    const attempts = new Attempts(this.calls(), method, signal);
    for (let isBegun = false, isRenewed = false; ; ) {
      const token = await this.token(method);
      try {
        const { timeoutMs } = this.calls();
        const answers = this.streamed(method, described, ready, token, signal, timeoutMs);
        for await (const answer of answers) {
          isBegun = true;
          yield answer;
        }
        return;
      } catch (error) {
        if (isBegun) {
          throw error;
        }
        if (!isRenewed && (await this.renewed(method, error, token))) {
          isRenewed = true;
        } else {
          await attempts.wait(error as MulliganError);
        }
      }
    }
  }

  /** Give changes in order and each once, over streams that break, until the signal. */
  async *watch(
    method: Method,
    described: DescMethodStreaming<typeof WatchRequestSchema, typeof EventSchema>,
    request: MessageInitShape<typeof WatchRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<Event> {
    const ready = await this.ready(method, described.input, request, signal);
    const following = clone(described.input, ready);
    const { now, pause } = this.calls();
    let [failures, waits] = [0, delays()];
    for (;;) {
      const [token, began] = [await this.token(method), now()];
      let broken = new MulliganError(
        "UNAVAILABLE",
        Code.Unavailable,
        "the server ends each watch at once",
      );
      try {
        for await (const event of this.streamed(method, described, following, token, signal)) {
          [failures, waits] = [0, delays()];
          if (event.revision > (following.afterRevision ?? -1n)) {
            following.afterRevision = event.revision;
            yield event;
          }
        }
      } catch (error) {
        signal?.throwIfAborted();
        broken = await this.mended(method, error, token, following);
      }
      if (now() - began > lastedMs) {
        [failures, waits] = [0, delays()];
      }
      if (++failures >= watchAttempts) {
        throw broken;
      }
      await pause(Math.max(waits.next().value, pauseMs(broken) ?? 0), signal);
    }
  }

  /** Give one page of a list after the other; names are looked up once. */
  async *pages<I extends DescMessage, A extends { nextPageToken: string }>(
    method: Method,
    schema: I,
    request: MessageInitShape<I>,
    list: (asked: MessageShape<I>) => Promise<A>,
  ): AsyncIterable<A> {
    const asked = await this.ready(method, schema, request, undefined);
    const page = { size: 0, token: "", ...(asked as { page?: object }).page };
    for (;;) {
      const answer = await list(create(schema, { ...asked, page } as MessageInitShape<I>));
      yield answer;
      if (!answer.nextPageToken) {
        return;
      }
      page.token = answer.nextPageToken;
    }
  }

  private async answered<I extends DescMessage, O extends DescMessage>(
    method: Method,
    described: DescMethodUnary<I, O>,
    request: MessageShape<I>,
    token: string,
    signal: AbortSignal | undefined,
  ): Promise<MessageShape<O>> {
    const { timeoutMs } = this.calls();
    const attempts = new Attempts(this.calls(), method, signal);
    for (;;) {
      try {
        const answer = await this.transport.unary(
          described,
          signal,
          timeoutMs,
          signed(token),
          request as MessageInitShape<I>,
        );
        this.hearVersion(answer.trailer);
        return answer.message;
      } catch (raised) {
        await attempts.wait(this.failed(raised, method, request, signal));
      }
    }
  }

  private async *streamed<I extends DescMessage, O extends DescMessage>(
    method: Method,
    described: DescMethodStreaming<I, O>,
    request: MessageShape<I>,
    token: string,
    signal: AbortSignal | undefined,
    timeoutMs?: number,
  ): AsyncIterable<MessageShape<O>> {
    async function* once(): AsyncIterable<MessageInitShape<I>> {
      yield request as MessageInitShape<I>;
    }
    // Who takes no more answers ends the call, too.
    const enough = new AbortController();
    const ended = AbortSignal.any([enough.signal, ...(signal ? [signal] : [])]);
    try {
      const answers = this.transport.stream(described, ended, timeoutMs, signed(token), once());
      yield* (await answers).message;
    } catch (raised) {
      throw this.failed(raised, method, request, signal);
    } finally {
      enough.abort();
    }
  }

  /** Get ready to take up a stream that broke; gives what broke it, or throws what can't be mended. */
  private async mended(
    method: Method,
    error: unknown,
    token: string,
    following: WatchRequest,
  ): Promise<MulliganError> {
    let broken = error;
    if (isCode(error, tokenExpired)) {
      // Up to there nothing was left to tell.
      const told = BigInt(error.details["revision"] || -1);
      if (told > (following.afterRevision ?? -1n)) {
        following.afterRevision = told;
      }
      try {
        if (await this.renewed(method, error, token)) {
          return error;
        }
      } catch (unanswered) {
        broken = unanswered;
      }
    }
    if (this.calls().isClosed || !isBroken(broken)) {
      throw broken;
    }
    return broken;
  }

  /** Give a request as it is sent: with ids, and nothing that the service does not know. */
  private async ready<I extends DescMessage>(
    method: Method,
    schema: I,
    request: MessageInitShape<I>,
    signal: AbortSignal | undefined,
  ): Promise<MessageShape<I>> {
    const made = create(schema, request);
    const need = needs(method, schema, made);
    if (need && isOlder(this.version, need.since)) {
      // It is not known yet, or it may have been updated since it answered last. The trailer of the
      // answer is all that is read of it.
      await this.answered(health, check, create(EmptySchema), "", signal);
      if (this.version && isOlder(this.version, need.since)) {
        throw newerNeeded(method, need, this.version, this.address);
      }
    }
    return withIds(this.calls().meta, method, schema, made, signal);
  }

  /** Put what was raised into words, and hear which version the service that refused is of. */
  private failed(
    raised: unknown,
    method: Method,
    request: unknown,
    signal: AbortSignal | undefined,
  ): MulliganError {
    const { requestId = "" } = request as { requestId?: string };
    const isAbandoned = signal?.aborted || this.calls().isClosed;
    const { address } = this;
    const failed = translate(raised, { address, path: method.path, requestId, isAbandoned });
    if (failed.code === unknownField || failed.status === Code.Unimplemented) {
      // An older one may have come into its place.
      this.version = "";
    }
    this.hearVersion(ConnectError.from(raised).metadata);
    return failed;
  }

  private hearVersion(told: Headers): void {
    this.version = told.get(versionKey) ?? this.version;
  }

  /** Get another token if an error says that one has ended; false: it doesn't, or there is none. */
  private async renewed(method: Method, error: unknown, token: string): Promise<boolean> {
    const { signIn, refresh } = this.calls();
    return !method.anonymous && isCode(error, tokenExpired) && signIn.renew(token, refresh);
  }

  private async token(method: Method): Promise<string> {
    const { signIn, refresh } = this.calls();
    return method.anonymous ? "" : signIn.fresh(refresh);
  }
}

/** How often a call was made, and whether it is made again. */
class Attempts {
  private made = 0;
  private readonly waits = delays();
  private readonly enough: number;

  constructor(
    private readonly calls: Calls,
    private readonly method: Method,
    private readonly signal: AbortSignal | undefined,
  ) {
    // A server that waits itself before it gives up is not waited for attempts times as long.
    this.enough = calls.now() + calls.timeoutMs;
  }

  /** Wait until the call may be made again; throws what it failed with where that won't help. */
  async wait(failed: MulliganError): Promise<void> {
    const told = pauseMs(failed);
    const isLast = ++this.made >= this.calls.attempts || this.method.retry === "never";
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
function* delays(): Generator<number, never> {
  for (let delay = firstDelayMs; ; delay = Math.min(2 * delay, longestDelayMs)) {
    yield delay * (0.8 + 0.4 * Math.random());
  }
}

/** Tell how long to wait before another try; undefined where that would change nothing. */
function pauseMs(failed: MulliganError): number | undefined {
  if (failed.code === rateLimited) {
    return failed.retryAfterMs;
  }
  const isAway = failed.status === Code.Unavailable;
  return isAway ? Math.min(failed.retryAfterMs, longestDelayMs) : undefined;
}

/** Tell whether a stream that failed so can be taken up again. */
function isBroken(error: unknown): error is MulliganError {
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

const health: Method = {
  path: "/grpc.health.v1.Health/Check",
  retry: "read",
  anonymous: true,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

/** Health's Check as far as it is needed: its own .proto is not. */
const check = {
  kind: "rpc",
  name: "Check",
  localName: "check",
  methodKind: "unary",
  input: EmptySchema,
  output: EmptySchema,
  parent: { typeName: "grpc.health.v1.Health" },
  toString: () => "rpc grpc.health.v1.Health.Check",
} as unknown as DescMethodUnary<typeof EmptySchema, typeof EmptySchema>;

function signed(token: string): HeadersInit {
  return token ? { authorization: `Bearer ${token}` } : {};
}

function isCode(error: unknown, code: string): error is MulliganError {
  return error instanceof MulliganError && error.code === code;
}

/** Give a mutation an id of its own; the caller's message stays as it is. */
function withRequestId<I extends DescMessage>(schema: I, request: MessageShape<I>): MessageShape<I> {
  const given = request as { requestId?: string };
  if (given.requestId !== "") {
    return request;
  }
  return Object.assign(clone(schema, request), { requestId: randomUUID() });
}
