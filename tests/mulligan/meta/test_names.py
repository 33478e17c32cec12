"""Names are unique among the living of one type and owner; slugs are clean."""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from mulligan.database import Database
from mulligan.meta import names
from mulligan.values.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError

PROJECT, OTHER, REGION = (str(uuid4()) for _ in range(3))


def give(database: Database, name: str, object_type: str = "machine", **owner: str) -> names.Name:
    owner = owner or {"project": PROJECT}
    return database.write(
        lambda session: names.give_name(session, object_type, str(uuid4()), name, **owner)
    )


def resolve(database: Database, *asked: str, **options: Any) -> dict[str, str]:
    def read(session: Session) -> dict[str, str]:
        found = names.resolve(session, "machine", asked, **options)
        return {text: row.id for text, row in found.items()}

    return database.read(read)


def test_a_name_belongs_to_one_living_object_of_a_type_and_owner(database: Database) -> None:
    web = give(database, "web")
    with pytest.raises(AlreadyExistsError) as raised:
        give(database, "web")
    assert raised.value.reason == "NAME_TAKEN"
    give(database, "web", project=OTHER)
    give(database, "web", object_type="claim")
    give(database, "web", region=REGION)
    database.write(lambda session: names.release_name(session, web.id))
    assert give(database, "web").id != web.id


def test_names_that_look_alike_get_slugs_of_their_own(database: Database) -> None:
    given_ = [give(database, name) for name in ("Web 1", "web-1", "wéb 1")]
    assert [row.slug for row in given_] == ["web-1", "web-1-2", "web-1-3"]


def test_many_names_that_look_alike_get_slugs_of_their_own(database: Database) -> None:
    def give_all(*wanted: tuple[str, str]) -> list[str]:
        made = database.write(
            lambda session: names.give_names(session, "provider", dict(wanted), region=REGION)
        )
        return [row.slug for row in made.values()]

    alike = [f"12345678-0000-4000-8000-00000000000{n}" for n in range(6)]
    assert give_all((alike[0], "rack 1-2"), (alike[1], "Rack 1")) == ["rack-1-2", "rack-1"]
    wanted = zip(alike[2:5], ("rack-1", "räck 1", "rack 1"), strict=True)
    assert give_all(*wanted) == ["rack-1-3", "rack-1-4", "rack-1-5"]
    assert give_all((alike[5], "Rack-1")) == ["rack-1-6"]
    long = [(str(uuid4()), "x" * 254 + last) for last in "yz"]
    first, second = give_all(*long)
    assert first != second
    assert len(second) <= names.MAX_LENGTH


def test_an_exact_name_goes_before_a_slug(database: Database) -> None:
    first, second = give(database, "Web 1"), give(database, "web-1")
    assert resolve(database, "web-1", "Web 1") == {"web-1": second.id, "Web 1": first.id}


def test_an_ended_object_resolves_by_id_only(database: Database) -> None:
    web = give(database, "web")
    database.write(lambda session: names.release_name(session, web.id))
    assert resolve(database, "web", web.id) == {web.id: web.id}
    assert database.read(lambda session: names.name_of(session, web.id)) == "web"


def test_two_of_one_name_need_their_owner(database: Database) -> None:
    mine, theirs = give(database, "web"), give(database, "web", project=OTHER)
    with pytest.raises(InvalidArgumentError, match="2 objects"):
        resolve(database, "web")
    assert resolve(database, "web", owners=[PROJECT]) == {"web": mine.id}
    assert resolve(database, "web", owners=[OTHER]) == {"web": theirs.id}
    assert resolve(database, "web", owners=[]) == {}


def test_what_is_required_is_there_or_named(database: Database) -> None:
    web = give(database, "web")

    def require(asked: str) -> str:
        return database.read(lambda session: names.require(session, "machine", asked))

    assert require("web") == web.id
    with pytest.raises(NotFoundError, match="'db'"):
        require("db")


@given(st.text(min_size=1, max_size=300))
def test_whatever_name_is_taken_has_a_clean_slug(name: str) -> None:
    try:
        checked = names.check_name("machine", name)
    except InvalidArgumentError:
        return
    assert checked.isprintable()
    slug = names._slug(checked)
    assert slug
    assert slug.isascii()
    assert slug == slug.lower()
    assert len(slug) <= names.MAX_LENGTH - 8
