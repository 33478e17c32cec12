"""mulligan claim: what is committed to whom, and when."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mulligan_client.commands.claim_spec import read_spec, takes_spec
from mulligan_client.commands.listing import takes_listing
from mulligan_client.commands.options import (
    DURATION,
    TIME,
    pass_session,
    takes_output,
    takes_project,
    takes_region,
)
from mulligan_client.commands.provider_names import find_provider
from mulligan_client.commands.whereabouts import shown_whereabouts
from mulligan_client.complaint import ComplaintError
from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table

    from mulligan_client.gen.mulligan.common.v1 import common_pb2


@click.group()
def claim() -> None:
    """What is committed to whom, and when."""


@claim.command("create")
@takes_spec
@click.option("--hold", type=DURATION, help="Hold it for so long, such as 10m, until confirmed.")
@click.option("--wait-until", type=TIME, help="Wait for capacity until then (ISO 8601).")
@click.option(
    "--candidate",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Only this one of those that were proposed for the same (JSON).",
)
@click.option("--request-id", default="", help="Asking again with the same id asks only once.")
@takes_project
@takes_region
@takes_output
@pass_session
def create(
    session: Session,
    /,
    hold: timedelta | None,
    wait_until: datetime | None,
    candidate: Path | None,
    request_id: str,
    project: str,
    output: str,
    **spec: Any,
) -> None:
    """Claim AMOUNTS such as VCPU=4 from one provider; or with --file from several."""
    owner = session.project(project)
    request = resource_pb2.CreateClaimRequest(
        request_id=request_id, project=owner, spec=read_spec(session, project=owner, **spec)
    )
    if hold is not None:
        request.hold_until.FromDatetime(datetime.now(UTC) + hold)
    if wait_until is not None:
        request.wait_until.FromDatetime(wait_until)
    if candidate is not None:
        from mulligan_client.commands.manifest import read_manifest

        read_manifest(candidate, request.candidate)
    made = session.client.resource.CreateClaim(request)
    session.show(made, output, lambda: _sheet(session, made))


@claim.command("propose")
@takes_spec
@click.option("--limit", default=0, help="At most this many [10].")
@click.option("--seed", default=0, help="The order among equals; the same for the same seed.")
@takes_project
@takes_region
@takes_output
@pass_session
def propose(
    session: Session, /, limit: int, seed: int, project: str, output: str, **spec: Any
) -> None:
    """Show what could be claimed, best first; nothing is claimed."""
    owner = session.project(project)
    request = resource_pb2.ProposeCandidatesRequest(
        project=owner,
        spec=read_spec(session, project=owner, **spec),
        limit=limit,
        seed=seed,
    )
    found = session.client.propose(request)
    if output == "table":
        session.out.print(_proposed(session, found))
    else:
        for one in found:
            session.show(one, output, lambda: "")


@claim.command("openings")
@takes_spec
@click.option("--for", "length", type=DURATION, help="For how long, such as 4h [without end].")
@click.option("--limit", default=0, help="At most this many [10].")
@takes_project
@takes_region
@takes_output
@pass_session
def openings(
    session: Session,
    /,
    length: timedelta | None,
    limit: int,
    project: str,
    output: str,
    **spec: Any,
) -> None:
    """Show when AMOUNTS are free for so long, the earliest first."""
    owner = session.project(project)
    request = resource_pb2.FindOpeningsRequest(
        project=owner, spec=read_spec(session, project=owner, **spec), limit=limit
    )
    if length is not None:
        request.length.FromTimedelta(length)
    answer = session.client.resource.FindOpenings(request)
    session.show(answer, output, lambda: _openings(session, answer))


@claim.command("confirm")
@click.argument("claim_id", metavar="ID")
@takes_project
@takes_output
@pass_session
def confirm(session: Session, claim_id: str, project: str, output: str) -> None:
    """Turn a hold into a claim for its whole window."""
    request = resource_pb2.ConfirmClaimRequest(id=claim_id, project=session.project(project))
    found = session.client.resource.ConfirmClaim(request)
    session.show(found, output, lambda: _sheet(session, found))


@claim.command("change")
@click.argument("claim_id", metavar="ID")
@click.option("--from", "start", type=TIME, help="From when on (ISO 8601) [as it is].")
@click.option("--until", "end", type=TIME, help="Until when (ISO 8601) [as it is].")
@click.option("--without-end", is_flag=True, help="Until it is released.")
@click.option("--generation", default=0, help="Refuse if it is not at this generation any more.")
@takes_project
@takes_output
@pass_session
def change(
    session: Session,
    claim_id: str,
    start: datetime | None,
    end: datetime | None,
    without_end: bool,
    generation: int,
    project: str,
    output: str,
) -> None:
    """Extend or shorten a claim where it is."""
    if without_end and end is not None:
        raise click.UsageError("--until and --without-end exclude each other")
    if not (without_end or start or end):
        raise click.UsageError("say what changes: --from, --until or --without-end")
    project_id = session.project(project)
    found = session.client.resource.GetClaim(
        resource_pb2.GetClaimRequest(id=claim_id, project=project_id)
    )
    window = found.spec.window
    if start is not None:
        window.acquire_at.FromDatetime(start)
    if end is not None:
        window.release_at.FromDatetime(end)
    if without_end:
        window.ClearField("release_at")
    wanted = resource_pb2.ClaimChange(id=claim_id, generation=generation, window=window)
    _change(session, project_id, output, wanted)


@claim.command("move")
@click.argument("claim_id", metavar="ID")
@click.option("--on", "provider", default="", help="To this provider [where it fits best].")
@takes_project
@takes_output
@pass_session
def move(session: Session, claim_id: str, provider: str, project: str, output: str) -> None:
    """Choose a claim's provider anew; no machine may use it."""
    project_id = session.project(project)
    where = find_provider(session, provider) if provider else ""
    _change(session, project_id, output, _moved(session, project_id, claim_id, where))


