"""Contracts of an executor about itself."""

from temporalio import activity

from activities.contracts.payload import Payload, contract_only


class DescribeExecutor(Payload):
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
