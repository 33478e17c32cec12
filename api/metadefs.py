"""Metadefs and the values of attributes, from messages to changes and from rows to messages."""

from collections.abc import Collection, Sequence

from sqlalchemy.orm import Session

from api import messages
from api.call import current_call
from api.masks import paths_of
from api.objects import require_seen, seen, wanted
from api.places import Places
from mulligan import events
from mulligan.batches import each
from mulligan.control.objects import known
from mulligan.meta import attributes, metadefs, schemas
from mulligan.meta.attributes import AttributeRow
from mulligan.meta.metadefs import Definition, MetadefRow, There
from mulligan.meta.objects import Known
from mulligan.values.caller import SYSTEM, Caller
from mulligan.values.errors import InvalidArgumentError, PermissionDeniedError
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2 as pb

_ROLES: dict[common_pb2.Role.ValueType, str] = {
    common_pb2.ROLE_AUTHENTICATED: "",
    common_pb2.ROLE_READER: "reader",
    common_pb2.ROLE_MEMBER: "member",
    common_pb2.ROLE_OPERATOR: "operator",
    common_pb2.ROLE_ADMIN: "admin",
}
_SENT: dict[str, common_pb2.Role.ValueType] = {role: number for number, role in _ROLES.items()}
_CHANGED = ("description", "object_types", "schema", "read_role", "write_role")


async def create(request: pb.CreateMetadefRequest, places: Places) -> pb.Metadef:
    """Define an attribute."""
    call, owner = current_call(), request.project.lower()
    await _know(places, [request.attribute], [owner])
    definition = Definition(
        description=request.description,
        object_types=request.object_types,
        schema=request.schema,
        read_role=_role(request.read_role or common_pb2.ROLE_AUTHENTICATED, "read_role"),
        write_role=_role(request.write_role or common_pb2.ROLE_MEMBER, "write_role"),
    )

    def make(session: Session) -> pb.Metadef:
        row = metadefs.create_metadef(
            session,
            request.attribute,
            owner,
            definition,
            tree=places.projects,
            there=_there(session),
            author=call.caller.account,
        )
        return _shown(row)

    return await call.write(request, pb.Metadef, make)


async def get(request: pb.GetMetadefRequest) -> pb.Metadef:
    """Show a definition."""
    caller = current_call().caller
    return await current_call().read(
        lambda session: _shown(_visible(session, caller, request.id.lower()))
    )


async def get_all(request: pb.BatchGetMetadefsRequest) -> pb.BatchGetMetadefsResponse:
    """Show several definitions."""
    caller = current_call().caller

    def read(session: Session) -> pb.BatchGetMetadefsResponse:
        rows = each(session, MetadefRow, request.ids, lambda one: _visible(session, caller, one))
        return pb.BatchGetMetadefsResponse(metadefs=map(_shown, rows))

    return await current_call().read(read)


async def list_page(request: pb.ListMetadefsRequest, places: Places) -> pb.ListMetadefsResponse:
    """List definitions."""
    caller, project = current_call().caller, request.project.lower()
    if project:
        await places.know([project])
        if not caller.has("reader", project):
            raise PermissionDeniedError(
                f"ListMetadefs needs the role reader on project {project}; ask an administrator "
                "for it"
            )
    owners = caller.project_tree.chain(project) if project else _owners(caller)
    size, after = messages.page_size(request.page), messages.after_id(request.page)

    def read(session: Session) -> pb.ListMetadefsResponse:
        revision = events.current_revision(session)
        rows = metadefs.list_metadefs(
            session, owners, attribute=request.attribute, after=after, limit=size
        )
        return pb.ListMetadefsResponse(
            metadefs=map(_shown, rows),
            next_page_token=messages.next_token(rows, size),
            revision=revision,
        )

    return await current_call().read(read)


