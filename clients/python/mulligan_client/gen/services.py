"""The services, each call a method.

Drawn from proto/ by `make generate`; change the protos instead.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

from mulligan_client.gen import methods
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.transport import Calls, Stream


class ControlService:
    """Asks for work and shows how it goes."""

    def __init__(self, caller: Calls) -> None:
        self._caller = caller

    def ListRegionKeys(
        self, request: control_pb2.ListRegionKeysRequest, timeout: float | None = None
    ) -> control_pb2.ListRegionKeysResponse:
        """The keys to which secrets for a region are sealed, newest first."""
        return self._caller.unary(
            methods.CONTROL_LIST_REGION_KEYS, request, control_pb2.ListRegionKeysResponse, timeout
        )

    def CreateServer(
        self, request: control_pb2.CreateServerRequest, timeout: float | None = None
    ) -> control_pb2.Server:
        """Enrol a server; it is verified and inspected before it is offered."""
        return self._caller.unary(
            methods.CONTROL_CREATE_SERVER, request, control_pb2.Server, timeout
        )

    def GetServer(
        self, request: control_pb2.GetServerRequest, timeout: float | None = None
    ) -> control_pb2.Server:
        """A server."""
        return self._caller.unary(methods.CONTROL_GET_SERVER, request, control_pb2.Server, timeout)

    def BatchGetServers(
        self, request: control_pb2.BatchGetServersRequest, timeout: float | None = None
    ) -> control_pb2.BatchGetServersResponse:
        """Several servers at once, in the order of their ids in the request; refused if one is not
        there.
        """
        return self._caller.unary(
            methods.CONTROL_BATCH_GET_SERVERS, request, control_pb2.BatchGetServersResponse, timeout
        )

    def ListServers(
        self, request: control_pb2.ListServersRequest, timeout: float | None = None
    ) -> control_pb2.ListServersResponse:
        """All servers."""
        return self._caller.unary(
            methods.CONTROL_LIST_SERVERS, request, control_pb2.ListServersResponse, timeout
        )

    def AllServers(self, request: control_pb2.ListServersRequest) -> Iterator[control_pb2.Server]:
        """Give one after the other what ListServers gives in pages."""
        for page in self._caller.pages(self.ListServers, request):
            yield from page.servers

    def ListProjectServers(
        self, request: control_pb2.ListProjectServersRequest, timeout: float | None = None
    ) -> control_pb2.ListProjectServersResponse:
        """The servers that are a project's, as it may know them: what they are and where they
        stand, not how they are reached.
        """
        return self._caller.unary(
            methods.CONTROL_LIST_PROJECT_SERVERS,
            request,
            control_pb2.ListProjectServersResponse,
            timeout,
        )

    def AllProjectServers(
        self, request: control_pb2.ListProjectServersRequest
    ) -> Iterator[control_pb2.ProjectServer]:
        """Give one after the other what ListProjectServers gives in pages."""
        for page in self._caller.pages(self.ListProjectServers, request):
            yield from page.servers

    def UpdateServer(
        self, request: control_pb2.UpdateServerRequest, timeout: float | None = None
    ) -> control_pb2.Server:
        """Change a server's name or owner, or how its BMC is reached. It needs no slot: a running
        operation goes on with what it began with; its retry after it ended, and every later
        operation, use what is new.
        """
        return self._caller.unary(
            methods.CONTROL_UPDATE_SERVER, request, control_pb2.Server, timeout
        )

    def VerifyServer(
        self, request: control_pb2.VerifyServerRequest, timeout: float | None = None
    ) -> control_pb2.Operation:
        """Check that a server can be driven."""
        return self._caller.unary(
            methods.CONTROL_VERIFY_SERVER, request, control_pb2.Operation, timeout
        )

    def InspectServer(
        self, request: control_pb2.InspectServerRequest, timeout: float | None = None
    ) -> control_pb2.Operation:
        """Read a server's inventory."""
        return self._caller.unary(
            methods.CONTROL_INSPECT_SERVER, request, control_pb2.Operation, timeout
        )

    def DeleteServer(
        self, request: control_pb2.DeleteServerRequest, timeout: float | None = None
    ) -> control_pb2.DeleteServerResponse:
        """Forget a server that nobody uses."""
        return self._caller.unary(
            methods.CONTROL_DELETE_SERVER, request, control_pb2.DeleteServerResponse, timeout
        )

    def CreateHost(
        self, request: control_pb2.CreateHostRequest, timeout: float | None = None
    ) -> control_pb2.Host:
        """Add a hypervisor host; it is verified and inspected before it is offered."""
        return self._caller.unary(methods.CONTROL_CREATE_HOST, request, control_pb2.Host, timeout)

    def GetHost(
        self, request: control_pb2.GetHostRequest, timeout: float | None = None
    ) -> control_pb2.Host:
        """A host."""
        return self._caller.unary(methods.CONTROL_GET_HOST, request, control_pb2.Host, timeout)

    def BatchGetHosts(
        self, request: control_pb2.BatchGetHostsRequest, timeout: float | None = None
    ) -> control_pb2.BatchGetHostsResponse:
        """Several hosts at once, in the order of their ids in the request; refused if one is not
        there.
        """
        return self._caller.unary(
            methods.CONTROL_BATCH_GET_HOSTS, request, control_pb2.BatchGetHostsResponse, timeout
        )

    def ListHosts(
        self, request: control_pb2.ListHostsRequest, timeout: float | None = None
    ) -> control_pb2.ListHostsResponse:
        """All hosts."""
        return self._caller.unary(
            methods.CONTROL_LIST_HOSTS, request, control_pb2.ListHostsResponse, timeout
        )

    def AllHosts(self, request: control_pb2.ListHostsRequest) -> Iterator[control_pb2.Host]:
        """Give one after the other what ListHosts gives in pages."""
        for page in self._caller.pages(self.ListHosts, request):
            yield from page.hosts

    def ListProjectHosts(
        self, request: control_pb2.ListProjectHostsRequest, timeout: float | None = None
    ) -> control_pb2.ListProjectHostsResponse:
        """The hosts that are a project's, as it may know them: what they are and where they stand,
        not how they are reached.
        """
        return self._caller.unary(
            methods.CONTROL_LIST_PROJECT_HOSTS,
            request,
            control_pb2.ListProjectHostsResponse,
            timeout,
        )

    def AllProjectHosts(
        self, request: control_pb2.ListProjectHostsRequest
    ) -> Iterator[control_pb2.ProjectHost]:
        """Give one after the other what ListProjectHosts gives in pages."""
        for page in self._caller.pages(self.ListProjectHosts, request):
            yield from page.hosts

    def UpdateHost(
        self, request: control_pb2.UpdateHostRequest, timeout: float | None = None
    ) -> control_pb2.Host:
        """Change a host's name or owner."""
        return self._caller.unary(methods.CONTROL_UPDATE_HOST, request, control_pb2.Host, timeout)

    def VerifyHost(
        self, request: control_pb2.VerifyHostRequest, timeout: float | None = None
    ) -> control_pb2.Operation:
        """Check that a host can be driven."""
        return self._caller.unary(
            methods.CONTROL_VERIFY_HOST, request, control_pb2.Operation, timeout
        )

    def InspectHost(
        self, request: control_pb2.InspectHostRequest, timeout: float | None = None
    ) -> control_pb2.Operation:
        """Read a host's inventory."""
        return self._caller.unary(
            methods.CONTROL_INSPECT_HOST, request, control_pb2.Operation, timeout
        )

    def DeleteHost(
        self, request: control_pb2.DeleteHostRequest, timeout: float | None = None
    ) -> control_pb2.DeleteHostResponse:
        """Forget a host that nobody uses."""
        return self._caller.unary(
            methods.CONTROL_DELETE_HOST, request, control_pb2.DeleteHostResponse, timeout
        )

    def SetMark(
        self, request: control_pb2.SetMarkRequest, timeout: float | None = None
    ) -> control_pb2.SetMarkResponse:
        """Say that a server or host is in maintenance, protected, locked or retired."""
        return self._caller.unary(
            methods.CONTROL_SET_MARK, request, control_pb2.SetMarkResponse, timeout
        )

    def ClearMark(
        self, request: control_pb2.ClearMarkRequest, timeout: float | None = None
    ) -> control_pb2.ClearMarkResponse:
        """Take a mark back."""
        return self._caller.unary(
            methods.CONTROL_CLEAR_MARK, request, control_pb2.ClearMarkResponse, timeout
        )

    def CreateImage(
        self, request: control_pb2.CreateImageRequest, timeout: float | None = None
    ) -> control_pb2.Image:
        """Register an image: where it is, its checksum and its format."""
        return self._caller.unary(methods.CONTROL_CREATE_IMAGE, request, control_pb2.Image, timeout)

    def GetImage(
        self, request: control_pb2.GetImageRequest, timeout: float | None = None
    ) -> control_pb2.Image:
        """An image."""
        return self._caller.unary(methods.CONTROL_GET_IMAGE, request, control_pb2.Image, timeout)

    def BatchGetImages(
        self, request: control_pb2.BatchGetImagesRequest, timeout: float | None = None
    ) -> control_pb2.BatchGetImagesResponse:
        """Several images at once, in the order of their ids in the request; refused if one is not
        there.
        """
        return self._caller.unary(
            methods.CONTROL_BATCH_GET_IMAGES, request, control_pb2.BatchGetImagesResponse, timeout
        )

    def ListImages(
        self, request: control_pb2.ListImagesRequest, timeout: float | None = None
    ) -> control_pb2.ListImagesResponse:
        """All images."""
        return self._caller.unary(
            methods.CONTROL_LIST_IMAGES, request, control_pb2.ListImagesResponse, timeout
        )

    def AllImages(self, request: control_pb2.ListImagesRequest) -> Iterator[control_pb2.Image]:
        """Give one after the other what ListImages gives in pages."""
        for page in self._caller.pages(self.ListImages, request):
            yield from page.images

    def UpdateImage(
        self, request: control_pb2.UpdateImageRequest, timeout: float | None = None
    ) -> control_pb2.Image:
        """Change an image's name."""
        return self._caller.unary(methods.CONTROL_UPDATE_IMAGE, request, control_pb2.Image, timeout)

    def DeleteImage(
        self, request: control_pb2.DeleteImageRequest, timeout: float | None = None
    ) -> control_pb2.DeleteImageResponse:
        """Forget an image; machines made from it stay."""
        return self._caller.unary(
            methods.CONTROL_DELETE_IMAGE, request, control_pb2.DeleteImageResponse, timeout
        )

    def ProvisionMachine(
        self, request: control_pb2.ProvisionMachineRequest, timeout: float | None = None
    ) -> control_pb2.Operation:
        """Make a machine. Answers when its claim is committed."""
        return self._caller.unary(
            methods.CONTROL_PROVISION_MACHINE, request, control_pb2.Operation, timeout
        )

    def DecommissionMachine(
        self, request: control_pb2.DecommissionMachineRequest, timeout: float | None = None
    ) -> control_pb2.DecommissionMachineResponse:
        """End a machine, clean what it used, release its claim. With dry_run: only say what would
        go.
        """
        return self._caller.unary(
            methods.CONTROL_DECOMMISSION_MACHINE,
            request,
            control_pb2.DecommissionMachineResponse,
            timeout,
        )

    def GetMachine(
        self, request: control_pb2.GetMachineRequest, timeout: float | None = None
    ) -> control_pb2.Machine:
        """A machine."""
        return self._caller.unary(
            methods.CONTROL_GET_MACHINE, request, control_pb2.Machine, timeout
        )

    def BatchGetMachines(
        self, request: control_pb2.BatchGetMachinesRequest, timeout: float | None = None
    ) -> control_pb2.BatchGetMachinesResponse:
        """Several machines of a project at once, in the order of their ids in the request; refused
        if one is not there.
        """
        return self._caller.unary(
            methods.CONTROL_BATCH_GET_MACHINES,
            request,
            control_pb2.BatchGetMachinesResponse,
            timeout,
        )

    def UpdateMachine(
        self, request: control_pb2.UpdateMachineRequest, timeout: float | None = None
    ) -> control_pb2.Machine:
        """Change a machine's name; what it was told at its start stays as it is."""
        return self._caller.unary(
            methods.CONTROL_UPDATE_MACHINE, request, control_pb2.Machine, timeout
        )

    def ListMachines(
        self, request: control_pb2.ListMachinesRequest, timeout: float | None = None
    ) -> control_pb2.ListMachinesResponse:
        """A project's machines."""
        return self._caller.unary(
            methods.CONTROL_LIST_MACHINES, request, control_pb2.ListMachinesResponse, timeout
        )

    def AllMachines(
        self, request: control_pb2.ListMachinesRequest
    ) -> Iterator[control_pb2.Machine]:
        """Give one after the other what ListMachines gives in pages."""
        for page in self._caller.pages(self.ListMachines, request):
            yield from page.machines

    def GetOperation(
        self, request: control_pb2.GetOperationRequest, timeout: float | None = None
    ) -> control_pb2.Operation:
        """An operation with its steps."""
        return self._caller.unary(
            methods.CONTROL_GET_OPERATION, request, control_pb2.Operation, timeout
        )

    def BatchGetOperations(
        self, request: control_pb2.BatchGetOperationsRequest, timeout: float | None = None
    ) -> control_pb2.BatchGetOperationsResponse:
        """Several operations at once, in the order of their ids in the request; refused if one is
        not there.
        """
        return self._caller.unary(
            methods.CONTROL_BATCH_GET_OPERATIONS,
            request,
            control_pb2.BatchGetOperationsResponse,
            timeout,
        )

    def ListOperations(
        self, request: control_pb2.ListOperationsRequest, timeout: float | None = None
    ) -> control_pb2.ListOperationsResponse:
        """Operations, newest first."""
        return self._caller.unary(
            methods.CONTROL_LIST_OPERATIONS, request, control_pb2.ListOperationsResponse, timeout
        )

    def AllOperations(
        self, request: control_pb2.ListOperationsRequest
    ) -> Iterator[control_pb2.Operation]:
        """Give one after the other what ListOperations gives in pages."""
        for page in self._caller.pages(self.ListOperations, request):
            yield from page.operations

    def GetOperationLog(
        self, request: control_pb2.GetOperationLogRequest, timeout: float | None = None
    ) -> control_pb2.GetOperationLogResponse:
        """What console, ramdisk and BMC said during an operation, redacted."""
        return self._caller.unary(
            methods.CONTROL_GET_OPERATION_LOG, request, control_pb2.GetOperationLogResponse, timeout
        )

    def AbortOperation(
        self, request: control_pb2.AbortOperationRequest, timeout: float | None = None
    ) -> control_pb2.Operation:
        """Stop a running operation: what it did is undone, and it ends as cancelled. What only goes
        forward (a decommission) stops trying and says how to go on.
        """
        return self._caller.unary(
            methods.CONTROL_ABORT_OPERATION, request, control_pb2.Operation, timeout
        )

    def RetryOperation(
        self, request: control_pb2.RetryOperationRequest, timeout: float | None = None
    ) -> control_pb2.Operation:
        """Try the failed step again: of a running operation at once; one that ended is asked for
        anew, and finds what is there already.
        """
        return self._caller.unary(
            methods.CONTROL_RETRY_OPERATION, request, control_pb2.Operation, timeout
        )

    def ForceRelease(
        self, request: control_pb2.ForceReleaseRequest, timeout: float | None = None
    ) -> control_pb2.Operation:
        """End a claim at once, whatever state machine, server, BMC or host are in. A server is left
        quarantined and not clean.
        """
        return self._caller.unary(
            methods.CONTROL_FORCE_RELEASE, request, control_pb2.Operation, timeout
        )

    def Freeze(
        self, request: control_pb2.FreezeRequest, timeout: float | None = None
    ) -> control_pb2.FreezeResponse:
        """From now on nothing powers, wipes, deletes or starts there; operations wait visibly."""
        return self._caller.unary(
            methods.CONTROL_FREEZE, request, control_pb2.FreezeResponse, timeout
        )

    def Thaw(
        self, request: control_pb2.ThawRequest, timeout: float | None = None
    ) -> control_pb2.ThawResponse:
        """Take a freeze back; what waited goes on."""
        return self._caller.unary(methods.CONTROL_THAW, request, control_pb2.ThawResponse, timeout)

    def ListFreezes(
        self, request: control_pb2.ListFreezesRequest, timeout: float | None = None
    ) -> control_pb2.ListFreezesResponse:
        """What is frozen."""
        return self._caller.unary(
            methods.CONTROL_LIST_FREEZES, request, control_pb2.ListFreezesResponse, timeout
        )

    def AllFreezes(self, request: control_pb2.ListFreezesRequest) -> Iterator[control_pb2.Freeze]:
        """Give one after the other what ListFreezes gives in pages."""
        for page in self._caller.pages(self.ListFreezes, request):
            yield from page.freezes

    def Reconcile(
        self, request: control_pb2.ReconcileRequest, timeout: float | None = None
    ) -> control_pb2.Operation:
        """Compare database, Temporal, hypervisors and BMCs of a region, and mend what is safe."""
        return self._caller.unary(
            methods.CONTROL_RECONCILE, request, control_pb2.Operation, timeout
        )

    def ListDifferences(
        self, request: control_pb2.ListDifferencesRequest, timeout: float | None = None
    ) -> control_pb2.ListDifferencesResponse:
        """What the last comparison of each region found."""
        return self._caller.unary(
            methods.CONTROL_LIST_DIFFERENCES, request, control_pb2.ListDifferencesResponse, timeout
        )

    def AllDifferences(
        self, request: control_pb2.ListDifferencesRequest
    ) -> Iterator[control_pb2.Difference]:
        """Give one after the other what ListDifferences gives in pages."""
        for page in self._caller.pages(self.ListDifferences, request):
            yield from page.differences

    def RotateRegionKey(
        self, request: control_pb2.RotateRegionKeyRequest, timeout: float | None = None
    ) -> control_pb2.Operation:
        """Give a region a new key, and seal its secrets anew to it; older keys live until that is
        done.
        """
        return self._caller.unary(
            methods.CONTROL_ROTATE_REGION_KEY, request, control_pb2.Operation, timeout
        )

    def ListAuditEvents(
        self, request: common_pb2.ListAuditEventsRequest, timeout: float | None = None
    ) -> common_pb2.ListAuditEventsResponse:
        """Who did what, and who was refused: what was changed, and calls that would have changed
        something or that the caller was not allowed. Newest first. Of the site: of control,
        resource and meta.
        """
        return self._caller.unary(
            methods.CONTROL_LIST_AUDIT_EVENTS, request, common_pb2.ListAuditEventsResponse, timeout
        )

    def AllAuditEvents(
        self, request: common_pb2.ListAuditEventsRequest
    ) -> Iterator[common_pb2.AuditEvent]:
        """Give one after the other what ListAuditEvents gives in pages."""
        for page in self._caller.pages(self.ListAuditEvents, request):
            yield from page.events

    def ControlConfigure(
        self, request: control_pb2.ControlConfigureRequest, timeout: float | None = None
    ) -> common_pb2.Configuration:
        """Configure this service. Every instance follows within a second."""
        return self._caller.unary(
            methods.CONTROL_CONTROL_CONFIGURE, request, common_pb2.Configuration, timeout
        )

    def GetControlConfiguration(
        self, request: control_pb2.GetControlConfigurationRequest, timeout: float | None = None
    ) -> common_pb2.Configuration:
        """How this service is configured."""
        return self._caller.unary(
            methods.CONTROL_GET_CONTROL_CONFIGURATION, request, common_pb2.Configuration, timeout
        )

    def ExecutorConfigure(
        self, request: control_pb2.ExecutorConfigureRequest, timeout: float | None = None
    ) -> common_pb2.Configuration:
        """Configure the executors of a region. It travels with what they are asked for: each
        follows with the next step of an operation.
        """
        return self._caller.unary(
            methods.CONTROL_EXECUTOR_CONFIGURE, request, common_pb2.Configuration, timeout
        )

    def GetExecutorConfiguration(
        self, request: control_pb2.GetExecutorConfigurationRequest, timeout: float | None = None
    ) -> common_pb2.Configuration:
        """How the executors of a region are configured."""
        return self._caller.unary(
            methods.CONTROL_GET_EXECUTOR_CONFIGURATION, request, common_pb2.Configuration, timeout
        )

    def Watch(
        self, request: common_pb2.WatchRequest, timeout: float | None = None
    ) -> Stream[common_pb2.Event]:
        """Changes in the site from a revision on, in order, none missed; ends only when the caller
        goes away or its token ends. Meta, resource and control of a site give the same.
        """
        return self._caller.stream(methods.CONTROL_WATCH, request, common_pb2.Event, timeout)


