"""mulligan login: who you are, and where you work."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mulligan_client.commands.options import pass_session, read_password, takes_password
from mulligan_client.complaint import ComplaintError
from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.session import Session
from mulligan_client.store import Login

if TYPE_CHECKING:
    from mulligan_client.client import Client


@click.command()
@click.argument("address", required=False)
@click.option("--account", help="Name of the account; by default the last one, or admin.")
@takes_password
@click.option("--project", default="", help="Project to work in from now on.")
@click.option("--region", default="", help="Region to work in from now on.")
@pass_session
def login(
    session: Session,
    address: str | None,
    account: str | None,
    password_file: Path | None,
    password_stdin: bool,
    project: str,
    region: str,
) -> None:
    """Log in at ADDRESS (by default where you were last), and choose where to work.

    The tokens are kept in a file that only you can read, and renewed as you go on.
    """
    try:
        before = session.login
    except ComplaintError:  # a damaged file is what logging in mends
        before = Login(address=session.address)
    where = address or before.address
    if not where:
        raise ComplaintError(
            "there is no server to log in at",
            do="name it: mulligan login ADDRESS (mulligan up prints it)",
            exit_code=Exit.USAGE,
        )
    account = account or (before.account if where == before.address else "") or "admin"
    password = read_password(
        session, password_file, password_stdin, prompt=f"Password of {account} at {where}"
    )
    client = session.client_at(where)
    answer = client.log_in(account, password)
    session.keep_secret(answer.access_token)
    session.keep_secret(answer.refresh_token)
    kept = before if where == before.address and account == before.account else Login()
    found = replace(
        kept,
        address=where,
        account=account,
        ca_file=session.ca_file or kept.ca_file,
    ).with_tokens(client.sign_in.tokens)
    found = replace(
        found,
        project=client.resolve("project", project) if project else found.project,
        region=client.resolve("region", region) if region else found.region,
    )
    settled = settle(client, found)
    session.store.replace(settled)
    session.remark(f"Logged in at {where} as {account}; kept in {session.store.path}.")


def settle(client: "Client", login: Login) -> Login:
    """Choose the project and region for a login that has none, where there is only one."""
    project, region = login.project, login.region
    if not project:
        projects = client.iam.ListProjects(iam_pb2.ListProjectsRequest()).projects
        project = projects[0].metadata.id if len(projects) == 1 else ""
    if not region:
        regions = client.iam.ListRegions(iam_pb2.ListRegionsRequest()).regions
        region = regions[0].metadata.id if len(regions) == 1 else ""
    return replace(login, project=project, region=region)
