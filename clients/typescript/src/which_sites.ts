import type { Message } from "@bufbuild/protobuf";

import type { Site } from "./catalogue.js";
import { isOrBelow, type Led } from "./leads.js";
import type { Method } from "./methods.js";
import { sortedBy } from "./reach.js";
import type { Routes } from "./site_calls.js";
import { noSite } from "./site_errors.js";
import { everywhere } from "./whereabouts.js";

/** Tells which sites a request may be for. */
export class WhichSites {
  /**
   * @param below gives a region and all below it that the caller sees.
   * @param locate has all sites asked for objects, so that it is noted where they are.
   */
  constructor(
    private readonly routes: Routes,
    private readonly below: (region: string, signal?: AbortSignal) => Promise<string[]>,
    private readonly locate: (ids: string[], signal?: AbortSignal) => Promise<void>,
  ) {}

  /** Give the sites that serve regions, or some below them if the request takes those. */
  async serving(
    method: Method,
    request: Message,
    regions: string[],
    signal: AbortSignal | undefined,
  ): Promise<Site[]> {
    const { catalogue } = this.routes;
    const having = async (wanted: string[]): Promise<Site[]> =>
      (await catalogue.sites(signal)).filter((one) => wanted.some((id) => one.regions.has(id)));
    const began = catalogue.now();
    let found = await having(regions);
    if (found.length === 0 && (await catalogue.refresh(began, signal))) {
      found = await having(regions);
    }
    if (isOrBelow(request)) {
      for (const top of regions) {
        found.push(...(await having(await this.below(top, signal))));
      }
    }
    if (found.length === 0 && method.retry !== "read") {
      throw noSite(regions);
    }
    const unique = [...new Map(found.map((one) => [one.id, one])).values()];
    return unique.length > 0 ? unique : catalogue.sites(signal);
  }

  /** Give the sites that objects are at; all, the likeliest first, where it is not known. */
  async having(
    { ids }: Led,
    { locates, isPaged }: { locates: boolean; isPaged: boolean },
    signal: AbortSignal | undefined,
  ): Promise<Site[]> {
    const sites = await this.routes.catalogue.sites(signal);
    const known = await this.known(sites, ids, locates, signal);
    const found = sites.filter(({ id }) => known.has(id));
    if (known.size > 0 && found.length === known.size) {
      return found;
    }
    // The tokens of pages are good for one order only.
    return isPaged ? sites : sortedBy(sites, (one) => !found.includes(one));
  }

  /** Give the ids of the sites that objects are at; empty: of one it is not known. */
  async known(
    sites: Site[],
    ids: string[],
    locates: boolean,
    signal: AbortSignal | undefined,
  ): Promise<Set<string>> {
    const { whereabouts } = this.routes;
    const there = new Set([everywhere, ...sites.map(({ id }) => id)]);
    const lost = ids.filter((one) => !there.has(whereabouts.of(one)));
    if (locates && lost.length > 0) {
      await this.locate(lost, signal);
    }
    const found = ids.map((one) => whereabouts.of(one));
    return new Set(found.map((one) => (there.has(one) ? one : "")));
  }
}
