"""A stock Debian with cloud-init: both formats of the config drive, read by cloud-init itself."""

import os
import subprocess
from pathlib import Path

import pytest

from deploy.temporal import cache_folder
from tests.e2e.stack import Stack, sha256_of

pytestmark = pytest.mark.timeout(1800)

SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0uMAY0kAV0RlpcfeZ8lZzPvb4z8ks3eXbm0cVeB0Pq me@here"
BUILD = Path(__file__).parent / "build.sh"
CLOUD_IDS = {"config-2": "configdrive", "cidata": "nocloud"}
TELL = """#cloud-config
runcmd:
  - >-
    {
    echo id $(cat /var/lib/cloud/data/instance-id) from $(cloud-id) on $(hostname);
    ip -4 -o addr show scope global;
    ip -4 route show default;
    cat /home/debian/.ssh/authorized_keys;
    grep -F [WARNING] /var/log/cloud-init.log;
    } | sed 's/^/stock: /' >/dev/ttyS0
"""
"""Comes before phone_home, and the console is read when the machine phones home."""


@pytest.fixture(scope="module")
def debian() -> Path:
    """The stock image, built on this machine unless it is there."""
    file = cache_folder(os.environ) / "built" / "stock-debian.qcow2"
    subprocess.run([BUILD, file], check=True)
    return file


def test_a_stock_debian_becomes_active_through_its_own_cloud_init(
    stack: Stack, debian: Path
) -> None:
    """Both formats side by side, because each boot takes its time."""
    before = stack.in_use()
    file = stack.offer(debian, "stock-debian.qcow2")
    operations = {one: _provision(stack, file, one) for one in CLOUD_IDS}
    for config_format, operation in operations.items():
        assert stack.wait(operation).status.state == "done"
        _is_active_and_was_configured(stack, config_format, operation)
    for config_format in CLOUD_IDS:
        (machine,) = stack.machines(f"stock-{config_format}")
        stack.end(machine.metadata.id)
    assert stack.in_use() == before


def _provision(stack: Stack, file: Path, config_format: str) -> str:
    name = f"stock-{config_format}"
    key, told = stack.folder / "stock.pub", stack.folder / "stock.yaml"
    key.write_text(SSH_KEY)
    told.write_text(TELL)
    for words in (
        (
            *("image", "add", name, file.as_uri(), "--sha256", sha256_of(file)),
            *("--format", "qcow2", "--config-format", config_format),
        ),
        (
            *("machine", "provision", name, "--image", name, "--network", "lan"),
            *("--memory", "1GiB", "--disk", "3GiB", "--ssh-key", key, "--user-data", told),
            "--no-wait",
        ),
    ):
        said = stack.mulligan(*words)
        assert said.code == 0, said.errors
    (machine,) = stack.machines(name)
    (operation,) = stack.operations(machine.metadata.id)
    return operation.metadata.id


def _is_active_and_was_configured(stack: Stack, config_format: str, operation: str) -> None:
    name = f"stock-{config_format}"
    (machine,) = stack.machines(name)
    (given,) = machine.addresses
    assert machine.status.state == "active"
    assert machine.reported_hostname == name
    kinds = {key.split()[0] for key in machine.ssh_host_keys}
    assert kinds == {"ssh-rsa", "ecdsa-sha2-nistp256", "ssh-ed25519"}
    console = [line.rstrip() for line in stack.log(operation).splitlines()]
    told = "\n".join(line for line in console if "stock: " in line)
    identity = f"id {machine.metadata.id} from {CLOUD_IDS[config_format]} on {name}"
    for expected in (identity, f"inet {given.address}/24 ", "default via 10.0.2.2 ", SSH_KEY):
        assert expected in told
    assert "WARNING" not in told
