"""Contracts of the records of a region's keys, and of what is sealed to them."""

from datetime import datetime
from typing import Literal

from temporalio import activity

from activities.contracts.executor import RegionKey, SealedSecret
from activities.contracts.operations import Asked, Recorded, Resume
from activities.contracts.payload import Payload, contract_only


class BeginRotation(Payload):
    """Give a region a new key; one rotation at a time."""

    asked: Asked
    resume: Resume = ""


class RotationBegun(Payload):
    """The region's slot is taken, until the deadline at most."""

    deadline: datetime | None = None


class RecordKeys(Payload):
    """A region's live public keys, newest first, as an executor told them."""

    region: str
    keys: tuple[RegionKey, ...]


class ListSealed(Payload):
    """Ask for secrets of a region that are sealed to other keys than this one, after an id."""

    region: str
    key_id: str
    after: str = ""
    limit: int = 50


class SealedSecrets(Payload):
    """Some of the secrets, by id, and how many there are from here on."""

    secrets: tuple[SealedSecret, ...] = ()
    left: int = 0


class Resealed(Payload):
    """A secret of a server or image as it was read, and as it is sealed now."""

    kind: Literal["server", "image"]
    id: str
    was: str
    sealed: str


class RecordSealed(Payload):
    """Secrets that were sealed anew. One that was changed meanwhile is left alone."""

    region: str
    secrets: tuple[Resealed, ...]


class ReadKeyUse(Payload):
    """Ask to which keys of a region something is sealed, beside what this operation does."""

    region: str
    operation: str


class KeyUse(Payload):
    """Ids of keys to which something is sealed, and since when the oldest operation runs."""

    key_ids: tuple[str, ...] = ()
    oldest_running: datetime | None = None


@activity.defn(name="keys.begin_rotation")
def begin_rotation(request: BeginRotation) -> RotationBegun:
    """Write the operation's row and take the region's slot."""
    contract_only()


@activity.defn(name="keys.record_keys")
def record_keys(request: RecordKeys) -> Recorded:
    """Write to which keys clients seal from now on."""
    contract_only()


@activity.defn(name="keys.list_sealed")
def list_sealed(request: ListSealed) -> SealedSecrets:
    """Read what is sealed to older keys."""
    contract_only()


@activity.defn(name="keys.record_sealed")
def record_sealed(request: RecordSealed) -> Recorded:
    """Write secrets that were sealed anew."""
    contract_only()


@activity.defn(name="keys.read_key_use")
def read_key_use(request: ReadKeyUse) -> KeyUse:
    """Read to which keys something is sealed."""
    contract_only()
