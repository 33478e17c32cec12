"""mulligan provider: whatever has inventory."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from mulligan_client.commands.listing import takes_listing
from mulligan_client.commands.options import (
    DURATION,
    Parsed,
    confirm,
    one_of,
    pass_session,
    refuse_beside_file,
    takes_generation,
    takes_new_name,
    takes_output,
    takes_region,
    takes_yes,
)
from mulligan_client.commands.owners import new_owner, takes_new_owner, takes_owner
from mulligan_client.commands.provider_names import find_provider, find_providers
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table

KINDS = ("maintenance", "quarantined", "retired", "unhealthy")
_UNLIMITED = 2**53 - 1
"""The service's word for a max_unit that only the capacity limits."""
_NUMBERS = ("reserved", "min_unit", "max_unit", "step_size")


def parse_inventory(text: str) -> resource_pb2.Inventory:
    """Read an inventory such as VCPU=64 or VCPU=64,reserved=2,allocation_ratio=4.

    Raises:
        ValueError: it is none.
    """
    total, *more = text.split(",")
    try:
        name, amount = total.split("=")
        made = resource_pb2.Inventory(resource_type=name, total=int(amount))
        for part in more:
            key, value = part.split("=")
            if key == "allocation_ratio":
                made.allocation_ratio = float(value)
            elif key in _NUMBERS:
                setattr(made, key, int(value))
            else:
                raise ValueError(key)
    except ValueError:
        raise ValueError(
            f"{text!r} is no inventory; write TYPE=TOTAL and then, if needed, any of "
            f"{', '.join(_NUMBERS)}, allocation_ratio: VCPU=64,reserved=2,allocation_ratio=4"
        ) from None
    return made


def parse_inventory_change(text: str) -> resource_pb2.InventoryChange:
    """Read what becomes of an inventory, such as VCPU=32 or VCPU,reserved=2; the rest stays.

    Raises:
        ValueError: it is none.
    """
    first, *more = text.split(",")
    name, _, total = first.partition("=")
    made = resource_pb2.InventoryChange(resource_type=name)
    try:
        for part in ([f"total={total}"] if total else []) + more:
            key, value = part.split("=")
            if key not in ("total", *_NUMBERS, "allocation_ratio"):
                raise ValueError(key)
            setattr(made, key, float(value) if key == "allocation_ratio" else int(value))
        if len(made.ListFields()) < 2 or first.endswith("="):
            raise ValueError(text)
    except ValueError:
        raise ValueError(
            f"{text!r} changes no inventory; write TYPE=TOTAL, or TYPE and then any of "
            f"{', '.join(_NUMBERS)}, allocation_ratio: VCPU=64 or VCPU,reserved=2"
        ) from None
    return made


def parse_property(text: str) -> tuple[str, int]:
    """Read a property such as cpus=64.

    Raises:
        ValueError: it is none.
    """
    name, _, value = text.partition("=")
    try:
        return name, int(value)
    except ValueError:
        raise ValueError(f"{text!r} is no property; write it like cpus=64") from None


INVENTORY = Parsed("inventory", parse_inventory)
INVENTORY_CHANGE = Parsed("inventory change", parse_inventory_change)
PROPERTY = Parsed("property", parse_property)
_takes_file = click.option(
    "--file",
    "manifest",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Many of them, from YAML or JSON with the fields of the API.",
)


@click.group()
def provider() -> None:
    """Whatever has inventory: trees of it, what it has and can do, whether it is offered."""


