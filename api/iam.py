"""The front door of iam."""

import asyncio
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import unquote

from api import messages
from api.call import current_call
from api.watch import Watch
from mulligan.iam import accounts, bootstrap, projects, regions, roles, sign_ins, tables, tokens
from mulligan.meta import names
from mulligan.meta.names import Name
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2, iam_pb2_grpc

_ROLE_NAMES = {
    common_pb2.ROLE_READER: "reader",
    common_pb2.ROLE_MEMBER: "member",
    common_pb2.ROLE_OPERATOR: "operator",
    common_pb2.ROLE_ADMIN: "admin",
}


class IamServicer(iam_pb2_grpc.IamServiceServicer):
    """Bootstrap, sign-in, projects, accounts, roles, regions."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        # Comparing takes 64 MiB and a core for some 30 ms: transactions have most of the threads.
        self._comparing = asyncio.Semaphore(2)

    async def Bootstrap(self, request: iam_pb2.BootstrapRequest, context: Any) -> Any:
        """Create the administrator, once."""

        def begin(session: Any) -> iam_pb2.BootstrapResponse:
            account = bootstrap.bootstrap(session, request.token, request.account, request.password)
            session.flush()
            token, expires_at = tokens.issue(session, account)
            return iam_pb2.BootstrapResponse(
                account=account, access_token=token, expires_at=messages.timestamp(expires_at)
            )

        return await current_call().write_anonymously(begin)

    async def Login(self, request: iam_pb2.LoginRequest, context: Any) -> Any:
        """Exchange a password for a token."""
        call = current_call()
        address = address_of(call.caller.address)
        attempt = await call.write_anonymously(
            lambda session: sign_ins.begin(session, request.account, address, datetime.now(UTC))
        )
        async with self._comparing:
            fits = await call.in_thread(lambda: attempt.fits(request.password))
        if not fits:
            raise sign_ins.refused()
        account, token, expires_at = await call.write_anonymously(
            lambda session: sign_ins.succeed(session, attempt, datetime.now(UTC))
        )
        return iam_pb2.LoginResponse(
            account=account, access_token=token, expires_at=messages.timestamp(expires_at)
        )

    async def ListTokenKeys(self, request: iam_pb2.ListTokenKeysRequest, context: Any) -> Any:
        """Publish the keys with which tokens are checked."""
        keys = await current_call().read(tokens.public_keys)
        return iam_pb2.ListTokenKeysResponse(
            keys=[iam_pb2.TokenKey(key_id=key, public_key=pem) for key, pem in keys.items()]
        )

    async def CreateProject(self, request: iam_pb2.CreateProjectRequest, context: Any) -> Any:
        """Create a project."""
        call = current_call()

        def create(session: Any) -> iam_pb2.Project:
            row = projects.create_project(
                session, request.name, request.parent, author=call.caller.account
            )
            return _project(row, names.describe(session, [row.id]))

        return await call.write(request, iam_pb2.Project, create)

    async def ListProjects(self, request: iam_pb2.ListProjectsRequest, context: Any) -> Any:
        """List the caller's projects."""
        call = current_call()
        size = messages.page_size(request.page)

        def read(session: Any) -> iam_pb2.ListProjectsResponse:
            after = messages.after_id(request.page)
            rows = projects.list_projects(session, call.caller, after, size)
            described = names.describe(session, [row.id for row in rows])
            return iam_pb2.ListProjectsResponse(
                projects=[_project(row, described) for row in rows],
                next_page_token=messages.next_token(rows, size),
            )

        return await call.read(read)

    async def CreateAccount(self, request: iam_pb2.CreateAccountRequest, context: Any) -> Any:
        """Create a user."""
        call = current_call()

        def create(session: Any) -> iam_pb2.Account:
            row = accounts.create_account(
                session, request.name, request.password, author=call.caller.account
            )
            described = names.describe(session, [row.id])
            return iam_pb2.Account(metadata=messages.metadata(row, described))

        return await call.write(request, iam_pb2.Account, create)

    async def AssignRole(self, request: iam_pb2.AssignRoleRequest, context: Any) -> Any:
        """Give an account a role."""
        call = current_call()

        def assign(session: Any) -> iam_pb2.Assignment:
            role = _ROLE_NAMES.get(request.role, "")
            roles.assign_role(
                session, request.account, role, request.project, author=call.caller.account
            )
            return iam_pb2.Assignment(
                account=request.account, role=request.role, project=request.project
            )

        return await call.write(request, iam_pb2.Assignment, assign)

    async def CreateRegion(self, request: iam_pb2.CreateRegionRequest, context: Any) -> Any:
        """Create a region."""
        call = current_call()

        def create(session: Any) -> iam_pb2.Region:
            row = regions.create_region(
                session, request.name, request.parent, author=call.caller.account
            )
            return _region(row, names.describe(session, [row.id]))

        return await call.write(request, iam_pb2.Region, create)

    async def ListRegions(self, request: iam_pb2.ListRegionsRequest, context: Any) -> Any:
        """List all regions."""
        size = messages.page_size(request.page)

        def read(session: Any) -> iam_pb2.ListRegionsResponse:
            rows = regions.list_regions(session, messages.after_id(request.page), size)
            described = names.describe(session, [row.id for row in rows])
            return iam_pb2.ListRegionsResponse(
                regions=[_region(row, described) for row in rows],
                next_page_token=messages.next_token(rows, size),
            )

        return await current_call().read(read)

    async def Watch(self, request: Any, context: Any) -> Any:
        """Stream changes."""
        async for event in self._watch.stream(request):
            yield event


def _project(row: tables.Project, described: dict[str, Name]) -> iam_pb2.Project:
    return iam_pb2.Project(
        metadata=messages.metadata(row, described, project=row.id), parent=row.parent or ""
    )


def _region(row: tables.Region, described: dict[str, Name]) -> iam_pb2.Region:
    return iam_pb2.Region(
        metadata=messages.metadata(row, described, region=row.id), parent=row.parent or ""
    )


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
