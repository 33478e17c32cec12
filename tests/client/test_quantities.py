"""Sizes, times and public keys, as people write and read them."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from mulligan_client.commands.machine_spec import NicWish, parse_nic
from mulligan_client.commands.public_keys import read_public_keys
from mulligan_client.quantities import (
    age_words,
    duration_words,
    mib_words,
    parse_gib,
    parse_mib,
    parse_time,
)


@pytest.mark.parametrize(
    ("text", "mib"), [("512MiB", 512), ("2GiB", 2048), ("2g", 2048), ("1 TiB", 1 << 20)]
)
def test_a_size_is_read_in_mib(text: str, mib: int) -> None:
    assert parse_mib(text) == mib


@pytest.mark.parametrize("text", ["2048", "2GB", "2,5GiB", "-1GiB", "0GiB", "GiB", ""])
def test_a_size_without_a_clear_unit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        parse_mib(text)


def test_a_disk_is_a_whole_number_of_gib() -> None:
    assert parse_gib("10GiB") == 10
    assert parse_gib("2048MiB") == 2
    with pytest.raises(ValueError, match="whole number"):
        parse_gib("1500MiB")


def test_sizes_are_written_in_the_largest_whole_unit() -> None:
    assert [mib_words(mib) for mib in (512, 2048, 1536, 1 << 20)] == [
        "512 MiB",
        "2 GiB",
        "1536 MiB",
        "1 TiB",
    ]


def test_a_time_without_offset_is_utc() -> None:
    assert parse_time("2026-11-20T18:00") == datetime(2026, 11, 20, 18, tzinfo=UTC)
    assert parse_time("2026-11-20T18:00+02:00") == datetime(2026, 11, 20, 16, tzinfo=UTC)
    with pytest.raises(ValueError, match="ISO 8601"):
        parse_time("tomorrow")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "3 s ago"), (200, "3 m ago"), (7300, "2 h ago"), (200000, "2 d ago"), (-200, "in 3 m")],
)
def test_a_time_is_told_from_now(seconds: int, words: str) -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    stamp = Timestamp()
    stamp.FromDatetime(now - timedelta(seconds=seconds))
    assert age_words(stamp, now) == words
    assert age_words(Timestamp(), now) == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(4.24, "4.2 s"), (65, "1 m 05 s"), (7800, "2 h 10 m"), (90000, "1 d 1 h")],
)
def test_a_duration_has_two_units(seconds: float, words: str) -> None:
    assert duration_words(seconds) == words


def test_a_network_says_how_its_address_is_found() -> None:
    assert parse_nic("lan") == NicWish("lan", "auto")
    assert parse_nic("lan:dhcp") == NicWish("lan", "dhcp")
    assert parse_nic("lan:static=fd00::5") == NicWish("lan", "static", "fd00::5")
    for text in ("", ":dhcp", "lan:static", "lan:static=", "lan:dchp"):
        with pytest.raises(ValueError, match="NAME:dhcp"):
            parse_nic(text)


def test_a_public_key_is_taken_and_its_private_key_refused(tmp_path: Path) -> None:
    private = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", private], check=True)
    public = tmp_path / "id.pub"
    assert read_public_keys(public) == [public.read_text().strip()]
    with pytest.raises(ValueError, match="PRIVATE key") as raised:
        read_public_keys(private)
    assert str(public) in str(raised.value)
    public.unlink()
    with pytest.raises(ValueError, match="ssh-keygen -y -f"):
        read_public_keys(private)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment",
        "hello",
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        "ssh-rsa AAAAC3NzaC1lZDI1",
    ],
)
def test_what_is_no_public_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text)
    with pytest.raises(ValueError, match="SSH public key"):
        read_public_keys(path)
