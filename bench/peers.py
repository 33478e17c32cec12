"""What we are measured beside, from PyPI by name into environments of their own."""

import os
import subprocess
from pathlib import Path

from bench.figures import NotMeasuredError
from deploy.temporal import cache_folder

ROOT = Path(__file__).parent.parent
INSTALL_LIMIT_S = 600


def installed(name: str, program: str, *packages: str) -> Path:
    """Install a peer below our cache folder unless it is there; gives the folder of its programs.

    Args:
        name: what it is called, also its folder.
        program: a path in its environment that is there when it is installed.
        packages: what is asked of PyPI.

    Raises:
        NotMeasuredError: it can't be installed.
    """
    environment = cache_folder(os.environ) / "bench" / name.lower()
    programs = environment / "bin"
    if (environment / program).exists():
        return programs
    uv = subprocess.run(
        [ROOT / "deploy" / "install.sh", "uv"], capture_output=True, text=True, check=True
    ).stdout.strip()
    for command in (
        [uv, "venv", "--quiet", "--clear", str(environment)],
        [uv, "pip", "install", "--quiet", "--python", str(programs / "python"), *packages],
    ):
        try:
            subprocess.run(
                command, check=True, capture_output=True, text=True, timeout=INSTALL_LIMIT_S
            )
        except subprocess.TimeoutExpired:
            raise NotMeasuredError(f"{name} could not be installed: it took too long") from None
        except subprocess.CalledProcessError as error:
            words = f"{name} could not be installed: {error.stderr.strip()[-500:]}"
            raise NotMeasuredError(words) from error
    return programs
