// Code generated from proto/ by `make generate`. DO NOT EDIT.

package mulligan

import (
	"context"
	"iter"

	commonv1 "mulligan.internal/client/gen/commonv1"
	controlv1 "mulligan.internal/client/gen/controlv1"
	iamv1 "mulligan.internal/client/gen/iamv1"
	metav1 "mulligan.internal/client/gen/metav1"
	resourcev1 "mulligan.internal/client/gen/resourcev1"
)

// Services are all services of an installation.
type Services struct {
	Control  *ControlService
	Iam      *IamService
	Meta     *MetaService
	Resource *ResourceService
}

func newServices(callerOf func(service string) calls) Services {
	return Services{
		Control:  &ControlService{callerOf("control")},
		Iam:      &IamService{callerOf("iam")},
		Meta:     &MetaService{callerOf("meta")},
		Resource: &ResourceService{callerOf("resource")},
	}
}

// ControlService: Asks for work and shows how it goes.
type ControlService struct{ caller calls }

// ListRegionKeys: The keys to which secrets for a region are sealed, newest first.
func (s *ControlService) ListRegionKeys(ctx context.Context, request *controlv1.ListRegionKeysRequest) (*controlv1.ListRegionKeysResponse, error) {
	return unary(ctx, s.caller, &controlListRegionKeys, request, &controlv1.ListRegionKeysResponse{})
}

// CreateServer: Enrol a server; it is verified and inspected before it is offered.
func (s *ControlService) CreateServer(ctx context.Context, request *controlv1.CreateServerRequest) (*controlv1.Server, error) {
	return unary(ctx, s.caller, &controlCreateServer, request, &controlv1.Server{})
}

// GetServer: A server.
func (s *ControlService) GetServer(ctx context.Context, request *controlv1.GetServerRequest) (*controlv1.Server, error) {
	return unary(ctx, s.caller, &controlGetServer, request, &controlv1.Server{})
}

// BatchGetServers: Several servers at once, in the order of their ids in the request; refused if
// one is not there.
func (s *ControlService) BatchGetServers(ctx context.Context, request *controlv1.BatchGetServersRequest) (*controlv1.BatchGetServersResponse, error) {
	return unary(ctx, s.caller, &controlBatchGetServers, request, &controlv1.BatchGetServersResponse{})
}

// ListServers: All servers.
func (s *ControlService) ListServers(ctx context.Context, request *controlv1.ListServersRequest) (*controlv1.ListServersResponse, error) {
	return unary(ctx, s.caller, &controlListServers, request, &controlv1.ListServersResponse{})
}

// AllServers gives one after the other what ListServers gives in pages.
func (s *ControlService) AllServers(ctx context.Context, request *controlv1.ListServersRequest) iter.Seq2[*controlv1.Server, error] {
	return pages(ctx, s.caller, &controlListServers, request, s.ListServers, (*controlv1.ListServersResponse).GetServers)
}

// ListProjectServers: The servers that are a project's, as it may know them: what they are and
// where they stand, not how they are reached.
func (s *ControlService) ListProjectServers(ctx context.Context, request *controlv1.ListProjectServersRequest) (*controlv1.ListProjectServersResponse, error) {
	return unary(ctx, s.caller, &controlListProjectServers, request, &controlv1.ListProjectServersResponse{})
}

// AllProjectServers gives one after the other what ListProjectServers gives in pages.
func (s *ControlService) AllProjectServers(ctx context.Context, request *controlv1.ListProjectServersRequest) iter.Seq2[*controlv1.ProjectServer, error] {
	return pages(ctx, s.caller, &controlListProjectServers, request, s.ListProjectServers, (*controlv1.ListProjectServersResponse).GetServers)
}

// UpdateServer: Change a server's name or owner, or how its BMC is reached. It needs no slot: a
// running operation goes on with what it began with; its retry after it ended, and every later
// operation, use what is new.
func (s *ControlService) UpdateServer(ctx context.Context, request *controlv1.UpdateServerRequest) (*controlv1.Server, error) {
	return unary(ctx, s.caller, &controlUpdateServer, request, &controlv1.Server{})
}

// VerifyServer: Check that a server can be driven.
func (s *ControlService) VerifyServer(ctx context.Context, request *controlv1.VerifyServerRequest) (*controlv1.Operation, error) {
	return unary(ctx, s.caller, &controlVerifyServer, request, &controlv1.Operation{})
}

// InspectServer: Read a server's inventory.
func (s *ControlService) InspectServer(ctx context.Context, request *controlv1.InspectServerRequest) (*controlv1.Operation, error) {
	return unary(ctx, s.caller, &controlInspectServer, request, &controlv1.Operation{})
}

// DeleteServer: Forget a server that nobody uses.
func (s *ControlService) DeleteServer(ctx context.Context, request *controlv1.DeleteServerRequest) (*controlv1.DeleteServerResponse, error) {
	return unary(ctx, s.caller, &controlDeleteServer, request, &controlv1.DeleteServerResponse{})
}

// CreateHost: Add a hypervisor host; it is verified and inspected before it is offered.
func (s *ControlService) CreateHost(ctx context.Context, request *controlv1.CreateHostRequest) (*controlv1.Host, error) {
	return unary(ctx, s.caller, &controlCreateHost, request, &controlv1.Host{})
}

// GetHost: A host.
func (s *ControlService) GetHost(ctx context.Context, request *controlv1.GetHostRequest) (*controlv1.Host, error) {
	return unary(ctx, s.caller, &controlGetHost, request, &controlv1.Host{})
}

// BatchGetHosts: Several hosts at once, in the order of their ids in the request; refused if one
// is not there.
func (s *ControlService) BatchGetHosts(ctx context.Context, request *controlv1.BatchGetHostsRequest) (*controlv1.BatchGetHostsResponse, error) {
	return unary(ctx, s.caller, &controlBatchGetHosts, request, &controlv1.BatchGetHostsResponse{})
}

// ListHosts: All hosts.
func (s *ControlService) ListHosts(ctx context.Context, request *controlv1.ListHostsRequest) (*controlv1.ListHostsResponse, error) {
	return unary(ctx, s.caller, &controlListHosts, request, &controlv1.ListHostsResponse{})
}

// AllHosts gives one after the other what ListHosts gives in pages.
func (s *ControlService) AllHosts(ctx context.Context, request *controlv1.ListHostsRequest) iter.Seq2[*controlv1.Host, error] {
	return pages(ctx, s.caller, &controlListHosts, request, s.ListHosts, (*controlv1.ListHostsResponse).GetHosts)
}

// ListProjectHosts: The hosts that are a project's, as it may know them: what they are and where
// they stand, not how they are reached.
func (s *ControlService) ListProjectHosts(ctx context.Context, request *controlv1.ListProjectHostsRequest) (*controlv1.ListProjectHostsResponse, error) {
	return unary(ctx, s.caller, &controlListProjectHosts, request, &controlv1.ListProjectHostsResponse{})
}

// AllProjectHosts gives one after the other what ListProjectHosts gives in pages.
func (s *ControlService) AllProjectHosts(ctx context.Context, request *controlv1.ListProjectHostsRequest) iter.Seq2[*controlv1.ProjectHost, error] {
	return pages(ctx, s.caller, &controlListProjectHosts, request, s.ListProjectHosts, (*controlv1.ListProjectHostsResponse).GetHosts)
}

// UpdateHost: Change a host's name or owner.
func (s *ControlService) UpdateHost(ctx context.Context, request *controlv1.UpdateHostRequest) (*controlv1.Host, error) {
	return unary(ctx, s.caller, &controlUpdateHost, request, &controlv1.Host{})
}

// VerifyHost: Check that a host can be driven.
func (s *ControlService) VerifyHost(ctx context.Context, request *controlv1.VerifyHostRequest) (*controlv1.Operation, error) {
	return unary(ctx, s.caller, &controlVerifyHost, request, &controlv1.Operation{})
}

// InspectHost: Read a host's inventory.
func (s *ControlService) InspectHost(ctx context.Context, request *controlv1.InspectHostRequest) (*controlv1.Operation, error) {
	return unary(ctx, s.caller, &controlInspectHost, request, &controlv1.Operation{})
}

// DeleteHost: Forget a host that nobody uses.
func (s *ControlService) DeleteHost(ctx context.Context, request *controlv1.DeleteHostRequest) (*controlv1.DeleteHostResponse, error) {
	return unary(ctx, s.caller, &controlDeleteHost, request, &controlv1.DeleteHostResponse{})
}

// SetMark: Say that a server or host is in maintenance, protected, locked or retired.
func (s *ControlService) SetMark(ctx context.Context, request *controlv1.SetMarkRequest) (*controlv1.SetMarkResponse, error) {
	return unary(ctx, s.caller, &controlSetMark, request, &controlv1.SetMarkResponse{})
}

// ClearMark: Take a mark back.
func (s *ControlService) ClearMark(ctx context.Context, request *controlv1.ClearMarkRequest) (*controlv1.ClearMarkResponse, error) {
	return unary(ctx, s.caller, &controlClearMark, request, &controlv1.ClearMarkResponse{})
}

// CreateImage: Register an image: where it is, its checksum and its format.
func (s *ControlService) CreateImage(ctx context.Context, request *controlv1.CreateImageRequest) (*controlv1.Image, error) {
	return unary(ctx, s.caller, &controlCreateImage, request, &controlv1.Image{})
}

// GetImage: An image.
func (s *ControlService) GetImage(ctx context.Context, request *controlv1.GetImageRequest) (*controlv1.Image, error) {
	return unary(ctx, s.caller, &controlGetImage, request, &controlv1.Image{})
}

// BatchGetImages: Several images at once, in the order of their ids in the request; refused if one
// is not there.
func (s *ControlService) BatchGetImages(ctx context.Context, request *controlv1.BatchGetImagesRequest) (*controlv1.BatchGetImagesResponse, error) {
	return unary(ctx, s.caller, &controlBatchGetImages, request, &controlv1.BatchGetImagesResponse{})
}