async def update(request: pb.UpdateMetadefRequest, places: Places) -> pb.Metadef:
    """Change a definition."""
    call, metadef = current_call(), request.id.lower()
    fixed = {
        "attribute": "an attribute keeps its name",
        "project": "a definition stays where it is",
    }
    paths = paths_of(request, _CHANGED, fixed)
    await _know_for(places, metadef)

    def changed(row: MetadefRow) -> Definition:
        given = {path: getattr(request, path) for path in paths}
        given |= {
            path: _role(given[path], path) for path in ("read_role", "write_role") if path in given
        }
        return Definition(**{path: given.get(path, getattr(row, path)) for path in _CHANGED})

    def change(session: Session) -> pb.Metadef:
        row = metadefs.update_metadef(
            session,
            metadef,
            changed(_require_admin(session, call.caller, metadef, "UpdateMetadef")),
            read_at=request.generation,
            tree=places.projects,
            there=_there(session),
            author=call.caller.account,
        )
        return _shown(row)

    return await call.write(request, pb.Metadef, change)


async def delete(request: pb.DeleteMetadefRequest, places: Places) -> pb.DeleteMetadefResponse:
    """Delete a definition."""
    call, metadef = current_call(), request.id.lower()
    await _know_for(places, metadef)

    def end(session: Session) -> pb.DeleteMetadefResponse:
        _require_admin(session, call.caller, metadef, "DeleteMetadef")
        metadefs.delete_metadef(
            session,
            metadef,
            tree=places.projects,
            there=_there(session),
            author=call.caller.account,
        )
        return pb.DeleteMetadefResponse()

    return await call.write(request, pb.DeleteMetadefResponse, end)


async def set_values(request: pb.SetAttributesRequest, places: Places) -> pb.SetAttributesResponse:
    """Give objects values of attributes."""
    call = current_call()
    named = {(one.object_id.lower(), one.attribute) for one in request.attributes}
    if len(named) < len(request.attributes):
        raise InvalidArgumentError(
            "an attribute of an object stands twice; say once what it is to be", field="attributes"
        )
    objects = await call.read(lambda session: seen(session, call.caller, [one for one, _ in named]))
    await places.know([one.project for one in objects if one.project])

    def change(session: Session) -> pb.SetAttributesResponse:
        found = require_seen(session, call.caller, [one.object_id for one in request.attributes])
        by_id = {one.id: one for one in found}
        rows = metadefs.keep_definitions(session, {one.attribute for one in request.attributes})
        for given in request.attributes:
            _set_value(session, call.caller, by_id[given.object_id.lower()], given, rows, places)
        for one in found:
            attributes.tell(session, one, call.caller.account)
        return pb.SetAttributesResponse()

    return await call.write(request, pb.SetAttributesResponse, change)


def _set_value(
    session: Session,
    caller: Caller,
    one: Known,
    given: pb.Attribute,
    rows: Sequence[MetadefRow],
    places: Places,
) -> None:
    name = given.attribute
    row = metadefs.holding(rows, places.projects, name, one.object_type, one.project)
    if row is None:
        raise InvalidArgumentError(
            f"no attribute {name!r} is defined for {one.object_type} {one.id}; see `mulligan "
            "metadef list`",
            field="attribute",
        )
    if not _may(caller, row.write_role, one):
        raise PermissionDeniedError(
            f"{name} of {one.object_type} {one.id} is written with the role {row.write_role}; ask "
            "an administrator for it"
        )
    value = schemas.normal_json(given.value, "value") if given.value else ""
    if value and (why := schemas.misfit(row.schema, value)):
        raise InvalidArgumentError(
            f"the value of {name} for {one.object_type} {one.id} does not fit: {why}; see "
            f"`mulligan metadef show {name}`",
            field="value",
        )
    attributes.set_value(session, one, name, value)


async def list_of(request: pb.ListAttributesRequest, places: Places) -> pb.ListAttributesResponse:
    """Show the attributes of objects."""
    call = current_call()

    def read(session: Session) -> tuple[list[AttributeRow], list[MetadefRow]]:
        ids = [one.id for one in seen(session, call.caller, request.object_ids)]
        rows = attributes.values_of(session, ids)
        return rows, metadefs.definitions_of(session, {row.attribute for row in rows})

    rows, definitions = await call.read(read)
    shown = await _readable(call.caller, places, rows, definitions)
    return pb.ListAttributesResponse(attributes=shown)


