"""Images that are not what their records say: the operation fails in words and leaves nothing."""

import subprocess
from pathlib import Path

import pytest

from tests.e2e.stack import Stack, sha256_of

pytestmark = pytest.mark.timeout(900)


def test_a_wrong_checksum_leaves_nothing_and_the_name_can_be_used_again(stack: Stack) -> None:
    image = stack.add_image(
        "wrong-sum", stack.offer(stack.built.image, "wrong-sum.raw"), sha256="0" * 64
    )
    before = stack.in_use()
    for _ in range(2):
        operation = stack.provision("wrong-sum-1", "virtual", image=image)
        ended = stack.wait(operation.metadata.id)
        assert (ended.status.state, ended.error_code) == ("failed", "IMAGE_CHECKSUM_MISMATCH")
        failed = stack.machine(operation.object_id)
        assert failed.status.state == "failed"
        assert "0" * 64 in failed.status.reason
        assert stack.in_use() == before


@pytest.mark.parametrize(
    ("name", "disk_format", "code", "words"),
    [
        ("raw-called-qcow2", "qcow2", "IMAGE_FORMAT_MISMATCH", "does not start like a qcow2"),
        ("qcow2-called-raw", "raw", "IMAGE_FORMAT_MISMATCH", "is a qcow2 image"),
        ("with-backing", "qcow2", "IMAGE_HAS_BACKING_FILE", "names a backing file"),
        ("too-large", "qcow2", "IMAGE_LARGER_THAN_DISK", "ask for a larger disk"),
        ("elsewhere", "raw", "IMAGE_URL_NOT_ALLOWED", "may not be fetched"),
        ("missing", "raw", "IMAGE_NOT_FOUND", "there is no such file"),
    ],
)
def test_a_bad_image_is_refused_in_words(
    stack: Stack, name: str, disk_format: str, code: str, words: str
) -> None:
    file = _make(name, stack.folder / "images")
    url = "http://127.0.0.1:9/image.raw" if name == "elsewhere" else file.as_uri()
    sha256 = sha256_of(file) if file.exists() else "1" * 64
    before = stack.in_use()
    added = stack.mulligan(
        *("image", "add", name, url, "--sha256", sha256, "--format", disk_format)
    )
    assert added.code == 0, added.errors
    said = stack.mulligan(
        *("machine", "provision", f"{name}-1", "--image", name, "--network", "lan"),
        *("--disk", "1GiB", "--wait"),
    )
    assert said.code == 1, said.errors
    assert words in said.out + said.errors
    (machine,) = stack.machines(f"{name}-1")
    (operation,) = stack.operations(machine.metadata.id)
    assert stack.wait(operation.metadata.id).error_code == code
    assert stack.in_use() == before


def _make(name: str, folder: Path) -> Path:
    file = folder / name
    match name:
        case "raw-called-qcow2":
            file.write_bytes(bytes(1 << 20))
        case "qcow2-called-raw":
            _qemu_img("create", "-f", "qcow2", file, "1M")
        case "with-backing":
            secret = folder / "secret.raw"
            secret.write_bytes(bytes(1 << 20))
            _qemu_img("create", "-f", "qcow2", "-b", secret, "-F", "raw", file)
        case "too-large":
            _qemu_img("create", "-f", "qcow2", file, "2G")
    return file


def _qemu_img(*words: str | Path) -> None:
    subprocess.run(["qemu-img", *(str(word) for word in words)], check=True, capture_output=True)