// ListImages: All images.
func (s *ControlService) ListImages(ctx context.Context, request *controlv1.ListImagesRequest) (*controlv1.ListImagesResponse, error) {
	return unary(ctx, s.caller, &controlListImages, request, &controlv1.ListImagesResponse{})
}

// AllImages gives one after the other what ListImages gives in pages.
func (s *ControlService) AllImages(ctx context.Context, request *controlv1.ListImagesRequest) iter.Seq2[*controlv1.Image, error] {
	return pages(ctx, s.caller, &controlListImages, request, s.ListImages, (*controlv1.ListImagesResponse).GetImages)
}

// UpdateImage: Change an image's name.
func (s *ControlService) UpdateImage(ctx context.Context, request *controlv1.UpdateImageRequest) (*controlv1.Image, error) {
	return unary(ctx, s.caller, &controlUpdateImage, request, &controlv1.Image{})
}

// DeleteImage: Forget an image; machines made from it stay.
func (s *ControlService) DeleteImage(ctx context.Context, request *controlv1.DeleteImageRequest) (*controlv1.DeleteImageResponse, error) {
	return unary(ctx, s.caller, &controlDeleteImage, request, &controlv1.DeleteImageResponse{})
}

// ProvisionMachine: Make a machine. Answers when its claim is committed.
func (s *ControlService) ProvisionMachine(ctx context.Context, request *controlv1.ProvisionMachineRequest) (*controlv1.Operation, error) {
	return unary(ctx, s.caller, &controlProvisionMachine, request, &controlv1.Operation{})
}

// DecommissionMachine: End a machine, clean what it used, release its claim. With dry_run: only
// say what would go.
func (s *ControlService) DecommissionMachine(ctx context.Context, request *controlv1.DecommissionMachineRequest) (*controlv1.DecommissionMachineResponse, error) {
	return unary(ctx, s.caller, &controlDecommissionMachine, request, &controlv1.DecommissionMachineResponse{})
}

// GetMachine: A machine.
func (s *ControlService) GetMachine(ctx context.Context, request *controlv1.GetMachineRequest) (*controlv1.Machine, error) {
	return unary(ctx, s.caller, &controlGetMachine, request, &controlv1.Machine{})
}

// BatchGetMachines: Several machines of a project at once, in the order of their ids in the
// request; refused if one is not there.
func (s *ControlService) BatchGetMachines(ctx context.Context, request *controlv1.BatchGetMachinesRequest) (*controlv1.BatchGetMachinesResponse, error) {
	return unary(ctx, s.caller, &controlBatchGetMachines, request, &controlv1.BatchGetMachinesResponse{})
}

// UpdateMachine: Change a machine's name; what it was told at its start stays as it is.
func (s *ControlService) UpdateMachine(ctx context.Context, request *controlv1.UpdateMachineRequest) (*controlv1.Machine, error) {
	return unary(ctx, s.caller, &controlUpdateMachine, request, &controlv1.Machine{})
}

// ListMachines: A project's machines.
func (s *ControlService) ListMachines(ctx context.Context, request *controlv1.ListMachinesRequest) (*controlv1.ListMachinesResponse, error) {
	return unary(ctx, s.caller, &controlListMachines, request, &controlv1.ListMachinesResponse{})
}

// AllMachines gives one after the other what ListMachines gives in pages.
func (s *ControlService) AllMachines(ctx context.Context, request *controlv1.ListMachinesRequest) iter.Seq2[*controlv1.Machine, error] {
	return pages(ctx, s.caller, &controlListMachines, request, s.ListMachines, (*controlv1.ListMachinesResponse).GetMachines)
}

// GetOperation: An operation with its steps.
func (s *ControlService) GetOperation(ctx context.Context, request *controlv1.GetOperationRequest) (*controlv1.Operation, error) {
	return unary(ctx, s.caller, &controlGetOperation, request, &controlv1.Operation{})
}

// BatchGetOperations: Several operations at once, in the order of their ids in the request;
// refused if one is not there.
func (s *ControlService) BatchGetOperations(ctx context.Context, request *controlv1.BatchGetOperationsRequest) (*controlv1.BatchGetOperationsResponse, error) {
	return unary(ctx, s.caller, &controlBatchGetOperations, request, &controlv1.BatchGetOperationsResponse{})
}

// ListOperations: Operations, newest first.
func (s *ControlService) ListOperations(ctx context.Context, request *controlv1.ListOperationsRequest) (*controlv1.ListOperationsResponse, error) {
	return unary(ctx, s.caller, &controlListOperations, request, &controlv1.ListOperationsResponse{})
}

// AllOperations gives one after the other what ListOperations gives in pages.
func (s *ControlService) AllOperations(ctx context.Context, request *controlv1.ListOperationsRequest) iter.Seq2[*controlv1.Operation, error] {
	return pages(ctx, s.caller, &controlListOperations, request, s.ListOperations, (*controlv1.ListOperationsResponse).GetOperations)
}

// GetOperationLog: What console, ramdisk and BMC said during an operation, redacted.
func (s *ControlService) GetOperationLog(ctx context.Context, request *controlv1.GetOperationLogRequest) (*controlv1.GetOperationLogResponse, error) {
	return unary(ctx, s.caller, &controlGetOperationLog, request, &controlv1.GetOperationLogResponse{})
}

// AbortOperation: Stop a running operation: what it did is undone, and it ends as cancelled. What
// only goes forward (a decommission) stops trying and says how to go on.
func (s *ControlService) AbortOperation(ctx context.Context, request *controlv1.AbortOperationRequest) (*controlv1.Operation, error) {
	return unary(ctx, s.caller, &controlAbortOperation, request, &controlv1.Operation{})
}

// RetryOperation: Try the failed step again: of a running operation at once; one that ended is
// asked for anew, and finds what is there already.
func (s *ControlService) RetryOperation(ctx context.Context, request *controlv1.RetryOperationRequest) (*controlv1.Operation, error) {
	return unary(ctx, s.caller, &controlRetryOperation, request, &controlv1.Operation{})
}

// ForceRelease: End a claim at once, whatever state machine, server, BMC or host are in. A server
// is left quarantined and not clean.
func (s *ControlService) ForceRelease(ctx context.Context, request *controlv1.ForceReleaseRequest) (*controlv1.Operation, error) {
	return unary(ctx, s.caller, &controlForceRelease, request, &controlv1.Operation{})
}

// Freeze: From now on nothing powers, wipes, deletes or starts there; operations wait visibly.
func (s *ControlService) Freeze(ctx context.Context, request *controlv1.FreezeRequest) (*controlv1.FreezeResponse, error) {
	return unary(ctx, s.caller, &controlFreeze, request, &controlv1.FreezeResponse{})
}

// Thaw: Take a freeze back; what waited goes on.
func (s *ControlService) Thaw(ctx context.Context, request *controlv1.ThawRequest) (*controlv1.ThawResponse, error) {
	return unary(ctx, s.caller, &controlThaw, request, &controlv1.ThawResponse{})
}

// ListFreezes: What is frozen.
func (s *ControlService) ListFreezes(ctx context.Context, request *controlv1.ListFreezesRequest) (*controlv1.ListFreezesResponse, error) {
	return unary(ctx, s.caller, &controlListFreezes, request, &controlv1.ListFreezesResponse{})
}

// AllFreezes gives one after the other what ListFreezes gives in pages.
func (s *ControlService) AllFreezes(ctx context.Context, request *controlv1.ListFreezesRequest) iter.Seq2[*controlv1.Freeze, error] {
	return pages(ctx, s.caller, &controlListFreezes, request, s.ListFreezes, (*controlv1.ListFreezesResponse).GetFreezes)
}

// Reconcile: Compare database, Temporal, hypervisors and BMCs of a region, and mend what is safe.
func (s *ControlService) Reconcile(ctx context.Context, request *controlv1.ReconcileRequest) (*controlv1.Operation, error) {
	return unary(ctx, s.caller, &controlReconcile, request, &controlv1.Operation{})
}

// ListDifferences: What the last comparison of each region found.
func (s *ControlService) ListDifferences(ctx context.Context, request *controlv1.ListDifferencesRequest) (*controlv1.ListDifferencesResponse, error) {
	return unary(ctx, s.caller, &controlListDifferences, request, &controlv1.ListDifferencesResponse{})
}

// AllDifferences gives one after the other what ListDifferences gives in pages.
func (s *ControlService) AllDifferences(ctx context.Context, request *controlv1.ListDifferencesRequest) iter.Seq2[*controlv1.Difference, error] {
	return pages(ctx, s.caller, &controlListDifferences, request, s.ListDifferences, (*controlv1.ListDifferencesResponse).GetDifferences)
}

// RotateRegionKey: Give a region a new key, and seal its secrets anew to it; older keys live until
// that is done.
func (s *ControlService) RotateRegionKey(ctx context.Context, request *controlv1.RotateRegionKeyRequest) (*controlv1.Operation, error) {
	return unary(ctx, s.caller, &controlRotateRegionKey, request, &controlv1.Operation{})
}

// ListAuditEvents: Who did what, and who was refused: what was changed, and calls that would have
// changed something or that the caller was not allowed. Newest first. Of the site: of control,
// resource and meta.
func (s *ControlService) ListAuditEvents(ctx context.Context, request *commonv1.ListAuditEventsRequest) (*commonv1.ListAuditEventsResponse, error) {
	return unary(ctx, s.caller, &controlListAuditEvents, request, &commonv1.ListAuditEventsResponse{})
}

// AllAuditEvents gives one after the other what ListAuditEvents gives in pages.
func (s *ControlService) AllAuditEvents(ctx context.Context, request *commonv1.ListAuditEventsRequest) iter.Seq2[*commonv1.AuditEvent, error] {
	return pages(ctx, s.caller, &controlListAuditEvents, request, s.ListAuditEvents, (*commonv1.ListAuditEventsResponse).GetEvents)
}

