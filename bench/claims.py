"""Finding and committing, on fleets of up to 100,000 providers, beside Placement.

Both have the same providers and are asked for the same things, by the same number of clients in one
other process, one after the other on the same machine and the same PostgreSQL.
"""

from collections.abc import Iterator
from statistics import median

from sqlalchemy import text

from bench.asking import Answers, asked
from bench.claims_site import ClaimsSite, on_postgresql, on_sqlite
from bench.figures import Figure, NotMeasuredError, Size, Target
from bench.fleets import CLAIM, SEARCHES, TREE_CLAIM, hosts, hot_claim, hot_host, provider_id
from bench.fleets import trees as trees_of_seven
from bench.own_fleet import Claims, Region, Searches, region_of
from bench.placement import PeerClaims, PeerSearches, Placement
from bench.raw_limit import raw_limit

AREA, PEER = "claims", "Placement"
CLIENTS, HOT_CLIENTS, SQLITE_CLIENTS = 4, 16, 8
PEER_LOADED, PEER_SEARCHES, SQLITE_HOSTS = 200, 60, 100

USED = text("SELECT coalesce(sum(amount), 0) FROM allocations WHERE provider = :provider")
FASTER = Target("at least", ratio=15, value=300)
NONE = Target("at most", value=0)

OVERBOOKED = text("""
SELECT count(*) FROM inventories i WHERE capacity < (
    SELECT sum(amount) FROM allocations a
    WHERE a.provider = i.provider AND a.resource_type = i.resource_type)
""")
"""How many inventories are used above their capacity, where all claims are of now without end."""


def rates(size: Size) -> Iterator[Figure]:
    """Load a fleet, search it, claim from it, have it grow and search again; what memory it takes.

    Loading is one client's bulk calls, of the last step of the fleet's growth; Placement's is its
    API's four calls a provider, by four clients, on a sample.
    """
    with on_postgresql() as own:
        region = region_of(own.site, "claims")
        first, *later = size.fleets
        region.load(hosts(0, first))
        searches = [_search(region, size)]
        with own.placement() as (peer, remark):
            peer_load = _load(peer, first)
            peer_search = None
            if peer is not None:
                search = PeerSearches(peer.port, SEARCHES)
                peer_search = peer.asked(search, clients=1, count=PEER_SEARCHES)
            yield from _claims(own, region, peer, size, remark)
            yield from _hot(own, peer, size)
        for last in later:
            took_s = region.load(hosts(first, last))
            rate, first = (last - first) / took_s, last
            searches.append(_search(region, size))
        memory_mb = own.memory_mb()
    yield from _searched(size, searches, peer_search, remark)
    yield Figure(
        AREA, "load", "providers/s", rate, peer=PEER, peer_value=peer_load,
        target=Target("at least", ratio=20), remark=remark,
    )  # fmt: skip
    yield Figure(
        AREA, f"memory_{first}", "MB of RSS", memory_mb, target=Target("at most", value=300),
        remark=f"the largest process of the services with {first} providers known",
    )  # fmt: skip


def _search(region: Region, size: Size) -> Answers:
    return asked(Searches(region, SEARCHES), clients=1, count=size.searches)


def _load(peer: Placement | None, count: int) -> float | None:
    if peer is None:
        return None
    sample = min(PEER_LOADED, count)
    took_s = peer.load(hosts(0, sample), clients=CLIENTS)
    peer.write(hosts(sample, count))
    return sample / took_s


def _claims(
    own: ClaimsSite, region: Region, peer: Placement | None, size: Size, remark: str
) -> Iterator[Figure]:
    """Claim small machines from the smallest fleet, with four clients and with one."""
    ours, alone = (
        asked(Claims(region, CLAIM), clients=clients, seconds=size.claims_s)
        for clients in (CLIENTS, 1)
    )
    limit = raw_limit(own.database, rows=size.fleets[0], clients=CLIENTS, seconds=size.claims_s / 4)
    theirs = theirs_alone = None
    if peer is not None:
        theirs, theirs_alone = (
            peer.asked(PeerClaims(peer.port, CLAIM), clients=clients, seconds=size.claims_s)
            for clients in (CLIENTS, 1)
        )
    yield Figure(
        AREA, "find_and_commit", "claims/s", ours.rate, peer=PEER,
        peer_value=None if theirs is None else theirs.rate, limit_value=limit.rate, target=FASTER,
        remark=f"{remark} ours {ours}; theirs {theirs}".strip(),
    )  # fmt: skip
    yield Figure(
        AREA, "find_and_commit_p50", "ms", alone.p50_ms, peer=PEER,
        peer_value=None if theirs_alone is None else theirs_alone.p50_ms,
        target=Target("at most", value=10), remark=f"ours {alone}; theirs {theirs_alone}",
    )  # fmt: skip
    yield Figure(
        AREA, "overbooked", "inventories above capacity", own.number(OVERBOOKED), target=NONE
    )


