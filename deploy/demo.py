"""`make run`: the main job, told on this machine with real parts.

Everything up, a hypervisor host and two servers, a virtual and a baremetal machine from one image,
both shown and ended, and nothing left behind. Exit code 0; 3 when QEMU can't be had and only
libvirt's test driver could be shown (0 with --allow-fallback); 1 when something went wrong.
"""

import argparse
import asyncio
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

import libvirt

from deploy.lab import VirtualServers, some_servers
from deploy.ports import free_port
from deploy.session_libvirt import SessionLibvirt
from deploy.temporal import cache_folder, find_temporal

ROOT = Path(__file__).parent.parent
FALLBACK_EXIT = 3
READY_LIMIT_S = 120
QEMU = "qemu-system-x86_64"
TEST_DRIVER = "test:///default"


class StoryError(Exception):
    """A part of the story did not go as told."""


def say(text: str) -> None:
    """Tell the reader what comes next."""
    print(f"\n\033[1m▸ {text}\033[0m" if sys.stdout.isatty() else f"\n> {text}", flush=True)


@dataclass(frozen=True)
class Built:
    """What was built on this machine: the image that both machines get, and the ramdisk."""

    image: Path
    ramdisk: Path


def build(cache: Path) -> Built:
    """Build test image and ramdisk from Debian's packages, unless they are there already."""
    built = Built(cache / "built" / "testimage.raw", cache / "built" / "ramdisk-lab")
    built.image.parent.mkdir(parents=True, exist_ok=True)
    run([str(ROOT / "deploy/ramdisk/build.sh"), str(built.ramdisk), "--profile", "lab"])
    run([str(ROOT / "deploy/testimage/build.sh"), str(built.image)])
    return built


def run(command: Sequence[str]) -> None:
    """Run a command whose output the reader sees.

    Raises:
        StoryError: it failed.
    """
    if subprocess.run(command, check=False).returncode:
        raise StoryError(f"{' '.join(command)} failed")


