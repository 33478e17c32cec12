import type { Site } from "./catalogue.js";

/** So long a site that did not answer is asked once only, where others are asked too. */
const awayForMs = 30_000;

/** The deadline of that. */
export const hurriedMs = 3_000;

/** Remembers which addresses and sites did not answer, to ask them later; of all services. */
export class Reach {
  private readonly failing = new Set<string>();
  private readonly awayUntil = new Map<string, number>();

  constructor(private readonly now: () => number) {}

  /** Put those first that did not fail when they were last asked. */
  ordered(addresses: Iterable<string>): string[] {
    const all = [...addresses];
    const fails = (one: string): boolean => this.failing.has(one);
    return [...all.filter((one) => !fails(one)), ...all.filter(fails)];
  }

  /** Note that nobody answered there. */
  failed(address: string): void {
    this.failing.add(address);
  }

  /** Note that somebody did. */
  answered(site: Site, address: string): void {
    this.failing.delete(address);
    this.awayUntil.delete(site.id);
  }

  /** Note that a site answered at no address, or not in time. */
  lost(site: Site): void {
    this.awayUntil.set(site.id, this.now() + awayForMs);
  }

  /** Tell whether a site is known not to answer: by the catalogue, or by a call of late. */
  isAway(site: Site): boolean {
    return !site.alive || (this.awayUntil.get(site.id) ?? 0) > this.now();
  }

  /** Put those sites first that are not away. */
  likeliest(sites: Site[]): Site[] {
    return sortedBy(sites, (one) => this.isAway(one));
  }
}

/** Put those behind that something is true of; the order stays otherwise. */
export function sortedBy<T>(all: T[], isLater: (one: T) => boolean): T[] {
  return [...all].sort((a, b) => Number(isLater(a)) - Number(isLater(b)));
}