class IamService:
    """Who may do what, and where things live."""

    def __init__(self, caller: Calls) -> None:
        self._caller = caller

    def Bootstrap(
        self, request: iam_pb2.BootstrapRequest, timeout: float | None = None
    ) -> iam_pb2.SignedIn:
        """Create the administrator, once, with the token that the service printed at its first
        start.
        """
        return self._caller.unary(methods.IAM_BOOTSTRAP, request, iam_pb2.SignedIn, timeout)

    def Login(
        self, request: iam_pb2.LoginRequest, timeout: float | None = None
    ) -> iam_pb2.SignedIn:
        """Exchange a password for the tokens of a new session. Who fails often, by account or by
        address, is answered SIGN_IN_SLOWED with the time to wait.
        """
        return self._caller.unary(methods.IAM_LOGIN, request, iam_pb2.SignedIn, timeout)

    def RefreshToken(
        self, request: iam_pb2.RefreshTokenRequest, timeout: float | None = None
    ) -> iam_pb2.SignedIn:
        """Exchange a refresh token, which is spent by it, for new tokens of the same session. With
        the same request_id it gives the same refresh token again until that one is used; with
        another one the session is revoked, since somebody else has the token, too.
        """
        return self._caller.unary(methods.IAM_REFRESH_TOKEN, request, iam_pb2.SignedIn, timeout)

    def SignOut(
        self, request: iam_pb2.SignOutRequest, timeout: float | None = None
    ) -> iam_pb2.Session:
        """Revoke the session of the token that is called with. What it was given lives to its end."""
        return self._caller.unary(methods.IAM_SIGN_OUT, request, iam_pb2.Session, timeout)

    def ListSessions(
        self, request: iam_pb2.ListSessionsRequest, timeout: float | None = None
    ) -> iam_pb2.ListSessionsResponse:
        """The sessions of an account that can still be refreshed."""
        return self._caller.unary(
            methods.IAM_LIST_SESSIONS, request, iam_pb2.ListSessionsResponse, timeout
        )

    def AllSessions(self, request: iam_pb2.ListSessionsRequest) -> Iterator[iam_pb2.Session]:
        """Give one after the other what ListSessions gives in pages."""
        for page in self._caller.pages(self.ListSessions, request):
            yield from page.sessions

    def RevokeSession(
        self, request: iam_pb2.RevokeSessionRequest, timeout: float | None = None
    ) -> iam_pb2.Session:
        """Revoke a session: its refresh token is refused from now on, its access tokens once they
        end.
        """
        return self._caller.unary(methods.IAM_REVOKE_SESSION, request, iam_pb2.Session, timeout)

    def ListTokenKeys(
        self, request: iam_pb2.ListTokenKeysRequest, timeout: float | None = None
    ) -> iam_pb2.ListTokenKeysResponse:
        """The public keys with which access tokens are checked offline."""
        return self._caller.unary(
            methods.IAM_LIST_TOKEN_KEYS, request, iam_pb2.ListTokenKeysResponse, timeout
        )

    def RotateTokenKeys(
        self, request: iam_pb2.RotateTokenKeysRequest, timeout: float | None = None
    ) -> iam_pb2.TokenKey:
        """Make a new key to sign access tokens with. It is published at once and signs a little
        later; the earlier ones stay published until the last token that they signed has ended.
        """
        return self._caller.unary(methods.IAM_ROTATE_TOKEN_KEYS, request, iam_pb2.TokenKey, timeout)

    def CreateProject(
        self, request: iam_pb2.CreateProjectRequest, timeout: float | None = None
    ) -> iam_pb2.Project:
        """Create a project, at the top or below another one."""
        return self._caller.unary(methods.IAM_CREATE_PROJECT, request, iam_pb2.Project, timeout)

    def GetProject(
        self, request: iam_pb2.GetProjectRequest, timeout: float | None = None
    ) -> iam_pb2.Project:
        """A project."""
        return self._caller.unary(methods.IAM_GET_PROJECT, request, iam_pb2.Project, timeout)

    def BatchGetProjects(
        self, request: iam_pb2.BatchGetProjectsRequest, timeout: float | None = None
    ) -> iam_pb2.BatchGetProjectsResponse:
        """Several projects at once, in the order of their ids in the request; refused if one is not
        there.
        """
        return self._caller.unary(
            methods.IAM_BATCH_GET_PROJECTS, request, iam_pb2.BatchGetProjectsResponse, timeout
        )

    def ListProjects(
        self, request: iam_pb2.ListProjectsRequest, timeout: float | None = None
    ) -> iam_pb2.ListProjectsResponse:
        """The projects in which the caller has a role, there or above; all of them for the system's
        readers.
        """
        return self._caller.unary(
            methods.IAM_LIST_PROJECTS, request, iam_pb2.ListProjectsResponse, timeout
        )

    def AllProjects(self, request: iam_pb2.ListProjectsRequest) -> Iterator[iam_pb2.Project]:
        """Give one after the other what ListProjects gives in pages."""
        for page in self._caller.pages(self.ListProjects, request):
            yield from page.projects

    def UpdateProject(
        self, request: iam_pb2.UpdateProjectRequest, timeout: float | None = None
    ) -> iam_pb2.Project:
        """Change a project. No project ever moves: what it is below of can't be changed."""
        return self._caller.unary(methods.IAM_UPDATE_PROJECT, request, iam_pb2.Project, timeout)

    def DeleteProject(
        self, request: iam_pb2.DeleteProjectRequest, timeout: float | None = None
    ) -> iam_pb2.DeleteProjectResponse:
        """Delete a project without others below it, with the roles on it. What it has at sites
        stays until an operator ends it; nothing new can be asked in it.
        """
        return self._caller.unary(
            methods.IAM_DELETE_PROJECT, request, iam_pb2.DeleteProjectResponse, timeout
        )

    def CreateAccount(
        self, request: iam_pb2.CreateAccountRequest, timeout: float | None = None
    ) -> iam_pb2.Account:
        """Create a user."""
        return self._caller.unary(methods.IAM_CREATE_ACCOUNT, request, iam_pb2.Account, timeout)

    def GetAccount(
        self, request: iam_pb2.GetAccountRequest, timeout: float | None = None
    ) -> iam_pb2.Account:
        """An account."""
        return self._caller.unary(methods.IAM_GET_ACCOUNT, request, iam_pb2.Account, timeout)

    def BatchGetAccounts(
        self, request: iam_pb2.BatchGetAccountsRequest, timeout: float | None = None
    ) -> iam_pb2.BatchGetAccountsResponse:
        """Several accounts at once, in the order of their ids in the request; refused if one is not
        there.
        """
        return self._caller.unary(
            methods.IAM_BATCH_GET_ACCOUNTS, request, iam_pb2.BatchGetAccountsResponse, timeout
        )

    def ListAccounts(
        self, request: iam_pb2.ListAccountsRequest, timeout: float | None = None
    ) -> iam_pb2.ListAccountsResponse:
        """All accounts, of users and of programs."""
        return self._caller.unary(
            methods.IAM_LIST_ACCOUNTS, request, iam_pb2.ListAccountsResponse, timeout
        )

    def AllAccounts(self, request: iam_pb2.ListAccountsRequest) -> Iterator[iam_pb2.Account]:
        """Give one after the other what ListAccounts gives in pages."""
        for page in self._caller.pages(self.ListAccounts, request):
            yield from page.accounts

    def UpdateAccount(
        self, request: iam_pb2.UpdateAccountRequest, timeout: float | None = None
    ) -> iam_pb2.Account:
        """Change an account: its name, its password, whether it may sign in."""
        return self._caller.unary(methods.IAM_UPDATE_ACCOUNT, request, iam_pb2.Account, timeout)

    def DeleteAccount(
        self, request: iam_pb2.DeleteAccountRequest, timeout: float | None = None
    ) -> iam_pb2.DeleteAccountResponse:
        """Delete an account with its roles. Tokens that it has are good until they end. One's own
        account, and the last administrator's of the system, stay.
        """
        return self._caller.unary(
            methods.IAM_DELETE_ACCOUNT, request, iam_pb2.DeleteAccountResponse, timeout
        )

    def ChangePassword(
        self, request: iam_pb2.ChangePasswordRequest, timeout: float | None = None
    ) -> iam_pb2.ChangePasswordResponse:
        """Change one's own password. A wrong old one counts like a sign-in that failed."""
        return self._caller.unary(
            methods.IAM_CHANGE_PASSWORD, request, iam_pb2.ChangePasswordResponse, timeout
        )

    def CreateApplicationCredential(
        self, request: iam_pb2.CreateApplicationCredentialRequest, timeout: float | None = None
    ) -> iam_pb2.ApplicationCredential:
        """Make an account for a program of the caller's: with roles that the caller has, if wanted
        with an end, for some methods only and for one region with those below it. It signs in by
        Login, with its name or id and its secret. It never may more than its creator may at that
        time. It can't make accounts, change passwords or give roles.
        """
        return self._caller.unary(
            methods.IAM_CREATE_APPLICATION_CREDENTIAL,
            request,
            iam_pb2.ApplicationCredential,
            timeout,
        )

    def GetApplicationCredential(
        self, request: iam_pb2.GetApplicationCredentialRequest, timeout: float | None = None
    ) -> iam_pb2.ApplicationCredential:
        """An application credential."""
        return self._caller.unary(
            methods.IAM_GET_APPLICATION_CREDENTIAL, request, iam_pb2.ApplicationCredential, timeout
        )

    def BatchGetApplicationCredentials(
        self, request: iam_pb2.BatchGetApplicationCredentialsRequest, timeout: float | None = None
    ) -> iam_pb2.BatchGetApplicationCredentialsResponse:
        """Several application credentials at once, in the order of their ids in the request;
        refused if one is not there.
        """
        return self._caller.unary(
            methods.IAM_BATCH_GET_APPLICATION_CREDENTIALS,
            request,
            iam_pb2.BatchGetApplicationCredentialsResponse,
            timeout,
        )

    def ListApplicationCredentials(
        self, request: iam_pb2.ListApplicationCredentialsRequest, timeout: float | None = None
    ) -> iam_pb2.ListApplicationCredentialsResponse:
        """The application credentials that an account made."""
        return self._caller.unary(
            methods.IAM_LIST_APPLICATION_CREDENTIALS,
            request,
            iam_pb2.ListApplicationCredentialsResponse,
            timeout,
        )

    def AllApplicationCredentials(
        self, request: iam_pb2.ListApplicationCredentialsRequest
    ) -> Iterator[iam_pb2.ApplicationCredential]:
        """Give one after the other what ListApplicationCredentials gives in pages."""
        for page in self._caller.pages(self.ListApplicationCredentials, request):
            yield from page.application_credentials

    def UpdateApplicationCredential(
        self, request: iam_pb2.UpdateApplicationCredentialRequest, timeout: float | None = None
    ) -> iam_pb2.ApplicationCredential:
        """Rename an application credential or narrow it: an end that is nearer, fewer roles, fewer
        methods. What would give it more is refused as CREDENTIAL_WIDENED; its secret and its
        region stay as they are. Tokens that it has are as they were until they end.
        """
        return self._caller.unary(
            methods.IAM_UPDATE_APPLICATION_CREDENTIAL,
            request,
            iam_pb2.ApplicationCredential,
            timeout,
        )

    def DeleteApplicationCredential(
        self, request: iam_pb2.DeleteApplicationCredentialRequest, timeout: float | None = None
    ) -> iam_pb2.DeleteApplicationCredentialResponse:
        """Delete an application credential; tokens that it has are good until they end."""
        return self._caller.unary(
            methods.IAM_DELETE_APPLICATION_CREDENTIAL,
            request,
            iam_pb2.DeleteApplicationCredentialResponse,
            timeout,
        )

    def AssignRole(
        self, request: iam_pb2.AssignRoleRequest, timeout: float | None = None
    ) -> iam_pb2.Assignment:
        """Give an account a role on a project, a region or the system, instead of the one that it
        has there. It holds on everything below.
        """
        return self._caller.unary(methods.IAM_ASSIGN_ROLE, request, iam_pb2.Assignment, timeout)

    def RevokeRole(
        self, request: iam_pb2.RevokeRoleRequest, timeout: float | None = None
    ) -> iam_pb2.RevokeRoleResponse:
        """Take the role away that an account has on a project, a region or the system itself. Each
        gives its own back. The system keeps an administrator.
        """
        return self._caller.unary(
            methods.IAM_REVOKE_ROLE, request, iam_pb2.RevokeRoleResponse, timeout
        )

    def ListAssignments(
        self, request: iam_pb2.ListAssignmentsRequest, timeout: float | None = None
    ) -> iam_pb2.ListAssignmentsResponse:
        """Who has which role where, by account and place."""
        return self._caller.unary(
            methods.IAM_LIST_ASSIGNMENTS, request, iam_pb2.ListAssignmentsResponse, timeout
        )

    def AllAssignments(
        self, request: iam_pb2.ListAssignmentsRequest
    ) -> Iterator[iam_pb2.Assignment]:
        """Give one after the other what ListAssignments gives in pages."""
        for page in self._caller.pages(self.ListAssignments, request):
            yield from page.assignments

    def CreateRegion(
        self, request: iam_pb2.CreateRegionRequest, timeout: float | None = None
    ) -> iam_pb2.Region:
        """Create a region, at the top or below another one."""
        return self._caller.unary(methods.IAM_CREATE_REGION, request, iam_pb2.Region, timeout)

    def GetRegion(
        self, request: iam_pb2.GetRegionRequest, timeout: float | None = None
    ) -> iam_pb2.Region:
        """A region."""
        return self._caller.unary(methods.IAM_GET_REGION, request, iam_pb2.Region, timeout)

    def BatchGetRegions(
        self, request: iam_pb2.BatchGetRegionsRequest, timeout: float | None = None
    ) -> iam_pb2.BatchGetRegionsResponse:
        """Several regions at once, in the order of their ids in the request; refused if one is not
        there.
        """
        return self._caller.unary(
            methods.IAM_BATCH_GET_REGIONS, request, iam_pb2.BatchGetRegionsResponse, timeout
        )

    def ListRegions(
        self, request: iam_pb2.ListRegionsRequest, timeout: float | None = None
    ) -> iam_pb2.ListRegionsResponse:
        """All regions that the caller sees."""
        return self._caller.unary(
            methods.IAM_LIST_REGIONS, request, iam_pb2.ListRegionsResponse, timeout
        )

    def AllRegions(self, request: iam_pb2.ListRegionsRequest) -> Iterator[iam_pb2.Region]:
        """Give one after the other what ListRegions gives in pages."""
        for page in self._caller.pages(self.ListRegions, request):
            yield from page.regions

    def UpdateRegion(
        self, request: iam_pb2.UpdateRegionRequest, timeout: float | None = None
    ) -> iam_pb2.Region:
        """Change a region. No region ever moves: what it is below of can't be changed."""
        return self._caller.unary(methods.IAM_UPDATE_REGION, request, iam_pb2.Region, timeout)

    def DeleteRegion(
        self, request: iam_pb2.DeleteRegionRequest, timeout: float | None = None
    ) -> iam_pb2.DeleteRegionResponse:
        """Delete a region without others below it, and that no site serves by its name, with the
        roles on it. What lives in it stays until an operator ends it; nothing new can be asked
        there.
        """
        return self._caller.unary(
            methods.IAM_DELETE_REGION, request, iam_pb2.DeleteRegionResponse, timeout
        )

    def RegisterService(
        self, request: iam_pb2.RegisterServiceRequest, timeout: float | None = None
    ) -> iam_pb2.RegisterServiceResponse:
        """Take a process up in the catalogue: which services of which site it has, and where. It is
        away when it is not renewed in time. Of each site 64 are taken up, of all together 4,096;
        those that are away make way.
        """
        return self._caller.unary(
            methods.IAM_REGISTER_SERVICE, request, iam_pb2.RegisterServiceResponse, timeout
        )

    def RenewService(
        self, request: iam_pb2.RenewServiceRequest, timeout: float | None = None
    ) -> iam_pb2.RenewServiceResponse:
        """Say that a process is alive. Nobody is told of it: no event is written."""
        return self._caller.unary(
            methods.IAM_RENEW_SERVICE, request, iam_pb2.RenewServiceResponse, timeout
        )

    def WithdrawService(
        self, request: iam_pb2.WithdrawServiceRequest, timeout: float | None = None
    ) -> iam_pb2.WithdrawServiceResponse:
        """Take a process that stops out of the catalogue."""
        return self._caller.unary(
            methods.IAM_WITHDRAW_SERVICE, request, iam_pb2.WithdrawServiceResponse, timeout
        )

    def ListServices(
        self, request: iam_pb2.ListServicesRequest, timeout: float | None = None
    ) -> iam_pb2.ListServicesResponse:
        """The catalogue: the sites with their services, and the regions of each that the caller
        sees. It has no pages: there are 4,096 services at most, and no more sites than regions
        and one.
        """
        return self._caller.unary(
            methods.IAM_LIST_SERVICES, request, iam_pb2.ListServicesResponse, timeout
        )

    def DeleteSite(
        self, request: iam_pb2.DeleteSiteRequest, timeout: float | None = None
    ) -> iam_pb2.DeleteSiteResponse:
        """Forget a site that is away for good, so that others may serve its regions."""
        return self._caller.unary(
            methods.IAM_DELETE_SITE, request, iam_pb2.DeleteSiteResponse, timeout
        )

    def ListAuditEvents(
        self, request: common_pb2.ListAuditEventsRequest, timeout: float | None = None
    ) -> common_pb2.ListAuditEventsResponse:
        """Who did what, and who was refused: what was changed, and calls that would have changed
        something or that the caller was not allowed. Newest first. Of iam.
        """
        return self._caller.unary(
            methods.IAM_LIST_AUDIT_EVENTS, request, common_pb2.ListAuditEventsResponse, timeout
        )

    def AllAuditEvents(
        self, request: common_pb2.ListAuditEventsRequest
    ) -> Iterator[common_pb2.AuditEvent]:
        """Give one after the other what ListAuditEvents gives in pages."""
        for page in self._caller.pages(self.ListAuditEvents, request):
            yield from page.events

    def IamConfigure(
        self, request: iam_pb2.IamConfigureRequest, timeout: float | None = None
    ) -> common_pb2.Configuration:
        """Configure this service. Every instance follows within a second."""
        return self._caller.unary(
            methods.IAM_IAM_CONFIGURE, request, common_pb2.Configuration, timeout
        )

    def GetIamConfiguration(
        self, request: iam_pb2.GetIamConfigurationRequest, timeout: float | None = None
    ) -> common_pb2.Configuration:
        """How this service is configured."""
        return self._caller.unary(
            methods.IAM_GET_IAM_CONFIGURATION, request, common_pb2.Configuration, timeout
        )

    def Watch(
        self, request: common_pb2.WatchRequest, timeout: float | None = None
    ) -> Stream[common_pb2.Event]:
        """Changes of accounts, roles, projects and regions from a revision on, in order, none
        missed.
        """
        return self._caller.stream(methods.IAM_WATCH, request, common_pb2.Event, timeout)


