"""mulligan claim."""

from pathlib import Path

import pytest

from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2 as pb
from tests.client.conftest import Run
from tests.client.fake_mulligan import (
    GROUP,
    HOST,
    PROJECT,
    REGION,
    SERVER,
    FakeMulligan,
    RefusalError,
    status,
)

pytestmark = pytest.mark.usefixtures("logged_in")

CHILD = "99999999-9999-4999-8999-999999999999"
"""A project under another one; its name is not ours to know."""

CLAIM = "00000000-0000-4000-8000-00000000c1a1"
MADE = pb.Claim(
    metadata=common_pb2.Metadata(id=CLAIM, project=PROJECT, region=REGION),
    status=status("held", "held until somebody confirms it"),
    allocations=[pb.Allocation(provider=HOST, resource_type="VCPU", amount=4)],
)
PROPOSED = pb.Candidate(
    tree=HOST,
    parts=[
        pb.CandidatePart(
            group_name="cpu",
            provider=HOST,
            amounts=[common_pb2.Amount(resource_type="VCPU", amount=4)],
        )
    ],
)
REQUEST = """
placement: PLACEMENT_NEAREST
near: {type: location, origin: team}
groups:
- name: cpu
  amounts: [{resource_type: VCPU, amount: 4}]
  provider: hyper-1
  groups: {require: [team], any: [{names: [team]}]}
- name: gpu
  amounts: [{resource_type: GPU, amount: 1}]
  distances: [{type: location, code: rack, origin: rack1-07}, {type: location, code: row,
    at_least: true, group_name: cpu}]
"""


