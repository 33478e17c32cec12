"""mulligan project: tenants."""

from collections.abc import Mapping
from typing import Any

import click
from google.protobuf.field_mask_pb2 import FieldMask

from mulligan_client.commands.listing import takes_listing
from mulligan_client.commands.options import pass_session, takes_output
from mulligan_client.commands.places import PlaceKind, add_place_commands
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.session import Session


@click.group()
def project() -> None:
    """Tenants: who machines belong to. A role on one holds on all below it."""


_KIND = PlaceKind(
    "project",
    create=lambda session, name, parent: session.client.iam.CreateProject(
        iam_pb2.CreateProjectRequest(name=name, parent=parent)
    ),
    read=lambda session, one: session.client.iam.GetProject(iam_pb2.GetProjectRequest(id=one)),
    change=lambda session, one, name, generation: session.client.iam.UpdateProject(
        iam_pb2.UpdateProjectRequest(
            id=one, name=name, generation=generation, update_mask=FieldMask(paths=["name"])
        )
    ),
    delete=lambda session, one: session.client.iam.DeleteProject(
        iam_pb2.DeleteProjectRequest(id=one)
    ),
    current=lambda session: session.login.project,
    deletes="Delete a project below which no other is. What it has can still be ended.",
)
add_place_commands(project, _KIND)


@project.command("list")
@click.option("--parent", default="", help="Only those right below this one.")
@click.option("--below", default="", help="Only those below this one, however deep.")
@takes_listing()
@takes_output
@pass_session
def list_projects(
    session: Session, parent: str, below: str, listed: Mapping[str, Any], output: str
) -> None:
    """List the projects in which you have a role, there or above."""
    request = iam_pb2.ListProjectsRequest(
        parent=session.resolve("project", parent) if parent else "",
        below=session.resolve("project", below) if below else "",
        **listed,
    )
    answer = session.client.list_all(session.client.iam.ListProjects, request)
    session.show(answer, output, lambda: _KIND.table(session, answer.projects))
