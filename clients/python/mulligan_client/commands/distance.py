"""mulligan distance: how far providers and groups are apart."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mulligan_client.commands.options import pass_session, refuse_beside_file, takes_output
from mulligan_client.commands.provider_names import find_providers
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table

_takes_type = click.option(
    "--type", "kind", default="location", show_default=True, help="The distance type."
)


@click.group()
def distance() -> None:
    """How far providers and groups are apart; the same in both directions."""


@distance.command("set")
@click.argument("a", default="")
@click.argument("b", default="")
@click.argument("code", default="")
@_takes_type
@click.option("--replace", is_flag=True, help="Forget all other distances of A.")
@click.option(
    "--file",
    "manifest",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Many of them, from YAML or JSON with the fields of the API.",
)
@pass_session
def set_distances(
    session: Session,
    a: str,
    b: str,
    code: str,
    kind: str,
    replace: bool,
    manifest: Path | None,
) -> None:
    """Say how far A and B are apart; A with itself, if it is a group: how far its members are."""
    request = resource_pb2.SetDistancesRequest()
    if manifest is not None:
        from mulligan_client.commands.manifest import read_manifest

        read_manifest(manifest, request)
        refuse_beside_file()
    elif not code:
        raise click.UsageError("say A, B and CODE, or give --file")
    else:
        request.set.add(a=a, b=b, code=code)
        request.replace_all_of = a if replace else ""
    request.type = request.type or kind
    _send(session, request)


@distance.command("unset")
@click.argument("a")
@click.argument("b")
@_takes_type
@pass_session
def unset(session: Session, a: str, b: str, kind: str) -> None:
    """Say no more how far two are apart."""
    removed = [resource_pb2.Distance(a=a, b=b)]
    _send(session, resource_pb2.SetDistancesRequest(type=kind, remove=removed))


def _send(session: Session, request: resource_pb2.SetDistancesRequest) -> None:
    """Send a request in which names stand for ids."""
    pairs = [*request.set, *request.remove]
    named = [end for one in pairs for end in (one.a, one.b)]
    whole = [request.replace_all_of] if request.replace_all_of else []
    ids = find_providers(session, [*named, *whole], or_groups=True)
    for one in pairs:
        one.a, one.b = ids[one.a], ids[one.b]
    request.replace_all_of = ids.get(request.replace_all_of, "")
    session.client.resource.SetDistances(request)
    session.remark(f"{request.type}: {len(request.set)} set, {len(request.remove)} removed")


@distance.command("list")
@click.option("--type", "kind", default="", help="Only of this distance type.")
@click.option("--of", default="", help="Only of this provider or group.")
@takes_output
@pass_session
def list_all(session: Session, kind: str, of: str, output: str) -> None:
    """List what was said of distances."""
    one = find_providers(session, [of], or_groups=True)[of] if of else ""
    request = resource_pb2.ListDistancesRequest(type=kind, object_id=one)
    answer = session.client.list_all(session.client.resource.ListDistances, request)
    session.show(answer, output, lambda: _table(session, answer))


def _table(session: Session, answer: resource_pb2.ListDistancesResponse) -> "Table":
    from mulligan_client.output import table

    name = session.names(end for one in answer.distances for end in (one.a, one.b))
    rows = [(one.type, name(one.a), name(one.b), one.code) for one in answer.distances]
    return table(["TYPE", "A", "B", "CODE"], rows)
