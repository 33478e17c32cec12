"""mulligan service: the catalogue of sites and services."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import click

from mulligan_client.commands.options import confirm, pass_session, takes_output, takes_yes
from mulligan_client.complaint import ComplaintError
from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table


@click.group()
def service() -> None:
    """Sites, and where their services are."""


@service.command("list")
@takes_output
@pass_session
def list_services(session: Session, output: str) -> None:
    """List the sites with their regions and services, and which of them are away."""
    answer = session.client.iam.ListServices(iam_pb2.ListServicesRequest())
    session.show(answer, output, lambda: _table(session, answer.sites))


@service.command("show")
@click.argument("site")
@takes_output
@pass_session
def show(session: Session, site: str, output: str) -> None:
    """Show a site (UUID) with its regions and services."""
    answer = session.client.iam.ListServices(iam_pb2.ListServicesRequest())
    found = next((one for one in answer.sites if one.id == site), None)
    if found is None:
        raise ComplaintError(
            f"there is no site {site}", do="see `mulligan service list`", exit_code=Exit.NOT_FOUND
        )
    session.show(found, output, lambda: _table(session, [found]))


@service.command("delete")
@click.argument("site")
@takes_yes
@pass_session
def delete(session: Session, site: str, yes: bool) -> None:
    """Forget a site (UUID) that is away for good; others may serve its regions then."""
    confirm(session, f"Forget site {site}?", yes)
    session.client.iam.DeleteSite(iam_pb2.DeleteSiteRequest(id=site))
    session.remark(f"site {site} is forgotten.")


def _table(session: Session, sites: Iterable[iam_pb2.Site]) -> "Table":
    from mulligan_client.output import table

    # Of iam's, which is there when a site is not.
    regions = session.client.iam.AllRegions(iam_pb2.ListRegionsRequest())
    names = {one.metadata.id: one.metadata.name for one in regions}
    return table(
        ["SITE", "REGIONS", "SERVICES", "ADDRESS", "VERSION", "STATE", "SEEN"],
        [row for one in sites for row in _rows(one, names)],
    )


def _rows(site: iam_pb2.Site, names: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    from mulligan_client.quantities import moment_words

    regions = ", ".join(sorted(names.get(one, one) for one in site.regions))
    if not site.services:
        yield (site.id, regions, "", "", "", "away", "")
    for one in site.services:
        yield (
            site.id,
            regions,
            ", ".join(one.kinds),
            one.address or "where iam is",
            one.version,
            "alive" if one.alive else "away",
            moment_words(one.seen_at),
        )
