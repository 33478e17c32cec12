"""What a smart client knows of each RPC, read from the protos and their options.

Shapes tell most of it, so that a standard RPC needs no option: what has a request_id may be
repeated, what gives a next_page_token is a list, a field that is called like a type of object holds
the id of one. Where a shape can't tell, the option does; where neither does, `read` refuses.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from google.protobuf.descriptor import (
    Descriptor,
    EnumValueDescriptor,
    FieldDescriptor,
    MethodDescriptor,
    ServiceDescriptor,
)
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass, GetMessageClassesForFiles

Path = tuple[str, ...]
"""The names of fields from a request down to one of its fields."""

ANY, NEW = "any", "new"
"""What `refers_to` says besides types: an id of any of them, or of what is not there yet."""

_COMMON = "mulligan.common.v1"
_READS = re.compile(r"(Get|BatchGet|List)[A-Z]")


@dataclass(frozen=True)
class ObjectType:
    """A type of object that has an id."""

    type: str
    # NONE, INSTALLATION, PROJECT or REGION.
    naming: str
    # The types among whose names its name is looked for, its own first.
    found_as: tuple[str, ...]


@dataclass(frozen=True)
class Reference:
    """A field of a request that holds ids of objects; of names, those of the types."""

    path: Path
    # Types of OBJECTS, or ANY.
    types: tuple[str, ...]


@dataclass(frozen=True)
class Newer:
    """A field, or a value of an enum in it, that services know since some version."""

    path: Path
    since: str
    # The number of the enum's value; None: the field itself.
    value: int | None = None


@dataclass(frozen=True)
class Lead:
    """A field of a request that leads to the site that answers."""

    # It holds the UUID of a region; else of an object.
    is_region: bool
    path: Path


@dataclass(frozen=True)
class Pages:
    """What an answer that is one page of a list has of it."""

    # The field that is the list.
    field: str
    item: Descriptor


@dataclass(frozen=True)
class Rpc:
    """One RPC, as a client goes about it."""

    descriptor: MethodDescriptor
    comment: str
    # READ, REQUEST_ID, NEVER or STREAM.
    retry: str
    # It is called without a token.
    anonymous: bool
    # The first that is filled in leads to the site; where none is, every site is asked.
    leads: tuple[Lead, ...]
    # Fields that take names, too.
    references: tuple[Reference, ...]
    # Empty: the first version.
    since: str
    newer: tuple[Newer, ...]
    # Of a list: NEWEST_FIRST, LATEST_FIRST or OBJECTS; UNSPECIFIED: one site after the other.
    merge: str

    @property
    def name(self) -> str:
        """Such as ListMachines."""
        return self.descriptor.name

    @property
    def path(self) -> str:
        """As gRPC calls it: /package.Service/Method."""
        return f"/{self.descriptor.containing_service.full_name}/{self.name}"

    @property
    def pages(self) -> Pages | None:
        """What it gives in pages; None where all comes at once."""
        answer = self.descriptor.output_type
        if "next_page_token" not in answer.fields_by_name:
            return None
        (found,) = (field for field in answer.fields if field.is_repeated)
        return Pages(found.name, _message_of(found))

    @property
    def streams(self) -> bool:
        """It answers with a stream."""
        return bool(self.descriptor.server_streaming)


@dataclass(frozen=True)
class Service:
    """One service with its RPCs, in their order in the .proto."""

    descriptor: ServiceDescriptor
    comment: str
    # There is one for all sites.
    of_installation: bool
    rpcs: tuple[Rpc, ...]

    @property
    def noun(self) -> str:
        """Such as control, of mulligan.control.v1."""
        return str(self.descriptor.file.package).split(".")[1]


@dataclass(frozen=True)
class Api:
    """All that a client is drawn from."""

    services: tuple[Service, ...]
    # By type.
    objects: Mapping[str, ObjectType]

    @property
    def lists(self) -> dict[str, tuple[Rpc, str]]:
        """The RPC that lists the objects of a type, and its field, by type; of those with names."""
        found: dict[str, tuple[Rpc, str]] = {}
        named = {message_type(one.type): one for one in self.objects.values()}
        for rpc in (rpc for service in self.services for rpc in service.rpcs):
            listed = named.get(rpc.pages.item.name) if rpc.pages else None
            if rpc.pages and listed and listed.naming != "NONE":
                found.setdefault(listed.type, (rpc, rpc.pages.field))
        return found


def message_type(object_type: str) -> str:
    """Give the message that is called like a type of object."""
    return "".join(word.capitalize() for word in object_type.split("_"))


def read(compiled: FileDescriptorSet) -> Api:
    """Read the protos of all services.

    Raises:
        ValueError: of an RPC or a field neither its shape nor an option tells what it is.
    """
    return _Reader(compiled).api()


class _Reader:
    """Descriptors of one set, with their options understood."""

    def __init__(self, compiled: FileDescriptorSet) -> None:
        self._files = [file for file in compiled.file if file.package.startswith("mulligan.")]
        self._pool = DescriptorPool()
        for file in compiled.file:
            self._pool.Add(file)
        GetMessageClassesForFiles([file.name for file in compiled.file], self._pool)
        self._comments = {
            (file.name, tuple(one.path)): " ".join(one.leading_comments.split())
            for file in self._files
            for one in file.source_code_info.location
        }

    def api(self) -> Api:
        objects: dict[str, ObjectType] = {}
        for one in self._objects.values():
            objects.setdefault(one.type, one)
        return Api(tuple(self._services()), objects)

    def _option(
        self,
        of: Descriptor
        | FieldDescriptor
        | MethodDescriptor
        | ServiceDescriptor
        | EnumValueDescriptor,
        name: str,
    ) -> Any:
        own = of.GetOptions()
        kind = GetMessageClass(self._pool.FindMessageTypeByName(own.DESCRIPTOR.full_name))
        extension: Any = self._pool.FindExtensionByName(
            name if "." in name else f"{_COMMON}.{name}"
        )
        return kind.FromString(own.SerializeToString()).Extensions[extension]

    def _word(self, enum: str, number: int) -> str:
        """Give the value of an enum of common.proto without the enum's name: READ of RETRY_READ."""
        values = self._pool.FindEnumTypeByName(f"{_COMMON}.{enum}").values_by_number
        return str(values[number].name).removeprefix(f"{enum.upper()}_")

    @cached_property
    def _objects(self) -> dict[str, ObjectType]:
        """The types of object by the message that they are, in lower case with underscores."""
        found = {}
        for file in self._files:
            for message in self._pool.FindFileByName(file.name).message_types_by_name.values():
                said = self._option(message, "object")
                if said.naming:
                    name = _underscored(message.name)
                    kind = said.type or name
                    naming = self._word("Naming", said.naming)
                    found[name] = ObjectType(kind, naming, (kind, *said.named_as))
        return found

    def _services(self) -> Iterator[Service]:
        for file in self._files:
            for number, proto in enumerate(file.service):
                descriptor = self._pool.FindServiceByName(f"{file.package}.{proto.name}")
                of_installation = self._option(descriptor, "of_installation")
                rpcs = tuple(
                    self._rpc(method, self._said(file, 6, number, 2, index), of_installation)
                    for index, method in enumerate(descriptor.methods)
                )
                comment = self._said(file, 6, number)
                yield Service(descriptor, comment, of_installation, rpcs)

    def _said(self, file: FileDescriptorProto, *path: int) -> str:
        return self._comments.get((file.name, path), "")

    def _rpc(self, method: MethodDescriptor, comment: str, of_installation: bool) -> Rpc:
        references = tuple(self._references(method.input_type, (), (method.input_type,)))
        anonymous = self._word("Role", self._option(method, "access").role) == "ANONYMOUS"
        return Rpc(
            method,
            comment,
            self._retry(method),
            anonymous,
            () if of_installation else tuple(self._leads(method.input_type, references)),
            tuple(one for one in references if self._naming(one.types[0]) != "NONE"),
            self._option(method, "since"),
            tuple(self._newer(method.input_type, (), (method.input_type,))),
            self._word("Merge", self._option(method, "merge")),
        )

    def _retry(self, method: MethodDescriptor) -> str:
        said = self._option(method, "retry")
        if said:
            return self._word("Retry", said)
        if method.server_streaming:
            return "STREAM"
        if "request_id" in method.input_type.fields_by_name:
            return "REQUEST_ID"
        if _READS.match(method.name):
            return "READ"
        raise ValueError(
            f"{method.full_name} has no request_id; say (mulligan.common.v1.retry) next to it"
        )

    def _leads(self, request: Descriptor, references: Iterable[Reference]) -> Iterator[Lead]:
        """Give what leads to a site, the nearest first, up to what is always filled in."""
        leading = [
            Lead(one.types == ("region",), one.path)
            for one in references
            if one.types == ("region",) or self._naming(one.types[0]) != "INSTALLATION"
        ]
        for lead in sorted(leading, key=lambda one: (len(one.path), not one.is_region)):
            yield lead
            rules = self._option(_at(request, lead.path), "buf.validate.field")
            if rules.string.uuid and not rules.ignore:
                return

    def _naming(self, object_type: str) -> str:
        if object_type == ANY:
            return "NONE"
        return next(one.naming for one in self._objects.values() if one.type == object_type)

    def _references(
        self, message: Descriptor, path: Path, within: tuple[Descriptor, ...]
    ) -> Iterator[Reference]:
        for field, nested in _fields(message, within):
            here, types = (*path, field.name), self._types(message, field)
            if nested is None:
                yield from [Reference(here, types)] if types else []
            elif types:
                # A message of many uses: all texts in this one are ids.
                yield from (Reference((*here, *one), types) for one in _texts(nested))
            else:
                yield from self._references(nested, here, (*within, nested))

    def _types(self, message: Descriptor, field: FieldDescriptor) -> tuple[str, ...]:
        """Tell the ids of which objects a field holds; of none if it holds no ids, or new ones."""
        said = tuple(self._option(field, "refers_to"))
        if said == (NEW,):
            return ()
        if not said and not self._holds_ids(field) and self._speaks_of_ids(field):
            raise ValueError(
                f"{field.full_name} speaks of ids. Have their form checked (string.uuid), or say "
                "(mulligan.common.v1.refers_to)"
            )
        if not said and self._holds_ids(field):
            meant = self._meant(message, field)
            if meant is None:
                raise ValueError(
                    f"{field.full_name} holds ids of what? Say (mulligan.common.v1.refers_to)"
                )
            said = (meant,)
        types = {one.type for one in self._objects.values()} | {ANY}
        if unknown := set(said) - types:
            raise ValueError(f"{field.full_name} refers to {unknown}, which no message is")
        return said

    def _holds_ids(self, field: FieldDescriptor) -> bool:
        rules = self._option(field, "buf.validate.field")
        return bool(rules.string.uuid or rules.repeated.items.string.uuid)

    def _speaks_of_ids(self, field: FieldDescriptor) -> bool:
        if field.name == "request_id":
            return False
        is_named_so = field.type == field.TYPE_STRING and field.name.endswith(("_id", "_ids"))
        return is_named_so or "UUID" in self._field_comments.get(field.full_name, "")

    @cached_property
    def _field_comments(self) -> dict[str, str]:
        """What the protos say of fields, by their full names."""
        found = {}
        for file in self._files:
            messages: list[tuple[str, tuple[int, ...], DescriptorProto]] = [
                (f"{file.package}.{one.name}", (4, number), one)
                for number, one in enumerate(file.message_type)
            ]
            for name, path, message in messages:
                for number, field in enumerate(message.field):
                    found[f"{name}.{field.name}"] = self._said(file, *path, 2, number)
                for number, nested in enumerate(message.nested_type):
                    messages.append((f"{name}.{nested.name}", (*path, 3, number), nested))
        return found

    def _meant(self, message: Descriptor, field: FieldDescriptor) -> str | None:
        """The type that a field is called like; ids and parents are of the request's noun."""
        if field.name in ("object_id", "object_ids"):
            return ANY
        if field.name in ("id", "ids", "parent"):
            words = re.findall(r"[A-Z][a-z]+", message.name.removesuffix("Request"))
            noun = "_".join(words[2 if words[0] == "Batch" else 1 :]).lower()
            for name in (noun, noun.removesuffix("s")):
                if name in self._objects:
                    return self._objects[name].type
        types = {one.type for one in self._objects.values()}
        return field.name if field.name in types else None

    def _newer(
        self, message: Descriptor, path: Path, within: tuple[Descriptor, ...]
    ) -> Iterator[Newer]:
        for field, nested in _fields(message, within):
            here = (*path, field.name)
            if since := self._option(field, "field_since"):
                yield Newer(here, since)
            for value in field.enum_type.values if field.enum_type else ():
                if since := self._option(value, "value_since"):
                    yield Newer(here, since, value.number)
            if nested is not None:
                yield from self._newer(nested, here, (*within, nested))


