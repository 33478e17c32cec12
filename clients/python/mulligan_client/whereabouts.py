"""Which site had an object when it was last seen."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from mulligan_client.catalogue import Site
from mulligan_client.gen.methods import OBJECTS
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2
from mulligan_client.methods import Naming

REMEMBERED = 10_000
"""Ids of which is known at which site they are."""

EVERYWHERE = "*"
"""In the place of a site's id: what belongs to the installation, such as a project."""


class Whereabouts:
    """Which site had an object when it was last seen; of the latest ones."""

    def __init__(self) -> None:
        self._sites: OrderedDict[str, str] = OrderedDict()
        self._noting = threading.Lock()

    def of(self, object_id: str) -> str:
        """Give a site's id, or EVERYWHERE; empty: it is not known."""
        return self._sites.get(object_id.lower(), "")

    def note(self, answer: Any, site: Site) -> None:
        """Remember the objects in an answer, with their operations: those that the site itself has.

        What only names an object, such as an audit event, tells nothing of where it is.
        """
        for one, is_everywhere in _ids(answer):
            if one:
                self.note_id(one, EVERYWHERE if is_everywhere else site.id)

    def note_id(self, one: str, site: str) -> None:
        """Remember where an object is, or where a request was sent."""
        with self._noting:
            self._sites[one.lower()] = site
            self._sites.move_to_end(one.lower())
            while len(self._sites) > REMEMBERED:
                self._sites.popitem(last=False)

    def forget(self, one: str) -> None:
        """Forget where it is, or was sent."""
        with self._noting:
            self._sites.pop(one.lower(), None)


def _ids(message: Any) -> Iterator[tuple[str, bool]]:
    """Give the ids of the objects in a message, each with whether it is of the whole installation.

    An object has metadata, or is a row of those that the site knows by name.
    """
    if isinstance(message, meta_pb2.NamedObject):
        kind = OBJECTS.get(message.object_type)
        yield message.id, kind is not None and kind.naming is Naming.INSTALLATION
        return
    if isinstance(metadata := getattr(message, "metadata", None), common_pb2.Metadata):
        yield metadata.id, False
        if isinstance(operation := getattr(message, "operation", ""), str):
            yield operation, False
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None or descriptor.message_type.GetOptions().map_entry:
            continue
        if descriptor.is_repeated:
            for one in value:
                yield from _ids(one)
        elif descriptor.name in ("operation", "machine", "claim"):
            yield from _ids(value)
