"""What is sealed here is opened by the executor's keys, and by them only for what it was meant."""

from pathlib import Path

import pytest

from activities.keys import RegionKeys
from mulligan.values.errors import HardwareError
from mulligan_client.sealing import canonical_address, seal

BOUND = {"endpoint": "server-1", "address": "https://10.0.0.17", "region": "home"}


def test_an_executor_of_the_region_opens_what_was_sealed(tmp_path: Path) -> None:
    keys = RegionKeys.load(tmp_path, "home")
    [(key_id, public_key)] = keys.public_keys()
    sealed = seal(public_key, key_id, **BOUND, username="root", password="pässword")
    assert sealed.startswith(f"{key_id}.")
    assert "pässword" not in sealed
    assert keys.open(sealed, **BOUND) == {**BOUND, "username": "root", "password": "pässword"}


def test_what_was_sealed_for_one_address_is_refused_for_another(tmp_path: Path) -> None:
    keys = RegionKeys.load(tmp_path, "home")
    [(key_id, public_key)] = keys.public_keys()
    sealed = seal(public_key, key_id, **BOUND, username="root", password="secret")
    with pytest.raises(HardwareError) as raised:
        keys.open(sealed, **{**BOUND, "address": "https://10.0.0.18"})
    assert raised.value.reason == "SECRET_MISMATCH"


def test_another_regions_executor_can_not_open_it(tmp_path: Path) -> None:
    [(key_id, public_key)] = RegionKeys.load(tmp_path / "home", "home").public_keys()
    other = RegionKeys.load(tmp_path / "away", "away")
    with pytest.raises(HardwareError):
        other.open(seal(public_key, key_id, password="secret"))


@pytest.mark.parametrize("key", ["", "not base64!", "c2hvcnQ="])
def test_a_public_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="key k1 is not an X25519 public key"):
        seal(key, "k1", password="secret")


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("https://10.0.0.17", "https://10.0.0.17"),
        ("HTTPS://BMC.Example:443/", "https://bmc.example"),
        ("http://bmc:80", "http://bmc"),
        ("http://bmc:443", "http://bmc:443"),
        ("bmc.example:8443", "https://bmc.example:8443"),
        ("https://bmc/redfish/v1/", "https://bmc"),
        ("https://[FD00::1]:8000/", "https://[fd00::1]:8000"),
    ],
)
def test_an_address_has_one_form(text: str, canonical: str) -> None:
    assert canonical_address(text) == canonical
    assert canonical_address(canonical) == canonical


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("https://root:calvin@bmc", "user name or password"),
        ("ftp://bmc", "not http or https"),
        ("https://bmc/redfish/v1/Systems/1", "--system"),
        ("https://bmc?x=1", "behind the host"),
        ("https://", "no host"),
        ("https://bmc:99999", "port"),
        ("https://b mc", "no host"),
    ],
)
def test_an_address_that_says_more_or_less_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as raised:
        canonical_address(text)
    assert "calvin" not in str(raised.value)