@provider.command("create")
@click.argument("name", default="")
@click.option("--type", "kind", default="", help="Its provider type; needed with a name.")
@click.option("--parent", default="", help="The provider above it.")
@click.option("--inventory", multiple=True, type=INVENTORY, help="Such as VCPU=64; repeatable.")
@click.option("--capability", multiple=True, help="What it can do; repeatable.")
@click.option("--property", "measures", multiple=True, type=PROPERTY, help="Such as cpus=64.")
@takes_owner
@_takes_file
@takes_region
@takes_output
@pass_session
def create(
    session: Session,
    name: str,
    kind: str,
    parent: str,
    inventory: tuple[resource_pb2.Inventory, ...],
    capability: tuple[str, ...],
    measures: tuple[tuple[str, int], ...],
    owner: str,
    manifest: Path | None,
    region: str,
    output: str,
) -> None:
    """Create a provider, or with --file many (key `providers`; a parent may be named there)."""
    request = resource_pb2.CreateProvidersRequest()
    if manifest is not None:
        from mulligan_client.commands.manifest import read_manifest

        read_manifest(manifest, request)
        refuse_beside_file("output", *(() if request.region else ("region",)))
    elif not name or not kind:
        raise click.UsageError("say a NAME and its --type, or give --file")
    else:
        project = new_owner(session, owner, no_project=False) or ""
        request.providers.add(
            name=name, type=kind, parent=parent, project=project, inventories=inventory,
            capabilities=capability, properties=dict(measures),
        )  # fmt: skip
    request.region = session.region(request.region or region)
    _find_parents(session, request)
    answer = session.client.resource.CreateProviders(request)
    session.show(answer, output, lambda: _changed(session, answer.providers))


def _find_parents(session: Session, request: resource_pb2.CreateProvidersRequest) -> None:
    """Put ids for the names of parents: of others in the request, or of what is there."""
    for one in request.providers:
        one.id = one.id or str(uuid4())
    ids = {one.name: one.id for one in request.providers}
    parents = [one.parent for one in request.providers if one.parent]
    ids |= find_providers(session, [name for name in parents if name not in ids])
    for one in request.providers:
        one.parent = ids[one.parent] if one.parent else ""


@provider.command("set")
@click.argument("name", default="")
@takes_new_name
@takes_generation
@click.option("--under", default="", help="Move it, and all below it, under this provider.")
@click.option("--top", is_flag=True, help="Move it to the top of a tree of its own.")
@takes_new_owner
@click.option("--add", multiple=True, type=INVENTORY, help="Inventory that it has not: VCPU=64.")
@click.option(
    "--modify",
    multiple=True,
    type=INVENTORY_CHANGE,
    help="Inventory that it has; what isn't said stays: VCPU=32, or VCPU,reserved=2.",
)
@click.option("--remove", multiple=True, help="Resource type of which it has none any more.")
@click.option("--capability", multiple=True, help="What it can do from now on.")
@click.option("--no-capability", multiple=True, help="What it can't do any more.")
@click.option("--property", "measures", multiple=True, type=PROPERTY, help="Such as cpus=64.")
@click.option("--no-property", multiple=True, help="A property that it has not any more.")
@_takes_file
@takes_output
@pass_session
def set_one(
    session: Session,
    /,
    name: str,
    new_name: str | None,
    generation: int,
    under: str,
    top: bool,
    owner: str,
    no_project: bool,
    manifest: Path | None,
    output: str,
    **parts: Any,
) -> None:
    """Change a provider, or with --file many (key `changes`; names do for ids there)."""
    request = resource_pb2.UpdateProvidersRequest()
    if manifest is not None:
        from mulligan_client.commands.manifest import read_manifest

        read_manifest(manifest, request)
        refuse_beside_file("output")
    elif not name:
        raise click.UsageError("say the NAME of a provider, or give --file")
    elif under and top:
        raise click.UsageError("--under and --top exclude each other")
    else:
        change = request.changes.add(id=name, generation=generation)
        _put(change, parts)
        if under or top:
            change.under = under
        if new_name is not None:
            change.name = new_name
        if (project := new_owner(session, owner, no_project)) is not None:
            change.project = project
    _find_changed(session, request.changes)
    answer = session.client.resource.UpdateProviders(request)
    session.show(answer, output, lambda: _changed(session, answer.providers))


def _find_changed(session: Session, changes: Iterable[resource_pb2.ProviderChange]) -> None:
    """Put ids for the names of providers and of what they are to be under."""
    changes = list(changes)
    unders = [one.under for one in changes if one.under]
    ids = find_providers(session, [*(one.id for one in changes), *unders])
    for one in changes:
        one.id = ids[one.id]
        if one.under:
            one.under = ids[one.under]


