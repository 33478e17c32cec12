"""The smart client's Python: gen/methods.py, what is known of each RPC; gen/services.py, calls."""

from collections.abc import Iterable, Iterator
from textwrap import fill

from google.protobuf.descriptor import Descriptor

from deploy.clients.model import Api, Lead, Newer, Pages, Reference, Rpc, Service

_DRAWN = "Drawn from proto/ by `make generate`; change the protos instead."
_WIDTH = 100


def files(api: Api) -> dict[str, str]:
    """Write the files by their path below gen/."""
    return {
        "methods.py": "\n".join(_methods(api)),
        "services.py": "\n".join(_services(api)),
    }


def _methods(api: Api) -> Iterator[str]:
    yield f'"""What the client knows of each RPC and type of object.\n\n{_DRAWN}\n"""'
    yield ""
    yield "from collections.abc import Mapping"
    yield ""
    names = "Lead, Merge, Method, Naming, Newer, ObjectType, Reference, Retry"
    yield f"from mulligan_client.methods import {names}"
    yield ""
    yield "OBJECTS: Mapping[str, ObjectType] = {"
    for one in api.objects.values():
        found_as = _tuple(map(_text, one.found_as))
        yield f'    "{one.type}": ObjectType(Naming.{one.naming}, {found_as}),'
    yield "}"
    yield '"""By type."""'
    yield ""
    for service in api.services:
        for rpc in service.rpcs:
            yield from _method(rpc, service)
    yield ""


def _method(rpc: Rpc, service: Service) -> Iterator[str]:
    yield f"{_constant(rpc, service)} = Method("
    yield f'    "{rpc.path}", Retry.{rpc.retry},'
    if rpc.anonymous:
        yield "    anonymous=True,"
    if rpc.leads:
        yield f"    leads={_tuple(map(_lead, rpc.leads))},"
    if rpc.references:
        yield f"    references={_tuple(map(_reference, rpc.references))},"
    if rpc.since:
        yield f"    since={_text(rpc.since)},"
    if rpc.newer:
        yield f"    newer={_tuple(map(_newer, rpc.newer))},"
    if rpc.merge != "UNSPECIFIED":
        yield f"    merge=Merge.{rpc.merge},"
    yield ")"


def _lead(lead: Lead) -> str:
    return f"Lead({lead.is_region}, {_path(lead.path)})"


def _reference(reference: Reference) -> str:
    return f"Reference({_path(reference.path)}, {_tuple(map(_text, reference.types))})"


def _newer(newer: Newer) -> str:
    value = "" if newer.value is None else f", {newer.value}"
    return f"Newer({_path(newer.path)}, {_text(newer.since)}{value})"


def _services(api: Api) -> Iterator[str]:
    yield f'"""The services, each call a method.\n\n{_DRAWN}\n"""'
    yield ""
    yield "from collections.abc import Callable, Iterable, Iterator, Mapping"
    yield "from typing import Any, Literal"
    yield ""
    yield "from mulligan_client.gen import methods"
    for noun in ("common", *(service.noun for service in api.services)):
        yield f"from mulligan_client.gen.mulligan.{noun}.v1 import {noun}_pb2"
    yield "from mulligan_client.transport import Calls, Stream"
    for service in api.services:
        yield from _service(service)
    yield from _all_services(api)
    yield from _first_of(api)
    yield ""


def _service(service: Service) -> Iterator[str]:
    yield ""
    yield ""
    yield f"class {service.descriptor.name}:"
    yield from _docstring(service.comment, "    ")
    yield ""
    yield "    def __init__(self, caller: Calls) -> None:"
    yield "        self._caller = caller"
    for rpc in service.rpcs:
        asked, answered = rpc.descriptor.input_type, _type(rpc.descriptor.output_type)
        kind = "stream" if rpc.streams else "unary"
        gives = f"Stream[{answered}]" if rpc.streams else answered
        call = f"self._caller.{kind}(methods.{_constant(rpc, service)}, request"
        yield ""
        yield f"    def {rpc.name}("
        yield f"        self, request: {_type(asked)}, timeout: float | None = None"
        yield f"    ) -> {gives}:"
        yield from _docstring(rpc.comment, "        ")
        yield f"        return {call}, {answered}, timeout)"
        if rpc.pages is not None:
            yield from _all(rpc, rpc.pages)


def _all(rpc: Rpc, pages: Pages) -> Iterator[str]:
    yield ""
    yield f"    def All{rpc.name.removeprefix('List')}("
    yield f"        self, request: {_type(rpc.descriptor.input_type)}"
    yield f"    ) -> Iterator[{_type(pages.item)}]:"
    yield f'        """Give one after the other what {rpc.name} gives in pages."""'
    yield f"        for page in self._caller.pages(self.{rpc.name}, request):"
    yield f"            yield from page.{pages.field}"


def _all_services(api: Api) -> Iterator[str]:
    yield ""
    yield f"Service = Literal[{', '.join(_text(service.noun) for service in api.services)}]"
    yield from ("", "", "class Services:")
    yield '    """All services, given who calls one."""'
    yield ""
    yield "    def __init__(self, caller: Callable[[Service], Calls]) -> None:"
    for service in api.services:
        yield f'        self.{service.noun} = {service.descriptor.name}(caller("{service.noun}"))'


def _first_of(api: Api) -> Iterator[str]:
    yield from ("", "", "FIRST_OF: Mapping[str, Callable[[Services, str], Iterable[Any]]] = {")
    for kind, (rpc, field) in api.lists.items():
        noun = rpc.path.split(".")[1]
        project = "project" in rpc.descriptor.input_type.fields_by_name
        asked = f"{_type(rpc.descriptor.input_type)}({'project=project' if project else ''})"
        yield f'    "{kind}": lambda services, {"project" if project else "_"}: ('
        yield f"        services.{noun}.{rpc.name}({asked}).{field}"
        yield "    ),"
    yield "}"
    yield '"""The first page of the objects of a type, in a project where they are of one."""'


def _constant(rpc: Rpc, service: Service) -> str:
    words = "".join(f"_{letter}" if letter.isupper() else letter for letter in rpc.name)
    return f"{service.noun}{words}".upper()


def _type(message: Descriptor) -> str:
    return f"{message.file.package.split('.')[1]}_pb2.{message.name}"


def _docstring(comment: str, indent: str) -> Iterator[str]:
    said = fill(comment, _WIDTH - len(indent) - 3, break_long_words=False, break_on_hyphens=False)
    first, *following = said.splitlines()
    if not following:
        yield f'{indent}"""{first}"""'
        return
    yield f'{indent}"""{first}'
    yield from (f"{indent}{line}" for line in following)
    yield f'{indent}"""'


def _path(path: Iterable[str]) -> str:
    return _tuple(map(_text, path))


def _text(text: str) -> str:
    return f'"{text}"'


def _tuple(items: Iterable[str]) -> str:
    written = list(items)
    return f"({written[0]},)" if len(written) == 1 else f"({', '.join(written)})"