// ControlConfigure: Configure this service. Every instance follows within a second.
func (s *ControlService) ControlConfigure(ctx context.Context, request *controlv1.ControlConfigureRequest) (*commonv1.Configuration, error) {
	return unary(ctx, s.caller, &controlControlConfigure, request, &commonv1.Configuration{})
}

// GetControlConfiguration: How this service is configured.
func (s *ControlService) GetControlConfiguration(ctx context.Context, request *controlv1.GetControlConfigurationRequest) (*commonv1.Configuration, error) {
	return unary(ctx, s.caller, &controlGetControlConfiguration, request, &commonv1.Configuration{})
}

// ExecutorConfigure: Configure the executors of a region. It travels with what they are asked for:
// each follows with the next step of an operation.
func (s *ControlService) ExecutorConfigure(ctx context.Context, request *controlv1.ExecutorConfigureRequest) (*commonv1.Configuration, error) {
	return unary(ctx, s.caller, &controlExecutorConfigure, request, &commonv1.Configuration{})
}

// GetExecutorConfiguration: How the executors of a region are configured.
func (s *ControlService) GetExecutorConfiguration(ctx context.Context, request *controlv1.GetExecutorConfigurationRequest) (*commonv1.Configuration, error) {
	return unary(ctx, s.caller, &controlGetExecutorConfiguration, request, &commonv1.Configuration{})
}

// Watch: Changes in the site from a revision on, in order, none missed; ends only when the caller
// goes away or its token ends. Meta, resource and control of a site give the same.
func (s *ControlService) Watch(ctx context.Context, request *commonv1.WatchRequest) iter.Seq2[*commonv1.Event, error] {
	return watch(ctx, s.caller, &controlWatch, request)
}

// IamService: Who may do what, and where things live.
type IamService struct{ caller calls }

// Bootstrap: Create the administrator, once, with the token that the service printed at its first
// start.
func (s *IamService) Bootstrap(ctx context.Context, request *iamv1.BootstrapRequest) (*iamv1.SignedIn, error) {
	return unary(ctx, s.caller, &iamBootstrap, request, &iamv1.SignedIn{})
}

// Login: Exchange a password for the tokens of a new session. Who fails often, by account or by
// address, is answered SIGN_IN_SLOWED with the time to wait.
func (s *IamService) Login(ctx context.Context, request *iamv1.LoginRequest) (*iamv1.SignedIn, error) {
	return unary(ctx, s.caller, &iamLogin, request, &iamv1.SignedIn{})
}

// RefreshToken: Exchange a refresh token, which is spent by it, for new tokens of the same
// session. With the same request_id it gives the same refresh token again until that one is used;
// with another one the session is revoked, since somebody else has the token, too.
func (s *IamService) RefreshToken(ctx context.Context, request *iamv1.RefreshTokenRequest) (*iamv1.SignedIn, error) {
	return unary(ctx, s.caller, &iamRefreshToken, request, &iamv1.SignedIn{})
}

// SignOut: Revoke the session of the token that is called with. What it was given lives to its
// end.
func (s *IamService) SignOut(ctx context.Context, request *iamv1.SignOutRequest) (*iamv1.Session, error) {
	return unary(ctx, s.caller, &iamSignOut, request, &iamv1.Session{})
}

// ListSessions: The sessions of an account that can still be refreshed.
func (s *IamService) ListSessions(ctx context.Context, request *iamv1.ListSessionsRequest) (*iamv1.ListSessionsResponse, error) {
	return unary(ctx, s.caller, &iamListSessions, request, &iamv1.ListSessionsResponse{})
}

// AllSessions gives one after the other what ListSessions gives in pages.
func (s *IamService) AllSessions(ctx context.Context, request *iamv1.ListSessionsRequest) iter.Seq2[*iamv1.Session, error] {
	return pages(ctx, s.caller, &iamListSessions, request, s.ListSessions, (*iamv1.ListSessionsResponse).GetSessions)
}

// RevokeSession: Revoke a session: its refresh token is refused from now on, its access tokens
// once they end.
func (s *IamService) RevokeSession(ctx context.Context, request *iamv1.RevokeSessionRequest) (*iamv1.Session, error) {
	return unary(ctx, s.caller, &iamRevokeSession, request, &iamv1.Session{})
}

// ListTokenKeys: The public keys with which access tokens are checked offline.
func (s *IamService) ListTokenKeys(ctx context.Context, request *iamv1.ListTokenKeysRequest) (*iamv1.ListTokenKeysResponse, error) {
	return unary(ctx, s.caller, &iamListTokenKeys, request, &iamv1.ListTokenKeysResponse{})
}

// RotateTokenKeys: Make a new key to sign access tokens with. It is published at once and signs a
// little later; the earlier ones stay published until the last token that they signed has ended.
func (s *IamService) RotateTokenKeys(ctx context.Context, request *iamv1.RotateTokenKeysRequest) (*iamv1.TokenKey, error) {
	return unary(ctx, s.caller, &iamRotateTokenKeys, request, &iamv1.TokenKey{})
}

// CreateProject: Create a project, at the top or below another one.
func (s *IamService) CreateProject(ctx context.Context, request *iamv1.CreateProjectRequest) (*iamv1.Project, error) {
	return unary(ctx, s.caller, &iamCreateProject, request, &iamv1.Project{})
}

// GetProject: A project.
func (s *IamService) GetProject(ctx context.Context, request *iamv1.GetProjectRequest) (*iamv1.Project, error) {
	return unary(ctx, s.caller, &iamGetProject, request, &iamv1.Project{})
}

// BatchGetProjects: Several projects at once, in the order of their ids in the request; refused if
// one is not there.
func (s *IamService) BatchGetProjects(ctx context.Context, request *iamv1.BatchGetProjectsRequest) (*iamv1.BatchGetProjectsResponse, error) {
	return unary(ctx, s.caller, &iamBatchGetProjects, request, &iamv1.BatchGetProjectsResponse{})
}

// ListProjects: The projects in which the caller has a role, there or above; all of them for the
// system's readers.
func (s *IamService) ListProjects(ctx context.Context, request *iamv1.ListProjectsRequest) (*iamv1.ListProjectsResponse, error) {
	return unary(ctx, s.caller, &iamListProjects, request, &iamv1.ListProjectsResponse{})
}

// AllProjects gives one after the other what ListProjects gives in pages.
func (s *IamService) AllProjects(ctx context.Context, request *iamv1.ListProjectsRequest) iter.Seq2[*iamv1.Project, error] {
	return pages(ctx, s.caller, &iamListProjects, request, s.ListProjects, (*iamv1.ListProjectsResponse).GetProjects)
}

// UpdateProject: Change a project. No project ever moves: what it is below of can't be changed.
func (s *IamService) UpdateProject(ctx context.Context, request *iamv1.UpdateProjectRequest) (*iamv1.Project, error) {
	return unary(ctx, s.caller, &iamUpdateProject, request, &iamv1.Project{})
}

// DeleteProject: Delete a project without others below it, with the roles on it. What it has at
// sites stays until an operator ends it; nothing new can be asked in it.
func (s *IamService) DeleteProject(ctx context.Context, request *iamv1.DeleteProjectRequest) (*iamv1.DeleteProjectResponse, error) {
	return unary(ctx, s.caller, &iamDeleteProject, request, &iamv1.DeleteProjectResponse{})
}

// CreateAccount: Create a user.
func (s *IamService) CreateAccount(ctx context.Context, request *iamv1.CreateAccountRequest) (*iamv1.Account, error) {
	return unary(ctx, s.caller, &iamCreateAccount, request, &iamv1.Account{})
}

// GetAccount: An account.
func (s *IamService) GetAccount(ctx context.Context, request *iamv1.GetAccountRequest) (*iamv1.Account, error) {
	return unary(ctx, s.caller, &iamGetAccount, request, &iamv1.Account{})
}

// BatchGetAccounts: Several accounts at once, in the order of their ids in the request; refused if
// one is not there.
func (s *IamService) BatchGetAccounts(ctx context.Context, request *iamv1.BatchGetAccountsRequest) (*iamv1.BatchGetAccountsResponse, error) {
	return unary(ctx, s.caller, &iamBatchGetAccounts, request, &iamv1.BatchGetAccountsResponse{})
}

// ListAccounts: All accounts, of users and of programs.
func (s *IamService) ListAccounts(ctx context.Context, request *iamv1.ListAccountsRequest) (*iamv1.ListAccountsResponse, error) {
	return unary(ctx, s.caller, &iamListAccounts, request, &iamv1.ListAccountsResponse{})
}

// AllAccounts gives one after the other what ListAccounts gives in pages.
func (s *IamService) AllAccounts(ctx context.Context, request *iamv1.ListAccountsRequest) iter.Seq2[*iamv1.Account, error] {
	return pages(ctx, s.caller, &iamListAccounts, request, s.ListAccounts, (*iamv1.ListAccountsResponse).GetAccounts)
}

// UpdateAccount: Change an account: its name, its password, whether it may sign in.
func (s *IamService) UpdateAccount(ctx context.Context, request *iamv1.UpdateAccountRequest) (*iamv1.Account, error) {
	return unary(ctx, s.caller, &iamUpdateAccount, request, &iamv1.Account{})
}

// DeleteAccount: Delete an account with its roles. Tokens that it has are good until they end.
// One's own account, and the last administrator's of the system, stay.
func (s *IamService) DeleteAccount(ctx context.Context, request *iamv1.DeleteAccountRequest) (*iamv1.DeleteAccountResponse, error) {
	return unary(ctx, s.caller, &iamDeleteAccount, request, &iamv1.DeleteAccountResponse{})
}

