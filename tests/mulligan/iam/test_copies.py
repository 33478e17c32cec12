"""A site's copy of iam's objects: whatever order several processes read and write in."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from threading import Thread
from uuid import uuid4

import pytest

from mulligan.database import Database
from mulligan.iam import bootstrap, copies, objects
from mulligan.iam.copies import Original
from mulligan.meta import many_names, names
from mulligan.meta.many_names import MOST_OLD_SLUGS
from mulligan.values.errors import FailedPreconditionError
from mulligan.values.regions import RegionSpec, Visibility


class Copy:
    """The copy in one database, as it is asked for and told."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take_all(self, revision: int, *there: Original, refused: int = 0) -> None:
        self._database.write(lambda on: copies.take_all(on, there, revision, refused))

    def take(self, revision: int, *originals: Original, ended: Sequence[str] = ()) -> None:
        self._database.write(lambda on: copies.take(on, originals, ended, revision))

    @property
    def revision(self) -> int:
        return self._database.read(copies.revision)

    @property
    def living(self) -> set[str]:
        """The ids of places that have not ended; their names live as long as they do."""
        there = self._database.read(objects.places)
        found = {one.id for one in there if not one.ended}
        named = self._database.read(lambda on: names.living(on, ("project", "region")))
        assert named == found
        return found

    def shown_to(self, region: str) -> frozenset[str] | None:
        [place] = self._database.read(lambda on: objects.chains(on, [region]))
        return place.shown_to

    def old_slugs(self, one: Original) -> list[str]:
        return self._database.read(lambda on: many_names.old_slugs(on, [one.id]))[one.id]

    def found(self, object_type: str, *asked: str) -> list[str]:
        """The ids that names, slugs or old slugs lead to; empty for none."""
        rows = self._database.read(lambda on: names.resolve(on, object_type, asked))
        return [rows[one].id if one in rows else "" for one in asked]


@pytest.fixture
def copy(database: Database) -> Copy:
    return Copy(database)


def original(name: str, object_type: str = "project", slug: str = "") -> Original:
    now = datetime.now(UTC)
    return Original(object_type, str(uuid4()), name, slug or name, (), None, now, 1)


def renamed(one: Original, name: str, slug: str = "", old: Sequence[str] = ()) -> Original:
    slug, generation = slug or name, one.generation + 1
    return replace(one, name=name, slug=slug, old_slugs=old, generation=generation)


def test_what_another_process_took_in_since_a_list_was_read_goes_on(copy: Copy) -> None:
    old, new = original("old"), original("new")
    copy.take_all(3, old)
    copy.take(5, new)
    copy.take_all(4, old)
    assert (copy.revision, copy.living) == (5, {old.id, new.id})


def test_a_full_reading_takes_what_who_knew_less_left_out_at_the_same_generation(
    copy: Copy,
) -> None:
    home = replace(original("home", "region"), spec=RegionSpec())
    copy.take_all(3, home)
    assert copy.shown_to(home.id) is None
    copy.take_all(3, replace(home, spec=RegionSpec(visibility=Visibility.INTERNAL)))
    assert copy.shown_to(home.id) == frozenset()


def test_two_first_readings_at_once_are_one_copy(copy: Copy) -> None:
    there = [original(f"project-{number}") for number in range(50)]
    there += [original(f"region-{number}", "region") for number in range(50)]
    readers = [Thread(target=copy.take_all, args=(3, *there)) for _ in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert (copy.revision, copy.living) == (3, {one.id for one in there})


def test_a_name_that_was_read_before_the_newest_one_is_not_taken(copy: Copy) -> None:
    one = original("first")
    copy.take(3, one)
    copy.take(5, renamed(one, "second", old=["first"]))
    copy.take(4, one)
    assert copy.found("project", "second", "first") == [one.id, one.id]
    assert copy.revision == 5


def test_a_rename_that_leaves_the_slug_leaves_no_id_in_its_place(copy: Copy) -> None:
    one = original("Name", slug="name")
    copy.take(3, one)
    copy.take(4, renamed(one, "name!", "name"))
    assert copy.found("project", "name!", "name", "Name") == [one.id, one.id, ""]


def test_names_that_changed_places_lead_to_who_has_them_now(copy: Copy) -> None:
    a, b = original("a"), original("b")
    copy.take_all(3, a, b)
    # Seen as it happened: between two events each stands under its id for a moment.
    copy.take(5, renamed(a, "b", old=["a"]))
    assert copy.found("project", "b", "a", b.id) == [a.id, a.id, b.id]
    copy.take(6, renamed(b, "a"))
    assert copy.found("project", "b", "a") == [a.id, b.id]
    copy.take_all(9, replace(a, old_slugs=["b"]), renamed(b, "c"))
    assert copy.found("project", "a", "c", "b") == [a.id, b.id, a.id]


def test_old_slugs_are_those_that_iam_says_also_of_renames_that_were_not_seen(copy: Copy) -> None:
    one, other = original("one"), original("other")
    copy.take_all(3, renamed(one, "third", old=["one", "second"]), other)
    assert copy.found("project", "one", "second", "third") == [one.id] * 3
    # Others have taken one of them since, and left it again.
    copy.take(9, renamed(other, "other", old=["second"]))
    assert copy.found("project", "one", "second", "third") == [one.id, other.id, one.id]
    copy.take(10, renamed(one, "third", old=["one"]))
    assert copy.found("project", "one", "second") == [one.id, other.id]
    copy.take(11, renamed(other, "other"))
    assert copy.found("project", "one", "second") == [one.id, ""]


def test_of_many_old_slugs_the_latest_are_told_and_none_is_forgotten(copy: Copy) -> None:
    slugs = [f"name-{number}" for number in range(MOST_OLD_SLUGS + 3)]
    one = original(slugs[0])
    copy.take_all(1, one)
    for revision, slug in enumerate(slugs[1:], 2):
        old = slugs[: revision - 1][-MOST_OLD_SLUGS:]
        copy.take(revision, renamed(one, slug, old=old))
    assert copy.found("project", *slugs) == [one.id] * len(slugs)
    assert copy.old_slugs(one) == slugs[-1 - MOST_OLD_SLUGS : -1]


def test_what_a_full_reading_does_not_find_has_ended_accounts_too(copy: Copy) -> None:
    kept, gone, region = original("kept"), original("gone"), original("home", "region")
    account = original("somebody", "account")
    copy.take_all(3, kept, gone, region, account)
    again = original("gone")
    copy.take_all(9, kept, again)
    assert copy.living == {kept.id, again.id}
    assert copy.found("account", "somebody") == [""]
    assert copy.found("project", "gone") == [again.id]


def test_iam_from_a_backup_is_what_counts(copy: Copy) -> None:
    kept, back, lost = original("kept"), original("back"), original("lost")
    copy.take_all(3, kept, back)
    copy.take(5, lost)
    copy.take(6, ended=[back.id])
    copy.take_all(3, kept, back, refused=6)
    assert (copy.revision, copy.living) == (3, {kept.id, back.id})
    assert copy.found("project", "back", "lost") == [back.id, ""]
    new = original("lost")
    copy.take(4, new)
    copy.take_all(4, kept, back, new, refused=6)
    assert copy.living == {kept.id, back.id, new.id}


def test_iams_own_database_is_refused_as_a_sites(database: Database) -> None:
    database.read(copies.refuse_own)
    database.write(lambda session: bootstrap.prepare(session))
    with pytest.raises(FailedPreconditionError, match="--database-url"):
        database.read(copies.refuse_own)
