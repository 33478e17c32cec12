// Code generated from proto/ by `make generate`. DO NOT EDIT.

package mulligan

// The types of object that have an id.
var objects = map[string]ObjectType{
	"server":      {NamingRegion, []string{"server"}},
	"host":        {NamingRegion, []string{"host"}},
	"image":       {NamingRegion, []string{"image"}},
	"machine":     {NamingProject, []string{"machine"}},
	"operation":   {NamingNone, []string{"operation"}},
	"session":     {NamingNone, []string{"session"}},
	"project":     {NamingInstallation, []string{"project"}},
	"account":     {NamingInstallation, []string{"account"}},
	"region":      {NamingInstallation, []string{"region"}},
	"site":        {NamingNone, []string{"site"}},
	"service":     {NamingNone, []string{"service"}},
	"metadef":     {NamingNone, []string{"metadef"}},
	"provider":    {NamingRegion, []string{"provider", "server", "host"}},
	"group":       {NamingRegion, []string{"group"}},
	"network":     {NamingRegion, []string{"network"}},
	"claim":       {NamingProject, []string{"claim"}},
	"reservation": {NamingNone, []string{"reservation"}},
	"series":      {NamingNone, []string{"series"}},
}

var controlListRegionKeys = Method{
	Path:  "/mulligan.control.v1.ControlService/ListRegionKeys",
	Retry: RetryRead,
	Leads: []Lead{
		{true, Path{"region"}},
	},
	References: []Reference{
		{Path{"region"}, []string{"region"}},
	},
}

var controlCreateServer = Method{
	Path:  "/mulligan.control.v1.ControlService/CreateServer",
	Retry: RetryRequestID,
	Leads: []Lead{
		{true, Path{"region"}},
	},
	References: []Reference{
		{Path{"region"}, []string{"region"}},
		{Path{"project"}, []string{"project"}},
	},
}

var controlGetServer = Method{
	Path:  "/mulligan.control.v1.ControlService/GetServer",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"id"}, []string{"server"}},
	},
}

var controlBatchGetServers = Method{
	Path:  "/mulligan.control.v1.ControlService/BatchGetServers",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"ids"}},
	},
	References: []Reference{
		{Path{"ids"}, []string{"server"}},
	},
}

var controlListServers = Method{
	Path:  "/mulligan.control.v1.ControlService/ListServers",
	Retry: RetryRead,
	Leads: []Lead{
		{true, Path{"region"}},
	},
	References: []Reference{
		{Path{"region"}, []string{"region"}},
	},
}

var controlListProjectServers = Method{
	Path:  "/mulligan.control.v1.ControlService/ListProjectServers",
	Retry: RetryRead,
	References: []Reference{
		{Path{"project"}, []string{"project"}},
	},
}

var controlUpdateServer = Method{
	Path:  "/mulligan.control.v1.ControlService/UpdateServer",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"id"}, []string{"server"}},
		{Path{"project"}, []string{"project"}},
	},
}

var controlVerifyServer = Method{
	Path:  "/mulligan.control.v1.ControlService/VerifyServer",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"id"}, []string{"server"}},
	},
}

var controlInspectServer = Method{
	Path:  "/mulligan.control.v1.ControlService/InspectServer",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"id"}, []string{"server"}},
	},
}

var controlDeleteServer = Method{
	Path:  "/mulligan.control.v1.ControlService/DeleteServer",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"id"}, []string{"server"}},
	},
}

var controlCreateHost = Method{
	Path:  "/mulligan.control.v1.ControlService/CreateHost",
	Retry: RetryRequestID,
	Leads: []Lead{
		{true, Path{"region"}},
	},
	References: []Reference{
		{Path{"region"}, []string{"region"}},
		{Path{"project"}, []string{"project"}},
	},
}

var controlGetHost = Method{
	Path:  "/mulligan.control.v1.ControlService/GetHost",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"id"}, []string{"host"}},
	},
}

var controlBatchGetHosts = Method{
	Path:  "/mulligan.control.v1.ControlService/BatchGetHosts",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"ids"}},
	},
	References: []Reference{
		{Path{"ids"}, []string{"host"}},
	},
}

var controlListHosts = Method{
	Path:  "/mulligan.control.v1.ControlService/ListHosts",
	Retry: RetryRead,
	Leads: []Lead{
		{true, Path{"region"}},
	},
	References: []Reference{
		{Path{"region"}, []string{"region"}},
	},
}

var controlListProjectHosts = Method{
	Path:  "/mulligan.control.v1.ControlService/ListProjectHosts",
	Retry: RetryRead,
	References: []Reference{
		{Path{"project"}, []string{"project"}},
	},
}

var controlUpdateHost = Method{
	Path:  "/mulligan.control.v1.ControlService/UpdateHost",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"id"}, []string{"host"}},
		{Path{"project"}, []string{"project"}},
	},
}

var controlVerifyHost = Method{
	Path:  "/mulligan.control.v1.ControlService/VerifyHost",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"id"}, []string{"host"}},
	},
}

var controlInspectHost = Method{
	Path:  "/mulligan.control.v1.ControlService/InspectHost",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"id"}, []string{"host"}},
	},
}

var controlDeleteHost = Method{
	Path:  "/mulligan.control.v1.ControlService/DeleteHost",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"id"}, []string{"host"}},
	},
}

var controlSetMark = Method{
	Path:  "/mulligan.control.v1.ControlService/SetMark",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"object_id"}},
	},
}

var controlClearMark = Method{
	Path:  "/mulligan.control.v1.ControlService/ClearMark",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"object_id"}},
	},
}

var controlCreateImage = Method{
	Path:  "/mulligan.control.v1.ControlService/CreateImage",
	Retry: RetryRequestID,
	Leads: []Lead{
		{true, Path{"region"}},
	},
	References: []Reference{
		{Path{"region"}, []string{"region"}},
	},
}

var controlGetImage = Method{
	Path:  "/mulligan.control.v1.ControlService/GetImage",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"id"}, []string{"image"}},
	},
}

var controlBatchGetImages = Method{
	Path:  "/mulligan.control.v1.ControlService/BatchGetImages",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"ids"}},
	},
	References: []Reference{
		{Path{"ids"}, []string{"image"}},
	},
}