def _put(change: resource_pb2.ProviderChange, parts: dict[str, Any]) -> None:
    if parts["add"] or parts["modify"] or parts["remove"]:
        change.inventories.add.extend(parts["add"])
        change.inventories.modify.extend(parts["modify"])
        change.inventories.remove.extend(parts["remove"])
    if parts["capability"] or parts["no_capability"]:
        change.capabilities.add.extend(parts["capability"])
        change.capabilities.remove.extend(parts["no_capability"])
    if parts["measures"] or parts["no_property"]:
        change.properties.put.update(dict(parts["measures"]))
        change.properties.remove.extend(parts["no_property"])


@provider.command("reshape")
@click.option(
    "--file",
    "manifest",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Keys `changes` and `moves`, YAML or JSON; names do for the ids of providers.",
)
@takes_output
@pass_session
def reshape(session: Session, manifest: Path, output: str) -> None:
    """Change providers of one tree and move what is claimed of them, in one step."""
    from mulligan_client.commands.manifest import read_manifest

    request = read_manifest(manifest, resource_pb2.ReshapeProvidersRequest())
    _find_changed(session, request.changes)
    ends = [end for move in request.moves for end in (move.from_provider, move.to_provider)]
    ids = find_providers(session, ends)
    for move in request.moves:
        move.from_provider, move.to_provider = ids[move.from_provider], ids[move.to_provider]
    answer = session.client.resource.ReshapeProviders(request)
    session.show(answer, output, lambda: _changed(session, answer.providers))


@provider.command("list")
@click.option("--region", default="", help="Only providers of this region.")
@click.option("--type", "kind", default="", help="Only of this provider type.")
@click.option("--tree", default="", help="Only this provider, which is a top, and what is below.")
@click.option("--parent", default="", help="Only what is directly below this provider.")
@click.option("--group", default="", help="Only members of this group.")
@takes_listing()
@takes_output
@pass_session
def list_all(
    session: Session,
    region: str,
    kind: str,
    tree: str,
    parent: str,
    group: str,
    listed: Mapping[str, Any],
    output: str,
) -> None:
    """List providers."""
    request = resource_pb2.ListProvidersRequest(
        region=session.resolve("region", region) if region else "",
        type=kind,
        tree=find_provider(session, tree) if tree else "",
        parent=find_provider(session, parent) if parent else "",
        group=session.resolve("group", group) if group else "",
        **listed,
    )
    answer = session.client.list_all(session.client.resource.ListProviders, request)
    session.show(answer, output, lambda: _table(session, answer))


@provider.command("show")
@click.argument("name")
@takes_output
@pass_session
def show(session: Session, name: str, output: str) -> None:
    """Show a provider, what it has, and what is used of it now."""
    request = resource_pb2.GetProviderRequest(id=find_provider(session, name))
    found = session.client.resource.GetProvider(request)
    session.show(found, output, lambda: _sheet(session, found))


@provider.command("delete")
@click.argument("names", nargs=-1, required=True)
@takes_yes
@pass_session
def delete(session: Session, names: tuple[str, ...], yes: bool) -> None:
    """Delete providers that nobody uses; a whole tree at once, if all of it is named."""
    ids = list(find_providers(session, names).values())
    confirm(session, f"Delete {', '.join(names)}?", yes)
    session.client.resource.DeleteProviders(resource_pb2.DeleteProvidersRequest(ids=ids))
    session.remark(f"deleted: {', '.join(names)}")


@provider.command("mark")
@click.argument("names", nargs=-1, required=True)
@click.option("--kind", required=True, type=one_of(KINDS), help="What is said of them.")
@click.option("--reason", required=True, help="Why; operators read it.")
@click.option("--for", "lasts", type=DURATION, help="How long; needed with unhealthy: 30m, 2h.")
@click.option("--tree", is_flag=True, help="Also all providers below them.")
@takes_output
@pass_session
def mark(
    session: Session,
    names: tuple[str, ...],
    kind: str,
    reason: str,
    lasts: timedelta | None,
    tree: bool,
    output: str,
) -> None:
    """Don't offer providers; unhealthy ends by itself. Servers and hosts have more of their own."""
    request = resource_pb2.MarkProvidersRequest(
        ids=_with_branches(session, names, tree), kind=kind, reason=reason
    )
    if lasts is not None:
        request.expires_at.FromDatetime(datetime.now(UTC) + lasts)
    answer = session.client.resource.MarkProviders(request)
    session.show(answer, output, lambda: _changed(session, answer.providers))


