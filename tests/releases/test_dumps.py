"""What each release has written is taken over: migrated, served, and added to."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from deploy.releases import DATABASES, KINDS, Release, releases, version_here
from mulligan import events
from mulligan.database import Database
from mulligan.migrations import migrate
from tests.databases import PostgreSQL
from tests.fakes.caller import METHODS
from tests.fakes.place import Place
from tests.fakes.site import Site
from tests.mulligan.test_migrations import differences
from tests.releases import answers
from tests.releases.dumps import load

RELEASED = [(release, kind) for release in releases() for kind in KINDS]


def test_every_list_is_asked_for() -> None:
    lists = {name for name in METHODS if "List" in name}
    asked = {
        *(*answers.OF_ALL, *answers.OF_AN_ACCOUNT, *answers.OF_A_PROJECT),
        *(*answers.OF_A_REGION, *answers.OF_OBJECTS),
    }
    assert lists == {name for name in asked if "List" in name} | answers.NOT_ASKED.keys()


@pytest.fixture(params=RELEASED, ids=lambda param: f"{param[0].version}-{param[1]}")
def released(request: pytest.FixtureRequest) -> tuple[Release, str]:
    """A release, and a kind of database."""
    found: tuple[Release, str] = request.param
    return found


@pytest.fixture
def databases(
    request: pytest.FixtureRequest, released: tuple[Release, str], tmp_path: Path
) -> Iterator[Mapping[str, Database]]:
    """The databases that the release left."""
    release, kind = released
    urls = {name: f"sqlite:///{tmp_path}/{name}.sqlite" for name in DATABASES}
    if kind == "postgresql":
        server: PostgreSQL = request.getfixturevalue("postgresql_server")
        for name in DATABASES:
            server.administer(f"CREATE DATABASE released_{name}")
            urls[name] = server.url(f"released_{name}").render_as_string()
    loaded = {name: Database(url, pool_size=32) for name, url in urls.items()}
    for name, database in loaded.items():
        load(release.dump(kind, name), database)
    yield loaded
    for name, database in loaded.items():
        database.close()
        if kind == "postgresql":
            server.administer(f"DROP DATABASE released_{name} WITH (FORCE)")


@pytest.mark.usefixtures("_long_tokens")
def test_what_a_release_wrote_is_served_and_added_to(
    released: tuple[Release, str], databases: Mapping[str, Database], tmp_path: Path
) -> None:
    release, kind = released
    for database in databases.values():
        then = revision(database)
        migrate(database)
        assert revision(database) == then or release.version != version_here(), (
            f"{release.version} was made before the newest migration, which is of a later version; "
            "or `make release ARGS=--again`, if nobody has got it"
        )
        assert differences(database) == []
        events.record(database)
    site = Site(databases["site"], databases["iam"], tmp_path)
    with site.running():
        assert answers.differing(site.admin, release.answers(kind)) == []
        assert_events_are_told(site.admin)
        place = Place(site)
        place.host()
        machine = place.machine(name="web-1")
        assert place.get(machine).status.state == "active"


def revision(database: Database) -> str:
    """The migration that a database is at."""
    version = text("SELECT version_num FROM alembic_version")
    return str(database.read(lambda session: session.scalars(version).one()))


def assert_events_are_told(admin: Any) -> None:
    """From before the release was made on, to who watches and who audits."""
    for watch in (admin.Watch, admin.iamWatch):
        watched = watch(after_revision=1)
        assert next(watched).revision == 2
        watched.cancel()
    refusals = admin.iamListAuditEvents(result="PERMISSION_DENIED").events
    assert [one.method for one in refusals] == ["IamService/CreateRegion"]
