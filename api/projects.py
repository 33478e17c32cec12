"""Which projects there are, and the site's copy of their tree: each is taken in when it asks."""

from api.call import current_call
from api.places import Places
from mulligan.iam.objects import not_there
from mulligan.resource import quotas


class Projects:
    """Knows projects, and has the site know those that ask for something; no project ever moves."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._known: set[str] = set()

    async def know(self, project: str) -> None:
        """Have the site know a project and those above it.

        Raises:
            NotFoundError: there is no such project.
        """
        if not project or project in self._known:
            return
        await self._places.know((project,))
        if self._places.is_ended(project):
            return  # What it has here can be ended; that it is known here shows in that it has it.
        if project not in self._places.projects:
            raise not_there("project", project)
        chain = self._places.projects.chain(project)
        await current_call().write_anonymously(lambda session: quotas.know_project(session, chain))
        self._known.update(chain)

    async def require(self, project: str) -> None:
        """Have the site know a project in which something new is asked for.

        Raises:
            NotFoundError: there is no such project, or it is deleted.
        """
        await self.know(project)
        if self._places.is_ended(project):
            raise not_there("project", project)
