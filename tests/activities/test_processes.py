"""Processes that help somebody who is killed end with them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e import processes

CONVERTS = (
    "from activities.qemu_img import qemu_img;"
    "qemu_img('convert', 'image', heartbeat=lambda _: None)"
)
BUILDS = "import os; from deploy.toolchains import run; run(['qemu-img'], os.environ, 'no')"


@pytest.mark.parametrize("helped", [CONVERTS, BUILDS], ids=["qemu-img", "a build"])
def test_what_helps_a_process_ends_with_it(tmp_path: Path, helped: str) -> None:
    helper, told = tmp_path / "qemu-img", tmp_path / "told"
    os.mkfifo(told)
    helper.write_text(f"#!/bin/sh\necho $$ > {told}\nexec sleep 600\n")
    helper.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    with subprocess.Popen([sys.executable, "-c", helped], env=environment) as process:
        pid = int(told.read_text())
        process.kill()
    processes.wait_until_gone(pid)
