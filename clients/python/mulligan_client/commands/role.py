"""mulligan role: who may do what."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mulligan_client.commands.options import (
    confirm,
    one_of,
    pass_session,
    takes_output,
    takes_yes,
)
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table

_Command = TypeVar("_Command", bound=Callable[..., Any])

_ROLES = {
    "reader": common_pb2.ROLE_READER,
    "member": common_pb2.ROLE_MEMBER,
    "operator": common_pb2.ROLE_OPERATOR,
    "admin": common_pb2.ROLE_ADMIN,
}
_NAMES = {role: name for name, role in _ROLES.items()}


@click.group()
def role() -> None:
    """Who may do what: reader, member, operator, admin; each includes the ones before it.

    A role on a project or region holds on all below it.
    """


def takes_place(command: _Command) -> _Command:
    """Add --project, --region and --system."""
    command = click.option("--system", is_flag=True, help="It holds everywhere.")(command)
    command = click.option("--region", default="", help="Region in which it holds, and below.")(
        command
    )
    return click.option("--project", default="", help="Project in which it holds, and below.")(
        command
    )


def _place(session: Session, project: str, region: str, *, system: bool) -> dict[str, str]:
    """Find the place; for the system it has no field."""
    if sum(map(bool, (project, region, system))) != 1:
        raise click.UsageError(
            "say where it holds: either --project NAME, --region NAME or --system"
        )
    if project:
        return {"project": session.resolve("project", project)}
    return {"region": session.resolve("region", region)} if region else {}


@role.command("list")
@click.option("--account", default="", help="Only roles of this account.")
@click.option("--project", default="", help="Only roles on this project itself.")
@click.option("--region", default="", help="Only roles on this region itself.")
@takes_output
@pass_session
def list_roles(session: Session, account: str, project: str, region: str, output: str) -> None:
    """List your own roles, and those where you are an admin."""
    request = iam_pb2.ListAssignmentsRequest(
        account=session.resolve("account", account) if account else "",
        project=session.resolve("project", project) if project else "",
        region=session.resolve("region", region) if region else "",
    )
    answer = session.client.list_all(session.client.iam.ListAssignments, request)
    session.show(answer, output, lambda: _table(session, answer))


@role.command("show")
@click.argument("account")
@takes_output
@pass_session
def show(session: Session, account: str, output: str) -> None:
    """Show the roles of an account, as far as you may see them."""
    request = iam_pb2.ListAssignmentsRequest(account=session.resolve("account", account))
    answer = session.client.list_all(session.client.iam.ListAssignments, request)
    session.show(answer, output, lambda: _table(session, answer))


@role.command("assign")
@click.argument("account")
@click.argument("role_name", metavar="ROLE", type=one_of(list(_ROLES)))
@takes_place
@takes_output
@pass_session
def assign(
    session: Session,
    account: str,
    role_name: str,
    project: str,
    region: str,
    system: bool,
    output: str,
) -> None:
    """Give an account a role in a project, in a region, or on the whole system.

    An administrator of a project who can't look accounts up gives the account's UUID.
    """
    place = _place(session, project, region, system=system)
    request = iam_pb2.AssignRoleRequest(
        account=session.resolve("account", account), role=_ROLES[role_name], **place
    )
    found = session.client.iam.AssignRole(request)
    answer = iam_pb2.ListAssignmentsResponse(assignments=[found])
    session.show(found, output, lambda: _table(session, answer))


@role.command("revoke")
@click.argument("account")
@takes_place
@takes_yes
@pass_session
def revoke(
    session: Session, account: str, project: str, region: str, system: bool, yes: bool
) -> None:
    """Take the role away that an account has in a project, in a region or on the system itself."""
    place = _place(session, project, region, system=system)
    request = iam_pb2.RevokeRoleRequest(account=session.resolve("account", account), **place)
    where = project or region or "the system"
    confirm(session, f"Take the role of {account} on {where} away?", yes)
    session.client.iam.RevokeRole(request)
    session.remark(f"{account} has no role of its own on {where} any more.")


def _table(session: Session, answer: iam_pb2.ListAssignmentsResponse) -> "Table":
    from mulligan_client.output import table

    name = session.names(one.project or one.region for one in answer.assignments)
    return table(
        ["ACCOUNT", "ROLE", "ON", "NAME"],
        [
            (
                one.account_name or one.account,
                _NAMES.get(one.role, ""),
                "project" if one.project else "region" if one.region else "system",
                name(one.project or one.region),
            )
            for one in answer.assignments
        ],
    )
