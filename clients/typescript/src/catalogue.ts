import { Code } from "@connectrpc/connect";

import { isTrusted, urlOf } from "./addresses.js";
import { MulliganError } from "./errors.js";
import type { ListServicesResponse, Site as ToldSite } from "./gen/mulligan/iam/v1/iam_pb.js";
import { unlessAborted } from "./signals.js";
import { noSuchSite } from "./site_errors.js";

/** A site that is new, or has moved, is known after so long at the latest. */
const readAgainAfterMs = 60_000;
/** A catalogue without sites is read again after so long: those that start register in a moment. */
const noSitesForMs = 10_000;
/** So long iam is not asked again where it did not answer, and something is known. */
const leftAloneMs = 30_000;
/** What iam says that has no catalogue, or shows it not to a credential for other methods only. */
const noCatalogue = ["UNIMPLEMENTED", "CREDENTIAL_LIMITED"];

/** A site of the installation; its id is empty if it has none. */
export interface Site {
  id: string;
  /** UUIDs, in lower case. */
  regions: ReadonlySet<string>;
  /** URLs by service, those first that were alive. */
  addresses: Readonly<Record<string, readonly string[]>>;
  /** Whether iam heard of one of its processes lately. */
  alive: boolean;
  /** The services of which one of its processes is alive. */
  living: ReadonlySet<string>;
  /** Addresses that a token may not go to. */
  untrusted: readonly string[];
}

/** Everything is where iam is: of an iam that has no catalogue, or that nobody signed in at yet. */
export const onlySite: Site = {
  id: "",
  regions: new Set(),
  addresses: {},
  alive: true,
  living: new Set(),
  untrusted: [],
};

/** Tell whether iam, too, has not heard lately of a process of a service at a site. */
export function isSilent(sites: Site[], { id }: Site, service: string): boolean {
  return id !== "" && sites.some((one) => one.id === id && !one.living.has(service));
}

/** Calls ListServices, waiting for an iam that is being restarted or not; gives undefined while
 * nobody is signed in. */
export type AskCatalogue = (waits: boolean) => Promise<ListServicesResponse | undefined>;

/** Asks iam for the catalogue when it is needed and old, once for all calls, and keeps it. */
export class Catalogue {
  private known: Site[] = [];
  private readAt = -Infinity;
  private goodUntil = -Infinity;
  private leftAloneUntil = -Infinity;
  private reading: Promise<Site[]> | undefined;

  /**
   * @param iam the URL that asks goes to.
   * @param only a site's UUID, to know no other.
   */
  constructor(
    private readonly ask: AskCatalogue,
    private readonly iam: string,
    private readonly only: string,
    readonly now: () => number,
  ) {}

  /** Give the sites, one at least; throws where iam does not tell and has not told before. */
  async sites(signal?: AbortSignal): Promise<Site[]> {
    if (this.now() < this.goodUntil) {
      return this.known;
    }
    if (this.known.length === 0) {
      const found = await unlessAborted(this.read(), signal);
      return found.length ? found : [onlySite];
    }
    // What is known is good enough for those that come while one reads.
    if (!this.reading) {
      await this.refresh(this.now(), signal);
    }
    return this.known;
  }

  /** Read it again unless that was done after a moment; false: nothing newer is to be had. */
  async refresh(since: number, signal?: AbortSignal): Promise<boolean> {
    try {
      if (this.reading) {
        await unlessAborted(this.reading, signal).catch((error: unknown) => {
          if (signal?.aborted) {
            throw error;
          }
        });
      }
      if (this.readAt > since) {
        return true;
      }
      if (this.now() < this.leftAloneUntil) {
        return false;
      }
      return (await unlessAborted(this.read(), signal)).length > 0;
    } catch (error) {
      if (signal?.aborted || !(error instanceof MulliganError)) {
        throw error;
      }
      this.leftAloneUntil = this.now() + leftAloneMs;
      return false; // What is known of it stays good enough.
    }
  }

  /** Give a site as it is by now; throws where there is none of that id any more. */
  async current(site: Site, signal?: AbortSignal): Promise<Site> {
    if (!site.id) {
      return site;
    }
    const found = (await this.sites(signal)).find(({ id }) => id === site.id);
    if (!found) {
      throw noSuchSite(site.id);
    }
    return found;
  }

  /** Read the sites, once for all who wait; none: nobody is signed in. */
  private read(): Promise<Site[]> {
    if (!this.reading) {
      const reading = this.readOnce().finally(() => {
        this.reading = undefined;
      });
      // It fails for those who wait; that all of them gave up is no fault.
      reading.catch(() => undefined);
      this.reading = reading;
    }
    return this.reading;
  }

  private async readOnce(): Promise<Site[]> {
    try {
      const answer = await this.ask(this.known.length === 0);
      if (!answer) {
        return this.only ? this.nobody() : this.known;
      }
      const found = this.chosen(answer.sites.map((one) => this.site(one)));
      const goodFor = found.length ? readAgainAfterMs : noSitesForMs;
      return this.keep(found.length ? found : [onlySite], goodFor);
    } catch (error) {
      const isWithout = error instanceof MulliganError && noCatalogue.includes(error.code);
      if (this.only || !isWithout) {
        throw error;
      }
      return this.keep(this.known.length ? this.known : [onlySite], readAgainAfterMs);
    }
  }

  private keep(sites: Site[], goodForMs: number): Site[] {
    this.known = sites;
    this.readAt = this.now();
    this.goodUntil = this.readAt + goodForMs;
    return sites;
  }

  private nobody(): never {
    const words = `nobody is signed in, so it is not known where site ${this.only} is; log in`;
    throw new MulliganError("UNAUTHENTICATED", Code.Unauthenticated, words);
  }

  private chosen(found: Site[]): Site[] {
    const chosen = found.filter(({ id }) => !this.only || id === this.only.toLowerCase());
    if (this.only && chosen.length === 0) {
      throw noSuchSite(this.only);
    }
    return chosen;
  }

  private site(told: ToldSite): Site {
    const addresses: Record<string, string[]> = {};
    const untrusted: string[] = [];
    const isAlive = (one: { alive: boolean }): number => Number(one.alive);
    for (const service of [...told.services].sort((a, b) => isAlive(b) - isAlive(a))) {
      const { address } = service;
      if (address && !isTrusted(address, this.iam)) {
        untrusted.push(address);
        continue;
      }
      const url = address ? urlOf(address) : this.iam;
      for (const kind of service.kinds) {
        addresses[kind] = [...new Set([...(addresses[kind] ?? []), url])];
      }
    }
    return {
      id: told.id.toLowerCase(),
      regions: new Set(told.regions.map((one) => one.toLowerCase())),
      addresses,
      alive: told.services.some(({ alive }) => alive),
      living: new Set(told.services.flatMap(({ alive, kinds }) => (alive ? kinds : []))),
      untrusted,
    };
  }
}