class MetaService:
    """From names to ids and back; what people say about objects."""

    def __init__(self, caller: Calls) -> None:
        self._caller = caller

    def ResolveNames(
        self, request: meta_pb2.ResolveNamesRequest, timeout: float | None = None
    ) -> meta_pb2.ResolveNamesResponse:
        """Find the ids of names or slugs; an id answers itself when the caller can see the object."""
        return self._caller.unary(
            methods.META_RESOLVE_NAMES, request, meta_pb2.ResolveNamesResponse, timeout
        )

    def DescribeObjects(
        self, request: meta_pb2.DescribeObjectsRequest, timeout: float | None = None
    ) -> meta_pb2.DescribeObjectsResponse:
        """Give the names of ids."""
        return self._caller.unary(
            methods.META_DESCRIBE_OBJECTS, request, meta_pb2.DescribeObjectsResponse, timeout
        )

    def UpdateTags(
        self, request: meta_pb2.UpdateTagsRequest, timeout: float | None = None
    ) -> meta_pb2.UpdateTagsResponse:
        """Add tags to objects and take others away."""
        return self._caller.unary(
            methods.META_UPDATE_TAGS, request, meta_pb2.UpdateTagsResponse, timeout
        )

    def ListTags(
        self, request: meta_pb2.ListTagsRequest, timeout: float | None = None
    ) -> meta_pb2.ListTagsResponse:
        """The tags of objects."""
        return self._caller.unary(
            methods.META_LIST_TAGS, request, meta_pb2.ListTagsResponse, timeout
        )

    def ListObjectsByTag(
        self, request: meta_pb2.ListObjectsByTagRequest, timeout: float | None = None
    ) -> meta_pb2.ListObjectsByTagResponse:
        """The objects that have tags, by id."""
        return self._caller.unary(
            methods.META_LIST_OBJECTS_BY_TAG, request, meta_pb2.ListObjectsByTagResponse, timeout
        )

    def AllObjectsByTag(
        self, request: meta_pb2.ListObjectsByTagRequest
    ) -> Iterator[meta_pb2.TaggedObject]:
        """Give one after the other what ListObjectsByTag gives in pages."""
        for page in self._caller.pages(self.ListObjectsByTag, request):
            yield from page.objects

    def CreateMetadef(
        self, request: meta_pb2.CreateMetadefRequest, timeout: float | None = None
    ) -> meta_pb2.Metadef:
        """Define an attribute, for all objects or for those of a project and of the projects below
        it.
        """
        return self._caller.unary(methods.META_CREATE_METADEF, request, meta_pb2.Metadef, timeout)

    def GetMetadef(
        self, request: meta_pb2.GetMetadefRequest, timeout: float | None = None
    ) -> meta_pb2.Metadef:
        """One definition."""
        return self._caller.unary(methods.META_GET_METADEF, request, meta_pb2.Metadef, timeout)

    def BatchGetMetadefs(
        self, request: meta_pb2.BatchGetMetadefsRequest, timeout: float | None = None
    ) -> meta_pb2.BatchGetMetadefsResponse:
        """Several metadefs at once, in the order of their ids in the request; refused if one is not
        there.
        """
        return self._caller.unary(
            methods.META_BATCH_GET_METADEFS, request, meta_pb2.BatchGetMetadefsResponse, timeout
        )

    def ListMetadefs(
        self, request: meta_pb2.ListMetadefsRequest, timeout: float | None = None
    ) -> meta_pb2.ListMetadefsResponse:
        """Definitions."""
        return self._caller.unary(
            methods.META_LIST_METADEFS, request, meta_pb2.ListMetadefsResponse, timeout
        )

    def AllMetadefs(self, request: meta_pb2.ListMetadefsRequest) -> Iterator[meta_pb2.Metadef]:
        """Give one after the other what ListMetadefs gives in pages."""
        for page in self._caller.pages(self.ListMetadefs, request):
            yield from page.metadefs

    def UpdateMetadef(
        self, request: meta_pb2.UpdateMetadefRequest, timeout: float | None = None
    ) -> meta_pb2.Metadef:
        """Change a definition, if all values fit it."""
        return self._caller.unary(methods.META_UPDATE_METADEF, request, meta_pb2.Metadef, timeout)

    def DeleteMetadef(
        self, request: meta_pb2.DeleteMetadefRequest, timeout: float | None = None
    ) -> meta_pb2.DeleteMetadefResponse:
        """Delete a definition, if all values fit the one that holds then."""
        return self._caller.unary(
            methods.META_DELETE_METADEF, request, meta_pb2.DeleteMetadefResponse, timeout
        )

    def SetAttributes(
        self, request: meta_pb2.SetAttributesRequest, timeout: float | None = None
    ) -> meta_pb2.SetAttributesResponse:
        """Give objects values of attributes, or take them away; all or none."""
        return self._caller.unary(
            methods.META_SET_ATTRIBUTES, request, meta_pb2.SetAttributesResponse, timeout
        )

    def ListAttributes(
        self, request: meta_pb2.ListAttributesRequest, timeout: float | None = None
    ) -> meta_pb2.ListAttributesResponse:
        """The attributes of objects."""
        return self._caller.unary(
            methods.META_LIST_ATTRIBUTES, request, meta_pb2.ListAttributesResponse, timeout
        )

    def ListObjectsByAttribute(
        self, request: meta_pb2.ListObjectsByAttributeRequest, timeout: float | None = None
    ) -> meta_pb2.ListObjectsByAttributeResponse:
        """The objects that have an attribute, by id."""
        return self._caller.unary(
            methods.META_LIST_OBJECTS_BY_ATTRIBUTE,
            request,
            meta_pb2.ListObjectsByAttributeResponse,
            timeout,
        )

    def AllObjectsByAttribute(
        self, request: meta_pb2.ListObjectsByAttributeRequest
    ) -> Iterator[meta_pb2.Attribute]:
        """Give one after the other what ListObjectsByAttribute gives in pages."""
        for page in self._caller.pages(self.ListObjectsByAttribute, request):
            yield from page.attributes

    def MetaConfigure(
        self, request: meta_pb2.MetaConfigureRequest, timeout: float | None = None
    ) -> common_pb2.Configuration:
        """Configure this service. Every instance follows within a second."""
        return self._caller.unary(
            methods.META_META_CONFIGURE, request, common_pb2.Configuration, timeout
        )

    def GetMetaConfiguration(
        self, request: meta_pb2.GetMetaConfigurationRequest, timeout: float | None = None
    ) -> common_pb2.Configuration:
        """How this service is configured."""
        return self._caller.unary(
            methods.META_GET_META_CONFIGURATION, request, common_pb2.Configuration, timeout
        )

    def Watch(
        self, request: common_pb2.WatchRequest, timeout: float | None = None
    ) -> Stream[common_pb2.Event]:
        """Changes in the site from a revision on, in order, none missed; the same as
        ControlService.Watch.
        """
        return self._caller.stream(methods.META_WATCH, request, common_pb2.Event, timeout)


