import { clone, create, type DescMessage, type Message } from "@bufbuild/protobuf";

import type { Site } from "./catalogue.js";
import { OrderBy, PageSchema } from "./gen/mulligan/common/v1/common_pb.js";
import { type Fields, rowsField, rowsOf } from "./leads.js";
import type { Method } from "./methods.js";
import { foreignToken } from "./site_errors.js";

/**
 * Pages of a list that several sites have: one site after the other, or all in one order.
 *
 * A token says where each site goes on: "at:SITE/TOKEN" of those that are read one after the other,
 * and "at:SITE/TOKEN,SITE/TOKEN" of those that are merged. A site's own begins with a digest.
 */
export type Pages = Message & { nextPageToken: string };

/** Of a page, where the request doesn't say. */
const usualSize = 100;
const at = "at:";

/** What a row is ordered by; as bytes, since databases order texts so. */
type Key = (string | number | bigint)[];

/** The order of a list over all sites. */
export interface Order {
  keyOf: (row: Fields) => Key;
  isDescending: boolean;
  /** Several sites may have the same row, and it is given once. */
  isOnce: boolean;
}

/** Gives pages of sites, asked at the same time; undefined of one that is away, or has nothing. */
export type AskPages = (asked: [Site, Message][]) => Promise<(Pages | undefined)[]>;

/** A list: its request, and the schema of that and of its answer. */
export interface List {
  request: Message;
  input: DescMessage;
  output: DescMessage;
}

interface Cursor {
  site: Site;
  token: string;
}

/** What a site gives to a page, and where it goes on. */
interface Part extends Cursor {
  rows: Fields[];
}

/** Tell whether a request goes on with a list of several sites. */
export function isOfSites(request: Message): boolean {
  return pageOf(request).token.startsWith(at);
}

/**
 * Give a page of the site that the token names; after its last one that of the next site.
 *
 * Of several sites it has no revision, since each counts its own.
 */
export async function pageAfterPage(sites: Site[], list: List, ask: AskPages): Promise<Pages> {
  let { token, size } = pageOf(list.request);
  let left = sites;
  if (token && (sites.length > 1 || isOfSites(list.request))) {
    const [first] = cursorsOf(sites, token) as [Cursor];
    token = first.token;
    left = sites.slice(sites.indexOf(first.site));
  }
  for (const [place, site] of left.entries()) {
    const [found] = await ask([[site, asking(list, token, size)]]);
    token = ""; // That was of this site.
    if (!found) {
      continue;
    }
    const next = left[place + 1];
    if (found.nextPageToken && site.id) {
      found.nextPageToken = at + written({ site, token: found.nextPageToken });
    } else if (next) {
      found.nextPageToken = at + written({ site: next, token: "" });
    }
    if (sites.length > 1 && "revision" in found) {
      found.revision = 0n;
    }
    return found;
  }
  return create(list.output) as Pages;
}

/**
 * Give a page of what all sites have, in the order that was asked for.
 *
 * Each is asked for a whole page, and once more for as much of it as belongs here: so its token goes
 * on behind that.
 */
export async function pageInOrder(
  sites: Site[],
  list: List,
  ask: AskPages,
  order: Order,
): Promise<Pages> {
  const { token, size: wanted } = pageOf(list.request);
  const size = wanted || usualSize;
  const cursors = cursorsOf(sites, token);
  const pages = await ask(cursors.map((one) => [one.site, asking(list, one.token, size)]));
  const found = cursors.flatMap((cursor, index) => {
    const page = pages[index];
    return page ? [{ cursor, page, rows: rowsOf(list.output, page) }] : [];
  });
  const counts = countsOf(found, size, order);
  const isFewer = (index: number): boolean =>
    (counts[index] as number) > 0 && (counts[index] as number) < (found[index]?.rows.length ?? 0);
  const fewer = found.flatMap(({ cursor }, index): [Cursor, number][] =>
    isFewer(index) ? [[cursor, counts[index] as number]] : [],
  );
  const shorter = await shortened(fewer, list, ask);
  const [parts, next]: [Fields[][], Cursor[]] = [[], []];
  for (const [index, { cursor, page, rows }] of found.entries()) {
    if (counts[index] === 0 && rows.length > 0) {
      // All of it is still to come.
      next.push(cursor);
      continue;
    }
    const whole = { ...cursor, rows, token: page.nextPageToken };
    const part = isFewer(index) ? shorter.get(cursor) : whole;
    parts.push(part?.rows ?? []);
    if (part?.token) {
      next.push(part);
    }
  }
  const merged = create(list.output) as Pages & Fields;
  merged[rowsField(list.output)] = [...mergedRows(parts, order)]
    .filter(({ isAgain }) => !isAgain)
    .map(({ row }) => row);
  merged.nextPageToken = next.length ? at + next.map(written).join(",") : "";
  return merged;
}

/**
 * Give so many rows of some sites, from where each was asked; a page that is short is read on.
 *
 * Those that are away by now are not in it.
 */
async function shortened(
  fewer: [Cursor, number][],
  list: List,
  ask: AskPages,
): Promise<Map<Cursor, Part>> {
  const whole = new Map<Cursor, Part>();
  let left = fewer.map(([cursor, count]) => {
    const part: Part = { ...cursor, rows: [] };
    return { cursor, count, part };
  });
  while (left.length > 0) {
    const pages = await ask(
      left.map(({ count, part: { site, token, rows } }) => [
        site,
        asking(list, token, count - rows.length),
      ]),
    );
    left = left.flatMap(({ cursor, count, part }, index) => {
      const page = pages[index];
      if (!page) {
        return [];
      }
      const rows = [...part.rows, ...rowsOf(list.output, page)];
      const more = { site: part.site, token: page.nextPageToken, rows };
      if (more.token && rows.length < count) {
        return [{ cursor, count, part: more }];
      }
      whole.set(cursor, more);
      return [];
    });
  }
  return whole;
}