// ChangePassword: Change one's own password. A wrong old one counts like a sign-in that failed.
func (s *IamService) ChangePassword(ctx context.Context, request *iamv1.ChangePasswordRequest) (*iamv1.ChangePasswordResponse, error) {
	return unary(ctx, s.caller, &iamChangePassword, request, &iamv1.ChangePasswordResponse{})
}

// CreateApplicationCredential: Make an account for a program of the caller's: with roles that the
// caller has, if wanted with an end, for some methods only and for one region with those below it.
// It signs in by Login, with its name or id and its secret. It never may more than its creator may
// at that time. It can't make accounts, change passwords or give roles.
func (s *IamService) CreateApplicationCredential(ctx context.Context, request *iamv1.CreateApplicationCredentialRequest) (*iamv1.ApplicationCredential, error) {
	return unary(ctx, s.caller, &iamCreateApplicationCredential, request, &iamv1.ApplicationCredential{})
}

// GetApplicationCredential: An application credential.
func (s *IamService) GetApplicationCredential(ctx context.Context, request *iamv1.GetApplicationCredentialRequest) (*iamv1.ApplicationCredential, error) {
	return unary(ctx, s.caller, &iamGetApplicationCredential, request, &iamv1.ApplicationCredential{})
}

// BatchGetApplicationCredentials: Several application credentials at once, in the order of their
// ids in the request; refused if one is not there.
func (s *IamService) BatchGetApplicationCredentials(ctx context.Context, request *iamv1.BatchGetApplicationCredentialsRequest) (*iamv1.BatchGetApplicationCredentialsResponse, error) {
	return unary(ctx, s.caller, &iamBatchGetApplicationCredentials, request, &iamv1.BatchGetApplicationCredentialsResponse{})
}

// ListApplicationCredentials: The application credentials that an account made.
func (s *IamService) ListApplicationCredentials(ctx context.Context, request *iamv1.ListApplicationCredentialsRequest) (*iamv1.ListApplicationCredentialsResponse, error) {
	return unary(ctx, s.caller, &iamListApplicationCredentials, request, &iamv1.ListApplicationCredentialsResponse{})
}

// AllApplicationCredentials gives one after the other what ListApplicationCredentials gives in pages.
func (s *IamService) AllApplicationCredentials(ctx context.Context, request *iamv1.ListApplicationCredentialsRequest) iter.Seq2[*iamv1.ApplicationCredential, error] {
	return pages(ctx, s.caller, &iamListApplicationCredentials, request, s.ListApplicationCredentials, (*iamv1.ListApplicationCredentialsResponse).GetApplicationCredentials)
}

// UpdateApplicationCredential: Rename an application credential or narrow it: an end that is
// nearer, fewer roles, fewer methods. What would give it more is refused as CREDENTIAL_WIDENED;
// its secret and its region stay as they are. Tokens that it has are as they were until they end.
func (s *IamService) UpdateApplicationCredential(ctx context.Context, request *iamv1.UpdateApplicationCredentialRequest) (*iamv1.ApplicationCredential, error) {
	return unary(ctx, s.caller, &iamUpdateApplicationCredential, request, &iamv1.ApplicationCredential{})
}

// DeleteApplicationCredential: Delete an application credential; tokens that it has are good until
// they end.
func (s *IamService) DeleteApplicationCredential(ctx context.Context, request *iamv1.DeleteApplicationCredentialRequest) (*iamv1.DeleteApplicationCredentialResponse, error) {
	return unary(ctx, s.caller, &iamDeleteApplicationCredential, request, &iamv1.DeleteApplicationCredentialResponse{})
}

// AssignRole: Give an account a role on a project, a region or the system, instead of the one that
// it has there. It holds on everything below.
func (s *IamService) AssignRole(ctx context.Context, request *iamv1.AssignRoleRequest) (*iamv1.Assignment, error) {
	return unary(ctx, s.caller, &iamAssignRole, request, &iamv1.Assignment{})
}

// RevokeRole: Take the role away that an account has on a project, a region or the system itself.
// Each gives its own back. The system keeps an administrator.
func (s *IamService) RevokeRole(ctx context.Context, request *iamv1.RevokeRoleRequest) (*iamv1.RevokeRoleResponse, error) {
	return unary(ctx, s.caller, &iamRevokeRole, request, &iamv1.RevokeRoleResponse{})
}

// ListAssignments: Who has which role where, by account and place.
func (s *IamService) ListAssignments(ctx context.Context, request *iamv1.ListAssignmentsRequest) (*iamv1.ListAssignmentsResponse, error) {
	return unary(ctx, s.caller, &iamListAssignments, request, &iamv1.ListAssignmentsResponse{})
}

// AllAssignments gives one after the other what ListAssignments gives in pages.
func (s *IamService) AllAssignments(ctx context.Context, request *iamv1.ListAssignmentsRequest) iter.Seq2[*iamv1.Assignment, error] {
	return pages(ctx, s.caller, &iamListAssignments, request, s.ListAssignments, (*iamv1.ListAssignmentsResponse).GetAssignments)
}

// CreateRegion: Create a region, at the top or below another one.
func (s *IamService) CreateRegion(ctx context.Context, request *iamv1.CreateRegionRequest) (*iamv1.Region, error) {
	return unary(ctx, s.caller, &iamCreateRegion, request, &iamv1.Region{})
}

// GetRegion: A region.
func (s *IamService) GetRegion(ctx context.Context, request *iamv1.GetRegionRequest) (*iamv1.Region, error) {
	return unary(ctx, s.caller, &iamGetRegion, request, &iamv1.Region{})
}

// BatchGetRegions: Several regions at once, in the order of their ids in the request; refused if
// one is not there.
func (s *IamService) BatchGetRegions(ctx context.Context, request *iamv1.BatchGetRegionsRequest) (*iamv1.BatchGetRegionsResponse, error) {
	return unary(ctx, s.caller, &iamBatchGetRegions, request, &iamv1.BatchGetRegionsResponse{})
}

// ListRegions: All regions that the caller sees.
func (s *IamService) ListRegions(ctx context.Context, request *iamv1.ListRegionsRequest) (*iamv1.ListRegionsResponse, error) {
	return unary(ctx, s.caller, &iamListRegions, request, &iamv1.ListRegionsResponse{})
}

// AllRegions gives one after the other what ListRegions gives in pages.
func (s *IamService) AllRegions(ctx context.Context, request *iamv1.ListRegionsRequest) iter.Seq2[*iamv1.Region, error] {
	return pages(ctx, s.caller, &iamListRegions, request, s.ListRegions, (*iamv1.ListRegionsResponse).GetRegions)
}

// UpdateRegion: Change a region. No region ever moves: what it is below of can't be changed.
func (s *IamService) UpdateRegion(ctx context.Context, request *iamv1.UpdateRegionRequest) (*iamv1.Region, error) {
	return unary(ctx, s.caller, &iamUpdateRegion, request, &iamv1.Region{})
}

// DeleteRegion: Delete a region without others below it, and that no site serves by its name, with
// the roles on it. What lives in it stays until an operator ends it; nothing new can be asked
// there.
func (s *IamService) DeleteRegion(ctx context.Context, request *iamv1.DeleteRegionRequest) (*iamv1.DeleteRegionResponse, error) {
	return unary(ctx, s.caller, &iamDeleteRegion, request, &iamv1.DeleteRegionResponse{})
}

// RegisterService: Take a process up in the catalogue: which services of which site it has, and
// where. It is away when it is not renewed in time. Of each site 64 are taken up, of all together
// 4,096; those that are away make way.
func (s *IamService) RegisterService(ctx context.Context, request *iamv1.RegisterServiceRequest) (*iamv1.RegisterServiceResponse, error) {
	return unary(ctx, s.caller, &iamRegisterService, request, &iamv1.RegisterServiceResponse{})
}

// RenewService: Say that a process is alive. Nobody is told of it: no event is written.
func (s *IamService) RenewService(ctx context.Context, request *iamv1.RenewServiceRequest) (*iamv1.RenewServiceResponse, error) {
	return unary(ctx, s.caller, &iamRenewService, request, &iamv1.RenewServiceResponse{})
}

// WithdrawService: Take a process that stops out of the catalogue.
func (s *IamService) WithdrawService(ctx context.Context, request *iamv1.WithdrawServiceRequest) (*iamv1.WithdrawServiceResponse, error) {
	return unary(ctx, s.caller, &iamWithdrawService, request, &iamv1.WithdrawServiceResponse{})
}

// ListServices: The catalogue: the sites with their services, and the regions of each that the
// caller sees. It has no pages: there are 4,096 services at most, and no more sites than regions
// and one.
func (s *IamService) ListServices(ctx context.Context, request *iamv1.ListServicesRequest) (*iamv1.ListServicesResponse, error) {
	return unary(ctx, s.caller, &iamListServices, request, &iamv1.ListServicesResponse{})
}

// DeleteSite: Forget a site that is away for good, so that others may serve its regions.
func (s *IamService) DeleteSite(ctx context.Context, request *iamv1.DeleteSiteRequest) (*iamv1.DeleteSiteResponse, error) {
	return unary(ctx, s.caller, &iamDeleteSite, request, &iamv1.DeleteSiteResponse{})
}

// ListAuditEvents: Who did what, and who was refused: what was changed, and calls that would have
// changed something or that the caller was not allowed. Newest first. Of iam.
func (s *IamService) ListAuditEvents(ctx context.Context, request *commonv1.ListAuditEventsRequest) (*commonv1.ListAuditEventsResponse, error) {
	return unary(ctx, s.caller, &iamListAuditEvents, request, &commonv1.ListAuditEventsResponse{})
}

// AllAuditEvents gives one after the other what ListAuditEvents gives in pages.
func (s *IamService) AllAuditEvents(ctx context.Context, request *commonv1.ListAuditEventsRequest) iter.Seq2[*commonv1.AuditEvent, error] {
	return pages(ctx, s.caller, &iamListAuditEvents, request, s.ListAuditEvents, (*commonv1.ListAuditEventsResponse).GetEvents)
}

