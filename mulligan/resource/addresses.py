"""Which address a NIC gets, and why there is none left."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import NoReturn

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.resource.earliest import Interval, length_of, window_from
from mulligan.resource.network_values import AddressMode, NetworkSpec, NicWanted
from mulligan.resource.occupation import end_of, occupies
from mulligan.resource.refusals import Step, describe, no_capacity
from mulligan.resource.tables import AddressClaimRow
from mulligan.values.errors import InvalidArgumentError
from mulligan.values.window import WITHOUT_END, Window


def derive_mac(claim: str, nic: int) -> str:
    """Derive the MAC of a claim's NIC: always the same, unicast, locally administered.

    IEEE 802: in the first octet the lowest bit is multicast, the second locally administered.
    """
    octets = bytearray(sha256(f"{claim}/{nic}".encode()).digest()[:6])
    octets[0] = octets[0] & 0b1111_1100 | 0b0000_0010
    return octets.hex(":")


def choose_addresses(
    session: Session,
    specs: Mapping[str, NetworkSpec],
    nics: Sequence[NicWanted],
    window: Window,
    now: datetime,
) -> list[str]:
    """Choose an address for each NIC; empty for DHCP. The networks' rows are locked.

    Raises:
        InvalidArgumentError: a static address is outside the range, or wanted twice.
        NoCapacityError: a static address is taken, or none is left.
    """
    _check_static(specs, nics)
    taken = _taken(session, specs, window, now)
    chosen = [""] * len(nics)
    for index, nic in enumerate(nics):
        if nic.mode is AddressMode.STATIC:
            if int(ip_address(nic.address)) in taken[nic.network]:
                _refuse(session, specs, nics, index, window=window, now=now)
            chosen[index] = nic.address
            taken[nic.network].add(int(ip_address(nic.address)))
    for index, nic in enumerate(nics):
        if nic.mode is AddressMode.AUTO:
            number = lowest_free(specs[nic.network], taken[nic.network])
            if number is None:
                _refuse(session, specs, nics, index, window=window, now=now)
            chosen[index] = _address(specs[nic.network], number)
            taken[nic.network].add(number)
    return chosen


def _check_static(specs: Mapping[str, NetworkSpec], nics: Sequence[NicWanted]) -> None:
    seen: Counter[tuple[str, str]] = Counter()
    for index, nic in enumerate(nics):
        if nic.mode is not AddressMode.STATIC:
            continue
        spec, address = specs[nic.network], ip_address(nic.address)
        field = f"nics[{index}].address"
        if address not in ip_network(spec.prefix):
            raise InvalidArgumentError(
                f"{address} is not inside {spec.prefix} of network {nic.network}; choose from "
                f"{spec.first_address} to {spec.last_address}",
                field=field,
            )
        if not spec.first <= int(address) <= spec.last:
            raise InvalidArgumentError(
                f"{address} is outside the range of network {nic.network}; choose from "
                f"{spec.first_address} to {spec.last_address}",
                field=field,
            )
        seen[nic.network, nic.address] += 1
        if seen[nic.network, nic.address] > 1:
            raise InvalidArgumentError(f"{address} is wanted by two NICs", field=field)


def _taken(
    session: Session, networks: Iterable[str], window: Window, now: datetime
) -> dict[str, set[int]]:
    """Read the addresses that are taken at some time of the window.

    Index: address_claims (network, occupied_until).
    """
    rows = AddressClaimRow
    query = select(rows.network, rows.address).where(
        rows.network.in_(list(networks)), occupies(rows, window, now)
    )
    taken: dict[str, set[int]] = defaultdict(set)
    for network, address in session.execute(query):
        if address:
            taken[network].add(int(ip_address(address)))
    return taken


def lowest_free(spec: NetworkSpec, taken: set[int]) -> int | None:
    """The lowest address of the range that is not taken, as a number."""
    return next((n for n in range(spec.first, spec.last + 1) if n not in taken), None)


def _address(spec: NetworkSpec, number: int) -> str:
    first = ip_address(spec.first_address)
    return str(first + (number - int(first)))


def _refuse(
    session: Session,
    specs: Mapping[str, NetworkSpec],
    nics: Sequence[NicWanted],
    index: int,
    *,
    window: Window,
    now: datetime,
) -> NoReturn:
    """Say why a NIC gets no address, and when all NICs in its network would get theirs."""
    nic = nics[index]
    spec = specs[nic.network]
    wanted = [other for other in nics if other.network == nic.network and other.mode != "dhcp"]
    blocked, holds, overruns = _blocked(session, nic.network, window, now)
    overlapping = [a for a, spans in blocked.items() if _meets(spans, window)]
    start = _first_start(spec, wanted, blocked, window)
    raise no_capacity(
        f"no address for NIC {index} in network {nic.network}",
        _steps(spec, nic, len(overlapping)),
        describe(start, holds, overruns, now),
        field=f"nics[{index}].address",
        object_type="network",
        object_id=nic.network,
    )


def _steps(spec: NetworkSpec, nic: NicWanted, taken: int) -> list[Step]:
    if nic.mode is AddressMode.STATIC:
        return [
            Step(f"address {nic.address} in the range", spec.addresses - 1, 1),
            Step(f"address {nic.address} free in the window", 1, 0),
        ]
    left = spec.addresses - taken
    steps = [
        Step(f"addresses from {spec.first_address} to {spec.last_address}", 0, spec.addresses),
        Step("free in the window", taken, left),
    ]
    if left:
        steps.append(Step("not for this claim's other NICs", left, 0))
    return steps


def _blocked(
    session: Session, network: str, window: Window, now: datetime
) -> tuple[dict[str, list[Interval]], list[datetime], list[str]]:
    """Read when each address is taken from the window's start on, the holds and the overruns."""
    rows = AddressClaimRow
    onwards = Window(window.acquire_at, WITHOUT_END)
    query = select(
        rows.address,
        rows.acquire_at,
        end_of(rows, now, overruns=True),
        rows.held_until,
        rows.claim,
        rows.release_at,
    ).where(rows.network == network, occupies(rows, onwards, now))
    blocked: dict[str, list[Interval]] = defaultdict(list)
    holds, overruns = [], []
    for address, starts_at, ends_at, held_until, claim, planned in session.execute(query):
        if address is None:
            continue
        blocked[address].append((starts_at, ends_at))
        if held_until:
            holds.append(held_until)
        if planned <= now:
            overruns.append(claim)
    return blocked, holds, overruns


def _meets(intervals: Iterable[Interval], window: Window) -> bool:
    return any(s < window.release_at and window.acquire_at < e for s, e in intervals)


def _first_start(
    spec: NetworkSpec,
    wanted: Sequence[NicWanted],
    blocked: Mapping[str, list[Interval]],
    window: Window,
) -> datetime | None:
    """The first release boundary from which on all wanted addresses are free for the length."""
    ends = {end for intervals in blocked.values() for _, end in intervals}
    for start in sorted({window.acquire_at, *ends}):
        shifted = window_from(start, length_of(window))
        if shifted is None or start < window.acquire_at:
            continue
        taken = {address for address, spans in blocked.items() if _meets(spans, shifted)}
        enough = spec.addresses - len(taken) >= len(wanted)
        if enough and not any(nic.address in taken for nic in wanted):
            return start
    return None
