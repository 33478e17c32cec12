/** Whether a call that nobody answered is made again (proto: Retry). */
export type Retry = "read" | "request_id" | "never" | "stream";

/** How a list of several sites is merged, where its request does not say an order (proto: Merge). */
export type Merge = "newest_first" | "latest_first" | "objects";

/** Among which objects a name is one object's only (proto: Naming). */
export type Naming = "none" | "installation" | "project" | "region";

/** The names of fields from a request down to one of its fields. */
export type Path = string[];

/** A type of object that has an id; its name is looked for among those of some types. */
export interface ObjectType {
  naming: Naming;
  foundAs: string[];
}

/** A field that leads to the site that answers: by its region's UUID, or by an object's. */
export interface Lead {
  isRegion: boolean;
  path: Path;
}

/** A field that takes the name, slug or UUID of an object of one of some types. */
export interface Reference {
  path: Path;
  types: string[];
}

/** A field, or a value of an enum in it, that services know since some version. */
export interface Newer {
  path: Path;
  since: string;
  /** The number of the enum's value; absent: the field itself. */
  value?: number;
}

/** One RPC, as a client goes about it. */
export interface Method {
  /** As gRPC calls it: /package.Service/Method. */
  path: string;
  retry: Retry;
  /** It is called without a token. */
  anonymous: boolean;
  /** The first that is filled in leads to the site; where none is, every site is asked. */
  leads: Lead[];
  references: Reference[];
  /** The version of the service that was the first to have it; empty: 0.1.0. */
  since: string;
  newer: Newer[];
  /** Absent: one site after the other. */
  merge?: Merge;
}

/** Give the messages within a message that have the last field of a path. */
export function* holders(message: unknown, path: Path): Iterable<Record<string, unknown>> {
  const [name, ...rest] = path;
  if (message === undefined || message === null || name === undefined) {
    return;
  }
  const holder = message as Record<string, unknown>;
  if (rest.length === 0) {
    yield holder;
    return;
  }
  const value = holder[name];
  for (const one of Array.isArray(value) ? value : [value]) {
    yield* holders(one, rest);
  }
}

/** Give the texts that a path leads to, those that are not empty. */
export function texts(message: unknown, path: Path): string[] {
  const found: string[] = [];
  for (const holder of holders(message, path)) {
    const value = holder[path.at(-1) as string];
    found.push(...((Array.isArray(value) ? value : [value]) as string[]).filter(Boolean));
  }
  return found;
}
