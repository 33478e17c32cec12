import type { Message } from "@bufbuild/protobuf";

import type { Site } from "./catalogue.js";
import { MulliganError } from "./errors.js";
import { isForInstallation, isIncomplete } from "./leads.js";
import { earliest } from "./or_below.js";
import { eachOnce, partOf, putTogether } from "./site_batches.js";
import { throwIfGivenUp } from "./signals.js";
import { askAll, type Call, firstOf, type Routes } from "./site_calls.js";
import * as errors from "./site_errors.js";
import { isOfSites, orderOf, pageAfterPage, pageInOrder, type Pages } from "./site_pages.js";
import type { WhichSites } from "./which_sites.js";

/** Told which site a list or watch has nothing of, and why. */
export type Away = (site: Site, error: MulliganError) => void;

/** Makes a call at a site; one that is known to be away may be hurried. */
export type Ask = (site: Site, request: Message, mayHurry?: boolean) => Promise<Message>;

/** Makes one answer of what several sites have. */
export class SeveralSites {
  /** @param away without it a list of all sites fails where one is away. */
  constructor(
    private readonly routes: Routes,
    private readonly which: WhichSites,
    private readonly away: Away | undefined,
  ) {}

  /** Read objects by their ids, each where it is. */
  async batch(call: Call, ids: string[], request: Message, ask: Ask): Promise<Message> {
    const { input, output } = call.described;
    const { whereabouts, catalogue } = this.routes;
    const sites = await catalogue.sites(call.signal);
    await this.which.known(sites, ids, true, call.signal);
    const at = (site: Site): string[] => ids.filter((one) => whereabouts.of(one) === site.id);
    const parts = sites.map((site) => ({ places: [site], some: at(site) }));
    // Of the others each is looked for by itself: a batch is refused where one is missing.
    const there = new Set(parts.flatMap(({ some }) => some));
    const lost = ids.filter((one) => !there.has(one));
    const asked = [
      ...parts.filter(({ some }) => some.length > 0),
      ...lost.map((one) => ({ places: sites, some: [one] })),
    ];
    const goesOn = (error: MulliganError): boolean =>
      errors.isNotHere(error) || errors.isAway(error);
    const found = await askAll(asked, ({ places, some }) => {
      const part = partOf(input, request, some);
      return firstOf(places, (site) => ask(site, part), goesOn, errors.together);
    });
    const failed = found.find((one) => one instanceof MulliganError);
    if (failed) {
      throw failed;
    }
    return putTogether(output, request, found as Message[]);
  }

  /** Ask all sites about objects; one that is away matters if some were found nowhere. */
  async merged(sites: Site[], call: Call, request: Message, ask: Ask): Promise<Message> {
    const { output } = call.described;
    // Every site has it: it is looked for at one after the other, until it is found.
    const steps = isForInstallation(request)
      ? this.routes.reach.likeliest(sites).map((one) => [one])
      : [sites];
    const answers: Message[] = [];
    const failures: errors.Failure[] = [];
    for (const step of steps) {
      const found = await askAll(step, (site) => ask(site, request, true));
      for (const [index, one] of found.entries()) {
        if (!(one instanceof MulliganError)) {
          answers.push(one);
        } else if (errors.isAway(one) || errors.isNotHere(one)) {
          failures.push([step[index] as Site, one]);
        } else {
          throw one;
        }
      }
      const told = eachOnce(output, request, answers);
      if (!isIncomplete(request, output, told)) {
        return told;
      }
    }
    throwIfGivenUp(call.signal);
    if (failures.length === sites.length) {
      throw errors.together(failures);
    }
    if (steps.length === 1) {
      this.tell(failures);
    }
    return eachOnce(output, request, answers);
  }

  /** Give a page of a list that one site has, or several. */
  async page(found: Site[], call: Call, request: Message, ask: Ask): Promise<Message> {
    const { method, described, signal } = call;
    // Where it began, more may have been asked than now.
    const goesOn = isOfSites(request);
    const sites = goesOn ? await this.routes.catalogue.sites(signal) : found;
    if (sites.length === 1 && !goesOn) {
      return ask(sites[0] as Site, request);
    }
    const failures: errors.Failure[] = [];
    const askPages = async (asked: [Site, Message][]): Promise<(Pages | undefined)[]> => {
      const pages = await askAll(asked, ([site, one]) => ask(site, one, true));
      return pages.map((page, index) => {
        if (!(page instanceof MulliganError)) {
          return page as Pages;
        }
        failures.push([(asked[index] as [Site, Message])[0], page]);
        return undefined;
      });
    };
    const { input, output } = described;
    const order = orderOf(method, input, request);
    const list = { request, input, output };
    const made = order
      ? await pageInOrder(sites, list, askPages, order)
      : await pageAfterPage(sites, list, askPages);
    throwIfGivenUp(signal);
    if (failures.length === sites.length) {
      throw errors.together(failures);
    }
    this.tell(failures);
    return made;
  }

  /** Give the earliest of what all sites have. */
  async openings(sites: Site[], call: Call, request: Message, ask: Ask): Promise<Message> {
    const told = await askAll(sites, (site) => ask(site, request, true));
    const failures: errors.Failure[] = [];
    const found = told.flatMap((one, index) => {
      if (one instanceof MulliganError) {
        failures.push([sites[index] as Site, one]);
        return [];
      }
      return [one];
    });
    throwIfGivenUp(call.signal);
    if (found.length === 0) {
      throw errors.together(failures);
    }
    this.tell(failures.filter(([, { code }]) => code !== errors.noCapacity));
    return earliest(call.described.output, found, (request as { limit?: number }).limit ?? 0);
  }

  /** Tell which sites something was not read of; those that have nothing of it aside. */
  private tell(failures: errors.Failure[]): void {
    for (const [site, error] of failures) {
      if (errors.isNotHere(error)) {
        continue;
      }
      if (!this.away || !errors.isAway(error)) {
        throw error;
      }
      this.away(site, error);
    }
  }
}
