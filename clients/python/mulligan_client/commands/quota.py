"""mulligan quota: how much projects may have."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from mulligan_client.commands.claim_spec import parse_amount
from mulligan_client.commands.options import (
    DURATION,
    Parsed,
    confirm,
    pass_session,
    takes_output,
    takes_yes,
)
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table


takes_under = click.option(
    "--under", default="", help="As an administrator of this project, which is above it."
)


@click.group()
def quota() -> None:
    """How much a project, with all that are under it, may have at once, and when."""


@quota.command("set")
@click.argument("project")
@click.argument("amounts", nargs=-1, type=Parsed("amount", parse_amount))
@click.option("--claims", type=int, help="So many claims at once; a machine is one.")
@click.option("--longest", type=DURATION, help="The longest window of a claim, such as 30d.")
@click.option("--advance", type=DURATION, help="How far ahead a window may begin, such as 90d.")
@click.option("--generation", default=0, help="Refuse if it is not at this generation any more.")
@takes_under
@takes_output
@pass_session
def put(
    session: Session,
    project: str,
    amounts: tuple[common_pb2.Amount, ...],
    claims: int | None,
    longest: timedelta | None,
    advance: timedelta | None,
    generation: int,
    under: str,
    output: str,
) -> None:
    """Set all limits of a PROJECT, AMOUNTS such as VCPU=64; what is not said is not limited."""
    spec = resource_pb2.QuotaSpec(amounts=amounts, claims=claims)
    for span, wanted in ((longest, spec.longest), (advance, spec.advance)):
        if span is not None:
            wanted.FromTimedelta(span)
    whose = session.resolve("project", project)
    if under:
        above = session.resolve("project", under)
        found = session.client.resource.SetChildQuota(
            resource_pb2.SetChildQuotaRequest(
                project=above, child=whose, spec=spec, generation=generation
            )
        )
    else:
        found = session.client.resource.SetQuota(
            resource_pb2.SetQuotaRequest(project=whose, spec=spec, generation=generation)
        )
    session.show(found, output, lambda: _sheet(session, found))


@quota.command("show")
@click.argument("project", default="")
@takes_output
@pass_session
def show(session: Session, project: str, output: str) -> None:
    """Show what a project may have, and what it has at the peak from now on."""
    request = resource_pb2.GetQuotaRequest(project=session.project(project))
    found = session.client.resource.GetQuota(request)
    session.show(found, output, lambda: _sheet(session, found))


@quota.command("list")
@click.option("--under", default="", help="Only of this project and of those under it.")
@takes_output
@pass_session
def list_quotas(session: Session, under: str, output: str) -> None:
    """List the quotas that projects have of their own."""
    found: resource_pb2.ListQuotasResponse | resource_pb2.ListProjectQuotasResponse
    stub = session.client.resource
    if under:
        request = resource_pb2.ListProjectQuotasRequest(project=session.resolve("project", under))
        found = session.client.list_all(stub.ListProjectQuotas, request)
    else:
        found = session.client.list_all(stub.ListQuotas, resource_pb2.ListQuotasRequest())
    session.show(found, output, lambda: _table(session, found.quotas))


@quota.command("delete")
@click.argument("project")
@takes_under
@takes_yes
@pass_session
def delete(session: Session, project: str, under: str, yes: bool) -> None:
    """Take a project's own quota away; those of projects above it hold on."""
    whose = session.resolve("project", project)
    above = session.resolve("project", under) if under else ""
    confirm(session, f"Take the quota of project {project} away?", yes)
    if above:
        child = resource_pb2.DeleteChildQuotaRequest(project=above, child=whose)
        session.client.resource.DeleteChildQuota(child)
    else:
        session.client.resource.DeleteQuota(resource_pb2.DeleteQuotaRequest(project=whose))


def _table(session: Session, quotas: Sequence[resource_pb2.Quota]) -> "Table":
    from mulligan_client.output import table

    name = session.names(one.project for one in quotas)
    rows = [
        (
            name(one.project),
            str(one.spec.claims) if one.spec.HasField("claims") else "",
            _span(one, "longest"),
            _span(one, "advance"),
            " ".join(f"{limit.resource_type}={limit.amount}" for limit in one.spec.amounts),
        )
        for one in sorted(quotas, key=lambda one: name(one.project))
    ]
    return table(["PROJECT", "CLAIMS", "LONGEST", "ADVANCE", "AMOUNTS"], rows)


def _sheet(session: Session, found: resource_pb2.Quota) -> "Table":
    from mulligan_client.output import sheet

    limits = {one.resource_type: str(one.amount) for one in found.spec.amounts}
    used = {one.resource_type: one.amount for one in found.used}
    most = str(found.spec.claims) if found.spec.HasField("claims") else "no limit"
    return sheet(
        [
            ("project", session.names([found.project])(found.project)),
            *(
                (name, f"{used.get(name, 0)} of {limits.get(name, 'no limit')}")
                for name in sorted(limits.keys() | used.keys())
            ),
            ("claims", f"{found.claims_used} of {most}"),
            ("longest", _span(found, "longest")),
            ("advance", _span(found, "advance")),
        ]
    )


def _span(found: resource_pb2.Quota, name: str) -> str:
    return str(getattr(found.spec, name).ToTimedelta()) if found.spec.HasField(name) else ""  # type: ignore[arg-type]
