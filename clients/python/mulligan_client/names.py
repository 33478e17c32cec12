"""Names to ids: as a caller asks for them, and in every request before it is sent."""

import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from google.protobuf.message import Message

from mulligan_client.errors import MulliganCallError, not_found
from mulligan_client.gen.methods import OBJECTS
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2
from mulligan_client.methods import Method, Naming, Path, Reference
from mulligan_client.paths import holders, replace_texts, texts

NAMES_PER_CALL = 1000
Request = TypeVar("Request", bound=Message)
Ask = Callable[[meta_pb2.ResolveNamesRequest], meta_pb2.ResolveNamesResponse]
"""Calls ResolveNames."""


def find_all(
    ask: Ask, object_type: str, names: Iterable[str], *, project: str = "", region: str = ""
) -> dict[str, str]:
    """Find the ids of many names, slugs or ids; what leads nowhere is absent.

    Raises:
        MulliganCallError: AMBIGUOUS_NAME when several objects are called so.
    """
    asked = list(dict.fromkeys(names))
    ids = {name: name.lower() for name in asked if is_uuid(name)}
    unknown = [name for name in asked if name not in ids]
    for start in range(0, len(unknown), NAMES_PER_CALL):
        request = meta_pb2.ResolveNamesRequest(
            object_type=object_type,
            names=unknown[start : start + NAMES_PER_CALL],
            project=project,
            region=region,
        )
        for found in ask(request).objects:
            if ids.setdefault(found.asked, found.id) != found.id:
                raise ambiguous(object_type, found.asked)
    return ids


def with_ids(ask: Ask, method: Method, request: Request) -> Request:
    """Give a request with ids in the place of names; itself, if it has no names.

    Raises:
        MulliganCallError: NOT_FOUND or AMBIGUOUS_NAME.
    """
    if all(is_uuid(text) for one in method.references for text in texts(request, one.path)):
        return request
    changed = type(request)()
    changed.CopyFrom(request)
    # Projects and regions come first: they say where the others are looked for.
    for reference in sorted(method.references, key=_is_within):
        by_region: dict[str, list[Any]] = {}
        for holder, region in _places(method, changed, reference.path):
            by_region.setdefault(region, []).append(holder)
        for region, holding in by_region.items():
            last = reference.path[-1:]
            names = [
                text for holder in holding for text in texts(holder, last) if not is_uuid(text)
            ]
            found = _find(ask, reference, names, getattr(changed, "project", ""), region)
            for holder in holding:
                replace_texts(holder, last, found)
    return changed


def _is_within(reference: Reference) -> bool:
    return OBJECTS[reference.types[0]].naming is not Naming.INSTALLATION


def _places(
    method: Method, message: Any, path: Path, depth: int = 0, around: str = ""
) -> Iterator[tuple[Any, str]]:
    """Give what holds the last field of a path, each with the region that is said nearest to it."""
    said = (
        text
        for one in sorted(method.references, key=lambda one: len(one.path))
        if one.types == ("region",)
        and one.path[:depth] == path[:depth]
        and one.path[depth] != path[depth]
        for text in texts(message, one.path[depth:])
    )
    region = next(said, around)
    if depth == len(path) - 1:
        yield message, region
        return
    for one in holders(message, path[depth : depth + 2]):
        yield from _places(method, one, path, depth + 1, region)


def _find(
    ask: Ask, reference: Reference, names: list[str], project: str, region: str
) -> dict[str, str]:
    """Find what a reference may mean by each name, in a project and region."""
    ids: dict[str, str] = {}
    for object_type in (kind for one in reference.types for kind in OBJECTS[one].found_as):
        place = {}
        match OBJECTS[object_type].naming:
            case Naming.PROJECT:
                place = {"project": project}
            case Naming.REGION:
                place = {"region": region}
        for name, found in find_all(ask, object_type, names, **place).items():
            if ids.setdefault(name, found) != found:
                raise ambiguous(" or ".join(reference.types), name)
    for name in names:
        if name not in ids:
            raise not_found(" or ".join(reference.types), name)
    return ids


def is_uuid(text: str) -> bool:
    """Tell an id from a name."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def ambiguous(object_type: str, name: str) -> MulliganCallError:
    """Say that several objects have a name."""
    return MulliganCallError(
        code="AMBIGUOUS_NAME",
        grpc_status="FAILED_PRECONDITION",
        message=f"several objects of type {object_type} are called {name!r}; give the UUID of the "
        "one you mean",
        object_type=object_type,
        object_id=name,
    )
