"""Images: where an operating system is, its checksum and its format. Nothing of it is guessed."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.batches import each
from mulligan.control.tables import Image
from mulligan.generations import refuse_stale
from mulligan.iam.region_map import chain_of
from mulligan.meta import names
from mulligan.meta.listing import listed
from mulligan.renaming import rename
from mulligan.values.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError
from mulligan.values.listing import Listed, Listing
from mulligan.values.sealed import require_sealed
from mulligan.values.urls import split_url

DISK_FORMATS = ("raw", "qcow2")
ACTIVATIONS = ("phone-home", "power-on", "none")
CONFIG_FORMATS = ("config-2", "cidata")
SCHEMES = ("http", "https", "file")


def create_image(
    session: Session,
    *,
    region: str,
    name: str,
    url: str,
    sha256: str,
    disk_format: str,
    activation: str,
    config_format: str,
    author: str,
    image: str = "",
    sealed_credentials: str = "",
) -> Image:
    """Register an image; it is fetched and checked when a machine is made from it.

    `image` is its id, chosen by who sealed credentials together with it.

    Raises:
        AlreadyExistsError: there is an image with this id, or its name is taken.
        InvalidArgumentError: a field's value can't be used; names it and what can.
    """
    if not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise InvalidArgumentError(
            "sha256 must be 64 hexadecimal digits: the output of `sha256sum` for the file",
            field="spec.sha256",
        )
    parts = split_url(url, "spec.url")
    if parts.scheme not in SCHEMES or parts.username or not (parts.hostname or parts.path):
        raise InvalidArgumentError(
            "the url can't be used; give an http, https or file URL without credentials in it, and "
            "credentials sealed",
            field="spec.url",
        )
    if sealed_credentials:
        _check_sealed(image, sealed_credentials, parts.scheme)
    if image and session.get(Image, image) is not None:
        raise AlreadyExistsError(
            f"there is an image {image} already", object_type="image", object_id=image
        )
    row = Image(
        id=image or str(uuid4()),
        region=region,
        url=url,
        sha256=sha256.lower(),
        disk_format=_one_of("disk_format", disk_format, DISK_FORMATS),
        activation=_one_of("activation", activation or ACTIVATIONS[0], ACTIVATIONS),
        config_format=_one_of("config_format", config_format or CONFIG_FORMATS[0], CONFIG_FORMATS),
        sealed_credentials=sealed_credentials,
        created_at=datetime.now(UTC),
    )
    session.add(row)
    names.give_name(session, "image", row.id, name, region=region)
    events.append(session, events.Event("image", row.id, "created", region=region, author=author))
    return row


def get_image(session: Session, image: str, region: str = "") -> Image:
    """Find an image, of a region where one is given.

    Raises:
        NotFoundError: there is none.
    """
    row = session.get(Image, image)
    if row is None or row.deleted_at is not None or (region and row.region != region):
        raise not_there(image, " in this region" if region else "")
    return row


def get_image_for(session: Session, image: str, region: str, *, or_below: bool) -> Image:
    """Find the image of a machine that is in a region; or below: then it may be of one above.

    Raises:
        InvalidArgumentError: it needs credentials, which only its own region's executors can open.
        NotFoundError: there is no such image.
    """
    if not or_below:
        return get_image(session, image, region)
    row = session.get(Image, image)
    if row is None or row.deleted_at is not None or row.region not in chain_of(session, region):
        raise not_there(image, " in this region or above it")
    if row.sealed_credentials:
        raise InvalidArgumentError(
            f"image {image} needs credentials, which are sealed to the key of its own region; say "
            "in which region the machine is to be",
            field="spec.image",
        )
    return row


def not_there(image: str, where: str = "") -> NotFoundError:
    """Say that there is no such image."""
    return NotFoundError(
        f"there is no image {image}{where}; see `mulligan image list`",
        object_type="image",
        object_id=image,
        field="spec.image",
    )


def get_images(
    session: Session, ids: Sequence[str], sees: Callable[[str], bool] = lambda _: True
) -> list[Image]:
    """Find images, in the order of their ids; as `get_image` does one.

    One in a region that is not seen is as one that is not there.
    """

    def get(image: str) -> Image:
        row = get_image(session, image)
        if not sees(row.region):
            raise not_there(image)
        return row

    return each(session, Image, ids, get)


def list_images(
    session: Session, region: str, listing: Listing, *, hidden: Sequence[str] = ()
) -> Listed[Image]:
    """Read a page of images, of all regions ("") or one; those of hidden regions are left out."""
    query = select(Image).where(Image.deleted_at.is_(None))
    if hidden:
        query = query.where(Image.region.not_in(hidden))
    return listed(
        *(session, query, Image, listing),
        object_types=["image"],
        owner=region or None,
        owned_by=Image.region,
        whole=not hidden,
    )


def rename_image(session: Session, image: str, name: str, *, generation: int, author: str) -> Image:
    """Give an image another name.

    Raises:
        AlreadyExistsError: another one of its region has it.
        NotFoundError: there is no such image.
        StaleError: it is not at that generation any more.
    """
    row = get_image(session, image)
    session.refresh(row, with_for_update=True)
    refuse_stale(session, "image", row.id, generation=row.generation, read_at=generation)
    rename(session, "image", row, name, author=author)
    return row


def delete_image(session: Session, image: str, author: str) -> None:
    """Forget an image; machines made from it stay."""
    row = get_image(session, image)
    row.deleted_at = datetime.now(UTC)
    names.release_name(session, image)
    events.append(
        session, events.Event("image", row.id, "deleted", region=row.region, author=author)
    )


def _check_sealed(image: str, sealed: str, scheme: str) -> None:
    if not names.is_uuid(image):
        raise InvalidArgumentError(
            "image_id must be the UUID that the credentials were sealed together with",
            field="image_id",
        )
    if scheme == "file":
        raise InvalidArgumentError(
            "credentials go with an http or https URL; leave them out for a file",
            field="spec.sealed_credentials",
        )
    require_sealed(sealed, "spec.sealed_credentials")


def _one_of(field: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise InvalidArgumentError(
            f"{field} {value!r} can't be used; give one of {', '.join(allowed)}",
            field=f"spec.{field}",
        )
    return value
