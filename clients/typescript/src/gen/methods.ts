// Generated from proto/ by `make generate`; change the protos instead.

import type { Method, ObjectType } from "../methods.js";

/** The types of object that have an id. */
export const objects: Record<string, ObjectType> = {
  "server": { naming: "region", foundAs: ["server"] },
  "host": { naming: "region", foundAs: ["host"] },
  "image": { naming: "region", foundAs: ["image"] },
  "machine": { naming: "project", foundAs: ["machine"] },
  "operation": { naming: "none", foundAs: ["operation"] },
  "session": { naming: "none", foundAs: ["session"] },
  "project": { naming: "installation", foundAs: ["project"] },
  "account": { naming: "installation", foundAs: ["account"] },
  "region": { naming: "installation", foundAs: ["region"] },
  "site": { naming: "none", foundAs: ["site"] },
  "service": { naming: "none", foundAs: ["service"] },
  "metadef": { naming: "none", foundAs: ["metadef"] },
  "provider": { naming: "region", foundAs: ["provider", "server", "host"] },
  "group": { naming: "region", foundAs: ["group"] },
  "network": { naming: "region", foundAs: ["network"] },
  "claim": { naming: "project", foundAs: ["claim"] },
  "reservation": { naming: "none", foundAs: ["reservation"] },
  "series": { naming: "none", foundAs: ["series"] },
};

export const controlListRegionKeys: Method = {
  path: "/mulligan.control.v1.ControlService/ListRegionKeys",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
  ],
  references: [
    { path: ["region"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const controlCreateServer: Method = {
  path: "/mulligan.control.v1.ControlService/CreateServer",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
  ],
  references: [
    { path: ["region"], types: ["region"] },
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const controlGetServer: Method = {
  path: "/mulligan.control.v1.ControlService/GetServer",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["id"], types: ["server"] },
  ],
  since: "",
  newer: [],
};

export const controlBatchGetServers: Method = {
  path: "/mulligan.control.v1.ControlService/BatchGetServers",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["ids"] },
  ],
  references: [
    { path: ["ids"], types: ["server"] },
  ],
  since: "",
  newer: [],
};

export const controlListServers: Method = {
  path: "/mulligan.control.v1.ControlService/ListServers",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
  ],
  references: [
    { path: ["region"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const controlListProjectServers: Method = {
  path: "/mulligan.control.v1.ControlService/ListProjectServers",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const controlUpdateServer: Method = {
  path: "/mulligan.control.v1.ControlService/UpdateServer",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["id"], types: ["server"] },
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const controlVerifyServer: Method = {
  path: "/mulligan.control.v1.ControlService/VerifyServer",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["id"], types: ["server"] },
  ],
  since: "",
  newer: [],
};

export const controlInspectServer: Method = {
  path: "/mulligan.control.v1.ControlService/InspectServer",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["id"], types: ["server"] },
  ],
  since: "",
  newer: [],
};

export const controlDeleteServer: Method = {
  path: "/mulligan.control.v1.ControlService/DeleteServer",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["id"], types: ["server"] },
  ],
  since: "",
  newer: [],
};

export const controlCreateHost: Method = {
  path: "/mulligan.control.v1.ControlService/CreateHost",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
  ],
  references: [
    { path: ["region"], types: ["region"] },
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const controlGetHost: Method = {
  path: "/mulligan.control.v1.ControlService/GetHost",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["id"], types: ["host"] },
  ],
  since: "",
  newer: [],
};

export const controlBatchGetHosts: Method = {
  path: "/mulligan.control.v1.ControlService/BatchGetHosts",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["ids"] },
  ],
  references: [
    { path: ["ids"], types: ["host"] },
  ],
  since: "",
  newer: [],
};

export const controlListHosts: Method = {
  path: "/mulligan.control.v1.ControlService/ListHosts",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
  ],
  references: [
    { path: ["region"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const controlListProjectHosts: Method = {
  path: "/mulligan.control.v1.ControlService/ListProjectHosts",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const controlUpdateHost: Method = {
  path: "/mulligan.control.v1.ControlService/UpdateHost",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["id"], types: ["host"] },
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const controlVerifyHost: Method = {
  path: "/mulligan.control.v1.ControlService/VerifyHost",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["id"], types: ["host"] },
  ],
  since: "",
  newer: [],
};

export const controlInspectHost: Method = {
  path: "/mulligan.control.v1.ControlService/InspectHost",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["id"], types: ["host"] },
  ],
  since: "",
  newer: [],
};

export const controlDeleteHost: Method = {
  path: "/mulligan.control.v1.ControlService/DeleteHost",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["id"], types: ["host"] },
  ],
  since: "",
  newer: [],
};

export const controlSetMark: Method = {
  path: "/mulligan.control.v1.ControlService/SetMark",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["objectId"] },
  ],
  references: [],
  since: "",
  newer: [],
};

export const controlClearMark: Method = {
  path: "/mulligan.control.v1.ControlService/ClearMark",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["objectId"] },
  ],
  references: [],
  since: "",
  newer: [],
};

