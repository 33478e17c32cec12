"""What a request tells of where it belongs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mulligan_client.gen.methods import OBJECTS
from mulligan_client.methods import Method, Naming, Retry
from mulligan_client.paths import texts


@dataclass(frozen=True)
class Lead:
    """The ids that lead to a site: of regions, or of objects. None: nothing does."""

    is_region: bool = False
    ids: Sequence[str] = ()


def lead_of(method: Method, request: Any) -> Lead:
    """Give what leads to a site, by the first field that is filled in; ids in lower case."""
    for lead in method.leads:
        if found := list(dict.fromkeys(one.lower() for one in texts(request, lead.path))):
            return Lead(lead.is_region, found)
    return Lead()


def is_or_below(request: Any) -> bool:
    """Tell what may be of any region below the one that it names."""
    spec = getattr(request, "spec", None)
    # A reservation is of a claim or of a machine.
    parts = (spec, getattr(spec, "claim", None), getattr(spec, "machine", None))
    return any(getattr(one, "or_below", False) for one in parts)


def has_pages(request: Any) -> bool:
    """Tell a list that is read page by page."""
    return "page" in request.DESCRIPTOR.fields_by_name


def is_batch(method: Method) -> bool:
    """Tell what reads objects by their ids, all of them or none."""
    return method.name.startswith("BatchGet")


def is_of_many(method: Method, request: Any) -> bool:
    """Tell what reads of many objects at once, wherever they are; those that are not are absent."""
    return (
        method.service == "meta"
        and method.retry is Retry.READ
        and not has_pages(request)
        and not method.name.startswith(("Get", "BatchGet"))
    )


def is_of_installation(request: Any) -> bool:
    """Tell a search for names that every site has."""
    found = OBJECTS.get(getattr(request, "object_type", ""))
    return found is not None and found.naming is Naming.INSTALLATION


def asked_for(request: Any) -> Sequence[str]:
    """Give the names or ids that a request of many objects asks for, in lower case."""
    for name in ("names", "ids", "object_ids"):
        if name in request.DESCRIPTOR.fields_by_name:
            return [one.lower() for one in getattr(request, name)]
    return ()


def absent(request: Any, answer: Any) -> set[str]:
    """Give those of them that an answer has nothing of."""
    rows = [row for _, rows in answer.ListFields() for row in rows]
    found = {getattr(row, name, "") for row in rows for name in ("asked", "id", "object_id")}
    return set(asked_for(request)) - {one.lower() for one in found}
