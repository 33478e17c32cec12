"""The smart client's TypeScript: methods.ts, what is known of each RPC; services.ts, calls."""

import re
from collections.abc import Iterable, Iterator
from textwrap import wrap

from google.protobuf.descriptor import Descriptor

from deploy.clients.model import Api, Lead, Newer, Reference, Rpc, Service

_HEAD = "// Generated from proto/ by `make generate`; change the protos instead."
_WIDTH = 94


def files(api: Api) -> dict[str, str]:
    """Write the files by their path below clients/typescript/src/gen."""
    return {
        "methods.ts": "\n".join(_methods(api)),
        "services.ts": "\n".join(_services(api)),
    }


def _methods(api: Api) -> Iterator[str]:
    yield from (_HEAD, "", 'import type { Method, ObjectType } from "../methods.js";', "")
    yield "/** The types of object that have an id. */"
    yield "export const objects: Record<string, ObjectType> = {"
    for one in api.objects.values():
        naming = _text(one.naming.lower())
        yield f"  {_text(one.type)}: {{ naming: {naming}, foundAs: {_texts(one.found_as)} }},"
    yield "};"
    for service in api.services:
        for rpc in service.rpcs:
            yield from _method(rpc, service)
    yield ""


def _method(rpc: Rpc, service: Service) -> Iterator[str]:
    yield ""
    yield f"export const {service.noun}{rpc.name}: Method = {{"
    yield f"  path: {_text(rpc.path)},"
    yield f"  retry: {_text(rpc.retry.lower())},"
    yield f"  anonymous: {str(rpc.anonymous).lower()},"
    yield from _field("leads", map(_lead, rpc.leads))
    yield from _field("references", map(_reference, rpc.references))
    yield f"  since: {_text(rpc.since)},"
    yield from _field("newer", map(_newer, rpc.newer))
    if rpc.merge != "UNSPECIFIED":
        yield f"  merge: {_text(rpc.merge.lower())},"
    yield "};"


def _field(name: str, items: Iterable[str]) -> Iterator[str]:
    written = list(items)
    if not written:
        yield f"  {name}: [],"
        return
    yield f"  {name}: ["
    yield from (f"    {item}," for item in written)
    yield "  ],"


def _lead(lead: Lead) -> str:
    return f"{{ isRegion: {str(lead.is_region).lower()}, path: {_path(lead.path)} }}"


def _reference(reference: Reference) -> str:
    return f"{{ path: {_path(reference.path)}, types: {_texts(reference.types)} }}"


def _newer(newer: Newer) -> str:
    value = "" if newer.value is None else f", value: {newer.value}"
    return f"{{ path: {_path(newer.path)}, since: {_text(newer.since)}{value} }}"


def _services(api: Api) -> Iterator[str]:
    yield from (_HEAD, "")
    yield 'import type { MessageInitShape } from "@bufbuild/protobuf";'
    yield ""
    yield 'import type { ServiceCaller } from "../transport.js";'
    yield 'import * as methods from "./methods.js";'
    for noun in sorted(["common", *(service.noun for service in api.services)]):
        yield f'import * as {noun}v1 from "./mulligan/{noun}/v1/{noun}_pb.js";'
    yield ""
    yield "/** All services of an installation. */"
    yield "export abstract class Services {"
    for service in api.services:
        yield f"  readonly {service.noun}: {service.descriptor.name};"
    yield ""
    yield "  protected constructor(callerOf: (service: string) => ServiceCaller) {"
    for service in api.services:
        made = f"new {service.descriptor.name}(callerOf({_text(service.noun)}))"
        yield f"    this.{service.noun} = {made};"
    yield from ("  }", "}")
    for service in api.services:
        yield from _service(service)
    yield ""


def _service(service: Service) -> Iterator[str]:
    yield ""
    yield f"/** {service.comment} */"
    yield f"export class {service.descriptor.name} {{"
    yield "  constructor(private readonly caller: ServiceCaller) {}"
    for rpc in service.rpcs:
        yield from _call(rpc, service)
    yield "}"


def _call(rpc: Rpc, service: Service) -> Iterator[str]:
    asked, answered = rpc.descriptor.input_type, rpc.descriptor.output_type
    name = _lower(rpc.name)
    takes = f"request: MessageInitShape<typeof {_schema(asked)}>"
    kind = "watch" if asked.name == "WatchRequest" else "stream" if rpc.streams else "unary"
    gives = "AsyncIterable" if rpc.streams else "Promise"
    described = f"{service.noun}v1.{service.descriptor.name}.method.{name}"
    yield ""
    yield from _comment(rpc.comment)
    yield f"  {name}({takes}, signal?: AbortSignal): {gives}<{_type(answered)}> {{"
    call = f"methods.{service.noun}{rpc.name}, {described}, request, signal"
    yield f"    return this.caller.{kind}({call});"
    yield "  }"
    if rpc.pages is not None:
        all_of = f"all{rpc.name.removeprefix('List')}"
        yield ""
        yield from _comment(f"Give one after the other what {name} gives in pages.")
        yield f"  async *{all_of}("
        yield f"    {takes},"
        yield "    signal?: AbortSignal,"
        yield f"  ): AsyncIterable<{_type(rpc.pages.item)}> {{"
        listed = f"(page) => this.{name}(page, signal)"
        paged = f"methods.{service.noun}{rpc.name}, {_schema(asked)}, request, {listed}, signal"
        yield f"    const pages = this.caller.pages({paged});"
        yield "    for await (const page of pages) {"
        yield f"      yield* page.{_camel(rpc.pages.field)};"
        yield from ("    }", "  }")


def _comment(text: str) -> Iterator[str]:
    lines = wrap(text, _WIDTH, break_on_hyphens=False)
    if len(lines) == 1:
        yield f"  /** {lines[0]} */"
        return
    yield "  /**"
    yield from (f"   * {line}" for line in lines)
    yield "   */"


def _schema(message: Descriptor) -> str:
    return f"{_type(message)}Schema"


def _type(message: Descriptor) -> str:
    return f"{message.file.package.split('.')[1]}v1.{message.name}"


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]


def _camel(field: str) -> str:
    return re.sub(r"_([a-z])", lambda letter: letter[1].upper(), field)


def _path(path: Iterable[str]) -> str:
    return _texts(map(_camel, path))


def _texts(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, texts))}]"


def _text(text: str) -> str:
    return f'"{text}"'
