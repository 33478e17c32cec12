"""Names of providers: their own, or that of the server or host that they belong to."""

from mulligan_client.session import Session


def find_provider(session: Session, name: str) -> str:
    """Find a provider's id by its name, or by that of its server or host."""
    from mulligan_client.errors import MulliganCallError

    for object_type in ("provider", "server", "host"):
        try:
            return session.client.resolve(object_type, name)
        except MulliganCallError as error:
            if error.code != "NOT_FOUND" or error.request_id:
                raise
    return session.resolve("provider", name)