var controlListImages = Method{
	Path:  "/mulligan.control.v1.ControlService/ListImages",
	Retry: RetryRead,
	Leads: []Lead{
		{true, Path{"region"}},
	},
	References: []Reference{
		{Path{"region"}, []string{"region"}},
	},
}

var controlUpdateImage = Method{
	Path:  "/mulligan.control.v1.ControlService/UpdateImage",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"id"}, []string{"image"}},
	},
}

var controlDeleteImage = Method{
	Path:  "/mulligan.control.v1.ControlService/DeleteImage",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"id"}, []string{"image"}},
	},
}

var controlProvisionMachine = Method{
	Path:  "/mulligan.control.v1.ControlService/ProvisionMachine",
	Retry: RetryRequestID,
	Leads: []Lead{
		{true, Path{"region"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
		{Path{"region"}, []string{"region"}},
		{Path{"spec", "image"}, []string{"image"}},
		{Path{"spec", "nics", "network"}, []string{"network"}},
		{Path{"spec", "provider"}, []string{"provider"}},
		{Path{"spec", "domains", "origin"}, []string{"machine", "claim", "provider", "region"}},
	},
}

var controlDecommissionMachine = Method{
	Path:  "/mulligan.control.v1.ControlService/DecommissionMachine",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
		{Path{"id"}, []string{"machine"}},
	},
}

var controlGetMachine = Method{
	Path:  "/mulligan.control.v1.ControlService/GetMachine",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"id"}, []string{"machine"}},
		{Path{"project"}, []string{"project"}},
	},
}

var controlBatchGetMachines = Method{
	Path:  "/mulligan.control.v1.ControlService/BatchGetMachines",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"ids"}},
	},
	References: []Reference{
		{Path{"ids"}, []string{"machine"}},
		{Path{"project"}, []string{"project"}},
	},
}

var controlUpdateMachine = Method{
	Path:  "/mulligan.control.v1.ControlService/UpdateMachine",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
		{Path{"id"}, []string{"machine"}},
	},
}

var controlListMachines = Method{
	Path:  "/mulligan.control.v1.ControlService/ListMachines",
	Retry: RetryRead,
	References: []Reference{
		{Path{"project"}, []string{"project"}},
	},
}

var controlGetOperation = Method{
	Path:  "/mulligan.control.v1.ControlService/GetOperation",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"id"}},
	},
}

var controlBatchGetOperations = Method{
	Path:  "/mulligan.control.v1.ControlService/BatchGetOperations",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"ids"}},
	},
}

var controlListOperations = Method{
	Path:  "/mulligan.control.v1.ControlService/ListOperations",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"object_id"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
	},
	Merge: MergeNewestFirst,
}

var controlGetOperationLog = Method{
	Path:  "/mulligan.control.v1.ControlService/GetOperationLog",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"id"}},
	},
}

var controlAbortOperation = Method{
	Path:  "/mulligan.control.v1.ControlService/AbortOperation",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"id"}},
	},
}

var controlRetryOperation = Method{
	Path:  "/mulligan.control.v1.ControlService/RetryOperation",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"id"}},
	},
}

var controlForceRelease = Method{
	Path:  "/mulligan.control.v1.ControlService/ForceRelease",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"object_id"}},
	},
}

var controlFreeze = Method{
	Path:  "/mulligan.control.v1.ControlService/Freeze",
	Retry: RetryRequestID,
	Leads: []Lead{
		{true, Path{"region"}},
	},
	References: []Reference{
		{Path{"region"}, []string{"region"}},
	},
}

var controlThaw = Method{
	Path:  "/mulligan.control.v1.ControlService/Thaw",
	Retry: RetryRequestID,
	Leads: []Lead{
		{true, Path{"region"}},
	},
	References: []Reference{
		{Path{"region"}, []string{"region"}},
	},
}

var controlListFreezes = Method{
	Path:  "/mulligan.control.v1.ControlService/ListFreezes",
	Retry: RetryRead,
}

var controlReconcile = Method{
	Path:  "/mulligan.control.v1.ControlService/Reconcile",
	Retry: RetryRequestID,
	Leads: []Lead{
		{true, Path{"region"}},
	},
	References: []Reference{
		{Path{"region"}, []string{"region"}},
	},
}

var controlListDifferences = Method{
	Path:  "/mulligan.control.v1.ControlService/ListDifferences",
	Retry: RetryRead,
	Leads: []Lead{
		{true, Path{"region"}},
	},
	References: []Reference{
		{Path{"region"}, []string{"region"}},
	},
}

var controlRotateRegionKey = Method{
	Path:  "/mulligan.control.v1.ControlService/RotateRegionKey",
	Retry: RetryRequestID,
	Leads: []Lead{
		{true, Path{"region"}},
	},
	References: []Reference{
		{Path{"region"}, []string{"region"}},
	},
}

var controlListAuditEvents = Method{
	Path:  "/mulligan.control.v1.ControlService/ListAuditEvents",
	Retry: RetryRead,
	Leads: []Lead{
		{true, Path{"region"}},
		{false, Path{"object_id"}},
	},
	References: []Reference{
		{Path{"account"}, []string{"account"}},
		{Path{"project"}, []string{"project"}},
		{Path{"region"}, []string{"region"}},
	},
	Merge: MergeLatestFirst,
}

var controlControlConfigure = Method{
	Path:  "/mulligan.control.v1.ControlService/ControlConfigure",
	Retry: RetryRequestID,
}

var controlGetControlConfiguration = Method{
	Path:  "/mulligan.control.v1.ControlService/GetControlConfiguration",
	Retry: RetryRead,
}

var controlExecutorConfigure = Method{
	Path:  "/mulligan.control.v1.ControlService/ExecutorConfigure",
	Retry: RetryRequestID,
	Leads: []Lead{
		{true, Path{"region"}},
	},
	References: []Reference{
		{Path{"region"}, []string{"region"}},
	},
}

var controlGetExecutorConfiguration = Method{
	Path:  "/mulligan.control.v1.ControlService/GetExecutorConfiguration",
	Retry: RetryRead,
	Leads: []Lead{
		{true, Path{"region"}},
	},
	References: []Reference{
		{Path{"region"}, []string{"region"}},
	},
}

