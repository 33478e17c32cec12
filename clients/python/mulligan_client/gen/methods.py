"""What the client knows of each RPC and type of object.

Drawn from proto/ by `make generate`; change the protos instead.
"""

from collections.abc import Mapping

from mulligan_client.methods import Lead, Merge, Method, Naming, Newer, ObjectType, Reference, Retry

OBJECTS: Mapping[str, ObjectType] = {
    "server": ObjectType(Naming.REGION, ("server",)),
    "host": ObjectType(Naming.REGION, ("host",)),
    "image": ObjectType(Naming.REGION, ("image",)),
    "machine": ObjectType(Naming.PROJECT, ("machine",)),
    "operation": ObjectType(Naming.NONE, ("operation",)),
    "session": ObjectType(Naming.NONE, ("session",)),
    "project": ObjectType(Naming.INSTALLATION, ("project",)),
    "account": ObjectType(Naming.INSTALLATION, ("account",)),
    "region": ObjectType(Naming.INSTALLATION, ("region",)),
    "site": ObjectType(Naming.NONE, ("site",)),
    "service": ObjectType(Naming.NONE, ("service",)),
    "metadef": ObjectType(Naming.NONE, ("metadef",)),
    "provider": ObjectType(Naming.REGION, ("provider", "server", "host")),
    "group": ObjectType(Naming.REGION, ("group",)),
    "network": ObjectType(Naming.REGION, ("network",)),
    "claim": ObjectType(Naming.PROJECT, ("claim",)),
    "reservation": ObjectType(Naming.NONE, ("reservation",)),
    "series": ObjectType(Naming.NONE, ("series",)),
}
"""By type."""

