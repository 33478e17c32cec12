import { Code } from "@connectrpc/connect";

import type { Site } from "./catalogue.js";
import { MulliganError } from "./errors.js";
import { nameOf } from "./leads.js";
import type { Method } from "./methods.js";
import { sortedBy } from "./reach.js";

/** A site has no room for what is asked. */
export const noCapacity = "NO_CAPACITY";
/** Of a site that the catalogue knows, but no living process of the service there. */
export const noService = "NO_SERVICE";
/** A site's answer to what is for a region that another one serves; nothing was done. */
export const regionElsewhere = "REGION_ELSEWHERE";

/** What a site failed with. */
export type Failure = [Site, MulliganError];

const choose = "choose one: new Client(address, { site: … })";

/** Tell what a site says that has nothing of what is asked for, as far as the caller sees. */
export function isNotHere({ status }: MulliganError): boolean {
  return status === Code.NotFound || status === Code.PermissionDenied;
}

/** Tell that a site did not answer; an iam that did not renew the token is none. */
export function isAway({ status, ofRenewal }: MulliganError): boolean {
  return !ofRenewal && (status === Code.Unavailable || status === Code.DeadlineExceeded);
}

/** Name a site in words. */
export function inWords(site: Site): string {
  return site.id ? `site ${site.id}` : "the site";
}

/** Say that nothing in a request tells the site that it is for. */
export function whichSite(method: Method, sites: Site[]): MulliganError {
  const words = `${nameOf(method)} is for one site, and there are ${sites.length}`;
  return unclear("site", `${words}: ${named(sites)}; ${choose}`);
}

/** Say why several sites are not watched from a revision. */
export function whichWatch(sites: Site[]): MulliganError {
  const words =
    `each of the ${sites.length} sites counts revisions of its own (${named(sites)}), so one watch ` +
    "of them all begins with what comes next; leave the revision out, name an object or " +
    `operation, or ${choose}`;
  return unclear("after_revision", words);
}

/** Say that it is not known which site has what is to be watched. */
export function unknownObject(objectId: string, sites: Site[]): MulliganError {
  const words =
    `it is not known at which of the ${sites.length} sites ${objectId} is, or it is at all of ` +
    "them; get it first, as with getOperation, or watch without it";
  return Object.assign(unclear("object_id", words), { objectId });
}

/** Say that a change is of objects at more than one site. */
export function severalSites(method: Method, ids: string[]): MulliganError {
  const words =
    `${nameOf(method)} names objects of several sites (${[...ids].sort().join(", ")}), and a ` +
    "change is of one; change those of each site in a call of their own";
  return new MulliganError("SEVERAL_SITES", Code.InvalidArgument, words);
}

/** Say that nobody serves a region. */
export function noSite(regions: string[]): MulliganError {
  const words =
    `no site serves region ${regions.join(", ")}; start one with \`mulligan serve ` +
    "--serves-region`, see `mulligan service list`";
  const about = { objectType: "region", objectId: regions[0] ?? "", field: "region" };
  return Object.assign(new MulliganError("NO_SITE", Code.FailedPrecondition, words), about);
}

/** Say that a site is not, or no longer, known. */
export function noSuchSite(site: string): MulliganError {
  const words = `there is no site ${site}; see \`mulligan service list\``;
  const failed = new MulliganError("NOT_FOUND", Code.NotFound, words);
  return Object.assign(failed, { objectType: "site", objectId: site });
}

/** Say that a request may not go elsewhere: a site that is no more may have done it. */
export function mayBeDone(site: string, requestId: string): MulliganError {
  const words =
    `request ${requestId} may have been done at site ${site}, which iam does not know any more, so ` +
    "it is made nowhere else; look at the claims, or use another request id";
  const failed = new MulliganError("SITE_GONE", Code.FailedPrecondition, words);
  return Object.assign(failed, { field: "request_id", objectType: "site", objectId: site });
}

/** Say that a site can't be called, and why: nothing was sent to it. */
export function unreachable(site: Site, service: string): MulliganError {
  const dropped = site.untrusted.length
    ? ` (a token is not sent to ${site.untrusted.join(", ")}: it has no TLS or leads to this ` +
      "machine, other than iam's address, or can't be read)"
    : "";
  const words = `${inWords(site)} has no service ${service} that this client can reach${dropped}`;
  const see = "see `mulligan service list`";
  const failed = new MulliganError(noService, Code.Unavailable, `${words}; ${see}`);
  return Object.assign(failed, { objectType: "site", objectId: site.id, unsent: true });
}

/** Say of a site that did not answer that iam does not hear of its processes either. */
export function noneAlive(site: Site, service: string, error: MulliganError): MulliganError {
  const message = `no process of service ${service} of ${inWords(site)} is alive: ${error.message}`;
  return Object.assign(error, {
    code: noService,
    objectType: "site",
    objectId: site.id,
    message,
  });
}

/** Say that a site can't be watched yet without missing something. */
export function noRevision(site: Site, error: MulliganError): MulliganError {
  const words =
    `${inWords(site)} does not tell its revision, so it is watched only from when it does, and ` +
    `what changes there before is missed: ${error.message}`;
  const failed = new MulliganError("NO_REVISION", Code.Unavailable, words, { cause: error });
  return Object.assign(failed, { objectType: "site", objectId: site.id });
}

/** Say that a page token names no site, or none that there is. */
export function foreignToken(): MulliganError {
  const words = "the page token is of other sites than there are now; start from the first page";
  const failed = new MulliganError("INVALID_PAGE_TOKEN", Code.InvalidArgument, words);
  return Object.assign(failed, { field: "page.token" });
}

/** Make one error of what several sites said: one that is away might have had it. */
export function together(refusals: Failure[]): MulliganError {
  const away = sortedBy(
    refusals.filter(([, error]) => isAway(error)),
    ([, { unsent }]) => unsent,
  );
  const full = refusals.filter(([, error]) => error.code === noCapacity);
  const [first] = away.length ? away : full.length ? full : refusals;
  if (!first) {
    throw new Error("at least one site was asked");
  }
  const [site, error] = first;
  const words = full.map(([one, { message }]) => `${inWords(one)}: ${message}`);
  if (full.length > 1 && away.length === 0) {
    error.message = words.join("; ");
  } else if (away.length > 0 && refusals.length > 1) {
    const said = error.unsent ? error.message : `${inWords(site)} is away: ${error.message}`;
    const others = away.slice(1).filter(([, { unsent }]) => unsent);
    error.message = [said, ...others.map(([, { message }]) => message), ...words].join("; ");
  }
  return error;
}

function unclear(field: string, words: string): MulliganError {
  return Object.assign(new MulliganError("WHICH_SITE", Code.InvalidArgument, words), { field });
}

function named(sites: Site[]): string {
  return sites.map(({ id }) => id).join(", ");
}