// IamConfigure: Configure this service. Every instance follows within a second.
func (s *IamService) IamConfigure(ctx context.Context, request *iamv1.IamConfigureRequest) (*commonv1.Configuration, error) {
	return unary(ctx, s.caller, &iamIamConfigure, request, &commonv1.Configuration{})
}

// GetIamConfiguration: How this service is configured.
func (s *IamService) GetIamConfiguration(ctx context.Context, request *iamv1.GetIamConfigurationRequest) (*commonv1.Configuration, error) {
	return unary(ctx, s.caller, &iamGetIamConfiguration, request, &commonv1.Configuration{})
}

// Watch: Changes of accounts, roles, projects and regions from a revision on, in order, none
// missed.
func (s *IamService) Watch(ctx context.Context, request *commonv1.WatchRequest) iter.Seq2[*commonv1.Event, error] {
	return watch(ctx, s.caller, &iamWatch, request)
}

// MetaService: From names to ids and back; what people say about objects.
type MetaService struct{ caller calls }

// ResolveNames: Find the ids of names or slugs; an id answers itself when the caller can see the
// object.
func (s *MetaService) ResolveNames(ctx context.Context, request *metav1.ResolveNamesRequest) (*metav1.ResolveNamesResponse, error) {
	return unary(ctx, s.caller, &metaResolveNames, request, &metav1.ResolveNamesResponse{})
}

// DescribeObjects: Give the names of ids.
func (s *MetaService) DescribeObjects(ctx context.Context, request *metav1.DescribeObjectsRequest) (*metav1.DescribeObjectsResponse, error) {
	return unary(ctx, s.caller, &metaDescribeObjects, request, &metav1.DescribeObjectsResponse{})
}

// UpdateTags: Add tags to objects and take others away.
func (s *MetaService) UpdateTags(ctx context.Context, request *metav1.UpdateTagsRequest) (*metav1.UpdateTagsResponse, error) {
	return unary(ctx, s.caller, &metaUpdateTags, request, &metav1.UpdateTagsResponse{})
}

// ListTags: The tags of objects.
func (s *MetaService) ListTags(ctx context.Context, request *metav1.ListTagsRequest) (*metav1.ListTagsResponse, error) {
	return unary(ctx, s.caller, &metaListTags, request, &metav1.ListTagsResponse{})
}

// ListObjectsByTag: The objects that have tags, by id.
func (s *MetaService) ListObjectsByTag(ctx context.Context, request *metav1.ListObjectsByTagRequest) (*metav1.ListObjectsByTagResponse, error) {
	return unary(ctx, s.caller, &metaListObjectsByTag, request, &metav1.ListObjectsByTagResponse{})
}

// AllObjectsByTag gives one after the other what ListObjectsByTag gives in pages.
func (s *MetaService) AllObjectsByTag(ctx context.Context, request *metav1.ListObjectsByTagRequest) iter.Seq2[*metav1.TaggedObject, error] {
	return pages(ctx, s.caller, &metaListObjectsByTag, request, s.ListObjectsByTag, (*metav1.ListObjectsByTagResponse).GetObjects)
}

// CreateMetadef: Define an attribute, for all objects or for those of a project and of the
// projects below it.
func (s *MetaService) CreateMetadef(ctx context.Context, request *metav1.CreateMetadefRequest) (*metav1.Metadef, error) {
	return unary(ctx, s.caller, &metaCreateMetadef, request, &metav1.Metadef{})
}

// GetMetadef: One definition.
func (s *MetaService) GetMetadef(ctx context.Context, request *metav1.GetMetadefRequest) (*metav1.Metadef, error) {
	return unary(ctx, s.caller, &metaGetMetadef, request, &metav1.Metadef{})
}

// BatchGetMetadefs: Several metadefs at once, in the order of their ids in the request; refused if
// one is not there.
func (s *MetaService) BatchGetMetadefs(ctx context.Context, request *metav1.BatchGetMetadefsRequest) (*metav1.BatchGetMetadefsResponse, error) {
	return unary(ctx, s.caller, &metaBatchGetMetadefs, request, &metav1.BatchGetMetadefsResponse{})
}

// ListMetadefs: Definitions.
func (s *MetaService) ListMetadefs(ctx context.Context, request *metav1.ListMetadefsRequest) (*metav1.ListMetadefsResponse, error) {
	return unary(ctx, s.caller, &metaListMetadefs, request, &metav1.ListMetadefsResponse{})
}

// AllMetadefs gives one after the other what ListMetadefs gives in pages.
func (s *MetaService) AllMetadefs(ctx context.Context, request *metav1.ListMetadefsRequest) iter.Seq2[*metav1.Metadef, error] {
	return pages(ctx, s.caller, &metaListMetadefs, request, s.ListMetadefs, (*metav1.ListMetadefsResponse).GetMetadefs)
}

// UpdateMetadef: Change a definition, if all values fit it.
func (s *MetaService) UpdateMetadef(ctx context.Context, request *metav1.UpdateMetadefRequest) (*metav1.Metadef, error) {
	return unary(ctx, s.caller, &metaUpdateMetadef, request, &metav1.Metadef{})
}

// DeleteMetadef: Delete a definition, if all values fit the one that holds then.
func (s *MetaService) DeleteMetadef(ctx context.Context, request *metav1.DeleteMetadefRequest) (*metav1.DeleteMetadefResponse, error) {
	return unary(ctx, s.caller, &metaDeleteMetadef, request, &metav1.DeleteMetadefResponse{})
}

// SetAttributes: Give objects values of attributes, or take them away; all or none.
func (s *MetaService) SetAttributes(ctx context.Context, request *metav1.SetAttributesRequest) (*metav1.SetAttributesResponse, error) {
	return unary(ctx, s.caller, &metaSetAttributes, request, &metav1.SetAttributesResponse{})
}

// ListAttributes: The attributes of objects.
func (s *MetaService) ListAttributes(ctx context.Context, request *metav1.ListAttributesRequest) (*metav1.ListAttributesResponse, error) {
	return unary(ctx, s.caller, &metaListAttributes, request, &metav1.ListAttributesResponse{})
}

// ListObjectsByAttribute: The objects that have an attribute, by id.
func (s *MetaService) ListObjectsByAttribute(ctx context.Context, request *metav1.ListObjectsByAttributeRequest) (*metav1.ListObjectsByAttributeResponse, error) {
	return unary(ctx, s.caller, &metaListObjectsByAttribute, request, &metav1.ListObjectsByAttributeResponse{})
}

// AllObjectsByAttribute gives one after the other what ListObjectsByAttribute gives in pages.
func (s *MetaService) AllObjectsByAttribute(ctx context.Context, request *metav1.ListObjectsByAttributeRequest) iter.Seq2[*metav1.Attribute, error] {
	return pages(ctx, s.caller, &metaListObjectsByAttribute, request, s.ListObjectsByAttribute, (*metav1.ListObjectsByAttributeResponse).GetAttributes)
}

// MetaConfigure: Configure this service. Every instance follows within a second.
func (s *MetaService) MetaConfigure(ctx context.Context, request *metav1.MetaConfigureRequest) (*commonv1.Configuration, error) {
	return unary(ctx, s.caller, &metaMetaConfigure, request, &commonv1.Configuration{})
}

// GetMetaConfiguration: How this service is configured.
func (s *MetaService) GetMetaConfiguration(ctx context.Context, request *metav1.GetMetaConfigurationRequest) (*commonv1.Configuration, error) {
	return unary(ctx, s.caller, &metaGetMetaConfiguration, request, &commonv1.Configuration{})
}

// Watch: Changes in the site from a revision on, in order, none missed; the same as
// ControlService.Watch.
func (s *MetaService) Watch(ctx context.Context, request *commonv1.WatchRequest) iter.Seq2[*commonv1.Event, error] {
	return watch(ctx, s.caller, &metaWatch, request)
}

// ResourceService: What there is, and who has claimed it when.
type ResourceService struct{ caller calls }

// CreateProviderType: Register a kind of provider.
func (s *ResourceService) CreateProviderType(ctx context.Context, request *resourcev1.CreateProviderTypeRequest) (*resourcev1.ProviderType, error) {
	return unary(ctx, s.caller, &resourceCreateProviderType, request, &resourcev1.ProviderType{})
}

// UpdateProviderType: Change the description or cleaning margin of a kind of provider.
func (s *ResourceService) UpdateProviderType(ctx context.Context, request *resourcev1.UpdateProviderTypeRequest) (*resourcev1.ProviderType, error) {
	return unary(ctx, s.caller, &resourceUpdateProviderType, request, &resourcev1.ProviderType{})
}

// ListProviderTypes: All kinds of provider.
func (s *ResourceService) ListProviderTypes(ctx context.Context, request *resourcev1.ListProviderTypesRequest) (*resourcev1.ListProviderTypesResponse, error) {
	return unary(ctx, s.caller, &resourceListProviderTypes, request, &resourcev1.ListProviderTypesResponse{})
}

// AllProviderTypes gives one after the other what ListProviderTypes gives in pages.
func (s *ResourceService) AllProviderTypes(ctx context.Context, request *resourcev1.ListProviderTypesRequest) iter.Seq2[*resourcev1.ProviderType, error] {
	return pages(ctx, s.caller, &resourceListProviderTypes, request, s.ListProviderTypes, (*resourcev1.ListProviderTypesResponse).GetProviderTypes)
}

// DeleteProviderType: Forget a kind of provider of which there is none.
func (s *ResourceService) DeleteProviderType(ctx context.Context, request *resourcev1.DeleteProviderTypeRequest) (*resourcev1.DeleteProviderTypeResponse, error) {
	return unary(ctx, s.caller, &resourceDeleteProviderType, request, &resourcev1.DeleteProviderTypeResponse{})
}

