"""Networks as records, and the claiming of their addresses."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network

from sqlalchemy import func, insert, or_, select, text
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.batches import each
from mulligan.generations import refuse_stale
from mulligan.iam.region_map import chain_of, read_map
from mulligan.meta.listing import listed
from mulligan.renaming import rename
from mulligan.resource.addresses import choose_addresses, derive_mac
from mulligan.resource.network_values import (
    AddressClaim,
    AddressMode,
    Network,
    NetworkSpec,
    NicWanted,
    refuse_spec,
)
from mulligan.resource.occupation import not_lapsed, occupation_of, occupies, present
from mulligan.resource.requests import ClaimRequest
from mulligan.resource.tables import AddressClaimRow, ClaimRow, NetworkRow
from mulligan.resource.values import check_id
from mulligan.values.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
)
from mulligan.values.listing import Listed, Listing
from mulligan.values.window import Window

__all__ = [
    "AddressClaim", "AddressMode", "Network", "NetworkSpec", "NicWanted", "claim_addresses",
    "create_network", "delete_network", "get_network", "get_networks", "list_networks",
    "lock_networks",
]  # fmt: skip


def create_network(
    session: Session,
    *,
    id: str,  # noqa: A002 (the word of every Create)
    region: str,
    spec: NetworkSpec,
    project: str | None = None,
    author: str | None = None,
    now: datetime | None = None,
) -> Network:
    """Create a network.

    Raises:
        AlreadyExistsError: there is a network with that id.
        InvalidArgumentError: a network of the same region, VLAN and bridge overlaps it: their
            addresses would be handed out twice on one link.
    """
    network, region = check_id(id, field="id"), check_id(region, field="region")
    if session.get_bind().dialect.name == "postgresql":
        # Two that overlap must not both find the other missing. Claims of addresses go on.
        session.execute(text("LOCK TABLE networks IN SHARE ROW EXCLUSIVE MODE"))
    if session.get(NetworkRow, network):
        raise AlreadyExistsError(
            f"there is a network {network} already", object_type="network", object_id=network
        )
    _refuse_overlap(session, region, spec)
    row = NetworkRow(
        id=network,
        region=region,
        project=check_id(project, field="project") if project else None,
        created_at=now or datetime.now(UTC),
        prefix=spec.prefix,
        gateway=spec.gateway,
        dns=list(spec.dns),
        vlan=spec.vlan,
        host_bridge=spec.host_bridge,
        first_address=spec.first_address,
        last_address=spec.last_address,
    )
    session.add(row)
    session.flush()
    _tell(session, row, "created", author, now)
    return _network(row, 0)


def _refuse_overlap(session: Session, region: str, spec: NetworkSpec) -> None:
    prefix = ip_network(spec.prefix)
    beside = select(NetworkRow).where(
        NetworkRow.region == region,
        NetworkRow.vlan == spec.vlan,
        NetworkRow.host_bridge == spec.host_bridge,
    )
    for other in session.scalars(beside.order_by(NetworkRow.id)):
        if prefix.overlaps(ip_network(other.prefix)):
            link = f"VLAN {spec.vlan}, bridge {spec.host_bridge or 'none'}"
            refuse_spec(
                "prefix",
                f"{prefix} overlaps {other.prefix} of network {other.id} on the same link "
                f"({link}); choose another prefix, VLAN or bridge",
            )


def _tell(
    session: Session, row: NetworkRow, kind: str, author: str | None, now: datetime | None
) -> None:
    event = events.Event(
        "network", row.id, kind, project=row.project, region=row.region, author=author,
        message=row.prefix, at=now or datetime.now(UTC),
    )  # fmt: skip
    events.append(session, event)


def _spec(row: NetworkRow) -> NetworkSpec:
    return NetworkSpec(
        prefix=row.prefix,
        gateway=row.gateway,
        dns=tuple(row.dns),
        vlan=row.vlan,
        host_bridge=row.host_bridge,
        first_address=row.first_address,
        last_address=row.last_address,
    )


def _network(row: NetworkRow, used: int) -> Network:
    spec = _spec(row)
    return Network(
        id=row.id,
        region=row.region,
        project=row.project,
        spec=spec,
        addresses=spec.addresses,
        addresses_used=used,
        generation=row.generation,
        created_at=row.created_at,
    )


def not_there(network: str) -> NotFoundError:
    """Say that there is no such network."""
    return NotFoundError(f"there is no network {network}", object_type="network", object_id=network)


def _used(session: Session, networks: Iterable[str], now: datetime) -> dict[str, int]:
    rows = AddressClaimRow
    query = (
        select(rows.network, func.count(rows.address.distinct()))
        .where(rows.network.in_(list(networks)), occupies(rows, present(now), now))
        .group_by(rows.network)
    )
    return dict(session.execute(query).all())


def get_network(
    session: Session, network: str, *, project: str | None = None, now: datetime | None = None
) -> Network:
    """Read a network with its use now.

    Args:
        session: a session.
        network: UUID.
        project: the reader's project; None for one who sees everything.
        now: the present by default.

    Raises:
        NotFoundError: there is no such network, or it is another project's.
    """
    return get_networks(session, [network], project=project, now=now)[0]


def get_networks(
    session: Session,
    ids: Sequence[str],
    *,
    project: str | None = None,
    sees: Callable[[str], bool] = lambda _: True,
    now: datetime | None = None,
) -> list[Network]:
    """Read networks, in the order of their ids; as `get_network` does one.

    One in a region that is not seen is as one that is not there.
    """

    def get(network: str) -> NetworkRow:
        row = session.get(NetworkRow, network)
        if row is None or (project and row.project not in (None, project)) or not sees(row.region):
            raise not_there(network)
        return row

    rows = each(session, NetworkRow, ids, get)
    used = _used(session, ids, now or datetime.now(UTC))
    return [_network(row, used.get(row.id, 0)) for row in rows]


def list_networks(
    session: Session,
    *,
    region: str = "",
    project: str | None = None,
    listing: Listing | None = None,
    now: datetime | None = None,
    hidden: Sequence[str] = (),
) -> Listed[Network]:
    """Read a page of networks with their use now.

    Args:
        session: a session.
        region: only in this region.
        project: only what this project sees; None for one who sees everything.
        listing: in which order, and which page; by default the first by id.
        now: the present by default.
        hidden: UUIDs of regions of which none is read.
    """
    query = select(NetworkRow)
    if hidden:
        query = query.where(NetworkRow.region.not_in(hidden))
    if project:
        query = query.where(or_(NetworkRow.project.is_(None), NetworkRow.project == project))
    page = listed(
        *(session, query, NetworkRow, listing or Listing()),
        object_types=["network"],
        owner=check_id(region, field="region") if region else None,
        owned_by=NetworkRow.region,
        whole=not project and not hidden,
    )
    used = _used(session, [row.id for row in page.items], now or datetime.now(UTC))
    return page.of([_network(row, used.get(row.id, 0)) for row in page.items])


def rename_network(
    session: Session, network: str, name: str, *, generation: int, author: str
) -> Network:
    """Give a network another name.

    Raises:
        AlreadyExistsError: another one of its region has it.
        NotFoundError: there is no such network.
        StaleError: it is not at that generation any more.
    """
    row = lock_networks(session, [network]).get(network)
    if row is None:
        raise not_there(network)
    refuse_stale(session, "network", network, generation=row.generation, read_at=generation)
    rename(session, "network", row, name, author=author)
    session.flush()
    return get_network(session, network)


def delete_network(
    session: Session, network: str, *, author: str | None = None, now: datetime | None = None
) -> None:
    """Delete a network in which no claim has a NIC.

    Raises:
        FailedPreconditionError: claims have NICs in it, now or later.
        NotFoundError: there is no such network.
    """
    now = now or datetime.now(UTC)
    row = lock_networks(session, [network]).get(network)
    if row is None:
        raise not_there(network)
    rows = AddressClaimRow
    using = (
        select(rows.claim)
        .where(rows.network == network, rows.occupied_until > now, not_lapsed(rows, now))
        .distinct()
        .order_by(rows.claim)
    )
    claims = list(session.scalars(using))
    if claims:
        more = f" and {len(claims) - 5} more" if len(claims) > 5 else ""
        raise FailedPreconditionError(
            f"network {network} has NICs of claims {', '.join(claims[:5])}{more}, now or later; "
            "release them first",
            object_type="network",
            object_id=network,
        )
    session.delete(row)
    session.flush()
    _tell(session, row, "deleted", author, now)


def lock_networks(session: Session, networks: Iterable[str]) -> dict[str, NetworkRow]:
    """Read networks by id and keep others from claiming addresses of them, in the order of ids."""
    query = (
        select(NetworkRow)
        .where(NetworkRow.id.in_(sorted(set(networks))))
        .order_by(NetworkRow.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {row.id: row for row in session.scalars(query)}


def claim_addresses(
    session: Session, *, claim: str, window: Window, nics: Sequence[NicWanted], now: datetime
) -> list[AddressClaim]:
    """Give each NIC of a claim its address and MAC; they are released with the claim.

    Args:
        session: a session.
        claim: UUID of a claim that was written before, in this transaction.
        window: when the addresses are needed.
        nics: what is wanted, in the order of the machine's NICs.
        now: the present.

    Raises:
        InvalidArgumentError: no such network in the claim's region, or an address out of range.
        NoCapacityError: no address is free for the whole window, explained.
    """
    if not nics:
        return []
    row = session.get_one(ClaimRow, claim)
    rows = lock_networks(session, [nic.network for nic in nics])
    there = chain_of(session, row.region) if row.spec.get("or_below") else [row.region]
    for index, nic in enumerate(nics):
        _refuse_foreign(rows.get(nic.network), nic, row, there, index)
    specs = {network: _spec(found) for network, found in rows.items()}
    addresses = choose_addresses(session, specs, nics, window, now)
    claimed = [
        AddressClaim(nic.network, nic.mode, address, derive_mac(claim, index))
        for index, (nic, address) in enumerate(zip(nics, addresses, strict=True))
    ]
    occupation = occupation_of(row)
    columns = [
        {
            **occupation,
            "claim": claim,
            "nic": index,
            "network": nic.network,
            "mode": str(nic.mode),
            "address": nic.address or None,
            "mac": nic.mac,
        }
        for index, nic in enumerate(claimed)
    ]
    session.execute(insert(AddressClaimRow), columns)
    return claimed


def narrow_to_networks(
    session: Session, request: ClaimRequest, project: str, nics: Sequence[NicWanted]
) -> ClaimRequest:
    """Have a request for a region or below met where its networks are: in theirs, or below.

    A network below the region is there only from its own region down; one above it is everywhere.
    In a region that the project doesn't see is none.
    """
    if not request.or_below or not nics:
        return request
    query = select(NetworkRow.region).where(
        NetworkRow.id.in_([nic.network for nic in nics]),
        or_(NetworkRow.project.is_(None), NetworkRow.project == project),
    )
    lie = read_map(session, project)
    seen = lie.or_below(request.region)
    for region in sorted(set(session.scalars(query)).intersection(seen)):
        if request.region in lie.chain(region):
            request = replace(request, region=region)
    return request


def _refuse_foreign(
    row: NetworkRow | None, nic: NicWanted, claim: ClaimRow, there: Sequence[str], index: int
) -> None:
    """Refuse a network that is not there for a claim; wherever else it is, nobody is told."""
    if row is None or row.project not in (None, claim.project) or row.region not in there:
        raise InvalidArgumentError(
            f"there is no network {nic.network} in the claim's region, {claim.region}; "
            "`mulligan network list` shows those there are",
            field=f"nics[{index}].network",
        )
