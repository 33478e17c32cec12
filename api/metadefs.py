"""Metadefs and the values of attributes, from messages to changes and from rows to messages."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace

from sqlalchemy.orm import Session

from api import messages
from api.call import current_call
from api.listings import listing_of, token_after
from api.masks import paths_of
from api.objects import require_seen, seen, wanted
from api.places import Places
from mulligan import events
from mulligan.batches import each
from mulligan.control.objects import known
from mulligan.iam import objects
from mulligan.iam.tables import Project
from mulligan.meta import attributes, metadefs, schemas
from mulligan.meta.attributes import AttributeRow
from mulligan.meta.listing import listed
from mulligan.meta.locks import hold_objects
from mulligan.meta.metadefs import Definition, MetadefRow, Surroundings
from mulligan.meta.objects import Known
from mulligan.values.caller import SYSTEM, Caller
from mulligan.values.errors import (
    ConflictError,
    InvalidArgumentError,
    MulliganError,
    PermissionDeniedError,
)
from mulligan.values.places import PlaceTree
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2 as pb

READ_AT_ONCE = 500
"""Values that are read at a time, of which the caller may read some."""

_ROLES: dict[common_pb2.Role.ValueType, str] = {
    common_pb2.ROLE_AUTHENTICATED: "",
    common_pb2.ROLE_READER: "reader",
    common_pb2.ROLE_MEMBER: "member",
    common_pb2.ROLE_OPERATOR: "operator",
    common_pb2.ROLE_ADMIN: "admin",
}
_SENT: dict[str, common_pb2.Role.ValueType] = {role: number for number, role in _ROLES.items()}
_CHANGED = ("description", "object_types", "schema", "read_role", "write_role")


async def create(request: pb.CreateMetadefRequest) -> pb.Metadef:
    """Define an attribute."""
    call, owner = current_call(), request.project.lower()
    definition = Definition(
        description=request.description,
        object_types=request.object_types,
        schema=request.schema,
        read_role=_role(request.read_role or common_pb2.ROLE_AUTHENTICATED, "read_role"),
        write_role=_role(request.write_role or common_pb2.ROLE_MEMBER, "write_role"),
    )

    def make(session: Session) -> pb.Metadef:
        if owner:
            objects.keep(session, Project, owner)
        row = metadefs.create_metadef(
            session,
            request.attribute,
            owner,
            definition,
            around=_around(session),
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
        return pb.BatchGetMetadefsResponse(metadefs=messages.at_once(map(_shown, rows)))

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
    listing = listing_of(request, "metadef", named=False)

    def read(session: Session) -> pb.ListMetadefsResponse:
        revision = events.current_revision(session)
        query = metadefs.select_metadefs(owners, request.attribute)
        page = listed(session, query, MetadefRow, listing)
        shown = messages.fitting(map(_shown, page.items))
        return pb.ListMetadefsResponse(
            metadefs=shown, next_page_token=token_after(page, shown), revision=revision
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
    await _know_owner(places, metadef)

    def changed(row: MetadefRow) -> Definition:
        given = {path: getattr(request, path) for path in paths}
        given |= {
            path: _role(given[path], path) for path in ("read_role", "write_role") if path in given
        }
        return Definition(**{path: given.get(path, getattr(row, path)) for path in _CHANGED})

    def change(session: Session) -> pb.Metadef:
        _require_admin(session, call.caller, metadef, "UpdateMetadef")
        row = metadefs.update_metadef(
            session,
            metadef,
            changed,
            read_at=request.generation,
            around=_around(session),
            author=call.caller.account,
        )
        return _shown(row)

    return await call.write(request, pb.Metadef, change)


async def delete(request: pb.DeleteMetadefRequest, places: Places) -> pb.DeleteMetadefResponse:
    """Delete a definition."""
    call, metadef = current_call(), request.id.lower()
    await _know_owner(places, metadef)

    def end(session: Session) -> pb.DeleteMetadefResponse:
        _require_admin(session, call.caller, metadef, "DeleteMetadef")
        metadefs.delete_metadef(
            session,
            metadef,
            around=_around(session),
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
    known_here = await call.read(
        lambda session: seen(session, call.caller, [one for one, _ in named])
    )
    await places.know([one.project for one in known_here if one.project])
    giving = _Giving(call.caller, request.attributes)
    with suppress(MulliganError):  # it is said by the transaction, to who asks for the first time
        await call.read(giving.decide)

    def change(session: Session) -> pb.SetAttributesResponse:
        for one, values in giving.decide(session, keep=True):
            attributes.set_values(session, one, values)
            attributes.tell(session, one, call.caller.account)
        return pb.SetAttributesResponse()

    return await call.write(request, pb.SetAttributesResponse, change)


class _Giving:
    """Decides of values that are given to objects: at first without locks, for checks take long.

    Under the locks only what fits by another schema than before is checked again.
    """

    def __init__(self, caller: Caller, asked: Sequence[pb.Attribute]) -> None:
        self._caller = caller
        self._asked = asked
        self._checked: dict[tuple[str, str], str] = {}
        self._work = 0

    def decide(self, session: Session, *, keep: bool = False) -> list[tuple[Known, dict[str, str]]]:
        """Give each object with its values in their normal form.

        Args:
            session: a session.
            keep: what was decided on stays so until the transaction ends.

        Raises:
            NotFoundError: an object is not there, or the caller can't see it.
            InvalidArgumentError: the attribute is not defined for it, or the value does not fit.
            PermissionDeniedError: the caller has not the role that writes it.
            ConflictError: a project is so new that this database does not know it yet.
        """
        ids = [one.object_id for one in self._asked]
        by_id = {one.id: one for one in require_seen(session, self._caller, ids)}
        tree = _tree(session, [one.project for one in by_id.values() if one.project])
        named = {(one.attribute, by_id[one.object_id.lower()].project) for one in self._asked}
        if keep:
            if any(one.project and one.project not in tree for one in by_id.values()):
                raise ConflictError("a project is too new to know what holds in it; try again")
            rows = metadefs.keep_definitions(session, named, tree)
            hold_objects(session, by_id)
            require_seen(session, self._caller, ids)
        else:
            rows = metadefs.definitions_for(session, named, tree)
        caller = replace(self._caller, project_tree=tree)
        values: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for given in self._asked:
            one = by_id[given.object_id.lower()]
            row = metadefs.holding(rows, tree, given.attribute, one.object_type, one.project)
            values[one.id][given.attribute] = self._value(caller, one, given, row)
        return [(by_id[one], given) for one, given in values.items()]

    def _value(
        self, caller: Caller, one: Known, given: pb.Attribute, row: MetadefRow | None
    ) -> str:
        name = given.attribute
        if row is None and given.value:
            raise InvalidArgumentError(
                f"no attribute {name!r} is defined for {one.object_type} {one.id}; see `mulligan "
                "metadef list`",
                field="attribute",
            )
        role = row.write_role if row else "member"
        if not _may(caller, role, one):
            raise PermissionDeniedError(
                f"{name} of {one.object_type} {one.id} is written with the role {role}; ask an "
                "administrator for it"
            )
        if row is None or not given.value:
            return ""
        value = schemas.normal_json(given.value, "value")
        key = (row.schema, value)
        if key not in self._checked:
            self._count(schemas.work_of(*key))
            self._checked[key] = schemas.misfit(*key)
        if why := self._checked[key]:
            raise InvalidArgumentError(
                f"the value of {name} for {one.object_type} {one.id} does not fit: {why}; see "
                f"`mulligan metadef show {name}`",
                field="value",
            )
        return value

    def _count(self, work: int) -> None:
        # What alone is too much is not begun with, and told as that.
        self._work += work if work <= schemas.MAX_WORK else 0
        if self._work > schemas.MAX_CALL_WORK:
            raise InvalidArgumentError(
                f"checking these {len(self._asked)} values takes too long for one call; give fewer "
                "at once",
                field="attributes",
            )


async def list_of(request: pb.ListAttributesRequest) -> pb.ListAttributesResponse:
    """Show the attributes of objects."""
    caller = current_call().caller

    def read(session: Session) -> pb.ListAttributesResponse:
        ids = [one.id for one in seen(session, caller, request.object_ids)]
        rows = attributes.values_of(session, ids)
        return pb.ListAttributesResponse(attributes=_readable(session, caller, rows))

    found = await current_call().read(read)
    return messages.of_a_size(found, "object_ids", "the attributes are")


async def list_objects(
    request: pb.ListObjectsByAttributeRequest,
) -> pb.ListObjectsByAttributeResponse:
    """List the objects that have an attribute.

    It reads on until it knows whether one more follows that the caller may read: no page and no
    token says anything of the others.
    """
    caller = current_call().caller
    size, start = messages.page_size(request.page), messages.after_id(request.page)
    value = schemas.normal_json(request.value, "value") if request.value else ""

    def read(session: Session) -> pb.ListObjectsByAttributeResponse:
        revision = events.current_revision(session)
        narrowed, after = wanted(caller, request), start
        found: list[pb.Attribute] = []
        shown: list[pb.Attribute] = []
        while len(found) <= size and len(shown) == len(found):
            rows = attributes.having(
                session, request.attribute, value, narrowed, after=after, limit=READ_AT_ONCE
            )
            there = {one.id for one in seen(session, caller, [row.object_id for row in rows])}
            found += _readable(session, caller, [one for one in rows if one.object_id in there])
            shown = messages.fitting(found)
            if len(rows) < READ_AT_ONCE:
                break
            after = rows[-1].object_id
        shown = shown[:size]
        more = len(found) > len(shown)
        return pb.ListObjectsByAttributeResponse(
            attributes=shown,
            next_page_token=messages.token_of(shown[-1].object_id) if more else "",
            revision=revision,
        )

    return await current_call().read(read)


def _readable(session: Session, caller: Caller, rows: Sequence[AttributeRow]) -> list[pb.Attribute]:
    """Give the values that a caller may read, of objects that it can see."""
    tree = _tree(session, {row.project for row in rows if row.project})
    named = {(row.attribute, row.project) for row in rows}
    definitions = metadefs.definitions_for(session, named, tree) if rows else []
    caller = replace(caller, project_tree=tree)
    shown = []
    for row in rows:
        one = Known(row.object_id, row.object_type, row.project, row.region)
        holds = metadefs.holding(definitions, tree, row.attribute, row.object_type, row.project)
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


def _around(session: Session) -> Surroundings:
    return Surroundings(
        there=lambda ids: known(session, ids),
        tree=lambda projects: _tree(session, projects),
        below=lambda project: objects.projects_below(session, project),
    )


def _tree(session: Session, projects: Collection[str]) -> PlaceTree:
    """Give projects and all above them as this transaction sees them."""
    tree = PlaceTree()
    for place in objects.chains(session, projects) if projects else ():
        tree.add(place.id, place.parent)
    return tree


async def _know_owner(places: Places, metadef: str) -> None:
    """Have the tree of projects hold the one whose definition it is, if it is there at all."""

    def owner(session: Session) -> list[str]:
        row = session.get(MetadefRow, metadef)
        return [row.owner] if row and row.owner else []

    await places.know(await current_call().read(owner))


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
