"""The front door of resource."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

from api import (
    calendars,
    claims,
    configuration,
    distances,
    groups,
    messages,
    providers,
    quotas,
    registry,
    reservations,
    series,
    usage,
)
from api.call import current_call
from api.listings import listing_of, token_after
from api.masks import paths_of
from api.operations import Starter
from api.projects import Projects
from api.regions import Regions
from api.watch import Watch
from mulligan import events
from mulligan.meta import names
from mulligan.meta.names import Name
from mulligan.resource import networks
from mulligan.resource.network_values import Network, NetworkSpec
from mulligan.resource.registry import check_margin
from mulligan.resource.tables import (
    CapabilityNameRow,
    DistanceTypeRow,
    ProviderTypeRow,
    ResourceTypeRow,
)
from mulligan.values.caller import Caller
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2, resource_pb2_grpc


class ResourceServicer(resource_pb2_grpc.ResourceServiceServicer):
    """Providers, networks, claims."""

    def __init__(
        self, starter: Starter, regions: Regions, projects: Projects, watch: Watch
    ) -> None:
        self._watch = watch
        self._starter = starter
        self._regions = regions
        self._projects = projects

    async def CreateProviderType(self, request: Any, context: Any) -> Any:
        """Register a kind of provider."""
        margin = check_margin(request.cleaning_margin_s)
        return await registry.create(request, ProviderTypeRow, cleaning_margin_s=margin)

    async def UpdateProviderType(self, request: Any, context: Any) -> Any:
        """Change a kind of provider."""
        return await registry.update_provider_type(request)

    async def ListProviderTypes(self, request: Any, context: Any) -> Any:
        """List kinds of provider."""
        response = resource_pb2.ListProviderTypesResponse
        return await registry.list_page(request, ProviderTypeRow, response, "provider_types")

    async def DeleteProviderType(self, request: Any, context: Any) -> Any:
        """Forget a kind of provider."""
        response = resource_pb2.DeleteProviderTypeResponse
        return await registry.delete(request, ProviderTypeRow, response)

    async def CreateResourceType(self, request: Any, context: Any) -> Any:
        """Register a resource type."""
        return await registry.create(request, ResourceTypeRow)

    async def ListResourceTypes(self, request: Any, context: Any) -> Any:
        """List resource types."""
        response = resource_pb2.ListResourceTypesResponse
        return await registry.list_page(request, ResourceTypeRow, response, "resource_types")

    async def DeleteResourceType(self, request: Any, context: Any) -> Any:
        """Forget a resource type."""
        response = resource_pb2.DeleteResourceTypeResponse
        return await registry.delete(request, ResourceTypeRow, response)

    async def CreateCapability(self, request: Any, context: Any) -> Any:
        """Register a capability."""
        return await registry.create(request, CapabilityNameRow)

    async def ListCapabilities(self, request: Any, context: Any) -> Any:
        """List capabilities."""
        response = resource_pb2.ListCapabilitiesResponse
        return await registry.list_page(request, CapabilityNameRow, response, "capabilities")

    async def DeleteCapability(self, request: Any, context: Any) -> Any:
        """Forget a capability."""
        response = resource_pb2.DeleteCapabilityResponse
        return await registry.delete(request, CapabilityNameRow, response)

    async def CreateProviders(self, request: Any, context: Any) -> Any:
        """Make providers."""
        return await providers.create(request, self._regions, self._starter)

    async def UpdateProviders(self, request: Any, context: Any) -> Any:
        """Change providers."""
        return await providers.update(request, self._regions, self._starter)

    async def ReshapeProviders(self, request: Any, context: Any) -> Any:
        """Reshape a tree."""
        return await providers.reshape(request, self._regions, self._starter)

    async def DeleteProviders(self, request: Any, context: Any) -> Any:
        """Delete providers."""
        return await providers.delete(request, self._starter)

    async def CreateGroup(self, request: Any, context: Any) -> Any:
        """Make a group."""
        return await groups.create(request, self._regions)

    async def UpdateGroup(self, request: Any, context: Any) -> Any:
        """Change a group."""
        return await groups.update(request)

    async def GetGroup(self, request: Any, context: Any) -> Any:
        """Show one group."""
        return await groups.get(request.id)

    async def BatchGetGroups(
        self, request: resource_pb2.BatchGetGroupsRequest, context: Any
    ) -> Any:
        """Show several groups."""
        return await groups.get_all(request)

    async def ListGroups(self, request: Any, context: Any) -> Any:
        """List groups."""
        return await groups.list_page(request)

    async def DeleteGroup(self, request: Any, context: Any) -> Any:
        """Delete a group."""
        return await groups.delete(request)

    async def CreateDistanceType(self, request: Any, context: Any) -> Any:
        """Register a way to measure."""
        return await distances.create_type(request)

    async def ListDistanceTypes(self, request: Any, context: Any) -> Any:
        """List ways to measure."""
        response = resource_pb2.ListDistanceTypesResponse
        return await registry.list_page(request, DistanceTypeRow, response, "distance_types")

    async def DeleteDistanceType(self, request: Any, context: Any) -> Any:
        """Forget a way to measure."""
        response = resource_pb2.DeleteDistanceTypeResponse
        return await registry.delete(request, DistanceTypeRow, response)

    async def SetDistances(self, request: Any, context: Any) -> Any:
        """Say how far pairs are apart."""
        return await distances.set_all(request)

    async def ListDistances(self, request: Any, context: Any) -> Any:
        """List distances."""
        return await distances.list_page(request)

    async def MarkProviders(self, request: Any, context: Any) -> Any:
        """Mark providers."""
        answer = await providers.mark(request)
        await self._starter.tell_reservations_on(request.ids)
        return answer

    async def UnmarkProviders(self, request: Any, context: Any) -> Any:
        """Take a mark of providers back."""
        return await providers.unmark(request, self._starter)

    async def GetProvider(self, request: Any, context: Any) -> Any:
        """Show one provider."""
        return await providers.get(request.id)

    async def BatchGetProviders(
        self, request: resource_pb2.BatchGetProvidersRequest, context: Any
    ) -> Any:
        """Show several providers."""
        return await providers.get_all(request)

    async def ListProviders(self, request: Any, context: Any) -> Any:
        """List providers."""
        return await providers.list_page(request)

    async def CreateNetwork(self, request: resource_pb2.CreateNetworkRequest, context: Any) -> Any:
        """Create a network."""
        call = current_call()
        region = await self._regions.require_here(request.region, request=request)
        spec = request.spec

        def create(session: Session) -> resource_pb2.Network:
            row = networks.create_network(
                session,
                id=str(uuid4()),
                region=region,
                spec=NetworkSpec(
                    prefix=spec.prefix,
                    gateway=spec.gateway,
                    dns=tuple(spec.dns),
                    vlan=spec.vlan,
                    host_bridge=spec.host_bridge,
                    first_address=spec.first_address,
                    last_address=spec.last_address,
                ),
                author=call.caller.account,
            )
            names.give_name(session, "network", row.id, request.name, region=region)
            return _network(row, names.describe(session, [row.id]))

        return await call.write(request, resource_pb2.Network, create)

    async def GetNetwork(self, request: resource_pb2.GetNetworkRequest, context: Any) -> Any:
        """Show one network."""
        caller = current_call().caller
        return await current_call().read(
            lambda session: _seen_networks(session, caller, [request.id])[0]
        )

    async def BatchGetNetworks(
        self, request: resource_pb2.BatchGetNetworksRequest, context: Any
    ) -> Any:
        """Show several networks."""
        caller = current_call().caller
        return await current_call().read(
            lambda session: resource_pb2.BatchGetNetworksResponse(
                networks=messages.at_once(_seen_networks(session, caller, request.ids))
            )
        )

    async def ListNetworks(self, request: resource_pb2.ListNetworksRequest, context: Any) -> Any:
        """List networks."""
        listing = listing_of(request, "network")
        hidden = current_call().caller.hidden_regions

        def read(session: Session) -> resource_pb2.ListNetworksResponse:
            revision = events.current_revision(session)
            page = networks.list_networks(
                session, region=request.region, listing=listing, hidden=hidden
            )
            described = names.describe(session, [row.id for row in page.items])
            shown = messages.fitting(_network(row, described) for row in page.items)
            return resource_pb2.ListNetworksResponse(
                networks=shown,
                next_page_token=token_after(page, shown),
                revision=revision,
            )

        return await current_call().read(read)

    async def UpdateNetwork(self, request: resource_pb2.UpdateNetworkRequest, context: Any) -> Any:
        """Change a network's name."""
        call = current_call()
        paths_of(request, ("name",))

        def update(session: Session) -> resource_pb2.Network:
            row = networks.rename_network(
                session,
                request.id,
                request.name,
                generation=request.generation,
                author=call.caller.account,
            )
            return _network(row, names.describe(session, [row.id]))

        return await call.write(request, resource_pb2.Network, update)

    async def DeleteNetwork(self, request: resource_pb2.DeleteNetworkRequest, context: Any) -> Any:
        """Delete a network that nobody uses."""
        call = current_call()

        def delete(session: Session) -> resource_pb2.DeleteNetworkResponse:
            networks.delete_network(session, request.id, author=call.caller.account)
            names.release_name(session, request.id)
            return resource_pb2.DeleteNetworkResponse()

        return await call.write(request, resource_pb2.DeleteNetworkResponse, delete)

    async def ProposeCandidates(
        self, request: resource_pb2.ProposeCandidatesRequest, context: Any
    ) -> Any:
        """Stream what could be claimed, best first."""
        await self._regions.require_here(request.spec.region, or_below=request.spec.or_below)
        await self._regions.require_origins(request.spec.domains)
        for one in await claims.propose(request):
            yield one

    async def FindOpenings(self, request: resource_pb2.FindOpeningsRequest, context: Any) -> Any:
        """Say when something is free for so long."""
        await self._regions.require_here(request.spec.region, or_below=request.spec.or_below)
        await self._regions.require_origins(request.spec.domains)
        return await calendars.find_openings(request)

    async def ListCalendar(self, request: resource_pb2.ListCalendarRequest, context: Any) -> Any:
        """Show who has what of each provider, and when."""
        return await calendars.list_page(request, self._regions)

    async def ListProjectCalendar(self, request: Any, context: Any) -> Any:
        """Show what a project has of each provider, and when."""
        return await calendars.list_of_project(request, self._regions)

    async def ListUsage(self, request: resource_pb2.ListUsageRequest, context: Any) -> Any:
        """Show what is used, reserved and free."""
        return await usage.list_page(request, self._regions)

    async def ListProjectUsage(self, request: Any, context: Any) -> Any:
        """Show what a project uses."""
        return await usage.list_of_project(request, self._regions)

    async def CreateClaim(self, request: resource_pb2.CreateClaimRequest, context: Any) -> Any:
        """Claim, hold or wait: the workflow answers when it is committed or waits."""
        return await claims.create(self._starter, request, self._regions)

    async def GetClaim(self, request: resource_pb2.GetClaimRequest, context: Any) -> Any:
        """Show one claim."""
        return await claims.get(request)

    async def BatchGetClaims(
        self, request: resource_pb2.BatchGetClaimsRequest, context: Any
    ) -> Any:
        """Show several claims of a project."""
        return await claims.get_all(request)

    async def ListClaims(self, request: resource_pb2.ListClaimsRequest, context: Any) -> Any:
        """List a project's claims."""
        return await claims.list_page(request)

    async def ConfirmClaim(self, request: resource_pb2.ConfirmClaimRequest, context: Any) -> Any:
        """Turn a hold into a claim for its whole window."""
        return await claims.confirm(self._starter, request)

    async def ChangeClaims(self, request: resource_pb2.ChangeClaimsRequest, context: Any) -> Any:
        """Change several claims, all or none."""
        return await claims.change_all(self._starter, request, self._regions)

    async def SetQuota(self, request: resource_pb2.SetQuotaRequest, context: Any) -> Any:
        """Say how much a project may have."""
        await self._projects.require(request.project)
        return await quotas.put(request)

    async def ListQuotas(self, request: Any, context: Any) -> Any:
        """List the quotas of all projects."""
        return await quotas.list_page(request)

    async def ListProjectQuotas(self, request: Any, context: Any) -> Any:
        """List the quotas of a project and those under it."""
        return await quotas.list_of_project(request)

    async def SetChildQuota(self, request: Any, context: Any) -> Any:
        """Say how much a project under another one may have."""
        await self._projects.require(request.child)
        return await quotas.put_of_child(request)

    async def DeleteChildQuota(self, request: Any, context: Any) -> Any:
        """Take the quota of a project under another one away."""
        await self._projects.know(request.child)
        return await quotas.delete_of_child(request)

    async def GetQuota(self, request: resource_pb2.GetQuotaRequest, context: Any) -> Any:
        """Show how much a project may have, and has."""
        return await quotas.get(request)

    async def DeleteQuota(self, request: resource_pb2.DeleteQuotaRequest, context: Any) -> Any:
        """Take a project's own quota away."""
        return await quotas.delete(request)

    async def CreateReservations(self, request: Any, context: Any) -> Any:
        """Reserve."""
        return await reservations.create(self._starter, request, self._regions)

    async def GetReservation(self, request: Any, context: Any) -> Any:
        """Show a reservation."""
        return await reservations.get(request)

    async def BatchGetReservations(
        self, request: resource_pb2.BatchGetReservationsRequest, context: Any
    ) -> Any:
        """Show several reservations of a project."""
        return await reservations.get_all(request)

    async def ListReservations(self, request: Any, context: Any) -> Any:
        """List a project's reservations."""
        return await reservations.list_page(request)

    async def UpdateReservation(self, request: Any, context: Any) -> Any:
        """Extend, shorten or move a reservation."""
        return await reservations.change(self._starter, request)

    async def CancelReservation(self, request: Any, context: Any) -> Any:
        """End a reservation before its time."""
        return await reservations.cancel(self._starter, request)

    async def CreateReservationSeries(self, request: Any, context: Any) -> Any:
        """Begin a series of reservations."""
        return await series.create(self._starter, request, self._regions)

    async def GetReservationSeries(self, request: Any, context: Any) -> Any:
        """Show a series."""
        return await series.get(self._starter.client, request)

    async def BatchGetReservationSeries(
        self, request: resource_pb2.BatchGetReservationSeriesRequest, context: Any
    ) -> Any:
        """Show several series of a project."""
        return await series.get_all(request)

    async def ListReservationSeries(self, request: Any, context: Any) -> Any:
        """List a project's series."""
        return await series.list_page(request)

    async def EndReservationSeries(self, request: Any, context: Any) -> Any:
        """End a series."""
        return await series.end(self._starter.client, request)

    async def ReleaseClaim(self, request: resource_pb2.ReleaseClaimRequest, context: Any) -> Any:
        """End a claim that no machine uses."""
        return await claims.release(self._starter, request)

    async def ResourceConfigure(self, request: Any, context: Any) -> Any:
        """Configure the service."""
        return await configuration.configure(request, "resource")

    async def GetResourceConfiguration(self, request: Any, context: Any) -> Any:
        """Show how the service is configured."""
        return await configuration.get("resource")

    async def Watch(self, request: Any, context: Any) -> Any:
        """Stream changes."""
        async for event in self._watch.stream(request):
            yield event


def _seen_networks(
    session: Session, caller: Caller, ids: Sequence[str]
) -> list[resource_pb2.Network]:
    rows = networks.get_networks(session, ids, sees=caller.sees)
    described = names.describe(session, ids)
    return [_network(row, described) for row in rows]


def _network(row: Network, described: Mapping[str, Name]) -> resource_pb2.Network:
    spec = row.spec
    return resource_pb2.Network(
        metadata=messages.metadata(row, described, region=row.region),
        spec=resource_pb2.NetworkSpec(
            prefix=spec.prefix,
            gateway=spec.gateway,
            dns=spec.dns,
            vlan=spec.vlan,
            host_bridge=spec.host_bridge,
            first_address=spec.first_address,
            last_address=spec.last_address,
        ),
        addresses=row.addresses,
        addresses_used=row.addresses_used,
    )
