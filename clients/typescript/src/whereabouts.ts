import { isMessage, type Message } from "@bufbuild/protobuf";

import type { Site } from "./catalogue.js";
import { objects } from "./gen/methods.js";

/** Ids of which is known at which site they are. */
const remembered = 10_000;

/** In the place of a site's id: what belongs to the installation, such as a project. */
export const everywhere = "*";

/** What of an object is in a field of its own: others, such as a region, may be elsewhere. */
const parts = ["metadata", "machine", "claim"];

/** Which site had an object when it was last seen; of the latest ones. */
export class Whereabouts {
  private readonly sites = new Map<string, string>();

  /** Give a site's id, or `everywhere`; empty: it is not known. */
  of(objectId: string): string {
    return this.sites.get(objectId.toLowerCase()) ?? "";
  }

  /** Remember what an answer gives: objects, and their operations; not what it only mentions. */
  note(answer: Message, site: Site): void {
    for (const [id, isEverywhere] of idsIn(answer)) {
      this.noteId(id, isEverywhere ? everywhere : site.id);
    }
  }

  /** Remember where an object is, or where a request was sent. */
  noteId(id: string, site: string): void {
    this.forget(id);
    this.sites.set(id.toLowerCase(), site);
    for (const oldest of this.sites.keys()) {
      if (this.sites.size <= remembered) {
        return;
      }
      this.sites.delete(oldest);
    }
  }

  /** Forget where it is, or was sent. */
  forget(id: string): void {
    this.sites.delete(id.toLowerCase());
  }
}

/** Give the ids of the objects in a message, each with whether it is of the whole installation. */
function* idsIn(message: Message): Iterable<[string, boolean]> {
  const fields = message as Message & Record<string, unknown>;
  const isEverywhere = isOfInstallation(fields["objectType"]);
  if (isText(fields["id"])) {
    yield [fields["id"], isEverywhere];
  }
  // A change in a log has them as well, and may be told by another site than theirs.
  if (isMessage(fields["metadata"])) {
    if (isText(fields["operation"])) {
      yield [fields["operation"], false];
    }
    if (isText(fields["objectId"])) {
      yield [fields["objectId"], isEverywhere];
    }
  }
  for (const [name, value] of Object.entries(fields)) {
    if (Array.isArray(value)) {
      for (const one of value) {
        if (isMessage(one)) {
          yield* idsIn(one);
        }
      }
    } else if (parts.includes(name) && isMessage(value)) {
      yield* idsIn(value);
    }
  }
}

/** Tell a type of object that every site knows. */
export function isOfInstallation(objectType: unknown): boolean {
  return objects[String(objectType)]?.naming === "installation";
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