var controlWatch = Method{
	Path:  "/mulligan.control.v1.ControlService/Watch",
	Retry: RetryStream,
	Leads: []Lead{
		{false, Path{"object_id"}},
		{false, Path{"operation"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
	},
}

var iamBootstrap = Method{
	Path:      "/mulligan.iam.v1.IamService/Bootstrap",
	Retry:     RetryNever,
	Anonymous: true,
}

var iamLogin = Method{
	Path:      "/mulligan.iam.v1.IamService/Login",
	Retry:     RetryRead,
	Anonymous: true,
}

var iamRefreshToken = Method{
	Path:      "/mulligan.iam.v1.IamService/RefreshToken",
	Retry:     RetryRequestID,
	Anonymous: true,
}

var iamSignOut = Method{
	Path:  "/mulligan.iam.v1.IamService/SignOut",
	Retry: RetryRequestID,
}

var iamListSessions = Method{
	Path:  "/mulligan.iam.v1.IamService/ListSessions",
	Retry: RetryRead,
	References: []Reference{
		{Path{"account"}, []string{"account"}},
	},
}

var iamRevokeSession = Method{
	Path:  "/mulligan.iam.v1.IamService/RevokeSession",
	Retry: RetryRequestID,
}

var iamListTokenKeys = Method{
	Path:      "/mulligan.iam.v1.IamService/ListTokenKeys",
	Retry:     RetryRead,
	Anonymous: true,
}

var iamRotateTokenKeys = Method{
	Path:  "/mulligan.iam.v1.IamService/RotateTokenKeys",
	Retry: RetryRequestID,
}

var iamCreateProject = Method{
	Path:  "/mulligan.iam.v1.IamService/CreateProject",
	Retry: RetryRequestID,
	References: []Reference{
		{Path{"parent"}, []string{"project"}},
	},
}

var iamGetProject = Method{
	Path:  "/mulligan.iam.v1.IamService/GetProject",
	Retry: RetryRead,
	References: []Reference{
		{Path{"id"}, []string{"project"}},
	},
}

var iamBatchGetProjects = Method{
	Path:  "/mulligan.iam.v1.IamService/BatchGetProjects",
	Retry: RetryRead,
	References: []Reference{
		{Path{"ids"}, []string{"project"}},
	},
}

var iamListProjects = Method{
	Path:  "/mulligan.iam.v1.IamService/ListProjects",
	Retry: RetryRead,
	References: []Reference{
		{Path{"parent"}, []string{"project"}},
		{Path{"below"}, []string{"project"}},
	},
}

var iamUpdateProject = Method{
	Path:  "/mulligan.iam.v1.IamService/UpdateProject",
	Retry: RetryRequestID,
	References: []Reference{
		{Path{"id"}, []string{"project"}},
	},
}

var iamDeleteProject = Method{
	Path:  "/mulligan.iam.v1.IamService/DeleteProject",
	Retry: RetryRequestID,
	References: []Reference{
		{Path{"id"}, []string{"project"}},
	},
}

var iamCreateAccount = Method{
	Path:  "/mulligan.iam.v1.IamService/CreateAccount",
	Retry: RetryRequestID,
}

var iamGetAccount = Method{
	Path:  "/mulligan.iam.v1.IamService/GetAccount",
	Retry: RetryRead,
	References: []Reference{
		{Path{"id"}, []string{"account"}},
	},
}

var iamBatchGetAccounts = Method{
	Path:  "/mulligan.iam.v1.IamService/BatchGetAccounts",
	Retry: RetryRead,
	References: []Reference{
		{Path{"ids"}, []string{"account"}},
	},
}

var iamListAccounts = Method{
	Path:  "/mulligan.iam.v1.IamService/ListAccounts",
	Retry: RetryRead,
}

var iamUpdateAccount = Method{
	Path:  "/mulligan.iam.v1.IamService/UpdateAccount",
	Retry: RetryRequestID,
	References: []Reference{
		{Path{"id"}, []string{"account"}},
	},
}

var iamDeleteAccount = Method{
	Path:  "/mulligan.iam.v1.IamService/DeleteAccount",
	Retry: RetryRequestID,
	References: []Reference{
		{Path{"id"}, []string{"account"}},
	},
}

var iamChangePassword = Method{
	Path:  "/mulligan.iam.v1.IamService/ChangePassword",
	Retry: RetryRequestID,
}

var iamCreateApplicationCredential = Method{
	Path:  "/mulligan.iam.v1.IamService/CreateApplicationCredential",
	Retry: RetryRequestID,
	References: []Reference{
		{Path{"roles", "project"}, []string{"project"}},
		{Path{"roles", "region"}, []string{"region"}},
		{Path{"region"}, []string{"region"}},
	},
}

var iamGetApplicationCredential = Method{
	Path:  "/mulligan.iam.v1.IamService/GetApplicationCredential",
	Retry: RetryRead,
	References: []Reference{
		{Path{"id"}, []string{"account"}},
	},
}

var iamBatchGetApplicationCredentials = Method{
	Path:  "/mulligan.iam.v1.IamService/BatchGetApplicationCredentials",
	Retry: RetryRead,
	References: []Reference{
		{Path{"ids"}, []string{"account"}},
	},
}

var iamListApplicationCredentials = Method{
	Path:  "/mulligan.iam.v1.IamService/ListApplicationCredentials",
	Retry: RetryRead,
	References: []Reference{
		{Path{"creator"}, []string{"account"}},
	},
}

var iamUpdateApplicationCredential = Method{
	Path:  "/mulligan.iam.v1.IamService/UpdateApplicationCredential",
	Retry: RetryRequestID,
	References: []Reference{
		{Path{"id"}, []string{"account"}},
		{Path{"roles", "project"}, []string{"project"}},
		{Path{"roles", "region"}, []string{"region"}},
	},
}

var iamDeleteApplicationCredential = Method{
	Path:  "/mulligan.iam.v1.IamService/DeleteApplicationCredential",
	Retry: RetryRequestID,
	References: []Reference{
		{Path{"id"}, []string{"account"}},
	},
}

var iamAssignRole = Method{
	Path:  "/mulligan.iam.v1.IamService/AssignRole",
	Retry: RetryRequestID,
	References: []Reference{
		{Path{"account"}, []string{"account"}},
		{Path{"project"}, []string{"project"}},
		{Path{"region"}, []string{"region"}},
	},
}

var iamRevokeRole = Method{
	Path:  "/mulligan.iam.v1.IamService/RevokeRole",
	Retry: RetryRequestID,
	References: []Reference{
		{Path{"account"}, []string{"account"}},
		{Path{"project"}, []string{"project"}},
		{Path{"region"}, []string{"region"}},
	},
}

var iamListAssignments = Method{
	Path:  "/mulligan.iam.v1.IamService/ListAssignments",
	Retry: RetryRead,
	References: []Reference{
		{Path{"account"}, []string{"account"}},
		{Path{"project"}, []string{"project"}},
		{Path{"region"}, []string{"region"}},
	},
}

var iamCreateRegion = Method{
	Path:  "/mulligan.iam.v1.IamService/CreateRegion",
	Retry: RetryRequestID,
	References: []Reference{
		{Path{"parent"}, []string{"region"}},
		{Path{"spec", "visible_to"}, []string{"project"}},
	},
}

var iamGetRegion = Method{
	Path:  "/mulligan.iam.v1.IamService/GetRegion",
	Retry: RetryRead,
	References: []Reference{
		{Path{"id"}, []string{"region"}},
	},
}

var iamBatchGetRegions = Method{
	Path:  "/mulligan.iam.v1.IamService/BatchGetRegions",
	Retry: RetryRead,
	References: []Reference{
		{Path{"ids"}, []string{"region"}},
	},
}

var iamListRegions = Method{
	Path:  "/mulligan.iam.v1.IamService/ListRegions",
	Retry: RetryRead,
	References: []Reference{
		{Path{"parent"}, []string{"region"}},
	},
}

var iamUpdateRegion = Method{
	Path:  "/mulligan.iam.v1.IamService/UpdateRegion",
	Retry: RetryRequestID,
	References: []Reference{
		{Path{"id"}, []string{"region"}},
		{Path{"spec", "visible_to"}, []string{"project"}},
	},
}

var iamDeleteRegion = Method{
	Path:  "/mulligan.iam.v1.IamService/DeleteRegion",
	Retry: RetryRequestID,
	References: []Reference{
		{Path{"id"}, []string{"region"}},
	},
}

var iamRegisterService = Method{
	Path:  "/mulligan.iam.v1.IamService/RegisterService",
	Retry: RetryRequestID,
	References: []Reference{
		{Path{"regions"}, []string{"region"}},
	},
}

var iamRenewService = Method{
	Path:  "/mulligan.iam.v1.IamService/RenewService",
	Retry: RetryRequestID,
}

var iamWithdrawService = Method{
	Path:  "/mulligan.iam.v1.IamService/WithdrawService",
	Retry: RetryRequestID,
}

var iamListServices = Method{
	Path:  "/mulligan.iam.v1.IamService/ListServices",
	Retry: RetryRead,
}

var iamDeleteSite = Method{
	Path:  "/mulligan.iam.v1.IamService/DeleteSite",
	Retry: RetryRequestID,
}

var iamListAuditEvents = Method{
	Path:  "/mulligan.iam.v1.IamService/ListAuditEvents",
	Retry: RetryRead,
	References: []Reference{
		{Path{"account"}, []string{"account"}},
		{Path{"project"}, []string{"project"}},
		{Path{"region"}, []string{"region"}},
	},
}

var iamIamConfigure = Method{
	Path:  "/mulligan.iam.v1.IamService/IamConfigure",
	Retry: RetryRequestID,
}

var iamGetIamConfiguration = Method{
	Path:  "/mulligan.iam.v1.IamService/GetIamConfiguration",
	Retry: RetryRead,
}

var iamWatch = Method{
	Path:  "/mulligan.iam.v1.IamService/Watch",
	Retry: RetryStream,
	References: []Reference{
		{Path{"project"}, []string{"project"}},
	},
}

var metaResolveNames = Method{
	Path:  "/mulligan.meta.v1.MetaService/ResolveNames",
	Retry: RetryRead,
	Leads: []Lead{
		{true, Path{"region"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
		{Path{"region"}, []string{"region"}},
	},
}

var metaDescribeObjects = Method{
	Path:  "/mulligan.meta.v1.MetaService/DescribeObjects",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"ids"}},
	},
}

var metaUpdateTags = Method{
	Path:  "/mulligan.meta.v1.MetaService/UpdateTags",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"object_ids"}},
	},
	References: []Reference{
		{Path{"tagged_by"}, []string{"project"}},
	},
}