export const controlCreateImage: Method = {
  path: "/mulligan.control.v1.ControlService/CreateImage",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
  ],
  references: [
    { path: ["region"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const controlGetImage: Method = {
  path: "/mulligan.control.v1.ControlService/GetImage",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["id"], types: ["image"] },
  ],
  since: "",
  newer: [],
};

export const controlBatchGetImages: Method = {
  path: "/mulligan.control.v1.ControlService/BatchGetImages",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["ids"] },
  ],
  references: [
    { path: ["ids"], types: ["image"] },
  ],
  since: "",
  newer: [],
};

export const controlListImages: Method = {
  path: "/mulligan.control.v1.ControlService/ListImages",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
  ],
  references: [
    { path: ["region"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const controlUpdateImage: Method = {
  path: "/mulligan.control.v1.ControlService/UpdateImage",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["id"], types: ["image"] },
  ],
  since: "",
  newer: [],
};

export const controlDeleteImage: Method = {
  path: "/mulligan.control.v1.ControlService/DeleteImage",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["id"], types: ["image"] },
  ],
  since: "",
  newer: [],
};

export const controlProvisionMachine: Method = {
  path: "/mulligan.control.v1.ControlService/ProvisionMachine",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
    { path: ["region"], types: ["region"] },
    { path: ["spec", "image"], types: ["image"] },
    { path: ["spec", "nics", "network"], types: ["network"] },
    { path: ["spec", "provider"], types: ["provider"] },
    { path: ["spec", "domains", "origin"], types: ["machine", "claim", "provider", "region"] },
  ],
  since: "",
  newer: [],
};

export const controlDecommissionMachine: Method = {
  path: "/mulligan.control.v1.ControlService/DecommissionMachine",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
    { path: ["id"], types: ["machine"] },
  ],
  since: "",
  newer: [],
};

export const controlGetMachine: Method = {
  path: "/mulligan.control.v1.ControlService/GetMachine",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["id"], types: ["machine"] },
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const controlBatchGetMachines: Method = {
  path: "/mulligan.control.v1.ControlService/BatchGetMachines",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["ids"] },
  ],
  references: [
    { path: ["ids"], types: ["machine"] },
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const controlUpdateMachine: Method = {
  path: "/mulligan.control.v1.ControlService/UpdateMachine",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
    { path: ["id"], types: ["machine"] },
  ],
  since: "",
  newer: [],
};

export const controlListMachines: Method = {
  path: "/mulligan.control.v1.ControlService/ListMachines",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const controlGetOperation: Method = {
  path: "/mulligan.control.v1.ControlService/GetOperation",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [],
  since: "",
  newer: [],
};

export const controlBatchGetOperations: Method = {
  path: "/mulligan.control.v1.ControlService/BatchGetOperations",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["ids"] },
  ],
  references: [],
  since: "",
  newer: [],
};

export const controlListOperations: Method = {
  path: "/mulligan.control.v1.ControlService/ListOperations",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["objectId"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
  merge: "newest_first",
};

export const controlGetOperationLog: Method = {
  path: "/mulligan.control.v1.ControlService/GetOperationLog",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [],
  since: "",
  newer: [],
};

export const controlAbortOperation: Method = {
  path: "/mulligan.control.v1.ControlService/AbortOperation",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [],
  since: "",
  newer: [],
};

export const controlRetryOperation: Method = {
  path: "/mulligan.control.v1.ControlService/RetryOperation",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [],
  since: "",
  newer: [],
};

export const controlForceRelease: Method = {
  path: "/mulligan.control.v1.ControlService/ForceRelease",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["objectId"] },
  ],
  references: [],
  since: "",
  newer: [],
};

