"""The catalogue of sites: who may say where a site is, what it serves, and who was there first."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.database import Database
from mulligan.events import EventRow
from mulligan.iam import accounts, catalogue, processes, regions, roles
from mulligan.iam.catalogue import REGISTER, Registration
from mulligan.iam.processes import FORGOTTEN_AFTER, LEASE
from mulligan.iam.tables import ApplicationCredential, ServiceRow
from mulligan.iam.tokens import SERVICES
from mulligan.values.caller import SYSTEM, Caller
from mulligan.values.errors import MulliganError
from mulligan.values.places import RegionTree
from tests.mulligan.iam.held import meeting

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
BESIDE_IAM = Caller(SERVICES, {SYSTEM: "reader"})
ADMIN = Caller(str(uuid4()), {SYSTEM: "admin"})


class Installation:
    """An iam with regions in a tree: europe with berlin below it, and asia."""

    def __init__(self, database: Database) -> None:
        self.database, self.tree = database, RegionTree()
        self.europe = self.region("europe")
        self.berlin = self.region("berlin", self.europe)
        self.asia = self.region("asia")

    def region(self, name: str, parent: str = "") -> str:
        made = self.database.write(lambda session: regions.create_region(session, name, parent))
        self.tree.add(made.id, made.parent)
        return made.id

    def account(self, role: str = "") -> str:
        def make(session: Session) -> str:
            made = accounts.create_account(session, f"account-{uuid4()}", "no password")
            if role:
                roles.assign_role(session, made.id, role)
            return made.id

        return self.database.write(make)

    def credential(self, *served: str, creator: str = "admin") -> Caller:
        """A program that may register, with the role for that on regions or (empty) the rest."""
        account, made_by = self.account(), self.account(creator)
        row = ApplicationCredential(
            account=account, creator=made_by, expires_at=None, methods=[REGISTER], region=None
        )
        self.database.write(lambda session: session.add(row))
        return Caller(
            account,
            {SYSTEM: "reader"} | dict.fromkeys(served, "operator"),
            application=True,
            methods=frozenset(row.methods),
            region_tree=self.tree,
        )

    def lower_creator(self, credential: Caller) -> None:
        """Leave who made a credential without the role of an admin."""
        query = select(ApplicationCredential.creator).where(
            ApplicationCredential.account == credential.account
        )

        def lower(session: Session) -> None:
            roles.assign_role(session, session.scalars(query).one(), "operator")

        self.database.write(lower)

    def register(
        self, caller: Caller, site: str, *serves: str, at: datetime = NOW, **more: str
    ) -> str:
        said = said_of(site, serves, **more)
        self.database.write(lambda session: catalogue.register(session, said, at, caller))
        return said.id

    def renew(self, caller: Caller, service: str, at: datetime = NOW) -> None:
        self.database.write(lambda session: catalogue.renew(session, service, at, caller))

    def withdraw(self, caller: Caller, service: str) -> None:
        self.database.write(lambda session: catalogue.withdraw(session, service, caller))

    def served(self) -> dict[str, set[str]]:
        """The regions of each site."""
        sees_all = Caller("", {SYSTEM: "reader"}, region_tree=self.tree)
        found = self.database.read(lambda session: catalogue.sites(session, sees_all))
        return {one.id: set(one.regions) for one in found}

    def services(self, site: str) -> set[str]:
        query = select(ServiceRow.id).where(ServiceRow.site == site)
        return set(self.database.read(lambda session: session.scalars(query).all()))

    def told(self, site: str) -> list[tuple[str, str]]:
        """What events say of a site."""
        query = select(EventRow.kind, EventRow.message).where(EventRow.object_id == site)
        rows = self.database.read(
            lambda session: session.execute(query.order_by(EventRow.revision)).all()
        )
        return [(row.kind, row.message) for row in rows]

    def delete_site(self, site: str, at: datetime = NOW) -> None:
        self.database.write(lambda session: catalogue.delete_site(session, site, at))


def said_of(
    site: str, serves: Collection[str] = (), service: str = "", address: str = "http://site"
) -> Registration:
    return Registration(service or str(uuid4()), site, ["meta"], address, "1", serves)


@pytest.fixture
def installation(database: Database) -> Installation:
    return Installation(database)


def new_site() -> str:
    return str(uuid4())


@contextmanager
def refused(code: str) -> Iterator["Refusal"]:
    refusal = Refusal()
    with pytest.raises(MulliganError) as raised:
        yield refusal
    assert raised.value.reason == code
    refusal.message, refusal.details = raised.value.message, raised.value.details
    refusal.grpc_status = raised.value.grpc_status


class Refusal:
    """What was refused with, after the fact."""

    message = grpc_status = ""
    details: Mapping[str, str] = MappingProxyType({})


# What sites serve


def test_a_site_serves_what_is_below_its_regions_and_the_other_one_the_rest(
    installation: Installation,
) -> None:
    rest, berlin = new_site(), new_site()
    installation.register(BESIDE_IAM, rest)
    assert installation.served() == {
        rest: {installation.europe, installation.berlin, installation.asia}
    }
    process = installation.register(ADMIN, berlin, installation.berlin)
    hall = installation.region("hall", installation.berlin)
    assert installation.served() == {
        rest: {installation.europe, installation.asia},
        berlin: {installation.berlin, hall},
    }
    # What it serves is what it said last, and who watches is told when it is something else.
    for _ in range(2):
        installation.register(ADMIN, berlin, installation.asia, service=process)
        assert installation.served()[berlin] == {installation.asia}
    assert installation.told(berlin) == [
        ("created", f"serves region {installation.berlin}"),
        ("updated", f"serves region {installation.asia}"),
    ]


def test_two_sites_do_not_serve_the_same(installation: Installation) -> None:
    first, second = new_site(), new_site()
    installation.register(ADMIN, first, installation.europe)
    for other in ((installation.europe,), (installation.asia, installation.europe)):
        with refused("REGION_SERVED"):
            installation.register(ADMIN, second, *other)
    installation.register(ADMIN, second)
    with refused("REGION_SERVED"):
        installation.register(ADMIN, new_site())
    with refused("NOT_FOUND"):
        installation.register(ADMIN, second, str(uuid4()))
    assert installation.served() == {
        first: {installation.europe, installation.berlin},
        second: {installation.asia},
    }


def test_a_site_is_deleted_with_all_of_it_once_it_is_away(installation: Installation) -> None:
    site, other = new_site(), new_site()
    installation.register(ADMIN, site, installation.europe)
    with refused("SITE_ALIVE"):
        installation.delete_site(site, NOW + LEASE / 2)
    installation.delete_site(site, NOW + LEASE)
    with refused("NOT_FOUND"):
        installation.delete_site(site)
    installation.register(ADMIN, other, installation.europe)
    assert installation.served().keys() == {other}


def test_a_process_that_is_away_makes_room_for_the_next_at_its_address(
    installation: Installation,
) -> None:
    site = new_site()
    installation.register(ADMIN, site, address="a:1")
    away, later = installation.register(ADMIN, site, address="b:1"), NOW + LEASE
    alive = installation.register(ADMIN, site, address="a:1", at=later)
    assert installation.services(site) == {away, alive}
    beside = installation.register(ADMIN, site, address="a:1", at=later)
    assert installation.services(site) == {away, alive, beside}
    last = installation.register(ADMIN, site, address="c:1", at=NOW + FORGOTTEN_AFTER + LEASE / 2)
    assert installation.services(site) == {alive, beside, last}


def test_what_a_site_serves_changes_once_nobody_alive_says_the_old(
    installation: Installation,
) -> None:
    site, berlin, asia = new_site(), installation.berlin, installation.asia
    olds = [installation.register(ADMIN, site, berlin) for _ in range(3)]
    new, later = str(uuid4()), NOW + LEASE
    for _ in range(2):
        with refused("SITE_SERVES_OTHERWISE") as refusal:
            installation.register(ADMIN, site, asia, berlin, service=new)
        assert f"serves region {berlin}, as" in refusal.message
        assert refusal.message.count("at http://site; start this one with the same") == 1
        installation.withdraw(ADMIN, olds.pop())
    # The last one was killed; a process beside it that says the same keeps what the site serves.
    beside = installation.register(ADMIN, site, berlin, at=later - LEASE / 3)
    with refused("SITE_SERVES_OTHERWISE"):
        installation.register(ADMIN, site, asia, berlin, service=new, at=later)
    assert installation.services(site) == {*olds, beside}
    installation.withdraw(ADMIN, beside)
    installation.register(ADMIN, site, asia, berlin, service=new, at=later)
    assert installation.served() == {site: {asia, berlin}}
    # It was silent for too long only: it is to say anew what it serves, and that is refused.
    with refused("NOT_FOUND"):
        installation.renew(ADMIN, olds[0], later)
    with refused("SITE_SERVES_OTHERWISE"):
        installation.register(ADMIN, site, berlin, service=olds[0], at=later)
    for same in ((asia, berlin), (berlin, asia)):
        installation.register(ADMIN, site, *same, at=later)


def test_the_living_processes_of_a_site_are_bounded(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "PER_SITE", 3)
    site, later = new_site(), NOW + LEASE
    first, second = (installation.register(ADMIN, site, address=one) for one in "ab")
    third = installation.register(ADMIN, site, address="c", at=later)
    installation.renew(ADMIN, second, NOW + LEASE / 2)
    # Those that are away make way, the longest first.
    fourth = installation.register(ADMIN, site, address="d", at=later)
    assert installation.services(site) == {second, third, fourth}
    installation.renew(ADMIN, second, later)
    with refused("TOO_MANY_SERVICES") as refusal:
        installation.register(ADMIN, site, at=later)
    assert refusal.grpc_status == "RESOURCE_EXHAUSTED"
    assert refusal.details["object_id"] == site
    assert "has 3 processes, and there can't be more; stop some" in refusal.message
    with refused("NOT_FOUND"):
        installation.renew(ADMIN, first, later)
    # Whoever is there may say so again.
    installation.register(ADMIN, site, service=second, at=later)
    assert installation.services(site) == {second, third, fourth}


def test_the_living_processes_of_all_sites_are_bounded(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "IN_ALL", 2)
    europe, asia, rest = new_site(), new_site(), new_site()
    installation.register(ADMIN, europe, installation.europe)
    installation.register(ADMIN, asia, installation.asia)
    with refused("TOO_MANY_SERVICES") as refusal:
        installation.register(ADMIN, rest, at=NOW + LEASE / 2)
    assert "the sites have 2 processes" in refusal.message
    # A refusal leaves nothing of the site; room is made of what is away at other sites.
    assert installation.served().keys() == {europe, asia}
    for _ in range(2):
        installation.register(ADMIN, rest, at=NOW + LEASE)
    assert len(installation.services(rest)) == 2
    assert installation.served().keys() == {europe, asia, rest}, "the sites stay"


def test_a_region_that_a_site_names_stays(installation: Installation) -> None:
    def delete() -> None:
        installation.database.write(
            lambda session: regions.delete_region(session, installation.berlin)
        )

    site = new_site()
    process = installation.register(ADMIN, site, installation.berlin)
    with refused("REGION_SERVED"):
        delete()
    installation.register(ADMIN, site, installation.asia, service=process)
    delete()
    with refused("NOT_FOUND"):
        installation.register(ADMIN, site, installation.berlin)


# Who may say so


def test_only_who_was_let_may_say_where_services_are(installation: Installation) -> None:
    let, site = installation.credential(installation.europe), new_site()
    service = installation.register(let, site, installation.europe)
    installation.account("admin")
    installation.lower_creator(let)
    for speak in (
        lambda: installation.register(let, site, installation.europe),
        lambda: installation.renew(let, service),
        lambda: installation.withdraw(let, service),
    ):
        with refused("NO_REGISTRAR"):
            speak()
    unlet = [
        Caller(installation.account("admin"), {SYSTEM: "admin"}, application=True),
        Caller(installation.account("operator"), {SYSTEM: "operator"}),
        installation.credential(installation.asia, creator="operator"),
    ]
    for caller in unlet:
        with refused("NO_REGISTRAR"):
            installation.register(caller, new_site(), installation.asia)


def test_a_site_is_spoken_for_by_who_made_it_known(installation: Installation) -> None:
    site, berlin = new_site(), installation.berlin
    own, other = installation.credential(berlin), installation.credential(berlin)
    service = installation.register(own, site, berlin)
    for speak in (
        lambda: installation.register(other, site, berlin),
        lambda: installation.renew(other, service),
        lambda: installation.withdraw(other, service),
    ):
        with refused("SITE_OF_ANOTHER"):
            speak()
    for caller in (own, ADMIN, BESIDE_IAM):
        installation.renew(caller, service)
        installation.register(caller, site, berlin, service=service)
    with refused("SITE_OF_ANOTHER"):
        installation.register(other, site, berlin)
    with refused("ALREADY_EXISTS"):
        installation.register(ADMIN, new_site(), service=service)
    installation.withdraw(own, service)
    with refused("NOT_FOUND"):
        installation.renew(own, service)


def test_a_site_is_taken_over_from_a_credential_that_is_gone(installation: Installation) -> None:
    site, berlin = new_site(), installation.berlin
    old = installation.credential(berlin)
    installation.register(old, site, berlin)
    installation.database.write(lambda session: accounts.delete_account(session, old.account))
    with refused("PERMISSION_DENIED"):
        installation.register(installation.credential(installation.asia), site, installation.asia)
    with refused("SITE_SERVES_OTHERWISE"):
        both = installation.credential(berlin, installation.asia)
        installation.register(both, site, installation.asia)
    new = installation.credential(berlin)
    installation.register(new, site, berlin)
    assert ("updated", "another account says where its services are") in installation.told(site)
    with refused("SITE_OF_ANOTHER"):
        installation.register(installation.credential(berlin), site, berlin)
    beside = new_site()
    installation.register(BESIDE_IAM, beside)
    with refused("SITE_OF_ANOTHER"):
        installation.register(installation.credential(SYSTEM), beside)


def test_a_credential_has_only_that_served_for_which_it_has_the_role(
    installation: Installation,
) -> None:
    """Neither another region, nor one above its own, nor what is left."""
    site, limited = new_site(), installation.credential(installation.berlin)
    for serves in ((installation.asia,), (installation.berlin, installation.europe), ()):
        with refused("PERMISSION_DENIED"):
            installation.register(limited, site, *serves)
    service = installation.register(limited, site, installation.berlin)
    assert installation.served() == {site: {installation.berlin}}
    installation.renew(limited, service)
    with refused("PERMISSION_DENIED"):
        installation.renew(replace(limited, roles={SYSTEM: "reader"}), service)
    hall = installation.region("hall", installation.europe)
    installation.register(installation.credential(installation.europe), new_site(), hall)
    installation.register(installation.credential(SYSTEM), new_site())


# What happens at the same time


def test_a_process_that_renews_while_its_site_changes_keeps_what_it_serves(
    postgresql_database: Database,
) -> None:
    installation, site, later = Installation(postgresql_database), new_site(), NOW + LEASE
    service = installation.register(ADMIN, site, installation.berlin)
    other = said_of(site, [installation.asia])
    _, running = meeting(
        postgresql_database,
        lambda session: catalogue.renew(session, service, later, ADMIN),
        lambda session: catalogue.register(session, other, later, ADMIN),
    )
    with refused("SITE_SERVES_OTHERWISE"):
        running.result()
    assert installation.served() == {site: {installation.berlin}}


def test_a_process_that_renews_after_its_site_has_changed_is_to_register_anew(
    postgresql_database: Database,
) -> None:
    installation, site, later = Installation(postgresql_database), new_site(), NOW + LEASE
    service = installation.register(ADMIN, site, installation.berlin)
    other = said_of(site, [installation.asia])
    _, running = meeting(
        postgresql_database,
        lambda session: catalogue.register(session, other, later, ADMIN),
        lambda session: catalogue.renew(session, service, later, ADMIN),
    )
    with refused("NOT_FOUND"):
        running.result()
    assert installation.services(site) == {other.id}


def test_sites_that_start_at_once_are_not_more_than_there_may_be(
    postgresql_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "IN_ALL", 1)
    installation = Installation(postgresql_database)
    europe, asia = (said_of(new_site(), [one]) for one in (installation.europe, installation.asia))
    _, running = meeting(
        postgresql_database,
        lambda session: catalogue.register(session, europe, NOW, ADMIN),
        lambda session: catalogue.register(session, asia, NOW, ADMIN),
    )
    with refused("TOO_MANY_SERVICES"):
        running.result()


def test_a_site_that_comes_back_while_it_is_deleted_is_there(
    postgresql_database: Database,
) -> None:
    installation, site = Installation(postgresql_database), new_site()
    service = installation.register(ADMIN, site, installation.europe)
    back = said_of(site, [installation.europe])
    _, running = meeting(
        postgresql_database,
        lambda session: catalogue.delete_site(session, site, NOW + LEASE),
        lambda session: catalogue.register(session, back, NOW + LEASE, ADMIN),
    )
    assert running.result().id == back.id
    assert installation.served() == {site: {installation.europe, installation.berlin}}
    with refused("NOT_FOUND"):
        installation.renew(ADMIN, service)


def test_a_site_that_is_deleted_while_it_comes_back_is_not(postgresql_database: Database) -> None:
    installation, site = Installation(postgresql_database), new_site()
    installation.register(ADMIN, site)
    back = said_of(site)
    _, running = meeting(
        postgresql_database,
        lambda session: catalogue.register(session, back, NOW + LEASE, ADMIN),
        lambda session: catalogue.delete_site(session, site, NOW + LEASE),
    )
    with refused("SITE_ALIVE"):
        running.result()
    assert installation.served().keys() == {site}


def test_a_region_is_not_deleted_while_a_site_begins_to_name_it(
    postgresql_database: Database,
) -> None:
    installation = Installation(postgresql_database)
    said = said_of(new_site(), [installation.berlin])
    _, running = meeting(
        postgresql_database,
        lambda session: catalogue.register(session, said, NOW, ADMIN),
        lambda session: regions.delete_region(session, installation.berlin),
    )
    with refused("REGION_SERVED"):
        running.result()


def test_processes_that_start_at_once_are_of_one_site(postgresql_database: Database) -> None:
    first, second = meeting(postgresql_database, catalogue.own_site, catalogue.own_site)
    assert first == second.result() == postgresql_database.write(catalogue.own_site)