class ResourceService:
    """What there is, and who has claimed it when."""

    def __init__(self, caller: Calls) -> None:
        self._caller = caller

    def CreateProviderType(
        self, request: resource_pb2.CreateProviderTypeRequest, timeout: float | None = None
    ) -> resource_pb2.ProviderType:
        """Register a kind of provider."""
        return self._caller.unary(
            methods.RESOURCE_CREATE_PROVIDER_TYPE, request, resource_pb2.ProviderType, timeout
        )

    def UpdateProviderType(
        self, request: resource_pb2.UpdateProviderTypeRequest, timeout: float | None = None
    ) -> resource_pb2.ProviderType:
        """Change the description or cleaning margin of a kind of provider."""
        return self._caller.unary(
            methods.RESOURCE_UPDATE_PROVIDER_TYPE, request, resource_pb2.ProviderType, timeout
        )

    def ListProviderTypes(
        self, request: resource_pb2.ListProviderTypesRequest, timeout: float | None = None
    ) -> resource_pb2.ListProviderTypesResponse:
        """All kinds of provider."""
        return self._caller.unary(
            methods.RESOURCE_LIST_PROVIDER_TYPES,
            request,
            resource_pb2.ListProviderTypesResponse,
            timeout,
        )

    def AllProviderTypes(
        self, request: resource_pb2.ListProviderTypesRequest
    ) -> Iterator[resource_pb2.ProviderType]:
        """Give one after the other what ListProviderTypes gives in pages."""
        for page in self._caller.pages(self.ListProviderTypes, request):
            yield from page.provider_types

    def DeleteProviderType(
        self, request: resource_pb2.DeleteProviderTypeRequest, timeout: float | None = None
    ) -> resource_pb2.DeleteProviderTypeResponse:
        """Forget a kind of provider of which there is none."""
        return self._caller.unary(
            methods.RESOURCE_DELETE_PROVIDER_TYPE,
            request,
            resource_pb2.DeleteProviderTypeResponse,
            timeout,
        )

    def CreateResourceType(
        self, request: resource_pb2.CreateResourceTypeRequest, timeout: float | None = None
    ) -> resource_pb2.ResourceType:
        """Register a name of what is counted."""
        return self._caller.unary(
            methods.RESOURCE_CREATE_RESOURCE_TYPE, request, resource_pb2.ResourceType, timeout
        )

    def ListResourceTypes(
        self, request: resource_pb2.ListResourceTypesRequest, timeout: float | None = None
    ) -> resource_pb2.ListResourceTypesResponse:
        """All names of what is counted."""
        return self._caller.unary(
            methods.RESOURCE_LIST_RESOURCE_TYPES,
            request,
            resource_pb2.ListResourceTypesResponse,
            timeout,
        )

    def AllResourceTypes(
        self, request: resource_pb2.ListResourceTypesRequest
    ) -> Iterator[resource_pb2.ResourceType]:
        """Give one after the other what ListResourceTypes gives in pages."""
        for page in self._caller.pages(self.ListResourceTypes, request):
            yield from page.resource_types

    def DeleteResourceType(
        self, request: resource_pb2.DeleteResourceTypeRequest, timeout: float | None = None
    ) -> resource_pb2.DeleteResourceTypeResponse:
        """Forget a resource type of which no provider has any."""
        return self._caller.unary(
            methods.RESOURCE_DELETE_RESOURCE_TYPE,
            request,
            resource_pb2.DeleteResourceTypeResponse,
            timeout,
        )

    def CreateCapability(
        self, request: resource_pb2.CreateCapabilityRequest, timeout: float | None = None
    ) -> resource_pb2.Capability:
        """Register a name of what a provider can do."""
        return self._caller.unary(
            methods.RESOURCE_CREATE_CAPABILITY, request, resource_pb2.Capability, timeout
        )

    def ListCapabilities(
        self, request: resource_pb2.ListCapabilitiesRequest, timeout: float | None = None
    ) -> resource_pb2.ListCapabilitiesResponse:
        """All names of what a provider can do."""
        return self._caller.unary(
            methods.RESOURCE_LIST_CAPABILITIES,
            request,
            resource_pb2.ListCapabilitiesResponse,
            timeout,
        )

    def AllCapabilities(
        self, request: resource_pb2.ListCapabilitiesRequest
    ) -> Iterator[resource_pb2.Capability]:
        """Give one after the other what ListCapabilities gives in pages."""
        for page in self._caller.pages(self.ListCapabilities, request):
            yield from page.capabilities

    def DeleteCapability(
        self, request: resource_pb2.DeleteCapabilityRequest, timeout: float | None = None
    ) -> resource_pb2.DeleteCapabilityResponse:
        """Forget a capability that no provider has."""
        return self._caller.unary(
            methods.RESOURCE_DELETE_CAPABILITY,
            request,
            resource_pb2.DeleteCapabilityResponse,
            timeout,
        )

    def CreateProviders(
        self, request: resource_pb2.CreateProvidersRequest, timeout: float | None = None
    ) -> resource_pb2.CreateProvidersResponse:
        """Make providers, up to 10,000, all or none. Servers and hosts bring their own."""
        return self._caller.unary(
            methods.RESOURCE_CREATE_PROVIDERS,
            request,
            resource_pb2.CreateProvidersResponse,
            timeout,
        )

    def UpdateProviders(
        self, request: resource_pb2.UpdateProvidersRequest, timeout: float | None = None
    ) -> resource_pb2.UpdateProvidersResponse:
        """Change, fill and move providers, up to 10,000, all or none."""
        return self._caller.unary(
            methods.RESOURCE_UPDATE_PROVIDERS,
            request,
            resource_pb2.UpdateProvidersResponse,
            timeout,
        )

    def DeleteProviders(
        self, request: resource_pb2.DeleteProvidersRequest, timeout: float | None = None
    ) -> resource_pb2.DeleteProvidersResponse:
        """Delete providers that nobody uses, up to 10,000, all or none."""
        return self._caller.unary(
            methods.RESOURCE_DELETE_PROVIDERS,
            request,
            resource_pb2.DeleteProvidersResponse,
            timeout,
        )

    def ReshapeProviders(
        self, request: resource_pb2.ReshapeProvidersRequest, timeout: float | None = None
    ) -> resource_pb2.ReshapeProvidersResponse:
        """Change providers of one tree and move what is claimed of them, in one step."""
        return self._caller.unary(
            methods.RESOURCE_RESHAPE_PROVIDERS,
            request,
            resource_pb2.ReshapeProvidersResponse,
            timeout,
        )

    def CreateGroup(
        self, request: resource_pb2.CreateGroupRequest, timeout: float | None = None
    ) -> resource_pb2.Group:
        """Make a group of providers of a region."""
        return self._caller.unary(
            methods.RESOURCE_CREATE_GROUP, request, resource_pb2.Group, timeout
        )

    def UpdateGroup(
        self, request: resource_pb2.UpdateGroupRequest, timeout: float | None = None
    ) -> resource_pb2.Group:
        """Change who is in a group, and who shares with its members."""
        return self._caller.unary(
            methods.RESOURCE_UPDATE_GROUP, request, resource_pb2.Group, timeout
        )

    def GetGroup(
        self, request: resource_pb2.GetGroupRequest, timeout: float | None = None
    ) -> resource_pb2.Group:
        """A group; who is in it is told by ListProviders."""
        return self._caller.unary(methods.RESOURCE_GET_GROUP, request, resource_pb2.Group, timeout)

    def BatchGetGroups(
        self, request: resource_pb2.BatchGetGroupsRequest, timeout: float | None = None
    ) -> resource_pb2.BatchGetGroupsResponse:
        """Several groups at once, in the order of their ids in the request; refused if one is not
        there.
        """
        return self._caller.unary(
            methods.RESOURCE_BATCH_GET_GROUPS, request, resource_pb2.BatchGetGroupsResponse, timeout
        )

    def ListGroups(
        self, request: resource_pb2.ListGroupsRequest, timeout: float | None = None
    ) -> resource_pb2.ListGroupsResponse:
        """All groups."""
        return self._caller.unary(
            methods.RESOURCE_LIST_GROUPS, request, resource_pb2.ListGroupsResponse, timeout
        )

    def AllGroups(self, request: resource_pb2.ListGroupsRequest) -> Iterator[resource_pb2.Group]:
        """Give one after the other what ListGroups gives in pages."""
        for page in self._caller.pages(self.ListGroups, request):
            yield from page.groups

    def DeleteGroup(
        self, request: resource_pb2.DeleteGroupRequest, timeout: float | None = None
    ) -> resource_pb2.DeleteGroupResponse:
        """Delete a group with its distances; its providers stay."""
        return self._caller.unary(
            methods.RESOURCE_DELETE_GROUP, request, resource_pb2.DeleteGroupResponse, timeout
        )

    def CreateDistanceType(
        self, request: resource_pb2.CreateDistanceTypeRequest, timeout: float | None = None
    ) -> resource_pb2.DistanceType:
        """Register a way to measure how far providers are apart."""
        return self._caller.unary(
            methods.RESOURCE_CREATE_DISTANCE_TYPE, request, resource_pb2.DistanceType, timeout
        )

    def ListDistanceTypes(
        self, request: resource_pb2.ListDistanceTypesRequest, timeout: float | None = None
    ) -> resource_pb2.ListDistanceTypesResponse:
        """All ways to measure."""
        return self._caller.unary(
            methods.RESOURCE_LIST_DISTANCE_TYPES,
            request,
            resource_pb2.ListDistanceTypesResponse,
            timeout,
        )

    def AllDistanceTypes(
        self, request: resource_pb2.ListDistanceTypesRequest
    ) -> Iterator[resource_pb2.DistanceType]:
        """Give one after the other what ListDistanceTypes gives in pages."""
        for page in self._caller.pages(self.ListDistanceTypes, request):
            yield from page.distance_types

    def DeleteDistanceType(
        self, request: resource_pb2.DeleteDistanceTypeRequest, timeout: float | None = None
    ) -> resource_pb2.DeleteDistanceTypeResponse:
        """Forget a way to measure by which nothing is measured."""
        return self._caller.unary(
            methods.RESOURCE_DELETE_DISTANCE_TYPE,
            request,
            resource_pb2.DeleteDistanceTypeResponse,
            timeout,
        )

    def SetDistances(
        self, request: resource_pb2.SetDistancesRequest, timeout: float | None = None
    ) -> resource_pb2.SetDistancesResponse:
        """Say how far pairs of providers or groups are apart, or take it back; all or none."""
        return self._caller.unary(
            methods.RESOURCE_SET_DISTANCES, request, resource_pb2.SetDistancesResponse, timeout
        )

    def ListDistances(
        self, request: resource_pb2.ListDistancesRequest, timeout: float | None = None
    ) -> resource_pb2.ListDistancesResponse:
        """What was said of distances."""
        return self._caller.unary(
            methods.RESOURCE_LIST_DISTANCES, request, resource_pb2.ListDistancesResponse, timeout
        )

    def AllDistances(
        self, request: resource_pb2.ListDistancesRequest
    ) -> Iterator[resource_pb2.Distance]:
        """Give one after the other what ListDistances gives in pages."""
        for page in self._caller.pages(self.ListDistances, request):
            yield from page.distances

    def MarkProviders(
        self, request: resource_pb2.MarkProvidersRequest, timeout: float | None = None
    ) -> resource_pb2.MarkProvidersResponse:
        """Say that providers are not to be offered, up to 10,000, all or none."""
        return self._caller.unary(
            methods.RESOURCE_MARK_PROVIDERS, request, resource_pb2.MarkProvidersResponse, timeout
        )

    def UnmarkProviders(
        self, request: resource_pb2.UnmarkProvidersRequest, timeout: float | None = None
    ) -> resource_pb2.UnmarkProvidersResponse:
        """Take a mark of providers back."""
        return self._caller.unary(
            methods.RESOURCE_UNMARK_PROVIDERS,
            request,
            resource_pb2.UnmarkProvidersResponse,
            timeout,
        )

    def GetProvider(
        self, request: resource_pb2.GetProviderRequest, timeout: float | None = None
    ) -> resource_pb2.Provider:
        """A provider with its inventories and what is used of them now."""
        return self._caller.unary(
            methods.RESOURCE_GET_PROVIDER, request, resource_pb2.Provider, timeout
        )

    def BatchGetProviders(
        self, request: resource_pb2.BatchGetProvidersRequest, timeout: float | None = None
    ) -> resource_pb2.BatchGetProvidersResponse:
        """Several providers at once, in the order of their ids in the request; refused if one is
        not there.
        """
        return self._caller.unary(
            methods.RESOURCE_BATCH_GET_PROVIDERS,
            request,
            resource_pb2.BatchGetProvidersResponse,
            timeout,
        )

    def ListProviders(
        self, request: resource_pb2.ListProvidersRequest, timeout: float | None = None
    ) -> resource_pb2.ListProvidersResponse:
        """All providers."""
        return self._caller.unary(
            methods.RESOURCE_LIST_PROVIDERS, request, resource_pb2.ListProvidersResponse, timeout
        )

    def AllProviders(
        self, request: resource_pb2.ListProvidersRequest
    ) -> Iterator[resource_pb2.Provider]:
        """Give one after the other what ListProviders gives in pages."""
        for page in self._caller.pages(self.ListProviders, request):
            yield from page.providers

    def CreateNetwork(
        self, request: resource_pb2.CreateNetworkRequest, timeout: float | None = None
    ) -> resource_pb2.Network:
        """Create a network."""
        return self._caller.unary(
            methods.RESOURCE_CREATE_NETWORK, request, resource_pb2.Network, timeout
        )

    def GetNetwork(
        self, request: resource_pb2.GetNetworkRequest, timeout: float | None = None
    ) -> resource_pb2.Network:
        """A network with the addresses that are taken now."""
        return self._caller.unary(
            methods.RESOURCE_GET_NETWORK, request, resource_pb2.Network, timeout
        )

    def BatchGetNetworks(
        self, request: resource_pb2.BatchGetNetworksRequest, timeout: float | None = None
    ) -> resource_pb2.BatchGetNetworksResponse:
        """Several networks at once, in the order of their ids in the request; refused if one is not
        there.
        """
        return self._caller.unary(
            methods.RESOURCE_BATCH_GET_NETWORKS,
            request,
            resource_pb2.BatchGetNetworksResponse,
            timeout,
        )

    def ListNetworks(
        self, request: resource_pb2.ListNetworksRequest, timeout: float | None = None
    ) -> resource_pb2.ListNetworksResponse:
        """All networks."""
        return self._caller.unary(
            methods.RESOURCE_LIST_NETWORKS, request, resource_pb2.ListNetworksResponse, timeout
        )

    def AllNetworks(
        self, request: resource_pb2.ListNetworksRequest
    ) -> Iterator[resource_pb2.Network]:
        """Give one after the other what ListNetworks gives in pages."""
        for page in self._caller.pages(self.ListNetworks, request):
            yield from page.networks

    def UpdateNetwork(
        self, request: resource_pb2.UpdateNetworkRequest, timeout: float | None = None
    ) -> resource_pb2.Network:
        """Change a network's name."""
        return self._caller.unary(
            methods.RESOURCE_UPDATE_NETWORK, request, resource_pb2.Network, timeout
        )

    def DeleteNetwork(
        self, request: resource_pb2.DeleteNetworkRequest, timeout: float | None = None
    ) -> resource_pb2.DeleteNetworkResponse:
        """Delete a network in which no address is taken."""
        return self._caller.unary(
            methods.RESOURCE_DELETE_NETWORK, request, resource_pb2.DeleteNetworkResponse, timeout
        )

    def ProposeCandidates(
        self, request: resource_pb2.ProposeCandidatesRequest, timeout: float | None = None
    ) -> Stream[resource_pb2.Candidate]:
        """What could be claimed, best first; nothing is claimed by asking."""
        return self._caller.stream(
            methods.RESOURCE_PROPOSE_CANDIDATES, request, resource_pb2.Candidate, timeout
        )

    def FindOpenings(
        self, request: resource_pb2.FindOpeningsRequest, timeout: float | None = None
    ) -> resource_pb2.FindOpeningsResponse:
        """When something is free for so long, the earliest first."""
        return self._caller.unary(
            methods.RESOURCE_FIND_OPENINGS, request, resource_pb2.FindOpeningsResponse, timeout
        )

    def ListCalendar(
        self, request: resource_pb2.ListCalendarRequest, timeout: float | None = None
    ) -> resource_pb2.ListCalendarResponse:
        """Who has what of each provider, and when."""
        return self._caller.unary(
            methods.RESOURCE_LIST_CALENDAR, request, resource_pb2.ListCalendarResponse, timeout
        )

    def AllCalendar(self, request: resource_pb2.ListCalendarRequest) -> Iterator[resource_pb2.Lane]:
        """Give one after the other what ListCalendar gives in pages."""
        for page in self._caller.pages(self.ListCalendar, request):
            yield from page.lanes

    def ListProjectCalendar(
        self, request: resource_pb2.ListProjectCalendarRequest, timeout: float | None = None
    ) -> resource_pb2.ListProjectCalendarResponse:
        """What a project has of providers, and when; nothing of what others have."""
        return self._caller.unary(
            methods.RESOURCE_LIST_PROJECT_CALENDAR,
            request,
            resource_pb2.ListProjectCalendarResponse,
            timeout,
        )

    def AllProjectCalendar(
        self, request: resource_pb2.ListProjectCalendarRequest
    ) -> Iterator[resource_pb2.Lane]:
        """Give one after the other what ListProjectCalendar gives in pages."""
        for page in self._caller.pages(self.ListProjectCalendar, request):
            yield from page.lanes

    def ListUsage(
        self, request: resource_pb2.ListUsageRequest, timeout: float | None = None
    ) -> resource_pb2.ListUsageResponse:
        """What is used, reserved and free per provider, group, region or project."""
        return self._caller.unary(
            methods.RESOURCE_LIST_USAGE, request, resource_pb2.ListUsageResponse, timeout
        )

    def AllUsage(self, request: resource_pb2.ListUsageRequest) -> Iterator[resource_pb2.Usage]:
        """Give one after the other what ListUsage gives in pages."""
        for page in self._caller.pages(self.ListUsage, request):
            yield from page.usage

    def ListProjectUsage(
        self, request: resource_pb2.ListProjectUsageRequest, timeout: float | None = None
    ) -> resource_pb2.ListProjectUsageResponse:
        """What a project uses, in all or per provider, group or region; nothing of what others use."""
        return self._caller.unary(
            methods.RESOURCE_LIST_PROJECT_USAGE,
            request,
            resource_pb2.ListProjectUsageResponse,
            timeout,
        )

    def AllProjectUsage(
        self, request: resource_pb2.ListProjectUsageRequest
    ) -> Iterator[resource_pb2.Usage]:
        """Give one after the other what ListProjectUsage gives in pages."""
        for page in self._caller.pages(self.ListProjectUsage, request):
            yield from page.usage

    def CreateClaim(
        self, request: resource_pb2.CreateClaimRequest, timeout: float | None = None
    ) -> resource_pb2.Claim:
        """Claim resources for a window, at once or, with wait_until, when they become free."""
        return self._caller.unary(
            methods.RESOURCE_CREATE_CLAIM, request, resource_pb2.Claim, timeout
        )

    def GetClaim(
        self, request: resource_pb2.GetClaimRequest, timeout: float | None = None
    ) -> resource_pb2.Claim:
        """A claim."""
        return self._caller.unary(methods.RESOURCE_GET_CLAIM, request, resource_pb2.Claim, timeout)

    def BatchGetClaims(
        self, request: resource_pb2.BatchGetClaimsRequest, timeout: float | None = None
    ) -> resource_pb2.BatchGetClaimsResponse:
        """Several claims of a project at once, in the order of their ids in the request; refused if
        one is not there.
        """
        return self._caller.unary(
            methods.RESOURCE_BATCH_GET_CLAIMS, request, resource_pb2.BatchGetClaimsResponse, timeout
        )

    def ListClaims(
        self, request: resource_pb2.ListClaimsRequest, timeout: float | None = None
    ) -> resource_pb2.ListClaimsResponse:
        """A project's claims."""
        return self._caller.unary(
            methods.RESOURCE_LIST_CLAIMS, request, resource_pb2.ListClaimsResponse, timeout
        )

    def AllClaims(self, request: resource_pb2.ListClaimsRequest) -> Iterator[resource_pb2.Claim]:
        """Give one after the other what ListClaims gives in pages."""
        for page in self._caller.pages(self.ListClaims, request):
            yield from page.claims

    def ConfirmClaim(
        self, request: resource_pb2.ConfirmClaimRequest, timeout: float | None = None
    ) -> resource_pb2.Claim:
        """Turn a hold into a claim for its whole window."""
        return self._caller.unary(
            methods.RESOURCE_CONFIRM_CLAIM, request, resource_pb2.Claim, timeout
        )

    def ChangeClaims(
        self, request: resource_pb2.ChangeClaimsRequest, timeout: float | None = None
    ) -> resource_pb2.ChangeClaimsResponse:
        """Change several claims, all or none: release, extend, shorten, move, swap."""
        return self._caller.unary(
            methods.RESOURCE_CHANGE_CLAIMS, request, resource_pb2.ChangeClaimsResponse, timeout
        )

    def SetQuota(
        self, request: resource_pb2.SetQuotaRequest, timeout: float | None = None
    ) -> resource_pb2.Quota:
        """Say how much a project, with all that are under it, may have."""
        return self._caller.unary(methods.RESOURCE_SET_QUOTA, request, resource_pb2.Quota, timeout)

    def ListQuotas(
        self, request: resource_pb2.ListQuotasRequest, timeout: float | None = None
    ) -> resource_pb2.ListQuotasResponse:
        """The quotas of all projects that have one of their own."""
        return self._caller.unary(
            methods.RESOURCE_LIST_QUOTAS, request, resource_pb2.ListQuotasResponse, timeout
        )

    def AllQuotas(self, request: resource_pb2.ListQuotasRequest) -> Iterator[resource_pb2.Quota]:
        """Give one after the other what ListQuotas gives in pages."""
        for page in self._caller.pages(self.ListQuotas, request):
            yield from page.quotas

    def ListProjectQuotas(
        self, request: resource_pb2.ListProjectQuotasRequest, timeout: float | None = None
    ) -> resource_pb2.ListProjectQuotasResponse:
        """A project's quota, and those of the projects under it."""
        return self._caller.unary(
            methods.RESOURCE_LIST_PROJECT_QUOTAS,
            request,
            resource_pb2.ListProjectQuotasResponse,
            timeout,
        )

    def AllProjectQuotas(
        self, request: resource_pb2.ListProjectQuotasRequest
    ) -> Iterator[resource_pb2.Quota]:
        """Give one after the other what ListProjectQuotas gives in pages."""
        for page in self._caller.pages(self.ListProjectQuotas, request):
            yield from page.quotas

    def SetChildQuota(
        self, request: resource_pb2.SetChildQuotaRequest, timeout: float | None = None
    ) -> resource_pb2.Quota:
        """Say how much a project under one's own may have; never more than those above it."""
        return self._caller.unary(
            methods.RESOURCE_SET_CHILD_QUOTA, request, resource_pb2.Quota, timeout
        )

    def DeleteChildQuota(
        self, request: resource_pb2.DeleteChildQuotaRequest, timeout: float | None = None
    ) -> resource_pb2.DeleteChildQuotaResponse:
        """Take the quota of a project under one's own away; those of projects above it hold on."""
        return self._caller.unary(
            methods.RESOURCE_DELETE_CHILD_QUOTA,
            request,
            resource_pb2.DeleteChildQuotaResponse,
            timeout,
        )

    def GetQuota(
        self, request: resource_pb2.GetQuotaRequest, timeout: float | None = None
    ) -> resource_pb2.Quota:
        """How much a project may have, and has."""
        return self._caller.unary(methods.RESOURCE_GET_QUOTA, request, resource_pb2.Quota, timeout)

    def DeleteQuota(
        self, request: resource_pb2.DeleteQuotaRequest, timeout: float | None = None
    ) -> resource_pb2.DeleteQuotaResponse:
        """Take a project's own quota away; those of projects above it hold on."""
        return self._caller.unary(
            methods.RESOURCE_DELETE_QUOTA, request, resource_pb2.DeleteQuotaResponse, timeout
        )

    def ReleaseClaim(
        self, request: resource_pb2.ReleaseClaimRequest, timeout: float | None = None
    ) -> resource_pb2.Claim:
        """End a claim that no machine uses."""
        return self._caller.unary(
            methods.RESOURCE_RELEASE_CLAIM, request, resource_pb2.Claim, timeout
        )

    def CreateReservations(
        self, request: resource_pb2.CreateReservationsRequest, timeout: float | None = None
    ) -> resource_pb2.CreateReservationsResponse:
        """Reserve one or more of the same, all or none."""
        return self._caller.unary(
            methods.RESOURCE_CREATE_RESERVATIONS,
            request,
            resource_pb2.CreateReservationsResponse,
            timeout,
        )

    def GetReservation(
        self, request: resource_pb2.GetReservationRequest, timeout: float | None = None
    ) -> resource_pb2.Reservation:
        """Show one reservation."""
        return self._caller.unary(
            methods.RESOURCE_GET_RESERVATION, request, resource_pb2.Reservation, timeout
        )

    def BatchGetReservations(
        self, request: resource_pb2.BatchGetReservationsRequest, timeout: float | None = None
    ) -> resource_pb2.BatchGetReservationsResponse:
        """Several reservations of a project at once, in the order of their ids in the request;
        refused if one is not there.
        """
        return self._caller.unary(
            methods.RESOURCE_BATCH_GET_RESERVATIONS,
            request,
            resource_pb2.BatchGetReservationsResponse,
            timeout,
        )

    def ListReservations(
        self, request: resource_pb2.ListReservationsRequest, timeout: float | None = None
    ) -> resource_pb2.ListReservationsResponse:
        """List a project's reservations, by id."""
        return self._caller.unary(
            methods.RESOURCE_LIST_RESERVATIONS,
            request,
            resource_pb2.ListReservationsResponse,
            timeout,
        )

    def AllReservations(
        self, request: resource_pb2.ListReservationsRequest
    ) -> Iterator[resource_pb2.Reservation]:
        """Give one after the other what ListReservations gives in pages."""
        for page in self._caller.pages(self.ListReservations, request):
            yield from page.reservations

    def UpdateReservation(
        self, request: resource_pb2.UpdateReservationRequest, timeout: float | None = None
    ) -> resource_pb2.Reservation:
        """Extend, shorten or move a reservation, or change what becomes of it. What is kept is
        restored.
        """
        return self._caller.unary(
            methods.RESOURCE_UPDATE_RESERVATION, request, resource_pb2.Reservation, timeout
        )

    def CancelReservation(
        self, request: resource_pb2.CancelReservationRequest, timeout: float | None = None
    ) -> resource_pb2.Reservation:
        """End a reservation before its time; its machine is decommissioned."""
        return self._caller.unary(
            methods.RESOURCE_CANCEL_RESERVATION, request, resource_pb2.Reservation, timeout
        )

    def CreateReservationSeries(
        self, request: resource_pb2.CreateReservationSeriesRequest, timeout: float | None = None
    ) -> resource_pb2.ReservationSeries:
        """Reserve the same again and again, by a schedule that is seen and paused in Temporal."""
        return self._caller.unary(
            methods.RESOURCE_CREATE_RESERVATION_SERIES,
            request,
            resource_pb2.ReservationSeries,
            timeout,
        )

    def GetReservationSeries(
        self, request: resource_pb2.GetReservationSeriesRequest, timeout: float | None = None
    ) -> resource_pb2.ReservationSeries:
        """Show one series, and whether its schedule is paused."""
        return self._caller.unary(
            methods.RESOURCE_GET_RESERVATION_SERIES,
            request,
            resource_pb2.ReservationSeries,
            timeout,
        )

    def BatchGetReservationSeries(
        self, request: resource_pb2.BatchGetReservationSeriesRequest, timeout: float | None = None
    ) -> resource_pb2.BatchGetReservationSeriesResponse:
        """Several series of a project at once, in the order of their ids in the request, as
        ListReservationSeries shows them; refused if one is not there.
        """
        return self._caller.unary(
            methods.RESOURCE_BATCH_GET_RESERVATION_SERIES,
            request,
            resource_pb2.BatchGetReservationSeriesResponse,
            timeout,
        )

    def ListReservationSeries(
        self, request: resource_pb2.ListReservationSeriesRequest, timeout: float | None = None
    ) -> resource_pb2.ListReservationSeriesResponse:
        """List a project's series that have not ended, by id."""
        return self._caller.unary(
            methods.RESOURCE_LIST_RESERVATION_SERIES,
            request,
            resource_pb2.ListReservationSeriesResponse,
            timeout,
        )

    def AllReservationSeries(
        self, request: resource_pb2.ListReservationSeriesRequest
    ) -> Iterator[resource_pb2.ReservationSeries]:
        """Give one after the other what ListReservationSeries gives in pages."""
        for page in self._caller.pages(self.ListReservationSeries, request):
            yield from page.series

    def EndReservationSeries(
        self, request: resource_pb2.EndReservationSeriesRequest, timeout: float | None = None
    ) -> resource_pb2.ReservationSeries:
        """End a series; what it has reserved already stays reserved."""
        return self._caller.unary(
            methods.RESOURCE_END_RESERVATION_SERIES,
            request,
            resource_pb2.ReservationSeries,
            timeout,
        )

    def ResourceConfigure(
        self, request: resource_pb2.ResourceConfigureRequest, timeout: float | None = None
    ) -> common_pb2.Configuration:
        """Configure this service. Every instance follows within a second."""
        return self._caller.unary(
            methods.RESOURCE_RESOURCE_CONFIGURE, request, common_pb2.Configuration, timeout
        )

    def GetResourceConfiguration(
        self, request: resource_pb2.GetResourceConfigurationRequest, timeout: float | None = None
    ) -> common_pb2.Configuration:
        """How this service is configured."""
        return self._caller.unary(
            methods.RESOURCE_GET_RESOURCE_CONFIGURATION, request, common_pb2.Configuration, timeout
        )

    def Watch(
        self, request: common_pb2.WatchRequest, timeout: float | None = None
    ) -> Stream[common_pb2.Event]:
        """Changes in the site from a revision on, in order, none missed; the same as
        ControlService.Watch.
        """
        return self._caller.stream(methods.RESOURCE_WATCH, request, common_pb2.Event, timeout)