// CreateResourceType: Register a name of what is counted.
func (s *ResourceService) CreateResourceType(ctx context.Context, request *resourcev1.CreateResourceTypeRequest) (*resourcev1.ResourceType, error) {
	return unary(ctx, s.caller, &resourceCreateResourceType, request, &resourcev1.ResourceType{})
}

// ListResourceTypes: All names of what is counted.
func (s *ResourceService) ListResourceTypes(ctx context.Context, request *resourcev1.ListResourceTypesRequest) (*resourcev1.ListResourceTypesResponse, error) {
	return unary(ctx, s.caller, &resourceListResourceTypes, request, &resourcev1.ListResourceTypesResponse{})
}

// AllResourceTypes gives one after the other what ListResourceTypes gives in pages.
func (s *ResourceService) AllResourceTypes(ctx context.Context, request *resourcev1.ListResourceTypesRequest) iter.Seq2[*resourcev1.ResourceType, error] {
	return pages(ctx, s.caller, &resourceListResourceTypes, request, s.ListResourceTypes, (*resourcev1.ListResourceTypesResponse).GetResourceTypes)
}

// DeleteResourceType: Forget a resource type of which no provider has any.
func (s *ResourceService) DeleteResourceType(ctx context.Context, request *resourcev1.DeleteResourceTypeRequest) (*resourcev1.DeleteResourceTypeResponse, error) {
	return unary(ctx, s.caller, &resourceDeleteResourceType, request, &resourcev1.DeleteResourceTypeResponse{})
}

// CreateCapability: Register a name of what a provider can do.
func (s *ResourceService) CreateCapability(ctx context.Context, request *resourcev1.CreateCapabilityRequest) (*resourcev1.Capability, error) {
	return unary(ctx, s.caller, &resourceCreateCapability, request, &resourcev1.Capability{})
}

// ListCapabilities: All names of what a provider can do.
func (s *ResourceService) ListCapabilities(ctx context.Context, request *resourcev1.ListCapabilitiesRequest) (*resourcev1.ListCapabilitiesResponse, error) {
	return unary(ctx, s.caller, &resourceListCapabilities, request, &resourcev1.ListCapabilitiesResponse{})
}

// AllCapabilities gives one after the other what ListCapabilities gives in pages.
func (s *ResourceService) AllCapabilities(ctx context.Context, request *resourcev1.ListCapabilitiesRequest) iter.Seq2[*resourcev1.Capability, error] {
	return pages(ctx, s.caller, &resourceListCapabilities, request, s.ListCapabilities, (*resourcev1.ListCapabilitiesResponse).GetCapabilities)
}

// DeleteCapability: Forget a capability that no provider has.
func (s *ResourceService) DeleteCapability(ctx context.Context, request *resourcev1.DeleteCapabilityRequest) (*resourcev1.DeleteCapabilityResponse, error) {
	return unary(ctx, s.caller, &resourceDeleteCapability, request, &resourcev1.DeleteCapabilityResponse{})
}

// CreateProviders: Make providers, up to 10,000, all or none. Servers and hosts bring their own.
func (s *ResourceService) CreateProviders(ctx context.Context, request *resourcev1.CreateProvidersRequest) (*resourcev1.CreateProvidersResponse, error) {
	return unary(ctx, s.caller, &resourceCreateProviders, request, &resourcev1.CreateProvidersResponse{})
}

// UpdateProviders: Change, fill and move providers, up to 10,000, all or none.
func (s *ResourceService) UpdateProviders(ctx context.Context, request *resourcev1.UpdateProvidersRequest) (*resourcev1.UpdateProvidersResponse, error) {
	return unary(ctx, s.caller, &resourceUpdateProviders, request, &resourcev1.UpdateProvidersResponse{})
}

// DeleteProviders: Delete providers that nobody uses, up to 10,000, all or none.
func (s *ResourceService) DeleteProviders(ctx context.Context, request *resourcev1.DeleteProvidersRequest) (*resourcev1.DeleteProvidersResponse, error) {
	return unary(ctx, s.caller, &resourceDeleteProviders, request, &resourcev1.DeleteProvidersResponse{})
}

// ReshapeProviders: Change providers of one tree and move what is claimed of them, in one step.
func (s *ResourceService) ReshapeProviders(ctx context.Context, request *resourcev1.ReshapeProvidersRequest) (*resourcev1.ReshapeProvidersResponse, error) {
	return unary(ctx, s.caller, &resourceReshapeProviders, request, &resourcev1.ReshapeProvidersResponse{})
}

// CreateGroup: Make a group of providers of a region.
func (s *ResourceService) CreateGroup(ctx context.Context, request *resourcev1.CreateGroupRequest) (*resourcev1.Group, error) {
	return unary(ctx, s.caller, &resourceCreateGroup, request, &resourcev1.Group{})
}

// UpdateGroup: Change who is in a group, and who shares with its members.
func (s *ResourceService) UpdateGroup(ctx context.Context, request *resourcev1.UpdateGroupRequest) (*resourcev1.Group, error) {
	return unary(ctx, s.caller, &resourceUpdateGroup, request, &resourcev1.Group{})
}

// GetGroup: A group; who is in it is told by ListProviders.
func (s *ResourceService) GetGroup(ctx context.Context, request *resourcev1.GetGroupRequest) (*resourcev1.Group, error) {
	return unary(ctx, s.caller, &resourceGetGroup, request, &resourcev1.Group{})
}

// BatchGetGroups: Several groups at once, in the order of their ids in the request; refused if one
// is not there.
func (s *ResourceService) BatchGetGroups(ctx context.Context, request *resourcev1.BatchGetGroupsRequest) (*resourcev1.BatchGetGroupsResponse, error) {
	return unary(ctx, s.caller, &resourceBatchGetGroups, request, &resourcev1.BatchGetGroupsResponse{})
}

// ListGroups: All groups.
func (s *ResourceService) ListGroups(ctx context.Context, request *resourcev1.ListGroupsRequest) (*resourcev1.ListGroupsResponse, error) {
	return unary(ctx, s.caller, &resourceListGroups, request, &resourcev1.ListGroupsResponse{})
}

// AllGroups gives one after the other what ListGroups gives in pages.
func (s *ResourceService) AllGroups(ctx context.Context, request *resourcev1.ListGroupsRequest) iter.Seq2[*resourcev1.Group, error] {
	return pages(ctx, s.caller, &resourceListGroups, request, s.ListGroups, (*resourcev1.ListGroupsResponse).GetGroups)
}

// DeleteGroup: Delete a group with its distances; its providers stay.
func (s *ResourceService) DeleteGroup(ctx context.Context, request *resourcev1.DeleteGroupRequest) (*resourcev1.DeleteGroupResponse, error) {
	return unary(ctx, s.caller, &resourceDeleteGroup, request, &resourcev1.DeleteGroupResponse{})
}

// CreateDistanceType: Register a way to measure how far providers are apart.
func (s *ResourceService) CreateDistanceType(ctx context.Context, request *resourcev1.CreateDistanceTypeRequest) (*resourcev1.DistanceType, error) {
	return unary(ctx, s.caller, &resourceCreateDistanceType, request, &resourcev1.DistanceType{})
}

// ListDistanceTypes: All ways to measure.
func (s *ResourceService) ListDistanceTypes(ctx context.Context, request *resourcev1.ListDistanceTypesRequest) (*resourcev1.ListDistanceTypesResponse, error) {
	return unary(ctx, s.caller, &resourceListDistanceTypes, request, &resourcev1.ListDistanceTypesResponse{})
}

// AllDistanceTypes gives one after the other what ListDistanceTypes gives in pages.
func (s *ResourceService) AllDistanceTypes(ctx context.Context, request *resourcev1.ListDistanceTypesRequest) iter.Seq2[*resourcev1.DistanceType, error] {
	return pages(ctx, s.caller, &resourceListDistanceTypes, request, s.ListDistanceTypes, (*resourcev1.ListDistanceTypesResponse).GetDistanceTypes)
}

// DeleteDistanceType: Forget a way to measure by which nothing is measured.
func (s *ResourceService) DeleteDistanceType(ctx context.Context, request *resourcev1.DeleteDistanceTypeRequest) (*resourcev1.DeleteDistanceTypeResponse, error) {
	return unary(ctx, s.caller, &resourceDeleteDistanceType, request, &resourcev1.DeleteDistanceTypeResponse{})
}

// SetDistances: Say how far pairs of providers or groups are apart, or take it back; all or none.
func (s *ResourceService) SetDistances(ctx context.Context, request *resourcev1.SetDistancesRequest) (*resourcev1.SetDistancesResponse, error) {
	return unary(ctx, s.caller, &resourceSetDistances, request, &resourcev1.SetDistancesResponse{})
}

// ListDistances: What was said of distances.
func (s *ResourceService) ListDistances(ctx context.Context, request *resourcev1.ListDistancesRequest) (*resourcev1.ListDistancesResponse, error) {
	return unary(ctx, s.caller, &resourceListDistances, request, &resourcev1.ListDistancesResponse{})
}

// AllDistances gives one after the other what ListDistances gives in pages.
func (s *ResourceService) AllDistances(ctx context.Context, request *resourcev1.ListDistancesRequest) iter.Seq2[*resourcev1.Distance, error] {
	return pages(ctx, s.caller, &resourceListDistances, request, s.ListDistances, (*resourcev1.ListDistancesResponse).GetDistances)
}

// MarkProviders: Say that providers are not to be offered, up to 10,000, all or none.
func (s *ResourceService) MarkProviders(ctx context.Context, request *resourcev1.MarkProvidersRequest) (*resourcev1.MarkProvidersResponse, error) {
	return unary(ctx, s.caller, &resourceMarkProviders, request, &resourcev1.MarkProvidersResponse{})
}

