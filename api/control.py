"""The front door of control: each RPC is handed to the noun that it is about."""

from typing import Any

from api import audit, configuration, owned_hardware
from api.endpoints import Endpoints
from api.freezes import Freezes
from api.images import Images
from api.keys import Keys
from api.logs import Logs
from api.machines import Machines
from api.operations import Operations, Starter
from api.reconcile import Reconciliations
from api.regions import Regions
from api.watch import Watch
from api.ways_out import WaysOut
from mulligan_client.gen.mulligan.control.v1 import control_pb2 as pb
from mulligan_client.gen.mulligan.control.v1 import control_pb2_grpc
from workflows.check import Inspect, Verify


class ControlServicer(control_pb2_grpc.ControlServiceServicer):
    """Servers, hosts, images, machines, operations."""

    def __init__(self, starter: Starter, shown: Operations, regions: Regions, watch: Watch) -> None:
        self._starter = starter
        self._operations = shown
        self._regions = regions
        self._watch = watch
        self._endpoints = Endpoints(starter, shown, regions)
        self._freezes = Freezes(starter, regions)
        self._images = Images(regions)
        self._keys = Keys(starter, shown, regions)
        self._logs = Logs(starter.client)
        self._machines = Machines(starter, shown, regions)
        self._reconciliations = Reconciliations(starter, shown, regions)
        self._ways_out = WaysOut(starter, shown)

    async def ListRegionKeys(self, request: pb.ListRegionKeysRequest, context: Any) -> Any:
        """Give the keys to which secrets are sealed."""
        return await self._keys.list(request)

    async def RotateRegionKey(self, request: pb.RotateRegionKeyRequest, context: Any) -> Any:
        """Give a region a new key."""
        return await self._keys.rotate(request)

    async def CreateServer(self, request: pb.CreateServerRequest, context: Any) -> Any:
        """Enrol a server."""
        return await self._endpoints.create_server(request)

    async def GetServer(self, request: pb.GetServerRequest, context: Any) -> Any:
        """Show a server."""
        return await self._endpoints.get_server(request.id)

    async def BatchGetServers(self, request: pb.BatchGetServersRequest, context: Any) -> Any:
        """Show several servers."""
        return await self._endpoints.get_servers(request)

    async def ListServers(self, request: pb.ListServersRequest, context: Any) -> Any:
        """List servers."""
        return await self._endpoints.list_servers(request)

    async def ListProjectServers(self, request: pb.ListProjectServersRequest, context: Any) -> Any:
        """List the servers that are a project's."""
        return await owned_hardware.list_servers(request)

    async def ListProjectHosts(self, request: pb.ListProjectHostsRequest, context: Any) -> Any:
        """List the hosts that are a project's."""
        return await owned_hardware.list_hosts(request)

    async def UpdateServer(self, request: pb.UpdateServerRequest, context: Any) -> Any:
        """Change a server's name or owner, or how its BMC is reached."""
        return await self._endpoints.update_server(request)

    async def UpdateHost(self, request: pb.UpdateHostRequest, context: Any) -> Any:
        """Change a host's name or owner."""
        return await self._endpoints.update_host(request)

    async def VerifyServer(self, request: pb.VerifyServerRequest, context: Any) -> Any:
        """Check that a server can be driven."""
        return await self._endpoints.check(request, "server", Verify)

    async def InspectServer(self, request: pb.InspectServerRequest, context: Any) -> Any:
        """Read a server's inventory."""
        return await self._endpoints.check(request, "server", Inspect)

    async def DeleteServer(self, request: pb.DeleteServerRequest, context: Any) -> Any:
        """Forget a server."""
        return await self._endpoints.delete(request, "server", pb.DeleteServerResponse)

    async def CreateHost(self, request: pb.CreateHostRequest, context: Any) -> Any:
        """Add a host."""
        return await self._endpoints.create_host(request)

    async def GetHost(self, request: pb.GetHostRequest, context: Any) -> Any:
        """Show a host."""
        return await self._endpoints.get_host(request.id)

    async def BatchGetHosts(self, request: pb.BatchGetHostsRequest, context: Any) -> Any:
        """Show several hosts."""
        return await self._endpoints.get_hosts(request)

    async def ListHosts(self, request: pb.ListHostsRequest, context: Any) -> Any:
        """List hosts."""
        return await self._endpoints.list_hosts(request)

    async def VerifyHost(self, request: pb.VerifyHostRequest, context: Any) -> Any:
        """Check that a host can be driven."""
        return await self._endpoints.check(request, "host", Verify)

    async def InspectHost(self, request: pb.InspectHostRequest, context: Any) -> Any:
        """Read a host's inventory."""
        return await self._endpoints.check(request, "host", Inspect)

    async def DeleteHost(self, request: pb.DeleteHostRequest, context: Any) -> Any:
        """Forget a host."""
        return await self._endpoints.delete(request, "host", pb.DeleteHostResponse)

    async def SetMark(self, request: pb.SetMarkRequest, context: Any) -> Any:
        """Set a mark."""
        return await self._machines.mark(request)

    async def ClearMark(self, request: pb.ClearMarkRequest, context: Any) -> Any:
        """Clear a mark."""
        return await self._machines.unmark(request)

    async def CreateImage(self, request: pb.CreateImageRequest, context: Any) -> Any:
        """Register an image."""
        return await self._images.create(request)

    async def GetImage(self, request: pb.GetImageRequest, context: Any) -> Any:
        """Show an image."""
        return await self._images.get(request.id)

    async def BatchGetImages(self, request: pb.BatchGetImagesRequest, context: Any) -> Any:
        """Show several images."""
        return await self._images.get_all(request)

    async def ListImages(self, request: pb.ListImagesRequest, context: Any) -> Any:
        """List images."""
        return await self._images.list(request)

    async def UpdateImage(self, request: pb.UpdateImageRequest, context: Any) -> Any:
        """Change an image's name."""
        return await self._images.update(request)

    async def DeleteImage(self, request: pb.DeleteImageRequest, context: Any) -> Any:
        """Forget an image."""
        return await self._images.delete(request)

    async def ProvisionMachine(self, request: pb.ProvisionMachineRequest, context: Any) -> Any:
        """Make a machine."""
        return await self._machines.provision(request)

    async def UpdateMachine(self, request: pb.UpdateMachineRequest, context: Any) -> Any:
        """Change a machine's name."""
        return await self._machines.update(request)

    async def DecommissionMachine(
        self, request: pb.DecommissionMachineRequest, context: Any
    ) -> Any:
        """End a machine."""
        return await self._machines.decommission(request)

    async def GetMachine(self, request: pb.GetMachineRequest, context: Any) -> Any:
        """Show a machine."""
        return await self._machines.get(request)

    async def BatchGetMachines(self, request: pb.BatchGetMachinesRequest, context: Any) -> Any:
        """Show several machines of a project."""
        return await self._machines.get_all(request)

    async def ListMachines(self, request: pb.ListMachinesRequest, context: Any) -> Any:
        """List machines."""
        return await self._machines.list(request)

    async def GetOperation(self, request: pb.GetOperationRequest, context: Any) -> Any:
        """Show an operation."""
        return await self._operations.get(request.id)

    async def BatchGetOperations(self, request: pb.BatchGetOperationsRequest, context: Any) -> Any:
        """Show several operations."""
        return await self._operations.get_all(request)

    async def ListOperations(self, request: pb.ListOperationsRequest, context: Any) -> Any:
        """List operations."""
        return await self._operations.list(request)

    async def GetOperationLog(self, request: pb.GetOperationLogRequest, context: Any) -> Any:
        """Show an operation's log."""
        return await self._logs.get(request.id)

    async def AbortOperation(self, request: pb.AbortOperationRequest, context: Any) -> Any:
        """Have an operation take back what it did."""
        return await self._ways_out.abort(request)

    async def RetryOperation(self, request: pb.RetryOperationRequest, context: Any) -> Any:
        """Try the failed step again."""
        return await self._ways_out.retry(request)

    async def ForceRelease(self, request: pb.ForceReleaseRequest, context: Any) -> Any:
        """End a claim at once."""
        return await self._ways_out.force_release(request)

    async def Freeze(self, request: pb.FreezeRequest, context: Any) -> Any:
        """Stop what powers, wipes, deletes or starts."""
        return await self._freezes.freeze(request)

    async def Thaw(self, request: pb.ThawRequest, context: Any) -> Any:
        """Take a freeze back."""
        return await self._freezes.thaw(request)

    async def ListFreezes(self, request: pb.ListFreezesRequest, context: Any) -> Any:
        """List what is frozen."""
        return await self._freezes.list(request)

    async def Reconcile(self, request: pb.ReconcileRequest, context: Any) -> Any:
        """Compare a region with Temporal and hardware."""
        return await self._reconciliations.reconcile(request)

    async def ListDifferences(self, request: pb.ListDifferencesRequest, context: Any) -> Any:
        """List what differed."""
        return await self._reconciliations.list(request)

    async def ListAuditEvents(self, request: Any, context: Any) -> Any:
        """List who did what, and who was refused."""
        return await audit.list_page(request, "control")

    async def ControlConfigure(self, request: Any, context: Any) -> Any:
        """Configure the service."""
        return await configuration.configure(request, "control")

    async def GetControlConfiguration(self, request: Any, context: Any) -> Any:
        """Show how the service is configured."""
        return await configuration.get("control")

    async def ExecutorConfigure(self, request: Any, context: Any) -> Any:
        """Configure the executors of a region."""
        await self._regions.require_here(request.region)
        return await configuration.configure(request, "executor", request.region)

    async def GetExecutorConfiguration(self, request: Any, context: Any) -> Any:
        """Show how the executors of a region are configured."""
        return await configuration.get("executor", request.region)

    async def Watch(self, request: Any, context: Any) -> Any:
        """Stream changes."""
        async for event in self._watch.stream(request):
            yield event
