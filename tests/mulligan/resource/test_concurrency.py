"""Many claims at once: never above capacity, and exactly as many as fit."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mulligan.database import Database
from mulligan.resource import claims, providers, registry
from mulligan.resource.distances import Pair, list_distances, set_distances
from mulligan.resource.networks import NicWanted
from mulligan.resource.provider_changes import (
    NewProvider,
    ProviderChange,
    change_providers,
    create_providers,
    delete_providers,
)
from mulligan.resource.reshape import AllocationMove, reshape_providers
from mulligan.resource.tables import CapabilityNameRow, ProviderRow
from mulligan.resource.trees import lock_providers
from mulligan.resource.values import Inventory, Placement
from mulligan.values.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    MulliganError,
    NoCapacityError,
)
from tests.mulligan.resource.fleet import Fleet, at, new_id, window

THREADS = 16


def at_once(call: Callable[[int], Any], count: int = THREADS) -> list[Any]:
    """Call from many threads at the same time; give the answers, errors among them."""
    start = Barrier(count)

    def run(index: int) -> Any:
        start.wait()
        try:
            return call(index)
        except MulliganError as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def meanwhile(
    database: Database, first: Callable[[Session], object], second: Callable[[Session], Any]
) -> Any:
    """Have the second transaction meet the first one before its commit; give its answer."""

    def other() -> Any:
        try:
            return database.write(second)
        except MulliganError as error:
            return error

    def write(session: Session) -> Future[Any]:
        first(session)
        session.flush()
        answer = pool.submit(other)
        while not (answer.done() or database.read(somebody_waits)):
            pass
        return answer

    with ThreadPoolExecutor(1) as pool:
        return database.write(write).result(timeout=30)


def somebody_waits(session: Session) -> bool:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return bool(session.scalar(waiting))


def committed(answers: list[Any]) -> list[claims.Claim]:
    return [answer for answer in answers if isinstance(answer, claims.Claim)]


def test_the_last_units_of_one_host_are_claimed_once(database: Database) -> None:
    fleet = Fleet(database)
    host = fleet.add(VCPU=10)
    answers = at_once(lambda _: fleet.claim(VCPU=2))
    assert len(committed(answers)) == 5
    assert sum(isinstance(answer, NoCapacityError) for answer in answers) == THREADS - 5
    assert fleet.usage(host, window(0)) == {"VCPU": 10}


def test_the_last_servers_of_many_are_claimed_once(database: Database) -> None:
    fleet = Fleet(database)
    servers = {fleet.add(SERVER=1) for _ in range(10)}
    answers = at_once(lambda _: fleet.claim(SERVER=1))
    taken = [claim.provider for claim in committed(answers)]
    assert len(taken) == 10
    assert set(taken) == servers


def test_windows_that_meet_never_share_what_is_there_once(database: Database) -> None:
    fleet = Fleet(database)
    hosts = [fleet.add(VCPU=4), fleet.add(VCPU=4)]
    answers = at_once(
        lambda i: fleet.claim(window(i % 4, i % 4 + 4), VCPU=2, placement=Placement.PACK)
    )
    assert all(isinstance(a, claims.Claim | NoCapacityError) for a in answers)
    for host in hosts:
        assert fleet.usage(host, window(0)).get("VCPU", 0) <= 4
    assert fleet.usage(hosts[0], window(3, 4)) == {"VCPU": 4}


def test_the_last_addresses_are_given_once(database: Database) -> None:
    fleet = Fleet(database)
    fleet.add(VCPU=100)
    network = fleet.network("10.0.0.0/28", first_address="10.0.0.2", last_address="10.0.0.6")
    nic = NicWanted(network)
    answers = at_once(lambda _: fleet.claim(VCPU=1, nics=[nic]))
    given = sorted(claim.addresses[0].address for claim in committed(answers))
    assert given == [f"10.0.0.{n}" for n in range(2, 7)]


def test_a_claim_that_is_committed_twice_at_once_is_there_once(database: Database) -> None:
    fleet = Fleet(database)
    host = fleet.add(VCPU=100)
    claim_id = new_id()
    answers = at_once(lambda _: fleet.claim(VCPU=3, claim_id=claim_id))
    assert len(committed(answers)) == THREADS
    assert fleet.claim(VCPU=3, claim_id=claim_id).id == claim_id
    assert fleet.usage(host, window(0)) == {"VCPU": 3}


def test_moves_at_once_never_close_a_circle(database: Database) -> None:
    fleet = Fleet(database)
    racks = [fleet.rack() for _ in range(6)]

    def move(provider: str, under: str) -> None:
        change = ProviderChange(provider, under=under)
        with suppress(FailedPreconditionError):
            database.write(lambda s: change_providers(s, [change], now=fleet.now))

    def move_all(index: int) -> None:
        for step in range(1, 6):
            move(racks[index % 6], racks[(index + step) % 6])

    assert at_once(move_all, 8) == [None] * 8
    found = database.read(lambda s: providers.list_providers(s)).items
    parents = {one.id: one.parent for one in found}
    for one in found:
        way = [one.id]
        while (above := parents[way[-1]]) is not None:
            assert above not in way
            way.append(above)
        assert one.root == way[-1]


def test_what_is_deleted_below_a_move_is_not_missed(postgresql_database: Database) -> None:
    fleet = Fleet(postgresql_database)
    top, other = fleet.rack(), fleet.rack()
    branch = fleet.rack(top)
    leaf = fleet.rack(branch)
    moved = meanwhile(
        postgresql_database,
        lambda s: delete_providers(s, [leaf], now=fleet.now),
        lambda s: [
            row.root
            for row in change_providers(s, [ProviderChange(branch, under=other)], now=fleet.now)
        ],
    )
    assert moved == [other]


def test_a_move_locks_all_that_moves_before_it_changes_any_of_it(
    postgresql_database: Database,
) -> None:
    fleet = Fleet(postgresql_database)
    leaf, branch, top = sorted(new_id() for _ in range(3))
    new = [
        NewProvider(top, "rack"),
        NewProvider(branch, "rack", parent=top),
        NewProvider(leaf, "rack", parent=branch),
    ]
    fleet.rack()
    postgresql_database.write(lambda s: create_providers(s, fleet.region, new, now=fleet.now))
    with ThreadPoolExecutor(1) as pool:

        def hold_the_leaf(session: Session) -> tuple[Future[Any], list[str]]:
            lock_providers(session, [leaf])
            change = [ProviderChange(branch, under="")]
            moving = pool.submit(
                postgresql_database.write, lambda s: change_providers(s, change, now=fleet.now)
            )
            while not postgresql_database.read(somebody_waits):
                pass
            free = select(ProviderRow.id).where(ProviderRow.id.in_([branch, top]))
            return moving, list(session.scalars(free.with_for_update(skip_locked=True)))

        moving, free = postgresql_database.write(hold_the_leaf)
        assert [row.root for row in moving.result(timeout=30)] == [None]
    assert set(free) == {branch, top}


def test_distances_of_one_that_are_replaced_twice_at_once_are_one_of_both(
    postgresql_database: Database,
) -> None:
    fleet = Fleet(postgresql_database)
    one, *others = (fleet.rack() for _ in range(3))

    def replace(session: Session, other: str) -> None:
        said = {Pair(one, other): "row"}
        set_distances(session, "location", said, replace_all_of=one, now=fleet.now)

    first, second = others
    done = meanwhile(postgresql_database, lambda s: replace(s, first), lambda s: replace(s, second))
    assert done is None
    found = postgresql_database.read(lambda s: list_distances(s, object_id=one)).items
    assert [distance.pair for distance in found] == [Pair(one, second)]


def test_a_name_is_forgotten_or_used_never_both(database: Database) -> None:
    fleet = Fleet(database)
    names = [f"odd:{number}" for number in range(THREADS // 2)]

    def register(name: str) -> None:
        database.write(lambda s: registry.register(s, CapabilityNameRow, name, now=fleet.now))

    def use_or_forget(index: int) -> None:
        name = names[index // 2]
        if index % 2:
            fleet.rack(capabilities=[name])
            return
        database.write(lambda s: registry.unregister(s, CapabilityNameRow, name, now=fleet.now))

    for name in names:
        register(name)
    fleet.rack(capabilities=[names[0]])
    answers = at_once(use_or_forget)
    for forgot, used_it in zip(answers[::2], answers[1::2], strict=True):
        if forgot is None:
            assert isinstance(used_it, InvalidArgumentError)
            assert "there is no capability" in used_it.message
        else:
            assert isinstance(forgot, FailedPreconditionError)
            assert used_it is None
    assert isinstance(answers[0], FailedPreconditionError)
    left = database.read(lambda s: s.scalars(select(CapabilityNameRow)).all())
    found = database.read(lambda s: providers.list_providers(s)).items
    used = {name for one in found for name in one.capabilities}
    assert used == {row.name for row in left} & set(names)


def test_a_tree_is_reshaped_while_it_is_claimed_from(database: Database) -> None:
    fleet = Fleet(database)
    top = fleet.rack(inventories=[Inventory("VGPU", 8)])
    card = fleet.rack(top, inventories=[Inventory("VGPU", 8)])
    moves = {0: AllocationMove("VGPU", top, card), 1: AllocationMove("VGPU", card, top)}

    def claim_or_move(index: int) -> Any:
        if index % 4 > 1:
            return fleet.claim(VGPU=1)
        move = [moves[index % 2]]
        return database.write(lambda s: reshape_providers(s, [], move, now=fleet.now))

    answers = at_once(claim_or_move)
    assert not [one for one in answers if isinstance(one, MulliganError)]
    used = [fleet.usage(one, window(0)).get("VGPU", 0) for one in (top, card)]
    assert sum(used) == len(committed(answers)) == THREADS // 2


def test_confirming_and_taking_the_place_of_a_hold_exclude_each_other(database: Database) -> None:
    fleet, late = Fleet(database), Fleet(database)
    late.region, late.now = fleet.region, at(5)
    hosts = [fleet.add(SERVER=1) for _ in range(THREADS // 2)]
    held = [fleet.claim(SERVER=1, provider=host, hold_until=at(5)) for host in hosts]
    fleet.now = at(4.99)

    def confirm_or_take(index: int) -> claims.Claim:
        if index % 2:
            return fleet.confirm(held[index // 2])
        return late.claim(SERVER=1, provider=hosts[index // 2])

    answers = at_once(confirm_or_take)
    assert len(committed(answers)) == len(hosts)
    for host in hosts:
        assert late.usage(host, window(5)) == {"SERVER": 1}
