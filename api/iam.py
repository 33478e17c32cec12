"""The front door of iam."""

from typing import Any

from api import (
    accounts,
    audit,
    catalogue,
    configuration,
    credentials,
    iam_projects,
    iam_regions,
    roles,
)
from api.call import current_call
from api.hashing import Hashing
from api.places import Places
from api.sign_in import SignIn
from api.watch import Watch
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2 as pb
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2_grpc


class IamServicer(iam_pb2_grpc.IamServiceServicer):
    """Bootstrap, sign-in, projects, accounts, roles, regions."""

    def __init__(self, watch: Watch, places: Places) -> None:
        self._watch = watch
        self._places = places
        self._hashing = Hashing()
        self._sign_in = SignIn(self._hashing)

    async def Bootstrap(self, request: Any, context: Any) -> Any:
        """Create the administrator, once."""
        return await self._sign_in.bootstrap(request)

    async def Login(self, request: Any, context: Any) -> Any:
        """Exchange a password for tokens."""
        return await self._sign_in.login(request)

    async def RefreshToken(self, request: Any, context: Any) -> Any:
        """Exchange a refresh token for new tokens."""
        return await self._sign_in.refresh(request)

    async def SignOut(self, request: Any, context: Any) -> Any:
        """Revoke the caller's session."""
        return await self._sign_in.sign_out(request)

    async def ListSessions(self, request: Any, context: Any) -> Any:
        """List an account's sessions."""
        return await self._sign_in.list_sessions(request)

    async def RevokeSession(self, request: Any, context: Any) -> Any:
        """Revoke a session."""
        return await self._sign_in.revoke(request)

    async def ListTokenKeys(self, request: Any, context: Any) -> Any:
        """Publish the keys with which tokens are checked."""
        return await self._sign_in.list_keys()

    async def RotateTokenKeys(self, request: Any, context: Any) -> Any:
        """Make a new key that signs tokens."""
        return await self._sign_in.rotate_keys(request)

    async def CreateProject(self, request: pb.CreateProjectRequest, context: Any) -> Any:
        """Create a project."""
        return await iam_projects.create(request, self._places)

    async def GetProject(self, request: pb.GetProjectRequest, context: Any) -> Any:
        """Show a project."""
        return await iam_projects.get(request)

    async def BatchGetProjects(self, request: pb.BatchGetProjectsRequest, context: Any) -> Any:
        """Show several projects."""
        return await iam_projects.get_all(request, self._places)

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
        return await iam_regions.get(request, self._places)

    async def BatchGetRegions(self, request: pb.BatchGetRegionsRequest, context: Any) -> Any:
        """Show several regions."""
        return await iam_regions.get_all(request, self._places)

    async def ListRegions(self, request: pb.ListRegionsRequest, context: Any) -> Any:
        """List regions."""
        return await iam_regions.list_page(request, self._places)

    async def UpdateRegion(self, request: pb.UpdateRegionRequest, context: Any) -> Any:
        """Change a region."""
        return await iam_regions.update(request, self._places)

    async def DeleteRegion(self, request: pb.DeleteRegionRequest, context: Any) -> Any:
        """Delete a region."""
        return await iam_regions.delete(request, self._places)

    async def CreateAccount(self, request: pb.CreateAccountRequest, context: Any) -> Any:
        """Create a user."""
        return await accounts.create(request, self._hashing)

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
        return await accounts.update(request, self._hashing)

    async def DeleteAccount(self, request: pb.DeleteAccountRequest, context: Any) -> Any:
        """Delete an account."""
        return await accounts.delete(request)

    async def ChangePassword(self, request: pb.ChangePasswordRequest, context: Any) -> Any:
        """Change one's own password."""
        call = current_call()
        if await call.refuse_other_content(request):
            return pb.ChangePasswordResponse()
        attempt = await self._sign_in.attempt(call.caller.account, request.old_password)
        return await accounts.change_password(request, attempt, self._hashing)

    async def CreateApplicationCredential(self, request: Any, context: Any) -> Any:
        """Make an account for a program."""
        return await credentials.create(request, self._places, self._hashing)

    async def GetApplicationCredential(self, request: Any, context: Any) -> Any:
        """Show an application credential."""
        return await credentials.get(request)

    async def BatchGetApplicationCredentials(
        self, request: pb.BatchGetApplicationCredentialsRequest, context: Any
    ) -> Any:
        """Show several application credentials."""
        return await credentials.get_all(request)

    async def ListApplicationCredentials(self, request: Any, context: Any) -> Any:
        """List an account's application credentials."""
        return await credentials.list_page(request)

    async def UpdateApplicationCredential(self, request: Any, context: Any) -> Any:
        """Rename an application credential, or give it less."""
        return await credentials.update(request)

    async def DeleteApplicationCredential(self, request: Any, context: Any) -> Any:
        """Delete an application credential."""
        return await credentials.delete(request)

    async def AssignRole(self, request: pb.AssignRoleRequest, context: Any) -> Any:
        """Give an account a role."""
        return await roles.assign(request)

    async def RevokeRole(self, request: pb.RevokeRoleRequest, context: Any) -> Any:
        """Take a role away."""
        return await roles.revoke(request)

    async def ListAssignments(self, request: pb.ListAssignmentsRequest, context: Any) -> Any:
        """List who has which role where."""
        return await roles.list_page(request)

    async def RegisterService(self, request: pb.RegisterServiceRequest, context: Any) -> Any:
        """Take a process up in the catalogue."""
        return await catalogue.register(request, self._places)

    async def RenewService(self, request: pb.RenewServiceRequest, context: Any) -> Any:
        """Note that a process is alive."""
        return await catalogue.renew(request)

    async def WithdrawService(self, request: pb.WithdrawServiceRequest, context: Any) -> Any:
        """Take a process out of the catalogue."""
        return await catalogue.withdraw(request)

    async def ListServices(self, request: pb.ListServicesRequest, context: Any) -> Any:
        """List sites and their services."""
        return await catalogue.list_all()

    async def DeleteSite(self, request: pb.DeleteSiteRequest, context: Any) -> Any:
        """Forget a site."""
        return await catalogue.delete_site(request)

    async def ListAuditEvents(self, request: Any, context: Any) -> Any:
        """List who did what, and who was refused."""
        return await audit.list_page(request, "iam")

    async def IamConfigure(self, request: Any, context: Any) -> Any:
        """Configure the service."""
        return await configuration.configure(request, "iam")

    async def GetIamConfiguration(self, request: Any, context: Any) -> Any:
        """Show how the service is configured."""
        return await configuration.get("iam")

    async def Watch(self, request: Any, context: Any) -> Any:
        """Stream changes."""
        async for event in self._watch.stream(request):
            yield event