var metaListTags = Method{
	Path:  "/mulligan.meta.v1.MetaService/ListTags",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"object_ids"}},
	},
	References: []Reference{
		{Path{"tagged_by"}, []string{"project"}},
	},
}

var metaListObjectsByTag = Method{
	Path:  "/mulligan.meta.v1.MetaService/ListObjectsByTag",
	Retry: RetryRead,
	Leads: []Lead{
		{true, Path{"region"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
		{Path{"region"}, []string{"region"}},
		{Path{"tagged_by"}, []string{"project"}},
	},
	Merge: MergeObjects,
}

var metaCreateMetadef = Method{
	Path:  "/mulligan.meta.v1.MetaService/CreateMetadef",
	Retry: RetryRequestID,
	References: []Reference{
		{Path{"project"}, []string{"project"}},
	},
}

var metaGetMetadef = Method{
	Path:  "/mulligan.meta.v1.MetaService/GetMetadef",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"id"}},
	},
}

var metaBatchGetMetadefs = Method{
	Path:  "/mulligan.meta.v1.MetaService/BatchGetMetadefs",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"ids"}},
	},
}

var metaListMetadefs = Method{
	Path:  "/mulligan.meta.v1.MetaService/ListMetadefs",
	Retry: RetryRead,
	References: []Reference{
		{Path{"project"}, []string{"project"}},
	},
}

var metaUpdateMetadef = Method{
	Path:  "/mulligan.meta.v1.MetaService/UpdateMetadef",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"id"}},
	},
}

