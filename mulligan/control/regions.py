"""In which regions objects live, those without a name, too, and whose they are."""

from collections.abc import Collection

from sqlalchemy.orm import Session

from mulligan.control import objects
from mulligan.meta import names
from mulligan.meta.objects import Known


def in_regions(session: Session, object_ids: Collection[str]) -> list[Known]:
    """Read where objects are or were, and whose; what lives in no region is left out."""
    described = names.describe(session, object_ids)
    found = [
        Known(one.id, one.object_type, one.project, one.region)
        for one in described.values()
        if one.region
    ]
    rest = [one for one in object_ids if one not in described]
    return found + list(objects.unnamed(session, rest).values())