Service = Literal["control", "iam", "meta", "resource"]


class Services:
    """All services, given who calls one."""

    def __init__(self, caller: Callable[[Service], Calls]) -> None:
        self.control = ControlService(caller("control"))
        self.iam = IamService(caller("iam"))
        self.meta = MetaService(caller("meta"))
        self.resource = ResourceService(caller("resource"))


FIRST_OF: Mapping[str, Callable[[Services, str], Iterable[Any]]] = {
    "server": lambda services, _: (
        services.control.ListServers(control_pb2.ListServersRequest()).servers
    ),
    "host": lambda services, _: services.control.ListHosts(control_pb2.ListHostsRequest()).hosts,
    "image": lambda services, _: (
        services.control.ListImages(control_pb2.ListImagesRequest()).images
    ),
    "machine": lambda services, project: (
        services.control.ListMachines(control_pb2.ListMachinesRequest(project=project)).machines
    ),
    "project": lambda services, _: (
        services.iam.ListProjects(iam_pb2.ListProjectsRequest()).projects
    ),
    "account": lambda services, _: (
        services.iam.ListAccounts(iam_pb2.ListAccountsRequest()).accounts
    ),
    "region": lambda services, _: services.iam.ListRegions(iam_pb2.ListRegionsRequest()).regions,
    "group": lambda services, _: (
        services.resource.ListGroups(resource_pb2.ListGroupsRequest()).groups
    ),
    "provider": lambda services, _: (
        services.resource.ListProviders(resource_pb2.ListProvidersRequest()).providers
    ),
    "network": lambda services, _: (
        services.resource.ListNetworks(resource_pb2.ListNetworksRequest()).networks
    ),
    "claim": lambda services, project: (
        services.resource.ListClaims(resource_pb2.ListClaimsRequest(project=project)).claims
    ),
}
"""The first page of the objects of a type, in a project where they are of one."""
