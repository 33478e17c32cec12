"""What a client sealed is told from what it forgot to seal, without opening it."""

from base64 import b64encode

import pytest
from nacl.public import PrivateKey

from mulligan.values.errors import InvalidArgumentError
from mulligan.values.sealed import SEAL_BYTES, require_sealed
from mulligan_client.sealing import seal

ID = "0123456789ab"


def base64(size: int) -> str:
    return b64encode(bytes(size)).decode()


def test_what_the_client_seals_is_sealed() -> None:
    public_key = b64encode(bytes(PrivateKey.generate().public_key)).decode()
    require_sealed(seal(public_key, ID), "spec.x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s3cret.password",
        base64(100),
        f".{base64(100)}",
        f"{ID}.",
        f"{ID}.{base64(SEAL_BYTES)}",
        f"{ID}.{base64(100)}!",
        f"{ID}\n.{base64(100)}",
        f"{ID}.{base64(100)}\n",
        f"{ID}.{'ö' * 100}",
        f"{ID.upper()}.{base64(100)}",
    ],
)
def test_what_was_not_sealed_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match=r"spec\.x must be sealed") as caught:
        require_sealed(text, "spec.x")
    assert caught.value.details == {"field": "spec.x"}
    assert not text or text not in caught.value.message
