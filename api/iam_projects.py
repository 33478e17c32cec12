"""Projects, from messages to changes and from rows to messages."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from api import messages
from api.call import current_call
from api.listings import listing_of, token_after
from api.masks import paths_of
from api.places import Places
from mulligan import events
from mulligan.iam import projects
from mulligan.iam.objects import Place
from mulligan.iam.tables import Project
from mulligan.meta import many_names, names
from mulligan.values.errors import PermissionDeniedError
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2 as pb


async def create(request: pb.CreateProjectRequest, places: Places) -> pb.Project:
    """Create a project."""
    call = current_call()

    def make(session: Session) -> pb.Project:
        row = projects.create_project(
            session, request.name, request.parent, author=call.caller.account
        )
        return _shown(session, [row])[0]

    made = await call.write(request, pb.Project, make)
    places.take([Place("project", made.metadata.id, made.parent or None, False)])
    return made


async def get(request: pb.GetProjectRequest) -> pb.Project:
    """Show a project."""
    return await current_call().read(
        lambda session: _shown(session, [projects.get_project(session, request.id)])[0]
    )


async def get_all(
    request: pb.BatchGetProjectsRequest, places: Places
) -> pb.BatchGetProjectsResponse:
    """Show several projects."""
    caller = current_call().caller
    await places.know(request.ids)

    def read(session: Session) -> pb.BatchGetProjectsResponse:
        rows = projects.get_projects(session, caller, list(request.ids))
        return pb.BatchGetProjectsResponse(projects=messages.at_once(_shown(session, rows)))

    return await current_call().read(read)


async def list_page(request: pb.ListProjectsRequest) -> pb.ListProjectsResponse:
    """List projects."""
    caller = current_call().caller
    listing = listing_of(request, "project")

    def read(session: Session) -> pb.ListProjectsResponse:
        revision = events.told_revision(session)
        page = projects.list_projects(
            session,
            caller,
            parent=request.parent,
            below=request.below,
            listing=listing,
        )
        shown = messages.fitting(_shown(session, page.items))
        return pb.ListProjectsResponse(
            projects=shown,
            next_page_token=token_after(page, shown),
            revision=revision,
        )

    return await current_call().read(read)


async def update(request: pb.UpdateProjectRequest) -> pb.Project:
    """Change a project."""
    call = current_call()
    paths_of(request, ("name",), {"parent": "no project ever moves; create another one there"})

    def change(session: Session) -> pb.Project:
        row = projects.update_project(
            session,
            request.id,
            name=request.name,
            generation=request.generation,
            author=call.caller.account,
        )
        return _shown(session, [row])[0]

    return await call.write(request, pb.Project, change)


async def delete(request: pb.DeleteProjectRequest, places: Places) -> pb.DeleteProjectResponse:
    """Delete a project: that is for who administers what is above it."""
    call = current_call()

    def end(session: Session) -> pb.DeleteProjectResponse:
        above = projects.get_project(session, request.id).parent
        if not call.caller.has("admin", above or ""):
            where = f"project {above}" if above else "the system"
            raise PermissionDeniedError(
                f"DeleteProject needs the role admin on {where}; ask an administrator for it"
            )
        projects.delete_project(session, request.id, author=call.caller.account)
        return pb.DeleteProjectResponse()

    answer = await call.write(request, pb.DeleteProjectResponse, end)
    places.end(str(UUID(request.id)))
    return answer


def _shown(session: Session, rows: Sequence[Project]) -> list[pb.Project]:
    ids = [row.id for row in rows]
    described, old = names.describe(session, ids), many_names.old_slugs(session, ids)
    return [
        pb.Project(
            metadata=messages.metadata(row, described, project=row.id, old_slugs=old),
            parent=row.parent or "",
        )
        for row in rows
    ]
