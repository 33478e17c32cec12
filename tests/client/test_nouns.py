"""The five words that each noun has, as docs/accounts.md tells them; and the catalogue's own."""

from pathlib import Path

import click
import pytest

from mulligan_client.command import mulligan
from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from tests.client.conftest import Run
from tests.client.fake_mulligan import HOST, REGION, SERVER, FakeMulligan

NOUNS = (
    *("project", "account", "role", "app-credential", "quota"),
    *("tag", "metadef", "region", "audit", "service"),
)
DOCS = Path(__file__).parents[2] / "docs/accounts.md"


def told() -> dict[str, set[str]]:
    """The words of each noun in the table of the docs."""
    _, _, rest = DOCS.read_text().partition("| command | list |")
    rows = rest.partition("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {noun: set(words) - {""} for noun, *words in cells}


def test_each_noun_has_the_words_that_the_docs_tell() -> None:
    context = click.Context(mulligan)
    nouns = told()
    assert set(nouns) == set(NOUNS)
    for noun, words in nouns.items():
        group = mulligan.get_command(context, noun)
        assert isinstance(group, click.Group)
        assert words <= set(group.commands), noun
        extra = {"create", "set", "delete"} & set(group.commands) - words
        assert not extra, noun


@pytest.mark.usefixtures("logged_in")
def test_a_site_is_shown_and_forgotten(run: Run, fake: FakeMulligan) -> None:
    sites = [iam_pb2.Site(id=one, regions=[REGION]) for one in (SERVER, HOST)]
    fake.on("ListServices", iam_pb2.ListServicesResponse(sites=sites))
    fake.on("ListRegions", iam_pb2.ListRegionsResponse())
    fake.on("DeleteSite", iam_pb2.DeleteSiteResponse())
    result = run("service", "show", HOST)
    assert result.exit_code == 0, result.stderr
    assert HOST in result.stdout
    assert SERVER not in result.stdout
    assert run("service", "show", REGION).exit_code == Exit.NOT_FOUND
    assert run("service", "delete", HOST, "--yes").exit_code == 0
    assert [one.id for one in fake.asked("DeleteSite")] == [HOST]
