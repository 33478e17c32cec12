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

import { Attempts, type Calls, isCode, type Limits, tokenExpired } from "./attempts.js";
import { MulliganError, translate } from "./errors.js";
import type { Event, EventSchema } from "./gen/mulligan/common/v1/common_pb.js";
import { PageSchema, type WatchRequestSchema } from "./gen/mulligan/common/v1/common_pb.js";
import type { Method } from "./methods.js";
import { withIds } from "./names.js";
import { clientClosed, givenUp, unlessAborted } from "./signals.js";
import { isOlder, needs, newerNeeded, versionKey } from "./versions.js";
import { follow } from "./watching.js";

const unknownField = "UNKNOWN_FIELD";

/** Calls a service, wherever it is. */
export interface ServiceCaller {
  unary<I extends DescMessage, O extends DescMessage>(
    method: Method,
    described: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    signal?: AbortSignal,
  ): Promise<MessageShape<O>>;
  stream<I extends DescMessage, O extends DescMessage>(
    method: Method,
    described: DescMethodStreaming<I, O>,
    request: MessageInitShape<I>,
    signal?: AbortSignal,
  ): AsyncIterable<MessageShape<O>>;
  watch(
    method: Method,
    described: DescMethodStreaming<typeof WatchRequestSchema, typeof EventSchema>,
    request: MessageInitShape<typeof WatchRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<Event>;
  pages<I extends DescMessage, A extends { nextPageToken: string }>(
    method: Method,
    schema: I,
    request: MessageInitShape<I>,
    list: (asked: MessageShape<I>) => Promise<A>,
    signal?: AbortSignal,
  ): AsyncIterable<A>;
}

/** Calls one service at one address: deadline, token, request id, retry, and words for what went wrong. */
export class Caller implements ServiceCaller {
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
    limits: Limits = {},
  ): Promise<MessageShape<O>> {
    const made = await this.ready(method, described.input, request, signal, limits);
    const ready = withRequestId(described.input, made);
    const token = await this.token(method, signal);
    try {
      return await this.answered(method, described, ready, token, signal, limits);
    } catch (error) {
      if (!(await this.renewed(method, error, token, signal))) {
        throw error;
      }
    }
    // It was refused before anything was done.
    const renewed = await this.token(method, signal);
    return this.answered(method, described, ready, renewed, signal, limits);
  }

  /** Give answers as they come; until the first one has, it is begun again as far as that helps. */
  async *stream<I extends DescMessage, O extends DescMessage>(
    method: Method,
    described: DescMethodStreaming<I, O>,
    request: MessageInitShape<I>,
    signal?: AbortSignal,
    limits: Limits = {},
  ): AsyncIterable<MessageShape<O>> {
    const ready = await this.ready(method, described.input, request, signal, limits);
    const attempts = new Attempts(this.calls(), method, signal, limits);
    for (let isBegun = false, isRenewed = false; ; ) {
      const token = await this.token(method, signal);
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
        if (!isRenewed && (await this.renewed(method, error, token, signal))) {
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
    const open = (): AsyncIterable<Event> => this.once(method, described, following, signal);
    yield* follow(this.calls(), open, following, signal);
  }

  /** Give answers as they come, of one attempt, without a deadline. */
  async *once<I extends DescMessage, O extends DescMessage>(
    method: Method,
    described: DescMethodStreaming<I, O>,
    request: MessageShape<I>,
    signal: AbortSignal | undefined,
  ): AsyncIterable<MessageShape<O>> {
    const ready = await this.ready(
      method,
      described.input,
      request as MessageInitShape<I>,
      signal,
    );
    const token = await this.token(method, signal);
    yield* this.streamed(method, described, ready, token, signal);
  }

  /** Give one page of a list after the other; names are looked up once. */
  async *pages<I extends DescMessage, A extends { nextPageToken: string }>(
    method: Method,
    schema: I,
    request: MessageInitShape<I>,
    list: (asked: MessageShape<I>) => Promise<A>,
    signal?: AbortSignal,
  ): AsyncIterable<A> {
    yield* eachPage(schema, await this.ready(method, schema, request, signal), list);
  }

  private async answered<I extends DescMessage, O extends DescMessage>(
    method: Method,
    described: DescMethodUnary<I, O>,
    request: MessageShape<I>,
    token: string,
    signal: AbortSignal | undefined,
    limits: Limits,
  ): Promise<MessageShape<O>> {
    const { timeoutMs = this.calls().timeoutMs } = limits;
    const attempts = new Attempts(this.calls(), method, signal, limits);
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

  /** Give a request as it is sent: with ids, and nothing that the service does not know. */
  private async ready<I extends DescMessage>(
    method: Method,
    schema: I,
    request: MessageInitShape<I>,
    signal: AbortSignal | undefined,
    limits: Limits = {},
  ): Promise<MessageShape<I>> {
    this.checkOpen(signal);
    const made = create(schema, request);
    const need = needs(method, schema, made);
    if (need && isOlder(this.version, need.since)) {
      // It is not known yet, or it may have been updated since it answered last. The trailer of the
      // answer is all that is read of it.
      await this.answered(health, check, create(EmptySchema), "", signal, limits);
      if (this.version && isOlder(this.version, need.since)) {
        throw newerNeeded(method, need, this.version, this.address);
      }
    }
    return withIds(this.calls().names, method, schema, made, signal);
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
  private async renewed(
    method: Method,
    error: unknown,
    token: string,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const { signIn, refresh } = this.calls();
    const hasEnded = !method.anonymous && isCode(error, tokenExpired);
    return hasEnded && unlessAborted(signIn.renew(token, refresh), signal);
  }

  private async token(method: Method, signal: AbortSignal | undefined): Promise<string> {
    const { signIn, refresh } = this.calls();
    return method.anonymous ? "" : unlessAborted(signIn.fresh(refresh), signal);
  }

  /** Nothing is sent for who has given up, nor by a client that was closed. */
  private checkOpen(signal: AbortSignal | undefined): void {
    if (signal?.aborted) {
      throw givenUp(signal);
    }
    if (this.calls().isClosed) {
      throw clientClosed();
    }
  }
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

/** Give a mutation an id of its own; the caller's message stays as it is. */
export function withRequestId<I extends DescMessage>(schema: I, request: MessageShape<I>): MessageShape<I> {
  const given = request as { requestId?: string };
  if (given.requestId !== "") {
    return request;
  }
  return Object.assign(clone(schema, request), { requestId: randomUUID() });
}

/** Give one page of a list after the other, of a request that has ids in the place of names. */
export async function* eachPage<I extends DescMessage, A extends { nextPageToken: string }>(
  schema: I,
  asked: MessageShape<I>,
  list: (asked: MessageShape<I>) => Promise<A>,
): AsyncIterable<A> {
  type Paged = { page?: { size: number; token: string } };
  const { size = 0, token = "" } = (asked as Paged).page ?? {};
  const page = { size, token };
  for (;;) {
    const next = Object.assign(clone(schema, asked), { page: create(PageSchema, page) });
    const answer = await list(next);
    yield answer;
    if (!answer.nextPageToken) {
      return;
    }
    page.token = answer.nextPageToken;
  }
}
