import type {
  DescMessage,
  DescMethodStreaming,
  DescMethodUnary,
  Message,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";

import { type Calls, delays, type Limits } from "./attempts.js";
import { type Catalogue, isSilent, type Site } from "./catalogue.js";
import { MulliganError } from "./errors.js";
import type { Method } from "./methods.js";
import { hurriedMs, type Reach } from "./reach.js";
import { clientClosed, givenUp } from "./signals.js";
import { isAway, noneAlive, unreachable } from "./site_errors.js";
import type { Caller } from "./transport.js";
import type { Whereabouts } from "./whereabouts.js";

/** Sites that are asked at the same time. */
const atOnce = 16;

/** One call, wherever its request goes. */
export interface Call {
  method: Method;
  described: DescMethodUnary;
  signal: AbortSignal | undefined;
  /** Whether the caller gave its request id, and so may make it again in another process. */
  hasOwnId: boolean;
  /** Its deadline, where that is not the client's. */
  timeoutMs?: number;
}

/** What the callers of all services of a client share. */
export interface Routes {
  catalogue: Catalogue;
  whereabouts: Whereabouts;
  reach: Reach;
  calls: () => Calls;
}

/** One of a site's addresses. */
interface Place {
  address: string;
  /** No other one is known. */
  isLast: boolean;
}

/** Calls one service at a given site, at whichever of its addresses answers. */
export class SiteCalls {
  private readonly callers = new Map<string, Caller>();

  /**
   * @param open gives the caller of a URL; empty: of the client's own address.
   */
  constructor(
    private readonly service: string,
    private readonly routes: Routes,
    private readonly open: (url: string) => Caller,
  ) {}

  /**
   * Call a site, at another of its addresses where one does not answer.
   *
   * One that is away is called once and not for long, if it is hurried.
   */
  async ask(
    site: Site,
    { method, described, signal, timeoutMs }: Call,
    request: Message,
    mayHurry = false,
  ): Promise<Message> {
    const { catalogue, reach, whereabouts } = this.routes;
    const isHurried = mayHurry && reach.isAway(site);
    let failure: MulliganError | undefined;
    for await (const place of this.places(site, isHurried, signal)) {
      try {
        const caller = this.at(place.address);
        const limits = this.limits(place, isHurried, timeoutMs);
        const found: Message = await caller.unary(method, described, request, signal, limits);
        reach.answered(site, place.address);
        whereabouts.note(found, site);
        return found;
      } catch (raised) {
        if (!(raised instanceof MulliganError)) {
          throw raised;
        }
        failure = raised;
        if (signal?.aborted || isAway(failure)) {
          reach.failed(place.address);
        }
        const isElsewhere = failure.status === Code.Unavailable && !failure.ofRenewal;
        if (signal?.aborted || !isElsewhere || method.retry === "never") {
          break;
        }
      }
    }
    if (failure && isAway(failure) && !signal?.aborted) {
      reach.lost(site);
      const isUnanswered = failure.code === "UNAVAILABLE";
      if (isUnanswered && isSilent(await catalogue.sites(signal), site, this.service)) {
        throw noneAlive(site, this.service, failure);
      }
    }
    throw failure ?? unreachable(site, this.service);
  }

  /** Give a stream of a site; until something came of it, of another address where one fails. */
  async *stream<I extends DescMessage, O extends DescMessage>(
    site: Site,
    method: Method,
    described: DescMethodStreaming<I, O>,
    request: MessageShape<I>,
    signal: AbortSignal | undefined,
  ): AsyncIterable<MessageShape<O>> {
    const isWatch = method.path.endsWith("/Watch");
    yield* this.first(site, signal, (place) => {
      const caller = this.at(place.address);
      return isWatch
        ? caller.once(method, described, request, signal)
        : caller.stream(
            method,
            described,
            request as MessageInitShape<I>,
            signal,
            this.limits(place),
          );
    });
  }

  /** Give what the first address gives that answers. */
  private async *first<T>(
    site: Site,
    signal: AbortSignal | undefined,
    begin: (place: Place) => AsyncIterable<T>,
  ): AsyncIterable<T> {
    const { reach } = this.routes;
    let [isBegun, failure]: [boolean, unknown] = [false, undefined];
    for await (const place of this.places(site, false, signal)) {
      try {
        for await (const answer of begin(place)) {
          if (!isBegun) {
            reach.answered(site, place.address);
          }
          isBegun = true;
          yield answer;
        }
        return;
      } catch (raised) {
        failure = raised;
        const isGone = raised instanceof MulliganError && raised.status === Code.Unavailable;
        if (!isGone || raised.ofRenewal || signal?.aborted) {
          throw raised;
        }
        reach.failed(place.address);
        if (isBegun) {
          throw raised;
        }
      }
    }
    throw failure;
  }

  private limits(
    { isLast }: Place,
    isHurried = false,
    wantedMs = Number.POSITIVE_INFINITY,
  ): Limits {
    const { attempts, timeoutMs: usualMs } = this.routes.calls();
    const timeoutMs = Math.min(usualMs, wantedMs, isHurried ? hurriedMs : usualMs);
    return { attempts: isLast && !isHurried ? attempts : 1, timeoutMs };
  }

  /** Give the caller of an address, which knows the version there. */
  private at(address: string): Caller {
    const caller = this.callers.get(address) ?? this.open(address);
    this.callers.set(address, caller);
    return caller;
  }

  /**
   * Give the addresses of a site: those that iam told of, then those that it knows since.
   *
   * Throws where it has none, after some waits for one to come back.
   */
  private async *places(
    site: Site,
    isHurried: boolean,
    signal: AbortSignal | undefined,
  ): AsyncIterable<Place> {
    const { catalogue, reach, calls } = this.routes;
    const [tried, waits] = [new Set<string>(), delays()];
    const untried = (one: Site): string[] => {
      const known = one.id ? (one.addresses[this.service] ?? []) : [""];
      return reach.ordered(known).filter((address) => !tried.has(address));
    };
    for (let attempt = 0; attempt < (isHurried ? 1 : calls().attempts); attempt++) {
      if (attempt > 0) {
        await calls()
          .pause(waits.next().value, signal)
          .catch(() => {
            throw signal?.aborted ? givenUp(signal) : clientClosed();
          });
      }
      const began = catalogue.now();
      yield* this.each(untried(site), tried);
      if (site.id && !isHurried && (await catalogue.refresh(began, signal))) {
        const sites = await catalogue.sites(signal);
        yield* this.each(untried(sites.find(({ id }) => id === site.id) ?? site), tried);
      }
      if (tried.size > 0) {
        return;
      }
    }
    throw unreachable(site, this.service);
  }

  private *each(addresses: string[], tried: Set<string>): Iterable<Place> {
    for (const [index, address] of addresses.entries()) {
      tried.add(address);
      yield { address, isLast: index === addresses.length - 1 };
    }
  }
}

/** Ask one site after the other until one has what is wanted. */
export async function firstOf<T>(
  sites: Site[],
  ask: (site: Site) => Promise<T>,
  goesOn: (error: MulliganError) => boolean,
  explain: (refusals: [Site, MulliganError][]) => MulliganError,
): Promise<T> {
  const refusals: [Site, MulliganError][] = [];
  for (const site of sites) {
    try {
      return await ask(site);
    } catch (raised) {
      if (!(raised instanceof MulliganError) || !goesOn(raised)) {
        throw raised;
      }
      refusals.push([site, raised]);
    }
  }
  throw explain(refusals);
}

/** Ask sites at the same time, and give what each answers or fails with. */
export async function askAll<A, T>(
  asked: A[],
  ask: (one: A) => Promise<T>,
): Promise<(T | MulliganError)[]> {
  const found: (T | MulliganError)[] = [];
  const left = asked.entries();
  const work = async (): Promise<void> => {
    for (const [index, one] of left) {
      found[index] = await ask(one).catch((raised: unknown) => {
        if (!(raised instanceof MulliganError)) {
          throw raised;
        }
        return raised;
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, asked.length) }, work));
  return found;
}
