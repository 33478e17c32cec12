// Generated from proto/ by `make generate`; change the protos instead.

import type { MessageInitShape } from "@bufbuild/protobuf";

import type { ServiceCaller } from "../transport.js";
import * as methods from "./methods.js";
import * as commonv1 from "./mulligan/common/v1/common_pb.js";
import * as controlv1 from "./mulligan/control/v1/control_pb.js";
import * as iamv1 from "./mulligan/iam/v1/iam_pb.js";
import * as metav1 from "./mulligan/meta/v1/meta_pb.js";
import * as resourcev1 from "./mulligan/resource/v1/resource_pb.js";

/** All services of an installation. */
export abstract class Services {
  readonly control: ControlService;
  readonly iam: IamService;
  readonly meta: MetaService;
  readonly resource: ResourceService;

  protected constructor(callerOf: (service: string) => ServiceCaller) {
    this.control = new ControlService(callerOf("control"));
    this.iam = new IamService(callerOf("iam"));
    this.meta = new MetaService(callerOf("meta"));
    this.resource = new ResourceService(callerOf("resource"));
  }
}

/** Asks for work and shows how it goes. */
export class ControlService {
  constructor(private readonly caller: ServiceCaller) {}

  /** The keys to which secrets for a region are sealed, newest first. */
  listRegionKeys(request: MessageInitShape<typeof controlv1.ListRegionKeysRequestSchema>, signal?: AbortSignal): Promise<controlv1.ListRegionKeysResponse> {
    return this.caller.unary(methods.controlListRegionKeys, controlv1.ControlService.method.listRegionKeys, request, signal);
  }

  /** Enrol a server; it is verified and inspected before it is offered. */
  createServer(request: MessageInitShape<typeof controlv1.CreateServerRequestSchema>, signal?: AbortSignal): Promise<controlv1.Server> {
    return this.caller.unary(methods.controlCreateServer, controlv1.ControlService.method.createServer, request, signal);
  }

  /** A server. */
  getServer(request: MessageInitShape<typeof controlv1.GetServerRequestSchema>, signal?: AbortSignal): Promise<controlv1.Server> {
    return this.caller.unary(methods.controlGetServer, controlv1.ControlService.method.getServer, request, signal);
  }

  /**
   * Several servers at once, in the order of their ids in the request; refused if one is not
   * there.
   */
  batchGetServers(request: MessageInitShape<typeof controlv1.BatchGetServersRequestSchema>, signal?: AbortSignal): Promise<controlv1.BatchGetServersResponse> {
    return this.caller.unary(methods.controlBatchGetServers, controlv1.ControlService.method.batchGetServers, request, signal);
  }

  /** All servers. */
  listServers(request: MessageInitShape<typeof controlv1.ListServersRequestSchema>, signal?: AbortSignal): Promise<controlv1.ListServersResponse> {
    return this.caller.unary(methods.controlListServers, controlv1.ControlService.method.listServers, request, signal);
  }

