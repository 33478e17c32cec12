"""The same house on PostgreSQL."""

import pytest
from sqlalchemy import create_engine, text

from deploy.demo import Built
from tests.databases import PostgreSQL
from tests.e2e.stack import running_stack

pytestmark = pytest.mark.timeout(900)


def test_a_virtual_machine_there_and_back_through_two_processes_of_the_services(
    built: Built, postgresql_server: PostgreSQL
) -> None:
    for name in ("e2e_site", "e2e_iam"):
        postgresql_server.administer(f"CREATE DATABASE {name}")
    site = postgresql_server.url("e2e_site")
    with running_stack(
        built,
        *("--database-url", site.render_as_string()),
        *("--iam-database-url", postgresql_server.url("e2e_iam").render_as_string()),
        *("--service-processes", "2"),
    ) as stack:
        before = stack.in_use()
        virtual = stack.provision("virtual-1", "virtual")
        assert stack.wait(virtual.metadata.id).status.state == "done"
        assert stack.machine(virtual.object_id).reported_hostname == "virtual-1"
        stack.end(virtual.object_id)
        assert stack.in_use() == before
        assert list(stack.state.glob("*.sqlite")) == []
        engine = create_engine(site)
        with engine.connect() as connection:
            states = connection.execute(text("SELECT state FROM machines")).scalars().all()
        engine.dispose()
        assert states == ["gone"]
    for name in ("e2e_site", "e2e_iam"):
        postgresql_server.administer(f"DROP DATABASE {name} WITH (FORCE)")