CONTROL_LIST_REGION_KEYS = Method(
    "/mulligan.control.v1.ControlService/ListRegionKeys",
    Retry.READ,
    leads=(Lead(True, ("region",)),),
    references=(Reference(("region",), ("region",)),),
)
CONTROL_CREATE_SERVER = Method(
    "/mulligan.control.v1.ControlService/CreateServer",
    Retry.REQUEST_ID,
    leads=(Lead(True, ("region",)),),
    references=(Reference(("region",), ("region",)), Reference(("project",), ("project",))),
)
CONTROL_GET_SERVER = Method(
    "/mulligan.control.v1.ControlService/GetServer",
    Retry.READ,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("id",), ("server",)),),
)
CONTROL_BATCH_GET_SERVERS = Method(
    "/mulligan.control.v1.ControlService/BatchGetServers",
    Retry.READ,
    leads=(Lead(False, ("ids",)),),
    references=(Reference(("ids",), ("server",)),),
)
CONTROL_LIST_SERVERS = Method(
    "/mulligan.control.v1.ControlService/ListServers",
    Retry.READ,
    leads=(Lead(True, ("region",)),),
    references=(Reference(("region",), ("region",)),),
)
CONTROL_LIST_PROJECT_SERVERS = Method(
    "/mulligan.control.v1.ControlService/ListProjectServers",
    Retry.READ,
    references=(Reference(("project",), ("project",)),),
)
CONTROL_UPDATE_SERVER = Method(
    "/mulligan.control.v1.ControlService/UpdateServer",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("id",), ("server",)), Reference(("project",), ("project",))),
)
CONTROL_VERIFY_SERVER = Method(
    "/mulligan.control.v1.ControlService/VerifyServer",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("id",), ("server",)),),
)
CONTROL_INSPECT_SERVER = Method(
    "/mulligan.control.v1.ControlService/InspectServer",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("id",), ("server",)),),
)
CONTROL_DELETE_SERVER = Method(
    "/mulligan.control.v1.ControlService/DeleteServer",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("id",), ("server",)),),
)
CONTROL_CREATE_HOST = Method(
    "/mulligan.control.v1.ControlService/CreateHost",
    Retry.REQUEST_ID,
    leads=(Lead(True, ("region",)),),
    references=(Reference(("region",), ("region",)), Reference(("project",), ("project",))),
)
CONTROL_GET_HOST = Method(
    "/mulligan.control.v1.ControlService/GetHost",
    Retry.READ,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("id",), ("host",)),),
)
CONTROL_BATCH_GET_HOSTS = Method(
    "/mulligan.control.v1.ControlService/BatchGetHosts",
    Retry.READ,
    leads=(Lead(False, ("ids",)),),
    references=(Reference(("ids",), ("host",)),),
)
CONTROL_LIST_HOSTS = Method(
    "/mulligan.control.v1.ControlService/ListHosts",
    Retry.READ,
    leads=(Lead(True, ("region",)),),
    references=(Reference(("region",), ("region",)),),
)
CONTROL_LIST_PROJECT_HOSTS = Method(
    "/mulligan.control.v1.ControlService/ListProjectHosts",
    Retry.READ,
    references=(Reference(("project",), ("project",)),),
)
CONTROL_UPDATE_HOST = Method(
    "/mulligan.control.v1.ControlService/UpdateHost",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("id",), ("host",)), Reference(("project",), ("project",))),
)
CONTROL_VERIFY_HOST = Method(
    "/mulligan.control.v1.ControlService/VerifyHost",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("id",), ("host",)),),
)
CONTROL_INSPECT_HOST = Method(
    "/mulligan.control.v1.ControlService/InspectHost",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("id",), ("host",)),),
)
CONTROL_DELETE_HOST = Method(
    "/mulligan.control.v1.ControlService/DeleteHost",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("id",), ("host",)),),
)
CONTROL_SET_MARK = Method(
    "/mulligan.control.v1.ControlService/SetMark",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("object_id",)),),
)
CONTROL_CLEAR_MARK = Method(
    "/mulligan.control.v1.ControlService/ClearMark",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("object_id",)),),
)
CONTROL_CREATE_IMAGE = Method(
    "/mulligan.control.v1.ControlService/CreateImage",
    Retry.REQUEST_ID,
    leads=(Lead(True, ("region",)),),
    references=(Reference(("region",), ("region",)),),
)
CONTROL_GET_IMAGE = Method(
    "/mulligan.control.v1.ControlService/GetImage",
    Retry.READ,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("id",), ("image",)),),
)
CONTROL_BATCH_GET_IMAGES = Method(
    "/mulligan.control.v1.ControlService/BatchGetImages",
    Retry.READ,
    leads=(Lead(False, ("ids",)),),
    references=(Reference(("ids",), ("image",)),),
)
CONTROL_LIST_IMAGES = Method(
    "/mulligan.control.v1.ControlService/ListImages",
    Retry.READ,
    leads=(Lead(True, ("region",)),),
    references=(Reference(("region",), ("region",)),),
)
CONTROL_UPDATE_IMAGE = Method(
    "/mulligan.control.v1.ControlService/UpdateImage",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("id",), ("image",)),),
)
CONTROL_DELETE_IMAGE = Method(
    "/mulligan.control.v1.ControlService/DeleteImage",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("id",), ("image",)),),
)
CONTROL_PROVISION_MACHINE = Method(
    "/mulligan.control.v1.ControlService/ProvisionMachine",
    Retry.REQUEST_ID,
    leads=(Lead(True, ("region",)),),
    references=(
        Reference(("project",), ("project",)),
        Reference(("region",), ("region",)),
        Reference(("spec", "image"), ("image",)),
        Reference(("spec", "nics", "network"), ("network",)),
        Reference(("spec", "provider"), ("provider",)),
        Reference(("spec", "domains", "origin"), ("machine", "claim", "provider", "region")),
    ),
)
CONTROL_DECOMMISSION_MACHINE = Method(
    "/mulligan.control.v1.ControlService/DecommissionMachine",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("project",), ("project",)), Reference(("id",), ("machine",))),
)
CONTROL_GET_MACHINE = Method(
    "/mulligan.control.v1.ControlService/GetMachine",
    Retry.READ,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("id",), ("machine",)), Reference(("project",), ("project",))),
)
CONTROL_BATCH_GET_MACHINES = Method(
    "/mulligan.control.v1.ControlService/BatchGetMachines",
    Retry.READ,
    leads=(Lead(False, ("ids",)),),
    references=(Reference(("ids",), ("machine",)), Reference(("project",), ("project",))),
)
CONTROL_UPDATE_MACHINE = Method(
    "/mulligan.control.v1.ControlService/UpdateMachine",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("project",), ("project",)), Reference(("id",), ("machine",))),
)
CONTROL_LIST_MACHINES = Method(
    "/mulligan.control.v1.ControlService/ListMachines",
    Retry.READ,
    references=(Reference(("project",), ("project",)),),
)
CONTROL_GET_OPERATION = Method(
    "/mulligan.control.v1.ControlService/GetOperation",
    Retry.READ,
    leads=(Lead(False, ("id",)),),
)
CONTROL_BATCH_GET_OPERATIONS = Method(
    "/mulligan.control.v1.ControlService/BatchGetOperations",
    Retry.READ,
    leads=(Lead(False, ("ids",)),),
)
CONTROL_LIST_OPERATIONS = Method(
    "/mulligan.control.v1.ControlService/ListOperations",
    Retry.READ,
    leads=(Lead(False, ("object_id",)),),
    references=(Reference(("project",), ("project",)),),
    merge=Merge.NEWEST_FIRST,
)
CONTROL_GET_OPERATION_LOG = Method(
    "/mulligan.control.v1.ControlService/GetOperationLog",
    Retry.READ,
    leads=(Lead(False, ("id",)),),
)
CONTROL_ABORT_OPERATION = Method(
    "/mulligan.control.v1.ControlService/AbortOperation",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("id",)),),
)
CONTROL_RETRY_OPERATION = Method(
    "/mulligan.control.v1.ControlService/RetryOperation",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("id",)),),
)
CONTROL_FORCE_RELEASE = Method(
    "/mulligan.control.v1.ControlService/ForceRelease",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("object_id",)),),
)
CONTROL_FREEZE = Method(
    "/mulligan.control.v1.ControlService/Freeze",
    Retry.REQUEST_ID,
    leads=(Lead(True, ("region",)),),
    references=(Reference(("region",), ("region",)),),
)
CONTROL_THAW = Method(
    "/mulligan.control.v1.ControlService/Thaw",
    Retry.REQUEST_ID,
    leads=(Lead(True, ("region",)),),
    references=(Reference(("region",), ("region",)),),
)
CONTROL_LIST_FREEZES = Method(
    "/mulligan.control.v1.ControlService/ListFreezes",
    Retry.READ,
)
CONTROL_RECONCILE = Method(
    "/mulligan.control.v1.ControlService/Reconcile",
    Retry.REQUEST_ID,
    leads=(Lead(True, ("region",)),),
    references=(Reference(("region",), ("region",)),),
)
CONTROL_LIST_DIFFERENCES = Method(
    "/mulligan.control.v1.ControlService/ListDifferences",
    Retry.READ,
    leads=(Lead(True, ("region",)),),
    references=(Reference(("region",), ("region",)),),
)
CONTROL_ROTATE_REGION_KEY = Method(
    "/mulligan.control.v1.ControlService/RotateRegionKey",
    Retry.REQUEST_ID,
    leads=(Lead(True, ("region",)),),
    references=(Reference(("region",), ("region",)),),
)
CONTROL_LIST_AUDIT_EVENTS = Method(
    "/mulligan.control.v1.ControlService/ListAuditEvents",
    Retry.READ,
    leads=(Lead(True, ("region",)), Lead(False, ("object_id",))),
    references=(
        Reference(("account",), ("account",)),
        Reference(("project",), ("project",)),
        Reference(("region",), ("region",)),
    ),
    merge=Merge.LATEST_FIRST,
)
CONTROL_CONTROL_CONFIGURE = Method(
    "/mulligan.control.v1.ControlService/ControlConfigure",
    Retry.REQUEST_ID,
)
CONTROL_GET_CONTROL_CONFIGURATION = Method(
    "/mulligan.control.v1.ControlService/GetControlConfiguration",
    Retry.READ,
)
CONTROL_EXECUTOR_CONFIGURE = Method(
    "/mulligan.control.v1.ControlService/ExecutorConfigure",
    Retry.REQUEST_ID,
    leads=(Lead(True, ("region",)),),
    references=(Reference(("region",), ("region",)),),
)
CONTROL_GET_EXECUTOR_CONFIGURATION = Method(
    "/mulligan.control.v1.ControlService/GetExecutorConfiguration",
    Retry.READ,
    leads=(Lead(True, ("region",)),),
    references=(Reference(("region",), ("region",)),),
)
CONTROL_WATCH = Method(
    "/mulligan.control.v1.ControlService/Watch",
    Retry.STREAM,
    leads=(Lead(False, ("object_id",)), Lead(False, ("operation",))),
    references=(Reference(("project",), ("project",)),),
)
IAM_BOOTSTRAP = Method(
    "/mulligan.iam.v1.IamService/Bootstrap",
    Retry.NEVER,
    anonymous=True,
)
IAM_LOGIN = Method(
    "/mulligan.iam.v1.IamService/Login",
    Retry.READ,
    anonymous=True,
)
IAM_REFRESH_TOKEN = Method(
    "/mulligan.iam.v1.IamService/RefreshToken",
    Retry.REQUEST_ID,
    anonymous=True,
)
IAM_SIGN_OUT = Method(
    "/mulligan.iam.v1.IamService/SignOut",
    Retry.REQUEST_ID,
)
IAM_LIST_SESSIONS = Method(
    "/mulligan.iam.v1.IamService/ListSessions",
    Retry.READ,
    references=(Reference(("account",), ("account",)),),
)
IAM_REVOKE_SESSION = Method(
    "/mulligan.iam.v1.IamService/RevokeSession",
    Retry.REQUEST_ID,
)
IAM_LIST_TOKEN_KEYS = Method(
    "/mulligan.iam.v1.IamService/ListTokenKeys",
    Retry.READ,
    anonymous=True,
)
IAM_ROTATE_TOKEN_KEYS = Method(
    "/mulligan.iam.v1.IamService/RotateTokenKeys",
    Retry.REQUEST_ID,
)
IAM_CREATE_PROJECT = Method(
    "/mulligan.iam.v1.IamService/CreateProject",
    Retry.REQUEST_ID,
    references=(Reference(("parent",), ("project",)),),
)
IAM_GET_PROJECT = Method(
    "/mulligan.iam.v1.IamService/GetProject",
    Retry.READ,
    references=(Reference(("id",), ("project",)),),
)
IAM_BATCH_GET_PROJECTS = Method(
    "/mulligan.iam.v1.IamService/BatchGetProjects",
    Retry.READ,
    references=(Reference(("ids",), ("project",)),),
)
IAM_LIST_PROJECTS = Method(
    "/mulligan.iam.v1.IamService/ListProjects",
    Retry.READ,
    references=(Reference(("parent",), ("project",)), Reference(("below",), ("project",))),
)
IAM_UPDATE_PROJECT = Method(
    "/mulligan.iam.v1.IamService/UpdateProject",
    Retry.REQUEST_ID,
    references=(Reference(("id",), ("project",)),),
)
IAM_DELETE_PROJECT = Method(
    "/mulligan.iam.v1.IamService/DeleteProject",
    Retry.REQUEST_ID,
    references=(Reference(("id",), ("project",)),),
)
IAM_CREATE_ACCOUNT = Method(
    "/mulligan.iam.v1.IamService/CreateAccount",
    Retry.REQUEST_ID,
)
IAM_GET_ACCOUNT = Method(
    "/mulligan.iam.v1.IamService/GetAccount",
    Retry.READ,
    references=(Reference(("id",), ("account",)),),
)
IAM_BATCH_GET_ACCOUNTS = Method(
    "/mulligan.iam.v1.IamService/BatchGetAccounts",
    Retry.READ,
    references=(Reference(("ids",), ("account",)),),
)
IAM_LIST_ACCOUNTS = Method(
    "/mulligan.iam.v1.IamService/ListAccounts",
    Retry.READ,
)
IAM_UPDATE_ACCOUNT = Method(
    "/mulligan.iam.v1.IamService/UpdateAccount",
    Retry.REQUEST_ID,
    references=(Reference(("id",), ("account",)),),
)
IAM_DELETE_ACCOUNT = Method(
    "/mulligan.iam.v1.IamService/DeleteAccount",
    Retry.REQUEST_ID,
    references=(Reference(("id",), ("account",)),),
)
IAM_CHANGE_PASSWORD = Method(
    "/mulligan.iam.v1.IamService/ChangePassword",
    Retry.REQUEST_ID,
)
IAM_CREATE_APPLICATION_CREDENTIAL = Method(
    "/mulligan.iam.v1.IamService/CreateApplicationCredential",
    Retry.REQUEST_ID,
    references=(
        Reference(("roles", "project"), ("project",)),
        Reference(("roles", "region"), ("region",)),
        Reference(("region",), ("region",)),
    ),
)
IAM_GET_APPLICATION_CREDENTIAL = Method(
    "/mulligan.iam.v1.IamService/GetApplicationCredential",
    Retry.READ,
    references=(Reference(("id",), ("account",)),),
)
IAM_BATCH_GET_APPLICATION_CREDENTIALS = Method(
    "/mulligan.iam.v1.IamService/BatchGetApplicationCredentials",
    Retry.READ,
    references=(Reference(("ids",), ("account",)),),
)
IAM_LIST_APPLICATION_CREDENTIALS = Method(
    "/mulligan.iam.v1.IamService/ListApplicationCredentials",
    Retry.READ,
    references=(Reference(("creator",), ("account",)),),
)
IAM_UPDATE_APPLICATION_CREDENTIAL = Method(
    "/mulligan.iam.v1.IamService/UpdateApplicationCredential",
    Retry.REQUEST_ID,
    references=(
        Reference(("id",), ("account",)),
        Reference(("roles", "project"), ("project",)),
        Reference(("roles", "region"), ("region",)),
    ),
)
IAM_DELETE_APPLICATION_CREDENTIAL = Method(
    "/mulligan.iam.v1.IamService/DeleteApplicationCredential",
    Retry.REQUEST_ID,
    references=(Reference(("id",), ("account",)),),
)
IAM_ASSIGN_ROLE = Method(
    "/mulligan.iam.v1.IamService/AssignRole",
    Retry.REQUEST_ID,
    references=(
        Reference(("account",), ("account",)),
        Reference(("project",), ("project",)),
        Reference(("region",), ("region",)),
    ),
)
IAM_REVOKE_ROLE = Method(
    "/mulligan.iam.v1.IamService/RevokeRole",
    Retry.REQUEST_ID,
    references=(
        Reference(("account",), ("account",)),
        Reference(("project",), ("project",)),
        Reference(("region",), ("region",)),
    ),
)
IAM_LIST_ASSIGNMENTS = Method(
    "/mulligan.iam.v1.IamService/ListAssignments",
    Retry.READ,
    references=(
        Reference(("account",), ("account",)),
        Reference(("project",), ("project",)),
        Reference(("region",), ("region",)),
    ),
)
IAM_CREATE_REGION = Method(
    "/mulligan.iam.v1.IamService/CreateRegion",
    Retry.REQUEST_ID,
    references=(
        Reference(("parent",), ("region",)),
        Reference(("spec", "visible_to"), ("project",)),
    ),
)
IAM_GET_REGION = Method(
    "/mulligan.iam.v1.IamService/GetRegion",
    Retry.READ,
    references=(Reference(("id",), ("region",)),),
)
IAM_BATCH_GET_REGIONS = Method(
    "/mulligan.iam.v1.IamService/BatchGetRegions",
    Retry.READ,
    references=(Reference(("ids",), ("region",)),),
)
IAM_LIST_REGIONS = Method(
    "/mulligan.iam.v1.IamService/ListRegions",
    Retry.READ,
    references=(Reference(("parent",), ("region",)),),
)
IAM_UPDATE_REGION = Method(
    "/mulligan.iam.v1.IamService/UpdateRegion",
    Retry.REQUEST_ID,
    references=(Reference(("id",), ("region",)), Reference(("spec", "visible_to"), ("project",))),
)
IAM_DELETE_REGION = Method(
    "/mulligan.iam.v1.IamService/DeleteRegion",
    Retry.REQUEST_ID,
    references=(Reference(("id",), ("region",)),),
)
IAM_REGISTER_SERVICE = Method(
    "/mulligan.iam.v1.IamService/RegisterService",
    Retry.REQUEST_ID,
    references=(Reference(("regions",), ("region",)),),
)
IAM_RENEW_SERVICE = Method(
    "/mulligan.iam.v1.IamService/RenewService",
    Retry.REQUEST_ID,
)
IAM_WITHDRAW_SERVICE = Method(
    "/mulligan.iam.v1.IamService/WithdrawService",
    Retry.REQUEST_ID,
)
IAM_LIST_SERVICES = Method(
    "/mulligan.iam.v1.IamService/ListServices",
    Retry.READ,
)
IAM_DELETE_SITE = Method(
    "/mulligan.iam.v1.IamService/DeleteSite",
    Retry.REQUEST_ID,
)
IAM_LIST_AUDIT_EVENTS = Method(
    "/mulligan.iam.v1.IamService/ListAuditEvents",
    Retry.READ,
    references=(
        Reference(("account",), ("account",)),
        Reference(("project",), ("project",)),
        Reference(("region",), ("region",)),
    ),
)
IAM_IAM_CONFIGURE = Method(
    "/mulligan.iam.v1.IamService/IamConfigure",
    Retry.REQUEST_ID,
)
IAM_GET_IAM_CONFIGURATION = Method(
    "/mulligan.iam.v1.IamService/GetIamConfiguration",
    Retry.READ,
)
IAM_WATCH = Method(
    "/mulligan.iam.v1.IamService/Watch",
    Retry.STREAM,
    references=(Reference(("project",), ("project",)),),
)
META_RESOLVE_NAMES = Method(
    "/mulligan.meta.v1.MetaService/ResolveNames",
    Retry.READ,
    leads=(Lead(True, ("region",)),),
    references=(Reference(("project",), ("project",)), Reference(("region",), ("region",))),
)
META_DESCRIBE_OBJECTS = Method(
    "/mulligan.meta.v1.MetaService/DescribeObjects",
    Retry.READ,
    leads=(Lead(False, ("ids",)),),
)
META_UPDATE_TAGS = Method(
    "/mulligan.meta.v1.MetaService/UpdateTags",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("object_ids",)),),
    references=(Reference(("tagged_by",), ("project",)),),
)
META_LIST_TAGS = Method(
    "/mulligan.meta.v1.MetaService/ListTags",
    Retry.READ,
    leads=(Lead(False, ("object_ids",)),),
    references=(Reference(("tagged_by",), ("project",)),),
)
META_LIST_OBJECTS_BY_TAG = Method(
    "/mulligan.meta.v1.MetaService/ListObjectsByTag",
    Retry.READ,
    leads=(Lead(True, ("region",)),),
    references=(
        Reference(("project",), ("project",)),
        Reference(("region",), ("region",)),
        Reference(("tagged_by",), ("project",)),
    ),
    merge=Merge.OBJECTS,
)
META_CREATE_METADEF = Method(
    "/mulligan.meta.v1.MetaService/CreateMetadef",
    Retry.REQUEST_ID,
    references=(Reference(("project",), ("project",)),),
)
META_GET_METADEF = Method(
    "/mulligan.meta.v1.MetaService/GetMetadef",
    Retry.READ,
    leads=(Lead(False, ("id",)),),
)
META_BATCH_GET_METADEFS = Method(
    "/mulligan.meta.v1.MetaService/BatchGetMetadefs",
    Retry.READ,
    leads=(Lead(False, ("ids",)),),
)
META_LIST_METADEFS = Method(
    "/mulligan.meta.v1.MetaService/ListMetadefs",
    Retry.READ,
    references=(Reference(("project",), ("project",)),),
)
META_UPDATE_METADEF = Method(
    "/mulligan.meta.v1.MetaService/UpdateMetadef",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("id",)),),
)
META_DELETE_METADEF = Method(
    "/mulligan.meta.v1.MetaService/DeleteMetadef",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("id",)),),
)
META_SET_ATTRIBUTES = Method(
    "/mulligan.meta.v1.MetaService/SetAttributes",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("attributes", "object_id")),),
)
META_LIST_ATTRIBUTES = Method(
    "/mulligan.meta.v1.MetaService/ListAttributes",
    Retry.READ,
    leads=(Lead(False, ("object_ids",)),),
)
META_LIST_OBJECTS_BY_ATTRIBUTE = Method(
    "/mulligan.meta.v1.MetaService/ListObjectsByAttribute",
    Retry.READ,
    leads=(Lead(True, ("region",)),),
    references=(Reference(("project",), ("project",)), Reference(("region",), ("region",))),
    merge=Merge.OBJECTS,
)
META_META_CONFIGURE = Method(
    "/mulligan.meta.v1.MetaService/MetaConfigure",
    Retry.REQUEST_ID,
)
META_GET_META_CONFIGURATION = Method(
    "/mulligan.meta.v1.MetaService/GetMetaConfiguration",
    Retry.READ,
)
META_WATCH = Method(
    "/mulligan.meta.v1.MetaService/Watch",
    Retry.STREAM,
    leads=(Lead(False, ("object_id",)), Lead(False, ("operation",))),
    references=(Reference(("project",), ("project",)),),
)
RESOURCE_CREATE_PROVIDER_TYPE = Method(
    "/mulligan.resource.v1.ResourceService/CreateProviderType",
    Retry.REQUEST_ID,
)
RESOURCE_UPDATE_PROVIDER_TYPE = Method(
    "/mulligan.resource.v1.ResourceService/UpdateProviderType",
    Retry.REQUEST_ID,
)
RESOURCE_LIST_PROVIDER_TYPES = Method(
    "/mulligan.resource.v1.ResourceService/ListProviderTypes",
    Retry.READ,
)
RESOURCE_DELETE_PROVIDER_TYPE = Method(
    "/mulligan.resource.v1.ResourceService/DeleteProviderType",
    Retry.REQUEST_ID,
)
RESOURCE_CREATE_RESOURCE_TYPE = Method(
    "/mulligan.resource.v1.ResourceService/CreateResourceType",
    Retry.REQUEST_ID,
)
RESOURCE_LIST_RESOURCE_TYPES = Method(
    "/mulligan.resource.v1.ResourceService/ListResourceTypes",
    Retry.READ,
)
RESOURCE_DELETE_RESOURCE_TYPE = Method(
    "/mulligan.resource.v1.ResourceService/DeleteResourceType",
    Retry.REQUEST_ID,
)
RESOURCE_CREATE_CAPABILITY = Method(
    "/mulligan.resource.v1.ResourceService/CreateCapability",
    Retry.REQUEST_ID,
)
RESOURCE_LIST_CAPABILITIES = Method(
    "/mulligan.resource.v1.ResourceService/ListCapabilities",
    Retry.READ,
)
RESOURCE_DELETE_CAPABILITY = Method(
    "/mulligan.resource.v1.ResourceService/DeleteCapability",
    Retry.REQUEST_ID,
)
RESOURCE_CREATE_PROVIDERS = Method(
    "/mulligan.resource.v1.ResourceService/CreateProviders",
    Retry.REQUEST_ID,
    leads=(Lead(True, ("region",)),),
    references=(
        Reference(("region",), ("region",)),
        Reference(("providers", "project"), ("project",)),
        Reference(("providers", "parent"), ("provider",)),
    ),
)
RESOURCE_UPDATE_PROVIDERS = Method(
    "/mulligan.resource.v1.ResourceService/UpdateProviders",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("changes", "id")),),
    references=(
        Reference(("changes", "id"), ("provider",)),
        Reference(("changes", "under"), ("provider",)),
        Reference(("changes", "project"), ("project",)),
    ),
)
RESOURCE_DELETE_PROVIDERS = Method(
    "/mulligan.resource.v1.ResourceService/DeleteProviders",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("ids",)),),
    references=(Reference(("ids",), ("provider",)),),
)
RESOURCE_RESHAPE_PROVIDERS = Method(
    "/mulligan.resource.v1.ResourceService/ReshapeProviders",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("changes", "id")),),
    references=(
        Reference(("changes", "id"), ("provider",)),
        Reference(("changes", "under"), ("provider",)),
        Reference(("changes", "project"), ("project",)),
        Reference(("moves", "from_provider"), ("provider",)),
        Reference(("moves", "to_provider"), ("provider",)),
        Reference(("moves", "claims"), ("claim",)),
    ),
)
RESOURCE_CREATE_GROUP = Method(
    "/mulligan.resource.v1.ResourceService/CreateGroup",
    Retry.REQUEST_ID,
    leads=(Lead(True, ("region",)),),
    references=(
        Reference(("region",), ("region",)),
        Reference(("members",), ("provider",)),
        Reference(("sharing",), ("provider",)),
    ),
)
RESOURCE_UPDATE_GROUP = Method(
    "/mulligan.resource.v1.ResourceService/UpdateGroup",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("id",)),),
    references=(
        Reference(("id",), ("group",)),
        Reference(("members", "add"), ("provider",)),
        Reference(("members", "remove"), ("provider",)),
        Reference(("members", "replace", "providers"), ("provider",)),
        Reference(("sharing", "add"), ("provider",)),
        Reference(("sharing", "remove"), ("provider",)),
        Reference(("sharing", "replace", "providers"), ("provider",)),
    ),
)
RESOURCE_GET_GROUP = Method(
    "/mulligan.resource.v1.ResourceService/GetGroup",
    Retry.READ,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("id",), ("group",)),),
)
RESOURCE_BATCH_GET_GROUPS = Method(
    "/mulligan.resource.v1.ResourceService/BatchGetGroups",
    Retry.READ,
    leads=(Lead(False, ("ids",)),),
    references=(Reference(("ids",), ("group",)),),
)
RESOURCE_LIST_GROUPS = Method(
    "/mulligan.resource.v1.ResourceService/ListGroups",
    Retry.READ,
    leads=(Lead(True, ("region",)), Lead(False, ("provider",))),
    references=(Reference(("region",), ("region",)), Reference(("provider",), ("provider",))),
)
RESOURCE_DELETE_GROUP = Method(
    "/mulligan.resource.v1.ResourceService/DeleteGroup",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("id",), ("group",)),),
)
RESOURCE_CREATE_DISTANCE_TYPE = Method(
    "/mulligan.resource.v1.ResourceService/CreateDistanceType",
    Retry.REQUEST_ID,
)
RESOURCE_LIST_DISTANCE_TYPES = Method(
    "/mulligan.resource.v1.ResourceService/ListDistanceTypes",
    Retry.READ,
)
RESOURCE_DELETE_DISTANCE_TYPE = Method(
    "/mulligan.resource.v1.ResourceService/DeleteDistanceType",
    Retry.REQUEST_ID,
)
RESOURCE_SET_DISTANCES = Method(
    "/mulligan.resource.v1.ResourceService/SetDistances",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("replace_all_of",)), Lead(False, ("set", "a"))),
    references=(
        Reference(("set", "a"), ("provider", "group")),
        Reference(("set", "b"), ("provider", "group")),
        Reference(("remove", "a"), ("provider", "group")),
        Reference(("remove", "b"), ("provider", "group")),
        Reference(("replace_all_of",), ("provider", "group")),
    ),
)
RESOURCE_LIST_DISTANCES = Method(
    "/mulligan.resource.v1.ResourceService/ListDistances",
    Retry.READ,
    leads=(Lead(False, ("object_id",)),),
    references=(Reference(("object_id",), ("provider", "group")),),
)
RESOURCE_MARK_PROVIDERS = Method(
    "/mulligan.resource.v1.ResourceService/MarkProviders",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("ids",)),),
    references=(Reference(("ids",), ("provider",)),),
)
RESOURCE_UNMARK_PROVIDERS = Method(
    "/mulligan.resource.v1.ResourceService/UnmarkProviders",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("ids",)),),
    references=(Reference(("ids",), ("provider",)),),
)
RESOURCE_GET_PROVIDER = Method(
    "/mulligan.resource.v1.ResourceService/GetProvider",
    Retry.READ,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("id",), ("provider",)),),
)
RESOURCE_BATCH_GET_PROVIDERS = Method(
    "/mulligan.resource.v1.ResourceService/BatchGetProviders",
    Retry.READ,
    leads=(Lead(False, ("ids",)),),
    references=(Reference(("ids",), ("provider",)),),
)
RESOURCE_LIST_PROVIDERS = Method(
    "/mulligan.resource.v1.ResourceService/ListProviders",
    Retry.READ,
    leads=(
        Lead(True, ("region",)),
        Lead(False, ("tree",)),
        Lead(False, ("parent",)),
        Lead(False, ("group",)),
    ),
    references=(
        Reference(("region",), ("region",)),
        Reference(("tree",), ("provider",)),
        Reference(("parent",), ("provider",)),
        Reference(("group",), ("group",)),
    ),
)
RESOURCE_CREATE_NETWORK = Method(
    "/mulligan.resource.v1.ResourceService/CreateNetwork",
    Retry.REQUEST_ID,
    leads=(Lead(True, ("region",)),),
    references=(Reference(("region",), ("region",)),),
)
RESOURCE_GET_NETWORK = Method(
    "/mulligan.resource.v1.ResourceService/GetNetwork",
    Retry.READ,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("id",), ("network",)),),
)
RESOURCE_BATCH_GET_NETWORKS = Method(
    "/mulligan.resource.v1.ResourceService/BatchGetNetworks",
    Retry.READ,
    leads=(Lead(False, ("ids",)),),
    references=(Reference(("ids",), ("network",)),),
)
RESOURCE_LIST_NETWORKS = Method(
    "/mulligan.resource.v1.ResourceService/ListNetworks",
    Retry.READ,
    leads=(Lead(True, ("region",)),),
    references=(Reference(("region",), ("region",)),),
)
RESOURCE_UPDATE_NETWORK = Method(
    "/mulligan.resource.v1.ResourceService/UpdateNetwork",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("id",), ("network",)),),
)
RESOURCE_DELETE_NETWORK = Method(
    "/mulligan.resource.v1.ResourceService/DeleteNetwork",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("id",), ("network",)),),
)
RESOURCE_PROPOSE_CANDIDATES = Method(
    "/mulligan.resource.v1.ResourceService/ProposeCandidates",
    Retry.STREAM,
    leads=(
        Lead(True, ("spec", "region")),
        Lead(False, ("spec", "provider")),
        Lead(False, ("spec", "groups", "provider")),
        Lead(False, ("spec", "near", "origin")),
    ),
    references=(
        Reference(("project",), ("project",)),
        Reference(("spec", "provider"), ("provider",)),
        Reference(("spec", "region"), ("region",)),
        Reference(("spec", "groups", "groups", "require"), ("group",)),
        Reference(("spec", "groups", "groups", "forbid"), ("group",)),
        Reference(("spec", "groups", "groups", "any", "names"), ("group",)),
        Reference(("spec", "groups", "distances", "origin"), ("provider", "group")),
        Reference(("spec", "groups", "provider"), ("provider",)),
        Reference(("spec", "near", "origin"), ("provider", "group")),
        Reference(("spec", "domains", "origin"), ("machine", "claim", "provider", "region")),
    ),
)
RESOURCE_FIND_OPENINGS = Method(
    "/mulligan.resource.v1.ResourceService/FindOpenings",
    Retry.READ,
    leads=(
        Lead(True, ("spec", "region")),
        Lead(False, ("spec", "provider")),
        Lead(False, ("spec", "groups", "provider")),
        Lead(False, ("spec", "near", "origin")),
    ),
    references=(
        Reference(("project",), ("project",)),
        Reference(("spec", "provider"), ("provider",)),
        Reference(("spec", "region"), ("region",)),
        Reference(("spec", "groups", "groups", "require"), ("group",)),
        Reference(("spec", "groups", "groups", "forbid"), ("group",)),
        Reference(("spec", "groups", "groups", "any", "names"), ("group",)),
        Reference(("spec", "groups", "distances", "origin"), ("provider", "group")),
        Reference(("spec", "groups", "provider"), ("provider",)),
        Reference(("spec", "near", "origin"), ("provider", "group")),
        Reference(("spec", "domains", "origin"), ("machine", "claim", "provider", "region")),
    ),
)
RESOURCE_LIST_CALENDAR = Method(
    "/mulligan.resource.v1.ResourceService/ListCalendar",
    Retry.READ,
    leads=(Lead(True, ("region",)),),
    references=(
        Reference(("region",), ("region",)),
        Reference(("group",), ("group",)),
        Reference(("provider",), ("provider",)),
    ),
)
RESOURCE_LIST_PROJECT_CALENDAR = Method(
    "/mulligan.resource.v1.ResourceService/ListProjectCalendar",
    Retry.READ,
    leads=(Lead(True, ("region",)), Lead(False, ("group",)), Lead(False, ("provider",))),
    references=(
        Reference(("project",), ("project",)),
        Reference(("region",), ("region",)),
        Reference(("group",), ("group",)),
        Reference(("provider",), ("provider",)),
    ),
)
RESOURCE_LIST_USAGE = Method(
    "/mulligan.resource.v1.ResourceService/ListUsage",
    Retry.READ,
    leads=(Lead(True, ("region",)), Lead(False, ("group",)), Lead(False, ("provider",))),
    references=(
        Reference(("region",), ("region",)),
        Reference(("group",), ("group",)),
        Reference(("provider",), ("provider",)),
    ),
)
RESOURCE_LIST_PROJECT_USAGE = Method(
    "/mulligan.resource.v1.ResourceService/ListProjectUsage",
    Retry.READ,
    leads=(Lead(True, ("region",)), Lead(False, ("group",)), Lead(False, ("provider",))),
    references=(
        Reference(("project",), ("project",)),
        Reference(("region",), ("region",)),
        Reference(("group",), ("group",)),
        Reference(("provider",), ("provider",)),
    ),
)
RESOURCE_CREATE_CLAIM = Method(
    "/mulligan.resource.v1.ResourceService/CreateClaim",
    Retry.REQUEST_ID,
    leads=(
        Lead(True, ("spec", "region")),
        Lead(False, ("spec", "provider")),
        Lead(False, ("candidate", "tree")),
        Lead(False, ("spec", "groups", "provider")),
        Lead(False, ("spec", "near", "origin")),
    ),
    references=(
        Reference(("project",), ("project",)),
        Reference(("spec", "provider"), ("provider",)),
        Reference(("spec", "region"), ("region",)),
        Reference(("spec", "groups", "groups", "require"), ("group",)),
        Reference(("spec", "groups", "groups", "forbid"), ("group",)),
        Reference(("spec", "groups", "groups", "any", "names"), ("group",)),
        Reference(("spec", "groups", "distances", "origin"), ("provider", "group")),
        Reference(("spec", "groups", "provider"), ("provider",)),
        Reference(("spec", "near", "origin"), ("provider", "group")),
        Reference(("spec", "domains", "origin"), ("machine", "claim", "provider", "region")),
        Reference(("candidate", "parts", "provider"), ("provider",)),
        Reference(("candidate", "tree"), ("provider",)),
    ),
)
RESOURCE_GET_CLAIM = Method(
    "/mulligan.resource.v1.ResourceService/GetClaim",
    Retry.READ,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("id",), ("claim",)), Reference(("project",), ("project",))),
)
RESOURCE_BATCH_GET_CLAIMS = Method(
    "/mulligan.resource.v1.ResourceService/BatchGetClaims",
    Retry.READ,
    leads=(Lead(False, ("ids",)),),
    references=(Reference(("ids",), ("claim",)), Reference(("project",), ("project",))),
)
RESOURCE_LIST_CLAIMS = Method(
    "/mulligan.resource.v1.ResourceService/ListClaims",
    Retry.READ,
    references=(Reference(("project",), ("project",)),),
)
RESOURCE_CONFIRM_CLAIM = Method(
    "/mulligan.resource.v1.ResourceService/ConfirmClaim",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("id",), ("claim",)), Reference(("project",), ("project",))),
)
RESOURCE_CHANGE_CLAIMS = Method(
    "/mulligan.resource.v1.ResourceService/ChangeClaims",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("changes", "id")),),
    references=(
        Reference(("project",), ("project",)),
        Reference(("changes", "id"), ("claim",)),
        Reference(("changes", "move", "spec", "provider"), ("provider",)),
        Reference(("changes", "move", "spec", "region"), ("region",)),
        Reference(("changes", "move", "spec", "groups", "groups", "require"), ("group",)),
        Reference(("changes", "move", "spec", "groups", "groups", "forbid"), ("group",)),
        Reference(("changes", "move", "spec", "groups", "groups", "any", "names"), ("group",)),
        Reference(
            ("changes", "move", "spec", "groups", "distances", "origin"), ("provider", "group")
        ),
        Reference(("changes", "move", "spec", "groups", "provider"), ("provider",)),
        Reference(("changes", "move", "spec", "near", "origin"), ("provider", "group")),
        Reference(
            ("changes", "move", "spec", "domains", "origin"),
            ("machine", "claim", "provider", "region"),
        ),
        Reference(("changes", "move", "candidate", "parts", "provider"), ("provider",)),
        Reference(("changes", "move", "candidate", "tree"), ("provider",)),
    ),
)
RESOURCE_SET_QUOTA = Method(
    "/mulligan.resource.v1.ResourceService/SetQuota",
    Retry.REQUEST_ID,
    references=(Reference(("project",), ("project",)),),
)
RESOURCE_LIST_QUOTAS = Method(
    "/mulligan.resource.v1.ResourceService/ListQuotas",
    Retry.READ,
)
RESOURCE_LIST_PROJECT_QUOTAS = Method(
    "/mulligan.resource.v1.ResourceService/ListProjectQuotas",
    Retry.READ,
    references=(Reference(("project",), ("project",)),),
)
RESOURCE_SET_CHILD_QUOTA = Method(
    "/mulligan.resource.v1.ResourceService/SetChildQuota",
    Retry.REQUEST_ID,
    references=(Reference(("project",), ("project",)), Reference(("child",), ("project",))),
)
RESOURCE_DELETE_CHILD_QUOTA = Method(
    "/mulligan.resource.v1.ResourceService/DeleteChildQuota",
    Retry.REQUEST_ID,
    references=(Reference(("project",), ("project",)), Reference(("child",), ("project",))),
)
RESOURCE_GET_QUOTA = Method(
    "/mulligan.resource.v1.ResourceService/GetQuota",
    Retry.READ,
    references=(Reference(("project",), ("project",)),),
)
RESOURCE_DELETE_QUOTA = Method(
    "/mulligan.resource.v1.ResourceService/DeleteQuota",
    Retry.REQUEST_ID,
    references=(Reference(("project",), ("project",)),),
)
RESOURCE_RELEASE_CLAIM = Method(
    "/mulligan.resource.v1.ResourceService/ReleaseClaim",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("id",), ("claim",)), Reference(("project",), ("project",))),
)
RESOURCE_CREATE_RESERVATIONS = Method(
    "/mulligan.resource.v1.ResourceService/CreateReservations",
    Retry.REQUEST_ID,
    leads=(Lead(True, ("region",)),),
    references=(
        Reference(("project",), ("project",)),
        Reference(("region",), ("region",)),
        Reference(("spec", "machine", "image"), ("image",)),
        Reference(("spec", "machine", "nics", "network"), ("network",)),
        Reference(("spec", "machine", "provider"), ("provider",)),
        Reference(
            ("spec", "machine", "domains", "origin"), ("machine", "claim", "provider", "region")
        ),
        Reference(("spec", "claim", "provider"), ("provider",)),
        Reference(("spec", "claim", "region"), ("region",)),
        Reference(("spec", "claim", "groups", "groups", "require"), ("group",)),
        Reference(("spec", "claim", "groups", "groups", "forbid"), ("group",)),
        Reference(("spec", "claim", "groups", "groups", "any", "names"), ("group",)),
        Reference(("spec", "claim", "groups", "distances", "origin"), ("provider", "group")),
        Reference(("spec", "claim", "groups", "provider"), ("provider",)),
        Reference(("spec", "claim", "near", "origin"), ("provider", "group")),
        Reference(
            ("spec", "claim", "domains", "origin"), ("machine", "claim", "provider", "region")
        ),
    ),
)
RESOURCE_GET_RESERVATION = Method(
    "/mulligan.resource.v1.ResourceService/GetReservation",
    Retry.READ,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("project",), ("project",)),),
)
RESOURCE_BATCH_GET_RESERVATIONS = Method(
    "/mulligan.resource.v1.ResourceService/BatchGetReservations",
    Retry.READ,
    leads=(Lead(False, ("ids",)),),
    references=(Reference(("project",), ("project",)),),
)
RESOURCE_LIST_RESERVATIONS = Method(
    "/mulligan.resource.v1.ResourceService/ListReservations",
    Retry.READ,
    leads=(Lead(False, ("series",)),),
    references=(Reference(("project",), ("project",)),),
)
RESOURCE_UPDATE_RESERVATION = Method(
    "/mulligan.resource.v1.ResourceService/UpdateReservation",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("project",), ("project",)),),
)
RESOURCE_CANCEL_RESERVATION = Method(
    "/mulligan.resource.v1.ResourceService/CancelReservation",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("project",), ("project",)),),
)
RESOURCE_CREATE_RESERVATION_SERIES = Method(
    "/mulligan.resource.v1.ResourceService/CreateReservationSeries",
    Retry.REQUEST_ID,
    leads=(Lead(True, ("region",)),),
    references=(
        Reference(("project",), ("project",)),
        Reference(("region",), ("region",)),
        Reference(("spec", "machine", "image"), ("image",)),
        Reference(("spec", "machine", "nics", "network"), ("network",)),
        Reference(("spec", "machine", "provider"), ("provider",)),
        Reference(
            ("spec", "machine", "domains", "origin"), ("machine", "claim", "provider", "region")
        ),
        Reference(("spec", "claim", "provider"), ("provider",)),
        Reference(("spec", "claim", "region"), ("region",)),
        Reference(("spec", "claim", "groups", "groups", "require"), ("group",)),
        Reference(("spec", "claim", "groups", "groups", "forbid"), ("group",)),
        Reference(("spec", "claim", "groups", "groups", "any", "names"), ("group",)),
        Reference(("spec", "claim", "groups", "distances", "origin"), ("provider", "group")),
        Reference(("spec", "claim", "groups", "provider"), ("provider",)),
        Reference(("spec", "claim", "near", "origin"), ("provider", "group")),
        Reference(
            ("spec", "claim", "domains", "origin"), ("machine", "claim", "provider", "region")
        ),
    ),
)
RESOURCE_GET_RESERVATION_SERIES = Method(
    "/mulligan.resource.v1.ResourceService/GetReservationSeries",
    Retry.READ,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("project",), ("project",)),),
)
RESOURCE_BATCH_GET_RESERVATION_SERIES = Method(
    "/mulligan.resource.v1.ResourceService/BatchGetReservationSeries",
    Retry.READ,
    leads=(Lead(False, ("ids",)),),
    references=(Reference(("project",), ("project",)),),
)
RESOURCE_LIST_RESERVATION_SERIES = Method(
    "/mulligan.resource.v1.ResourceService/ListReservationSeries",
    Retry.READ,
    references=(Reference(("project",), ("project",)),),
)
RESOURCE_END_RESERVATION_SERIES = Method(
    "/mulligan.resource.v1.ResourceService/EndReservationSeries",
    Retry.REQUEST_ID,
    leads=(Lead(False, ("id",)),),
    references=(Reference(("project",), ("project",)),),
)
RESOURCE_RESOURCE_CONFIGURE = Method(
    "/mulligan.resource.v1.ResourceService/ResourceConfigure",
    Retry.REQUEST_ID,
)
RESOURCE_GET_RESOURCE_CONFIGURATION = Method(
    "/mulligan.resource.v1.ResourceService/GetResourceConfiguration",
    Retry.READ,
)
RESOURCE_WATCH = Method(
    "/mulligan.resource.v1.ResourceService/Watch",
    Retry.STREAM,
    leads=(Lead(False, ("object_id",)), Lead(False, ("operation",))),
    references=(Reference(("project",), ("project",)),),
)
