import { createGrpcTransport } from "@connectrpc/connect-node";

import { urlOf } from "./addresses.js";
import type { Calls } from "./attempts.js";
import { Catalogue } from "./catalogue.js";
import { Connection } from "./connection.js";
import { MulliganError } from "./errors.js";
import * as methods from "./gen/methods.js";
import { IamService, type ListServicesResponse } from "./gen/mulligan/iam/v1/iam_pb.js";
import { MetaService } from "./gen/services.js";
import { Reach } from "./reach.js";
import { RegionTree } from "./region_tree.js";
import { revisionOf } from "./revisions.js";
import { RoutedCaller, type Sources } from "./routing.js";
import type { Away } from "./several_sites.js";
import { type Routes, SiteCalls } from "./site_calls.js";
import { Caller, type ServiceCaller } from "./transport.js";
import { Whereabouts } from "./whereabouts.js";

/** iam tells of the sites by then, or what it told before holds on. */
const catalogueWithinMs = 5_000;
/** How many ids DescribeObjects takes. */
const idsPerCall = 1000;

/** Which addresses a client goes to. */
export interface Addresses {
  /** Of iam, and of all that its catalogue does not have. */
  address: string;
  /** Of services, where the catalogue is not to say it. */
  own: Record<string, string>;
  /** The UUID of a site, to call no other; empty: all. */
  site: string;
  ca: string | undefined;
  away: Away | undefined;
}

/** Makes a caller of each service, and keeps the connections. */
export class Callers {
  private readonly connections = new Map<string, Connection>();
  private readonly sites = new Map<string, SiteCalls>();
  private readonly url: string;
  private readonly iamUrl: string;
  private readonly routes: Routes;
  private readonly sources: Omit<Sources, "away" | "revisionOf">;

  constructor(
    private readonly addresses: Addresses,
    private readonly timeoutMs: number,
    private readonly calls: () => Calls,
  ) {
    const { address, own, site } = addresses;
    this.url = urlOf(address);
    this.iamUrl = own["iam"] ? urlOf(own["iam"]) : this.url;
    const now = (): number => calls().now();
    const ask = (waits: boolean): Promise<ListServicesResponse | undefined> => this.listed(waits);
    const catalogue = new Catalogue(ask, this.iamUrl, site, now);
    const [whereabouts, reach] = [new Whereabouts(), new Reach(now)];
    this.routes = { catalogue, whereabouts, reach, calls };
    const regions = new RegionTree((signal) => calls().iam.allRegions({}, signal));
    this.sources = {
      below: (region, signal) => regions.below(region, signal),
      locate: (ids, signal) => this.locate(ids, signal),
    };
  }

  /** Give the caller of a service: at its address, or at the sites of the catalogue. */
  of(service: string): ServiceCaller {
    if (service === "iam") {
      return this.at(this.iamUrl);
    }
    const given = this.addresses.own[service];
    if (given) {
      return this.at(urlOf(given));
    }
    return this.routed(service, this.addresses.away);
  }

  /** Give the service that finds names, which tells somebody else of sites that are away. */
  searching(meta: MetaService, away: Away): MetaService {
    return this.addresses.own["meta"] ? meta : new MetaService(this.routed("meta", away));
  }

  /** End the connections; there are no others then. */
  close(): void {
    for (const connection of this.connections.values()) {
      connection.close();
    }
  }

  private routed(service: string, away: Away | undefined): RoutedCaller {
    const there = this.siteCalls(service);
    const told = { away, revisionOf: revisionOf(service, there, this.calls) };
    return new RoutedCaller(there, this.routes, { ...this.sources, ...told });
  }

  private siteCalls(service: string): SiteCalls {
    const made =
      this.sites.get(service) ??
      new SiteCalls(service, this.routes, (url) => this.at(url || this.url));
    this.sites.set(service, made);
    return made;
  }

  private at(url: string): Caller {
    const connection =
      this.connections.get(url) ?? new Connection(url, this.addresses.ca, this.timeoutMs);
    this.connections.set(url, connection);
    const transport = createGrpcTransport({ baseUrl: url, sessionManager: connection });
    return new Caller(url, transport, this.calls);
  }

  private async listed(waits: boolean): Promise<ListServicesResponse | undefined> {
    const { signIn, iam, timeoutMs } = this.calls();
    if (!signIn.tokens.access && !signIn.tokens.refresh) {
      return undefined;
    }
    if (waits) {
      return iam.listServices({});
    }
    const { listServices } = IamService.method;
    const limits = { attempts: 1, timeoutMs: Math.min(timeoutMs, catalogueWithinMs) };
    const once = this.at(this.iamUrl);
    return once.unary(methods.iamListServices, listServices, {}, undefined, limits);
  }

  /** Ask for the names of objects: with the answers it is noted where they are. */
  private async locate(ids: string[], signal: AbortSignal | undefined): Promise<void> {
    try {
      for (let start = 0; start < ids.length; start += idsPerCall) {
        const some = ids.slice(start, start + idsPerCall);
        await this.calls().meta.describeObjects({ ids: some }, signal);
      }
    } catch (error) {
      // One that fails leaves less to know.
      if (signal?.aborted || !(error instanceof MulliganError)) {
        throw error;
      }
    }
  }
}
