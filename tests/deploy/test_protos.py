"""What is generated from the protos: as it is committed, and usable without their rules."""

import subprocess
import sys
from pathlib import Path

from deploy import protos


def test_generating_again_leaves_no_diff(tmp_path: Path) -> None:
    protos.generate(tmp_path / "gen")

    assert _differing(tmp_path / "gen", protos.OUT) == [], "run `make generate`"


def _differing(one: Path, other: Path) -> list[str]:
    """Files that only one of two folders has, or that are not the same in both."""
    texts = [
        {
            path.relative_to(folder).as_posix(): path.read_text()
            for pattern in ("*.py", "*.pyi")
            for path in folder.rglob(pattern)
        }
        for folder in (one, other)
    ]
    return sorted({name for name, _ in texts[0].items() ^ texts[1].items()})


def test_the_client_does_not_load_what_checks_the_rules() -> None:
    program = (
        "import sys, mulligan_client.client; "
        "print([name for name in sys.modules if name.startswith(('protovalidate', 'buf'))])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert (run.returncode, run.stdout.strip()) == (0, "[]"), run.stderr