@claim.command("swap")
@click.argument("first", metavar="ID")
@click.argument("second", metavar="ID")
@takes_project
@takes_output
@pass_session
def swap(session: Session, first: str, second: str, project: str, output: str) -> None:
    """Have two claims of one provider each take each other's."""
    project_id = session.project(project)
    providers = []
    for one in (first, second):
        found = session.client.resource.GetClaim(
            resource_pb2.GetClaimRequest(id=one, project=project_id)
        )
        used = {part.provider for part in found.allocations}
        if len(used) != 1:
            raise ComplaintError(
                f"claim {one} is from {len(used)} providers; move it with the API",
                exit_code=Exit.REFUSED,
            )
        providers.append(used.pop())
    _change(
        session,
        project_id,
        output,
        _moved(session, project_id, first, providers[1]),
        _moved(session, project_id, second, providers[0]),
    )


def _moved(
    session: Session, project: str, claim_id: str, provider: str
) -> resource_pb2.ClaimChange:
    """Ask for the same, from a provider if one is named."""
    wanted = resource_pb2.ClaimChange(id=claim_id)
    wanted.move.SetInParent()
    if provider:
        request = resource_pb2.GetClaimRequest(id=claim_id, project=project)
        spec = session.client.resource.GetClaim(request).spec
        if len(spec.groups) > 1:
            raise ComplaintError(
                f"claim {claim_id} has {len(spec.groups)} groups; move it with the API",
                exit_code=Exit.REFUSED,
            )
        (spec.groups[0] if spec.groups else spec).provider = provider
        wanted.move.spec.CopyFrom(spec)
    return wanted


def _change(
    session: Session, project: str, output: str, *changes: resource_pb2.ClaimChange
) -> None:
    request = resource_pb2.ChangeClaimsRequest(project=project, changes=changes)
    answer = session.client.resource.ChangeClaims(request)
    listed = resource_pb2.ListClaimsResponse(claims=answer.claims)
    session.show(answer, output, lambda: _table(session, listed))


@claim.command("release")
@click.argument("claim_id", metavar="ID")
@takes_project
@takes_output
@pass_session
def release(session: Session, claim_id: str, project: str, output: str) -> None:
    """End a claim that no machine uses."""
    request = resource_pb2.ReleaseClaimRequest(id=claim_id, project=session.project(project))
    found = session.client.resource.ReleaseClaim(request)
    session.show(found, output, lambda: _sheet(session, found))


@claim.command("list")
@click.option("--all", "ended", is_flag=True, help="Also those that ended.")
@takes_listing(named=False)
@takes_project
@takes_output
@pass_session
def list_claims(
    session: Session, ended: bool, listed: Mapping[str, Any], project: str, output: str
) -> None:
    """List a project's claims."""
    request = resource_pb2.ListClaimsRequest(
        project=session.project(project), include_ended=ended, **listed
    )
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


def _proposed(session: Session, found: list[resource_pb2.Candidate]) -> "Table":
    from mulligan_client.output import table

    parts = [(number, part) for number, one in enumerate(found, 1) for part in one.parts]
    name = session.names(part.provider for _, part in parts)
    return table(
        ["", "GROUP", "PROVIDER", "WHAT"],
        [
            (
                str(number),
                part.group_name,
                name(part.provider),
                ", ".join(f"{one.amount} {one.resource_type}" for one in part.amounts),
            )
            for number, part in parts
        ],
    )


def _openings(session: Session, answer: resource_pb2.FindOpeningsResponse) -> "Table":
    from mulligan_client.output import table
    from mulligan_client.quantities import moment_words

    name = session.names(one.provider for one in answer.openings)
    return table(
        ["PROVIDER", "FROM", "UNTIL"],
        [
            (
                name(one.provider),
                moment_words(one.window.acquire_at),
                moment_words(one.window.release_at) or "without end",
            )
            for one in answer.openings
        ],
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
            ("groups", ", ".join(group.name or "(one)" for group in one.spec.groups)),
            *shown_whereabouts(session, one.spec),
        ]
    )