var metaDeleteMetadef = Method{
	Path:  "/mulligan.meta.v1.MetaService/DeleteMetadef",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"id"}},
	},
}

var metaSetAttributes = Method{
	Path:  "/mulligan.meta.v1.MetaService/SetAttributes",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"attributes", "object_id"}},
	},
}

var metaListAttributes = Method{
	Path:  "/mulligan.meta.v1.MetaService/ListAttributes",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"object_ids"}},
	},
}

var metaListObjectsByAttribute = Method{
	Path:  "/mulligan.meta.v1.MetaService/ListObjectsByAttribute",
	Retry: RetryRead,
	Leads: []Lead{
		{true, Path{"region"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
		{Path{"region"}, []string{"region"}},
	},
	Merge: MergeObjects,
}

var metaMetaConfigure = Method{
	Path:  "/mulligan.meta.v1.MetaService/MetaConfigure",
	Retry: RetryRequestID,
}

var metaGetMetaConfiguration = Method{
	Path:  "/mulligan.meta.v1.MetaService/GetMetaConfiguration",
	Retry: RetryRead,
}

var metaWatch = Method{
	Path:  "/mulligan.meta.v1.MetaService/Watch",
	Retry: RetryStream,
	Leads: []Lead{
		{false, Path{"object_id"}},
		{false, Path{"operation"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
	},
}

var resourceCreateProviderType = Method{
	Path:  "/mulligan.resource.v1.ResourceService/CreateProviderType",
	Retry: RetryRequestID,
}

var resourceUpdateProviderType = Method{
	Path:  "/mulligan.resource.v1.ResourceService/UpdateProviderType",
	Retry: RetryRequestID,
}

var resourceListProviderTypes = Method{
	Path:  "/mulligan.resource.v1.ResourceService/ListProviderTypes",
	Retry: RetryRead,
}

var resourceDeleteProviderType = Method{
	Path:  "/mulligan.resource.v1.ResourceService/DeleteProviderType",
	Retry: RetryRequestID,
}

var resourceCreateResourceType = Method{
	Path:  "/mulligan.resource.v1.ResourceService/CreateResourceType",
	Retry: RetryRequestID,
}

var resourceListResourceTypes = Method{
	Path:  "/mulligan.resource.v1.ResourceService/ListResourceTypes",
	Retry: RetryRead,
}

var resourceDeleteResourceType = Method{
	Path:  "/mulligan.resource.v1.ResourceService/DeleteResourceType",
	Retry: RetryRequestID,
}

var resourceCreateCapability = Method{
	Path:  "/mulligan.resource.v1.ResourceService/CreateCapability",
	Retry: RetryRequestID,
}

var resourceListCapabilities = Method{
	Path:  "/mulligan.resource.v1.ResourceService/ListCapabilities",
	Retry: RetryRead,
}

var resourceDeleteCapability = Method{
	Path:  "/mulligan.resource.v1.ResourceService/DeleteCapability",
	Retry: RetryRequestID,
}

var resourceCreateProviders = Method{
	Path:  "/mulligan.resource.v1.ResourceService/CreateProviders",
	Retry: RetryRequestID,
	Leads: []Lead{
		{true, Path{"region"}},
	},
	References: []Reference{
		{Path{"region"}, []string{"region"}},
		{Path{"providers", "project"}, []string{"project"}},
		{Path{"providers", "parent"}, []string{"provider"}},
	},
}

var resourceUpdateProviders = Method{
	Path:  "/mulligan.resource.v1.ResourceService/UpdateProviders",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"changes", "id"}},
	},
	References: []Reference{
		{Path{"changes", "id"}, []string{"provider"}},
		{Path{"changes", "under"}, []string{"provider"}},
		{Path{"changes", "project"}, []string{"project"}},
	},
}

var resourceDeleteProviders = Method{
	Path:  "/mulligan.resource.v1.ResourceService/DeleteProviders",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"ids"}},
	},
	References: []Reference{
		{Path{"ids"}, []string{"provider"}},
	},
}

var resourceReshapeProviders = Method{
	Path:  "/mulligan.resource.v1.ResourceService/ReshapeProviders",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"changes", "id"}},
	},
	References: []Reference{
		{Path{"changes", "id"}, []string{"provider"}},
		{Path{"changes", "under"}, []string{"provider"}},
		{Path{"changes", "project"}, []string{"project"}},
		{Path{"moves", "from_provider"}, []string{"provider"}},
		{Path{"moves", "to_provider"}, []string{"provider"}},
		{Path{"moves", "claims"}, []string{"claim"}},
	},
}

var resourceCreateGroup = Method{
	Path:  "/mulligan.resource.v1.ResourceService/CreateGroup",
	Retry: RetryRequestID,
	Leads: []Lead{
		{true, Path{"region"}},
	},
	References: []Reference{
		{Path{"region"}, []string{"region"}},
		{Path{"members"}, []string{"provider"}},
		{Path{"sharing"}, []string{"provider"}},
	},
}

var resourceUpdateGroup = Method{
	Path:  "/mulligan.resource.v1.ResourceService/UpdateGroup",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"id"}, []string{"group"}},
		{Path{"members", "add"}, []string{"provider"}},
		{Path{"members", "remove"}, []string{"provider"}},
		{Path{"members", "replace", "providers"}, []string{"provider"}},
		{Path{"sharing", "add"}, []string{"provider"}},
		{Path{"sharing", "remove"}, []string{"provider"}},
		{Path{"sharing", "replace", "providers"}, []string{"provider"}},
	},
}

var resourceGetGroup = Method{
	Path:  "/mulligan.resource.v1.ResourceService/GetGroup",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"id"}, []string{"group"}},
	},
}

var resourceBatchGetGroups = Method{
	Path:  "/mulligan.resource.v1.ResourceService/BatchGetGroups",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"ids"}},
	},
	References: []Reference{
		{Path{"ids"}, []string{"group"}},
	},
}

var resourceListGroups = Method{
	Path:  "/mulligan.resource.v1.ResourceService/ListGroups",
	Retry: RetryRead,
	Leads: []Lead{
		{true, Path{"region"}},
		{false, Path{"provider"}},
	},
	References: []Reference{
		{Path{"region"}, []string{"region"}},
		{Path{"provider"}, []string{"provider"}},
	},
}

