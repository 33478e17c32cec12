"""mulligan account: users."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mulligan_client.commands.catalogue import add_delete
from mulligan_client.commands.listing import takes_listing
from mulligan_client.commands.options import (
    pass_session,
    read_password,
    takes_output,
    takes_password,
)
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table


@click.group()
def account() -> None:
    """Users."""


@account.command("create")
@click.argument("name")
@takes_password
@takes_output
@pass_session
def create(
    session: Session, name: str, password_file: Path | None, password_stdin: bool, output: str
) -> None:
    """Create a user; give it a role next: mulligan role assign."""
    password = read_password(
        session, password_file, password_stdin, prompt=f"Password of {name}", confirm=True
    )
    request = iam_pb2.CreateAccountRequest(name=name, password=password)
    found = session.client.iam.CreateAccount(request)
    session.show(found, output, lambda: _sheet(found))


@account.command("list")
@takes_listing()
@takes_output
@pass_session
def list_accounts(session: Session, listed: Mapping[str, Any], output: str) -> None:
    """List all accounts, of users and of programs, as a reader of the system."""
    from mulligan_client.output import table

    request = iam_pb2.ListAccountsRequest(**listed)
    answer = session.client.list_all(session.client.iam.ListAccounts, request)
    rows = [
        (one.metadata.name, _type(one), "no" if one.disabled else "yes", one.metadata.id)
        for one in answer.accounts
    ]
    session.show(answer, output, lambda: table(["NAME", "TYPE", "MAY SIGN IN", "ID"], rows))


@account.command("show")
@click.argument("name")
@takes_output
@pass_session
def show(session: Session, name: str, output: str) -> None:
    """Show an account; your own is seen without a role."""
    request = iam_pb2.GetAccountRequest(id=session.resolve("account", name))
    found = session.client.iam.GetAccount(request)
    session.show(found, output, lambda: _sheet(found))


@account.command("set")
@click.argument("name")
@click.option("--name", "new_name", default="", help="What it is called from now on.")
@click.option("--password", "asks", is_flag=True, help="Give it another password: you are asked.")
@takes_password
@click.option("--disable/--enable", "disabled", default=None, help="Whether it may sign in.")
@click.option("--generation", default=0, help="Refuse if it is not at this generation any more.")
@takes_output
@pass_session
def put(
    session: Session,
    name: str,
    new_name: str,
    asks: bool,
    password_file: Path | None,
    password_stdin: bool,
    disabled: bool | None,
    generation: int,
    output: str,
) -> None:
    """Change a user's name or password, or whether it may sign in, as an administrator."""
    request = iam_pb2.UpdateAccountRequest(generation=generation)
    paths = request.update_mask.paths
    if new_name:
        request.name = new_name
        paths.append("name")
    if disabled is not None:
        request.disabled = disabled
        paths.append("disabled")
    if asks or password_file is not None or password_stdin:
        request.password = read_password(
            session, password_file, password_stdin, prompt=f"New password of {name}", confirm=True
        )
        paths.append("password")
    if not paths:
        raise click.UsageError("say what to change: --name, --password, --disable or --enable")
    request.id = session.resolve("account", name)
    changed = session.client.iam.UpdateAccount(request)
    session.show(changed, output, lambda: _sheet(changed))


@account.command("password")
@click.option("--old-password-file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@takes_password
@pass_session
def change_password(
    session: Session,
    old_password_file: Path | None,
    password_file: Path | None,
    password_stdin: bool,
) -> None:
    """Change your own password: the old one and the new one are asked for."""
    old = read_password(session, old_password_file, False, prompt="Old password")
    new = read_password(session, password_file, password_stdin, prompt="New password", confirm=True)
    session.client.iam.ChangePassword(iam_pb2.ChangePasswordRequest(old_password=old, password=new))
    session.remark("your password is changed.")


add_delete(
    account,
    "account",
    lambda session, one: session.client.iam.DeleteAccount(iam_pb2.DeleteAccountRequest(id=one)),
    "Delete a user with its roles.",
)


def _type(one: iam_pb2.Account) -> str:
    programs = one.type == iam_pb2.ACCOUNT_TYPE_APPLICATION
    return "application" if programs else "user"


def _sheet(one: iam_pb2.Account) -> "Table":
    from mulligan_client.output import sheet

    return sheet(
        [
            ("account", one.metadata.name),
            ("id", one.metadata.id),
            ("type", _type(one)),
            ("may sign in", "no: disabled" if one.disabled else "yes"),
            ("generation", str(one.metadata.generation)),
        ]
    )
