"""Quotas that projects set for those under them, and lists of quotas."""

from typing import Any
from uuid import uuid4

import pytest

from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.caller import Caller, refused
from tests.fakes.place import Place, new_name, on_sqlite


def cpus(amount: int) -> dict[str, Any]:
    return {"amounts": [{"resource_type": "VCPU", "amount": amount}]}


@pytest.fixture
def child(place: Place) -> str:
    """A project under the place's."""
    made = place.operator.CreateProject(name=new_name("project"), parent=place.project)
    return str(made.metadata.id)


@pytest.fixture
def admin(place: Place) -> Caller:
    return place.site.account(common_pb2.ROLE_ADMIN, place.project)


def test_an_administrator_sets_the_quotas_of_projects_under_his_own(
    place: Place, child: str, admin: Caller
) -> None:
    place.operator.SetQuota(project=place.project, spec=cpus(8))
    kept = admin.SetChildQuota(project=place.project, child=child, spec=cpus(4))
    assert (kept.project, kept.generation, kept.spec.amounts[0].amount) == (child, 1, 4)
    listed = admin.ListProjectQuotas(project=place.project).quotas
    assert {one.project: one.spec.amounts[0].amount for one in listed} == {
        place.project: 8, child: 4,
    }  # fmt: skip
    assert kept in list(listed)
    with refused("ABORTED", "STALE_GENERATION", about="generation"):
        admin.SetChildQuota(project=place.project, child=child, spec=cpus(3), generation=7)
    admin.DeleteChildQuota(project=place.project, child=child)
    with refused("NOT_FOUND"):
        admin.DeleteChildQuota(project=place.project, child=child)
    [left] = place.member.ListProjectQuotas(project=place.project).quotas
    assert left.project == place.project


def test_no_child_gets_more_than_those_above_it(place: Place, child: str, admin: Caller) -> None:
    place.operator.SetQuota(project=place.project, spec=cpus(8))
    with refused("FAILED_PRECONDITION") as refusal:
        admin.SetChildQuota(project=place.project, child=child, spec=cpus(9))
    assert "above it has 8" in refusal.message


@on_sqlite
def test_a_project_sets_neither_its_own_quota_nor_that_of_others(
    place: Place, child: str, admin: Caller
) -> None:
    mine = place.project
    stranger = str(place.operator.CreateProject(name=new_name("project")).metadata.id)
    below = place.site.account(common_pb2.ROLE_ADMIN, child)
    for name, fields in (("SetChildQuota", {"spec": cpus(1)}), ("DeleteChildQuota", {})):
        own, others = getattr(admin, name), getattr(below, name)
        with refused("PERMISSION_DENIED") as refusal:
            own(project=mine, child=mine, **fields)
        assert "its own quota" in refusal.message
        for other in (stranger, str(uuid4())):
            with refused("NOT_FOUND") as refusal:
                own(project=mine, child=other, **fields)
            assert refusal.resource == ("project", other)
        with refused("NOT_FOUND"):
            others(project=child, child=mine, **fields)
        with refused("PERMISSION_DENIED"):
            others(project=mine, child=child, **fields)
        with refused("PERMISSION_DENIED"):
            getattr(place.member, name)(project=mine, child=child, **fields)
        with refused("INVALID_ARGUMENT", about="child"):
            own(project=mine, **fields)
    twice = {"amounts": [*cpus(1)["amounts"], *cpus(2)["amounts"]]}
    with refused("INVALID_ARGUMENT", about="spec.amounts"):
        admin.SetChildQuota(project=mine, child=child, spec=twice)


def test_an_operator_lists_all_quotas(place: Place, child: str) -> None:
    for project in (place.project, child):
        place.operator.SetQuota(project=project, spec=cpus(2))
    found: list[Any] = []
    token = ""
    while token or not found:
        page = place.operator.ListQuotas(page={"size": 1, "token": token})
        found, token = [*found, *page.quotas], page.next_page_token
    assert {place.project, child} <= {one.project for one in found}
    with refused("PERMISSION_DENIED"):
        place.member.ListQuotas()
    with refused("PERMISSION_DENIED"):
        place.site.account(common_pb2.ROLE_MEMBER, child).ListProjectQuotas(project=place.project)
