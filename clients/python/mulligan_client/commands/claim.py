"""mulligan claim: what is committed to whom, and when."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from mulligan_client.commands.options import pass_session, takes_output, takes_project
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table

    from mulligan_client.gen.mulligan.common.v1 import common_pb2


@click.group()
def claim() -> None:
    """What is committed to whom, and when."""


@claim.command("list")
@click.option("--all", "ended", is_flag=True, help="Also those that ended.")
@takes_project
@takes_output
@pass_session
def list_claims(session: Session, ended: bool, project: str, output: str) -> None:
    """List a project's claims."""
    request = resource_pb2.ListClaimsRequest(project=session.project(project), include_ended=ended)
    answer = session.client.list_all(session.client.resource.ListClaims, request)
    session.show(answer, output, lambda: _table(session, answer))


@claim.command("show")
@click.argument("claim_id", metavar="ID")
@takes_project
@takes_output
@pass_session
def show(session: Session, claim_id: str, project: str, output: str) -> None:
    """Show a claim."""
    project_id = session.project(project)
    request = resource_pb2.GetClaimRequest(
        id=session.resolve("claim", claim_id, project=project_id), project=project_id
    )
    found = session.client.resource.GetClaim(request)
    session.show(found, output, lambda: _sheet(session, found))


def _window(window: "common_pb2.Window") -> str:
    from mulligan_client.quantities import age_words

    start = age_words(window.acquire_at) or "now"
    return f"{start} - {age_words(window.release_at) or 'without end'}"


def _allocations(one: resource_pb2.Claim, name: Callable[[str], str]) -> str:
    return "\n".join(
        f"{part.amount} {part.resource_type} of {name(part.provider)}" for part in one.allocations
    )


def _table(session: Session, answer: resource_pb2.ListClaimsResponse) -> "Table":
    from mulligan_client.output import state_text, table

    ids = [part.provider for one in answer.claims for part in one.allocations]
    name = session.names([*ids, *(one.consumer for one in answer.claims)])
    return table(
        ["ID", "STATE", "FOR", "WHAT"],
        [
            (
                one.metadata.id,
                state_text(one.status.state),
                name(one.consumer),
                _allocations(one, name),
            )
            for one in answer.claims
        ],
    )


def _sheet(session: Session, one: resource_pb2.Claim) -> "Table":
    from mulligan_client.output import sheet, status_pairs

    name = session.names([one.consumer, *(part.provider for part in one.allocations)])
    return sheet(
        [
            ("claim", one.metadata.id),
            *status_pairs(one.status),
            ("for", name(one.consumer)),
            ("window", _window(one.spec.window)),
            ("allocations", _allocations(one, name)),
            ("requires", ", ".join(one.spec.required_capabilities)),
        ]
    )