def _hot(own: ClaimsSite, peer: Placement | None, size: Size) -> Iterator[Figure]:
    """Claim all units of one provider, and some more, with 16 clients; count what is used.

    Of several such providers, ours and Placement's in turns: a few seconds of one say little.
    """
    units = size.hot_units
    wanted = units + 2 * HOT_CLIENTS
    region = region_of(own.site, "hot")
    ours: list[Answers] = []
    theirs: list[Answers] = []
    used: list[int] = []
    above: list[int] = []
    for name in (f"hot-{number}" for number in range(size.hot_providers)):
        region.load([hot_host(name, units)])
        ours.append(asked(Claims(region, hot_claim(name)), clients=HOT_CLIENTS, count=wanted))
        used.append(int(own.number(USED, provider=provider_id(name))))
        if peer is not None:
            peer.load([hot_host(name, units)], clients=1)
            asks = PeerClaims(peer.port, hot_claim(name))
            theirs.append(peer.asked(asks, clients=HOT_CLIENTS, count=wanted))
            above.append(max(0, peer.used(name) - units))
    limit = raw_limit(own.database, rows=1, clients=HOT_CLIENTS, seconds=size.claims_s / 4)
    remark = "; ".join(
        f"{name} {one}" for name, some in (("ours", ours), ("theirs", theirs)) for one in some
    )
    yield Figure(
        AREA, "hot_provider", "claims/s", median(one.rate for one in ours), peer=PEER,
        peer_value=median(one.rate for one in theirs) if theirs else None, limit_value=limit.rate,
        target=Target("at least", ratio=4), remark=remark,
    )  # fmt: skip
    yield Figure(
        AREA, "hot_provider_above", f"units above {units}", max(0, max(used) - units), peer=PEER,
        peer_value=max(above, default=None), target=NONE, remark=f"{used} are used",
    )  # fmt: skip


def _searched(
    size: Size, found: list[Answers], theirs: Answers | None, remark: str
) -> Iterator[Figure]:
    smallest = found[0].p99_ms
    yield Figure(
        AREA, f"candidates_p99_{size.fleets[0]}", "ms", smallest, peer=PEER,
        peer_value=None if theirs is None else theirs.p99_ms, target=Target("at most", value=10),
        remark=f"{remark} ours {found[0]}; theirs {theirs}".strip(),
    )  # fmt: skip
    for count, answers in zip(size.fleets[1:], found[1:], strict=True):
        yield Figure(
            AREA, f"candidates_p99_{count}", "ms", answers.p99_ms,
            peer=f"with {size.fleets[0]}", peer_value=smallest,
            target=Target("at most", ratio=2), remark=f"ours {answers}",
        )  # fmt: skip


def trees(size: Size) -> Iterator[Figure]:
    """Claim a CPU and a GPU below the same cell, of trees of seven, with four clients."""
    with on_postgresql() as own:
        region = region_of(own.site, "trees")
        region.load(trees_of_seven(size.trees))
        ours = asked(Claims(region, TREE_CLAIM), clients=CLIENTS, seconds=size.claims_s)
        limit = raw_limit(own.database, rows=size.trees, clients=CLIENTS, seconds=size.claims_s / 4)
        theirs = None
        with own.placement() as (peer, remark):
            if peer is not None:
                peer.load([], clients=1)  # its traits
                peer.write(trees_of_seven(size.trees))
                theirs = peer.asked(
                    PeerClaims(peer.port, TREE_CLAIM), clients=CLIENTS, seconds=size.claims_s
                )
        overbooked = own.number(OVERBOOKED)
    yield Figure(
        AREA, "trees", "claims/s", ours.rate, peer=PEER,
        peer_value=None if theirs is None else theirs.rate,
        limit_value=limit.rate, target=Target("at least", ratio=15),
        remark=f"{remark} ours {ours}; theirs {theirs}; {overbooked} overbooked".strip(),
    )  # fmt: skip


def sqlite(size: Size) -> Iterator[Figure]:
    """Claim from a hundred hosts with eight clients, all on SQLite; errors are all but capacity."""
    with on_sqlite() as own:
        region = region_of(own.site, "claims")
        region.load(hosts(0, SQLITE_HOSTS))
        ours = asked(Claims(region, CLAIM), clients=SQLITE_CLIENTS, seconds=size.claims_s)
        limit = raw_limit(
            own.database.set(database=f"{own.site.folder}/raw.sqlite"),
            rows=SQLITE_HOSTS, clients=SQLITE_CLIENTS, seconds=size.claims_s / 4,
        )  # fmt: skip
        overbooked = own.number(OVERBOOKED)
        theirs = None
        with own.placement() as (peer, remark):
            if peer is not None:
                peer.load([], clients=1)  # its traits
                peer.write(hosts(0, SQLITE_HOSTS))
                try:
                    theirs = peer.asked(
                        PeerClaims(peer.port, CLAIM), clients=SQLITE_CLIENTS, seconds=size.claims_s
                    )
                except NotMeasuredError as error:
                    remark = str(error)
    yield Figure(
        AREA, "sqlite", "claims/s", ours.rate, peer=PEER,
        peer_value=None if theirs is None else theirs.rate,
        limit_value=limit.rate, target=Target("at least", value=100),
        remark=f"{remark} ours {ours}; theirs {theirs}".strip(),
    )  # fmt: skip
    yield Figure(
        AREA, "sqlite_errors", "of all answers", ours.others_share(), peer=PEER,
        peer_value=None if theirs is None else theirs.others_share(), target=NONE,
        remark=f"{overbooked} overbooked",
    )  # fmt: skip