var resourceDeleteGroup = Method{
	Path:  "/mulligan.resource.v1.ResourceService/DeleteGroup",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"id"}, []string{"group"}},
	},
}

var resourceCreateDistanceType = Method{
	Path:  "/mulligan.resource.v1.ResourceService/CreateDistanceType",
	Retry: RetryRequestID,
}

var resourceListDistanceTypes = Method{
	Path:  "/mulligan.resource.v1.ResourceService/ListDistanceTypes",
	Retry: RetryRead,
}

var resourceDeleteDistanceType = Method{
	Path:  "/mulligan.resource.v1.ResourceService/DeleteDistanceType",
	Retry: RetryRequestID,
}

var resourceSetDistances = Method{
	Path:  "/mulligan.resource.v1.ResourceService/SetDistances",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"replace_all_of"}},
		{false, Path{"set", "a"}},
	},
	References: []Reference{
		{Path{"set", "a"}, []string{"provider", "group"}},
		{Path{"set", "b"}, []string{"provider", "group"}},
		{Path{"remove", "a"}, []string{"provider", "group"}},
		{Path{"remove", "b"}, []string{"provider", "group"}},
		{Path{"replace_all_of"}, []string{"provider", "group"}},
	},
}

var resourceListDistances = Method{
	Path:  "/mulligan.resource.v1.ResourceService/ListDistances",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"object_id"}},
	},
	References: []Reference{
		{Path{"object_id"}, []string{"provider", "group"}},
	},
}

var resourceMarkProviders = Method{
	Path:  "/mulligan.resource.v1.ResourceService/MarkProviders",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"ids"}},
	},
	References: []Reference{
		{Path{"ids"}, []string{"provider"}},
	},
}

var resourceUnmarkProviders = Method{
	Path:  "/mulligan.resource.v1.ResourceService/UnmarkProviders",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"ids"}},
	},
	References: []Reference{
		{Path{"ids"}, []string{"provider"}},
	},
}

var resourceGetProvider = Method{
	Path:  "/mulligan.resource.v1.ResourceService/GetProvider",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"id"}, []string{"provider"}},
	},
}

var resourceBatchGetProviders = Method{
	Path:  "/mulligan.resource.v1.ResourceService/BatchGetProviders",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"ids"}},
	},
	References: []Reference{
		{Path{"ids"}, []string{"provider"}},
	},
}

var resourceListProviders = Method{
	Path:  "/mulligan.resource.v1.ResourceService/ListProviders",
	Retry: RetryRead,
	Leads: []Lead{
		{true, Path{"region"}},
		{false, Path{"tree"}},
		{false, Path{"parent"}},
		{false, Path{"group"}},
	},
	References: []Reference{
		{Path{"region"}, []string{"region"}},
		{Path{"tree"}, []string{"provider"}},
		{Path{"parent"}, []string{"provider"}},
		{Path{"group"}, []string{"group"}},
	},
}

var resourceCreateNetwork = Method{
	Path:  "/mulligan.resource.v1.ResourceService/CreateNetwork",
	Retry: RetryRequestID,
	Leads: []Lead{
		{true, Path{"region"}},
	},
	References: []Reference{
		{Path{"region"}, []string{"region"}},
	},
}

var resourceGetNetwork = Method{
	Path:  "/mulligan.resource.v1.ResourceService/GetNetwork",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"id"}, []string{"network"}},
	},
}

var resourceBatchGetNetworks = Method{
	Path:  "/mulligan.resource.v1.ResourceService/BatchGetNetworks",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"ids"}},
	},
	References: []Reference{
		{Path{"ids"}, []string{"network"}},
	},
}

var resourceListNetworks = Method{
	Path:  "/mulligan.resource.v1.ResourceService/ListNetworks",
	Retry: RetryRead,
	Leads: []Lead{
		{true, Path{"region"}},
	},
	References: []Reference{
		{Path{"region"}, []string{"region"}},
	},
}

var resourceUpdateNetwork = Method{
	Path:  "/mulligan.resource.v1.ResourceService/UpdateNetwork",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"id"}, []string{"network"}},
	},
}

var resourceDeleteNetwork = Method{
	Path:  "/mulligan.resource.v1.ResourceService/DeleteNetwork",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"id"}, []string{"network"}},
	},
}

