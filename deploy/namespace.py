"""Make a namespace of Temporal ready, apart: `python -m deploy.namespace ADDRESS NAMESPACE`.

Temporal's client would otherwise stay in the process that only watches over the others.
"""

import asyncio
import os
import sys

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.service import ConnectConfig, RPCError, ServiceClient

SEARCH_ATTRIBUTES = (
    "MulliganProject",
    "MulliganRegion",
    "MulliganMachine",
    "MulliganProvider",
    "MulliganState",
)
"""All keywords: UUIDs and enums."""


async def prepare(address: str, namespace: str) -> None:
    """Wait until a server answers and has the namespace, and give that its attributes."""
    service = await _connect(address)
    pause_s = 0.02
    while True:
        try:
            await service.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace=namespace)
            )
            break
        except RPCError:  # the namespace is made after the front end has begun to answer
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, 0.3)
    await register_search_attributes(service, namespace)


async def register_search_attributes(service: ServiceClient, namespace: str) -> None:
    """Give a namespace the attributes that workflows set; those that it has already stay.

    `start-dev --search-attribute` is not used: it does nothing for a namespace that exists, so a
    file kept from an earlier release would lack the new ones.
    """
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    await service.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=namespace, search_attributes=dict.fromkeys(SEARCH_ATTRIBUTES, keyword)
        )
    )


async def _connect(address: str) -> ServiceClient:
    pause_s = 0.02
    while True:
        try:
            return await ServiceClient.connect(ConnectConfig(target_host=address))
        except RuntimeError:  # nobody listens yet
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, 0.3)


def main() -> int:
    """Prepare the namespace; gives the exit code, and says why where it is not 0."""
    _, address, namespace = sys.argv
    try:
        asyncio.run(prepare(address, namespace))
    except (RPCError, RuntimeError) as error:
        print(f"the namespace {namespace} can't be made ready: {error}")
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # Threads of the client's core may still run, and Python that ends under them aborts.
    os._exit(code)
