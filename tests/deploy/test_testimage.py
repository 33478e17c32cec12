"""The test image in real guests: it does what cloud-init's documentation says of NoCloud."""

from concurrent.futures import Future
from typing import Any

from tests.deploy.lab import Lab


def test_it_reads_a_nocloud_drive_and_phones_home_with_what_was_asked_for(
    stories: dict[str, "Future[Any]"],
) -> None:
    home, _ = stories["nocloud"].result()
    assert home.home_calls() == [{"hostname": "db-1", "address": "10.0.2.15"}]
    assert home.received[0][0] == "/home/i-42"
    assert home.received[0][1]["Content-Type"] == "application/x-www-form-urlencoded"


def test_it_says_what_it_does_and_goes_down_at_the_power_button(
    stories: dict[str, "Future[Any]"],
) -> None:
    _, console = stories["nocloud"].result()
    for words in ("config drive: nocloud on sr0", "SSH keys: 1", "phoned home", "power button"):
        assert f"mulligan-testimage: {words}" in console


def test_it_is_small(lab: Lab) -> None:
    assert lab.test_image.stat().st_size < 64 << 20
