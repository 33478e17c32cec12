"""The records of a region's keys, and of what is sealed to them."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from activities.contracts import keys as contract
from activities.contracts.executor import SealedSecret
from activities.contracts.keys import (
    BeginRotation,
    KeyUse,
    ListSealed,
    ReadKeyUse,
    RecordKeys,
    RecordSealed,
    RotationBegun,
    SealedSecrets,
)
from activities.contracts.operations import Recorded
from activities.records.operations import ask_of
from activities.records.transaction import Contract, Record
from mulligan.control import keys, operations


def begin_rotation(session: Session, request: BeginRotation) -> RotationBegun:
    """Write the operation's row and take the region's slot."""
    region = request.asked.region
    operations.begin(session, ask_of(request, "rotate-key", "region", region), region)
    return RotationBegun(deadline=operations.get(session, request.asked.operation).deadline)


def record_keys(session: Session, request: RecordKeys) -> Recorded:
    """Write to which keys clients seal from now on."""
    found = [(key.key_id, key.public_key) for key in request.keys]
    keys.keep_keys(session, request.region, found)
    return Recorded()


def list_sealed(session: Session, request: ListSealed) -> SealedSecrets:
    """Read what is sealed to older keys."""
    rows, left = keys.sealed_to_others(
        session, request.region, request.key_id, request.after, request.limit
    )
    secrets = [
        SealedSecret.model_validate(
            {"kind": row.kind, "id": row.id, "address": row.address, "sealed": row.sealed}
        )
        for row in rows
    ]
    return SealedSecrets(secrets=tuple(secrets), left=left)


def record_sealed(session: Session, request: RecordSealed) -> Recorded:
    """Write secrets that were sealed anew; one that was changed meanwhile is left alone."""
    for secret in request.secrets:
        keys.replace_sealed(session, secret.kind, secret.id, secret.was, secret.sealed)
    return Recorded()


def read_key_use(session: Session, request: ReadKeyUse) -> KeyUse:
    """Read to which keys something is sealed."""
    use = keys.key_use(session, request.region, request.operation)
    return KeyUse(key_ids=tuple(sorted(use.key_ids)), oldest_running=use.oldest_running)


RECORDS: Mapping[Contract, Record] = {
    contract.begin_rotation: begin_rotation,
    contract.record_keys: record_keys,
    contract.list_sealed: list_sealed,
    contract.record_sealed: record_sealed,
    contract.read_key_use: read_key_use,
}
