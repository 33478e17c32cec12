"""What a release's programs may send and call, its roles and rules, is so now."""

from collections.abc import Iterator, Mapping

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorSet
from google.protobuf.message import Message

from deploy import protos
from deploy.releases import Release, releases

CHANGED: Mapping[str, str] = {}
"""RPCs and fields, and why no program breaks by their other options: a lower role, a wider rule."""


def options(described: FileDescriptorSet) -> dict[str, Message]:
    """What stands beside each of our RPCs and fields, but for what is said with no effect."""
    found: dict[str, Message] = {}
    for file in described.file:
        if not file.package.startswith("mulligan."):
            continue
        for service in file.service:
            for method in service.method:
                found[f"{file.package}.{service.name}.{method.name}"] = method.options
        for message in file.message_type:
            found |= dict(_of_fields(message, file.package))
    for one in found.values():
        one.ClearField("deprecated")
    return found


def _of_fields(message: DescriptorProto, within: str) -> Iterator[tuple[str, Message]]:
    name = f"{within}.{message.name}"
    for field in message.field:
        yield f"{name}.{field.name}", field.options
    for nested in message.nested_type:
        yield from _of_fields(nested, name)


@pytest.mark.parametrize("release", releases(), ids=lambda release: release.version)
def test_what_was_let_through_still_is(release: Release) -> None:
    then, now = options(release.descriptors()), options(protos.descriptors())
    assert any(one.ByteSize() for one in then.values())
    changed = {name for name, one in then.items() if now[name] != one}
    assert changed <= CHANGED.keys()
