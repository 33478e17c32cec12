"""The pages of docs/api: every RPC, message and field with its comment, drawn from the protos."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)

from deploy import protos
from mulligan_client.gen.mulligan.common.v1 import common_pb2

Named: TypeAlias = DescriptorProto | EnumDescriptorProto
Who: TypeAlias = Callable[[common_pb2.Access], str]
"""Says in words who may call."""

_PACKAGE = "mulligan."
_CONTENTS = """\
# The API

Every RPC with what it asks and answers. Drawn from the comments in `proto/` by
`python -m deploy.docs`; a test compares. [Who may do what](access.md) is one table.

- Ids are UUIDs; names come back for people, and [meta](api/meta.md) finds the ids of names.
- Every mutation takes a `request_id`: the same one again is answered like the first time,
  for as long as events are kept (400 days, unless the services are told otherwise), and with other
  content refused. Passwords and secrets are kept nowhere, so they are not compared. An id is an
  account's own, and is made up anew for each request: it is looked for where the request is
  answered. What is changed at once is compared at iam or at the site, of whatever kind; what starts
  an operation, with the other operations that the account asked for in the project.
- A list comes in [pages](api/common.md#message-page); the next one is asked for with the token that
  the one before gave. Objects and registered words, which are their own names, are listed in the
  order and narrowed as is asked for (`order_by`, `descending`, `filter`); each site has own words.
  What is no object is listed in one order, said with each: what is said of objects (tags,
  attributes, roles, quotas, freezes, distances, differences), an account's sessions, what is told
  over time (calendars, usage, the audit), and what is read whole (public keys, the catalogue).
- An object has `metadata`, a `spec` that callers write, and a `status` that the system writes.
- Errors are `google.rpc.Status` with details: a stable code (ErrorInfo), fields (BadRequest), the
  object (ResourceInfo), when to try again (RetryInfo).
"""
_FIELD = FieldDescriptorProto
_SCALARS = {
    _FIELD.TYPE_BOOL: "bool",
    _FIELD.TYPE_BYTES: "bytes",
    _FIELD.TYPE_DOUBLE: "double",
    _FIELD.TYPE_INT32: "int32",
    _FIELD.TYPE_INT64: "int64",
    _FIELD.TYPE_STRING: "string",
}


@dataclass(frozen=True)
class _Source:
    """One .proto: its comments by path (descriptor.proto says what a path is), and its page."""

    file: FileDescriptorProto
    comments: Mapping[tuple[int, ...], str]

    @property
    def page(self) -> str:
        """Such as control, of mulligan.control.v1."""
        return self.file.package.split(".")[1]

    def said(self, *path: int) -> str:
        """The comment of a part, as one line."""
        return self.comments.get(path, "")


def api_pages(who: Who) -> dict[str, str]:
    """Write the pages by their path below docs/."""
    sources = [
        _source(file) for file in protos.descriptors().file if file.package.startswith(_PACKAGE)
    ]
    pages = {f"api/{source.page}.md": _page(source, who) for source in sources}
    return {"api.md": _contents(sources), **pages}


def _source(file: FileDescriptorProto) -> _Source:
    said = {
        tuple(one.path): " ".join(one.leading_comments.split())
        for one in file.source_code_info.location
    }
    return _Source(file, said)


def _contents(sources: Iterable[_Source]) -> str:
    lines = [_CONTENTS]
    for source in sources:
        lines += [f"## [{source.page}](api/{source.page}.md)", "", source.said(2), ""]
        for number, service in enumerate(source.file.service):
            lines += _table_of_rpcs(source, number, service, f"api/{source.page}.md")
    return "\n".join(lines)


def _table_of_rpcs(
    source: _Source, number: int, service: ServiceDescriptorProto, page: str
) -> Iterator[str]:
    yield from ("| RPC | does |", "|---|---|")
    for index, rpc in enumerate(service.method):
        first = source.said(6, number, 2, index).split(". ")[0].rstrip(".")
        yield f"| [{rpc.name}]({page}#{rpc.name.lower()}) | {_cell(first)} |"
    yield ""


def _page(source: _Source, who: Who) -> str:
    lines = [f"# {source.file.package}", "", source.said(2), "", "[All services](../api.md)", ""]
    asked: set[str] = set()
    for number, service in enumerate(source.file.service):
        lines += [f"## {service.name}", "", source.said(6, number), ""]
        lines += _table_of_rpcs(source, number, service, "")
        for index, rpc in enumerate(service.method):
            lines += _rpc(source, rpc, source.said(6, number, 2, index), who)
            asked |= {rpc.input_type, *_answer_of_its_own(source, rpc)}
    named: list[tuple[int, Named]] = [*((4, one) for one in source.file.message_type)]
    named += ((5, one) for one in source.file.enum_type)
    shared = [one for _, one in named if f".{source.file.package}.{one.name}" not in asked]
    if shared:
        lines += ["## Messages", ""]
    for one in shared:
        kind = "Message" if isinstance(one, DescriptorProto) else "Enum"
        lines += [f"### {kind} {one.name}", "", source.said(*_path(source, one)), ""]
        lines += _table(source, one)
    return "\n".join(lines)


def _rpc(source: _Source, rpc: MethodDescriptorProto, said: str, who: Who) -> Iterator[str]:
    yield from (f"### {rpc.name}", "", said, "")
    yield from (f"Who: {who(rpc.options.Extensions[common_pb2.access])}.", "")
    if rpc.input_type.startswith(f".{source.file.package}."):
        yield from (f"Asks {_said_of(source, rpc.input_type)}", "")
        yield from _table(source, _message(source, rpc.input_type))
    else:
        yield from (f"Asks {_link(source, rpc.input_type)}.", "")
    stream = "a stream of " if rpc.server_streaming else ""
    if _answer_of_its_own(source, rpc):
        yield from (f"Answers {stream}{_said_of(source, rpc.output_type)}", "")
        yield from _table(source, _message(source, rpc.output_type))
    else:
        yield from (f"Answers {stream}{_link(source, rpc.output_type)}.", "")


def _answer_of_its_own(source: _Source, rpc: MethodDescriptorProto) -> set[str]:
    """The answer's type where no other RPC has it."""
    own = f".{source.file.package}.{rpc.name}Response"
    return {own} if rpc.output_type == own else set()


def _message(source: _Source, type_name: str) -> DescriptorProto:
    name = type_name.rpartition(".")[2]
    return next(one for one in source.file.message_type if one.name == name)


def _said_of(source: _Source, type_name: str) -> str:
    message = _message(source, type_name)
    return f"`{message.name}`: {source.said(*_path(source, message))}"


def _path(source: _Source, one: Named) -> tuple[int, int]:
    if isinstance(one, DescriptorProto):
        return 4, list(source.file.message_type).index(one)
    return 5, list(source.file.enum_type).index(one)


def _table(source: _Source, one: Named) -> Iterator[str]:
    """A message's fields or an enum's values; nothing for an empty message."""
    path = _path(source, one)
    if isinstance(one, EnumDescriptorProto):
        yield from ("| value | means |", "|---|---|")
        for index, value in enumerate(one.value):
            yield f"| `{value.name}` | {_cell(source.said(*path, 2, index))} |"
    elif one.field:
        yield from ("| field | type | means |", "|---|---|---|")
        for index, field in enumerate(one.field):
            said = _cell(source.said(*path, 2, index))
            yield f"| `{field.name}` | {_type(source, one, field)} | {said} |"
    yield ""


def _type(source: _Source, message: DescriptorProto, field: FieldDescriptorProto) -> str:
    entry = next(
        (one for one in message.nested_type if field.type_name.endswith(f".{one.name}")), None
    )
    if entry is not None:
        key, value = (_type(source, entry, one) for one in entry.field)
        return f"map of {key} to {value}"
    kind = "enum" if field.type == _FIELD.TYPE_ENUM else "message"
    one = _SCALARS.get(field.type) or _link(source, field.type_name, kind)
    if field.label == _FIELD.LABEL_REPEATED:
        return f"list of {one}"
    return f"optional {one}" if field.proto3_optional else one


def _link(source: _Source, type_name: str, kind: str = "message") -> str:
    """A type's name, as a link to where it is described; Google's are known."""
    package, _, name = type_name.removeprefix(".").rpartition(".")
    if not package.startswith(_PACKAGE):
        return name
    page = "" if package == source.file.package else f"{package.split('.')[1]}.md"
    return f"[{name}]({page}#{kind}-{name.lower()})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