def _at(message: Descriptor, path: Path) -> FieldDescriptor:
    field = message.fields_by_name[path[0]]
    return _at(_message_of(field), path[1:]) if path[1:] else field


def _message_of(field: FieldDescriptor) -> Descriptor:
    if field.message_type is None:
        raise ValueError(f"{field.full_name} holds no message")
    return field.message_type


def _fields(
    message: Descriptor, within: tuple[Descriptor, ...]
) -> Iterator[tuple[FieldDescriptor, Descriptor | None]]:
    """Give the fields of a message, each with the message of ours that it holds, if any.

    What holds itself is looked into once, and maps are not: their keys are no names of fields.
    """
    for field in message.fields:
        nested = field.message_type
        if nested is not None and (
            nested in within
            or nested.GetOptions().map_entry
            or not nested.full_name.startswith("mulligan.")
        ):
            nested = None
        yield field, nested


def _texts(message: Descriptor, within: tuple[Descriptor, ...] = ()) -> Iterator[Path]:
    """Give the ways to all texts that a message holds."""
    for field, nested in _fields(message, (*within, message)):
        if nested is not None:
            yield from ((field.name, *one) for one in _texts(nested, (*within, message)))
        elif field.type == field.TYPE_STRING:
            yield (field.name,)


def _underscored(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
