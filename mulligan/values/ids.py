"""How ids are derived, so that asking twice is asking once."""

from hashlib import sha256
from uuid import UUID, uuid5

_OPERATIONS = UUID("6f1c7e6e-1f55-4c8e-9c0e-6d756c6c6967")


def operation_id(project: str, account: str, request_id: str) -> str:
    """Derive the id of an operation, which is also its workflow's id."""
    return str(uuid5(_OPERATIONS, f"{project}/{account}/{request_id}"))


def object_id(operation: str, object_type: str) -> str:
    """Derive the id of the object that an operation creates."""
    return str(uuid5(UUID(operation), object_type))


def name_id(object_type: str, name: str) -> str:
    """Derive the id under which a registered name, which has no other, is told of in events."""
    return str(uuid5(_OPERATIONS, f"{object_type}/{name}"))


def digest(content: bytes) -> str:
    """Digest a request's content, to tell a retry from another request with the same id."""
    return sha256(content).hexdigest()