var resourceProposeCandidates = Method{
	Path:  "/mulligan.resource.v1.ResourceService/ProposeCandidates",
	Retry: RetryStream,
	Leads: []Lead{
		{true, Path{"spec", "region"}},
		{false, Path{"spec", "provider"}},
		{false, Path{"spec", "groups", "provider"}},
		{false, Path{"spec", "near", "origin"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
		{Path{"spec", "provider"}, []string{"provider"}},
		{Path{"spec", "region"}, []string{"region"}},
		{Path{"spec", "groups", "groups", "require"}, []string{"group"}},
		{Path{"spec", "groups", "groups", "forbid"}, []string{"group"}},
		{Path{"spec", "groups", "groups", "any", "names"}, []string{"group"}},
		{Path{"spec", "groups", "distances", "origin"}, []string{"provider", "group"}},
		{Path{"spec", "groups", "provider"}, []string{"provider"}},
		{Path{"spec", "near", "origin"}, []string{"provider", "group"}},
		{Path{"spec", "domains", "origin"}, []string{"machine", "claim", "provider", "region"}},
	},
}

var resourceFindOpenings = Method{
	Path:  "/mulligan.resource.v1.ResourceService/FindOpenings",
	Retry: RetryRead,
	Leads: []Lead{
		{true, Path{"spec", "region"}},
		{false, Path{"spec", "provider"}},
		{false, Path{"spec", "groups", "provider"}},
		{false, Path{"spec", "near", "origin"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
		{Path{"spec", "provider"}, []string{"provider"}},
		{Path{"spec", "region"}, []string{"region"}},
		{Path{"spec", "groups", "groups", "require"}, []string{"group"}},
		{Path{"spec", "groups", "groups", "forbid"}, []string{"group"}},
		{Path{"spec", "groups", "groups", "any", "names"}, []string{"group"}},
		{Path{"spec", "groups", "distances", "origin"}, []string{"provider", "group"}},
		{Path{"spec", "groups", "provider"}, []string{"provider"}},
		{Path{"spec", "near", "origin"}, []string{"provider", "group"}},
		{Path{"spec", "domains", "origin"}, []string{"machine", "claim", "provider", "region"}},
	},
}

var resourceListCalendar = Method{
	Path:  "/mulligan.resource.v1.ResourceService/ListCalendar",
	Retry: RetryRead,
	Leads: []Lead{
		{true, Path{"region"}},
	},
	References: []Reference{
		{Path{"region"}, []string{"region"}},
		{Path{"group"}, []string{"group"}},
		{Path{"provider"}, []string{"provider"}},
	},
}

var resourceListProjectCalendar = Method{
	Path:  "/mulligan.resource.v1.ResourceService/ListProjectCalendar",
	Retry: RetryRead,
	Leads: []Lead{
		{true, Path{"region"}},
		{false, Path{"group"}},
		{false, Path{"provider"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
		{Path{"region"}, []string{"region"}},
		{Path{"group"}, []string{"group"}},
		{Path{"provider"}, []string{"provider"}},
	},
}

var resourceListUsage = Method{
	Path:  "/mulligan.resource.v1.ResourceService/ListUsage",
	Retry: RetryRead,
	Leads: []Lead{
		{true, Path{"region"}},
		{false, Path{"group"}},
		{false, Path{"provider"}},
	},
	References: []Reference{
		{Path{"region"}, []string{"region"}},
		{Path{"group"}, []string{"group"}},
		{Path{"provider"}, []string{"provider"}},
	},
}

var resourceListProjectUsage = Method{
	Path:  "/mulligan.resource.v1.ResourceService/ListProjectUsage",
	Retry: RetryRead,
	Leads: []Lead{
		{true, Path{"region"}},
		{false, Path{"group"}},
		{false, Path{"provider"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
		{Path{"region"}, []string{"region"}},
		{Path{"group"}, []string{"group"}},
		{Path{"provider"}, []string{"provider"}},
	},
}

var resourceCreateClaim = Method{
	Path:  "/mulligan.resource.v1.ResourceService/CreateClaim",
	Retry: RetryRequestID,
	Leads: []Lead{
		{true, Path{"spec", "region"}},
		{false, Path{"spec", "provider"}},
		{false, Path{"candidate", "tree"}},
		{false, Path{"spec", "groups", "provider"}},
		{false, Path{"spec", "near", "origin"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
		{Path{"spec", "provider"}, []string{"provider"}},
		{Path{"spec", "region"}, []string{"region"}},
		{Path{"spec", "groups", "groups", "require"}, []string{"group"}},
		{Path{"spec", "groups", "groups", "forbid"}, []string{"group"}},
		{Path{"spec", "groups", "groups", "any", "names"}, []string{"group"}},
		{Path{"spec", "groups", "distances", "origin"}, []string{"provider", "group"}},
		{Path{"spec", "groups", "provider"}, []string{"provider"}},
		{Path{"spec", "near", "origin"}, []string{"provider", "group"}},
		{Path{"spec", "domains", "origin"}, []string{"machine", "claim", "provider", "region"}},
		{Path{"candidate", "parts", "provider"}, []string{"provider"}},
		{Path{"candidate", "tree"}, []string{"provider"}},
	},
}

var resourceGetClaim = Method{
	Path:  "/mulligan.resource.v1.ResourceService/GetClaim",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"id"}, []string{"claim"}},
		{Path{"project"}, []string{"project"}},
	},
}

var resourceBatchGetClaims = Method{
	Path:  "/mulligan.resource.v1.ResourceService/BatchGetClaims",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"ids"}},
	},
	References: []Reference{
		{Path{"ids"}, []string{"claim"}},
		{Path{"project"}, []string{"project"}},
	},
}

var resourceListClaims = Method{
	Path:  "/mulligan.resource.v1.ResourceService/ListClaims",
	Retry: RetryRead,
	References: []Reference{
		{Path{"project"}, []string{"project"}},
	},
}

var resourceConfirmClaim = Method{
	Path:  "/mulligan.resource.v1.ResourceService/ConfirmClaim",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"id"}, []string{"claim"}},
		{Path{"project"}, []string{"project"}},
	},
}

var resourceChangeClaims = Method{
	Path:  "/mulligan.resource.v1.ResourceService/ChangeClaims",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"changes", "id"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
		{Path{"changes", "id"}, []string{"claim"}},
		{Path{"changes", "move", "spec", "provider"}, []string{"provider"}},
		{Path{"changes", "move", "spec", "region"}, []string{"region"}},
		{Path{"changes", "move", "spec", "groups", "groups", "require"}, []string{"group"}},
		{Path{"changes", "move", "spec", "groups", "groups", "forbid"}, []string{"group"}},
		{Path{"changes", "move", "spec", "groups", "groups", "any", "names"}, []string{"group"}},
		{Path{"changes", "move", "spec", "groups", "distances", "origin"}, []string{"provider", "group"}},
		{Path{"changes", "move", "spec", "groups", "provider"}, []string{"provider"}},
		{Path{"changes", "move", "spec", "near", "origin"}, []string{"provider", "group"}},
		{Path{"changes", "move", "spec", "domains", "origin"}, []string{"machine", "claim", "provider", "region"}},
		{Path{"changes", "move", "candidate", "parts", "provider"}, []string{"provider"}},
		{Path{"changes", "move", "candidate", "tree"}, []string{"provider"}},
	},
}

var resourceSetQuota = Method{
	Path:  "/mulligan.resource.v1.ResourceService/SetQuota",
	Retry: RetryRequestID,
	References: []Reference{
		{Path{"project"}, []string{"project"}},
	},
}

var resourceListQuotas = Method{
	Path:  "/mulligan.resource.v1.ResourceService/ListQuotas",
	Retry: RetryRead,
}

var resourceListProjectQuotas = Method{
	Path:  "/mulligan.resource.v1.ResourceService/ListProjectQuotas",
	Retry: RetryRead,
	References: []Reference{
		{Path{"project"}, []string{"project"}},
	},
}

