import type { Message } from "@bufbuild/protobuf";
import { clone, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";

import { MulliganError } from "./errors.js";
import { objects } from "./gen/methods.js";
import type { MetaService } from "./gen/services.js";
import { type Method, type Reference, replaceTexts, texts } from "./methods.js";

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Give a request with ids in the place of names; itself, if it has no names. */
export async function withIds<I extends DescMessage>(
  meta: MetaService,
  method: Method,
  schema: I,
  request: MessageShape<I>,
): Promise<MessageShape<I>> {
  const named = (message: Message, one: Reference): string[] =>
    texts(message, one.path).filter((text) => !uuid.test(text));
  if (method.references.every((one) => named(request, one).length === 0)) {
    return request;
  }
  const changed = clone(schema, request);
  // Projects and regions come first: they say where the others are looked for.
  const isWithin = (one: Reference): number =>
    naming(one.types[0] as string) === "installation" ? 0 : 1;
  for (const reference of [...method.references].sort((a, b) => isWithin(a) - isWithin(b))) {
    const names = named(changed, reference);
    if (names.length > 0) {
      const ids = await find(meta, method, changed, reference, names);
      replaceTexts(changed, reference.path, ids);
    }
  }
  return changed;
}

/** Find what a reference may mean, in the project and region that the request names. */
async function find(
  meta: MetaService,
  method: Method,
  request: Message,
  reference: Reference,
  names: string[],
): Promise<Map<string, string>> {
  const lead = method.leads.find((one) => one.isRegion);
  const here = (lead && texts(request, lead.path)[0]) ?? "";
  const types = reference.types.join(" or ");
  const ids = new Map<string, string>();
  for (const objectType of reference.types.flatMap((one) => objects[one]?.foundAs ?? [])) {
    const project = naming(objectType) === "project" ? texts(request, ["project"])[0] : "";
    const region = naming(objectType) === "region" ? here : "";
    const answer = await meta.resolveNames({ objectType, names, project, region });
    for (const found of answer.objects) {
      if ((ids.get(found.asked) ?? found.id) !== found.id) {
        const said = `several objects of type ${types} are called '${found.asked}'`;
        const remedy = "give the UUID of the one you mean";
        throw nameError("AMBIGUOUS_NAME", Code.FailedPrecondition, `${said}; ${remedy}`, found.asked);
      }
      ids.set(found.asked, found.id);
    }
  }
  for (const name of names) {
    if (!ids.has(name)) {
      throw nameError("NOT_FOUND", Code.NotFound, `no ${types} is called '${name}'`, name);
    }
  }
  return ids;
}

function naming(objectType: string): string | undefined {
  return objects[objectType]?.naming;
}

function nameError(code: string, status: Code, message: string, name: string): MulliganError {
  return Object.assign(new MulliganError(code, status, message), { objectId: name });
}
