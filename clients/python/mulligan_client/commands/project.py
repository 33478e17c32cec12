"""mulligan project: tenants."""

from typing import TYPE_CHECKING

import click

from mulligan_client.commands.options import pass_session, takes_output
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table


@click.group()
def project() -> None:
    """Tenants: who machines belong to."""


@project.command("create")
@click.argument("name")
@click.option("--parent", default="", help="Project above it.")
@takes_output
@pass_session
def create(session: Session, name: str, parent: str, output: str) -> None:
    """Create a project."""
    parent_id = session.resolve("project", parent) if parent else ""
    request = iam_pb2.CreateProjectRequest(name=name, parent=parent_id)
    found = session.client.iam.CreateProject(request)
    answer = iam_pb2.ListProjectsResponse(projects=[found])
    session.show(found, output, lambda: _table(session, answer))


@project.command("list")
@takes_output
@pass_session
def list_projects(session: Session, output: str) -> None:
    """List the projects in which you have a role."""
    request = iam_pb2.ListProjectsRequest()
    answer = session.client.list_all(session.client.iam.ListProjects, request)
    session.show(answer, output, lambda: _table(session, answer))


def _table(session: Session, answer: iam_pb2.ListProjectsResponse) -> "Table":
    from mulligan_client.output import table

    names = {one.metadata.id: one.metadata.name for one in answer.projects}
    return table(
        ["NAME", "PARENT", "CURRENT", "ID"],
        [
            (
                one.metadata.name,
                names.get(one.parent, one.parent),
                "yes" if one.metadata.id == session.login.project else "",
                one.metadata.id,
            )
            for one in answer.projects
        ],
    )