@provider.command("unmark")
@click.argument("names", nargs=-1, required=True)
@click.option("--kind", required=True, type=one_of(KINDS), help="What is not said any more.")
@click.option("--tree", is_flag=True, help="Also of all providers below them.")
@takes_output
@pass_session
def unmark(session: Session, names: tuple[str, ...], kind: str, tree: bool, output: str) -> None:
    """Take a mark back; one that isn't there is fine."""
    ids = _with_branches(session, names, tree)
    request = resource_pb2.UnmarkProvidersRequest(ids=ids, kind=kind)
    answer = session.client.resource.UnmarkProviders(request)
    session.show(answer, output, lambda: _changed(session, answer.providers))


def _with_branches(session: Session, names: tuple[str, ...], tree: bool) -> list[str]:
    """Find the ids of providers, and with `tree` of all that is below them."""
    ids = list(find_providers(session, names).values())
    if not tree:
        return ids
    resource = session.client.resource
    below: dict[str, list[str]] = defaultdict(list)
    for top in {resource.GetProvider(resource_pb2.GetProviderRequest(id=one)).root for one in ids}:
        request = resource_pb2.ListProvidersRequest(tree=top)
        for child in session.client.list_all(resource.ListProviders, request).providers:
            below[child.parent].append(child.metadata.id)
    branches = list(ids)
    for one in branches:  # grows while it is walked
        branches += below[one]
    return list(dict.fromkeys(branches))


def _changed(session: Session, changed: Any) -> "Table":
    from mulligan_client.output import table

    name = session.names(one.id for one in changed)
    rows = [(name(one.id), str(one.generation), one.id) for one in changed]
    return table(["PROVIDER", "GENERATION", "ID"], rows)


def _amounts(one: resource_pb2.Provider) -> str:
    return ", ".join(f"{i.used} of {i.total} {i.resource_type}" for i in one.inventories)


def _portions(one: resource_pb2.Inventory) -> str:
    """Say in which amounts it is handed out, where that isn't any amount."""
    most = f" to {one.max_unit}" if 0 < one.max_unit < _UNLIMITED else ""
    said = []
    if one.min_unit > 1 or most:
        said.append(f"{max(1, one.min_unit)}{most or ' or more'} at once")
    if one.step_size > 1:
        said.append(f"in steps of {one.step_size}")
    if one.allocation_ratio not in (0, 1):
        said.append(f"each handed out {one.allocation_ratio:g} times")
    return "".join(f", {words}" for words in said)


def _table(session: Session, answer: resource_pb2.ListProvidersResponse) -> "Table":
    from mulligan_client.output import state_text, table

    parents = [one.parent for one in answer.providers]
    name = session.names([*parents, *(one.metadata.id for one in answer.providers)])
    return table(
        ["NAME", "TYPE", "STATE", "UNDER", "USED"],
        [
            (
                name(one.metadata.id),
                one.type,
                state_text(one.status.state),
                name(one.parent),
                _amounts(one),
            )
            for one in answer.providers
        ],
    )


def _sheet(session: Session, one: resource_pb2.Provider) -> "Table":
    from mulligan_client.output import sheet, status_pairs

    known = (one.metadata.id, one.metadata.region, one.metadata.project, one.parent, one.root)
    name = session.names([*known, *one.groups, *one.shares_with])
    return sheet(
        [
            ("provider", name(one.metadata.id)),
            ("id", one.metadata.id),
            ("type", one.type),
            *status_pairs(one.status, one.marks),
            ("region", name(one.metadata.region)),
            ("project", name(one.metadata.project)),
            ("under", name(one.parent)),
            ("tree of", name(one.root)),
            *(
                (
                    i.resource_type,
                    f"{i.used} of {i.total} used, {i.reserved} reserved{_portions(i)}",
                )
                for i in one.inventories
            ),
            ("can", ", ".join(one.capabilities)),
            ("groups", ", ".join(map(name, one.groups))),
            ("shares with", ", ".join(map(name, one.shares_with))),
            *sorted((key, str(value)) for key, value in one.properties.items()),
            ("generation", str(one.metadata.generation)),
        ]
    )
