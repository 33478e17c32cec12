"""The smart client's Go: methods.gen.go, what is known of each RPC; services.gen.go, calls."""

import re
from collections.abc import Iterable, Iterator
from textwrap import wrap

from google.protobuf.descriptor import Descriptor

from deploy.clients.model import Api, Lead, Newer, Reference, Rpc, Service

MODULE = "mulligan.internal/client"
_HEAD = "// Code generated from proto/ by `make generate`. DO NOT EDIT."
_WIDTH = 96


def package_of(proto: str) -> str:
    """Give the Go package of a .proto: gen/controlv1 of mulligan/control/v1/control.proto."""
    return f"{MODULE}/gen/{proto.split('/')[1]}v1"


def files(api: Api) -> dict[str, str]:
    """Write the files by their path below clients/go; gofmt lays them out."""
    return {
        "methods.gen.go": "\n".join(_methods(api)),
        "services.gen.go": "\n".join(_services(api)),
    }


def _methods(api: Api) -> Iterator[str]:
    yield from (_HEAD, "", "package mulligan", "")
    yield "// The types of object that have an id."
    yield "var objects = map[string]ObjectType{"
    for one in api.objects.values():
        yield f"\t{_text(one.type)}: {{Naming{one.naming.capitalize()}, {_texts(one.found_as)}}},"
    yield "}"
    for service in api.services:
        for rpc in service.rpcs:
            yield from _method(rpc, service)
    yield ""


def _method(rpc: Rpc, service: Service) -> Iterator[str]:
    retry = "RequestID" if rpc.retry == "REQUEST_ID" else rpc.retry.capitalize()
    yield ""
    yield f"var {_variable(rpc, service)} = Method{{"
    yield f"\tPath: {_text(rpc.path)},"
    yield f"\tRetry: Retry{retry},"
    if rpc.anonymous:
        yield "\tAnonymous: true,"
    yield from _field("Leads", "Lead", map(_lead, rpc.leads))
    yield from _field("References", "Reference", map(_reference, rpc.references))
    if rpc.since:
        yield f"\tSince: {_text(rpc.since)},"
    yield from _field("Newer", "Newer", map(_newer, rpc.newer))
    if rpc.merge != "UNSPECIFIED":
        yield f"\tMerge: Merge{_camel(f'_{rpc.merge.lower()}')},"
    yield "}"


def _field(name: str, of: str, items: Iterable[str]) -> Iterator[str]:
    written = list(items)
    if written:
        yield f"\t{name}: []{of}{{"
        yield from (f"\t\t{item}," for item in written)
        yield "\t},"


def _lead(lead: Lead) -> str:
    return f"{{{str(lead.is_region).lower()}, {_path(lead.path)}}}"


def _reference(reference: Reference) -> str:
    return f"{{{_path(reference.path)}, {_texts(reference.types)}}}"


def _newer(newer: Newer) -> str:
    return f"{{{_path(newer.path)}, {_text(newer.since)}, {newer.value or 0}}}"


def _services(api: Api) -> Iterator[str]:
    yield from (_HEAD, "", "package mulligan", "", "import (", '\t"context"', '\t"iter"', "")
    for noun in sorted(["common", *(service.noun for service in api.services)]):
        yield f'\t{noun}v1 "{MODULE}/gen/{noun}v1"'
    yield ")"
    yield ""
    yield "// Services are all services of an installation."
    yield "type Services struct {"
    for service in api.services:
        yield f"\t{_name(service)} *{service.descriptor.name}"
    yield "}"
    yield ""
    yield "func newServices(callerOf func(service string) calls) Services {"
    yield "\treturn Services{"
    for service in api.services:
        called = f"callerOf({_text(service.noun)})"
        yield f"\t\t{_name(service)}: &{service.descriptor.name}{{{called}}},"
    yield from ("\t}", "}")
    for service in api.services:
        yield from _service(service)
    yield ""


def _service(service: Service) -> Iterator[str]:
    name = service.descriptor.name
    yield ""
    yield from _comment(f"{name}: {service.comment}")
    yield from (f"type {name} struct{{ caller calls }}", "")
    for rpc in service.rpcs:
        asked, answered = rpc.descriptor.input_type, _type(rpc.descriptor.output_type)
        takes = f"(ctx context.Context, request *{_type(asked)})"
        gives = f"iter.Seq2[*{answered}, error]" if rpc.streams else f"(*{answered}, error)"
        call = f"ctx, s.caller, &{_variable(rpc, service)}, request"
        yield from _comment(f"{rpc.name}: {rpc.comment}")
        yield f"func (s *{name}) {rpc.name}{takes} {gives} {{"
        if asked.name == "WatchRequest":
            yield f"\treturn watch({call})"
        else:
            kind = "stream" if rpc.streams else "unary"
            yield f"\treturn {kind}({call}, &{answered}{{}})"
        yield from ("}", "")
        if rpc.pages is not None:
            all_of, item = f"All{rpc.name.removeprefix('List')}", _type(rpc.pages.item)
            yield f"// {all_of} gives one after the other what {rpc.name} gives in pages."
            yield f"func (s *{name}) {all_of}{takes} iter.Seq2[*{item}, error] {{"
            getter = f"(*{answered}).Get{_camel(rpc.pages.field)}"
            yield f"\treturn pages({call}, s.{rpc.name}, {getter})"
            yield from ("}", "")


def _comment(text: str) -> Iterator[str]:
    yield from (f"// {line}" for line in wrap(text, _WIDTH, break_on_hyphens=False))


def _variable(rpc: Rpc, service: Service) -> str:
    return f"{service.noun}{rpc.name}"


def _name(service: Service) -> str:
    return service.noun.capitalize()


def _type(message: Descriptor) -> str:
    return f"{message.file.package.split('.')[1]}v1.{message.name}"


def _camel(field: str) -> str:
    return re.sub(r"(?:^|_)([a-z])", lambda letter: letter[1].upper(), field)


def _path(path: Iterable[str]) -> str:
    return f"Path{{{', '.join(map(_text, path))}}}"


def _texts(texts: Iterable[str]) -> str:
    return f"[]string{{{', '.join(map(_text, texts))}}}"


def _text(text: str) -> str:
    return f'"{text}"'
