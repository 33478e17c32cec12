import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

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
import { Code, type Transport } from "@connectrpc/connect";

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
const tokenExpired = "TOKEN_EXPIRED";
/** Nobody answered a watch for about 45 s: a server that is only being restarted is back by then. */
const watchAttempts = 12;
const health = "/grpc.health.v1.Health/Check";

/** What calls of all services of a client share. */
export interface Calls {
  meta: MetaService;
  signIn: SignIn;
  refresh: Refresh;
  timeoutMs: number;
  attempts: number;
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
    const ready = withRequestId(described.input, await this.ready(method, described.input, request));
    const token = await this.token(method);
    try {
      return await this.answered(method, described, ready, token, signal);
    } catch (error) {
      if (!(await this.renewed(error, token))) {
        throw error;
      }
    }
    // It was refused before anything was done.
    return this.answered(method, described, ready, await this.token(method), signal);
  }

  /** Give answers as they come; it is begun anew only if its token has ended. */
  async *stream<I extends DescMessage, O extends DescMessage>(
    method: Method,
    described: DescMethodStreaming<I, O>,
    request: MessageInitShape<I>,
    signal?: AbortSignal,
  ): AsyncIterable<MessageShape<O>> {
    const ready = await this.ready(method, described.input, request);
    const token = await this.token(method);
    try {
      yield* this.streamed(method, described, ready, token, signal);
      return;
    } catch (error) {
      if (!(await this.renewed(error, token))) {
        throw error;
      }
    }
    // It was refused before anything came.
    yield* this.streamed(method, described, ready, await this.token(method), signal);
  }

  /** Give changes in order and each once, over streams that break, until the signal. */
  async *watch(
    method: Method,
    described: DescMethodStreaming<typeof WatchRequestSchema, typeof EventSchema>,
    request: MessageInitShape<typeof WatchRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<Event> {
    const following = clone(described.input, await this.ready(method, described.input, request));
    for (let failures = 0, delay = firstDelayMs; ; delay = Math.min(2 * delay, longestDelayMs)) {
      const token = await this.token(method);
      try {
        for await (const event of this.streamed(method, described, following, token, signal)) {
          [failures, delay] = [0, firstDelayMs];
          if (event.revision > (following.afterRevision ?? -1n)) {
            following.afterRevision = event.revision;
            yield event;
          }
        }
        failures++;
      } catch (error) {
        signal?.throwIfAborted();
        if (++failures >= watchAttempts || !(await this.mended(error, token, following))) {
          throw error;
        }
      }
      if (failures >= watchAttempts) {
        throw new MulliganError("UNAVAILABLE", Code.Unavailable, "the server ends each watch at once");
      }
      await pause(delay, undefined, { signal });
    }
  }

  /** Give one page of a list after the other. */
  async *pages<I extends DescMessage, A extends { nextPageToken: string }>(
    schema: I,
    request: MessageInitShape<I>,
    list: (asked: MessageShape<I>) => Promise<A>,
  ): AsyncIterable<A> {
    const asked = clone(schema, create(schema, request));
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
    const { timeoutMs, attempts } = this.calls();
    const enough = Date.now() + timeoutMs;
    for (let attempt = 1, delay = firstDelayMs; ; attempt++) {
      try {
        const answer = await this.transport.unary(
          described,
          signal,
          timeoutMs,
          signed(token),
          request as MessageInitShape<I>,
        );
        this.version = answer.trailer.get(versionKey) ?? this.version;
        return answer.message;
      } catch (raised) {
        const failed = translate(raised, this.address, method.path);
        const last = attempt >= attempts || Date.now() > enough;
        if (last || method.retry === "never" || failed.status !== Code.Unavailable) {
          throw failed;
        }
        const told = Math.min(failed.retryAfterMs, longestDelayMs);
        await pause(Math.max(delay, told), undefined, { signal });
        delay = Math.min(2 * delay, longestDelayMs);
      }
    }
  }

  private async *streamed<I extends DescMessage, O extends DescMessage>(
    method: Method,
    described: DescMethodStreaming<I, O>,
    request: MessageShape<I>,
    token: string,
    signal: AbortSignal | undefined,
  ): AsyncIterable<MessageShape<O>> {
    async function* once(): AsyncIterable<MessageInitShape<I>> {
      yield request as MessageInitShape<I>;
    }
    // Who takes no more answers ends the call, too.
    const enough = new AbortController();
    const ended = AbortSignal.any([enough.signal, ...(signal ? [signal] : [])]);
    try {
      const answers = this.transport.stream(described, ended, undefined, signed(token), once());
      yield* (await answers).message;
    } catch (raised) {
      throw translate(raised, this.address, method.path);
    } finally {
      enough.abort();
    }
  }

  /** Get ready to take up a stream that broke; false: it can't be mended. */
  private async mended(error: unknown, token: string, following: WatchRequest): Promise<boolean> {
    if (!(error instanceof MulliganError)) {
      return false;
    }
    if (error.code === tokenExpired) {
      const revision = error.details["revision"];
      if (revision && BigInt(revision) > (following.afterRevision ?? -1n)) {
        following.afterRevision = BigInt(revision);
      }
      return this.renewed(error, token);
    }
    // A proxy or a killed server resets the stream; what the server itself says has a code.
    const broken = [Code.Internal, Code.Unknown, Code.Canceled, Code.Aborted].includes(error.status);
    const saidByTransport = error.code === statusName(error.status);
    return error.status === Code.Unavailable || (saidByTransport && broken);
  }

  /** Give a request as it is sent: with ids, and nothing that the service does not know. */
  private async ready<I extends DescMessage>(
    method: Method,
    schema: I,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<I>> {
    const made = create(schema, request);
    const need = needs(method, made);
    if (need && isOlder(this.version, need.since)) {
      // It is not known yet, or it may have been updated since it answered last.
      await this.askVersion();
      if (this.version && isOlder(this.version, need.since)) {
        throw newerNeeded(method, need, this.version, this.address);
      }
    }
    return withIds(this.calls().meta, method, schema, made);
  }

  private async askVersion(): Promise<void> {
    const { timeoutMs } = this.calls();
    try {
      // Its request and answer are empty here: only the trailer is read.
      const answer = await this.transport.unary(check, undefined, timeoutMs, undefined, {});
      this.version = answer.trailer.get(versionKey) ?? this.version;
    } catch (raised) {
      throw translate(raised, this.address, health);
    }
  }

  /** Get another token if an error says that one has ended; false: it doesn't, or there is none. */
  private async renewed(error: unknown, token: string): Promise<boolean> {
    const { signIn, refresh } = this.calls();
    return isCode(error, tokenExpired) && signIn.renew(token, refresh);
  }

  private async token(method: Method): Promise<string> {
    const { signIn, refresh } = this.calls();
    return method.anonymous ? "" : signIn.fresh(refresh);
  }
}

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

function isCode(error: unknown, code: string): boolean {
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