export const controlFreeze: Method = {
  path: "/mulligan.control.v1.ControlService/Freeze",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
  ],
  references: [
    { path: ["region"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const controlThaw: Method = {
  path: "/mulligan.control.v1.ControlService/Thaw",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
  ],
  references: [
    { path: ["region"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const controlListFreezes: Method = {
  path: "/mulligan.control.v1.ControlService/ListFreezes",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const controlReconcile: Method = {
  path: "/mulligan.control.v1.ControlService/Reconcile",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
  ],
  references: [
    { path: ["region"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const controlListDifferences: Method = {
  path: "/mulligan.control.v1.ControlService/ListDifferences",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
  ],
  references: [
    { path: ["region"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const controlRotateRegionKey: Method = {
  path: "/mulligan.control.v1.ControlService/RotateRegionKey",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
  ],
  references: [
    { path: ["region"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const controlListAuditEvents: Method = {
  path: "/mulligan.control.v1.ControlService/ListAuditEvents",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
    { isRegion: false, path: ["objectId"] },
  ],
  references: [
    { path: ["account"], types: ["account"] },
    { path: ["project"], types: ["project"] },
    { path: ["region"], types: ["region"] },
  ],
  since: "",
  newer: [],
  merge: "latest_first",
};

export const controlControlConfigure: Method = {
  path: "/mulligan.control.v1.ControlService/ControlConfigure",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const controlGetControlConfiguration: Method = {
  path: "/mulligan.control.v1.ControlService/GetControlConfiguration",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const controlExecutorConfigure: Method = {
  path: "/mulligan.control.v1.ControlService/ExecutorConfigure",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
  ],
  references: [
    { path: ["region"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const controlGetExecutorConfiguration: Method = {
  path: "/mulligan.control.v1.ControlService/GetExecutorConfiguration",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
  ],
  references: [
    { path: ["region"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const controlWatch: Method = {
  path: "/mulligan.control.v1.ControlService/Watch",
  retry: "stream",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["objectId"] },
    { isRegion: false, path: ["operation"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const iamBootstrap: Method = {
  path: "/mulligan.iam.v1.IamService/Bootstrap",
  retry: "never",
  anonymous: true,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const iamLogin: Method = {
  path: "/mulligan.iam.v1.IamService/Login",
  retry: "read",
  anonymous: true,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const iamRefreshToken: Method = {
  path: "/mulligan.iam.v1.IamService/RefreshToken",
  retry: "request_id",
  anonymous: true,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const iamSignOut: Method = {
  path: "/mulligan.iam.v1.IamService/SignOut",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const iamListSessions: Method = {
  path: "/mulligan.iam.v1.IamService/ListSessions",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [
    { path: ["account"], types: ["account"] },
  ],
  since: "",
  newer: [],
};

export const iamRevokeSession: Method = {
  path: "/mulligan.iam.v1.IamService/RevokeSession",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const iamListTokenKeys: Method = {
  path: "/mulligan.iam.v1.IamService/ListTokenKeys",
  retry: "read",
  anonymous: true,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const iamRotateTokenKeys: Method = {
  path: "/mulligan.iam.v1.IamService/RotateTokenKeys",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const iamCreateProject: Method = {
  path: "/mulligan.iam.v1.IamService/CreateProject",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [
    { path: ["parent"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const iamGetProject: Method = {
  path: "/mulligan.iam.v1.IamService/GetProject",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [
    { path: ["id"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const iamBatchGetProjects: Method = {
  path: "/mulligan.iam.v1.IamService/BatchGetProjects",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [
    { path: ["ids"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const iamListProjects: Method = {
  path: "/mulligan.iam.v1.IamService/ListProjects",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [
    { path: ["parent"], types: ["project"] },
    { path: ["below"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const iamUpdateProject: Method = {
  path: "/mulligan.iam.v1.IamService/UpdateProject",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [
    { path: ["id"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const iamDeleteProject: Method = {
  path: "/mulligan.iam.v1.IamService/DeleteProject",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [
    { path: ["id"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const iamCreateAccount: Method = {
  path: "/mulligan.iam.v1.IamService/CreateAccount",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const iamGetAccount: Method = {
  path: "/mulligan.iam.v1.IamService/GetAccount",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [
    { path: ["id"], types: ["account"] },
  ],
  since: "",
  newer: [],
};

export const iamBatchGetAccounts: Method = {
  path: "/mulligan.iam.v1.IamService/BatchGetAccounts",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [
    { path: ["ids"], types: ["account"] },
  ],
  since: "",
  newer: [],
};

export const iamListAccounts: Method = {
  path: "/mulligan.iam.v1.IamService/ListAccounts",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const iamUpdateAccount: Method = {
  path: "/mulligan.iam.v1.IamService/UpdateAccount",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [
    { path: ["id"], types: ["account"] },
  ],
  since: "",
  newer: [],
};

export const iamDeleteAccount: Method = {
  path: "/mulligan.iam.v1.IamService/DeleteAccount",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [
    { path: ["id"], types: ["account"] },
  ],
  since: "",
  newer: [],
};

export const iamChangePassword: Method = {
  path: "/mulligan.iam.v1.IamService/ChangePassword",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const iamCreateApplicationCredential: Method = {
  path: "/mulligan.iam.v1.IamService/CreateApplicationCredential",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [
    { path: ["roles", "project"], types: ["project"] },
    { path: ["roles", "region"], types: ["region"] },
    { path: ["region"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const iamGetApplicationCredential: Method = {
  path: "/mulligan.iam.v1.IamService/GetApplicationCredential",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [
    { path: ["id"], types: ["account"] },
  ],
  since: "",
  newer: [],
};

export const iamBatchGetApplicationCredentials: Method = {
  path: "/mulligan.iam.v1.IamService/BatchGetApplicationCredentials",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [
    { path: ["ids"], types: ["account"] },
  ],
  since: "",
  newer: [],
};

export const iamListApplicationCredentials: Method = {
  path: "/mulligan.iam.v1.IamService/ListApplicationCredentials",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [
    { path: ["creator"], types: ["account"] },
  ],
  since: "",
  newer: [],
};

export const iamUpdateApplicationCredential: Method = {
  path: "/mulligan.iam.v1.IamService/UpdateApplicationCredential",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [
    { path: ["id"], types: ["account"] },
    { path: ["roles", "project"], types: ["project"] },
    { path: ["roles", "region"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const iamDeleteApplicationCredential: Method = {
  path: "/mulligan.iam.v1.IamService/DeleteApplicationCredential",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [
    { path: ["id"], types: ["account"] },
  ],
  since: "",
  newer: [],
};

export const iamAssignRole: Method = {
  path: "/mulligan.iam.v1.IamService/AssignRole",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [
    { path: ["account"], types: ["account"] },
    { path: ["project"], types: ["project"] },
    { path: ["region"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const iamRevokeRole: Method = {
  path: "/mulligan.iam.v1.IamService/RevokeRole",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [
    { path: ["account"], types: ["account"] },
    { path: ["project"], types: ["project"] },
    { path: ["region"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const iamListAssignments: Method = {
  path: "/mulligan.iam.v1.IamService/ListAssignments",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [
    { path: ["account"], types: ["account"] },
    { path: ["project"], types: ["project"] },
    { path: ["region"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const iamCreateRegion: Method = {
  path: "/mulligan.iam.v1.IamService/CreateRegion",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [
    { path: ["parent"], types: ["region"] },
    { path: ["spec", "visibleTo"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const iamGetRegion: Method = {
  path: "/mulligan.iam.v1.IamService/GetRegion",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [
    { path: ["id"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const iamBatchGetRegions: Method = {
  path: "/mulligan.iam.v1.IamService/BatchGetRegions",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [
    { path: ["ids"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const iamListRegions: Method = {
  path: "/mulligan.iam.v1.IamService/ListRegions",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [
    { path: ["parent"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const iamUpdateRegion: Method = {
  path: "/mulligan.iam.v1.IamService/UpdateRegion",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [
    { path: ["id"], types: ["region"] },
    { path: ["spec", "visibleTo"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const iamDeleteRegion: Method = {
  path: "/mulligan.iam.v1.IamService/DeleteRegion",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [
    { path: ["id"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const iamRegisterService: Method = {
  path: "/mulligan.iam.v1.IamService/RegisterService",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [
    { path: ["regions"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const iamRenewService: Method = {
  path: "/mulligan.iam.v1.IamService/RenewService",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const iamWithdrawService: Method = {
  path: "/mulligan.iam.v1.IamService/WithdrawService",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const iamListServices: Method = {
  path: "/mulligan.iam.v1.IamService/ListServices",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const iamDeleteSite: Method = {
  path: "/mulligan.iam.v1.IamService/DeleteSite",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const iamListAuditEvents: Method = {
  path: "/mulligan.iam.v1.IamService/ListAuditEvents",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [
    { path: ["account"], types: ["account"] },
    { path: ["project"], types: ["project"] },
    { path: ["region"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const iamIamConfigure: Method = {
  path: "/mulligan.iam.v1.IamService/IamConfigure",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const iamGetIamConfiguration: Method = {
  path: "/mulligan.iam.v1.IamService/GetIamConfiguration",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const iamWatch: Method = {
  path: "/mulligan.iam.v1.IamService/Watch",
  retry: "stream",
  anonymous: false,
  leads: [],
  references: [
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const metaResolveNames: Method = {
  path: "/mulligan.meta.v1.MetaService/ResolveNames",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
    { path: ["region"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const metaDescribeObjects: Method = {
  path: "/mulligan.meta.v1.MetaService/DescribeObjects",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["ids"] },
  ],
  references: [],
  since: "",
  newer: [],
};

export const metaUpdateTags: Method = {
  path: "/mulligan.meta.v1.MetaService/UpdateTags",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["objectIds"] },
  ],
  references: [
    { path: ["taggedBy"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const metaListTags: Method = {
  path: "/mulligan.meta.v1.MetaService/ListTags",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["objectIds"] },
  ],
  references: [
    { path: ["taggedBy"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const metaListObjectsByTag: Method = {
  path: "/mulligan.meta.v1.MetaService/ListObjectsByTag",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
    { path: ["region"], types: ["region"] },
    { path: ["taggedBy"], types: ["project"] },
  ],
  since: "",
  newer: [],
  merge: "objects",
};

export const metaCreateMetadef: Method = {
  path: "/mulligan.meta.v1.MetaService/CreateMetadef",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const metaGetMetadef: Method = {
  path: "/mulligan.meta.v1.MetaService/GetMetadef",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [],
  since: "",
  newer: [],
};

export const metaBatchGetMetadefs: Method = {
  path: "/mulligan.meta.v1.MetaService/BatchGetMetadefs",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["ids"] },
  ],
  references: [],
  since: "",
  newer: [],
};

export const metaListMetadefs: Method = {
  path: "/mulligan.meta.v1.MetaService/ListMetadefs",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const metaUpdateMetadef: Method = {
  path: "/mulligan.meta.v1.MetaService/UpdateMetadef",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [],
  since: "",
  newer: [],
};

export const metaDeleteMetadef: Method = {
  path: "/mulligan.meta.v1.MetaService/DeleteMetadef",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [],
  since: "",
  newer: [],
};

export const metaSetAttributes: Method = {
  path: "/mulligan.meta.v1.MetaService/SetAttributes",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["attributes", "objectId"] },
  ],
  references: [],
  since: "",
  newer: [],
};

export const metaListAttributes: Method = {
  path: "/mulligan.meta.v1.MetaService/ListAttributes",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["objectIds"] },
  ],
  references: [],
  since: "",
  newer: [],
};

export const metaListObjectsByAttribute: Method = {
  path: "/mulligan.meta.v1.MetaService/ListObjectsByAttribute",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
    { path: ["region"], types: ["region"] },
  ],
  since: "",
  newer: [],
  merge: "objects",
};

export const metaMetaConfigure: Method = {
  path: "/mulligan.meta.v1.MetaService/MetaConfigure",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const metaGetMetaConfiguration: Method = {
  path: "/mulligan.meta.v1.MetaService/GetMetaConfiguration",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const metaWatch: Method = {
  path: "/mulligan.meta.v1.MetaService/Watch",
  retry: "stream",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["objectId"] },
    { isRegion: false, path: ["operation"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const resourceCreateProviderType: Method = {
  path: "/mulligan.resource.v1.ResourceService/CreateProviderType",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const resourceUpdateProviderType: Method = {
  path: "/mulligan.resource.v1.ResourceService/UpdateProviderType",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const resourceListProviderTypes: Method = {
  path: "/mulligan.resource.v1.ResourceService/ListProviderTypes",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const resourceDeleteProviderType: Method = {
  path: "/mulligan.resource.v1.ResourceService/DeleteProviderType",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const resourceCreateResourceType: Method = {
  path: "/mulligan.resource.v1.ResourceService/CreateResourceType",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const resourceListResourceTypes: Method = {
  path: "/mulligan.resource.v1.ResourceService/ListResourceTypes",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const resourceDeleteResourceType: Method = {
  path: "/mulligan.resource.v1.ResourceService/DeleteResourceType",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const resourceCreateCapability: Method = {
  path: "/mulligan.resource.v1.ResourceService/CreateCapability",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const resourceListCapabilities: Method = {
  path: "/mulligan.resource.v1.ResourceService/ListCapabilities",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const resourceDeleteCapability: Method = {
  path: "/mulligan.resource.v1.ResourceService/DeleteCapability",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const resourceCreateProviders: Method = {
  path: "/mulligan.resource.v1.ResourceService/CreateProviders",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
  ],
  references: [
    { path: ["region"], types: ["region"] },
    { path: ["providers", "project"], types: ["project"] },
    { path: ["providers", "parent"], types: ["provider"] },
  ],
  since: "",
  newer: [],
};

export const resourceUpdateProviders: Method = {
  path: "/mulligan.resource.v1.ResourceService/UpdateProviders",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["changes", "id"] },
  ],
  references: [
    { path: ["changes", "id"], types: ["provider"] },
    { path: ["changes", "under"], types: ["provider"] },
    { path: ["changes", "project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const resourceDeleteProviders: Method = {
  path: "/mulligan.resource.v1.ResourceService/DeleteProviders",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["ids"] },
  ],
  references: [
    { path: ["ids"], types: ["provider"] },
  ],
  since: "",
  newer: [],
};

export const resourceReshapeProviders: Method = {
  path: "/mulligan.resource.v1.ResourceService/ReshapeProviders",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["changes", "id"] },
  ],
  references: [
    { path: ["changes", "id"], types: ["provider"] },
    { path: ["changes", "under"], types: ["provider"] },
    { path: ["changes", "project"], types: ["project"] },
    { path: ["moves", "fromProvider"], types: ["provider"] },
    { path: ["moves", "toProvider"], types: ["provider"] },
    { path: ["moves", "claims"], types: ["claim"] },
  ],
  since: "",
  newer: [],
};

export const resourceCreateGroup: Method = {
  path: "/mulligan.resource.v1.ResourceService/CreateGroup",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
  ],
  references: [
    { path: ["region"], types: ["region"] },
    { path: ["members"], types: ["provider"] },
    { path: ["sharing"], types: ["provider"] },
  ],
  since: "",
  newer: [],
};

export const resourceUpdateGroup: Method = {
  path: "/mulligan.resource.v1.ResourceService/UpdateGroup",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["id"], types: ["group"] },
    { path: ["members", "add"], types: ["provider"] },
    { path: ["members", "remove"], types: ["provider"] },
    { path: ["members", "replace", "providers"], types: ["provider"] },
    { path: ["sharing", "add"], types: ["provider"] },
    { path: ["sharing", "remove"], types: ["provider"] },
    { path: ["sharing", "replace", "providers"], types: ["provider"] },
  ],
  since: "",
  newer: [],
};

export const resourceGetGroup: Method = {
  path: "/mulligan.resource.v1.ResourceService/GetGroup",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["id"], types: ["group"] },
  ],
  since: "",
  newer: [],
};

export const resourceBatchGetGroups: Method = {
  path: "/mulligan.resource.v1.ResourceService/BatchGetGroups",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["ids"] },
  ],
  references: [
    { path: ["ids"], types: ["group"] },
  ],
  since: "",
  newer: [],
};

export const resourceListGroups: Method = {
  path: "/mulligan.resource.v1.ResourceService/ListGroups",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
    { isRegion: false, path: ["provider"] },
  ],
  references: [
    { path: ["region"], types: ["region"] },
    { path: ["provider"], types: ["provider"] },
  ],
  since: "",
  newer: [],
};

export const resourceDeleteGroup: Method = {
  path: "/mulligan.resource.v1.ResourceService/DeleteGroup",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["id"], types: ["group"] },
  ],
  since: "",
  newer: [],
};

export const resourceCreateDistanceType: Method = {
  path: "/mulligan.resource.v1.ResourceService/CreateDistanceType",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const resourceListDistanceTypes: Method = {
  path: "/mulligan.resource.v1.ResourceService/ListDistanceTypes",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const resourceDeleteDistanceType: Method = {
  path: "/mulligan.resource.v1.ResourceService/DeleteDistanceType",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const resourceSetDistances: Method = {
  path: "/mulligan.resource.v1.ResourceService/SetDistances",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["replaceAllOf"] },
    { isRegion: false, path: ["set", "a"] },
  ],
  references: [
    { path: ["set", "a"], types: ["provider", "group"] },
    { path: ["set", "b"], types: ["provider", "group"] },
    { path: ["remove", "a"], types: ["provider", "group"] },
    { path: ["remove", "b"], types: ["provider", "group"] },
    { path: ["replaceAllOf"], types: ["provider", "group"] },
  ],
  since: "",
  newer: [],
};

export const resourceListDistances: Method = {
  path: "/mulligan.resource.v1.ResourceService/ListDistances",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["objectId"] },
  ],
  references: [
    { path: ["objectId"], types: ["provider", "group"] },
  ],
  since: "",
  newer: [],
};

export const resourceMarkProviders: Method = {
  path: "/mulligan.resource.v1.ResourceService/MarkProviders",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["ids"] },
  ],
  references: [
    { path: ["ids"], types: ["provider"] },
  ],
  since: "",
  newer: [],
};

export const resourceUnmarkProviders: Method = {
  path: "/mulligan.resource.v1.ResourceService/UnmarkProviders",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["ids"] },
  ],
  references: [
    { path: ["ids"], types: ["provider"] },
  ],
  since: "",
  newer: [],
};

export const resourceGetProvider: Method = {
  path: "/mulligan.resource.v1.ResourceService/GetProvider",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["id"], types: ["provider"] },
  ],
  since: "",
  newer: [],
};

export const resourceBatchGetProviders: Method = {
  path: "/mulligan.resource.v1.ResourceService/BatchGetProviders",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["ids"] },
  ],
  references: [
    { path: ["ids"], types: ["provider"] },
  ],
  since: "",
  newer: [],
};

export const resourceListProviders: Method = {
  path: "/mulligan.resource.v1.ResourceService/ListProviders",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
    { isRegion: false, path: ["tree"] },
    { isRegion: false, path: ["parent"] },
    { isRegion: false, path: ["group"] },
  ],
  references: [
    { path: ["region"], types: ["region"] },
    { path: ["tree"], types: ["provider"] },
    { path: ["parent"], types: ["provider"] },
    { path: ["group"], types: ["group"] },
  ],
  since: "",
  newer: [],
};

export const resourceCreateNetwork: Method = {
  path: "/mulligan.resource.v1.ResourceService/CreateNetwork",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
  ],
  references: [
    { path: ["region"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const resourceGetNetwork: Method = {
  path: "/mulligan.resource.v1.ResourceService/GetNetwork",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["id"], types: ["network"] },
  ],
  since: "",
  newer: [],
};

export const resourceBatchGetNetworks: Method = {
  path: "/mulligan.resource.v1.ResourceService/BatchGetNetworks",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["ids"] },
  ],
  references: [
    { path: ["ids"], types: ["network"] },
  ],
  since: "",
  newer: [],
};

export const resourceListNetworks: Method = {
  path: "/mulligan.resource.v1.ResourceService/ListNetworks",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
  ],
  references: [
    { path: ["region"], types: ["region"] },
  ],
  since: "",
  newer: [],
};

export const resourceUpdateNetwork: Method = {
  path: "/mulligan.resource.v1.ResourceService/UpdateNetwork",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["id"], types: ["network"] },
  ],
  since: "",
  newer: [],
};

export const resourceDeleteNetwork: Method = {
  path: "/mulligan.resource.v1.ResourceService/DeleteNetwork",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["id"], types: ["network"] },
  ],
  since: "",
  newer: [],
};

export const resourceProposeCandidates: Method = {
  path: "/mulligan.resource.v1.ResourceService/ProposeCandidates",
  retry: "stream",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["spec", "region"] },
    { isRegion: false, path: ["spec", "provider"] },
    { isRegion: false, path: ["spec", "groups", "provider"] },
    { isRegion: false, path: ["spec", "near", "origin"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
    { path: ["spec", "provider"], types: ["provider"] },
    { path: ["spec", "region"], types: ["region"] },
    { path: ["spec", "groups", "groups", "require"], types: ["group"] },
    { path: ["spec", "groups", "groups", "forbid"], types: ["group"] },
    { path: ["spec", "groups", "groups", "any", "names"], types: ["group"] },
    { path: ["spec", "groups", "distances", "origin"], types: ["provider", "group"] },
    { path: ["spec", "groups", "provider"], types: ["provider"] },
    { path: ["spec", "near", "origin"], types: ["provider", "group"] },
    { path: ["spec", "domains", "origin"], types: ["machine", "claim", "provider", "region"] },
  ],
  since: "",
  newer: [],
};

export const resourceFindOpenings: Method = {
  path: "/mulligan.resource.v1.ResourceService/FindOpenings",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["spec", "region"] },
    { isRegion: false, path: ["spec", "provider"] },
    { isRegion: false, path: ["spec", "groups", "provider"] },
    { isRegion: false, path: ["spec", "near", "origin"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
    { path: ["spec", "provider"], types: ["provider"] },
    { path: ["spec", "region"], types: ["region"] },
    { path: ["spec", "groups", "groups", "require"], types: ["group"] },
    { path: ["spec", "groups", "groups", "forbid"], types: ["group"] },
    { path: ["spec", "groups", "groups", "any", "names"], types: ["group"] },
    { path: ["spec", "groups", "distances", "origin"], types: ["provider", "group"] },
    { path: ["spec", "groups", "provider"], types: ["provider"] },
    { path: ["spec", "near", "origin"], types: ["provider", "group"] },
    { path: ["spec", "domains", "origin"], types: ["machine", "claim", "provider", "region"] },
  ],
  since: "",
  newer: [],
};

export const resourceListCalendar: Method = {
  path: "/mulligan.resource.v1.ResourceService/ListCalendar",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
  ],
  references: [
    { path: ["region"], types: ["region"] },
    { path: ["group"], types: ["group"] },
    { path: ["provider"], types: ["provider"] },
  ],
  since: "",
  newer: [],
};

export const resourceListProjectCalendar: Method = {
  path: "/mulligan.resource.v1.ResourceService/ListProjectCalendar",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
    { isRegion: false, path: ["group"] },
    { isRegion: false, path: ["provider"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
    { path: ["region"], types: ["region"] },
    { path: ["group"], types: ["group"] },
    { path: ["provider"], types: ["provider"] },
  ],
  since: "",
  newer: [],
};

export const resourceListUsage: Method = {
  path: "/mulligan.resource.v1.ResourceService/ListUsage",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
    { isRegion: false, path: ["group"] },
    { isRegion: false, path: ["provider"] },
  ],
  references: [
    { path: ["region"], types: ["region"] },
    { path: ["group"], types: ["group"] },
    { path: ["provider"], types: ["provider"] },
  ],
  since: "",
  newer: [],
};

export const resourceListProjectUsage: Method = {
  path: "/mulligan.resource.v1.ResourceService/ListProjectUsage",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
    { isRegion: false, path: ["group"] },
    { isRegion: false, path: ["provider"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
    { path: ["region"], types: ["region"] },
    { path: ["group"], types: ["group"] },
    { path: ["provider"], types: ["provider"] },
  ],
  since: "",
  newer: [],
};

export const resourceCreateClaim: Method = {
  path: "/mulligan.resource.v1.ResourceService/CreateClaim",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["spec", "region"] },
    { isRegion: false, path: ["spec", "provider"] },
    { isRegion: false, path: ["candidate", "tree"] },
    { isRegion: false, path: ["spec", "groups", "provider"] },
    { isRegion: false, path: ["spec", "near", "origin"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
    { path: ["spec", "provider"], types: ["provider"] },
    { path: ["spec", "region"], types: ["region"] },
    { path: ["spec", "groups", "groups", "require"], types: ["group"] },
    { path: ["spec", "groups", "groups", "forbid"], types: ["group"] },
    { path: ["spec", "groups", "groups", "any", "names"], types: ["group"] },
    { path: ["spec", "groups", "distances", "origin"], types: ["provider", "group"] },
    { path: ["spec", "groups", "provider"], types: ["provider"] },
    { path: ["spec", "near", "origin"], types: ["provider", "group"] },
    { path: ["spec", "domains", "origin"], types: ["machine", "claim", "provider", "region"] },
    { path: ["candidate", "parts", "provider"], types: ["provider"] },
    { path: ["candidate", "tree"], types: ["provider"] },
  ],
  since: "",
  newer: [],
};

export const resourceGetClaim: Method = {
  path: "/mulligan.resource.v1.ResourceService/GetClaim",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["id"], types: ["claim"] },
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const resourceBatchGetClaims: Method = {
  path: "/mulligan.resource.v1.ResourceService/BatchGetClaims",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["ids"] },
  ],
  references: [
    { path: ["ids"], types: ["claim"] },
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const resourceListClaims: Method = {
  path: "/mulligan.resource.v1.ResourceService/ListClaims",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const resourceConfirmClaim: Method = {
  path: "/mulligan.resource.v1.ResourceService/ConfirmClaim",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["id"], types: ["claim"] },
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const resourceChangeClaims: Method = {
  path: "/mulligan.resource.v1.ResourceService/ChangeClaims",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["changes", "id"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
    { path: ["changes", "id"], types: ["claim"] },
    { path: ["changes", "move", "spec", "provider"], types: ["provider"] },
    { path: ["changes", "move", "spec", "region"], types: ["region"] },
    { path: ["changes", "move", "spec", "groups", "groups", "require"], types: ["group"] },
    { path: ["changes", "move", "spec", "groups", "groups", "forbid"], types: ["group"] },
    { path: ["changes", "move", "spec", "groups", "groups", "any", "names"], types: ["group"] },
    { path: ["changes", "move", "spec", "groups", "distances", "origin"], types: ["provider", "group"] },
    { path: ["changes", "move", "spec", "groups", "provider"], types: ["provider"] },
    { path: ["changes", "move", "spec", "near", "origin"], types: ["provider", "group"] },
    { path: ["changes", "move", "spec", "domains", "origin"], types: ["machine", "claim", "provider", "region"] },
    { path: ["changes", "move", "candidate", "parts", "provider"], types: ["provider"] },
    { path: ["changes", "move", "candidate", "tree"], types: ["provider"] },
  ],
  since: "",
  newer: [],
};

export const resourceSetQuota: Method = {
  path: "/mulligan.resource.v1.ResourceService/SetQuota",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const resourceListQuotas: Method = {
  path: "/mulligan.resource.v1.ResourceService/ListQuotas",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const resourceListProjectQuotas: Method = {
  path: "/mulligan.resource.v1.ResourceService/ListProjectQuotas",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const resourceSetChildQuota: Method = {
  path: "/mulligan.resource.v1.ResourceService/SetChildQuota",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [
    { path: ["project"], types: ["project"] },
    { path: ["child"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const resourceDeleteChildQuota: Method = {
  path: "/mulligan.resource.v1.ResourceService/DeleteChildQuota",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [
    { path: ["project"], types: ["project"] },
    { path: ["child"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const resourceGetQuota: Method = {
  path: "/mulligan.resource.v1.ResourceService/GetQuota",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const resourceDeleteQuota: Method = {
  path: "/mulligan.resource.v1.ResourceService/DeleteQuota",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const resourceReleaseClaim: Method = {
  path: "/mulligan.resource.v1.ResourceService/ReleaseClaim",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["id"], types: ["claim"] },
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const resourceCreateReservations: Method = {
  path: "/mulligan.resource.v1.ResourceService/CreateReservations",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
    { path: ["region"], types: ["region"] },
    { path: ["spec", "machine", "image"], types: ["image"] },
    { path: ["spec", "machine", "nics", "network"], types: ["network"] },
    { path: ["spec", "machine", "provider"], types: ["provider"] },
    { path: ["spec", "machine", "domains", "origin"], types: ["machine", "claim", "provider", "region"] },
    { path: ["spec", "claim", "provider"], types: ["provider"] },
    { path: ["spec", "claim", "region"], types: ["region"] },
    { path: ["spec", "claim", "groups", "groups", "require"], types: ["group"] },
    { path: ["spec", "claim", "groups", "groups", "forbid"], types: ["group"] },
    { path: ["spec", "claim", "groups", "groups", "any", "names"], types: ["group"] },
    { path: ["spec", "claim", "groups", "distances", "origin"], types: ["provider", "group"] },
    { path: ["spec", "claim", "groups", "provider"], types: ["provider"] },
    { path: ["spec", "claim", "near", "origin"], types: ["provider", "group"] },
    { path: ["spec", "claim", "domains", "origin"], types: ["machine", "claim", "provider", "region"] },
  ],
  since: "",
  newer: [],
};

export const resourceGetReservation: Method = {
  path: "/mulligan.resource.v1.ResourceService/GetReservation",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const resourceBatchGetReservations: Method = {
  path: "/mulligan.resource.v1.ResourceService/BatchGetReservations",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["ids"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const resourceListReservations: Method = {
  path: "/mulligan.resource.v1.ResourceService/ListReservations",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["series"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const resourceUpdateReservation: Method = {
  path: "/mulligan.resource.v1.ResourceService/UpdateReservation",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const resourceCancelReservation: Method = {
  path: "/mulligan.resource.v1.ResourceService/CancelReservation",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const resourceCreateReservationSeries: Method = {
  path: "/mulligan.resource.v1.ResourceService/CreateReservationSeries",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: true, path: ["region"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
    { path: ["region"], types: ["region"] },
    { path: ["spec", "machine", "image"], types: ["image"] },
    { path: ["spec", "machine", "nics", "network"], types: ["network"] },
    { path: ["spec", "machine", "provider"], types: ["provider"] },
    { path: ["spec", "machine", "domains", "origin"], types: ["machine", "claim", "provider", "region"] },
    { path: ["spec", "claim", "provider"], types: ["provider"] },
    { path: ["spec", "claim", "region"], types: ["region"] },
    { path: ["spec", "claim", "groups", "groups", "require"], types: ["group"] },
    { path: ["spec", "claim", "groups", "groups", "forbid"], types: ["group"] },
    { path: ["spec", "claim", "groups", "groups", "any", "names"], types: ["group"] },
    { path: ["spec", "claim", "groups", "distances", "origin"], types: ["provider", "group"] },
    { path: ["spec", "claim", "groups", "provider"], types: ["provider"] },
    { path: ["spec", "claim", "near", "origin"], types: ["provider", "group"] },
    { path: ["spec", "claim", "domains", "origin"], types: ["machine", "claim", "provider", "region"] },
  ],
  since: "",
  newer: [],
};

export const resourceGetReservationSeries: Method = {
  path: "/mulligan.resource.v1.ResourceService/GetReservationSeries",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const resourceBatchGetReservationSeries: Method = {
  path: "/mulligan.resource.v1.ResourceService/BatchGetReservationSeries",
  retry: "read",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["ids"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const resourceListReservationSeries: Method = {
  path: "/mulligan.resource.v1.ResourceService/ListReservationSeries",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const resourceEndReservationSeries: Method = {
  path: "/mulligan.resource.v1.ResourceService/EndReservationSeries",
  retry: "request_id",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["id"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};

export const resourceResourceConfigure: Method = {
  path: "/mulligan.resource.v1.ResourceService/ResourceConfigure",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const resourceGetResourceConfiguration: Method = {
  path: "/mulligan.resource.v1.ResourceService/GetResourceConfiguration",
  retry: "read",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [],
};

export const resourceWatch: Method = {
  path: "/mulligan.resource.v1.ResourceService/Watch",
  retry: "stream",
  anonymous: false,
  leads: [
    { isRegion: false, path: ["objectId"] },
    { isRegion: false, path: ["operation"] },
  ],
  references: [
    { path: ["project"], types: ["project"] },
  ],
  since: "",
  newer: [],
};
