"""The nearest known name, for a name that leads nowhere."""

from difflib import get_close_matches

from mulligan_client.client import Client
from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.services import FIRST_OF


def nearest_name(client: Client, object_type: str, name: str, project: str = "") -> str:
    """Find the name on the first page of its type's list that comes nearest; empty: none does."""
    known = FIRST_OF.get(object_type)
    if known is None:
        return ""
    try:
        names = [one.metadata.name for one in known(client, project)]
    except MulliganCallError:  # a hint only: who may not list gets none
        return ""
    return next(iter(get_close_matches(name, names, n=1)), "")
