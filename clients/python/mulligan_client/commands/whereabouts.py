"""The options that say where a claim or machine is to be, beside its region."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mulligan_client.commands.options import Parsed
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from mulligan_client.gen.mulligan.control.v1 import control_pb2
    from mulligan_client.gen.mulligan.resource.v1 import resource_pb2

_Command = TypeVar("_Command", bound=Callable[..., Any])

KINDS = {
    "power": common_pb2.DOMAIN_KIND_POWER,
    "network": common_pb2.DOMAIN_KIND_NETWORK,
    "cooling": common_pb2.DOMAIN_KIND_COOLING,
    "building": common_pb2.DOMAIN_KIND_BUILDING,
}
WORDS = {kind: word for word, kind in KINDS.items()}
_ORIGINS = ("machine", "region", "server", "host", "claim")


@dataclass(frozen=True)
class DomainWish:
    """One --not-with or --with: a failure domain, and from what it is told, by any name."""

    kind: "common_pb2.DomainKind.ValueType"
    origin: str


def parse_domain(text: str) -> DomainWish:
    """Read KIND=MACHINE, or KIND=NOUN:NAME with another noun.

    Raises:
        ValueError: it is something else.
    """
    word, _, origin = text.partition("=")
    if word not in KINDS or not origin:
        raise ValueError(f"{text!r} is not KIND=MACHINE; kinds are {', '.join(KINDS)}")
    return DomainWish(KINDS[word], origin)


def find_origin(session: Session, origin: str, project: str) -> str:
    """Find the id of a project's machine by any name, or of another thing by NOUN:NAME.

    Raises:
        MulliganCallError: a name leads nowhere.
    """
    noun, colon, name = origin.partition(":")
    if noun not in _ORIGINS or not colon:
        noun, name = "machine", origin
    return session.resolve(noun, name, project=project if noun == "machine" else "")


def takes_whereabouts(command: _Command) -> _Command:
    """Add what says in which regions, and apart from what or together with it."""
    form = Parsed("domain", parse_domain)
    for option in (
        click.option(
            "--with",
            "together",
            type=form,
            multiple=True,
            metavar="KIND=MACHINE",
            help="In the same failure domain as a machine; like --not-with.",
        ),
        click.option(
            "--not-with",
            "apart",
            type=form,
            multiple=True,
            metavar="KIND=MACHINE",
            help="Not in the same power, network, cooling or building domain as a machine, or as "
            "region:NAME, server:NAME, host:NAME, claim:ID; repeatable.",
        ),
        click.option("--or-below", is_flag=True, help="In the region or one below it."),
    ):
        command = option(command)
    return command


def put_whereabouts(
    session: Session,
    spec: "resource_pb2.ClaimSpec | control_pb2.MachineSpec",
    *,
    project: str,
    or_below: bool = False,
    apart: Iterable[DomainWish] = (),
    together: Iterable[DomainWish] = (),
) -> None:
    """Write into a spec where it is to be; names become ids.

    Raises:
        MulliganCallError: a name leads nowhere.
    """
    spec.or_below = spec.or_below or or_below
    for wishes, same in ((apart, False), (together, True)):
        for one in wishes:
            origin = find_origin(session, one.origin, project)
            spec.domains.add(kind=one.kind, origin=origin, same=same)


def shown_whereabouts(
    session: Session, spec: "resource_pb2.ClaimSpec | control_pb2.MachineSpec"
) -> list[tuple[str, str]]:
    """What a spec says of where, as rows of a sheet."""
    name = session.names({one.origin for one in spec.domains})
    rows = [("or below", "yes")] if spec.or_below else []
    return rows + [
        ("with" if one.same else "not with", f"{WORDS[one.kind]} of {name(one.origin)}")
        for one in spec.domains
    ]