// UnmarkProviders: Take a mark of providers back.
func (s *ResourceService) UnmarkProviders(ctx context.Context, request *resourcev1.UnmarkProvidersRequest) (*resourcev1.UnmarkProvidersResponse, error) {
	return unary(ctx, s.caller, &resourceUnmarkProviders, request, &resourcev1.UnmarkProvidersResponse{})
}

// GetProvider: A provider with its inventories and what is used of them now.
func (s *ResourceService) GetProvider(ctx context.Context, request *resourcev1.GetProviderRequest) (*resourcev1.Provider, error) {
	return unary(ctx, s.caller, &resourceGetProvider, request, &resourcev1.Provider{})
}

// BatchGetProviders: Several providers at once, in the order of their ids in the request; refused
// if one is not there.
func (s *ResourceService) BatchGetProviders(ctx context.Context, request *resourcev1.BatchGetProvidersRequest) (*resourcev1.BatchGetProvidersResponse, error) {
	return unary(ctx, s.caller, &resourceBatchGetProviders, request, &resourcev1.BatchGetProvidersResponse{})
}

// ListProviders: All providers.
func (s *ResourceService) ListProviders(ctx context.Context, request *resourcev1.ListProvidersRequest) (*resourcev1.ListProvidersResponse, error) {
	return unary(ctx, s.caller, &resourceListProviders, request, &resourcev1.ListProvidersResponse{})
}

// AllProviders gives one after the other what ListProviders gives in pages.
func (s *ResourceService) AllProviders(ctx context.Context, request *resourcev1.ListProvidersRequest) iter.Seq2[*resourcev1.Provider, error] {
	return pages(ctx, s.caller, &resourceListProviders, request, s.ListProviders, (*resourcev1.ListProvidersResponse).GetProviders)
}

// CreateNetwork: Create a network.
func (s *ResourceService) CreateNetwork(ctx context.Context, request *resourcev1.CreateNetworkRequest) (*resourcev1.Network, error) {
	return unary(ctx, s.caller, &resourceCreateNetwork, request, &resourcev1.Network{})
}

// GetNetwork: A network with the addresses that are taken now.
func (s *ResourceService) GetNetwork(ctx context.Context, request *resourcev1.GetNetworkRequest) (*resourcev1.Network, error) {
	return unary(ctx, s.caller, &resourceGetNetwork, request, &resourcev1.Network{})
}

// BatchGetNetworks: Several networks at once, in the order of their ids in the request; refused if
// one is not there.
func (s *ResourceService) BatchGetNetworks(ctx context.Context, request *resourcev1.BatchGetNetworksRequest) (*resourcev1.BatchGetNetworksResponse, error) {
	return unary(ctx, s.caller, &resourceBatchGetNetworks, request, &resourcev1.BatchGetNetworksResponse{})
}

// ListNetworks: All networks.
func (s *ResourceService) ListNetworks(ctx context.Context, request *resourcev1.ListNetworksRequest) (*resourcev1.ListNetworksResponse, error) {
	return unary(ctx, s.caller, &resourceListNetworks, request, &resourcev1.ListNetworksResponse{})
}

// AllNetworks gives one after the other what ListNetworks gives in pages.
func (s *ResourceService) AllNetworks(ctx context.Context, request *resourcev1.ListNetworksRequest) iter.Seq2[*resourcev1.Network, error] {
	return pages(ctx, s.caller, &resourceListNetworks, request, s.ListNetworks, (*resourcev1.ListNetworksResponse).GetNetworks)
}

// UpdateNetwork: Change a network's name.
func (s *ResourceService) UpdateNetwork(ctx context.Context, request *resourcev1.UpdateNetworkRequest) (*resourcev1.Network, error) {
	return unary(ctx, s.caller, &resourceUpdateNetwork, request, &resourcev1.Network{})
}

// DeleteNetwork: Delete a network in which no address is taken.
func (s *ResourceService) DeleteNetwork(ctx context.Context, request *resourcev1.DeleteNetworkRequest) (*resourcev1.DeleteNetworkResponse, error) {
	return unary(ctx, s.caller, &resourceDeleteNetwork, request, &resourcev1.DeleteNetworkResponse{})
}

// ProposeCandidates: What could be claimed, best first; nothing is claimed by asking.
func (s *ResourceService) ProposeCandidates(ctx context.Context, request *resourcev1.ProposeCandidatesRequest) iter.Seq2[*resourcev1.Candidate, error] {
	return stream(ctx, s.caller, &resourceProposeCandidates, request, &resourcev1.Candidate{})
}

// FindOpenings: When something is free for so long, the earliest first.
func (s *ResourceService) FindOpenings(ctx context.Context, request *resourcev1.FindOpeningsRequest) (*resourcev1.FindOpeningsResponse, error) {
	return unary(ctx, s.caller, &resourceFindOpenings, request, &resourcev1.FindOpeningsResponse{})
}

// ListCalendar: Who has what of each provider, and when.
func (s *ResourceService) ListCalendar(ctx context.Context, request *resourcev1.ListCalendarRequest) (*resourcev1.ListCalendarResponse, error) {
	return unary(ctx, s.caller, &resourceListCalendar, request, &resourcev1.ListCalendarResponse{})
}

// AllCalendar gives one after the other what ListCalendar gives in pages.
func (s *ResourceService) AllCalendar(ctx context.Context, request *resourcev1.ListCalendarRequest) iter.Seq2[*resourcev1.Lane, error] {
	return pages(ctx, s.caller, &resourceListCalendar, request, s.ListCalendar, (*resourcev1.ListCalendarResponse).GetLanes)
}

// ListProjectCalendar: What a project has of providers, and when; nothing of what others have.
func (s *ResourceService) ListProjectCalendar(ctx context.Context, request *resourcev1.ListProjectCalendarRequest) (*resourcev1.ListProjectCalendarResponse, error) {
	return unary(ctx, s.caller, &resourceListProjectCalendar, request, &resourcev1.ListProjectCalendarResponse{})
}

// AllProjectCalendar gives one after the other what ListProjectCalendar gives in pages.
func (s *ResourceService) AllProjectCalendar(ctx context.Context, request *resourcev1.ListProjectCalendarRequest) iter.Seq2[*resourcev1.Lane, error] {
	return pages(ctx, s.caller, &resourceListProjectCalendar, request, s.ListProjectCalendar, (*resourcev1.ListProjectCalendarResponse).GetLanes)
}

// ListUsage: What is used, reserved and free per provider, group, region or project.
func (s *ResourceService) ListUsage(ctx context.Context, request *resourcev1.ListUsageRequest) (*resourcev1.ListUsageResponse, error) {
	return unary(ctx, s.caller, &resourceListUsage, request, &resourcev1.ListUsageResponse{})
}

// AllUsage gives one after the other what ListUsage gives in pages.
func (s *ResourceService) AllUsage(ctx context.Context, request *resourcev1.ListUsageRequest) iter.Seq2[*resourcev1.Usage, error] {
	return pages(ctx, s.caller, &resourceListUsage, request, s.ListUsage, (*resourcev1.ListUsageResponse).GetUsage)
}

// ListProjectUsage: What a project uses, in all or per provider, group or region; nothing of what
// others use.
func (s *ResourceService) ListProjectUsage(ctx context.Context, request *resourcev1.ListProjectUsageRequest) (*resourcev1.ListProjectUsageResponse, error) {
	return unary(ctx, s.caller, &resourceListProjectUsage, request, &resourcev1.ListProjectUsageResponse{})
}

// AllProjectUsage gives one after the other what ListProjectUsage gives in pages.
func (s *ResourceService) AllProjectUsage(ctx context.Context, request *resourcev1.ListProjectUsageRequest) iter.Seq2[*resourcev1.Usage, error] {
	return pages(ctx, s.caller, &resourceListProjectUsage, request, s.ListProjectUsage, (*resourcev1.ListProjectUsageResponse).GetUsage)
}

// CreateClaim: Claim resources for a window, at once or, with wait_until, when they become free.
func (s *ResourceService) CreateClaim(ctx context.Context, request *resourcev1.CreateClaimRequest) (*resourcev1.Claim, error) {
	return unary(ctx, s.caller, &resourceCreateClaim, request, &resourcev1.Claim{})
}

// GetClaim: A claim.
func (s *ResourceService) GetClaim(ctx context.Context, request *resourcev1.GetClaimRequest) (*resourcev1.Claim, error) {
	return unary(ctx, s.caller, &resourceGetClaim, request, &resourcev1.Claim{})
}

// BatchGetClaims: Several claims of a project at once, in the order of their ids in the request;
// refused if one is not there.
func (s *ResourceService) BatchGetClaims(ctx context.Context, request *resourcev1.BatchGetClaimsRequest) (*resourcev1.BatchGetClaimsResponse, error) {
	return unary(ctx, s.caller, &resourceBatchGetClaims, request, &resourcev1.BatchGetClaimsResponse{})
}

// ListClaims: A project's claims.
func (s *ResourceService) ListClaims(ctx context.Context, request *resourcev1.ListClaimsRequest) (*resourcev1.ListClaimsResponse, error) {
	return unary(ctx, s.caller, &resourceListClaims, request, &resourcev1.ListClaimsResponse{})
}

// AllClaims gives one after the other what ListClaims gives in pages.
func (s *ResourceService) AllClaims(ctx context.Context, request *resourcev1.ListClaimsRequest) iter.Seq2[*resourcev1.Claim, error] {
	return pages(ctx, s.caller, &resourceListClaims, request, s.ListClaims, (*resourcev1.ListClaimsResponse).GetClaims)
}

// ConfirmClaim: Turn a hold into a claim for its whole window.
func (s *ResourceService) ConfirmClaim(ctx context.Context, request *resourcev1.ConfirmClaimRequest) (*resourcev1.Claim, error) {
	return unary(ctx, s.caller, &resourceConfirmClaim, request, &resourcev1.Claim{})
}

