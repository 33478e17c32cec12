"""mulligan network: what machines are put in."""

from typing import TYPE_CHECKING

import click

from mulligan_client.commands.catalogue import Kind, add_delete, add_list_and_show
from mulligan_client.commands.options import pass_session, takes_output, takes_region
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table


@click.group()
def network() -> None:
    """Networks that machines are put in. Mulligan never configures a switch."""


@network.command("add")
@click.argument("name")
@click.option("--prefix", required=True, help="CIDR, such as 10.0.2.0/24.")
@click.option("--gateway", default="", help="Default gateway.")
@click.option("--dns", multiple=True, help="Name server; can be repeated.")
@click.option("--first-address", required=True, help="First address handed out.")
@click.option("--last-address", required=True, help="Last address handed out.")
@click.option("--vlan", default=0, type=click.IntRange(0, 4094), help="VLAN; 0 is untagged.")
@click.option("--host-bridge", default="", help="Bridge on hosts; none: user-mode networking.")
@takes_region
@takes_output
@pass_session
def add(
    session: Session,
    name: str,
    prefix: str,
    gateway: str,
    dns: tuple[str, ...],
    first_address: str,
    last_address: str,
    vlan: int,
    host_bridge: str,
    region: str,
    output: str,
) -> None:
    """Add a network that exists already."""
    spec = resource_pb2.NetworkSpec(
        prefix=prefix,
        gateway=gateway,
        dns=dns,
        vlan=vlan,
        host_bridge=host_bridge,
        first_address=first_address,
        last_address=last_address,
    )
    request = resource_pb2.CreateNetworkRequest(name=name, region=session.region(region), spec=spec)
    found = session.client.resource.CreateNetwork(request)
    session.show(found, output, lambda: _sheet(session, found))


def _table(_: Session, answer: resource_pb2.ListNetworksResponse) -> "Table":
    from mulligan_client.output import table

    return table(
        ["NAME", "PREFIX", "GATEWAY", "VLAN", "BRIDGE", "TAKEN", "RANGE"],
        [
            (
                one.metadata.name,
                one.spec.prefix,
                one.spec.gateway,
                str(one.spec.vlan or ""),
                one.spec.host_bridge,
                f"{one.addresses_used} of {one.addresses}",
                f"{one.spec.first_address} - {one.spec.last_address}",
            )
            for one in answer.networks
        ],
    )


def _sheet(session: Session, one: resource_pb2.Network) -> "Table":
    from mulligan_client.output import sheet

    name = session.names([one.metadata.region])
    return sheet(
        [
            ("network", one.metadata.name),
            ("id", one.metadata.id),
            ("region", name(one.metadata.region)),
            ("prefix", one.spec.prefix),
            ("gateway", one.spec.gateway),
            ("DNS", ", ".join(one.spec.dns)),
            ("VLAN", str(one.spec.vlan or "untagged")),
            ("host bridge", one.spec.host_bridge or "none: user-mode networking"),
            ("range", f"{one.spec.first_address} - {one.spec.last_address}"),
            ("taken", f"{one.addresses_used} of {one.addresses} addresses"),
        ]
    )


add_list_and_show(
    network,
    Kind(
        "network",
        read_all=lambda session, **asked: session.client.list_all(
            session.client.resource.ListNetworks, resource_pb2.ListNetworksRequest(**asked)
        ),
        read=lambda session, one: session.client.resource.GetNetwork(
            resource_pb2.GetNetworkRequest(id=one)
        ),
        table=_table,
        sheet=_sheet,
        shows="Show a network, and how many of its addresses are taken.",
        rename=lambda session, **fields: session.client.resource.UpdateNetwork(
            resource_pb2.UpdateNetworkRequest(**fields)
        ),
    ),
)
add_delete(
    network,
    "network",
    lambda session, one: session.client.resource.DeleteNetwork(
        resource_pb2.DeleteNetworkRequest(id=one)
    ),
    "Forget a network in which no address is taken.",
)
