"""mulligan region: what fails together with it, who sees it; and claims that ask for both."""

import pytest

from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from tests.client.conftest import Run
from tests.client.fake_mulligan import HOST, MACHINE, PROJECT, REGION, FakeMulligan, status

pytestmark = pytest.mark.usefixtures("logged_in")

POWER, COOLING = common_pb2.DOMAIN_KIND_POWER, common_pb2.DOMAIN_KIND_COOLING
LIMITS = [
    common_pb2.DomainLimit(kind=POWER, origin=MACHINE),
    common_pb2.DomainLimit(kind=COOLING, origin=HOST, same=True),
]
CLAIM = resource_pb2.Claim(
    metadata=common_pb2.Metadata(id="c1a1", project=PROJECT, region=REGION),
    status=status("confirmed", ""),
    spec=resource_pb2.ClaimSpec(or_below=True, domains=LIMITS),
)
WHERE = ("--or-below", "--not-with", "power=web-1", "--with", "cooling=host:hyper-1")


def region(*domains: tuple["common_pb2.DomainKind.ValueType", str]) -> iam_pb2.Region:
    return iam_pb2.Region(
        metadata=common_pb2.Metadata(id=REGION, name="home", generation=3),
        spec=iam_pb2.RegionSpec(
            failure_domains=[
                iam_pb2.FailureDomains(kind=kind, codes=[code]) for kind, code in domains
            ],
            visibility=iam_pb2.VISIBILITY_PROJECTS,
            visible_to=[PROJECT],
        ),
    )


def test_a_region_is_made_with_domains_and_who_sees_it(run: Run, fake: FakeMulligan) -> None:
    fake.on("CreateRegion", region((POWER, "feed-a")))
    made = run(
        "region", "create", "home", "--domain", "power=feed-b,feed-a", "--visible-to", "default"
    )
    assert made.exit_code == 0, made.stderr
    spec = fake.asked("CreateRegion")[-1].spec
    assert [(one.kind, list(one.codes)) for one in spec.failure_domains] == [
        (POWER, ["feed-b", "feed-a"])
    ]
    assert list(spec.visible_to) == [PROJECT]
    assert "feed-a" in made.stdout
    assert "projects default" in made.stdout
    assert run("region", "create", "x", "--domain", "gas=a").exit_code == Exit.USAGE
    both = run("region", "create", "x", "--visibility", "public", "--visible-to", "default")
    assert both.exit_code == Exit.USAGE


def test_domains_of_other_kinds_stay_when_those_of_one_change(run: Run, fake: FakeMulligan) -> None:
    fake.on("GetRegion", region((POWER, "feed-a"), (COOLING, "chiller-1")))
    fake.on("UpdateRegion", region())
    changed = run("region", "set", "home", "--domain", "power=")
    assert changed.exit_code == 0, changed.stderr
    request = fake.asked("UpdateRegion")[-1]
    assert [one.kind for one in request.spec.failure_domains] == [COOLING]
    assert list(request.update_mask.paths) == ["spec.failure_domains"]
    assert request.generation == 3
    run("region", "set", "home", "--visibility", "internal", "--name", "away")
    request = fake.asked("UpdateRegion")[-1]
    assert list(request.update_mask.paths) == ["name", "spec.visibility"]
    assert request.spec.visibility == iam_pb2.VISIBILITY_INTERNAL


def test_a_claim_and_a_machine_say_where_they_are_to_be(run: Run, fake: FakeMulligan) -> None:
    fake.on("CreateClaim", CLAIM)
    made = run("claim", "create", "VCPU=1", *WHERE)
    assert made.exit_code == 0, made.stderr
    asked = fake.asked("CreateClaim")[-1].spec
    assert asked.or_below
    assert list(asked.domains) == LIMITS
    assert "power of web-1" in made.stdout
    assert run("claim", "create", "VCPU=1", "--not-with", "power").exit_code == Exit.USAGE

    fake.on("ProvisionMachine", control_pb2.Operation(status=status("running", "")))
    assert run("machine", "provision", "web-2", "--image", "debian-13", *WHERE).exit_code == 0
    assert list(fake.asked("ProvisionMachine")[-1].spec.domains) == LIMITS

    fake.on("CreateReservations", resource_pb2.CreateReservationsResponse())
    run("reservation", "create", "VCPU=1", *WHERE)
    assert list(fake.asked("CreateReservations")[-1].spec.claim.domains) == LIMITS
