"""mulligan group, distance."""

from pathlib import Path

import pytest

from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2 as pb
from tests.client.conftest import Run
from tests.client.fake_mulligan import GROUP, HOST, REGION, SERVER, FakeMulligan

pytestmark = pytest.mark.usefixtures("logged_in")

TEAM = pb.Group(
    metadata=common_pb2.Metadata(id=GROUP, name="team", region=REGION, generation=2),
    members=3,
    sharing=[HOST],
)


def test_a_group_is_created_changed_and_deleted(run: Run, fake: FakeMulligan) -> None:
    for method in ("CreateGroup", "UpdateGroup"):
        fake.on(method, TEAM)
    fake.on("DeleteGroup", pb.DeleteGroupResponse())
    result = run("group", "create", "team", "--member", "rack1-07", "--sharing", "hyper-1")
    assert result.exit_code == 0, result.stderr
    [made] = fake.asked("CreateGroup")
    assert (made.name, made.region) == ("team", REGION)
    assert (list(made.members), list(made.sharing)) == ([SERVER], [HOST])
    result = run(
        "group", "set", "team", "--generation", "1", "--add", "rack1-07", "--remove", "hyper-1",
        "--add-sharing", "hyper-1", "--remove-sharing", "rack1-07",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    [changed] = fake.asked("UpdateGroup")
    assert (changed.id, changed.generation) == (GROUP, 1)
    assert list(changed.update_mask.paths) == ["members", "sharing"]
    assert changed.members == pb.MembersChange(add=[SERVER], remove=[HOST])
    assert changed.sharing == pb.MembersChange(add=[HOST], remove=[SERVER])
    assert run("group", "set", "team", "--replace", "hyper-1").exit_code == 0
    assert list(fake.asked("UpdateGroup")[1].members.replace.providers) == [HOST]
    assert run("group", "set", "team", "--empty", "--no-sharing").exit_code == 0
    emptied = pb.MembersChange(replace=pb.ProviderList())
    assert fake.asked("UpdateGroup")[2].members == emptied
    assert fake.asked("UpdateGroup")[2].sharing == emptied
    assert run("group", "set", "team", "--name", "crew").exit_code == 0
    assert fake.asked("UpdateGroup")[3].name == "crew"
    assert list(fake.asked("UpdateGroup")[3].update_mask.paths) == ["name"]
    for words in (["--empty", "--add", "hyper-1"], ["--no-sharing", "--add-sharing", "hyper-1"]):
        assert run("group", "set", "team", *words).exit_code == Exit.USAGE
    assert run("group", "delete", "team", "--yes").exit_code == 0
    assert fake.asked("DeleteGroup")[0].id == GROUP
    nothing = run("group", "set", "team", "--add", "nothing")
    assert nothing.exit_code == Exit.NOT_FOUND


def test_groups_are_listed_and_shown(run: Run, fake: FakeMulligan) -> None:
    fake.on("ListGroups", pb.ListGroupsResponse(groups=[TEAM]))
    fake.on("GetGroup", TEAM)
    listed = run("group", "list", "--region", "home", "--provider", "hyper-1")
    assert "team" in listed.stdout, listed.stderr
    [asked] = fake.asked("ListGroups")
    assert (asked.region, asked.provider) == (REGION, HOST)
    shown = run("group", "show", "team").stdout
    for words in ("home", "hyper-1", "3"):
        assert words in shown


def test_distances_are_set_and_taken_back(run: Run, fake: FakeMulligan, tmp_path: Path) -> None:
    fake.on("SetDistances", pb.SetDistancesResponse())
    assert run("distance", "set", "hyper-1", "team", "row").exit_code == 0
    assert run("distance", "set", "team", "team", "rack", "--replace").exit_code == 0
    assert run("distance", "unset", "team", "hyper-1", "--type", "wiring").exit_code == 0
    file = tmp_path / "distances.yaml"
    file.write_text("type: wiring\nset:\n- {a: hyper-1, b: rack1-07, code: port}\n")
    result = run("distance", "set", "--file", str(file))
    assert result.exit_code == 0, result.stderr
    assert fake_requests(fake) == [
        ("location", [(HOST, GROUP, "row")], [], ""),
        ("location", [(GROUP, GROUP, "rack")], [], GROUP),
        ("wiring", [], [(GROUP, HOST, "")], ""),
        ("wiring", [(HOST, SERVER, "port")], [], ""),
    ]
    for words in (["hyper-1"], ["--type", "wiring"], ["--replace"]):
        assert run("distance", "set", *words, "--file", str(file)).exit_code == Exit.USAGE
    assert len(fake.asked("SetDistances")) == 4
    assert run("distance", "set", "hyper-1").exit_code == Exit.USAGE
    assert run("distance", "set").exit_code == Exit.USAGE


def fake_requests(fake: FakeMulligan) -> list[tuple[str, object, object, str]]:
    return [
        (
            one.type,
            [(d.a, d.b, d.code) for d in one.set],
            [(d.a, d.b, d.code) for d in one.remove],
            one.replace_all_of,
        )
        for one in fake.asked("SetDistances")
    ]


def test_distances_are_listed(run: Run, fake: FakeMulligan) -> None:
    said = pb.Distance(type="location", a=HOST, b=GROUP, code="row")
    fake.on("ListDistances", pb.ListDistancesResponse(distances=[said]))
    listed = run("distance", "list", "--of", "team", "--type", "location").stdout
    for words in ("hyper-1", "team", "row"):
        assert words in listed
    [asked] = fake.asked("ListDistances")
    assert (asked.object_id, asked.type) == (GROUP, "location")
