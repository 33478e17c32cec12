"""Names are unique among the living of one type and owner; slugs are clean."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.orm import Session

from mulligan.database import Database
from mulligan.meta import many_names, names
from mulligan.values.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError

PROJECT, OTHER, REGION = (str(uuid4()) for _ in range(3))


def give(database: Database, name: str, object_type: str = "machine", **owner: str) -> names.Name:
    owner = owner or {"project": PROJECT}
    return database.write(
        lambda session: names.give_name(session, object_type, str(uuid4()), name, **owner)
    )


def rename(database: Database, object_id: str, name: str) -> names.Name:
    return database.write(lambda session: names.rename(session, "machine", object_id, name))


def release(database: Database, object_id: str) -> None:
    database.write(lambda session: names.release_name(session, object_id))


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


def test_one_name_is_looked_for_among_many_by_an_index(sqlite_database: Database) -> None:
    asked = {"object_type": "machine", "owner": PROJECT, "object_id": str(uuid4()), "name": "web"}

    def plan(session: Session) -> list[str]:
        statement = names._IN_THE_WAY.compile(session.connection())
        values = statement.construct_params({**asked, "base": "web"})
        ordered = tuple(values[name] for name in statement.positiontup or ())
        explained = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", ordered)
        return [row.detail for row in explained if "names" in row.detail]

    by_name, by_slug = sqlite_database.read(plan)
    assert "name=?" in by_name
    assert "slug=?" in by_slug


def test_many_names_that_look_alike_get_slugs_of_their_own(database: Database) -> None:
    def give_all(*wanted: tuple[str, str]) -> list[str]:
        made = database.write(
            lambda session: many_names.give_names(session, "provider", dict(wanted), region=REGION)
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
    slug = names.slug_of(checked)
    assert slug
    assert slug.isascii()
    assert slug == slug.lower()
    assert len(slug) <= names.MAX_LENGTH - 8


def test_who_is_renamed_answers_to_its_old_slugs(database: Database) -> None:
    web = give(database, "Web")
    assert rename(database, web.id, "Shop").slug == "shop"
    assert rename(database, web.id, "Mart").slug == "mart"
    assert resolve(database, "Web", "web", "shop", "mart", web.id) == dict.fromkeys(
        ("web", "shop", "mart", web.id), web.id
    )
    assert resolve(database, "web", owners=[OTHER]) == {}
    again = rename(database, web.id, "WEB")
    assert (again.name, again.slug) == ("WEB", "web")
    assert resolve(database, "web", "shop", "mart") == dict.fromkeys(
        ("web", "shop", "mart"), web.id
    )


def test_a_slug_that_is_fit_stays_and_one_that_is_taken_is_numbered(database: Database) -> None:
    give(database, "web-1")
    second = give(database, "Web 1")
    assert second.slug == "web-1-2"
    assert rename(database, second.id, "wéb 1").slug == "web-1-2"
    assert rename(database, second.id, "other").slug == "other"
    third = give(database, "Web 1")
    assert third.slug == "web-1-2"
    assert resolve(database, "web-1-2", "other") == {"web-1-2": third.id, "other": second.id}


def test_an_old_slug_belongs_to_whom_takes_it(database: Database) -> None:
    first, second = give(database, "web"), give(database, "db")
    rename(database, first.id, "shop")
    rename(database, second.id, "web")
    assert resolve(database, "web", "db") == {"web": second.id, "db": second.id}
    release(database, second.id)
    assert resolve(database, "web", "db") == {}
    rename(database, first.id, "mart")
    [many] = database.write(
        lambda session: many_names.give_names(
            session, "machine", {str(uuid4()): "Shop"}, region=PROJECT
        )
    ).values()
    assert resolve(database, "shop") == {"shop": many.id}


def test_who_has_ended_or_was_never_there_is_not_renamed(database: Database) -> None:
    web = give(database, "web")
    with pytest.raises(NotFoundError):
        database.write(lambda session: names.rename(session, "host", web.id, "db"))
    release(database, web.id)
    for gone in (web.id, str(uuid4())):
        with pytest.raises(NotFoundError, match="mulligan machine list"):
            rename(database, gone, "db")
    with pytest.raises(AlreadyExistsError, match="used before"):
        database.write(
            lambda session: names.give_name(session, "machine", web.id, "db", project=PROJECT)
        )


WORDS = ("a", "A", "a 1", "a-1", "b", "a-2", "a-1-2")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["give", "rename", "rename", "release"]),
        st.integers(0, 3),
        st.sampled_from(WORDS),
    ),
    max_size=12,
)


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_names_and_slugs_lead_where_a_simple_model_says(
    database: Database, steps: list[tuple[str, int, str]]
) -> None:
    """The model: who lives, with its name and slug, and who had a slug last."""
    project = str(uuid4())
    living: dict[str, tuple[str, str]] = {}
    had: dict[str, str] = {}

    def change(session: Session) -> None:
        for act, number, word in steps:
            one = list(living)[number % len(living)] if living else ""
            if act == "release" and one:
                names.release_name(session, one)
                del living[one]
                for slug in [slug for slug, other in had.items() if other == one]:
                    del had[slug]
            elif act == "give" or (act == "rename" and one):
                one = str(uuid4()) if act == "give" else one
                others = {name: slug for other, (name, slug) in living.items() if other != one}
                if word in others:
                    with pytest.raises(AlreadyExistsError):
                        _name(session, project, act, one, word)
                    continue
                base = word.lower().replace(" ", "-")
                numbered = (f"{base}-{n}" for n in range(2, 99))
                slug = next(one for one in (base, *numbered) if one not in others.values())
                if one in living:
                    had[living[one][1]] = one
                had.pop(slug, None)
                living[one] = word, slug
                named = _name(session, project, act, one, word)
                assert (named.name, named.slug) == (word, slug)

    database.write(change)
    leads = {**had}
    leads.update({slug: one for one, (_, slug) in living.items()})
    leads.update({name: one for one, (name, _) in living.items()})
    asked = {*WORDS, *leads, *(f"a-{n}" for n in range(4))}
    assert resolve(database, *asked, owners=[project]) == leads


def _name(session: Session, project: str, act: str, one: str, word: str) -> names.Name:
    if act == "rename":
        return names.rename(session, "machine", one, word)
    return names.give_name(session, "machine", one, word, project=project)


def test_two_renames_at_once_lead_to_two_names(database: Database) -> None:
    machines = [give(database, word, project=str(OTHER)) for word in ("x1", "x2")]
    for wanted in (("same", "same"), ("Like This", "like-this")):
        together = Barrier(2)

        def change(object_id: str, name: str, together: Barrier = together) -> str:
            together.wait()
            try:
                return rename(database, object_id, name).slug
            except AlreadyExistsError as error:
                return error.reason

        with ThreadPoolExecutor(2) as threads:
            ends = list(threads.map(change, [one.id for one in machines], wanted))
        if wanted[0] == wanted[1]:
            assert sorted(ends) == ["NAME_TAKEN", "same"]
        else:
            assert sorted(ends) == ["like-this", "like-this-2"]


def rename_many(database: Database, wanted: dict[str, str]) -> tuple[dict[str, str], int]:
    """Gives the names before, and how many statements it took."""
    seen: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    def change(session: Session) -> dict[str, str]:
        event.listen(session.connection(), "before_cursor_execute", count)
        return many_names.rename_many(session, "machine", wanted)

    return database.write(change), len(seen)


def test_many_are_renamed_at_once_and_may_take_each_others_names(database: Database) -> None:
    web, shop, same = (give(database, name) for name in ("Web", "Shop", "same"))
    theirs = give(database, "db", project=OTHER)
    wanted = {web.id: "Shop", shop.id: "Web", same.id: "same", theirs.id: "Shop"}
    before, _ = rename_many(database, wanted)
    assert before == {web.id: "Web", shop.id: "Shop", theirs.id: "db"}
    assert resolve(database, "Shop", "shop", "Web", "web", owners=[PROJECT]) == {
        "Shop": web.id, "shop": web.id, "Web": shop.id, "web": shop.id
    }  # fmt: skip
    rename_many(database, {web.id: "mart", shop.id: "MART"})
    assert resolve(database, "mart", "MART", "mart-2", "shop", "web", owners=[PROJECT]) == {
        "mart": web.id, "MART": shop.id, "mart-2": shop.id, "shop": web.id, "web": shop.id
    }  # fmt: skip
    release(database, theirs.id)
    for refused, why in (
        ({web.id: "same"}, AlreadyExistsError),
        ({web.id: "one", shop.id: " one"}, InvalidArgumentError),
        ({web.id: "one", theirs.id: "two"}, NotFoundError),
    ):
        with pytest.raises(why):
            rename_many(database, refused)
    assert resolve(database, "MART", "mart", "one", owners=[PROJECT]) == {
        "MART": shop.id, "mart": web.id
    }  # fmt: skip


def test_thousands_are_renamed_in_a_few_statements(database: Database) -> None:
    called = {str(uuid4()): f"Disk {number}" for number in range(3000)}
    database.write(lambda session: many_names.give_names(session, "machine", called, region=REGION))
    turned = dict(zip(called, reversed(called.values()), strict=True))
    before, statements = rename_many(database, turned)
    assert before == called
    assert statements <= 8
    assert resolve(database, *called.values(), owners=[REGION]) == {
        name: one for one, name in turned.items()
    }


def test_names_resolve_in_whatever_form_they_are_written(database: Database) -> None:
    made = give(database, "Caf\u00e9")
    written = ("Cafe\u0301", " Caf\u00e9 ", made.id.upper(), made.id)
    assert resolve(database, *written) == dict.fromkeys(written, made.id)


def test_thousands_resolve_in_one_statement(database: Database) -> None:
    region = str(uuid4())
    wanted = {str(uuid4()): f"Host {number}" for number in range(5000)}
    database.write(lambda session: many_names.give_names(session, "host", wanted, region=region))
    asked = [*wanted.values(), *wanted]

    def read(session: Session) -> tuple[dict[str, names.Name], dict[str, names.Name]]:
        found = names.resolve(session, "host", asked, owners=[region])
        return found, names.describe(session, wanted)

    found, described = database.read(read)
    assert list(found) == asked
    assert all(found[name].id == one == found[one].id for one, name in wanted.items())
    assert {one: row.name for one, row in described.items()} == wanted
