"""What ends qemu-img is told apart: the image is wrong, or this machine could not look at it."""

import os
from pathlib import Path

import pytest

from activities.qemu_img import describe
from mulligan.values.errors import HardwareError

LIMITS = "1 arena 1048576"
"""So many arenas of malloc, and KiB of address space."""


def quiet(_words: str) -> None:
    """Take heartbeats."""


@pytest.mark.parametrize(
    ("ends", "code", "words"),
    [
        ("echo 'not in qcow2 format' >&2; exit 1", "IMAGE_FORMAT_MISMATCH", "not in qcow2 format"),
        ("echo 'Cannot allocate memory' >&2; exit 1", "QEMU_IMG_FAILED", "has memory left"),
        ("echo 'no libaio.so.1' >&2; exit 127", "QEMU_IMG_FAILED", "no libaio"),
        ("kill -ABRT $$", "QEMU_IMG_FAILED", "ended with -6; it is tried again"),
        ("kill -KILL $$", "QEMU_IMG_FAILED", "ended with -9; it is tried again"),
        ("echo '{'", "QEMU_IMG_FAILED", "no JSON"),
        ("echo $MALLOC_ARENA_MAX arena $(ulimit -v) >&2; exit 1", "IMAGE_FORMAT_MISMATCH", LIMITS),
    ],
)
def test_only_what_it_says_of_the_image_is_held_against_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str, code: str, words: str
) -> None:
    fake = tmp_path / "qemu-img"
    fake.write_text(f"#!/bin/sh\n{ends}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(HardwareError) as caught:
        describe(tmp_path / "image", "qcow2", quiet)
    assert (caught.value.reason, caught.value.retryable) == (code, code == "QEMU_IMG_FAILED")
    assert words in caught.value.message
