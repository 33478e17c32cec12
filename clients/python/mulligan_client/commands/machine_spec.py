"""From the options of `machine provision` to the spec that is asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

from mulligan_client.commands.options import GIB, MIB, Parsed, one_of
from mulligan_client.commands.public_keys import read_public_keys
from mulligan_client.commands.whereabouts import put_whereabouts, takes_whereabouts
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.sealing import USER_DATA_LIMIT_BYTES
from mulligan_client.session import Session

_Command = TypeVar("_Command", bound=Callable[..., Any])
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_PLACEMENTS = {
    "": common_pb2.PLACEMENT_UNSPECIFIED,
    "pack": common_pb2.PLACEMENT_PACK,
    "spread": common_pb2.PLACEMENT_SPREAD,
}
# (vcpus, MiB of memory, GiB of disk) where nothing is said; a server is taken as it is.
_SIZES = {"virtual": (1, 1024, 10), "baremetal": (0, 0, 0)}


@dataclass(frozen=True)
class NicWish:
    """One --network: a network by any name, and how the address is found."""

    network: str
    mode: Literal["auto", "static", "dhcp"] = "auto"
    address: str = ""


def parse_nic(text: str) -> NicWish:
    """Read NAME, NAME:auto, NAME:dhcp or NAME:static=ADDRESS.

    Raises:
        ValueError: it is something else.
    """
    network, _, rest = text.partition(":")
    mode, given, address = rest.partition("=")
    if network and rest in ("", "auto"):
        return NicWish(network)
    if network and rest == "dhcp":
        return NicWish(network, "dhcp")
    if network and mode == "static" and given and address:
        return NicWish(network, "static", address)
    raise ValueError(f"{text!r} is not NAME, NAME:dhcp or NAME:static=ADDRESS")


def takes_machine(command: _Command) -> _Command:
    """Add what says how large a machine is, what is on it, and where it is to be."""
    for option in (
        takes_whereabouts,
        click.option(
            "--root-disk", default="", help="Serial of the server's disk that gets the image."
        ),
        click.option(
            "--placement", type=one_of(["pack", "spread"]), help="Fill providers, or the emptiest."
        ),
        click.option(
            "--require", "capabilities", multiple=True, help="Capability it needs; repeatable."
        ),
        click.option(
            "--on", "provider", default="", help="Only on this host or server; for operators."
        ),
        click.option(
            "--user-data", type=_FILE, help="For cloud-init, up to 64 KiB; travels sealed."
        ),
        click.option(
            "--ssh-key", "keys", type=_FILE, multiple=True, help="Public keys; repeatable."
        ),
        click.option(
            "--network",
            "nics",
            type=Parsed("network", parse_nic),
            multiple=True,
            metavar="NAME[:dhcp|:static=ADDRESS]",
            help="A network interface; repeatable. Alone: an address of the network's range.",
        ),
        click.option("--disk", type=GIB, help="Such as 10GiB [virtual: 10GiB]."),
        click.option("--memory", type=MIB, help="Such as 512MiB or 2GiB [virtual: 1GiB]."),
        click.option(
            "--vcpus",
            type=click.IntRange(1),
            help="CPUs [virtual: 1]; of a server at least so many.",
        ),
        click.option(
            "--kind",
            type=one_of(["virtual", "baremetal"]),
            default="virtual",
            show_default=True,
            help="On a host, or a whole server.",
        ),
    ):
        command = option(command)
    return command


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What was asked for, with files read but names not yet resolved."""

    kind: str
    image: str
    vcpus: int
    memory_mib: int
    disk_gib: int
    nics: tuple[NicWish, ...]
    ssh_keys: tuple[str, ...]
    user_data: str
    acquire_at: datetime | None
    release_at: datetime | None
    provider: str
    required_capabilities: tuple[str, ...]
    placement: str
    root_disk_serial: str
    where: Mapping[str, Any]

    @classmethod
    def read(
        cls,
        *,
        kind: str,
        image: str,
        vcpus: int | None,
        memory: int | None,
        disk: int | None,
        nics: tuple[NicWish, ...],
        keys: tuple[Path, ...],
        user_data: Path | None,
        acquire_at: datetime | None,
        release_at: datetime | None,
        provider: str,
        capabilities: tuple[str, ...],
        placement: str | None,
        root_disk: str,
        **where: Any,
    ) -> "Wishes":
        """Take in the options and read their files; `where` is said by `takes_whereabouts`.

        Raises:
            click.BadParameter: a file has not in it what it should; names the option.
        """
        default_vcpus, default_memory_mib, default_disk_gib = _SIZES[kind]
        return cls(
            kind=kind,
            image=image,
            vcpus=default_vcpus if vcpus is None else vcpus,
            memory_mib=default_memory_mib if memory is None else memory,
            disk_gib=default_disk_gib if disk is None else disk,
            nics=nics,
            ssh_keys=tuple(key for path in keys for key in _keys(path)),
            user_data=_user_data(user_data) if user_data else "",
            acquire_at=acquire_at,
            release_at=release_at,
            provider=provider,
            required_capabilities=capabilities,
            placement=placement or "",
            root_disk_serial=root_disk,
            where=where,
        )


def build_spec(
    session: Session, wishes: Wishes, region: str, project: str
) -> control_pb2.MachineSpec:
    """Resolve names and seal the user data.

    Raises:
        MulliganCallError: a name leads nowhere.
    """
    image = session.resolve("image", wishes.image, region=region) if wishes.image else ""
    nics = [
        control_pb2.NicRequest(
            network=session.resolve("network", nic.network, region=region),
            mode=nic.mode,
            address=nic.address,
        )
        for nic in wishes.nics
    ]
    provider = ""
    if wishes.provider:
        where = "host" if wishes.kind == "virtual" else "server"
        provider = session.resolve(where, wishes.provider, region=region)
    sealed = ""
    if wishes.user_data:
        sealed = session.client.seal(region, purpose="user-data", user_data=wishes.user_data)
    spec = control_pb2.MachineSpec(
        kind=wishes.kind,
        image=image,
        vcpus=wishes.vcpus,
        memory_mib=wishes.memory_mib,
        disk_gib=wishes.disk_gib,
        nics=nics,
        ssh_keys=wishes.ssh_keys,
        sealed_user_data=sealed,
        required_capabilities=wishes.required_capabilities,
        provider=provider,
        placement=_PLACEMENTS[wishes.placement],
        root_disk_serial=wishes.root_disk_serial,
    )
    put_whereabouts(session, spec, project=project, **wishes.where)
    if wishes.acquire_at:
        spec.window.acquire_at.FromDatetime(wishes.acquire_at)
    if wishes.release_at:
        spec.window.release_at.FromDatetime(wishes.release_at)
    return spec


def _keys(path: Path) -> list[str]:
    try:
        return read_public_keys(path)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--ssh-key'") from None


def _user_data(path: Path) -> str:
    content = path.read_bytes()
    if len(content) > USER_DATA_LIMIT_BYTES:
        raise click.BadParameter(
            f"{path} has {len(content)} bytes; {USER_DATA_LIMIT_BYTES} are the most",
            param_hint="'--user-data'",
        )
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise click.BadParameter(f"{path} is no UTF-8 text", param_hint="'--user-data'") from None
