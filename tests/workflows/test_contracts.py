"""One implementation for each contract; importing one side never loads the other's libraries."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from inspect import iscoroutinefunction
from types import ModuleType
from typing import Any, get_type_hints

import pytest
from temporalio import activity, workflow

from activities.contracts import (
    claims,
    endpoints,
    executor,
    hypervisor,
    keys,
    machines,
    operations,
    reconcile,
    redfish,
    reservations,
    temporal_view,
)
from activities.hypervisor import Hypervisor
from activities.key_rotation import KeyRotation
from activities.records.transaction import in_transactions
from activities.redfish import Redfish
from mulligan.database import Database
from tests.fakes.executor import name_of
from worker.control import RECORDS, WORKFLOWS
from worker.executor import Executor
from worker.temporal_view import TemporalView
from workflows.policies import POLICIES

Contract = Callable[[Any], Any]
RECORD_CONTRACTS = (claims, endpoints, keys, machines, operations, reconcile, reservations)
HARDWARE_CONTRACTS = (executor, hypervisor, redfish)


def contracts_in(*modules: ModuleType) -> dict[str, Contract]:
    found = {}
    for module in modules:
        for value in vars(module).values():
            definition = activity._Definition.from_callable(value) if callable(value) else None
            if definition is not None and definition.name:
                found[definition.name] = value
    return found


def hardware() -> Iterator[tuple[str, Contract]]:
    for implementer in (Hypervisor, Redfish, Executor, KeyRotation):
        yield from contracts_in(implementer).items()  # type: ignore[arg-type]


def types_of(function: Contract) -> tuple[Any, Any]:
    hints = get_type_hints(function)
    return hints["request"], hints["return"]


def test_each_record_contract_has_one_implementation_with_its_types() -> None:
    contracts = contracts_in(*RECORD_CONTRACTS)
    assert {name_of(contract) for contract in RECORDS} == set(contracts)
    assert len(set(RECORDS.values())) == len(RECORDS)
    for contract, record in RECORDS.items():
        assert types_of(record) == types_of(contract), name_of(contract)


def test_a_record_becomes_an_activity_with_the_name_of_its_contract() -> None:
    made = in_transactions(Database("sqlite://"), RECORDS, ThreadPoolExecutor(1))
    assert [name_of(one) for one in made] == [name_of(contract) for contract in RECORDS]


def test_nothing_interrupts_the_thread_of_a_record() -> None:
    """Temporal raises an error in the threads of activities that it gave up, wherever they are."""
    made = in_transactions(Database("sqlite://"), RECORDS, ThreadPoolExecutor(1))
    assert all(iscoroutinefunction(one) for one in made)


def test_a_control_worker_has_what_claims_need_before_the_first_one() -> None:
    program = "import sys, worker.control; print('numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "True\n"


def test_each_hardware_contract_has_one_implementation_with_its_types() -> None:
    contracts = contracts_in(*HARDWARE_CONTRACTS)
    implemented = list(hardware())
    assert sorted(name for name, _ in implemented) == sorted(contracts)
    for name, implementation in implemented:
        assert types_of(implementation) == types_of(contracts[name]), name


def test_each_contract_of_temporals_view_has_one_implementation_with_its_types() -> None:
    contracts = contracts_in(temporal_view)
    implemented = contracts_in(TemporalView)  # type: ignore[arg-type]
    assert set(implemented) == set(contracts)
    for name, implementation in implemented.items():
        assert types_of(implementation) == types_of(contracts[name]), name


def test_each_hardware_contract_has_a_policy_that_ends() -> None:
    assert {name_of(contract) for contract in POLICIES} == set(contracts_in(*HARDWARE_CONTRACTS))
    for contract, policy in POLICIES.items():
        assert policy.takes <= policy.ends, name_of(contract)
        assert policy.beats < policy.ends, name_of(contract)


def test_workflow_names_are_unique() -> None:
    names = [workflow._Definition.must_from_class(one).name for one in WORKFLOWS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("workflows.provision", ("libvirt", "sushy", "sqlalchemy")),
        ("workflows.decommission", ("libvirt", "sushy", "sqlalchemy")),
        ("workflows.keep", ("libvirt", "sushy", "sqlalchemy")),
        ("workflows.reconcile", ("libvirt", "sushy", "sqlalchemy")),
        ("api.server", ("libvirt", "sushy", "pycdlib", "aiohttp")),
        ("worker.executor", ("sqlalchemy", "alembic", "psycopg")),
        ("worker.control", ("libvirt", "sushy", "pycdlib")),
    ],
)
def test_importing_it_does_not_load(module: str, forbidden: tuple[str, ...]) -> None:
    program = f"import sys, {module}; print(*sorted(set({forbidden!r}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
