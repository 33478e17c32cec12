"""The front door of iam."""

import asyncio
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import unquote

from api import accounts, iam_projects, iam_regions, messages, roles
from api.call import current_call
from api.places import Places
from api.watch import Watch
from mulligan.iam import bootstrap, sign_ins, tokens
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2 as pb
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2_grpc


class IamServicer(iam_pb2_grpc.IamServiceServicer):
    """Bootstrap, sign-in, projects, accounts, roles, regions."""

    def __init__(self, watch: Watch, places: Places) -> None:
        self._watch = watch
        self._places = places
        # Comparing takes 64 MiB and a core for some 30 ms: transactions have most of the threads.
        self._comparing = asyncio.Semaphore(2)

    async def Bootstrap(self, request: pb.BootstrapRequest, context: Any) -> Any:
        """Create the administrator, once."""

        def begin(session: Any) -> pb.BootstrapResponse:
            account = bootstrap.bootstrap(session, request.token, request.account, request.password)
            session.flush()
            token, expires_at = tokens.issue(session, account)
            return pb.BootstrapResponse(
                account=account, access_token=token, expires_at=messages.timestamp(expires_at)
            )

        return await current_call().write_anonymously(begin)

    async def Login(self, request: pb.LoginRequest, context: Any) -> Any:
        """Exchange a password for a token."""
        attempt = await self._attempt(request.account, request.password)
        account, token, expires_at = await current_call().write_anonymously(
            lambda session: sign_ins.succeed(session, attempt, datetime.now(UTC))
        )
        return pb.LoginResponse(
            account=account, access_token=token, expires_at=messages.timestamp(expires_at)
        )

    async def ListTokenKeys(self, request: pb.ListTokenKeysRequest, context: Any) -> Any:
        """Publish the keys with which tokens are checked."""
        keys = await current_call().read(tokens.public_keys)
        return pb.ListTokenKeysResponse(
            keys=[pb.TokenKey(key_id=key, public_key=pem) for key, pem in keys.items()]
        )

    async def CreateProject(self, request: pb.CreateProjectRequest, context: Any) -> Any:
        """Create a project."""
        return await iam_projects.create(request, self._places)

    async def GetProject(self, request: pb.GetProjectRequest, context: Any) -> Any:
        """Show a project."""
        return await iam_projects.get(request)

    async def BatchGetProjects(self, request: pb.BatchGetProjectsRequest, context: Any) -> Any:
        """Show several projects."""
        return await iam_projects.get_all(request)

    async def ListProjects(self, request: pb.ListProjectsRequest, context: Any) -> Any:
        """List the caller's projects."""
        return await iam_projects.list_page(request)

    async def UpdateProject(self, request: pb.UpdateProjectRequest, context: Any) -> Any:
        """Change a project."""
        return await iam_projects.update(request)

    async def DeleteProject(self, request: pb.DeleteProjectRequest, context: Any) -> Any:
        """Delete a project."""
        return await iam_projects.delete(request, self._places)

    async def CreateRegion(self, request: pb.CreateRegionRequest, context: Any) -> Any:
        """Create a region."""
        return await iam_regions.create(request, self._places)

    async def GetRegion(self, request: pb.GetRegionRequest, context: Any) -> Any:
        """Show a region."""
        return await iam_regions.get(request)

    async def BatchGetRegions(self, request: pb.BatchGetRegionsRequest, context: Any) -> Any:
        """Show several regions."""
        return await iam_regions.get_all(request)

    async def ListRegions(self, request: pb.ListRegionsRequest, context: Any) -> Any:
        """List regions."""
        return await iam_regions.list_page(request)

    async def UpdateRegion(self, request: pb.UpdateRegionRequest, context: Any) -> Any:
        """Change a region."""
        return await iam_regions.update(request)

    async def DeleteRegion(self, request: pb.DeleteRegionRequest, context: Any) -> Any:
        """Delete a region."""
        return await iam_regions.delete(request, self._places)

    async def CreateAccount(self, request: pb.CreateAccountRequest, context: Any) -> Any:
        """Create a user."""
        return await accounts.create(request)

    async def GetAccount(self, request: pb.GetAccountRequest, context: Any) -> Any:
        """Show an account."""
        return await accounts.get(request)

    async def BatchGetAccounts(self, request: pb.BatchGetAccountsRequest, context: Any) -> Any:
        """Show several accounts."""
        return await accounts.get_all(request)

    async def ListAccounts(self, request: pb.ListAccountsRequest, context: Any) -> Any:
        """List accounts."""
        return await accounts.list_page(request)

    async def UpdateAccount(self, request: pb.UpdateAccountRequest, context: Any) -> Any:
        """Change an account."""
        return await accounts.update(request)

    async def DeleteAccount(self, request: pb.DeleteAccountRequest, context: Any) -> Any:
        """Delete an account."""
        return await accounts.delete(request)

    async def ChangePassword(self, request: pb.ChangePasswordRequest, context: Any) -> Any:
        """Change one's own password."""
        call = current_call()
        if await call.refuse_other_content(request):
            return pb.ChangePasswordResponse()
        attempt = await self._attempt(call.caller.account, request.old_password)
        return await accounts.change_password(request, attempt)

    async def AssignRole(self, request: pb.AssignRoleRequest, context: Any) -> Any:
        """Give an account a role."""
        return await roles.assign(request)

    async def RevokeRole(self, request: pb.RevokeRoleRequest, context: Any) -> Any:
        """Take a role away."""
        return await roles.revoke(request)

    async def ListAssignments(self, request: pb.ListAssignmentsRequest, context: Any) -> Any:
        """List who has which role where."""
        return await roles.list_page(request)

    async def Watch(self, request: Any, context: Any) -> Any:
        """Stream changes."""
        async for event in self._watch.stream(request):
            yield event

    async def _attempt(self, account: str, password: str) -> sign_ins.Attempt:
        """Try a password, which counts; gives the attempt if it fits."""
        call = current_call()
        address = address_of(call.caller.address)
        attempt = await call.write_anonymously(
            lambda session: sign_ins.begin(session, account, address, datetime.now(UTC))
        )
        async with self._comparing:
            fits = await call.in_thread(lambda: attempt.fits(password))
        if not fits:
            raise sign_ins.refused()
        return attempt


def address_of(peer: str) -> str:
    """Read the IP address of a caller from what gRPC calls it; of IPv6 its /64, which one has.

    Empty for a caller on this machine's socket file.
    """
    kind, _, rest = unquote(peer).partition(":")
    if kind not in ("ipv4", "ipv6"):
        return ""
    address = ip_address(rest.rpartition(":")[0].strip("[]").partition("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    return str(ip_network((address, 32 if address.version == 4 else 64), strict=False))
