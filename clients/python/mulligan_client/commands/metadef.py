"""mulligan metadef: named attributes of objects, and what their values may be."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from google.protobuf.field_mask_pb2 import FieldMask

from mulligan_client.commands.listing import takes_listing
from mulligan_client.commands.options import (
    confirm,
    one_of,
    pass_session,
    takes_generation,
    takes_output,
    takes_project,
    takes_yes,
)
from mulligan_client.commands.tag import object_ids
from mulligan_client.complaint import ComplaintError
from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table

_ROLES = {
    "anybody": common_pb2.ROLE_AUTHENTICATED,
    "reader": common_pb2.ROLE_READER,
    "member": common_pb2.ROLE_MEMBER,
    "operator": common_pb2.ROLE_OPERATOR,
    "admin": common_pb2.ROLE_ADMIN,
}
_NAMES = {role: name for name, role in _ROLES.items()}


@click.group()
def metadef() -> None:
    """Named attributes of objects, with the JSON Schema (2020-12) of their values.

    The nearest definition to an object's project holds; --project says whose one is, else it is
    the system's.
    """


def _takes_what_is_said(command: Any) -> Any:
    file = click.Path(exists=True, dir_okay=False, path_type=Path)
    roles = one_of(list(_ROLES))
    for option in (
        click.option("--write-role", type=roles, help="Who writes values."),
        click.option("--read-role", type=roles, help="Who reads values."),
        click.option("--type", "object_types", multiple=True, help="Only objects of this type."),
        click.option("--description", help="What it says of an object."),
        click.option("--schema", type=file, help="File with the JSON Schema of its values."),
    ):
        command = option(command)
    return command


def _takes_owner(command: Any) -> Any:
    return click.option("--project", default="", help="Project whose definition it is.")(command)


def _said(**given: Any) -> dict[str, Any]:
    """Give the fields for what was said."""
    fields = {name: value for name, value in given.items() if value not in (None, ())}
    for name in {"read_role", "write_role"} & fields.keys():
        fields[name] = _ROLES[fields[name]]
    if "schema" in fields:
        fields["schema"] = fields["schema"].read_text()
    return fields


def _found(session: Session, attribute: str, project: str) -> Any:
    """Find the definition of an attribute that a project, or else the system, made."""
    owner = session.resolve("project", project) if project else ""
    request = meta_pb2.ListMetadefsRequest(project=owner, attribute=attribute)
    answer = session.client.list_all(session.client.meta.ListMetadefs, request)
    for one in answer.metadefs:
        if one.metadata.project == owner:
            return one
    raise ComplaintError(
        f"{f'project {project}' if project else 'the system'} defines no attribute {attribute!r}",
        do="see `mulligan metadef list`",
        exit_code=Exit.NOT_FOUND,
    )


@metadef.command("list")
@click.option("--project", default="", help="Those that this project defines or inherits.")
@takes_listing(named=False)
@takes_output
@pass_session
def list_metadefs(session: Session, project: str, output: str, listed: dict[str, Any]) -> None:
    """List the definitions that you can see."""
    owner = session.resolve("project", project) if project else ""
    request = meta_pb2.ListMetadefsRequest(project=owner, **listed)
    answer = session.client.list_all(session.client.meta.ListMetadefs, request)
    session.show(answer, output, lambda: _table(session, answer.metadefs))


@metadef.command("show")
@click.argument("attribute")
@_takes_owner
@takes_output
@pass_session
def show(session: Session, attribute: str, project: str, output: str) -> None:
    """Show a definition."""
    found = _found(session, attribute, project)
    session.show(found, output, lambda: _sheet(session, found))


@metadef.command("create")
@click.argument("attribute")
@_takes_owner
@_takes_what_is_said
@takes_output
@pass_session
def create(session: Session, /, attribute: str, project: str, output: str, **given: Any) -> None:
    """Define an attribute; without a schema it takes any value."""
    request = meta_pb2.CreateMetadefRequest(
        attribute=attribute,
        project=session.resolve("project", project) if project else "",
        **{"schema": "true", **_said(**given)},
    )
    made = session.client.meta.CreateMetadef(request)
    session.show(made, output, lambda: _sheet(session, made))


@metadef.command("set")
@click.argument("attribute")
@_takes_owner
@_takes_what_is_said
@click.option("--any-type", is_flag=True, help="Objects of any type can have it.")
@takes_generation
@takes_output
@pass_session
def put(
    session: Session,
    /,
    attribute: str,
    project: str,
    any_type: bool,
    generation: int,
    output: str,
    **given: Any,
) -> None:
    """Change a definition, if all values fit it."""
    fields = _said(**given)
    if any_type:
        if "object_types" in fields:
            raise click.UsageError("say --type or --any-type")
        fields["object_types"] = ()
    request = meta_pb2.UpdateMetadefRequest(
        id=_found(session, attribute, project).metadata.id,
        generation=generation,
        update_mask=FieldMask(paths=sorted(fields)),
        **fields,
    )
    changed = session.client.meta.UpdateMetadef(request)
    session.show(changed, output, lambda: _sheet(session, changed))


@metadef.command("delete")
@click.argument("attribute")
@_takes_owner
@takes_yes
@pass_session
def delete(session: Session, attribute: str, project: str, yes: bool) -> None:
    """Delete a definition, if all values fit the one that holds then."""
    found = _found(session, attribute, project)
    confirm(session, f"Delete the definition of {attribute}?", yes)
    session.client.meta.DeleteMetadef(meta_pb2.DeleteMetadefRequest(id=found.metadata.id))
    session.remark(f"{attribute} is not defined there any more.")


@metadef.group("value")
def value() -> None:
    """Values of attributes. An OBJECT is its UUID, or its type and name: machine:web-1."""


@value.command("list")
@click.argument("objects", metavar="OBJECT...", nargs=-1, required=True)
@takes_project
@takes_output
@pass_session
def list_values(session: Session, objects: tuple[str, ...], project: str, output: str) -> None:
    """List the attributes of objects."""
    request = meta_pb2.ListAttributesRequest(object_ids=object_ids(session, objects, project))
    answer = session.client.meta.ListAttributes(request)
    session.show(answer, output, lambda: _values(session, answer.attributes))


@value.command("show")
@click.argument("attribute")
@click.option("--value", default="", help="Only with this value, as JSON.")
@takes_output
@pass_session
def show_values(session: Session, attribute: str, value: str, output: str) -> None:
    """Show which objects have an attribute."""
    request = meta_pb2.ListObjectsByAttributeRequest(attribute=attribute, value=value)
    answer = session.client.list_all(session.client.meta.ListObjectsByAttribute, request)
    session.show(answer, output, lambda: _values(session, answer.attributes))


@value.command("set")
@click.argument("one", metavar="OBJECT")
@click.argument("attribute")
@click.argument("document", metavar="JSON")
@takes_project
@pass_session
def set_value(session: Session, one: str, attribute: str, document: str, project: str) -> None:
    """Give an object a value, as JSON: '"rack 7"', 12 or '{"unit": 3}'."""
    _set_value(session, one, attribute, document, project)


@value.command("delete")
@click.argument("one", metavar="OBJECT")
@click.argument("attribute")
@takes_project
@takes_yes
@pass_session
def delete_value(session: Session, one: str, attribute: str, project: str, yes: bool) -> None:
    """Take an attribute away from an object."""
    confirm(session, f"Take {attribute} away from {one}?", yes)
    _set_value(session, one, attribute, "", project)


def _set_value(session: Session, one: str, attribute: str, document: str, project: str) -> None:
    [found] = object_ids(session, (one,), project)
    given = meta_pb2.Attribute(object_id=found, attribute=attribute, value=document)
    session.client.meta.SetAttributes(meta_pb2.SetAttributesRequest(attributes=[given]))


def _table(session: Session, found: Any) -> "Table":
    from mulligan_client.output import table

    name = session.names(one.metadata.project for one in found)
    return table(
        ["ATTRIBUTE", "OF", "TYPES", "READ", "WRITE", "DESCRIPTION"],
        [
            (
                one.attribute,
                name(one.metadata.project) if one.metadata.project else "the system",
                ", ".join(one.object_types) or "any",
                _NAMES.get(one.read_role, ""),
                _NAMES.get(one.write_role, ""),
                one.description,
            )
            for one in found
        ],
    )


def _sheet(session: Session, one: Any) -> "Table":
    from mulligan_client.output import sheet

    owner = one.metadata.project
    return sheet(
        [
            ("attribute", one.attribute),
            ("of", session.names([owner])(owner) if owner else "the system"),
            ("description", one.description),
            ("types", ", ".join(one.object_types) or "any"),
            ("read by", _NAMES.get(one.read_role, "")),
            ("written by", _NAMES.get(one.write_role, "")),
            ("schema", one.schema),
            ("generation", str(one.metadata.generation)),
            ("id", one.metadata.id),
        ]
    )


def _values(session: Session, found: Any) -> "Table":
    from mulligan_client.output import table

    name = session.names(one.object_id for one in found)
    return table(
        ["TYPE", "NAME", "ATTRIBUTE", "VALUE", "ID"],
        [
            (one.object_type, name(one.object_id), one.attribute, one.value, one.object_id)
            for one in found
        ],
    )
