import {
  clone,
  create,
  type DescMessage,
  type DescMethodStreaming,
  type DescMethodUnary,
  type Message,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";

import type { Site } from "./catalogue.js";
import { MulliganError } from "./errors.js";
import type { Event, EventSchema, WatchRequest } from "./gen/mulligan/common/v1/common_pb.js";
import type { WatchRequestSchema } from "./gen/mulligan/common/v1/common_pb.js";
import { hasPages, isBatch, isOfMany, isOrBelow, type Led, leadOf, nameOf } from "./leads.js";
import type { Method } from "./methods.js";
import { withIds } from "./names.js";
import { claimBelow, isSent } from "./or_below.js";
import { type Ask, type Away, SeveralSites } from "./several_sites.js";
import { clientClosed, givenUp } from "./signals.js";
import { type Call, firstOf, type Routes, type SiteCalls } from "./site_calls.js";
import * as errors from "./site_errors.js";
import { isOfSites } from "./site_pages.js";
import { type RevisionOf, watchAll } from "./site_watch.js";
import { eachPage, type ServiceCaller, withRequestId } from "./transport.js";
import { follow } from "./watching.js";
import { WhichSites } from "./which_sites.js";
import { everywhere, Whereabouts } from "./whereabouts.js";

/** What no site has may be at a new one, if the catalogue is older. */
const newsAfterMs = 5_000;

/** What routing takes from the client. */
export interface Sources {
  /** Gives a region and all below it that the caller sees. */
  below: (region: string, signal?: AbortSignal) => Promise<string[]>;
  /** Has all sites asked for objects, so that it is noted where they are. */
  locate: (ids: string[], signal?: AbortSignal) => Promise<void>;
  revisionOf: RevisionOf;
  /** Without it a list of all sites fails where one is away. */
  away: Away | undefined;
}

/**
 * Calls a service at the site, or the sites, that a request is for.
 *
 * What leads to a site stands in gen/methods.ts. A region leads to its site. Of an object it is
 * remembered which site had it; else all are asked for its name, or in turn for itself, and what
 * none has is not there. A list that nothing leads goes on from site to site. A claim for a region
 * "or below" is tried at each site that has some of them, until one has capacity.
 *
 * A change is done once: where its answer was lost it goes nowhere but to that site again, with the
 * same request id.
 */
export class RoutedCaller implements ServiceCaller {
  /** Of request ids: apart, so that long lists don't push them out. */
  private readonly sent = new Whereabouts();
  private readonly which: WhichSites;
  private readonly several: SeveralSites;

  constructor(
    private readonly there: SiteCalls,
    private readonly routes: Routes,
    private readonly sources: Sources,
  ) {
    this.which = new WhichSites(routes, sources.below, sources.locate);
    this.several = new SeveralSites(routes, this.which, sources.away);
  }

  /** Make the call where it belongs. */
  async unary<I extends DescMessage, O extends DescMessage>(
    method: Method,
    described: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    signal?: AbortSignal,
  ): Promise<MessageShape<O>> {
    this.checkOpen(signal);
    const made = create(described.input, request);
    const asked = withRequestId(described.input, made);
    const call = { method, described, signal, hasOwnId: asked === made };
    const { catalogue } = this.routes;
    const began = catalogue.now();
    const sites = await catalogue.sites(signal);
    try {
      return (await this.routed(sites, call, asked)) as MessageShape<O>;
    } catch (error) {
      // Nothing was done: the catalogue may have been too old.
      if (!(await this.hasNews(error, began, sites, signal))) {
        throw error;
      }
    }
    return (await this.routed(await catalogue.sites(signal), call, asked)) as MessageShape<O>;
  }

  /** Give the answers of the first site that has some. */
  async *stream<I extends DescMessage, O extends DescMessage>(
    method: Method,
    described: DescMethodStreaming<I, O>,
    request: MessageInitShape<I>,
    signal?: AbortSignal,
  ): AsyncIterable<MessageShape<O>> {
    this.checkOpen(signal);
    const { catalogue } = this.routes;
    const began = catalogue.now();
    const made = await this.ready(method, described.input, request, signal);
    const refusals: errors.Failure[] = [];
    for (let isAgain = false; ; isAgain = true) {
      let hasMoved = false;
      for (const site of await this.sitesOfStream(method, described, made, signal)) {
        let isBegun = false;
        try {
          for await (const one of this.there.stream(site, method, described, made, signal)) {
            isBegun = true;
            yield one;
          }
          return;
        } catch (raised) {
          const error = raised as MulliganError;
          const isElsewhere = error.code === errors.regionElsewhere;
          const isFull = error.code === errors.noCapacity;
          const goesOn = errors.isNotHere(error) || isFull || isElsewhere || errors.isAway(error);
          if (isBegun || !goesOn || signal?.aborted) {
            throw raised;
          }
          hasMoved ||= isElsewhere;
          refusals.push([site, error]);
        }
      }
      if (isAgain || !hasMoved || !(await catalogue.refresh(began, signal))) {
        throw errors.together(refusals);
      }
    }
  }

  /** Follow the changes of the site that has what is named, else those of all from now on. */
  watch(
    method: Method,
    described: DescMethodStreaming<typeof WatchRequestSchema, typeof EventSchema>,
    request: MessageInitShape<typeof WatchRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<Event> {
    const begun = this.beginWatch(method, described, request, signal);
    // It fails for who reads it.
    begun.catch(() => undefined);
    return {
      async *[Symbol.asyncIterator]() {
        yield* await begun;
      },
    };
  }

  /** Give one page of a list after the other; names are looked up once. */
  async *pages<I extends DescMessage, A extends { nextPageToken: string }>(
    method: Method,
    schema: I,
    request: MessageInitShape<I>,
    list: (asked: MessageShape<I>) => Promise<A>,
    signal?: AbortSignal,
  ): AsyncIterable<A> {
    this.checkOpen(signal);
    const { names } = this.routes.calls();
    const ready = await withIds(names, method, schema, create(schema, request), signal);
    yield* eachPage(schema, ready, list);
  }

  private async beginWatch(
    method: Method,
    described: DescMethodStreaming<typeof WatchRequestSchema, typeof EventSchema>,
    request: MessageInitShape<typeof WatchRequestSchema>,
    signal: AbortSignal | undefined,
  ): Promise<AsyncIterable<Event>> {
    signal?.throwIfAborted();
    this.checkOpen(signal);
    const { calls, catalogue } = this.routes;
    const made = await this.ready(method, described.input, request, signal);
    const at = (site: Site, after: bigint | undefined, ended = signal) => {
      const following = Object.assign(clone(described.input, made), { afterRevision: after });
      const open = (): AsyncIterable<Event> =>
        this.changesAt(site, method, described, following, ended);
      return () => follow(calls(), open, following, ended);
    };
    const sites = leadOf(method, made).ids.length
      ? await this.sitesOfStream(method, described, made, signal)
      : await catalogue.sites(signal);
    if (sites.length === 1) {
      // For all of it, even if others come to serve what it has.
      return at(sites[0] as Site, made.afterRevision)();
    }
    if (made.afterRevision !== undefined) {
      throw errors.whichWatch(sites);
    }
    const { revisionOf, away } = this.sources;
    return watchAll(sites, { revisionOf, follow: at, away, calls: calls(), signal });
  }

  /** Give the changes of a site, wherever it is by now, of one attempt. */
  private async *changesAt(
    site: Site,
    method: Method,
    described: DescMethodStreaming<typeof WatchRequestSchema, typeof EventSchema>,
    following: WatchRequest,
    signal: AbortSignal | undefined,
  ): AsyncIterable<Event> {
    const current = await this.routes.catalogue.current(site, signal);
    yield* this.there.stream(current, method, described, following, signal);
  }

  private async sitesOfStream(
    method: Method,
    described: DescMethodStreaming,
    request: Message,
    signal: AbortSignal | undefined,
  ): Promise<Site[]> {
    const sites = await this.routes.catalogue.sites(signal);
    if (sites.length === 1) {
      return sites;
    }
    const lead = leadOf(method, request);
    if (lead.ids.length === 0) {
      throw errors.whichSite(method, sites);
    }
    const found = await this.candidates(method, described, request, lead, signal);
    if (nameOf(method) === "Watch" && found.length > 1) {
      // One of a site that does not have it would be silent for ever.
      throw errors.unknownObject(lead.ids[0] as string, sites);
    }
    return found;
  }

  /** Give a request as it is led by: with ids in the place of names, where that matters. */
  private async ready<I extends DescMessage>(
    method: Method,
    schema: I,
    request: MessageInitShape<I>,
    signal: AbortSignal | undefined,
  ): Promise<MessageShape<I>> {
    const made = create(schema, request);
    const sites = await this.routes.catalogue.sites(signal);
    const { names } = this.routes.calls();
    return sites.length > 1 ? withIds(names, method, schema, made, signal) : made;
  }

  /** Read the catalogue again where it may be the reason for a refusal. */
  private async hasNews(
    error: unknown,
    began: number,
    sites: Site[],
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const { catalogue } = this.routes;
    if (!(error instanceof MulliganError) || signal?.aborted) {
      return false;
    }
    if (error.code === errors.regionElsewhere) {
      return catalogue.refresh(began, signal);
    }
    const isGone = error.status === Code.NotFound;
    if (!isGone || !(await catalogue.refresh(began - newsAfterMs, signal))) {
      return false;
    }
    const idsOf = (all: Site[]): string => all.map(({ id }) => id).sort().join();
    return idsOf(await catalogue.sites(signal)) !== idsOf(sites);
  }

  private async routed(sites: Site[], call: Call, asked: Message): Promise<Message> {
    const { method, described, signal } = call;
    const ask: Ask = (site, one, mayHurry) => this.there.ask(site, call, one, mayHurry);
    const isPaged = hasPages(described.input);
    // It may be bound to sites that there were before.
    const isBound = (isPaged && isOfSites(asked)) || isSent(described.input, asked, this.sent);
    if (sites.length === 1 && !isBound) {
      return ask(sites[0] as Site, asked);
    }
    const { names } = this.routes.calls();
    const request = await withIds(names, method, described.input, asked, signal);
    const lead = leadOf(method, request);
    if (isBatch(method)) {
      return this.several.batch(call, lead.ids, request, ask);
    }
    const isMany = isOfMany(method, described.input);
    if (lead.ids.length === 0 && !isPaged && !isMany) {
      throw errors.whichSite(method, sites);
    }
    const found = await this.candidates(method, described, request, lead, signal);
    if (isPaged) {
      return this.several.page(found, call, request, ask);
    }
    if (isMany) {
      return this.several.merged(found, call, request, ask);
    }
    if (nameOf(method) === "FindOpenings" && isOrBelow(request)) {
      return this.several.openings(found, call, request, ask);
    }
    if (method.retry === "read") {
      const goesOn = (error: MulliganError): boolean =>
        errors.isNotHere(error) || errors.isAway(error) || error.code === errors.noCapacity;
      return firstOf(found, (site) => ask(site, request), goesOn, errors.together);
    }
    return this.changed(found, call, request, lead, ask);
  }

  /** Give the sites that a request may be for, the likeliest first. */
  private candidates(
    method: Method,
    { input }: { input: DescMessage },
    request: Message,
    lead: Led,
    signal: AbortSignal | undefined,
  ): Promise<Site[]> {
    if (lead.isRegion) {
      return this.which.serving(method, request, lead.ids, signal);
    }
    const how = { locates: !isOfMany(method, input), isPaged: hasPages(input) };
    return this.which.having(lead, how, signal);
  }

  /** Change what is at one site, or at all of them. */
  private async changed(
    sites: Site[],
    { method, described, signal, hasOwnId }: Call,
    request: Message,
    lead: Led,
    ask: Ask,
  ): Promise<Message> {
    if (isOrBelow(request)) {
      // What nobody can have made before need not wait for a site that is away.
      const likeliest = hasOwnId ? sites : this.routes.reach.likeliest(sites);
      const claim = request as Message & { requestId: string };
      const known = await this.routes.catalogue.sites(signal);
      return claimBelow(likeliest, described.input, claim, ask, this.sent, known, hasOwnId);
    }
    if (lead.isRegion) {
      return ask(sites[0] as Site, request);
    }
    const known = new Set(lead.ids.map((one) => this.routes.whereabouts.of(one)));
    known.delete("");
    if (known.size > 1) {
      throw errors.severalSites(method, lead.ids);
    }
    if (known.has(everywhere)) {
      // The same at each: the id keeps a retry from changing anything twice.
      let answer: Message = create(described.output);
      for (const site of sites) {
        answer = await ask(site, request);
      }
      return answer;
    }
    // Only the site that has the object can have changed it.
    const goesOn = (error: MulliganError): boolean =>
      errors.isNotHere(error) ||
      (errors.isAway(error) && error.status === Code.Unavailable) ||
      error.code === errors.noCapacity;
    return firstOf(sites, (site) => ask(site, request), goesOn, errors.together);
  }

  /** Nothing is asked for who has given up, nor by a client that was closed. */
  private checkOpen(signal: AbortSignal | undefined): void {
    if (signal?.aborted) {
      throw givenUp(signal);
    }
    if (this.routes.calls().isClosed) {
      throw clientClosed();
    }
  }
}
