"""mulligan account: users."""

from pathlib import Path

import click

from mulligan_client.commands.options import (
    pass_session,
    read_password,
    takes_output,
    takes_password,
)
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.session import Session


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
    from mulligan_client.output import sheet

    password = read_password(
        session, password_file, password_stdin, prompt=f"Password of {name}", confirm=True
    )
    request = iam_pb2.CreateAccountRequest(name=name, password=password)
    found = session.client.iam.CreateAccount(request)
    session.show(
        found,
        output,
        lambda: sheet([("account", found.metadata.name), ("id", found.metadata.id)]),
    )