def test_a_claim_is_made_confirmed_and_released(run: Run, fake: FakeMulligan) -> None:
    for method in ("CreateClaim", "ConfirmClaim", "ReleaseClaim"):
        fake.on(method, MADE)
    result = run(
        "claim", "create", "VCPU=4", "MEMORY_MIB=512", "--hold", "10m", "--require", "virt:kvm",
        "--forbid", "slow", "--on", "hyper-1", "--placement", "spread",
        "--until", "2030-01-01T00:00Z", "--wait-until", "2029-01-01T00:00Z",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    for words in ("held until somebody confirms it", "4 VCPU of hyper-1"):
        assert words in result.stdout
    [asked] = fake.asked("CreateClaim")
    assert [(one.resource_type, one.amount) for one in asked.spec.amounts] == [
        ("VCPU", 4),
        ("MEMORY_MIB", 512),
    ]
    spec = asked.spec
    assert (spec.provider, spec.region, asked.project) == (HOST, REGION, PROJECT)
    assert (list(spec.required_capabilities), list(spec.forbidden_capabilities)) == (
        ["virt:kvm"],
        ["slow"],
    )
    assert spec.placement == common_pb2.PLACEMENT_SPREAD
    assert spec.window.release_at.seconds == 1893456000
    assert not spec.window.HasField("acquire_at")
    assert asked.HasField("hold_until")
    assert asked.HasField("wait_until")
    assert run("claim", "confirm", CLAIM).exit_code == 0
    assert run("claim", "release", CLAIM).exit_code == 0
    assert fake.asked("ConfirmClaim")[0].id == fake.asked("ReleaseClaim")[0].id == CLAIM


def test_candidates_are_proposed_and_one_is_claimed(
    run: Run, fake: FakeMulligan, tmp_path: Path
) -> None:
    fake.on("ProposeCandidates", [PROPOSED])
    fake.on("CreateClaim", MADE)
    file = tmp_path / "request.yaml"
    file.write_text(REQUEST)
    result = run("claim", "propose", "--file", str(file), "--limit", "3", "--seed", "7")
    assert result.exit_code == 0, result.stderr
    for words in ("cpu", "hyper-1", "4 VCPU"):
        assert words in result.stdout
    [asked] = fake.asked("ProposeCandidates")
    cpu, gpu = asked.spec.groups
    assert (asked.limit, asked.seed, asked.spec.near.origin) == (3, 7, GROUP)
    assert (cpu.provider, list(cpu.groups.require), list(cpu.groups.any[0].names)) == (
        HOST,
        [GROUP],
        [GROUP],
    )
    assert [(one.origin, one.group_name) for one in gpu.distances] == [(SERVER, ""), ("", "cpu")]
    chosen = tmp_path / "candidate.json"
    chosen.write_text(run("claim", "propose", "--file", str(file), "-o", "json").stdout)
    made = run("claim", "create", "--file", str(file), "--candidate", str(chosen))
    assert made.exit_code == 0, made.stderr
    assert fake.asked("CreateClaim")[0].candidate == PROPOSED


def test_claims_are_changed_moved_and_swapped(run: Run, fake: FakeMulligan) -> None:
    other = pb.Claim()
    other.CopyFrom(MADE)
    other.allocations[0].provider = SERVER
    fake.on("GetClaim", lambda request: MADE if request.id == CLAIM else other)
    fake.on("ChangeClaims", pb.ChangeClaimsResponse(claims=[MADE]))
    second = CLAIM.replace("c1a1", "c1a2")
    for arguments in (
        ("change", CLAIM, "--until", "2030-01-01T00:00Z", "--generation", "3"),
        ("change", CLAIM, "--without-end"),
        ("move", CLAIM),
        ("move", CLAIM, "--on", "rack1-07"),
        ("swap", CLAIM, second),
    ):
        result = run("claim", *arguments)
        assert result.exit_code == 0, result.stderr
    longer, endless, moved, put, swapped = (
        list(asked.changes) for asked in fake.asked("ChangeClaims")
    )
    assert (longer[0].window.release_at.seconds, longer[0].generation) == (1893456000, 3)
    assert endless[0].HasField("window")
    assert not endless[0].window.HasField("release_at")
    assert moved[0].HasField("move")
    assert not moved[0].move.HasField("spec")
    assert put[0].move.spec.provider == SERVER
    assert [(one.id, one.move.spec.provider) for one in swapped] == [
        (CLAIM, SERVER),
        (second, HOST),
    ]
    assert run("claim", "change", CLAIM).exit_code == Exit.USAGE


def test_nothing_to_propose_is_told(run: Run, fake: FakeMulligan) -> None:
    fake.on(
        "ProposeCandidates",
        [RefusalError("RESOURCE_EXHAUSTED", "NO_CAPACITY", "no capacity among 3 providers")],
    )
    result = run("claim", "propose", "VCPU=4")
    assert result.exit_code == Exit.NO_CAPACITY
    assert "no capacity among 3 providers" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("create",),
        ("create", "VCPU"),
        ("create", "VCPU=many"),
        ("propose", "VCPU=1", "--file", __file__),
    ],
)
def test_what_can_not_be_asked_is_refused(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("claim", *arguments).exit_code == Exit.USAGE


def test_a_quota_is_set_shown_and_deleted(run: Run, fake: FakeMulligan) -> None:
    kept = pb.Quota(
        project=PROJECT,
        spec=pb.QuotaSpec(amounts=[common_pb2.Amount(resource_type="VCPU", amount=64)], claims=10),
        used=[common_pb2.Amount(resource_type="VCPU", amount=12)],
        claims_used=3,
    )
    fake.on("SetQuota", kept)
    fake.on("GetQuota", kept)
    fake.on("DeleteQuota", pb.DeleteQuotaResponse())
    result = run(
        "quota", "set", "default", "VCPU=64", "--claims", "10", "--longest", "30d", "--generation",
        "2",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    [asked] = fake.asked("SetQuota")
    assert (asked.project, asked.spec.claims, asked.generation) == (PROJECT, 10, 2)
    assert (asked.spec.longest.seconds, asked.spec.HasField("advance")) == (30 * 86_400, False)
    shown = run("quota", "show").stdout
    for words in ("default", "12 of 64", "3 of 10"):
        assert words in shown
    assert run("quota", "delete", "default", "--yes").exit_code == 0
    assert fake.asked("DeleteQuota")[0].project == PROJECT


def test_quotas_are_listed_and_set_under_ones_own_project(run: Run, fake: FakeMulligan) -> None:
    spec = pb.QuotaSpec(amounts=[common_pb2.Amount(resource_type="VCPU", amount=64)], claims=10)
    kept = pb.Quota(project=PROJECT, spec=spec)
    fake.on("ListQuotas", pb.ListQuotasResponse(quotas=[kept]))
    fake.on("ListProjectQuotas", pb.ListProjectQuotasResponse(quotas=[kept]))
    fake.on("SetChildQuota", kept)
    fake.on("DeleteChildQuota", pb.DeleteChildQuotaResponse())
    for under in ((), ("--under", "default")):
        shown = run("quota", "list", *under).stdout.splitlines()
        assert shown[1].split() == ["default", "10", "VCPU=64"]
    assert fake.asked("ListProjectQuotas")[0].project == PROJECT
    result = run("quota", "set", CHILD, "VCPU=64", "--claims", "10", "--under", "default")
    assert result.exit_code == 0, result.stderr
    [asked] = fake.asked("SetChildQuota")
    assert (asked.project, asked.child, asked.spec) == (PROJECT, CHILD, spec)
    assert run("quota", "delete", CHILD, "--under", "default", "--yes").exit_code == 0
    [asked] = fake.asked("DeleteChildQuota")
    assert (asked.project, asked.child) == (PROJECT, CHILD)
