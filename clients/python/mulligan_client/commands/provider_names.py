"""Names of providers: their own, or that of the server or host that they belong to."""

from collections.abc import Iterable, Sequence

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
    asked = list(dict.fromkeys(names))
    found: dict[str, dict[str, str]] = {name: {} for name in asked}
    for object_type in (*_TYPES, "group") if or_groups else _TYPES:
        for name, one in session.client.find_all(object_type, asked).items():
            found[name].setdefault(one, object_type)
    for name, types in found.items():
        if len(types) > 1:
            raise _ambiguous(name, list(types.values()))
    return {
        name: next(iter(types), "") or session.resolve("provider", name)
        for name, types in found.items()
    }


def _ambiguous(name: str, types: Sequence[str]) -> Exception:
    from mulligan_client.errors import MulliganCallError

    return MulliganCallError(
        code="AMBIGUOUS_NAME",
        grpc_status="FAILED_PRECONDITION",
        message=f"a {' and a '.join(types)} are called {name!r}; give the UUID of the one you mean",
        object_type=types[0],
        object_id=name,
    )