async def list_objects(
    request: pb.ListObjectsByAttributeRequest, places: Places
) -> pb.ListObjectsByAttributeResponse:
    """List the objects that have an attribute."""
    call = current_call()
    size, after = messages.page_size(request.page), messages.after_id(request.page)
    value = schemas.normal_json(request.value, "value") if request.value else ""

    def read(session: Session) -> tuple[int, list[AttributeRow], set[str], list[MetadefRow]]:
        revision = events.current_revision(session)
        narrowed = wanted(call.caller, request)
        rows = attributes.having(
            session, request.attribute, value, narrowed, after=after, limit=size
        )
        found = seen(session, call.caller, [row.object_id for row in rows])
        definitions = metadefs.definitions_of(session, [request.attribute])
        return revision, rows, {one.id for one in found}, definitions

    revision, rows, there, definitions = await call.read(read)
    shown = [row for row in rows if row.object_id in there]
    return pb.ListObjectsByAttributeResponse(
        attributes=await _readable(call.caller, places, shown, definitions),
        next_page_token=messages.token_of(rows[-1].object_id) if len(rows) == size else "",
        revision=revision,
    )


async def _readable(
    caller: Caller,
    places: Places,
    rows: Sequence[AttributeRow],
    definitions: Sequence[MetadefRow],
) -> list[pb.Attribute]:
    """Give the values that a caller may read, of objects that it can see."""
    await places.know([row.project for row in rows if row.project])
    shown = []
    for row in rows:
        one = Known(row.object_id, row.object_type, row.project, row.region)
        holds = metadefs.holding(
            definitions, places.projects, row.attribute, row.object_type, row.project
        )
        if holds is not None and _may(caller, holds.read_role, one):
            shown.append(
                pb.Attribute(
                    object_id=row.object_id,
                    object_type=row.object_type,
                    attribute=row.attribute,
                    value=row.value,
                )
            )
    return shown


def _may(caller: Caller, role: str, one: Known) -> bool:
    """Say whether a caller who sees an object has a role on its project or region."""
    if not role or caller.has(role):
        return True
    if one.project:
        return caller.has(role, one.project)
    return bool(one.region) and caller.has_in(role, one.region or "")


def _owners(caller: Caller) -> Collection[str] | None:
    """The projects whose definitions a caller sees: those of its roles, above and below them."""
    below = caller.projects
    if below is None:
        return None
    return {above for one in below for above in caller.project_tree.chain(one)}


def _visible(session: Session, caller: Caller, metadef: str) -> MetadefRow:
    row = metadefs.get_metadef(session, metadef)
    owners = _owners(caller)
    if row.owner != SYSTEM and owners is not None and row.owner not in owners:
        raise metadefs.not_there(metadef)
    return row


def _require_admin(session: Session, caller: Caller, metadef: str, verb: str) -> MetadefRow:
    row = _visible(session, caller, metadef)
    if not caller.has("admin", row.owner):
        where = f"project {row.owner}" if row.owner else "the system"
        raise PermissionDeniedError(
            f"{verb} needs the role admin on {where}; ask an administrator for it"
        )
    return row


def _there(session: Session) -> There:
    return lambda ids: known(session, ids)


async def _know(places: Places, named: Sequence[str], more: Sequence[str] = ()) -> None:
    """Have the tree of projects hold all that values of attributes are in."""
    projects = await current_call().read(lambda session: attributes.projects_with(session, named))
    await places.know([*projects, *filter(None, more)])


async def _know_for(places: Places, metadef: str) -> None:
    caller = current_call().caller
    row = await current_call().read(lambda session: _visible(session, caller, metadef))
    await _know(places, [row.attribute], [row.owner])


def _role(number: common_pb2.Role.ValueType, field: str) -> str:
    if number not in _ROLES:
        raise InvalidArgumentError(
            f"{field} is one of AUTHENTICATED, READER, MEMBER, OPERATOR and ADMIN", field=field
        )
    return _ROLES[number]


def _shown(row: MetadefRow) -> pb.Metadef:
    return pb.Metadef(
        metadata=messages.metadata(row, {}, project=row.owner),
        attribute=row.attribute,
        description=row.description,
        object_types=row.object_types,
        schema=row.schema,
        read_role=_SENT[row.read_role],
        write_role=_SENT[row.write_role],
    )
