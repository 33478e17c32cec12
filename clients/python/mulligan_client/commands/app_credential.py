"""mulligan app-credential: accounts for programs."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from google.protobuf.field_mask_pb2 import FieldMask

from mulligan_client.commands.listing import takes_listing
from mulligan_client.commands.options import (
    TIME,
    confirm,
    pass_session,
    takes_generation,
    takes_output,
    takes_yes,
)
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table


@click.group()
def app_credential() -> None:
    """Accounts for programs, each with less than its creator may."""


@app_credential.command("create")
@click.argument("name")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    metavar="ROLE[@PLACE]",
    help="A role of yours: member@project:NAME, operator@region:NAME; without a place: on the "
    "system. Can be given more than once.",
)
@click.option("--expires-at", type=TIME, help="When it is over; by default with you.")
@click.option(
    "--method", "methods", multiple=True, help="Only this one, as ControlService/GetMachine."
)
@click.option("--region", default="", help="Only what names this region or is in it.")
@takes_output
@pass_session
def create(
    session: Session,
    name: str,
    roles: tuple[str, ...],
    expires_at: datetime | None,
    methods: tuple[str, ...],
    region: str,
    output: str,
) -> None:
    """Create an account for a program; its secret is shown once, now."""
    secret = secrets.token_urlsafe(32)
    request = iam_pb2.CreateApplicationCredentialRequest(
        name=name,
        secret=secret,
        roles=[_role(session, one) for one in roles],
        methods=methods,
        region=session.resolve("region", region) if region else "",
    )
    if expires_at is not None:
        request.expires_at.FromDatetime(expires_at)
    found = session.client.iam.CreateApplicationCredential(request)
    session.show(found, output, lambda: _table(session, [found]))
    click.echo(f"secret: {secret}", err=output != "table")
    session.remark("It is not shown again: give it to the program.")


@app_credential.command("list")
@click.option("--creator", default="", help="Those of this account, for administrators.")
@takes_listing()
@takes_output
@pass_session
def list_credentials(
    session: Session, creator: str, listed: Mapping[str, Any], output: str
) -> None:
    """List the application credentials that you made."""
    whose = session.resolve("account", creator) if creator else ""
    request = iam_pb2.ListApplicationCredentialsRequest(creator=whose, **listed)
    answer = session.client.list_all(session.client.iam.ListApplicationCredentials, request)
    session.show(answer, output, lambda: _table(session, answer.application_credentials))


@app_credential.command("show")
@click.argument("name")
@takes_output
@pass_session
def show(session: Session, name: str, output: str) -> None:
    """Show what an application credential may."""
    request = iam_pb2.GetApplicationCredentialRequest(id=_identity(session, name))
    found = session.client.iam.GetApplicationCredential(request)
    session.show(found, output, lambda: _table(session, [found]))


@app_credential.command("set")
@click.argument("name")
@click.option("--name", "new_name", default="", help="What it is called from now on.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    metavar="ROLE[@PLACE]",
    help="Of its roles, one that it keeps. Can be given more than once.",
)
@click.option("--expires-at", type=TIME, help="When it is over, no later than it would be.")
@click.option(
    "--method", "methods", multiple=True, help="Of what it may call, one that it may still call."
)
@takes_generation
@takes_output
@pass_session
def put(
    session: Session,
    name: str,
    new_name: str,
    roles: tuple[str, ...],
    expires_at: datetime | None,
    methods: tuple[str, ...],
    generation: int,
    output: str,
) -> None:
    """Rename an application credential, or give it less than it has; this never gives it more."""
    said = {"name": new_name, "roles": roles, "expires_at": expires_at, "methods": methods}
    paths = [field for field, value in said.items() if value]
    if not paths:
        raise click.UsageError("say what to change: --name, --role, --expires-at or --method")
    request = iam_pb2.UpdateApplicationCredentialRequest(
        id=_identity(session, name),
        generation=generation,
        update_mask=FieldMask(paths=paths),
        name=new_name,
        roles=[_role(session, one) for one in roles],
        methods=methods,
    )
    if expires_at is not None:
        request.expires_at.FromDatetime(expires_at)
    changed = session.client.iam.UpdateApplicationCredential(request)
    session.show(changed, output, lambda: _table(session, [changed]))


@app_credential.command("delete")
@click.argument("name")
@takes_yes
@pass_session
def delete(session: Session, name: str, yes: bool) -> None:
    """Delete an application credential: its program signs in no more."""
    identity = _identity(session, name)
    confirm(session, f"Delete application credential {name}?", yes)
    request = iam_pb2.DeleteApplicationCredentialRequest(id=identity)
    session.client.iam.DeleteApplicationCredential(request)
    session.remark(f"Deleted {name}.")


def _identity(session: Session, name: str) -> str:
    """Find one among the caller's own by name; anybody's by id."""
    request = iam_pb2.ListApplicationCredentialsRequest()
    mine = session.client.list_all(session.client.iam.ListApplicationCredentials, request)
    for one in mine.application_credentials:
        if name in (one.metadata.name, one.metadata.slug):
            return one.metadata.id
    return session.resolve("account", name)


def _role(session: Session, text: str) -> iam_pb2.GivenRole:
    name, _, place = text.partition("@")
    kind, _, named = place.partition(":")
    value = common_pb2.Role.DESCRIPTOR.values_by_name.get(f"ROLE_{name.upper()}")
    if value is None or (place and kind not in ("project", "region")):
        raise click.UsageError(
            f"{text!r} is no role of yours; write member@project:NAME, operator@region:NAME, or "
            "admin for the system"
        )
    given = iam_pb2.GivenRole(role=common_pb2.Role.Value(value.name))
    if not place:
        return given
    setattr(given, kind, session.resolve(kind, named))
    return given


def _table(session: Session, found: Iterable[iam_pb2.ApplicationCredential]) -> "Table":
    from mulligan_client.output import table
    from mulligan_client.quantities import moment_words

    shown = list(found)
    places = [one.project or one.region for each in shown for one in each.roles]
    name_of = session.names([*places, *(one.region for one in shown)])
    return table(
        ["NAME", "ROLES", "ENDS", "METHODS", "REGION", "ID"],
        [
            (
                one.metadata.name,
                ", ".join(_words(role, name_of(role.project or role.region)) for role in one.roles),
                moment_words(one.expires_at) if one.HasField("expires_at") else "",
                ", ".join(one.methods) or "all",
                name_of(one.region) if one.region else "all",
                one.metadata.id,
            )
            for one in shown
        ],
    )


def _words(given: iam_pb2.GivenRole, place: str) -> str:
    role = common_pb2.Role.Name(given.role)[5:].lower()
    return f"{role} of {place}" if place else f"{role} of the system"
