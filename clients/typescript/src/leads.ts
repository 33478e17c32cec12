import type { DescMessage, Message } from "@bufbuild/protobuf";

import { type Method, texts } from "./methods.js";
import { isOfInstallation } from "./whereabouts.js";

/** A message with its fields by name. */
export type Fields = Message & Record<string, unknown>;

/** The ids that lead to a site, in lower case: of regions, or of objects. None: nothing does. */
export interface Led {
  isRegion: boolean;
  ids: string[];
}

/** Give what leads to a site, by the first field that is filled in. */
export function leadOf(method: Method, request: Message): Led {
  for (const { isRegion, path } of method.leads) {
    const ids = [...new Set(texts(request, path).map((one) => one.toLowerCase()))];
    if (ids.length > 0) {
      return { isRegion, ids };
    }
  }
  return { isRegion: false, ids: [] };
}

/** Give a method's name without its service's. */
export function nameOf(method: Method): string {
  return method.path.slice(method.path.lastIndexOf("/") + 1);
}

/** Tell what may be of any region below the one that it names. */
export function isOrBelow(request: Message): boolean {
  type Part = { orBelow?: boolean; claim?: Part; machine?: Part };
  const { spec } = request as Message & { spec?: Part };
  // A reservation is of a claim or of a machine.
  return [spec, spec?.claim, spec?.machine].some((one) => one?.orBelow === true);
}

/** Tell a list that is read page by page. */
export function hasPages(schema: DescMessage): boolean {
  return "page" in schema.field;
}

/** Tell what reads objects by their ids, all of them or none. */
export function isBatch(method: Method): boolean {
  return nameOf(method).startsWith("BatchGet");
}

/** Tell what reads of many objects at once, wherever they are; those that are not are absent. */
export function isOfMany(method: Method, schema: DescMessage): boolean {
  return (
    method.path.startsWith("/mulligan.meta.") &&
    method.retry === "read" &&
    !hasPages(schema) &&
    !/^(Get|BatchGet)/.test(nameOf(method))
  );
}

/** Tell a search for names that every site has. */
export function isForInstallation(request: Message): boolean {
  return isOfInstallation((request as Fields)["objectType"]);
}

/** Give the names or ids that a request of many objects asks for, in lower case. */
export function askedFor(request: Message): string[] {
  const fields = request as Fields;
  const asked = fields["names"] ?? fields["ids"] ?? fields["objectIds"] ?? [];
  return (asked as string[]).map((one) => one.toLowerCase());
}

/** Give the objects of an answer that has nothing but them, or a page of them. */
export function rowsOf(schema: DescMessage, answer: Message): Fields[] {
  return (answer as Fields)[rowsField(schema)] as Fields[];
}

/** Give the name of the field that has them. */
export function rowsField(schema: DescMessage): string {
  const found = schema.fields.find((one) => one.fieldKind === "list" && one.listKind === "message");
  if (!found) {
    throw new Error(`${schema.typeName} has no list of objects`);
  }
  return found.localName;
}

/** Tell whether a request's answer has nothing of some that it asks for. */
export function isIncomplete(request: Message, schema: DescMessage, answer: Message): boolean {
  const found = new Set(rowsOf(schema, answer).flatMap(namesOf));
  return askedFor(request).some((one) => !found.has(one));
}

/** Give by what an object may have been asked for, in lower case. */
export function namesOf(row: Fields): string[] {
  const names = [row["asked"], row["id"], row["objectId"]];
  return names.filter((one) => typeof one === "string").map((one) => one.toLowerCase());
}
