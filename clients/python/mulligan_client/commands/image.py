"""mulligan image: operating systems to put on machines."""

import re
from typing import TYPE_CHECKING

import click

from mulligan_client.commands.options import (
    confirm,
    one_of,
    pass_session,
    takes_output,
    takes_region,
    takes_yes,
)
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table


@click.group()
def image() -> None:
    """Operating systems to put on machines. Nothing of an image is guessed."""


@image.command("add")
@click.argument("name")
@click.argument("url")
@click.option("--sha256", required=True, help="Checksum of the file at the URL, in hex.")
@click.option("--format", "disk_format", required=True, type=one_of(["raw", "qcow2"]))
@click.option(
    "--activation",
    type=one_of(["phone-home", "power-on", "none"]),
    default="phone-home",
    show_default=True,
    help="How a machine made from it tells that it is active.",
)
@click.option(
    "--config-format",
    type=one_of(["config-2", "cidata"]),
    default="config-2",
    show_default=True,
    help="Label of the config drive that it reads.",
)
@takes_region
@takes_output
@pass_session
def add(
    session: Session,
    name: str,
    url: str,
    sha256: str,
    disk_format: str,
    activation: str,
    config_format: str,
    region: str,
    output: str,
) -> None:
    """Register the image at a URL on an allowed host."""
    if not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise click.BadParameter("it takes 64 hex digits", param_hint="'--sha256'")
    spec = control_pb2.ImageSpec(
        url=url,
        sha256=sha256.lower(),
        disk_format=disk_format,
        activation=activation,
        config_format=config_format,
    )
    request = control_pb2.CreateImageRequest(name=name, region=session.region(region), spec=spec)
    found = session.client.control.CreateImage(request)
    session.show(found, output, lambda: _sheet(session, found))


@image.command("list")
@click.option("--region", default="", help="Only images of this region.")
@takes_output
@pass_session
def list_images(session: Session, region: str, output: str) -> None:
    """List all images."""
    request = control_pb2.ListImagesRequest(
        region=session.resolve("region", region) if region else ""
    )
    answer = session.client.list_all(session.client.control.ListImages, request)
    session.show(answer, output, lambda: _table(answer))


@image.command("show")
@click.argument("name")
@takes_output
@pass_session
def show(session: Session, name: str, output: str) -> None:
    """Show an image."""
    request = control_pb2.GetImageRequest(id=session.resolve("image", name))
    found = session.client.control.GetImage(request)
    session.show(found, output, lambda: _sheet(session, found))


@image.command("delete")
@click.argument("name")
@takes_yes
@pass_session
def delete(session: Session, name: str, yes: bool) -> None:
    """Forget an image; machines made from it stay."""
    image_id = session.resolve("image", name)
    confirm(session, f"Forget image {name}?", yes)
    session.client.control.DeleteImage(control_pb2.DeleteImageRequest(id=image_id))
    session.remark(f"image {name} is forgotten.")


def _table(answer: control_pb2.ListImagesResponse) -> "Table":
    from mulligan_client.output import table

    return table(
        ["NAME", "FORMAT", "ACTIVATION", "SHA256", "URL"],
        [
            (
                one.metadata.name,
                one.spec.disk_format,
                one.spec.activation,
                one.spec.sha256[:12],
                one.spec.url,
            )
            for one in answer.images
        ],
    )


def _sheet(session: Session, one: control_pb2.Image) -> "Table":
    from mulligan_client.output import sheet

    name = session.names([one.metadata.region])
    return sheet(
        [
            ("image", one.metadata.name),
            ("id", one.metadata.id),
            ("region", name(one.metadata.region)),
            ("URL", one.spec.url),
            ("SHA-256", one.spec.sha256),
            ("format", one.spec.disk_format),
            ("activation", one.spec.activation),
            ("config drive", one.spec.config_format),
        ]
    )
