"""mulligan bootstrap: the first thing asked of a new installation."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mulligan_client.commands.options import pass_session, read_password, takes_password
from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.session import Session
from mulligan_client.store import Login

if TYPE_CHECKING:
    from rich.table import Table

    from mulligan_client.client import Client


@click.command()
@click.argument("address")
@click.option("--token", prompt=True, hide_input=True, help="Printed by the server; for one use.")
@click.option("--account", default="admin", show_default=True, help="Name of the administrator.")
@takes_password
@click.option("--region", default="home", show_default=True, help="First region.")
@click.option("--project", default="default", show_default=True, help="First project.")
@click.option("--network", default="lan", show_default=True, help="First network.")
@click.option("--prefix", default="10.0.2.0/24", show_default=True, help="Of the network.")
@click.option("--gateway", default="10.0.2.2", show_default=True)
@click.option("--dns", multiple=True, default=["10.0.2.3"], show_default=True)
@click.option("--first-address", default="10.0.2.100", show_default=True)
@click.option("--last-address", default="10.0.2.199", show_default=True)
@click.option("--vlan", default=0, type=click.IntRange(0, 4094), help="0 is untagged.")
@click.option("--host-bridge", default="", help="Bridge on hosts; none: user-mode networking.")
@pass_session
def bootstrap(
    session: Session,
    /,
    address: str,
    token: str,
    account: str,
    password_file: Path | None,
    password_stdin: bool,
    region: str,
    project: str,
    network: str,
    **spec: Any,
) -> None:
    """Create the administrator of the server at ADDRESS, a region, a project and a network.

    The server takes the token once. The defaults suit QEMU's user-mode networking. You are logged
    in afterwards.
    """
    session.keep_secret(token)
    password = read_password(
        session, password_file, password_stdin, prompt=f"New password of {account}", confirm=True
    )
    client = session.client_at(address)
    request = iam_pb2.BootstrapRequest(token=token, account=account, password=password)
    answer = client.iam.Bootstrap(request)
    session.keep_secret(answer.access_token)
    session.keep_secret(answer.refresh_token)
    client.signed_in(answer)
    login = Login(address=address, account=account, ca_file=session.ca_file)
    login = login.with_tokens(client.sign_in.tokens)
    session.store.replace(login)
    try:
        login = _make_region_and_project(session, client, login, region, project)
        first_network = resource_pb2.CreateNetworkRequest(
            name=network, region=login.region, spec=resource_pb2.NetworkSpec(**spec)
        )
        client.resource.CreateNetwork(first_network)
    except MulliganCallError:
        session.remark(
            "The administrator is there and you are logged in; go on by hand from where it "
            "stopped: mulligan region create, project create, network add."
        )
        raise
    session.draw(_sheet(session, login, region, project, f"{network} ({spec['prefix']})"))


def _make_region_and_project(
    session: Session, client: "Client", login: Login, region: str, project: str
) -> Login:
    """Make both, and work in them from now on; what was made is kept in mind at once."""
    first_region = client.iam.CreateRegion(iam_pb2.CreateRegionRequest(name=region))
    login = replace(login, region=first_region.metadata.id)
    session.store.replace(login)
    first_project = client.iam.CreateProject(iam_pb2.CreateProjectRequest(name=project))
    login = replace(login, project=first_project.metadata.id)
    session.store.replace(login)
    return login


def _sheet(session: Session, login: Login, region: str, project: str, network: str) -> "Table":
    from mulligan_client.output import sheet

    return sheet(
        [
            ("logged in at", login.address),
            ("account", login.account),
            ("region", region),
            ("project", project),
            ("network", network),
            ("login kept in", str(session.store.path)),
        ]
    )
