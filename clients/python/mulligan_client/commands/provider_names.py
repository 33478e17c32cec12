"""Names of providers: their own, or that of the server or host that they belong to."""

from collections.abc import Iterable

from mulligan_client.session import Session

_TYPES = ("provider", "server", "host")


def find_provider(session: Session, name: str) -> str:
    """Find a provider's id by its name, or by that of its server or host."""
    return find_providers(session, [name])[name]


def find_providers(
    session: Session, names: Iterable[str], *, or_groups: bool = False
) -> dict[str, str]:
    """Find the ids of many providers at once; of groups too, if they may be meant.

    Raises:
        MulliganCallError: a name leads nowhere, or to several.
    """
    left = list(dict.fromkeys(names))
    found: dict[str, str] = {}
    for object_type in (*_TYPES, "group") if or_groups else _TYPES:
        found |= session.client.find_all(object_type, left) if left else {}
        left = [name for name in left if name not in found]
    return found | {name: session.resolve("provider", name) for name in left}
