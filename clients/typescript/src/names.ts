import { clone, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";

import { MulliganError } from "./errors.js";
import { objects } from "./gen/methods.js";
import type { MetaService } from "./gen/services.js";
import { type Method, type Path, type Reference, texts } from "./methods.js";
import type { Away } from "./several_sites.js";
import { type Failure, isAway } from "./site_errors.js";

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** How many ResolveNames takes. */
const namesPerCall = 1000;

/** Where names are looked for. */
export interface NameSearch {
  /** Gives the service that finds them, and that tells of sites that are away instead of failing. */
  meta: (away: Away) => MetaService;
  /** Told of those that may have what nobody found; without it that fails. */
  away: Away | undefined;
}

/** Where in a request a reference is, and the UUID of the region around it, if there is one. */
interface Place {
  holder: Record<string, unknown>;
  region: string;
}

/** Give a request with ids in the place of names; itself, if it has no names. */
export async function withIds<I extends DescMessage>(
  search: NameSearch,
  method: Method,
  schema: I,
  request: MessageShape<I>,
  signal: AbortSignal | undefined,
): Promise<MessageShape<I>> {
  const isName = (text: string): boolean => !uuid.test(text);
  if (!method.references.some((one) => texts(request, one.path).some(isName))) {
    return request;
  }
  const changed = clone(schema, request);
  // Projects and regions come first: they say where the others are looked for.
  const isWithin = (one: Reference): number =>
    naming(one.types[0] as string) === "installation" ? 0 : 1;
  for (const reference of [...method.references].sort((a, b) => isWithin(a) - isWithin(b))) {
    const last = reference.path.slice(-1);
    const byRegion = new Map<string, Place[]>();
    for (const place of places(method, changed, reference.path)) {
      byRegion.set(place.region, [...(byRegion.get(place.region) ?? []), place]);
    }
    for (const [region, holding] of byRegion) {
      const names = new Set(holding.flatMap(({ holder }) => texts(holder, last)).filter(isName));
      const project = texts(changed, ["project"])[0] ?? "";
      const ids = await find(search, reference, [...names], { project, region }, signal);
      holding.forEach(({ holder }) => replaceTexts(holder, last[0] as string, ids));
    }
  }
  return changed;
}

/** Give the places to which a path leads, each with the region that is said nearest to it. */
function* places(
  method: Method,
  message: unknown,
  path: Path,
  depth = 0,
  around = "",
): Iterable<Place> {
  if (message === undefined) {
    return;
  }
  const said = method.references
    .filter(({ types, path: other }) => types.join() === "region" && branches(other, path, depth))
    .sort((a, b) => a.path.length - b.path.length)
    .flatMap((one) => texts(message, one.path.slice(depth)));
  const region = said[0] ?? around;
  const holder = message as Record<string, unknown>;
  if (depth === path.length - 1) {
    yield { holder, region };
    return;
  }
  for (const one of [holder[path[depth] as string]].flat()) {
    yield* places(method, one, path, depth + 1, region);
  }
}

/** Tell whether one path leaves another just at this depth. */
function branches(one: Path, other: Path, depth: number): boolean {
  return other.findIndex((name, place) => name !== one[place]) === depth;
}

/**
 * Find what a reference may mean by each name, in a project and region.
 *
 * Sites that are away matter only for names that no type has.
 */
async function find(
  search: NameSearch,
  reference: Reference,
  names: string[],
  within: { project: string; region: string },
  signal: AbortSignal | undefined,
): Promise<Map<string, string>> {
  const types = reference.types.join(" or ");
  const ids = new Map<string, string>();
  const isLost = (name: string): boolean => !ids.has(name);
  const lacking = new Map<string, Failure>();
  const meta = search.meta((site, error) => void lacking.set(site.id, [site, error]));
  for (let start = 0; start < names.length; start += namesPerCall) {
    const some = names.slice(start, start + namesPerCall);
    for (const objectType of reference.types.flatMap((one) => objects[one]?.foundAs ?? [])) {
      const project = naming(objectType) === "project" ? within.project : "";
      const region = naming(objectType) === "region" ? within.region : "";
      const asked = { objectType, names: some, project, region };
      const answer = await meta.resolveNames(asked, signal).catch((error: unknown) => {
        const isSiteAway = error instanceof MulliganError && isAway(error);
        if (signal?.aborted || !isSiteAway || some.some(isLost)) {
          throw error;
        }
        return { objects: [] };
      });
      for (const found of answer.objects) {
        if ((ids.get(found.asked) ?? found.id) !== found.id) {
          const said = `several objects of type ${types} are called '${found.asked}'`;
          const words = `${said}; give the UUID of the one you mean`;
          throw nameError("AMBIGUOUS_NAME", Code.FailedPrecondition, words, types, found.asked);
        }
        ids.set(found.asked, found.id);
      }
    }
  }
  const lost = names.find(isLost);
  if (lost !== undefined) {
    tell([...lacking.values()], search.away);
    throw nameError("NOT_FOUND", Code.NotFound, `no ${types} is called '${lost}'`, types, lost);
  }
  return ids;
}

/** Tell the sites that may have a name that no other one has. */
function tell(lacking: Failure[], away: Away | undefined): void {
  for (const [site, error] of lacking) {
    if (!away) {
      throw error;
    }
    away(site, error);
  }
}

/** Put ids into the place of names. */
function replaceTexts(holder: Record<string, unknown>, name: string, by: Map<string, string>): void {
  const other = (text: string): string => by.get(text) ?? text;
  const value = holder[name];
  if (Array.isArray(value)) {
    holder[name] = value.map(other);
  } else if (typeof value === "string") {
    holder[name] = other(value);
  }
}

function naming(objectType: string): string | undefined {
  return objects[objectType]?.naming;
}

function nameError(
  code: string,
  status: Code,
  words: string,
  objectType: string,
  objectId: string,
): MulliganError {
  return Object.assign(new MulliganError(code, status, words), { objectType, objectId });
}