class Cli:
    """The `mulligan` command, signed in to one installation."""

    def __init__(self, config: Path) -> None:
        self._program = str(Path(sys.executable).with_name("mulligan"))
        self._environment = {
            **{key: text for key, text in os.environ.items() if not key.startswith("MULLIGAN_")},
            "MULLIGAN_CONFIG_DIR": str(config),
        }

    def __call__(self, *words: str | Path) -> None:
        """Run a command as an operator would, and show it."""
        shown = " ".join(str(word) for word in words)
        print(f"\n$ mulligan {shown}", flush=True)
        done = subprocess.run(self._words(words), env=self._environment, check=False)
        if done.returncode:
            raise StoryError(f"`mulligan {shown}` ended with exit code {done.returncode}")

    def refused(self, *words: str | Path) -> None:
        """Run a command that has to be refused."""
        print(f"\n$ mulligan {words[0]} … (a second time)", flush=True)
        if subprocess.run(self._words(words), env=self._environment, check=False).returncode == 0:
            raise StoryError(f"`mulligan {words[0]}` should have been refused")

    def read(self, *words: str) -> Any:
        """Run a command and read what it answers."""
        done = subprocess.run(
            self._words([*words, "-o", "json"]),
            env=self._environment,
            check=True,
            stdout=subprocess.PIPE,
        )
        return json.loads(done.stdout)

    def side_by_side(self, *commands: Sequence[str]) -> None:
        """Run several commands at once, each line of theirs behind its name."""
        for words in commands:
            print(f"\n$ mulligan {' '.join(words)}", flush=True)
        codes = asyncio.run(self._run_all(commands))
        if any(codes):
            raise StoryError(f"exit codes {codes}")

    async def _run_all(self, commands: Sequence[Sequence[str]]) -> list[int]:
        return await asyncio.gather(*(self._follow(words) for words in commands))

    async def _follow(self, words: Sequence[str]) -> int:
        process = await asyncio.create_subprocess_exec(
            *self._words(words),
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async for line in process.stdout or asyncio.StreamReader():
            print(f"  {words[2]:10} │ {line.decode().rstrip()}", flush=True)
        return await process.wait()

    def _words(self, words: Sequence[str | Path]) -> list[str]:
        return [self._program, *(str(word) for word in words)]


@contextmanager
def running_up(state: Path, image_folder: Path, ramdisk: Path) -> Iterator[tuple[str, str]]:
    """Run `mulligan up`; gives its address and the bootstrap token."""
    address = f"127.0.0.1:{free_port()}"
    command = [str(Path(sys.executable).with_name("mulligan")), "up", "--state", str(state)]
    command += ["--listen", address, "--temporal-port", "0", "--ui-port", "0", "--media-port", "0"]
    command += ["--image-folder", str(image_folder), "--ramdisk", str(ramdisk)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    token = ""
    started = time.monotonic()
    try:
        for line in process.stdout or ():
            if line.startswith("ready"):
                print(f"ready after {time.monotonic() - started:.1f} s", flush=True)
                break
            print(line.rstrip(), flush=True)
            token = line.split()[-1] if line.startswith("bootstrap token:") else token
        else:
            raise StoryError("`mulligan up` did not start")
        yield address, token
    finally:
        process.terminate()
        process.wait()


def leftovers(uri: str, state: Path) -> dict[str, list[str]]:
    """List what machines could leave behind; a server's own NVRAM is none of it."""
    connection = libvirt.open(uri)
    try:
        volumes = [
            f"{pool.name()}/{volume.name()}"
            for pool in connection.listAllStoragePools()
            if pool.isActive() and not pool.refresh()
            for volume in pool.listAllVolumes()
        ]
        domains = [domain.name() for domain in connection.listAllDomains()]
    finally:
        connection.close()
    nvram = (state / "libvirt").glob("config/libvirt/qemu/nvram/mulligan-*")
    media = (state / "executor" / "media").glob("*/*")
    return {
        "domains": sorted(domains),
        "volumes": sorted(volumes),
        "NVRAM of machines": sorted(path.name for path in nvram),
        "media": sorted(path.name for path in media),
    }


def usage(cli: Cli) -> dict[str, object]:
    """Read what is claimed: addresses, and machines."""
    networks = cli.read("network", "list")
    machines = cli.read("machine", "list")
    claims = cli.read("claim", "list")
    return {
        "addresses used": [network.get("addresses_used", "0") for network in networks["networks"]],
        "machines": len(machines.get("machines", [])),
        "claims": len(claims.get("claims", [])),
    }


def tell(state: Path, cache: Path) -> None:
    """Tell the whole story on real parts."""
    say("Ramdisk and test image, built from Debian's packages")
    built = build(cache)
    password = state / "password"
    password.write_text(secrets.token_urlsafe(16))
    password.chmod(0o600)
    with ExitStack() as stack:
        say("mulligan up: Temporal, services, control worker, executor")
        address, token = stack.enter_context(running_up(state, built.image.parent, built.ramdisk))
        cli = Cli(state / "client")
        cli("bootstrap", address, "--token", token, "--password-file", password)
        cli.refused("bootstrap", address, "--token", token, "--password-file", password)
        uri = SessionLibvirt(state / "libvirt").uri
        say("A hypervisor host and two servers behind a Redfish BMC")
        lab = stack.enter_context(VirtualServers(state / "lab", uri, some_servers(2)))
        bmc = state / "bmc-password"
        bmc.write_text(lab.password)
        cli("host", "add", "hypervisor", "qemu:///session", "--wait")
        for server in lab.servers:
            words = ("server", "add", server.name, lab.address, "--system", server.system)
            cli(*words, "--username", lab.username, "--password-file", bmc, "--wait")
        cli("host", "list")
        cli("server", "list")
        with built.image.open("rb") as file:
            checksum = file_digest(file, "sha256").hexdigest()
        url = built.image.as_uri()
        cli("image", "add", "tiny", url, "--sha256", checksum, "--format", "raw")
        before = {**leftovers(uri, state), **usage(cli)}

        say("One virtual and one baremetal machine from the same image, side by side")
        size = ("--vcpus", "1", "--memory", "512MiB", "--disk", "1GiB")
        common = ("--image", "tiny", "--network", "lan", "--wait")
        cli.side_by_side(
            ("machine", "provision", "virtual-1", "--kind", "virtual", *size, *common),
            ("machine", "provision", "metal-1", "--kind", "baremetal", *common),
        )
        cli("machine", "list")
        cli("machine", "show", "virtual-1")
        cli("machine", "show", "metal-1")

        say("Both ended; everything given back")
        cli("machine", "decommission", "metal-1", "--dry-run")
        cli.side_by_side(
            ("machine", "decommission", "virtual-1", "--yes", "--wait"),
            ("machine", "decommission", "metal-1", "--yes", "--wait"),
        )
        cli("operation", "list")
        cli("server", "list")
        lab.remove_ejected_media()
        after = {**leftovers(uri, state), **usage(cli)}
        _compare(before, after)
    say("Everything is stopped")


def _compare(before: dict[str, object], after: dict[str, object]) -> None:
    say("Before and after")
    for name, was in before.items():
        same = was == after[name]
        print(f"  {'as before' if same else 'DIFFERENT':10} {name}: {after[name]}")
    if before != after:
        raise StoryError(f"something was left behind: before {before}, after {after}")


def tell_fallback(state: Path) -> None:
    """Tell what libvirt's test driver can show: everything but a machine that boots."""
    say(f"{QEMU} is not here: no machine can boot, no server can be driven, no image is read.")
    print(f"This goes on with libvirt's {TEST_DRIVER}, which only pretends to run machines.")
    image = state / "images" / "empty.raw"
    image.parent.mkdir(parents=True, exist_ok=True)
    image.write_bytes(bytes(1 << 20))
    password = state / "password"
    password.write_text(secrets.token_urlsafe(16))
    with running_up(state, image.parent, state / "no-ramdisk") as (address, token):
        cli = Cli(state / "client")
        cli("bootstrap", address, "--token", token, "--password-file", password)
        cli("host", "add", "pretended", TEST_DRIVER, "--wait")
        checksum = "30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58"
        words = ("image", "add", "empty", image.as_uri(), "--sha256", checksum)
        cli(*words, "--format", "raw", "--activation", "none")
        common = ("--image", "empty", "--network", "lan", "--wait", "--kind", "virtual")
        cli("machine", "provision", "pretended-1", *common, "--memory", "512MiB", "--disk", "1GiB")
        cli("machine", "show", "pretended-1")
        cli("machine", "decommission", "pretended-1", "--yes", "--wait")
    say("Everything is stopped")


def main() -> int:
    """Tell the story; gives the exit code."""
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--state", type=Path, default=ROOT / ".state" / "run")
    parser.add_argument("--allow-fallback", action="store_true")
    options = parser.parse_args()
    state: Path = options.state.absolute()
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(parents=True, mode=0o700)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    has_qemu = shutil.which(QEMU) is not None
    started = time.monotonic()
    try:
        cache = cache_folder(os.environ)
        find_temporal(cache)
        if has_qemu:
            tell(state, cache)
        else:
            tell_fallback(state)
    except StoryError as error:
        print(f"\nmake run: {error}; logs are in {state}", file=sys.stderr)
        return 1
    print(f"\nDone in {time.monotonic() - started:.0f} s.", flush=True)
    return 0 if has_qemu or options.allow_fallback else FALLBACK_EXIT


if __name__ == "__main__":
    sys.exit(main())
