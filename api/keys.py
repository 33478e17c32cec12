"""The keys to which secrets for a region are sealed: shown, and rotated."""

from activities.contracts.keys import BeginRotation
from api.operations import Operations, Starter
from api.regions import Regions
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from workflows.rotate_key import RotateRegionKey


class Keys:
    """The RPCs of a region's keys."""

    def __init__(self, starter: Starter, shown: Operations, regions: Regions) -> None:
        self._starter = starter
        self._operations = shown
        self._regions = regions

    async def list(
        self, request: control_pb2.ListRegionKeysRequest
    ) -> control_pb2.ListRegionKeysResponse:
        """Give a region's live keys, newest first."""
        await self._regions.require(request.region)
        keys = await self._starter.region_keys(request.region)
        return control_pb2.ListRegionKeysResponse(
            keys=[
                control_pb2.RegionKey(key_id=key_id, public_key=public_key)
                for key_id, public_key in keys
            ]
        )

    async def rotate(self, request: control_pb2.RotateRegionKeyRequest) -> control_pb2.Operation:
        """Give a region a new key, to which everything is sealed when the operation is done."""
        await self._regions.require(request.region)
        asked = self._starter.asked(request, "", request.region)
        await self._starter.start(
            RotateRegionKey.run,
            RotateRegionKey.accepted,
            BeginRotation(asked=asked),
            asked,
            summary="rotate a region's key",
        )
        return await self._operations.get(asked.operation)
