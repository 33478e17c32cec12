"""Application credentials, from messages to changes and from rows to messages."""

from collections.abc import Iterable, Sequence

from sqlalchemy.orm import Session

from api import messages, roles
from api.call import current_call
from api.hashing import Hashing
from api.listings import listing_of, token_after
from api.masks import paths_of
from api.places import Places
from mulligan import events
from mulligan.iam import credentials
from mulligan.iam.credentials import Change, Limits
from mulligan.iam.roles import Held
from mulligan.iam.tables import Account, ApplicationCredential
from mulligan.meta import many_names, names
from mulligan.values.errors import InvalidArgumentError, PermissionDeniedError
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2 as pb
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2

METHODS = frozenset(
    f"{service.name}/{method.name}"
    for file in (pb, meta_pb2, resource_pb2, control_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
)

_FIXED = {
    one: f"a credential keeps its {one}; make another one with `mulligan app-credential create`"
    for one in ("secret", "region", "creator")
}


async def create(
    request: pb.CreateApplicationCredentialRequest, places: Places, hashing: Hashing
) -> pb.ApplicationCredential:
    """Make an account for a program of the caller's."""
    call = current_call()
    limits = Limits(
        _roles(request.roles),
        messages.time_of(request.expires_at) if request.HasField("expires_at") else None,
        [_method(one) for one in request.methods],
        request.region,
    )
    await places.know([one.place for one in limits.roles])
    secret_hash = await hashing.do(lambda: credentials.hash_secret(request.secret))

    def make(session: Session) -> pb.ApplicationCredential:
        row = credentials.create(session, call.caller, request.name, secret_hash, limits)
        return _shown(session, [credentials.get(session, call.caller, row.id)])[0]

    return await call.write(request, pb.ApplicationCredential, make)


async def get(request: pb.GetApplicationCredentialRequest) -> pb.ApplicationCredential:
    """Show an application credential."""
    call = current_call()
    return await call.read(
        lambda session: _shown(session, [credentials.get(session, call.caller, request.id)])[0]
    )


async def get_all(
    request: pb.BatchGetApplicationCredentialsRequest,
) -> pb.BatchGetApplicationCredentialsResponse:
    """Show several application credentials."""
    caller = current_call().caller

    def read(session: Session) -> pb.BatchGetApplicationCredentialsResponse:
        found = credentials.get_all(session, caller, request.ids)
        shown = messages.at_once(_shown(session, found))
        return pb.BatchGetApplicationCredentialsResponse(application_credentials=shown)

    return await current_call().read(read)


async def list_page(
    request: pb.ListApplicationCredentialsRequest,
) -> pb.ListApplicationCredentialsResponse:
    """List the application credentials of an account."""
    call = current_call()
    creator = request.creator or call.caller.account
    if creator != call.caller.account and not call.caller.has("admin"):
        raise PermissionDeniedError(
            "another account's application credentials are shown to admins of the system; ask one"
        )
    if not names.is_uuid(creator):
        raise InvalidArgumentError("creator is not an id; give the account's UUID", field="creator")
    listing = listing_of(request, "application credential")

    def read(session: Session) -> pb.ListApplicationCredentialsResponse:
        revision = events.told_revision(session)
        page = credentials.list_page(session, creator, listing)
        shown = messages.fitting(_shown(session, page.items))
        return pb.ListApplicationCredentialsResponse(
            application_credentials=shown,
            next_page_token=token_after(page, shown),
            revision=revision,
        )

    return await call.read(read)


async def update(request: pb.UpdateApplicationCredentialRequest) -> pb.ApplicationCredential:
    """Rename an application credential, or give it less."""
    call = current_call()
    paths = paths_of(request, ("name", "roles", "expires_at", "methods"), _FIXED)
    if "expires_at" in paths and not request.HasField("expires_at"):
        raise InvalidArgumentError(
            "expires_at is missing; say when it is over, no later than it would be",
            field="expires_at",
        )
    change = Change(
        name=request.name if "name" in paths else None,
        roles=_roles(request.roles) if "roles" in paths else None,
        expires_at=messages.time_of(request.expires_at) if "expires_at" in paths else None,
        methods=[_method(one) for one in request.methods] if "methods" in paths else None,
    )

    def make(session: Session) -> pb.ApplicationCredential:
        found = credentials.update(
            session, call.caller, request.id, change, generation=request.generation
        )
        return _shown(session, [found])[0]

    return await call.write(request, pb.ApplicationCredential, make)


async def delete(
    request: pb.DeleteApplicationCredentialRequest,
) -> pb.DeleteApplicationCredentialResponse:
    """Delete an application credential."""
    call = current_call()

    def end(session: Session) -> pb.DeleteApplicationCredentialResponse:
        credentials.delete(session, call.caller, request.id)
        return pb.DeleteApplicationCredentialResponse()

    return await call.write(request, pb.DeleteApplicationCredentialResponse, end)


def _roles(given: Iterable[pb.GivenRole]) -> list[Held]:
    return [Held("", roles.NAMES.get(one.role, ""), one.project, one.region) for one in given]


def _method(named: str) -> str:
    """Read the name of a method: Service/Method, or with the package, with a dot or a slash."""
    service, _, method = named.strip("/").replace("/", ".").rpartition(".")
    known = f"{service.rpartition('.')[2]}/{method}"
    if known not in METHODS:
        raise InvalidArgumentError(
            f"there is no method {named!r}; name it as ControlService/GetMachine", field="methods"
        )
    return known


def _shown(
    session: Session, found: Sequence[tuple[Account, ApplicationCredential]]
) -> list[pb.ApplicationCredential]:
    ids = [row.id for row, _ in found]
    described, old = names.describe(session, ids), many_names.old_slugs(session, ids)
    given = credentials.roles_given(session, ids)
    return [
        pb.ApplicationCredential(
            metadata=messages.metadata(row, described, old_slugs=old),
            creator=limits.creator,
            roles=[
                pb.GivenRole(role=roles.ROLES[one.role], project=one.project, region=one.region)
                for one in given
                if one.account == row.id
            ],
            expires_at=messages.timestamp(limits.expires_at),
            methods=limits.methods,
            region=limits.region or "",
        )
        for row, limits in found
    ]
