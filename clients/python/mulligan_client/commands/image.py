"""mulligan image: operating systems to put on machines."""

import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mulligan_client.commands.catalogue import Kind, add_delete, add_list_and_show
from mulligan_client.commands.options import (
    one_of,
    pass_session,
    read_password,
    takes_output,
    takes_password,
    takes_region,
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
@click.option("--username", default="", help="If the URL needs a sign-in; travels sealed.")
@takes_password
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
    username: str,
    password_file: Path | None,
    password_stdin: bool,
    region: str,
    output: str,
) -> None:
    """Register the image at a URL on an allowed host.

    With --username the password is asked for, or read from a file or standard input.
    """
    if not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise click.BadParameter("it takes 64 hex digits", param_hint="'--sha256'")
    from mulligan_client.sealing import url_origin

    region_id, image_id = session.region(region), ""
    sealed = ""
    if username:
        image_id = str(uuid.uuid4())
        prompt = f"Password of {username} at {url_origin(url)}"
        password = read_password(session, password_file, password_stdin, prompt=prompt)
        sealed = session.client.seal(
            region_id,
            endpoint=image_id,
            address=url_origin(url),
            username=username,
            password=password,
        )
    spec = control_pb2.ImageSpec(
        sealed_credentials=sealed,
        url=url,
        sha256=sha256.lower(),
        disk_format=disk_format,
        activation=activation,
        config_format=config_format,
    )
    request = control_pb2.CreateImageRequest(
        image_id=image_id, name=name, region=region_id, spec=spec
    )
    found = session.client.control.CreateImage(request)
    session.show(found, output, lambda: _sheet(session, found))


def _table(_: Session, answer: control_pb2.ListImagesResponse) -> "Table":
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


add_list_and_show(
    image,
    Kind(
        "image",
        read_all=lambda session, **asked: session.client.list_all(
            session.client.control.ListImages, control_pb2.ListImagesRequest(**asked)
        ),
        read=lambda session, one: session.client.control.GetImage(
            control_pb2.GetImageRequest(id=one)
        ),
        table=_table,
        sheet=_sheet,
        shows="Show an image.",
        rename=lambda session, **fields: session.client.control.UpdateImage(
            control_pb2.UpdateImageRequest(**fields)
        ),
    ),
)
add_delete(
    image,
    "image",
    lambda session, one: session.client.control.DeleteImage(control_pb2.DeleteImageRequest(id=one)),
    "Forget an image; machines made from it stay.",
)
