"""What is asked of resource, from options or a file; names become ids."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from mulligan_client.commands.options import TIME, Parsed, one_of
from mulligan_client.commands.provider_names import find_providers
from mulligan_client.commands.whereabouts import (
    find_origin,
    put_whereabouts,
    takes_whereabouts,
)
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.session import Session

_Command = TypeVar("_Command", bound=Callable[..., Any])

_PLACEMENTS = {
    "": common_pb2.PLACEMENT_UNSPECIFIED,
    "pack": common_pb2.PLACEMENT_PACK,
    "spread": common_pb2.PLACEMENT_SPREAD,
}


def parse_amount(text: str) -> common_pb2.Amount:
    """Read an amount such as VCPU=4.

    Raises:
        ValueError: it is none.
    """
    name, _, amount = text.partition("=")
    try:
        return common_pb2.Amount(resource_type=name, amount=int(amount))
    except ValueError:
        raise ValueError(f"{text!r} is no amount; write it like VCPU=4") from None


def takes_spec(command: _Command) -> _Command:
    """Add what says what is asked for: amounts and demands, or a file."""
    for option in (
        takes_whereabouts,
        click.option(
            "--file",
            "manifest",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="What is asked for, from YAML or JSON with the fields of the API.",
        ),
        click.option("--placement", type=one_of(["pack", "spread"]), help="Which come first."),
        click.option("--on", "provider", default="", help="Only from this provider."),
        click.option("--forbid", multiple=True, help="A capability it must not have."),
        click.option("--require", multiple=True, help="A capability it must have; repeatable."),
        click.option("--until", "end", type=TIME, help="Until when (ISO 8601) [without end]."),
        click.option("--from", "start", type=TIME, help="From when on (ISO 8601) [now]."),
        click.argument("amounts", nargs=-1, type=Parsed("amount", parse_amount)),
    ):
        command = option(command)
    return command


def read_spec(
    session: Session,
    *,
    project: str,
    region: str,
    amounts: tuple[common_pb2.Amount, ...],
    start: datetime | None,
    end: datetime | None,
    require: tuple[str, ...],
    forbid: tuple[str, ...],
    provider: str,
    placement: str | None,
    manifest: Path | None,
    **where: Any,
) -> resource_pb2.ClaimSpec:
    """Put together what a project (UUID) asks for; `where` is said by `takes_whereabouts`.

    Raises:
        ComplaintError: the file can't be read.
        MulliganCallError: a name leads nowhere.
    """
    spec = resource_pb2.ClaimSpec()
    if manifest is not None:
        from mulligan_client.commands.manifest import read_manifest

        if amounts or require or forbid or provider or placement:
            raise click.UsageError("--file says what is asked for; say the rest there too")
        read_manifest(manifest, spec)
    elif not amounts:
        raise click.UsageError("say amounts, such as VCPU=4, or give --file")
    else:
        spec = resource_pb2.ClaimSpec(
            amounts=amounts,
            required_capabilities=require,
            forbidden_capabilities=forbid,
            provider=provider,
            placement=_PLACEMENTS[placement or ""],
        )
    for moment, stamp in ((start, spec.window.acquire_at), (end, spec.window.release_at)):
        if moment is not None:
            stamp.FromDatetime(moment)
    spec.region = session.region(region or spec.region)
    _find_names(session, spec, project)
    put_whereabouts(session, spec, project=project, **where)
    return spec


def _find_names(session: Session, spec: resource_pb2.ClaimSpec, project: str) -> None:
    """Put ids for the names of providers, groups and machines."""
    for limit in spec.domains:
        limit.origin = find_origin(session, limit.origin, project)
    named = [one for one in _places(spec) if getattr(*one)]
    ids = find_providers(session, [getattr(*one) for one in named])
    for message, field in named:
        setattr(message, field, ids[getattr(message, field)])
    origins = [one for one in _origins(spec) if one.origin]
    ids = find_providers(session, [one.origin for one in origins], or_groups=True)
    for origin in origins:
        origin.origin = ids[origin.origin]
    for group in spec.groups:
        for names in (
            group.groups.require,
            group.groups.forbid,
            *(each.names for each in group.groups.any),
        ):
            names[:] = [session.resolve("group", name) for name in names]


def _places(spec: resource_pb2.ClaimSpec) -> Iterator[tuple[Any, str]]:
    yield spec, "provider"
    for group in spec.groups:
        yield group, "provider"


def _origins(spec: resource_pb2.ClaimSpec) -> Iterator[Any]:
    for group in spec.groups:
        yield from group.distances
    if spec.HasField("near"):
        yield spec.near