  /** Give one after the other what listServers gives in pages. */
  async *allServers(
    request: MessageInitShape<typeof controlv1.ListServersRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<controlv1.Server> {
    const pages = this.caller.pages(methods.controlListServers, controlv1.ListServersRequestSchema, request, (page) => this.listServers(page, signal), signal);
    for await (const page of pages) {
      yield* page.servers;
    }
  }

  /**
   * The servers that are a project's, as it may know them: what they are and where they stand, not
   * how they are reached.
   */
  listProjectServers(request: MessageInitShape<typeof controlv1.ListProjectServersRequestSchema>, signal?: AbortSignal): Promise<controlv1.ListProjectServersResponse> {
    return this.caller.unary(methods.controlListProjectServers, controlv1.ControlService.method.listProjectServers, request, signal);
  }

  /** Give one after the other what listProjectServers gives in pages. */
  async *allProjectServers(
    request: MessageInitShape<typeof controlv1.ListProjectServersRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<controlv1.ProjectServer> {
    const pages = this.caller.pages(methods.controlListProjectServers, controlv1.ListProjectServersRequestSchema, request, (page) => this.listProjectServers(page, signal), signal);
    for await (const page of pages) {
      yield* page.servers;
    }
  }

  /**
   * Change a server's name or owner, or how its BMC is reached. It needs no slot: a running
   * operation goes on with what it began with; its retry after it ended, and every later
   * operation, use what is new.
   */
  updateServer(request: MessageInitShape<typeof controlv1.UpdateServerRequestSchema>, signal?: AbortSignal): Promise<controlv1.Server> {
    return this.caller.unary(methods.controlUpdateServer, controlv1.ControlService.method.updateServer, request, signal);
  }

  /** Check that a server can be driven. */
  verifyServer(request: MessageInitShape<typeof controlv1.VerifyServerRequestSchema>, signal?: AbortSignal): Promise<controlv1.Operation> {
    return this.caller.unary(methods.controlVerifyServer, controlv1.ControlService.method.verifyServer, request, signal);
  }

  /** Read a server's inventory. */
  inspectServer(request: MessageInitShape<typeof controlv1.InspectServerRequestSchema>, signal?: AbortSignal): Promise<controlv1.Operation> {
    return this.caller.unary(methods.controlInspectServer, controlv1.ControlService.method.inspectServer, request, signal);
  }

  /** Forget a server that nobody uses. */
  deleteServer(request: MessageInitShape<typeof controlv1.DeleteServerRequestSchema>, signal?: AbortSignal): Promise<controlv1.DeleteServerResponse> {
    return this.caller.unary(methods.controlDeleteServer, controlv1.ControlService.method.deleteServer, request, signal);
  }

  /** Add a hypervisor host; it is verified and inspected before it is offered. */
  createHost(request: MessageInitShape<typeof controlv1.CreateHostRequestSchema>, signal?: AbortSignal): Promise<controlv1.Host> {
    return this.caller.unary(methods.controlCreateHost, controlv1.ControlService.method.createHost, request, signal);
  }

  /** A host. */
  getHost(request: MessageInitShape<typeof controlv1.GetHostRequestSchema>, signal?: AbortSignal): Promise<controlv1.Host> {
    return this.caller.unary(methods.controlGetHost, controlv1.ControlService.method.getHost, request, signal);
  }

  /** Several hosts at once, in the order of their ids in the request; refused if one is not there. */
  batchGetHosts(request: MessageInitShape<typeof controlv1.BatchGetHostsRequestSchema>, signal?: AbortSignal): Promise<controlv1.BatchGetHostsResponse> {
    return this.caller.unary(methods.controlBatchGetHosts, controlv1.ControlService.method.batchGetHosts, request, signal);
  }

  /** All hosts. */
  listHosts(request: MessageInitShape<typeof controlv1.ListHostsRequestSchema>, signal?: AbortSignal): Promise<controlv1.ListHostsResponse> {
    return this.caller.unary(methods.controlListHosts, controlv1.ControlService.method.listHosts, request, signal);
  }

  /** Give one after the other what listHosts gives in pages. */
  async *allHosts(
    request: MessageInitShape<typeof controlv1.ListHostsRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<controlv1.Host> {
    const pages = this.caller.pages(methods.controlListHosts, controlv1.ListHostsRequestSchema, request, (page) => this.listHosts(page, signal), signal);
    for await (const page of pages) {
      yield* page.hosts;
    }
  }

  /**
   * The hosts that are a project's, as it may know them: what they are and where they stand, not
   * how they are reached.
   */
  listProjectHosts(request: MessageInitShape<typeof controlv1.ListProjectHostsRequestSchema>, signal?: AbortSignal): Promise<controlv1.ListProjectHostsResponse> {
    return this.caller.unary(methods.controlListProjectHosts, controlv1.ControlService.method.listProjectHosts, request, signal);
  }

  /** Give one after the other what listProjectHosts gives in pages. */
  async *allProjectHosts(
    request: MessageInitShape<typeof controlv1.ListProjectHostsRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<controlv1.ProjectHost> {
    const pages = this.caller.pages(methods.controlListProjectHosts, controlv1.ListProjectHostsRequestSchema, request, (page) => this.listProjectHosts(page, signal), signal);
    for await (const page of pages) {
      yield* page.hosts;
    }
  }

  /** Change a host's name or owner. */
  updateHost(request: MessageInitShape<typeof controlv1.UpdateHostRequestSchema>, signal?: AbortSignal): Promise<controlv1.Host> {
    return this.caller.unary(methods.controlUpdateHost, controlv1.ControlService.method.updateHost, request, signal);
  }

  /** Check that a host can be driven. */
  verifyHost(request: MessageInitShape<typeof controlv1.VerifyHostRequestSchema>, signal?: AbortSignal): Promise<controlv1.Operation> {
    return this.caller.unary(methods.controlVerifyHost, controlv1.ControlService.method.verifyHost, request, signal);
  }

  /** Read a host's inventory. */
  inspectHost(request: MessageInitShape<typeof controlv1.InspectHostRequestSchema>, signal?: AbortSignal): Promise<controlv1.Operation> {
    return this.caller.unary(methods.controlInspectHost, controlv1.ControlService.method.inspectHost, request, signal);
  }

  /** Forget a host that nobody uses. */
  deleteHost(request: MessageInitShape<typeof controlv1.DeleteHostRequestSchema>, signal?: AbortSignal): Promise<controlv1.DeleteHostResponse> {
    return this.caller.unary(methods.controlDeleteHost, controlv1.ControlService.method.deleteHost, request, signal);
  }

  /** Say that a server or host is in maintenance, protected, locked or retired. */
  setMark(request: MessageInitShape<typeof controlv1.SetMarkRequestSchema>, signal?: AbortSignal): Promise<controlv1.SetMarkResponse> {
    return this.caller.unary(methods.controlSetMark, controlv1.ControlService.method.setMark, request, signal);
  }

  /** Take a mark back. */
  clearMark(request: MessageInitShape<typeof controlv1.ClearMarkRequestSchema>, signal?: AbortSignal): Promise<controlv1.ClearMarkResponse> {
    return this.caller.unary(methods.controlClearMark, controlv1.ControlService.method.clearMark, request, signal);
  }

  /** Register an image: where it is, its checksum and its format. */
  createImage(request: MessageInitShape<typeof controlv1.CreateImageRequestSchema>, signal?: AbortSignal): Promise<controlv1.Image> {
    return this.caller.unary(methods.controlCreateImage, controlv1.ControlService.method.createImage, request, signal);
  }

  /** An image. */
  getImage(request: MessageInitShape<typeof controlv1.GetImageRequestSchema>, signal?: AbortSignal): Promise<controlv1.Image> {
    return this.caller.unary(methods.controlGetImage, controlv1.ControlService.method.getImage, request, signal);
  }

  /** Several images at once, in the order of their ids in the request; refused if one is not there. */
  batchGetImages(request: MessageInitShape<typeof controlv1.BatchGetImagesRequestSchema>, signal?: AbortSignal): Promise<controlv1.BatchGetImagesResponse> {
    return this.caller.unary(methods.controlBatchGetImages, controlv1.ControlService.method.batchGetImages, request, signal);
  }

  /** All images. */
  listImages(request: MessageInitShape<typeof controlv1.ListImagesRequestSchema>, signal?: AbortSignal): Promise<controlv1.ListImagesResponse> {
    return this.caller.unary(methods.controlListImages, controlv1.ControlService.method.listImages, request, signal);
  }

  /** Give one after the other what listImages gives in pages. */
  async *allImages(
    request: MessageInitShape<typeof controlv1.ListImagesRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<controlv1.Image> {
    const pages = this.caller.pages(methods.controlListImages, controlv1.ListImagesRequestSchema, request, (page) => this.listImages(page, signal), signal);
    for await (const page of pages) {
      yield* page.images;
    }
  }

  /** Change an image's name. */
  updateImage(request: MessageInitShape<typeof controlv1.UpdateImageRequestSchema>, signal?: AbortSignal): Promise<controlv1.Image> {
    return this.caller.unary(methods.controlUpdateImage, controlv1.ControlService.method.updateImage, request, signal);
  }

  /** Forget an image; machines made from it stay. */
  deleteImage(request: MessageInitShape<typeof controlv1.DeleteImageRequestSchema>, signal?: AbortSignal): Promise<controlv1.DeleteImageResponse> {
    return this.caller.unary(methods.controlDeleteImage, controlv1.ControlService.method.deleteImage, request, signal);
  }

  /** Make a machine. Answers when its claim is committed. */
  provisionMachine(request: MessageInitShape<typeof controlv1.ProvisionMachineRequestSchema>, signal?: AbortSignal): Promise<controlv1.Operation> {
    return this.caller.unary(methods.controlProvisionMachine, controlv1.ControlService.method.provisionMachine, request, signal);
  }

  /** End a machine, clean what it used, release its claim. With dry_run: only say what would go. */
  decommissionMachine(request: MessageInitShape<typeof controlv1.DecommissionMachineRequestSchema>, signal?: AbortSignal): Promise<controlv1.DecommissionMachineResponse> {
    return this.caller.unary(methods.controlDecommissionMachine, controlv1.ControlService.method.decommissionMachine, request, signal);
  }

  /** A machine. */
  getMachine(request: MessageInitShape<typeof controlv1.GetMachineRequestSchema>, signal?: AbortSignal): Promise<controlv1.Machine> {
    return this.caller.unary(methods.controlGetMachine, controlv1.ControlService.method.getMachine, request, signal);
  }

  /**
   * Several machines of a project at once, in the order of their ids in the request; refused if
   * one is not there.
   */
  batchGetMachines(request: MessageInitShape<typeof controlv1.BatchGetMachinesRequestSchema>, signal?: AbortSignal): Promise<controlv1.BatchGetMachinesResponse> {
    return this.caller.unary(methods.controlBatchGetMachines, controlv1.ControlService.method.batchGetMachines, request, signal);
  }

  /** Change a machine's name; what it was told at its start stays as it is. */
  updateMachine(request: MessageInitShape<typeof controlv1.UpdateMachineRequestSchema>, signal?: AbortSignal): Promise<controlv1.Machine> {
    return this.caller.unary(methods.controlUpdateMachine, controlv1.ControlService.method.updateMachine, request, signal);
  }

  /** A project's machines. */
  listMachines(request: MessageInitShape<typeof controlv1.ListMachinesRequestSchema>, signal?: AbortSignal): Promise<controlv1.ListMachinesResponse> {
    return this.caller.unary(methods.controlListMachines, controlv1.ControlService.method.listMachines, request, signal);
  }

  /** Give one after the other what listMachines gives in pages. */
  async *allMachines(
    request: MessageInitShape<typeof controlv1.ListMachinesRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<controlv1.Machine> {
    const pages = this.caller.pages(methods.controlListMachines, controlv1.ListMachinesRequestSchema, request, (page) => this.listMachines(page, signal), signal);
    for await (const page of pages) {
      yield* page.machines;
    }
  }

  /** An operation with its steps. */
  getOperation(request: MessageInitShape<typeof controlv1.GetOperationRequestSchema>, signal?: AbortSignal): Promise<controlv1.Operation> {
    return this.caller.unary(methods.controlGetOperation, controlv1.ControlService.method.getOperation, request, signal);
  }

  /**
   * Several operations at once, in the order of their ids in the request; refused if one is not
   * there.
   */
  batchGetOperations(request: MessageInitShape<typeof controlv1.BatchGetOperationsRequestSchema>, signal?: AbortSignal): Promise<controlv1.BatchGetOperationsResponse> {
    return this.caller.unary(methods.controlBatchGetOperations, controlv1.ControlService.method.batchGetOperations, request, signal);
  }

  /** Operations, newest first. */
  listOperations(request: MessageInitShape<typeof controlv1.ListOperationsRequestSchema>, signal?: AbortSignal): Promise<controlv1.ListOperationsResponse> {
    return this.caller.unary(methods.controlListOperations, controlv1.ControlService.method.listOperations, request, signal);
  }

  /** Give one after the other what listOperations gives in pages. */
  async *allOperations(
    request: MessageInitShape<typeof controlv1.ListOperationsRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<controlv1.Operation> {
    const pages = this.caller.pages(methods.controlListOperations, controlv1.ListOperationsRequestSchema, request, (page) => this.listOperations(page, signal), signal);
    for await (const page of pages) {
      yield* page.operations;
    }
  }

  /** What console, ramdisk and BMC said during an operation, redacted. */
  getOperationLog(request: MessageInitShape<typeof controlv1.GetOperationLogRequestSchema>, signal?: AbortSignal): Promise<controlv1.GetOperationLogResponse> {
    return this.caller.unary(methods.controlGetOperationLog, controlv1.ControlService.method.getOperationLog, request, signal);
  }

  /**
   * Stop a running operation: what it did is undone, and it ends as cancelled. What only goes
   * forward (a decommission) stops trying and says how to go on.
   */
  abortOperation(request: MessageInitShape<typeof controlv1.AbortOperationRequestSchema>, signal?: AbortSignal): Promise<controlv1.Operation> {
    return this.caller.unary(methods.controlAbortOperation, controlv1.ControlService.method.abortOperation, request, signal);
  }

  /**
   * Try the failed step again: of a running operation at once; one that ended is asked for anew,
   * and finds what is there already.
   */
  retryOperation(request: MessageInitShape<typeof controlv1.RetryOperationRequestSchema>, signal?: AbortSignal): Promise<controlv1.Operation> {
    return this.caller.unary(methods.controlRetryOperation, controlv1.ControlService.method.retryOperation, request, signal);
  }

  /**
   * End a claim at once, whatever state machine, server, BMC or host are in. A server is left
   * quarantined and not clean.
   */
  forceRelease(request: MessageInitShape<typeof controlv1.ForceReleaseRequestSchema>, signal?: AbortSignal): Promise<controlv1.Operation> {
    return this.caller.unary(methods.controlForceRelease, controlv1.ControlService.method.forceRelease, request, signal);
  }

  /** From now on nothing powers, wipes, deletes or starts there; operations wait visibly. */
  freeze(request: MessageInitShape<typeof controlv1.FreezeRequestSchema>, signal?: AbortSignal): Promise<controlv1.FreezeResponse> {
    return this.caller.unary(methods.controlFreeze, controlv1.ControlService.method.freeze, request, signal);
  }

  /** Take a freeze back; what waited goes on. */
  thaw(request: MessageInitShape<typeof controlv1.ThawRequestSchema>, signal?: AbortSignal): Promise<controlv1.ThawResponse> {
    return this.caller.unary(methods.controlThaw, controlv1.ControlService.method.thaw, request, signal);
  }

  /** What is frozen. */
  listFreezes(request: MessageInitShape<typeof controlv1.ListFreezesRequestSchema>, signal?: AbortSignal): Promise<controlv1.ListFreezesResponse> {
    return this.caller.unary(methods.controlListFreezes, controlv1.ControlService.method.listFreezes, request, signal);
  }

  /** Give one after the other what listFreezes gives in pages. */
  async *allFreezes(
    request: MessageInitShape<typeof controlv1.ListFreezesRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<controlv1.Freeze> {
    const pages = this.caller.pages(methods.controlListFreezes, controlv1.ListFreezesRequestSchema, request, (page) => this.listFreezes(page, signal), signal);
    for await (const page of pages) {
      yield* page.freezes;
    }
  }

  /** Compare database, Temporal, hypervisors and BMCs of a region, and mend what is safe. */
  reconcile(request: MessageInitShape<typeof controlv1.ReconcileRequestSchema>, signal?: AbortSignal): Promise<controlv1.Operation> {
    return this.caller.unary(methods.controlReconcile, controlv1.ControlService.method.reconcile, request, signal);
  }

  /** What the last comparison of each region found. */
  listDifferences(request: MessageInitShape<typeof controlv1.ListDifferencesRequestSchema>, signal?: AbortSignal): Promise<controlv1.ListDifferencesResponse> {
    return this.caller.unary(methods.controlListDifferences, controlv1.ControlService.method.listDifferences, request, signal);
  }

  /** Give one after the other what listDifferences gives in pages. */
  async *allDifferences(
    request: MessageInitShape<typeof controlv1.ListDifferencesRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<controlv1.Difference> {
    const pages = this.caller.pages(methods.controlListDifferences, controlv1.ListDifferencesRequestSchema, request, (page) => this.listDifferences(page, signal), signal);
    for await (const page of pages) {
      yield* page.differences;
    }
  }

  /** Give a region a new key, and seal its secrets anew to it; older keys live until that is done. */
  rotateRegionKey(request: MessageInitShape<typeof controlv1.RotateRegionKeyRequestSchema>, signal?: AbortSignal): Promise<controlv1.Operation> {
    return this.caller.unary(methods.controlRotateRegionKey, controlv1.ControlService.method.rotateRegionKey, request, signal);
  }

  /**
   * Who did what, and who was refused: what was changed, and calls that would have changed
   * something or that the caller was not allowed. Newest first. Of the site: of control, resource
   * and meta.
   */
  listAuditEvents(request: MessageInitShape<typeof commonv1.ListAuditEventsRequestSchema>, signal?: AbortSignal): Promise<commonv1.ListAuditEventsResponse> {
    return this.caller.unary(methods.controlListAuditEvents, controlv1.ControlService.method.listAuditEvents, request, signal);
  }

  /** Give one after the other what listAuditEvents gives in pages. */
  async *allAuditEvents(
    request: MessageInitShape<typeof commonv1.ListAuditEventsRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<commonv1.AuditEvent> {
    const pages = this.caller.pages(methods.controlListAuditEvents, commonv1.ListAuditEventsRequestSchema, request, (page) => this.listAuditEvents(page, signal), signal);
    for await (const page of pages) {
      yield* page.events;
    }
  }

  /** Configure this service. Every instance follows within a second. */
  controlConfigure(request: MessageInitShape<typeof controlv1.ControlConfigureRequestSchema>, signal?: AbortSignal): Promise<commonv1.Configuration> {
    return this.caller.unary(methods.controlControlConfigure, controlv1.ControlService.method.controlConfigure, request, signal);
  }

  /** How this service is configured. */
  getControlConfiguration(request: MessageInitShape<typeof controlv1.GetControlConfigurationRequestSchema>, signal?: AbortSignal): Promise<commonv1.Configuration> {
    return this.caller.unary(methods.controlGetControlConfiguration, controlv1.ControlService.method.getControlConfiguration, request, signal);
  }

  /**
   * Configure the executors of a region. It travels with what they are asked for: each follows
   * with the next step of an operation.
   */
  executorConfigure(request: MessageInitShape<typeof controlv1.ExecutorConfigureRequestSchema>, signal?: AbortSignal): Promise<commonv1.Configuration> {
    return this.caller.unary(methods.controlExecutorConfigure, controlv1.ControlService.method.executorConfigure, request, signal);
  }

  /** How the executors of a region are configured. */
  getExecutorConfiguration(request: MessageInitShape<typeof controlv1.GetExecutorConfigurationRequestSchema>, signal?: AbortSignal): Promise<commonv1.Configuration> {
    return this.caller.unary(methods.controlGetExecutorConfiguration, controlv1.ControlService.method.getExecutorConfiguration, request, signal);
  }

  /**
   * Changes in the site from a revision on, in order, none missed; ends only when the caller goes
   * away or its token ends. Meta, resource and control of a site give the same.
   */
  watch(request: MessageInitShape<typeof commonv1.WatchRequestSchema>, signal?: AbortSignal): AsyncIterable<commonv1.Event> {
    return this.caller.watch(methods.controlWatch, controlv1.ControlService.method.watch, request, signal);
  }
}

/** Who may do what, and where things live. */
export class IamService {
  constructor(private readonly caller: ServiceCaller) {}

  /** Create the administrator, once, with the token that the service printed at its first start. */
  bootstrap(request: MessageInitShape<typeof iamv1.BootstrapRequestSchema>, signal?: AbortSignal): Promise<iamv1.SignedIn> {
    return this.caller.unary(methods.iamBootstrap, iamv1.IamService.method.bootstrap, request, signal);
  }

  /**
   * Exchange a password for the tokens of a new session. Who fails often, by account or by
   * address, is answered SIGN_IN_SLOWED with the time to wait.
   */
  login(request: MessageInitShape<typeof iamv1.LoginRequestSchema>, signal?: AbortSignal): Promise<iamv1.SignedIn> {
    return this.caller.unary(methods.iamLogin, iamv1.IamService.method.login, request, signal);
  }

  /**
   * Exchange a refresh token, which is spent by it, for new tokens of the same session. With the
   * same request_id it gives the same refresh token again until that one is used; with another one
   * the session is revoked, since somebody else has the token, too.
   */
  refreshToken(request: MessageInitShape<typeof iamv1.RefreshTokenRequestSchema>, signal?: AbortSignal): Promise<iamv1.SignedIn> {
    return this.caller.unary(methods.iamRefreshToken, iamv1.IamService.method.refreshToken, request, signal);
  }

  /** Revoke the session of the token that is called with. What it was given lives to its end. */
  signOut(request: MessageInitShape<typeof iamv1.SignOutRequestSchema>, signal?: AbortSignal): Promise<iamv1.Session> {
    return this.caller.unary(methods.iamSignOut, iamv1.IamService.method.signOut, request, signal);
  }

  /** The sessions of an account that can still be refreshed. */
  listSessions(request: MessageInitShape<typeof iamv1.ListSessionsRequestSchema>, signal?: AbortSignal): Promise<iamv1.ListSessionsResponse> {
    return this.caller.unary(methods.iamListSessions, iamv1.IamService.method.listSessions, request, signal);
  }

  /** Give one after the other what listSessions gives in pages. */
  async *allSessions(
    request: MessageInitShape<typeof iamv1.ListSessionsRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<iamv1.Session> {
    const pages = this.caller.pages(methods.iamListSessions, iamv1.ListSessionsRequestSchema, request, (page) => this.listSessions(page, signal), signal);
    for await (const page of pages) {
      yield* page.sessions;
    }
  }

  /** Revoke a session: its refresh token is refused from now on, its access tokens once they end. */
  revokeSession(request: MessageInitShape<typeof iamv1.RevokeSessionRequestSchema>, signal?: AbortSignal): Promise<iamv1.Session> {
    return this.caller.unary(methods.iamRevokeSession, iamv1.IamService.method.revokeSession, request, signal);
  }

  /** The public keys with which access tokens are checked offline. */
  listTokenKeys(request: MessageInitShape<typeof iamv1.ListTokenKeysRequestSchema>, signal?: AbortSignal): Promise<iamv1.ListTokenKeysResponse> {
    return this.caller.unary(methods.iamListTokenKeys, iamv1.IamService.method.listTokenKeys, request, signal);
  }

  /**
   * Make a new key to sign access tokens with. It is published at once and signs a little later;
   * the earlier ones stay published until the last token that they signed has ended.
   */
  rotateTokenKeys(request: MessageInitShape<typeof iamv1.RotateTokenKeysRequestSchema>, signal?: AbortSignal): Promise<iamv1.TokenKey> {
    return this.caller.unary(methods.iamRotateTokenKeys, iamv1.IamService.method.rotateTokenKeys, request, signal);
  }

  /** Create a project, at the top or below another one. */
  createProject(request: MessageInitShape<typeof iamv1.CreateProjectRequestSchema>, signal?: AbortSignal): Promise<iamv1.Project> {
    return this.caller.unary(methods.iamCreateProject, iamv1.IamService.method.createProject, request, signal);
  }

  /** A project. */
  getProject(request: MessageInitShape<typeof iamv1.GetProjectRequestSchema>, signal?: AbortSignal): Promise<iamv1.Project> {
    return this.caller.unary(methods.iamGetProject, iamv1.IamService.method.getProject, request, signal);
  }

  /**
   * Several projects at once, in the order of their ids in the request; refused if one is not
   * there.
   */
  batchGetProjects(request: MessageInitShape<typeof iamv1.BatchGetProjectsRequestSchema>, signal?: AbortSignal): Promise<iamv1.BatchGetProjectsResponse> {
    return this.caller.unary(methods.iamBatchGetProjects, iamv1.IamService.method.batchGetProjects, request, signal);
  }

  /**
   * The projects in which the caller has a role, there or above; all of them for the system's
   * readers.
   */
  listProjects(request: MessageInitShape<typeof iamv1.ListProjectsRequestSchema>, signal?: AbortSignal): Promise<iamv1.ListProjectsResponse> {
    return this.caller.unary(methods.iamListProjects, iamv1.IamService.method.listProjects, request, signal);
  }

  /** Give one after the other what listProjects gives in pages. */
  async *allProjects(
    request: MessageInitShape<typeof iamv1.ListProjectsRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<iamv1.Project> {
    const pages = this.caller.pages(methods.iamListProjects, iamv1.ListProjectsRequestSchema, request, (page) => this.listProjects(page, signal), signal);
    for await (const page of pages) {
      yield* page.projects;
    }
  }

  /** Change a project. No project ever moves: what it is below of can't be changed. */
  updateProject(request: MessageInitShape<typeof iamv1.UpdateProjectRequestSchema>, signal?: AbortSignal): Promise<iamv1.Project> {
    return this.caller.unary(methods.iamUpdateProject, iamv1.IamService.method.updateProject, request, signal);
  }

  /**
   * Delete a project without others below it, with the roles on it. What it has at sites stays
   * until an operator ends it; nothing new can be asked in it.
   */
  deleteProject(request: MessageInitShape<typeof iamv1.DeleteProjectRequestSchema>, signal?: AbortSignal): Promise<iamv1.DeleteProjectResponse> {
    return this.caller.unary(methods.iamDeleteProject, iamv1.IamService.method.deleteProject, request, signal);
  }

  /** Create a user. */
  createAccount(request: MessageInitShape<typeof iamv1.CreateAccountRequestSchema>, signal?: AbortSignal): Promise<iamv1.Account> {
    return this.caller.unary(methods.iamCreateAccount, iamv1.IamService.method.createAccount, request, signal);
  }

  /** An account. */
  getAccount(request: MessageInitShape<typeof iamv1.GetAccountRequestSchema>, signal?: AbortSignal): Promise<iamv1.Account> {
    return this.caller.unary(methods.iamGetAccount, iamv1.IamService.method.getAccount, request, signal);
  }

  /**
   * Several accounts at once, in the order of their ids in the request; refused if one is not
   * there.
   */
  batchGetAccounts(request: MessageInitShape<typeof iamv1.BatchGetAccountsRequestSchema>, signal?: AbortSignal): Promise<iamv1.BatchGetAccountsResponse> {
    return this.caller.unary(methods.iamBatchGetAccounts, iamv1.IamService.method.batchGetAccounts, request, signal);
  }

  /** All accounts, of users and of programs. */
  listAccounts(request: MessageInitShape<typeof iamv1.ListAccountsRequestSchema>, signal?: AbortSignal): Promise<iamv1.ListAccountsResponse> {
    return this.caller.unary(methods.iamListAccounts, iamv1.IamService.method.listAccounts, request, signal);
  }

  /** Give one after the other what listAccounts gives in pages. */
  async *allAccounts(
    request: MessageInitShape<typeof iamv1.ListAccountsRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<iamv1.Account> {
    const pages = this.caller.pages(methods.iamListAccounts, iamv1.ListAccountsRequestSchema, request, (page) => this.listAccounts(page, signal), signal);
    for await (const page of pages) {
      yield* page.accounts;
    }
  }

  /** Change an account: its name, its password, whether it may sign in. */
  updateAccount(request: MessageInitShape<typeof iamv1.UpdateAccountRequestSchema>, signal?: AbortSignal): Promise<iamv1.Account> {
    return this.caller.unary(methods.iamUpdateAccount, iamv1.IamService.method.updateAccount, request, signal);
  }

  /**
   * Delete an account with its roles. Tokens that it has are good until they end. One's own
   * account, and the last administrator's of the system, stay.
   */
  deleteAccount(request: MessageInitShape<typeof iamv1.DeleteAccountRequestSchema>, signal?: AbortSignal): Promise<iamv1.DeleteAccountResponse> {
    return this.caller.unary(methods.iamDeleteAccount, iamv1.IamService.method.deleteAccount, request, signal);
  }

  /** Change one's own password. A wrong old one counts like a sign-in that failed. */
  changePassword(request: MessageInitShape<typeof iamv1.ChangePasswordRequestSchema>, signal?: AbortSignal): Promise<iamv1.ChangePasswordResponse> {
    return this.caller.unary(methods.iamChangePassword, iamv1.IamService.method.changePassword, request, signal);
  }

  /**
   * Make an account for a program of the caller's: with roles that the caller has, if wanted with
   * an end, for some methods only and for one region with those below it. It signs in by Login,
   * with its name or id and its secret. It never may more than its creator may at that time. It
   * can't make accounts, change passwords or give roles.
   */
  createApplicationCredential(request: MessageInitShape<typeof iamv1.CreateApplicationCredentialRequestSchema>, signal?: AbortSignal): Promise<iamv1.ApplicationCredential> {
    return this.caller.unary(methods.iamCreateApplicationCredential, iamv1.IamService.method.createApplicationCredential, request, signal);
  }

  /** An application credential. */
  getApplicationCredential(request: MessageInitShape<typeof iamv1.GetApplicationCredentialRequestSchema>, signal?: AbortSignal): Promise<iamv1.ApplicationCredential> {
    return this.caller.unary(methods.iamGetApplicationCredential, iamv1.IamService.method.getApplicationCredential, request, signal);
  }

  /**
   * Several application credentials at once, in the order of their ids in the request; refused if
   * one is not there.
   */
  batchGetApplicationCredentials(request: MessageInitShape<typeof iamv1.BatchGetApplicationCredentialsRequestSchema>, signal?: AbortSignal): Promise<iamv1.BatchGetApplicationCredentialsResponse> {
    return this.caller.unary(methods.iamBatchGetApplicationCredentials, iamv1.IamService.method.batchGetApplicationCredentials, request, signal);
  }

  /** The application credentials that an account made. */
  listApplicationCredentials(request: MessageInitShape<typeof iamv1.ListApplicationCredentialsRequestSchema>, signal?: AbortSignal): Promise<iamv1.ListApplicationCredentialsResponse> {
    return this.caller.unary(methods.iamListApplicationCredentials, iamv1.IamService.method.listApplicationCredentials, request, signal);
  }

  /** Give one after the other what listApplicationCredentials gives in pages. */
  async *allApplicationCredentials(
    request: MessageInitShape<typeof iamv1.ListApplicationCredentialsRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<iamv1.ApplicationCredential> {
    const pages = this.caller.pages(methods.iamListApplicationCredentials, iamv1.ListApplicationCredentialsRequestSchema, request, (page) => this.listApplicationCredentials(page, signal), signal);
    for await (const page of pages) {
      yield* page.applicationCredentials;
    }
  }

  /**
   * Rename an application credential or narrow it: an end that is nearer, fewer roles, fewer
   * methods. What would give it more is refused as CREDENTIAL_WIDENED; its secret and its region
   * stay as they are. Tokens that it has are as they were until they end.
   */
  updateApplicationCredential(request: MessageInitShape<typeof iamv1.UpdateApplicationCredentialRequestSchema>, signal?: AbortSignal): Promise<iamv1.ApplicationCredential> {
    return this.caller.unary(methods.iamUpdateApplicationCredential, iamv1.IamService.method.updateApplicationCredential, request, signal);
  }

  /** Delete an application credential; tokens that it has are good until they end. */
  deleteApplicationCredential(request: MessageInitShape<typeof iamv1.DeleteApplicationCredentialRequestSchema>, signal?: AbortSignal): Promise<iamv1.DeleteApplicationCredentialResponse> {
    return this.caller.unary(methods.iamDeleteApplicationCredential, iamv1.IamService.method.deleteApplicationCredential, request, signal);
  }

  /**
   * Give an account a role on a project, a region or the system, instead of the one that it has
   * there. It holds on everything below.
   */
  assignRole(request: MessageInitShape<typeof iamv1.AssignRoleRequestSchema>, signal?: AbortSignal): Promise<iamv1.Assignment> {
    return this.caller.unary(methods.iamAssignRole, iamv1.IamService.method.assignRole, request, signal);
  }

  /**
   * Take the role away that an account has on a project, a region or the system itself. Each gives
   * its own back. The system keeps an administrator.
   */
  revokeRole(request: MessageInitShape<typeof iamv1.RevokeRoleRequestSchema>, signal?: AbortSignal): Promise<iamv1.RevokeRoleResponse> {
    return this.caller.unary(methods.iamRevokeRole, iamv1.IamService.method.revokeRole, request, signal);
  }

  /** Who has which role where, by account and place. */
  listAssignments(request: MessageInitShape<typeof iamv1.ListAssignmentsRequestSchema>, signal?: AbortSignal): Promise<iamv1.ListAssignmentsResponse> {
    return this.caller.unary(methods.iamListAssignments, iamv1.IamService.method.listAssignments, request, signal);
  }

  /** Give one after the other what listAssignments gives in pages. */
  async *allAssignments(
    request: MessageInitShape<typeof iamv1.ListAssignmentsRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<iamv1.Assignment> {
    const pages = this.caller.pages(methods.iamListAssignments, iamv1.ListAssignmentsRequestSchema, request, (page) => this.listAssignments(page, signal), signal);
    for await (const page of pages) {
      yield* page.assignments;
    }
  }

  /** Create a region, at the top or below another one. */
  createRegion(request: MessageInitShape<typeof iamv1.CreateRegionRequestSchema>, signal?: AbortSignal): Promise<iamv1.Region> {
    return this.caller.unary(methods.iamCreateRegion, iamv1.IamService.method.createRegion, request, signal);
  }

  /** A region. */
  getRegion(request: MessageInitShape<typeof iamv1.GetRegionRequestSchema>, signal?: AbortSignal): Promise<iamv1.Region> {
    return this.caller.unary(methods.iamGetRegion, iamv1.IamService.method.getRegion, request, signal);
  }

  /**
   * Several regions at once, in the order of their ids in the request; refused if one is not
   * there.
   */
  batchGetRegions(request: MessageInitShape<typeof iamv1.BatchGetRegionsRequestSchema>, signal?: AbortSignal): Promise<iamv1.BatchGetRegionsResponse> {
    return this.caller.unary(methods.iamBatchGetRegions, iamv1.IamService.method.batchGetRegions, request, signal);
  }

  /** All regions that the caller sees. */
  listRegions(request: MessageInitShape<typeof iamv1.ListRegionsRequestSchema>, signal?: AbortSignal): Promise<iamv1.ListRegionsResponse> {
    return this.caller.unary(methods.iamListRegions, iamv1.IamService.method.listRegions, request, signal);
  }

  /** Give one after the other what listRegions gives in pages. */
  async *allRegions(
    request: MessageInitShape<typeof iamv1.ListRegionsRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<iamv1.Region> {
    const pages = this.caller.pages(methods.iamListRegions, iamv1.ListRegionsRequestSchema, request, (page) => this.listRegions(page, signal), signal);
    for await (const page of pages) {
      yield* page.regions;
    }
  }

  /** Change a region. No region ever moves: what it is below of can't be changed. */
  updateRegion(request: MessageInitShape<typeof iamv1.UpdateRegionRequestSchema>, signal?: AbortSignal): Promise<iamv1.Region> {
    return this.caller.unary(methods.iamUpdateRegion, iamv1.IamService.method.updateRegion, request, signal);
  }

  /**
   * Delete a region without others below it, and that no site serves by its name, with the roles
   * on it. What lives in it stays until an operator ends it; nothing new can be asked there.
   */
  deleteRegion(request: MessageInitShape<typeof iamv1.DeleteRegionRequestSchema>, signal?: AbortSignal): Promise<iamv1.DeleteRegionResponse> {
    return this.caller.unary(methods.iamDeleteRegion, iamv1.IamService.method.deleteRegion, request, signal);
  }

  /**
   * Take a process up in the catalogue: which services of which site it has, and where. It is away
   * when it is not renewed in time. Of each site 64 are taken up, of all together 4,096; those
   * that are away make way.
   */
  registerService(request: MessageInitShape<typeof iamv1.RegisterServiceRequestSchema>, signal?: AbortSignal): Promise<iamv1.RegisterServiceResponse> {
    return this.caller.unary(methods.iamRegisterService, iamv1.IamService.method.registerService, request, signal);
  }

  /** Say that a process is alive. Nobody is told of it: no event is written. */
  renewService(request: MessageInitShape<typeof iamv1.RenewServiceRequestSchema>, signal?: AbortSignal): Promise<iamv1.RenewServiceResponse> {
    return this.caller.unary(methods.iamRenewService, iamv1.IamService.method.renewService, request, signal);
  }

  /** Take a process that stops out of the catalogue. */
  withdrawService(request: MessageInitShape<typeof iamv1.WithdrawServiceRequestSchema>, signal?: AbortSignal): Promise<iamv1.WithdrawServiceResponse> {
    return this.caller.unary(methods.iamWithdrawService, iamv1.IamService.method.withdrawService, request, signal);
  }

  /**
   * The catalogue: the sites with their services, and the regions of each that the caller sees. It
   * has no pages: there are 4,096 services at most, and no more sites than regions and one.
   */
  listServices(request: MessageInitShape<typeof iamv1.ListServicesRequestSchema>, signal?: AbortSignal): Promise<iamv1.ListServicesResponse> {
    return this.caller.unary(methods.iamListServices, iamv1.IamService.method.listServices, request, signal);
  }

  /** Forget a site that is away for good, so that others may serve its regions. */
  deleteSite(request: MessageInitShape<typeof iamv1.DeleteSiteRequestSchema>, signal?: AbortSignal): Promise<iamv1.DeleteSiteResponse> {
    return this.caller.unary(methods.iamDeleteSite, iamv1.IamService.method.deleteSite, request, signal);
  }

  /**
   * Who did what, and who was refused: what was changed, and calls that would have changed
   * something or that the caller was not allowed. Newest first. Of iam.
   */
  listAuditEvents(request: MessageInitShape<typeof commonv1.ListAuditEventsRequestSchema>, signal?: AbortSignal): Promise<commonv1.ListAuditEventsResponse> {
    return this.caller.unary(methods.iamListAuditEvents, iamv1.IamService.method.listAuditEvents, request, signal);
  }

  /** Give one after the other what listAuditEvents gives in pages. */
  async *allAuditEvents(
    request: MessageInitShape<typeof commonv1.ListAuditEventsRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<commonv1.AuditEvent> {
    const pages = this.caller.pages(methods.iamListAuditEvents, commonv1.ListAuditEventsRequestSchema, request, (page) => this.listAuditEvents(page, signal), signal);
    for await (const page of pages) {
      yield* page.events;
    }
  }

  /** Configure this service. Every instance follows within a second. */
  iamConfigure(request: MessageInitShape<typeof iamv1.IamConfigureRequestSchema>, signal?: AbortSignal): Promise<commonv1.Configuration> {
    return this.caller.unary(methods.iamIamConfigure, iamv1.IamService.method.iamConfigure, request, signal);
  }

  /** How this service is configured. */
  getIamConfiguration(request: MessageInitShape<typeof iamv1.GetIamConfigurationRequestSchema>, signal?: AbortSignal): Promise<commonv1.Configuration> {
    return this.caller.unary(methods.iamGetIamConfiguration, iamv1.IamService.method.getIamConfiguration, request, signal);
  }

  /** Changes of accounts, roles, projects and regions from a revision on, in order, none missed. */
  watch(request: MessageInitShape<typeof commonv1.WatchRequestSchema>, signal?: AbortSignal): AsyncIterable<commonv1.Event> {
    return this.caller.watch(methods.iamWatch, iamv1.IamService.method.watch, request, signal);
  }
}

/** From names to ids and back; what people say about objects. */
export class MetaService {
  constructor(private readonly caller: ServiceCaller) {}

  /** Find the ids of names or slugs; an id answers itself when the caller can see the object. */
  resolveNames(request: MessageInitShape<typeof metav1.ResolveNamesRequestSchema>, signal?: AbortSignal): Promise<metav1.ResolveNamesResponse> {
    return this.caller.unary(methods.metaResolveNames, metav1.MetaService.method.resolveNames, request, signal);
  }

  /** Give the names of ids. */
  describeObjects(request: MessageInitShape<typeof metav1.DescribeObjectsRequestSchema>, signal?: AbortSignal): Promise<metav1.DescribeObjectsResponse> {
    return this.caller.unary(methods.metaDescribeObjects, metav1.MetaService.method.describeObjects, request, signal);
  }

  /** Add tags to objects and take others away. */
  updateTags(request: MessageInitShape<typeof metav1.UpdateTagsRequestSchema>, signal?: AbortSignal): Promise<metav1.UpdateTagsResponse> {
    return this.caller.unary(methods.metaUpdateTags, metav1.MetaService.method.updateTags, request, signal);
  }

  /** The tags of objects. */
  listTags(request: MessageInitShape<typeof metav1.ListTagsRequestSchema>, signal?: AbortSignal): Promise<metav1.ListTagsResponse> {
    return this.caller.unary(methods.metaListTags, metav1.MetaService.method.listTags, request, signal);
  }

  /** The objects that have tags, by id. */
  listObjectsByTag(request: MessageInitShape<typeof metav1.ListObjectsByTagRequestSchema>, signal?: AbortSignal): Promise<metav1.ListObjectsByTagResponse> {
    return this.caller.unary(methods.metaListObjectsByTag, metav1.MetaService.method.listObjectsByTag, request, signal);
  }

  /** Give one after the other what listObjectsByTag gives in pages. */
  async *allObjectsByTag(
    request: MessageInitShape<typeof metav1.ListObjectsByTagRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<metav1.TaggedObject> {
    const pages = this.caller.pages(methods.metaListObjectsByTag, metav1.ListObjectsByTagRequestSchema, request, (page) => this.listObjectsByTag(page, signal), signal);
    for await (const page of pages) {
      yield* page.objects;
    }
  }

  /** Define an attribute, for all objects or for those of a project and of the projects below it. */
  createMetadef(request: MessageInitShape<typeof metav1.CreateMetadefRequestSchema>, signal?: AbortSignal): Promise<metav1.Metadef> {
    return this.caller.unary(methods.metaCreateMetadef, metav1.MetaService.method.createMetadef, request, signal);
  }

  /** One definition. */
  getMetadef(request: MessageInitShape<typeof metav1.GetMetadefRequestSchema>, signal?: AbortSignal): Promise<metav1.Metadef> {
    return this.caller.unary(methods.metaGetMetadef, metav1.MetaService.method.getMetadef, request, signal);
  }

  /**
   * Several metadefs at once, in the order of their ids in the request; refused if one is not
   * there.
   */
  batchGetMetadefs(request: MessageInitShape<typeof metav1.BatchGetMetadefsRequestSchema>, signal?: AbortSignal): Promise<metav1.BatchGetMetadefsResponse> {
    return this.caller.unary(methods.metaBatchGetMetadefs, metav1.MetaService.method.batchGetMetadefs, request, signal);
  }

  /** Definitions. */
  listMetadefs(request: MessageInitShape<typeof metav1.ListMetadefsRequestSchema>, signal?: AbortSignal): Promise<metav1.ListMetadefsResponse> {
    return this.caller.unary(methods.metaListMetadefs, metav1.MetaService.method.listMetadefs, request, signal);
  }

  /** Give one after the other what listMetadefs gives in pages. */
  async *allMetadefs(
    request: MessageInitShape<typeof metav1.ListMetadefsRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<metav1.Metadef> {
    const pages = this.caller.pages(methods.metaListMetadefs, metav1.ListMetadefsRequestSchema, request, (page) => this.listMetadefs(page, signal), signal);
    for await (const page of pages) {
      yield* page.metadefs;
    }
  }

  /** Change a definition, if all values fit it. */
  updateMetadef(request: MessageInitShape<typeof metav1.UpdateMetadefRequestSchema>, signal?: AbortSignal): Promise<metav1.Metadef> {
    return this.caller.unary(methods.metaUpdateMetadef, metav1.MetaService.method.updateMetadef, request, signal);
  }

  /** Delete a definition, if all values fit the one that holds then. */
  deleteMetadef(request: MessageInitShape<typeof metav1.DeleteMetadefRequestSchema>, signal?: AbortSignal): Promise<metav1.DeleteMetadefResponse> {
    return this.caller.unary(methods.metaDeleteMetadef, metav1.MetaService.method.deleteMetadef, request, signal);
  }

  /** Give objects values of attributes, or take them away; all or none. */
  setAttributes(request: MessageInitShape<typeof metav1.SetAttributesRequestSchema>, signal?: AbortSignal): Promise<metav1.SetAttributesResponse> {
    return this.caller.unary(methods.metaSetAttributes, metav1.MetaService.method.setAttributes, request, signal);
  }

  /** The attributes of objects. */
  listAttributes(request: MessageInitShape<typeof metav1.ListAttributesRequestSchema>, signal?: AbortSignal): Promise<metav1.ListAttributesResponse> {
    return this.caller.unary(methods.metaListAttributes, metav1.MetaService.method.listAttributes, request, signal);
  }

  /** The objects that have an attribute, by id. */
  listObjectsByAttribute(request: MessageInitShape<typeof metav1.ListObjectsByAttributeRequestSchema>, signal?: AbortSignal): Promise<metav1.ListObjectsByAttributeResponse> {
    return this.caller.unary(methods.metaListObjectsByAttribute, metav1.MetaService.method.listObjectsByAttribute, request, signal);
  }

  /** Give one after the other what listObjectsByAttribute gives in pages. */
  async *allObjectsByAttribute(
    request: MessageInitShape<typeof metav1.ListObjectsByAttributeRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<metav1.Attribute> {
    const pages = this.caller.pages(methods.metaListObjectsByAttribute, metav1.ListObjectsByAttributeRequestSchema, request, (page) => this.listObjectsByAttribute(page, signal), signal);
    for await (const page of pages) {
      yield* page.attributes;
    }
  }

  /** Configure this service. Every instance follows within a second. */
  metaConfigure(request: MessageInitShape<typeof metav1.MetaConfigureRequestSchema>, signal?: AbortSignal): Promise<commonv1.Configuration> {
    return this.caller.unary(methods.metaMetaConfigure, metav1.MetaService.method.metaConfigure, request, signal);
  }

  /** How this service is configured. */
  getMetaConfiguration(request: MessageInitShape<typeof metav1.GetMetaConfigurationRequestSchema>, signal?: AbortSignal): Promise<commonv1.Configuration> {
    return this.caller.unary(methods.metaGetMetaConfiguration, metav1.MetaService.method.getMetaConfiguration, request, signal);
  }

  /**
   * Changes in the site from a revision on, in order, none missed; the same as
   * ControlService.Watch.
   */
  watch(request: MessageInitShape<typeof commonv1.WatchRequestSchema>, signal?: AbortSignal): AsyncIterable<commonv1.Event> {
    return this.caller.watch(methods.metaWatch, metav1.MetaService.method.watch, request, signal);
  }
}

/** What there is, and who has claimed it when. */
export class ResourceService {
  constructor(private readonly caller: ServiceCaller) {}

  /** Register a kind of provider. */
  createProviderType(request: MessageInitShape<typeof resourcev1.CreateProviderTypeRequestSchema>, signal?: AbortSignal): Promise<resourcev1.ProviderType> {
    return this.caller.unary(methods.resourceCreateProviderType, resourcev1.ResourceService.method.createProviderType, request, signal);
  }

  /** Change the description or cleaning margin of a kind of provider. */
  updateProviderType(request: MessageInitShape<typeof resourcev1.UpdateProviderTypeRequestSchema>, signal?: AbortSignal): Promise<resourcev1.ProviderType> {
    return this.caller.unary(methods.resourceUpdateProviderType, resourcev1.ResourceService.method.updateProviderType, request, signal);
  }

  /** All kinds of provider. */
  listProviderTypes(request: MessageInitShape<typeof resourcev1.ListProviderTypesRequestSchema>, signal?: AbortSignal): Promise<resourcev1.ListProviderTypesResponse> {
    return this.caller.unary(methods.resourceListProviderTypes, resourcev1.ResourceService.method.listProviderTypes, request, signal);
  }

  /** Give one after the other what listProviderTypes gives in pages. */
  async *allProviderTypes(
    request: MessageInitShape<typeof resourcev1.ListProviderTypesRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<resourcev1.ProviderType> {
    const pages = this.caller.pages(methods.resourceListProviderTypes, resourcev1.ListProviderTypesRequestSchema, request, (page) => this.listProviderTypes(page, signal), signal);
    for await (const page of pages) {
      yield* page.providerTypes;
    }
  }

  /** Forget a kind of provider of which there is none. */
  deleteProviderType(request: MessageInitShape<typeof resourcev1.DeleteProviderTypeRequestSchema>, signal?: AbortSignal): Promise<resourcev1.DeleteProviderTypeResponse> {
    return this.caller.unary(methods.resourceDeleteProviderType, resourcev1.ResourceService.method.deleteProviderType, request, signal);
  }

  /** Register a name of what is counted. */
  createResourceType(request: MessageInitShape<typeof resourcev1.CreateResourceTypeRequestSchema>, signal?: AbortSignal): Promise<resourcev1.ResourceType> {
    return this.caller.unary(methods.resourceCreateResourceType, resourcev1.ResourceService.method.createResourceType, request, signal);
  }

  /** All names of what is counted. */
  listResourceTypes(request: MessageInitShape<typeof resourcev1.ListResourceTypesRequestSchema>, signal?: AbortSignal): Promise<resourcev1.ListResourceTypesResponse> {
    return this.caller.unary(methods.resourceListResourceTypes, resourcev1.ResourceService.method.listResourceTypes, request, signal);
  }

  /** Give one after the other what listResourceTypes gives in pages. */
  async *allResourceTypes(
    request: MessageInitShape<typeof resourcev1.ListResourceTypesRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<resourcev1.ResourceType> {
    const pages = this.caller.pages(methods.resourceListResourceTypes, resourcev1.ListResourceTypesRequestSchema, request, (page) => this.listResourceTypes(page, signal), signal);
    for await (const page of pages) {
      yield* page.resourceTypes;
    }
  }

  /** Forget a resource type of which no provider has any. */
  deleteResourceType(request: MessageInitShape<typeof resourcev1.DeleteResourceTypeRequestSchema>, signal?: AbortSignal): Promise<resourcev1.DeleteResourceTypeResponse> {
    return this.caller.unary(methods.resourceDeleteResourceType, resourcev1.ResourceService.method.deleteResourceType, request, signal);
  }

  /** Register a name of what a provider can do. */
  createCapability(request: MessageInitShape<typeof resourcev1.CreateCapabilityRequestSchema>, signal?: AbortSignal): Promise<resourcev1.Capability> {
    return this.caller.unary(methods.resourceCreateCapability, resourcev1.ResourceService.method.createCapability, request, signal);
  }

  /** All names of what a provider can do. */
  listCapabilities(request: MessageInitShape<typeof resourcev1.ListCapabilitiesRequestSchema>, signal?: AbortSignal): Promise<resourcev1.ListCapabilitiesResponse> {
    return this.caller.unary(methods.resourceListCapabilities, resourcev1.ResourceService.method.listCapabilities, request, signal);
  }

  /** Give one after the other what listCapabilities gives in pages. */
  async *allCapabilities(
    request: MessageInitShape<typeof resourcev1.ListCapabilitiesRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<resourcev1.Capability> {
    const pages = this.caller.pages(methods.resourceListCapabilities, resourcev1.ListCapabilitiesRequestSchema, request, (page) => this.listCapabilities(page, signal), signal);
    for await (const page of pages) {
      yield* page.capabilities;
    }
  }

  /** Forget a capability that no provider has. */
  deleteCapability(request: MessageInitShape<typeof resourcev1.DeleteCapabilityRequestSchema>, signal?: AbortSignal): Promise<resourcev1.DeleteCapabilityResponse> {
    return this.caller.unary(methods.resourceDeleteCapability, resourcev1.ResourceService.method.deleteCapability, request, signal);
  }

  /** Make providers, up to 10,000, all or none. Servers and hosts bring their own. */
  createProviders(request: MessageInitShape<typeof resourcev1.CreateProvidersRequestSchema>, signal?: AbortSignal): Promise<resourcev1.CreateProvidersResponse> {
    return this.caller.unary(methods.resourceCreateProviders, resourcev1.ResourceService.method.createProviders, request, signal);
  }

  /** Change, fill and move providers, up to 10,000, all or none. */
  updateProviders(request: MessageInitShape<typeof resourcev1.UpdateProvidersRequestSchema>, signal?: AbortSignal): Promise<resourcev1.UpdateProvidersResponse> {
    return this.caller.unary(methods.resourceUpdateProviders, resourcev1.ResourceService.method.updateProviders, request, signal);
  }

  /** Delete providers that nobody uses, up to 10,000, all or none. */
  deleteProviders(request: MessageInitShape<typeof resourcev1.DeleteProvidersRequestSchema>, signal?: AbortSignal): Promise<resourcev1.DeleteProvidersResponse> {
    return this.caller.unary(methods.resourceDeleteProviders, resourcev1.ResourceService.method.deleteProviders, request, signal);
  }

  /** Change providers of one tree and move what is claimed of them, in one step. */
  reshapeProviders(request: MessageInitShape<typeof resourcev1.ReshapeProvidersRequestSchema>, signal?: AbortSignal): Promise<resourcev1.ReshapeProvidersResponse> {
    return this.caller.unary(methods.resourceReshapeProviders, resourcev1.ResourceService.method.reshapeProviders, request, signal);
  }

  /** Make a group of providers of a region. */
  createGroup(request: MessageInitShape<typeof resourcev1.CreateGroupRequestSchema>, signal?: AbortSignal): Promise<resourcev1.Group> {
    return this.caller.unary(methods.resourceCreateGroup, resourcev1.ResourceService.method.createGroup, request, signal);
  }

  /** Change who is in a group, and who shares with its members. */
  updateGroup(request: MessageInitShape<typeof resourcev1.UpdateGroupRequestSchema>, signal?: AbortSignal): Promise<resourcev1.Group> {
    return this.caller.unary(methods.resourceUpdateGroup, resourcev1.ResourceService.method.updateGroup, request, signal);
  }

  /** A group; who is in it is told by ListProviders. */
  getGroup(request: MessageInitShape<typeof resourcev1.GetGroupRequestSchema>, signal?: AbortSignal): Promise<resourcev1.Group> {
    return this.caller.unary(methods.resourceGetGroup, resourcev1.ResourceService.method.getGroup, request, signal);
  }

  /** Several groups at once, in the order of their ids in the request; refused if one is not there. */
  batchGetGroups(request: MessageInitShape<typeof resourcev1.BatchGetGroupsRequestSchema>, signal?: AbortSignal): Promise<resourcev1.BatchGetGroupsResponse> {
    return this.caller.unary(methods.resourceBatchGetGroups, resourcev1.ResourceService.method.batchGetGroups, request, signal);
  }

  /** All groups. */
  listGroups(request: MessageInitShape<typeof resourcev1.ListGroupsRequestSchema>, signal?: AbortSignal): Promise<resourcev1.ListGroupsResponse> {
    return this.caller.unary(methods.resourceListGroups, resourcev1.ResourceService.method.listGroups, request, signal);
  }

  /** Give one after the other what listGroups gives in pages. */
  async *allGroups(
    request: MessageInitShape<typeof resourcev1.ListGroupsRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<resourcev1.Group> {
    const pages = this.caller.pages(methods.resourceListGroups, resourcev1.ListGroupsRequestSchema, request, (page) => this.listGroups(page, signal), signal);
    for await (const page of pages) {
      yield* page.groups;
    }
  }

  /** Delete a group with its distances; its providers stay. */
  deleteGroup(request: MessageInitShape<typeof resourcev1.DeleteGroupRequestSchema>, signal?: AbortSignal): Promise<resourcev1.DeleteGroupResponse> {
    return this.caller.unary(methods.resourceDeleteGroup, resourcev1.ResourceService.method.deleteGroup, request, signal);
  }

  /** Register a way to measure how far providers are apart. */
  createDistanceType(request: MessageInitShape<typeof resourcev1.CreateDistanceTypeRequestSchema>, signal?: AbortSignal): Promise<resourcev1.DistanceType> {
    return this.caller.unary(methods.resourceCreateDistanceType, resourcev1.ResourceService.method.createDistanceType, request, signal);
  }

  /** All ways to measure. */
  listDistanceTypes(request: MessageInitShape<typeof resourcev1.ListDistanceTypesRequestSchema>, signal?: AbortSignal): Promise<resourcev1.ListDistanceTypesResponse> {
    return this.caller.unary(methods.resourceListDistanceTypes, resourcev1.ResourceService.method.listDistanceTypes, request, signal);
  }

  /** Give one after the other what listDistanceTypes gives in pages. */
  async *allDistanceTypes(
    request: MessageInitShape<typeof resourcev1.ListDistanceTypesRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<resourcev1.DistanceType> {
    const pages = this.caller.pages(methods.resourceListDistanceTypes, resourcev1.ListDistanceTypesRequestSchema, request, (page) => this.listDistanceTypes(page, signal), signal);
    for await (const page of pages) {
      yield* page.distanceTypes;
    }
  }

  /** Forget a way to measure by which nothing is measured. */
  deleteDistanceType(request: MessageInitShape<typeof resourcev1.DeleteDistanceTypeRequestSchema>, signal?: AbortSignal): Promise<resourcev1.DeleteDistanceTypeResponse> {
    return this.caller.unary(methods.resourceDeleteDistanceType, resourcev1.ResourceService.method.deleteDistanceType, request, signal);
  }

  /** Say how far pairs of providers or groups are apart, or take it back; all or none. */
  setDistances(request: MessageInitShape<typeof resourcev1.SetDistancesRequestSchema>, signal?: AbortSignal): Promise<resourcev1.SetDistancesResponse> {
    return this.caller.unary(methods.resourceSetDistances, resourcev1.ResourceService.method.setDistances, request, signal);
  }

  /** What was said of distances. */
  listDistances(request: MessageInitShape<typeof resourcev1.ListDistancesRequestSchema>, signal?: AbortSignal): Promise<resourcev1.ListDistancesResponse> {
    return this.caller.unary(methods.resourceListDistances, resourcev1.ResourceService.method.listDistances, request, signal);
  }

  /** Give one after the other what listDistances gives in pages. */
  async *allDistances(
    request: MessageInitShape<typeof resourcev1.ListDistancesRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<resourcev1.Distance> {
    const pages = this.caller.pages(methods.resourceListDistances, resourcev1.ListDistancesRequestSchema, request, (page) => this.listDistances(page, signal), signal);
    for await (const page of pages) {
      yield* page.distances;
    }
  }

  /** Say that providers are not to be offered, up to 10,000, all or none. */
  markProviders(request: MessageInitShape<typeof resourcev1.MarkProvidersRequestSchema>, signal?: AbortSignal): Promise<resourcev1.MarkProvidersResponse> {
    return this.caller.unary(methods.resourceMarkProviders, resourcev1.ResourceService.method.markProviders, request, signal);
  }

  /** Take a mark of providers back. */
  unmarkProviders(request: MessageInitShape<typeof resourcev1.UnmarkProvidersRequestSchema>, signal?: AbortSignal): Promise<resourcev1.UnmarkProvidersResponse> {
    return this.caller.unary(methods.resourceUnmarkProviders, resourcev1.ResourceService.method.unmarkProviders, request, signal);
  }

  /** A provider with its inventories and what is used of them now. */
  getProvider(request: MessageInitShape<typeof resourcev1.GetProviderRequestSchema>, signal?: AbortSignal): Promise<resourcev1.Provider> {
    return this.caller.unary(methods.resourceGetProvider, resourcev1.ResourceService.method.getProvider, request, signal);
  }

  /**
   * Several providers at once, in the order of their ids in the request; refused if one is not
   * there.
   */
  batchGetProviders(request: MessageInitShape<typeof resourcev1.BatchGetProvidersRequestSchema>, signal?: AbortSignal): Promise<resourcev1.BatchGetProvidersResponse> {
    return this.caller.unary(methods.resourceBatchGetProviders, resourcev1.ResourceService.method.batchGetProviders, request, signal);
  }

  /** All providers. */
  listProviders(request: MessageInitShape<typeof resourcev1.ListProvidersRequestSchema>, signal?: AbortSignal): Promise<resourcev1.ListProvidersResponse> {
    return this.caller.unary(methods.resourceListProviders, resourcev1.ResourceService.method.listProviders, request, signal);
  }

  /** Give one after the other what listProviders gives in pages. */
  async *allProviders(
    request: MessageInitShape<typeof resourcev1.ListProvidersRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<resourcev1.Provider> {
    const pages = this.caller.pages(methods.resourceListProviders, resourcev1.ListProvidersRequestSchema, request, (page) => this.listProviders(page, signal), signal);
    for await (const page of pages) {
      yield* page.providers;
    }
  }

  /** Create a network. */
  createNetwork(request: MessageInitShape<typeof resourcev1.CreateNetworkRequestSchema>, signal?: AbortSignal): Promise<resourcev1.Network> {
    return this.caller.unary(methods.resourceCreateNetwork, resourcev1.ResourceService.method.createNetwork, request, signal);
  }

  /** A network with the addresses that are taken now. */
  getNetwork(request: MessageInitShape<typeof resourcev1.GetNetworkRequestSchema>, signal?: AbortSignal): Promise<resourcev1.Network> {
    return this.caller.unary(methods.resourceGetNetwork, resourcev1.ResourceService.method.getNetwork, request, signal);
  }

  /**
   * Several networks at once, in the order of their ids in the request; refused if one is not
   * there.
   */
  batchGetNetworks(request: MessageInitShape<typeof resourcev1.BatchGetNetworksRequestSchema>, signal?: AbortSignal): Promise<resourcev1.BatchGetNetworksResponse> {
    return this.caller.unary(methods.resourceBatchGetNetworks, resourcev1.ResourceService.method.batchGetNetworks, request, signal);
  }

  /** All networks. */
  listNetworks(request: MessageInitShape<typeof resourcev1.ListNetworksRequestSchema>, signal?: AbortSignal): Promise<resourcev1.ListNetworksResponse> {
    return this.caller.unary(methods.resourceListNetworks, resourcev1.ResourceService.method.listNetworks, request, signal);
  }

  /** Give one after the other what listNetworks gives in pages. */
  async *allNetworks(
    request: MessageInitShape<typeof resourcev1.ListNetworksRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<resourcev1.Network> {
    const pages = this.caller.pages(methods.resourceListNetworks, resourcev1.ListNetworksRequestSchema, request, (page) => this.listNetworks(page, signal), signal);
    for await (const page of pages) {
      yield* page.networks;
    }
  }

  /** Change a network's name. */
  updateNetwork(request: MessageInitShape<typeof resourcev1.UpdateNetworkRequestSchema>, signal?: AbortSignal): Promise<resourcev1.Network> {
    return this.caller.unary(methods.resourceUpdateNetwork, resourcev1.ResourceService.method.updateNetwork, request, signal);
  }

  /** Delete a network in which no address is taken. */
  deleteNetwork(request: MessageInitShape<typeof resourcev1.DeleteNetworkRequestSchema>, signal?: AbortSignal): Promise<resourcev1.DeleteNetworkResponse> {
    return this.caller.unary(methods.resourceDeleteNetwork, resourcev1.ResourceService.method.deleteNetwork, request, signal);
  }

  /** What could be claimed, best first; nothing is claimed by asking. */
  proposeCandidates(request: MessageInitShape<typeof resourcev1.ProposeCandidatesRequestSchema>, signal?: AbortSignal): AsyncIterable<resourcev1.Candidate> {
    return this.caller.stream(methods.resourceProposeCandidates, resourcev1.ResourceService.method.proposeCandidates, request, signal);
  }

  /** When something is free for so long, the earliest first. */
  findOpenings(request: MessageInitShape<typeof resourcev1.FindOpeningsRequestSchema>, signal?: AbortSignal): Promise<resourcev1.FindOpeningsResponse> {
    return this.caller.unary(methods.resourceFindOpenings, resourcev1.ResourceService.method.findOpenings, request, signal);
  }

  /** Who has what of each provider, and when. */
  listCalendar(request: MessageInitShape<typeof resourcev1.ListCalendarRequestSchema>, signal?: AbortSignal): Promise<resourcev1.ListCalendarResponse> {
    return this.caller.unary(methods.resourceListCalendar, resourcev1.ResourceService.method.listCalendar, request, signal);
  }

  /** Give one after the other what listCalendar gives in pages. */
  async *allCalendar(
    request: MessageInitShape<typeof resourcev1.ListCalendarRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<resourcev1.Lane> {
    const pages = this.caller.pages(methods.resourceListCalendar, resourcev1.ListCalendarRequestSchema, request, (page) => this.listCalendar(page, signal), signal);
    for await (const page of pages) {
      yield* page.lanes;
    }
  }

  /** What a project has of providers, and when; nothing of what others have. */
  listProjectCalendar(request: MessageInitShape<typeof resourcev1.ListProjectCalendarRequestSchema>, signal?: AbortSignal): Promise<resourcev1.ListProjectCalendarResponse> {
    return this.caller.unary(methods.resourceListProjectCalendar, resourcev1.ResourceService.method.listProjectCalendar, request, signal);
  }

  /** Give one after the other what listProjectCalendar gives in pages. */
  async *allProjectCalendar(
    request: MessageInitShape<typeof resourcev1.ListProjectCalendarRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<resourcev1.Lane> {
    const pages = this.caller.pages(methods.resourceListProjectCalendar, resourcev1.ListProjectCalendarRequestSchema, request, (page) => this.listProjectCalendar(page, signal), signal);
    for await (const page of pages) {
      yield* page.lanes;
    }
  }

  /** What is used, reserved and free per provider, group, region or project. */
  listUsage(request: MessageInitShape<typeof resourcev1.ListUsageRequestSchema>, signal?: AbortSignal): Promise<resourcev1.ListUsageResponse> {
    return this.caller.unary(methods.resourceListUsage, resourcev1.ResourceService.method.listUsage, request, signal);
  }

  /** Give one after the other what listUsage gives in pages. */
  async *allUsage(
    request: MessageInitShape<typeof resourcev1.ListUsageRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<resourcev1.Usage> {
    const pages = this.caller.pages(methods.resourceListUsage, resourcev1.ListUsageRequestSchema, request, (page) => this.listUsage(page, signal), signal);
    for await (const page of pages) {
      yield* page.usage;
    }
  }

  /** What a project uses, in all or per provider, group or region; nothing of what others use. */
  listProjectUsage(request: MessageInitShape<typeof resourcev1.ListProjectUsageRequestSchema>, signal?: AbortSignal): Promise<resourcev1.ListProjectUsageResponse> {
    return this.caller.unary(methods.resourceListProjectUsage, resourcev1.ResourceService.method.listProjectUsage, request, signal);
  }

  /** Give one after the other what listProjectUsage gives in pages. */
  async *allProjectUsage(
    request: MessageInitShape<typeof resourcev1.ListProjectUsageRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<resourcev1.Usage> {
    const pages = this.caller.pages(methods.resourceListProjectUsage, resourcev1.ListProjectUsageRequestSchema, request, (page) => this.listProjectUsage(page, signal), signal);
    for await (const page of pages) {
      yield* page.usage;
    }
  }

  /** Claim resources for a window, at once or, with wait_until, when they become free. */
  createClaim(request: MessageInitShape<typeof resourcev1.CreateClaimRequestSchema>, signal?: AbortSignal): Promise<resourcev1.Claim> {
    return this.caller.unary(methods.resourceCreateClaim, resourcev1.ResourceService.method.createClaim, request, signal);
  }

  /** A claim. */
  getClaim(request: MessageInitShape<typeof resourcev1.GetClaimRequestSchema>, signal?: AbortSignal): Promise<resourcev1.Claim> {
    return this.caller.unary(methods.resourceGetClaim, resourcev1.ResourceService.method.getClaim, request, signal);
  }

  /**
   * Several claims of a project at once, in the order of their ids in the request; refused if one
   * is not there.
   */
  batchGetClaims(request: MessageInitShape<typeof resourcev1.BatchGetClaimsRequestSchema>, signal?: AbortSignal): Promise<resourcev1.BatchGetClaimsResponse> {
    return this.caller.unary(methods.resourceBatchGetClaims, resourcev1.ResourceService.method.batchGetClaims, request, signal);
  }

  /** A project's claims. */
  listClaims(request: MessageInitShape<typeof resourcev1.ListClaimsRequestSchema>, signal?: AbortSignal): Promise<resourcev1.ListClaimsResponse> {
    return this.caller.unary(methods.resourceListClaims, resourcev1.ResourceService.method.listClaims, request, signal);
  }

  /** Give one after the other what listClaims gives in pages. */
  async *allClaims(
    request: MessageInitShape<typeof resourcev1.ListClaimsRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<resourcev1.Claim> {
    const pages = this.caller.pages(methods.resourceListClaims, resourcev1.ListClaimsRequestSchema, request, (page) => this.listClaims(page, signal), signal);
    for await (const page of pages) {
      yield* page.claims;
    }
  }

  /** Turn a hold into a claim for its whole window. */
  confirmClaim(request: MessageInitShape<typeof resourcev1.ConfirmClaimRequestSchema>, signal?: AbortSignal): Promise<resourcev1.Claim> {
    return this.caller.unary(methods.resourceConfirmClaim, resourcev1.ResourceService.method.confirmClaim, request, signal);
  }

  /** Change several claims, all or none: release, extend, shorten, move, swap. */
  changeClaims(request: MessageInitShape<typeof resourcev1.ChangeClaimsRequestSchema>, signal?: AbortSignal): Promise<resourcev1.ChangeClaimsResponse> {
    return this.caller.unary(methods.resourceChangeClaims, resourcev1.ResourceService.method.changeClaims, request, signal);
  }

  /** Say how much a project, with all that are under it, may have. */
  setQuota(request: MessageInitShape<typeof resourcev1.SetQuotaRequestSchema>, signal?: AbortSignal): Promise<resourcev1.Quota> {
    return this.caller.unary(methods.resourceSetQuota, resourcev1.ResourceService.method.setQuota, request, signal);
  }

  /** The quotas of all projects that have one of their own. */
  listQuotas(request: MessageInitShape<typeof resourcev1.ListQuotasRequestSchema>, signal?: AbortSignal): Promise<resourcev1.ListQuotasResponse> {
    return this.caller.unary(methods.resourceListQuotas, resourcev1.ResourceService.method.listQuotas, request, signal);
  }

  /** Give one after the other what listQuotas gives in pages. */
  async *allQuotas(
    request: MessageInitShape<typeof resourcev1.ListQuotasRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<resourcev1.Quota> {
    const pages = this.caller.pages(methods.resourceListQuotas, resourcev1.ListQuotasRequestSchema, request, (page) => this.listQuotas(page, signal), signal);
    for await (const page of pages) {
      yield* page.quotas;
    }
  }

  /** A project's quota, and those of the projects under it. */
  listProjectQuotas(request: MessageInitShape<typeof resourcev1.ListProjectQuotasRequestSchema>, signal?: AbortSignal): Promise<resourcev1.ListProjectQuotasResponse> {
    return this.caller.unary(methods.resourceListProjectQuotas, resourcev1.ResourceService.method.listProjectQuotas, request, signal);
  }

  /** Give one after the other what listProjectQuotas gives in pages. */
  async *allProjectQuotas(
    request: MessageInitShape<typeof resourcev1.ListProjectQuotasRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<resourcev1.Quota> {
    const pages = this.caller.pages(methods.resourceListProjectQuotas, resourcev1.ListProjectQuotasRequestSchema, request, (page) => this.listProjectQuotas(page, signal), signal);
    for await (const page of pages) {
      yield* page.quotas;
    }
  }

  /** Say how much a project under one's own may have; never more than those above it. */
  setChildQuota(request: MessageInitShape<typeof resourcev1.SetChildQuotaRequestSchema>, signal?: AbortSignal): Promise<resourcev1.Quota> {
    return this.caller.unary(methods.resourceSetChildQuota, resourcev1.ResourceService.method.setChildQuota, request, signal);
  }

  /** Take the quota of a project under one's own away; those of projects above it hold on. */
  deleteChildQuota(request: MessageInitShape<typeof resourcev1.DeleteChildQuotaRequestSchema>, signal?: AbortSignal): Promise<resourcev1.DeleteChildQuotaResponse> {
    return this.caller.unary(methods.resourceDeleteChildQuota, resourcev1.ResourceService.method.deleteChildQuota, request, signal);
  }

  /** How much a project may have, and has. */
  getQuota(request: MessageInitShape<typeof resourcev1.GetQuotaRequestSchema>, signal?: AbortSignal): Promise<resourcev1.Quota> {
    return this.caller.unary(methods.resourceGetQuota, resourcev1.ResourceService.method.getQuota, request, signal);
  }

  /** Take a project's own quota away; those of projects above it hold on. */
  deleteQuota(request: MessageInitShape<typeof resourcev1.DeleteQuotaRequestSchema>, signal?: AbortSignal): Promise<resourcev1.DeleteQuotaResponse> {
    return this.caller.unary(methods.resourceDeleteQuota, resourcev1.ResourceService.method.deleteQuota, request, signal);
  }

  /** End a claim that no machine uses. */
  releaseClaim(request: MessageInitShape<typeof resourcev1.ReleaseClaimRequestSchema>, signal?: AbortSignal): Promise<resourcev1.Claim> {
    return this.caller.unary(methods.resourceReleaseClaim, resourcev1.ResourceService.method.releaseClaim, request, signal);
  }

  /** Reserve one or more of the same, all or none. */
  createReservations(request: MessageInitShape<typeof resourcev1.CreateReservationsRequestSchema>, signal?: AbortSignal): Promise<resourcev1.CreateReservationsResponse> {
    return this.caller.unary(methods.resourceCreateReservations, resourcev1.ResourceService.method.createReservations, request, signal);
  }

  /** Show one reservation. */
  getReservation(request: MessageInitShape<typeof resourcev1.GetReservationRequestSchema>, signal?: AbortSignal): Promise<resourcev1.Reservation> {
    return this.caller.unary(methods.resourceGetReservation, resourcev1.ResourceService.method.getReservation, request, signal);
  }

  /**
   * Several reservations of a project at once, in the order of their ids in the request; refused
   * if one is not there.
   */
  batchGetReservations(request: MessageInitShape<typeof resourcev1.BatchGetReservationsRequestSchema>, signal?: AbortSignal): Promise<resourcev1.BatchGetReservationsResponse> {
    return this.caller.unary(methods.resourceBatchGetReservations, resourcev1.ResourceService.method.batchGetReservations, request, signal);
  }

  /** List a project's reservations, by id. */
  listReservations(request: MessageInitShape<typeof resourcev1.ListReservationsRequestSchema>, signal?: AbortSignal): Promise<resourcev1.ListReservationsResponse> {
    return this.caller.unary(methods.resourceListReservations, resourcev1.ResourceService.method.listReservations, request, signal);
  }

  /** Give one after the other what listReservations gives in pages. */
  async *allReservations(
    request: MessageInitShape<typeof resourcev1.ListReservationsRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<resourcev1.Reservation> {
    const pages = this.caller.pages(methods.resourceListReservations, resourcev1.ListReservationsRequestSchema, request, (page) => this.listReservations(page, signal), signal);
    for await (const page of pages) {
      yield* page.reservations;
    }
  }

  /** Extend, shorten or move a reservation, or change what becomes of it. What is kept is restored. */
  updateReservation(request: MessageInitShape<typeof resourcev1.UpdateReservationRequestSchema>, signal?: AbortSignal): Promise<resourcev1.Reservation> {
    return this.caller.unary(methods.resourceUpdateReservation, resourcev1.ResourceService.method.updateReservation, request, signal);
  }

  /** End a reservation before its time; its machine is decommissioned. */
  cancelReservation(request: MessageInitShape<typeof resourcev1.CancelReservationRequestSchema>, signal?: AbortSignal): Promise<resourcev1.Reservation> {
    return this.caller.unary(methods.resourceCancelReservation, resourcev1.ResourceService.method.cancelReservation, request, signal);
  }

  /** Reserve the same again and again, by a schedule that is seen and paused in Temporal. */
  createReservationSeries(request: MessageInitShape<typeof resourcev1.CreateReservationSeriesRequestSchema>, signal?: AbortSignal): Promise<resourcev1.ReservationSeries> {
    return this.caller.unary(methods.resourceCreateReservationSeries, resourcev1.ResourceService.method.createReservationSeries, request, signal);
  }

  /** Show one series, and whether its schedule is paused. */
  getReservationSeries(request: MessageInitShape<typeof resourcev1.GetReservationSeriesRequestSchema>, signal?: AbortSignal): Promise<resourcev1.ReservationSeries> {
    return this.caller.unary(methods.resourceGetReservationSeries, resourcev1.ResourceService.method.getReservationSeries, request, signal);
  }

  /**
   * Several series of a project at once, in the order of their ids in the request, as
   * ListReservationSeries shows them; refused if one is not there.
   */
  batchGetReservationSeries(request: MessageInitShape<typeof resourcev1.BatchGetReservationSeriesRequestSchema>, signal?: AbortSignal): Promise<resourcev1.BatchGetReservationSeriesResponse> {
    return this.caller.unary(methods.resourceBatchGetReservationSeries, resourcev1.ResourceService.method.batchGetReservationSeries, request, signal);
  }

  /** List a project's series that have not ended, by id. */
  listReservationSeries(request: MessageInitShape<typeof resourcev1.ListReservationSeriesRequestSchema>, signal?: AbortSignal): Promise<resourcev1.ListReservationSeriesResponse> {
    return this.caller.unary(methods.resourceListReservationSeries, resourcev1.ResourceService.method.listReservationSeries, request, signal);
  }

  /** Give one after the other what listReservationSeries gives in pages. */
  async *allReservationSeries(
    request: MessageInitShape<typeof resourcev1.ListReservationSeriesRequestSchema>,
    signal?: AbortSignal,
  ): AsyncIterable<resourcev1.ReservationSeries> {
    const pages = this.caller.pages(methods.resourceListReservationSeries, resourcev1.ListReservationSeriesRequestSchema, request, (page) => this.listReservationSeries(page, signal), signal);
    for await (const page of pages) {
      yield* page.series;
    }
  }

  /** End a series; what it has reserved already stays reserved. */
  endReservationSeries(request: MessageInitShape<typeof resourcev1.EndReservationSeriesRequestSchema>, signal?: AbortSignal): Promise<resourcev1.ReservationSeries> {
    return this.caller.unary(methods.resourceEndReservationSeries, resourcev1.ResourceService.method.endReservationSeries, request, signal);
  }

  /** Configure this service. Every instance follows within a second. */
  resourceConfigure(request: MessageInitShape<typeof resourcev1.ResourceConfigureRequestSchema>, signal?: AbortSignal): Promise<commonv1.Configuration> {
    return this.caller.unary(methods.resourceResourceConfigure, resourcev1.ResourceService.method.resourceConfigure, request, signal);
  }

  /** How this service is configured. */
  getResourceConfiguration(request: MessageInitShape<typeof resourcev1.GetResourceConfigurationRequestSchema>, signal?: AbortSignal): Promise<commonv1.Configuration> {
    return this.caller.unary(methods.resourceGetResourceConfiguration, resourcev1.ResourceService.method.getResourceConfiguration, request, signal);
  }

  /**
   * Changes in the site from a revision on, in order, none missed; the same as
   * ControlService.Watch.
   */
  watch(request: MessageInitShape<typeof commonv1.WatchRequestSchema>, signal?: AbortSignal): AsyncIterable<commonv1.Event> {
    return this.caller.watch(methods.resourceWatch, resourcev1.ResourceService.method.watch, request, signal);
  }
}