var resourceSetChildQuota = Method{
	Path:  "/mulligan.resource.v1.ResourceService/SetChildQuota",
	Retry: RetryRequestID,
	References: []Reference{
		{Path{"project"}, []string{"project"}},
		{Path{"child"}, []string{"project"}},
	},
}

var resourceDeleteChildQuota = Method{
	Path:  "/mulligan.resource.v1.ResourceService/DeleteChildQuota",
	Retry: RetryRequestID,
	References: []Reference{
		{Path{"project"}, []string{"project"}},
		{Path{"child"}, []string{"project"}},
	},
}

var resourceGetQuota = Method{
	Path:  "/mulligan.resource.v1.ResourceService/GetQuota",
	Retry: RetryRead,
	References: []Reference{
		{Path{"project"}, []string{"project"}},
	},
}

var resourceDeleteQuota = Method{
	Path:  "/mulligan.resource.v1.ResourceService/DeleteQuota",
	Retry: RetryRequestID,
	References: []Reference{
		{Path{"project"}, []string{"project"}},
	},
}

var resourceReleaseClaim = Method{
	Path:  "/mulligan.resource.v1.ResourceService/ReleaseClaim",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"id"}, []string{"claim"}},
		{Path{"project"}, []string{"project"}},
	},
}

var resourceCreateReservations = Method{
	Path:  "/mulligan.resource.v1.ResourceService/CreateReservations",
	Retry: RetryRequestID,
	Leads: []Lead{
		{true, Path{"region"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
		{Path{"region"}, []string{"region"}},
		{Path{"spec", "machine", "image"}, []string{"image"}},
		{Path{"spec", "machine", "nics", "network"}, []string{"network"}},
		{Path{"spec", "machine", "provider"}, []string{"provider"}},
		{Path{"spec", "machine", "domains", "origin"}, []string{"machine", "claim", "provider", "region"}},
		{Path{"spec", "claim", "provider"}, []string{"provider"}},
		{Path{"spec", "claim", "region"}, []string{"region"}},
		{Path{"spec", "claim", "groups", "groups", "require"}, []string{"group"}},
		{Path{"spec", "claim", "groups", "groups", "forbid"}, []string{"group"}},
		{Path{"spec", "claim", "groups", "groups", "any", "names"}, []string{"group"}},
		{Path{"spec", "claim", "groups", "distances", "origin"}, []string{"provider", "group"}},
		{Path{"spec", "claim", "groups", "provider"}, []string{"provider"}},
		{Path{"spec", "claim", "near", "origin"}, []string{"provider", "group"}},
		{Path{"spec", "claim", "domains", "origin"}, []string{"machine", "claim", "provider", "region"}},
	},
}

var resourceGetReservation = Method{
	Path:  "/mulligan.resource.v1.ResourceService/GetReservation",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
	},
}

var resourceBatchGetReservations = Method{
	Path:  "/mulligan.resource.v1.ResourceService/BatchGetReservations",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"ids"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
	},
}

var resourceListReservations = Method{
	Path:  "/mulligan.resource.v1.ResourceService/ListReservations",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"series"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
	},
}

var resourceUpdateReservation = Method{
	Path:  "/mulligan.resource.v1.ResourceService/UpdateReservation",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
	},
}

var resourceCancelReservation = Method{
	Path:  "/mulligan.resource.v1.ResourceService/CancelReservation",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
	},
}

var resourceCreateReservationSeries = Method{
	Path:  "/mulligan.resource.v1.ResourceService/CreateReservationSeries",
	Retry: RetryRequestID,
	Leads: []Lead{
		{true, Path{"region"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
		{Path{"region"}, []string{"region"}},
		{Path{"spec", "machine", "image"}, []string{"image"}},
		{Path{"spec", "machine", "nics", "network"}, []string{"network"}},
		{Path{"spec", "machine", "provider"}, []string{"provider"}},
		{Path{"spec", "machine", "domains", "origin"}, []string{"machine", "claim", "provider", "region"}},
		{Path{"spec", "claim", "provider"}, []string{"provider"}},
		{Path{"spec", "claim", "region"}, []string{"region"}},
		{Path{"spec", "claim", "groups", "groups", "require"}, []string{"group"}},
		{Path{"spec", "claim", "groups", "groups", "forbid"}, []string{"group"}},
		{Path{"spec", "claim", "groups", "groups", "any", "names"}, []string{"group"}},
		{Path{"spec", "claim", "groups", "distances", "origin"}, []string{"provider", "group"}},
		{Path{"spec", "claim", "groups", "provider"}, []string{"provider"}},
		{Path{"spec", "claim", "near", "origin"}, []string{"provider", "group"}},
		{Path{"spec", "claim", "domains", "origin"}, []string{"machine", "claim", "provider", "region"}},
	},
}

var resourceGetReservationSeries = Method{
	Path:  "/mulligan.resource.v1.ResourceService/GetReservationSeries",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
	},
}

var resourceBatchGetReservationSeries = Method{
	Path:  "/mulligan.resource.v1.ResourceService/BatchGetReservationSeries",
	Retry: RetryRead,
	Leads: []Lead{
		{false, Path{"ids"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
	},
}

var resourceListReservationSeries = Method{
	Path:  "/mulligan.resource.v1.ResourceService/ListReservationSeries",
	Retry: RetryRead,
	References: []Reference{
		{Path{"project"}, []string{"project"}},
	},
}

var resourceEndReservationSeries = Method{
	Path:  "/mulligan.resource.v1.ResourceService/EndReservationSeries",
	Retry: RetryRequestID,
	Leads: []Lead{
		{false, Path{"id"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
	},
}

var resourceResourceConfigure = Method{
	Path:  "/mulligan.resource.v1.ResourceService/ResourceConfigure",
	Retry: RetryRequestID,
}

var resourceGetResourceConfiguration = Method{
	Path:  "/mulligan.resource.v1.ResourceService/GetResourceConfiguration",
	Retry: RetryRead,
}

var resourceWatch = Method{
	Path:  "/mulligan.resource.v1.ResourceService/Watch",
	Retry: RetryStream,
	Leads: []Lead{
		{false, Path{"object_id"}},
		{false, Path{"operation"}},
	},
	References: []Reference{
		{Path{"project"}, []string{"project"}},
	},
}
