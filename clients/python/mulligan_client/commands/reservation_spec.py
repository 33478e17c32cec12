"""What is reserved, from options or a file."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from mulligan_client.commands.claim_spec import parse_amount, read_spec
from mulligan_client.commands.machine_spec import Wishes, build_spec, takes_machine
from mulligan_client.commands.options import DURATION, Parsed
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.session import Session

_Command = TypeVar("_Command", bound=Callable[..., Any])


def takes_reservation(command: _Command) -> _Command:
    """Add what says what is reserved, and what becomes of it."""
    for option in (
        click.option("--stays", is_flag=True, help="Don't go elsewhere when its provider fails."),
        click.option(
            "--reclaim-after", type=DURATION, help="Give it up when nobody used it so long."
        ),
        click.option("--warn-before", type=DURATION, help="So long before the end say so [15m]."),
        click.option(
            "--keep-for", type=DURATION, help="Keep its machine after the end, powered off."
        ),
        click.option("--purpose", default="", help="What it is for."),
        takes_machine,
        click.option(
            "--image", default="", help="Image of that machine. Without: it is only held."
        ),
        click.option(
            "--machine", default="", help="Name of the machine that is provisioned at the start."
        ),
        click.option(
            "--file",
            "manifest",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="What is held, from YAML or JSON with the fields of a claim.",
        ),
        click.argument("amounts", nargs=-1, type=Parsed("amount", parse_amount)),
    ):
        command = option(command)
    return command


def read_reservation(
    session: Session,
    region: str,
    project: str,
    *,
    purpose: str,
    keep_for: timedelta | None,
    warn_before: timedelta | None,
    reclaim_after: timedelta | None,
    stays: bool,
    **what: Any,
) -> resource_pb2.ReservationSpec:
    """Put together what a project (UUID) reserves.

    Raises:
        MulliganCallError: a name leads nowhere.
    """
    spec = _what(session, region, project, **what)
    spec.purpose, spec.stays = purpose, stays
    for span, field in (
        (keep_for, spec.keep_for),
        (warn_before, spec.warn_before),
        (reclaim_after, spec.reclaim_after),
    ):
        if span is not None:
            field.FromTimedelta(span)
    return spec


def _what(
    session: Session,
    region: str,
    project: str,
    *,
    amounts: tuple[common_pb2.Amount, ...],
    manifest: Path | None,
    machine: str,
    image: str,
    **sizes: Any,
) -> resource_pb2.ReservationSpec:
    """Read what is reserved: amounts, a file with a claim, or a machine."""
    if not amounts and manifest is None:
        wishes = Wishes.read(image=image, acquire_at=None, release_at=None, **sizes)
        built = build_spec(session, wishes, region, project)
        return resource_pb2.ReservationSpec(machine=built, machine_name=machine)
    if machine or image:
        raise click.UsageError("say either amounts or a machine, not both")
    claim = read_spec(
        session,
        project=project,
        region=region,
        amounts=amounts,
        start=None,
        end=None,
        require=sizes["capabilities"],
        forbid=(),
        provider=sizes["provider"],
        placement=sizes["placement"],
        manifest=manifest,
        **{option: sizes[option] for option in ("or_below", "apart", "together")},
    )
    return resource_pb2.ReservationSpec(claim=claim)
