"""Roles, from messages to changes and back."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from api import messages
from api.call import current_call
from api.page_tokens import foreign_token
from mulligan import events
from mulligan.iam import roles
from mulligan.iam.roles import Held
from mulligan.meta import names
from mulligan.values.caller import SYSTEM
from mulligan.values.errors import InvalidArgumentError
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2 as pb

NAMES = {
    common_pb2.ROLE_READER: "reader",
    common_pb2.ROLE_MEMBER: "member",
    common_pb2.ROLE_OPERATOR: "operator",
    common_pb2.ROLE_ADMIN: "admin",
}
ROLES = {name: role for role, name in NAMES.items()}


async def assign(request: pb.AssignRoleRequest) -> pb.Assignment:
    """Give an account a role."""
    call = current_call()

    def give(session: Session) -> pb.Assignment:
        held = roles.assign_role(
            session,
            request.account,
            NAMES.get(request.role, ""),
            request.project,
            request.region,
            author=call.caller.account,
        )
        return _shown(session, [held])[0]

    return await call.write(request, pb.Assignment, give)


async def revoke(request: pb.RevokeRoleRequest) -> pb.RevokeRoleResponse:
    """Take a role away from an account."""
    call = current_call()

    def take(session: Session) -> pb.RevokeRoleResponse:
        roles.revoke_role(
            session,
            request.account,
            request.project,
            request.region,
            author=call.caller.account,
        )
        return pb.RevokeRoleResponse()

    return await call.write(request, pb.RevokeRoleResponse, take)


async def list_page(request: pb.ListAssignmentsRequest) -> pb.ListAssignmentsResponse:
    """List who has which role where, as far as the caller may see it."""
    call = current_call()
    roles.refuse_two_places(request.project, request.region)
    if request.account and not names.is_uuid(request.account):
        raise InvalidArgumentError(
            f"account {request.account!r} is not an id; give the account's UUID", field="account"
        )
    size, after = messages.page_size(request.page), _after(request.page)

    def read(session: Session) -> pb.ListAssignmentsResponse:
        revision = events.told_revision(session)
        found = roles.list_roles(
            session,
            call.caller,
            account=request.account,
            place=request.project or request.region,
            after=after,
            limit=size,
        )
        return pb.ListAssignmentsResponse(
            assignments=_shown(session, found),
            next_page_token=(
                messages.token_of(found[-1].account, found[-1].place) if len(found) == size else ""
            ),
            revision=revision,
        )

    return await call.read(read)


def _after(page: common_pb2.Page) -> tuple[str, str] | None:
    cursor = messages.cursor_of(page)
    if not cursor:
        return None
    if len(cursor) != 2 or not names.is_uuid(cursor[0]):
        raise foreign_token()
    account, place = cursor
    if place != SYSTEM and not names.is_uuid(place):
        raise foreign_token()
    return account, place


def _shown(session: Session, found: Sequence[Held]) -> list[pb.Assignment]:
    described = names.describe(session, [held.account for held in found])
    return [
        pb.Assignment(
            account=held.account,
            account_name=described[held.account].name if held.account in described else "",
            role=ROLES[held.role],
            project=held.project,
            region=held.region,
        )
        for held in found
    ]