/** Give the order that a list is to have over all sites; undefined: site by site is good enough. */
export function orderOf(method: Method, input: DescMessage, request: Message): Order | undefined {
  const { orderBy, descending } = request as { orderBy?: OrderBy; descending?: boolean };
  const by = (keyOf: Order["keyOf"], isDescending = descending === true): Order => {
    return { keyOf, isDescending, isOnce: false };
  };
  if (method.merge === "latest_first") {
    return by((row) => [...momentOf(row["at"]), row["revision"] as bigint], true);
  }
  if (method.merge === "objects") {
    // Of projects and the like each site has something to tell.
    return { ...by((row) => [row["objectId"] as string], false), isOnce: true };
  }
  if (!("orderBy" in input.field)) {
    return undefined;
  }
  if (orderBy === OrderBy.NAME) {
    return by((row) => [metadataOf(row).name, metadataOf(row).id]);
  }
  if (orderBy === OrderBy.CREATED_AT) {
    return by(creationOf);
  }
  if (!orderBy && method.merge === "newest_first") {
    return by(creationOf, !descending);
  }
  return orderBy || descending ? by((row) => [metadataOf(row).id]) : undefined;
}

function metadataOf(row: Fields): { name: string; id: string; createdAt?: unknown } {
  // A word of the registries, such as a capability, has nothing but its name.
  const word = { id: row["name"], name: row["name"], createdAt: row["createdAt"] };
  return (row["metadata"] ?? word) as { name: string; id: string };
}

function creationOf(row: Fields): Key {
  const { createdAt, id } = metadataOf(row);
  return [...momentOf(createdAt), id];
}

/** Give a moment as numbers that are ordered as it is. */
export function momentOf(moment: unknown): [bigint, number] {
  const { seconds = 0n, nanos = 0 } = (moment ?? {}) as { seconds?: bigint; nanos?: number };
  return [seconds, nanos];
}

/** Compare what rows are ordered by. */
export function compare(one: Key, other: Key): number {
  for (const [place, mine] of one.entries()) {
    const its = other[place] as Key[number];
    const found =
      typeof mine === "string" && typeof its === "string"
        ? Buffer.compare(Buffer.from(mine), Buffer.from(its))
        : Number(mine > its) - Number(mine < its);
    if (found !== 0) {
      return found;
    }
  }
  return 0;
}

/**
 * Tell how many rows of each site belong to a page of all.
 *
 * It ends with the last row of a site that has more: what comes next is not known there. So nothing
 * does where a site has more, but gave none of it yet.
 */
function countsOf(found: { page: Pages; rows: Fields[] }[], size: number, order: Order): number[] {
  const counts = found.map(() => 0);
  const rows = found.map((one) => one.rows);
  if (found.some(({ page, rows: { length } }) => length === 0 && page.nextPageToken)) {
    return counts;
  }
  let [given, isOver] = [0, false];
  for (const { from, isAgain } of mergedRows(rows, order)) {
    // What is the same as the last one belongs to it.
    if (!isAgain && (isOver || given === size)) {
      break;
    }
    given += Number(!isAgain);
    counts[from] = (counts[from] as number) + 1;
    isOver ||= counts[from] === rows[from]?.length && found[from]?.page.nextPageToken !== "";
  }
  return counts;
}

/** Give the rows of all sites in order, each with whether the one before was the same. */
function* mergedRows(
  parts: Fields[][],
  { keyOf, isDescending, isOnce }: Order,
): Iterable<{ row: Fields; from: number; isAgain: boolean }> {
  const places = parts.map(() => 0);
  let last: Key | undefined;
  for (;;) {
    let [from, key]: [number, Key | undefined] = [-1, undefined];
    for (const [index, rows] of parts.entries()) {
      const row = rows[places[index] as number];
      const its = row && keyOf(row);
      if (its && (!key || compare(its, key) * (isDescending ? -1 : 1) < 0)) {
        [from, key] = [index, its];
      }
    }
    if (!key) {
      return;
    }
    const row = parts[from]?.[places[from] as number] as Fields;
    yield { row, from, isAgain: isOnce && last !== undefined && compare(last, key) === 0 };
    last = key;
    places[from] = (places[from] as number) + 1;
  }
}

function pageOf(request: Message): { size: number; token: string } {
  return (request as { page?: { size: number; token: string } }).page ?? { size: 0, token: "" };
}

function asking({ input, request }: List, token: string, size: number): Message {
  return Object.assign(clone(input, request), { page: create(PageSchema, { token, size }) });
}

function written({ site, token }: Cursor): string {
  return `${site.id}/${encodeURIComponent(token)}`;
}

/** Read where each site goes on; those that are not named have no more. */
function cursorsOf(sites: Site[], token: string): Cursor[] {
  if (!token) {
    return sites.map((site) => ({ site, token: "" }));
  }
  if (!token.startsWith(at)) {
    throw foreignToken();
  }
  return token
    .slice(at.length)
    .split(",")
    .map((part) => {
      const slash = part.indexOf("/");
      const site = sites.find(({ id }) => slash > 0 && id === part.slice(0, slash));
      try {
        if (site) {
          return { site, token: decodeURIComponent(part.slice(slash + 1)) };
        }
      } catch {
        // It is no token of ours.
      }
      throw foreignToken();
    });
}
