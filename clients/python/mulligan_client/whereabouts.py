"""Which site had an object when it was last seen."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from mulligan_client.catalogue import Site
from mulligan_client.gen.methods import OBJECTS
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
        """Remember what an answer is about: it, the objects in it, and their operations."""
        for one, is_everywhere in _ids(answer):
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
    """Give the ids in a message, each with whether it is of the whole installation."""
    kind = OBJECTS.get(getattr(message, "object_type", ""))
    is_everywhere = kind is not None and kind.naming is Naming.INSTALLATION
    for descriptor, value in message.ListFields():
        if descriptor.name in ("id", "operation", "object_id") and isinstance(value, str):
            yield value, is_everywhere and descriptor.name != "operation"
        elif descriptor.message_type is None or descriptor.message_type.GetOptions().map_entry:
            continue
        elif descriptor.is_repeated:
            for one in value:
                yield from _ids(one)
        elif descriptor.name in ("metadata", "operation", "machine", "claim"):
            yield from _ids(value)
