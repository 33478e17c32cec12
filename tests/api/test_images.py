"""Images: registered with everything said, shown, forgotten."""

from typing import Any
from uuid import uuid4

import pytest

from tests.fakes.caller import refused
from tests.fakes.place import SEALED, Place, new_name


def test_an_image_is_registered_shown_listed_and_forgotten(place: Place) -> None:
    made = place.create_image()
    assert (made.spec.activation, made.spec.config_format) == ("phone-home", "config-2")
    assert place.member.GetImage(id=made.metadata.id) == made
    assert list(place.member.ListImages(region=place.region).images) == [made]
    place.operator.DeleteImage(id=made.metadata.id)
    with refused("NOT_FOUND") as refusal:
        place.member.GetImage(id=made.metadata.id)
    assert refusal.resource == ("image", made.metadata.id)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sha256", "abc"),
        ("disk_format", "vmdk"),
        ("disk_format", ""),
        ("activation", "sometimes"),
        ("config_format", "floppy"),
        ("url", "ftp://images/a"),
        ("url", "http://user:secret@images/a"),
    ],
)
def test_an_image_that_can_not_be_is_refused(place: Place, field: str, value: str) -> None:
    with refused("INVALID_ARGUMENT", about=f"spec.{field}"):
        place.create_image(**{field: value})


def test_the_same_image_twice_is_one_and_a_name_is_unique(place: Place) -> None:
    fields = {
        "name": new_name("image"),
        "region": place.region,
        "spec": {"url": "http://images/a", "sha256": "0" * 64, "disk_format": "raw"},
    }
    request_id = str(uuid4())
    first = place.operator.CreateImage(request_id=request_id, **fields)
    assert place.operator.CreateImage(request_id=request_id, **fields) == first
    with refused("ALREADY_EXISTS", "REQUEST_ID_REUSED", about="request_id"):
        place.operator.CreateImage(request_id=request_id, **{**fields, "name": "other"})
    with refused("ALREADY_EXISTS", "NAME_TAKEN", about="name"):
        place.operator.CreateImage(**fields)
    with refused("NOT_FOUND", about="region"):
        place.operator.CreateImage(**{**fields, "region": str(uuid4())})


def test_an_images_name_is_free_again_when_it_is_forgotten(place: Place) -> None:
    made = place.create_image()
    place.operator.DeleteImage(id=made.metadata.id)
    fields = {"name": made.metadata.name, "region": place.region, "spec": made.spec}
    assert place.operator.CreateImage(**fields).metadata.id != made.metadata.id


def test_credentials_come_sealed_with_the_images_id_and_are_never_given_back(place: Place) -> None:
    fields: dict[str, Any] = {
        "name": new_name("image"),
        "region": place.region,
        "spec": {
            "url": "https://images/a",
            "sha256": "0" * 64,
            "disk_format": "raw",
            "sealed_credentials": SEALED,
        },
    }
    with refused("INVALID_ARGUMENT", about="image_id"):
        place.operator.CreateImage(**fields)
    with refused("INVALID_ARGUMENT", about="spec.sealed_credentials"):
        plain = {**fields["spec"], "sealed_credentials": "s3cret"}
        place.operator.CreateImage(**{**fields, "spec": plain}, image_id=str(uuid4()))
    image = str(uuid4())
    made = place.operator.CreateImage(**fields, image_id=image)
    assert (made.metadata.id, made.spec.sealed_credentials) == (image, "")
    assert SEALED not in str(place.member.GetImage(id=image))
    with refused("ALREADY_EXISTS"):
        place.operator.CreateImage(**{**fields, "name": new_name("image")}, image_id=image)


def test_a_refused_address_does_not_repeat_its_password(place: Place) -> None:
    with refused("INVALID_ARGUMENT", about="spec.url") as refusal:
        place.create_image(url="http://user:s3cret@images/a")
    assert "s3cret" not in str(refusal)
