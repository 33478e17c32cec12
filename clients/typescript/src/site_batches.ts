import { clone, create, type DescMessage, type Message } from "@bufbuild/protobuf";

import { askedFor, type Fields, namesOf, rowsField, rowsOf } from "./leads.js";

/** Ask the same for some of the ids. */
export function partOf(input: DescMessage, request: Message, ids: string[]): Message {
  return Object.assign(clone(input, request), { ids });
}

/** Make one answer of the sites' ones, in the order of the ids that were asked for. */
export function putTogether(output: DescMessage, request: Message, parts: Message[]): Message {
  const found = new Map<string, Fields>();
  for (const row of parts.flatMap((part) => rowsOf(output, part))) {
    found.set((row["metadata"] as { id: string }).id, row);
  }
  const rows = askedFor(request).flatMap((id) => found.get(id) ?? []);
  return withRows(output, rows);
}

/** Leave out what another site told already, such as a project; in the order that was asked. */
export function eachOnce(output: DescMessage, request: Message, answers: Message[]): Message {
  const asked = new Map<string, number>();
  askedFor(request).forEach((one, place) => asked.set(one, asked.get(one) ?? place));
  const rows = new Map<string, Fields>();
  for (const row of answers.flatMap((one) => rowsOf(output, one))) {
    const names = ["asked", "id", "objectId", "attribute"].map((name) => row[name] ?? "");
    const kind = JSON.stringify(names);
    rows.set(kind, rows.get(kind) ?? row);
  }
  const place = (row: Fields): number =>
    Math.min(...namesOf(row).map((name) => asked.get(name) ?? asked.size));
  return withRows(output, [...rows.values()].sort((a, b) => place(a) - place(b)));
}

function withRows(output: DescMessage, rows: Fields[]): Message {
  return Object.assign(create(output), { [rowsField(output)]: rows });
}
