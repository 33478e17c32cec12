"""mulligan role: who may do what."""

import click

from mulligan_client.commands.options import one_of, pass_session, takes_output
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.session import Session

_ROLES = {
    "reader": common_pb2.ROLE_READER,
    "member": common_pb2.ROLE_MEMBER,
    "operator": common_pb2.ROLE_OPERATOR,
    "admin": common_pb2.ROLE_ADMIN,
}


@click.group()
def role() -> None:
    """Who may do what: reader, member, operator, admin; each includes the ones before it."""


@role.command("assign")
@click.argument("account")
@click.argument("role_name", metavar="ROLE", type=one_of(list(_ROLES)))
@click.option("--project", default="", help="Project in which it holds.")
@click.option("--system", is_flag=True, help="It holds everywhere.")
@takes_output
@pass_session
def assign(
    session: Session, account: str, role_name: str, project: str, system: bool, output: str
) -> None:
    """Give an account a role in a project, or on the whole system."""
    from mulligan_client.output import sheet

    if bool(project) == system:
        raise click.UsageError("say where it holds: either --project NAME or --system")
    request = iam_pb2.AssignRoleRequest(
        account=session.resolve("account", account),
        role=_ROLES[role_name],
        project=session.resolve("project", project) if project else "",
    )
    found = session.client.iam.AssignRole(request)
    where = project or "everywhere"
    session.show(
        found, output, lambda: sheet([("account", account), ("role", role_name), ("in", where)])
    )