// ChangeClaims: Change several claims, all or none: release, extend, shorten, move, swap.
func (s *ResourceService) ChangeClaims(ctx context.Context, request *resourcev1.ChangeClaimsRequest) (*resourcev1.ChangeClaimsResponse, error) {
	return unary(ctx, s.caller, &resourceChangeClaims, request, &resourcev1.ChangeClaimsResponse{})
}

// SetQuota: Say how much a project, with all that are under it, may have.
func (s *ResourceService) SetQuota(ctx context.Context, request *resourcev1.SetQuotaRequest) (*resourcev1.Quota, error) {
	return unary(ctx, s.caller, &resourceSetQuota, request, &resourcev1.Quota{})
}

// ListQuotas: The quotas of all projects that have one of their own.
func (s *ResourceService) ListQuotas(ctx context.Context, request *resourcev1.ListQuotasRequest) (*resourcev1.ListQuotasResponse, error) {
	return unary(ctx, s.caller, &resourceListQuotas, request, &resourcev1.ListQuotasResponse{})
}

// AllQuotas gives one after the other what ListQuotas gives in pages.
func (s *ResourceService) AllQuotas(ctx context.Context, request *resourcev1.ListQuotasRequest) iter.Seq2[*resourcev1.Quota, error] {
	return pages(ctx, s.caller, &resourceListQuotas, request, s.ListQuotas, (*resourcev1.ListQuotasResponse).GetQuotas)
}

// ListProjectQuotas: A project's quota, and those of the projects under it.
func (s *ResourceService) ListProjectQuotas(ctx context.Context, request *resourcev1.ListProjectQuotasRequest) (*resourcev1.ListProjectQuotasResponse, error) {
	return unary(ctx, s.caller, &resourceListProjectQuotas, request, &resourcev1.ListProjectQuotasResponse{})
}

// AllProjectQuotas gives one after the other what ListProjectQuotas gives in pages.
func (s *ResourceService) AllProjectQuotas(ctx context.Context, request *resourcev1.ListProjectQuotasRequest) iter.Seq2[*resourcev1.Quota, error] {
	return pages(ctx, s.caller, &resourceListProjectQuotas, request, s.ListProjectQuotas, (*resourcev1.ListProjectQuotasResponse).GetQuotas)
}

// SetChildQuota: Say how much a project under one's own may have; never more than those above it.
func (s *ResourceService) SetChildQuota(ctx context.Context, request *resourcev1.SetChildQuotaRequest) (*resourcev1.Quota, error) {
	return unary(ctx, s.caller, &resourceSetChildQuota, request, &resourcev1.Quota{})
}

// DeleteChildQuota: Take the quota of a project under one's own away; those of projects above it
// hold on.
func (s *ResourceService) DeleteChildQuota(ctx context.Context, request *resourcev1.DeleteChildQuotaRequest) (*resourcev1.DeleteChildQuotaResponse, error) {
	return unary(ctx, s.caller, &resourceDeleteChildQuota, request, &resourcev1.DeleteChildQuotaResponse{})
}

// GetQuota: How much a project may have, and has.
func (s *ResourceService) GetQuota(ctx context.Context, request *resourcev1.GetQuotaRequest) (*resourcev1.Quota, error) {
	return unary(ctx, s.caller, &resourceGetQuota, request, &resourcev1.Quota{})
}

// DeleteQuota: Take a project's own quota away; those of projects above it hold on.
func (s *ResourceService) DeleteQuota(ctx context.Context, request *resourcev1.DeleteQuotaRequest) (*resourcev1.DeleteQuotaResponse, error) {
	return unary(ctx, s.caller, &resourceDeleteQuota, request, &resourcev1.DeleteQuotaResponse{})
}

// ReleaseClaim: End a claim that no machine uses.
func (s *ResourceService) ReleaseClaim(ctx context.Context, request *resourcev1.ReleaseClaimRequest) (*resourcev1.Claim, error) {
	return unary(ctx, s.caller, &resourceReleaseClaim, request, &resourcev1.Claim{})
}

// CreateReservations: Reserve one or more of the same, all or none.
func (s *ResourceService) CreateReservations(ctx context.Context, request *resourcev1.CreateReservationsRequest) (*resourcev1.CreateReservationsResponse, error) {
	return unary(ctx, s.caller, &resourceCreateReservations, request, &resourcev1.CreateReservationsResponse{})
}

// GetReservation: Show one reservation.
func (s *ResourceService) GetReservation(ctx context.Context, request *resourcev1.GetReservationRequest) (*resourcev1.Reservation, error) {
	return unary(ctx, s.caller, &resourceGetReservation, request, &resourcev1.Reservation{})
}

// BatchGetReservations: Several reservations of a project at once, in the order of their ids in
// the request; refused if one is not there.
func (s *ResourceService) BatchGetReservations(ctx context.Context, request *resourcev1.BatchGetReservationsRequest) (*resourcev1.BatchGetReservationsResponse, error) {
	return unary(ctx, s.caller, &resourceBatchGetReservations, request, &resourcev1.BatchGetReservationsResponse{})
}

// ListReservations: List a project's reservations, by id.
func (s *ResourceService) ListReservations(ctx context.Context, request *resourcev1.ListReservationsRequest) (*resourcev1.ListReservationsResponse, error) {
	return unary(ctx, s.caller, &resourceListReservations, request, &resourcev1.ListReservationsResponse{})
}

// AllReservations gives one after the other what ListReservations gives in pages.
func (s *ResourceService) AllReservations(ctx context.Context, request *resourcev1.ListReservationsRequest) iter.Seq2[*resourcev1.Reservation, error] {
	return pages(ctx, s.caller, &resourceListReservations, request, s.ListReservations, (*resourcev1.ListReservationsResponse).GetReservations)
}

// UpdateReservation: Extend, shorten or move a reservation, or change what becomes of it. What is
// kept is restored.
func (s *ResourceService) UpdateReservation(ctx context.Context, request *resourcev1.UpdateReservationRequest) (*resourcev1.Reservation, error) {
	return unary(ctx, s.caller, &resourceUpdateReservation, request, &resourcev1.Reservation{})
}

// CancelReservation: End a reservation before its time; its machine is decommissioned.
func (s *ResourceService) CancelReservation(ctx context.Context, request *resourcev1.CancelReservationRequest) (*resourcev1.Reservation, error) {
	return unary(ctx, s.caller, &resourceCancelReservation, request, &resourcev1.Reservation{})
}

// CreateReservationSeries: Reserve the same again and again, by a schedule that is seen and paused
// in Temporal.
func (s *ResourceService) CreateReservationSeries(ctx context.Context, request *resourcev1.CreateReservationSeriesRequest) (*resourcev1.ReservationSeries, error) {
	return unary(ctx, s.caller, &resourceCreateReservationSeries, request, &resourcev1.ReservationSeries{})
}

// GetReservationSeries: Show one series, and whether its schedule is paused.
func (s *ResourceService) GetReservationSeries(ctx context.Context, request *resourcev1.GetReservationSeriesRequest) (*resourcev1.ReservationSeries, error) {
	return unary(ctx, s.caller, &resourceGetReservationSeries, request, &resourcev1.ReservationSeries{})
}

// BatchGetReservationSeries: Several series of a project at once, in the order of their ids in the
// request, as ListReservationSeries shows them; refused if one is not there.
func (s *ResourceService) BatchGetReservationSeries(ctx context.Context, request *resourcev1.BatchGetReservationSeriesRequest) (*resourcev1.BatchGetReservationSeriesResponse, error) {
	return unary(ctx, s.caller, &resourceBatchGetReservationSeries, request, &resourcev1.BatchGetReservationSeriesResponse{})
}

// ListReservationSeries: List a project's series that have not ended, by id.
func (s *ResourceService) ListReservationSeries(ctx context.Context, request *resourcev1.ListReservationSeriesRequest) (*resourcev1.ListReservationSeriesResponse, error) {
	return unary(ctx, s.caller, &resourceListReservationSeries, request, &resourcev1.ListReservationSeriesResponse{})
}

// AllReservationSeries gives one after the other what ListReservationSeries gives in pages.
func (s *ResourceService) AllReservationSeries(ctx context.Context, request *resourcev1.ListReservationSeriesRequest) iter.Seq2[*resourcev1.ReservationSeries, error] {
	return pages(ctx, s.caller, &resourceListReservationSeries, request, s.ListReservationSeries, (*resourcev1.ListReservationSeriesResponse).GetSeries)
}

// EndReservationSeries: End a series; what it has reserved already stays reserved.
func (s *ResourceService) EndReservationSeries(ctx context.Context, request *resourcev1.EndReservationSeriesRequest) (*resourcev1.ReservationSeries, error) {
	return unary(ctx, s.caller, &resourceEndReservationSeries, request, &resourcev1.ReservationSeries{})
}

// ResourceConfigure: Configure this service. Every instance follows within a second.
func (s *ResourceService) ResourceConfigure(ctx context.Context, request *resourcev1.ResourceConfigureRequest) (*commonv1.Configuration, error) {
	return unary(ctx, s.caller, &resourceResourceConfigure, request, &commonv1.Configuration{})
}

// GetResourceConfiguration: How this service is configured.
func (s *ResourceService) GetResourceConfiguration(ctx context.Context, request *resourcev1.GetResourceConfigurationRequest) (*commonv1.Configuration, error) {
	return unary(ctx, s.caller, &resourceGetResourceConfiguration, request, &commonv1.Configuration{})
}

// Watch: Changes in the site from a revision on, in order, none missed; the same as
// ControlService.Watch.
func (s *ResourceService) Watch(ctx context.Context, request *commonv1.WatchRequest) iter.Seq2[*commonv1.Event, error] {
	return watch(ctx, s.caller, &resourceWatch, request)
}
