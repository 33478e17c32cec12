"""The executor's part of a key's rotation: secrets are opened and sealed anew here only."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from temporalio import activity

from activities import lease
from activities.contracts.executor import (
    LiveKeys,
    MakeKey,
    RegionKey,
    RetireKeys,
    SealAnew,
    SealedAnew,
    SealedSecret,
    SecretsSealedAnew,
)
from activities.images import origin
from activities.keys import RegionKeys
from mulligan.values.errors import HardwareError


class KeyRotation:
    """The activities of `activities.contracts.executor` that change a region's keys."""

    def __init__(self, keys: RegionKeys) -> None:
        self._keys = keys

    @activity.defn(name="executor.make_key")
    def make_key(self, request: MakeKey) -> LiveKeys:
        """Make the new key; the rotation's second try finds that of the first."""
        self._keys.make_key(request.operation)
        return live_keys(self._keys)

    @activity.defn(name="executor.seal_anew")
    def seal_anew(self, request: SealAnew) -> SecretsSealedAnew:
        """Open secrets and seal them to the newest key, each for its own object and address."""
        found = []
        for secret in request.secrets:
            lease.beat(f"seals the credentials of {secret.kind} {secret.id} anew")
            found.append(self._sealed_anew(request.region, secret))
        return SecretsSealedAnew(secrets=tuple(found))

    @activity.defn(name="executor.retire_keys")
    def retire_keys(self, request: RetireKeys) -> LiveKeys:
        """Offer the newest key only, and delete those retired long ago that nothing needs."""
        now = datetime.now(UTC)
        self._keys.retire_older(now)
        self._keys.delete_retired(now, request.needed, request.oldest_running)
        return live_keys(self._keys)

    def _sealed_anew(self, region: str, secret: SealedSecret) -> SealedAnew:
        address = secret.address
        if secret.kind == "image":
            address = origin(urlsplit(address))
        bound_to = {"endpoint": secret.id, "address": address, "region": region}
        try:
            sealed = self._keys.seal_anew(secret.sealed, **bound_to)
        except HardwareError as error:
            return SealedAnew(id=secret.id, problem=error.message)
        return SealedAnew(id=secret.id, sealed=sealed)


def live_keys(keys: RegionKeys) -> LiveKeys:
    """Tell a region's live public keys, newest first."""
    return LiveKeys(
        keys=tuple(
            RegionKey(key_id=key_id, public_key=public_key)
            for key_id, public_key in keys.public_keys()
        )
    )
