"""The site's copy of the tree of projects: each is taken in when it first asks for something."""

from api.call import current_call
from mulligan.database import Database
from mulligan.iam import projects
from mulligan.resource import quotas


class Projects:
    """Asks iam's database under which others a project is; no project ever moves."""

    def __init__(self, installation: Database) -> None:
        self._installation = installation
        self._known: set[str] = set()

    async def know(self, project: str) -> None:
        """Have the site know a project and those above it.

        Raises:
            NotFoundError: there is no such project.
        """
        if not project or project in self._known:
            return
        call = current_call()
        chain = await call.on(self._installation).read(
            lambda session: projects.project_chain(session, project)
        )
        await call.write_anonymously(lambda session: quotas.know_project(session, chain))
        self._known.update(chain)
