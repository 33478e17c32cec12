"""Contracts of an executor about itself."""

from datetime import datetime
from typing import Literal

from temporalio import activity

from activities.contracts.configuration import ForExecutor
from activities.contracts.payload import Payload, contract_only


class DescribeExecutor(ForExecutor):
    """Ask the executors of a region who they are."""

    region: str


class RegionKey(Payload):
    """A public key (X25519, base64) to which secrets for the region are sealed."""

    key_id: str
    public_key: str


class ExecutorDescription(Payload):
    """An executor's version, its region's live public keys, newest first, and its addresses."""

    version: str
    keys: tuple[RegionKey, ...]
    media_url: str
    report_url: str


@activity.defn(name="executor.describe")
def describe(request: DescribeExecutor) -> ExecutorDescription:
    """Say who answers for the region."""
    contract_only()


class Served(Payload):
    """The operations for which the executors of a region serve media."""

    operations: tuple[str, ...] = ()


@activity.defn(name="executor.list_served")
def list_served(request: DescribeExecutor) -> Served:
    """List the operations for which media are served."""
    contract_only()


class StopServing(ForExecutor):
    """An operation that ended, of which something is still served."""

    region: str
    operation: str


@activity.defn(name="executor.stop_serving")
def stop_serving(request: StopServing) -> Served:
    """Serve nothing of an operation any more; gives what is still served of others."""
    contract_only()


class MakeKey(ForExecutor):
    """A rotation that needs a new key."""

    region: str
    operation: str


class LiveKeys(Payload):
    """A region's live public keys, newest first."""

    keys: tuple[RegionKey, ...] = ()


@activity.defn(name="executor.make_key")
def make_key(request: MakeKey) -> LiveKeys:
    """Make the new key of a rotation, once however often it is asked for."""
    contract_only()


class SealedSecret(Payload):
    """Sealed credentials of a server or image, at its BMC's address or its URL."""

    kind: Literal["server", "image"]
    id: str
    address: str
    sealed: str


class SealAnew(ForExecutor):
    """Secrets to seal to the newest key."""

    region: str
    secrets: tuple[SealedSecret, ...]


class SealedAnew(Payload):
    """One secret sealed to the newest key, or why it can't be opened."""

    id: str
    sealed: str = ""
    problem: str = ""


class SecretsSealedAnew(Payload):
    """The secrets in the order in which they were given."""

    secrets: tuple[SealedAnew, ...]


@activity.defn(name="executor.seal_anew")
def seal_anew(request: SealAnew) -> SecretsSealedAnew:
    """Open secrets and seal them to the newest key; what they say stays here."""
    contract_only()


class RetireKeys(ForExecutor):
    """Everything is sealed to the newest key.

    `needed` are keys to which something was or is still sealed, `oldest_running` since when the
    oldest operation runs that may carry sealed texts.
    """

    region: str
    needed: tuple[str, ...] = ()
    oldest_running: datetime | None = None


@activity.defn(name="executor.retire_keys")
def retire_keys(request: RetireKeys) -> LiveKeys:
    """Offer the newest key only, and delete those retired long ago that nothing needs."""
    contract_only()
