"""mulligan provider, and the names that providers are described with."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2 as pb
from tests.client.conftest import Run
from tests.client.fake_mulligan import (
    GROUP,
    HOST,
    REGION,
    SERVER,
    FakeMulligan,
    RefusalError,
)

pytestmark = pytest.mark.usefixtures("logged_in")

CHANGED = [pb.ProviderChanged(id=HOST, generation=2)]


def a_provider() -> pb.Provider:
    return pb.Provider(
        metadata=common_pb2.Metadata(id=HOST, name="", region=REGION, generation=2),
        type="host",
        root=HOST,
        inventories=[pb.Inventory(resource_type="VCPU", total=8, used=2)],
        capabilities=["virt:kvm"],
        properties={"cpus": 8},
        groups=[GROUP],
        status=common_pb2.Status(state="available"),
    )


@pytest.mark.parametrize(
    ("command", "noun", "plural", "rows", "made"),
    [
        ("provider-type", "ProviderType", "ProviderTypes", "provider_types",
         pb.ProviderType(name="rack", cleaning_margin_s=60)),
        ("resource-type", "ResourceType", "ResourceTypes", "resource_types",
         pb.ResourceType(name="FPGA")),
        ("capability", "Capability", "Capabilities", "capabilities",
         pb.Capability(name="rack:cold", standard=True)),
        ("distance-type", "DistanceType", "DistanceTypes", "distance_types",
         pb.DistanceType(name="wiring", codes=["port", "switch"])),
    ],
)  # fmt: skip
def test_names_are_registered_listed_and_forgotten(
    run: Run, fake: FakeMulligan, command: str, noun: str, plural: str, rows: str, made: Any
) -> None:
    fake.on(f"Create{noun}", made)
    fake.on(f"List{plural}", getattr(pb, f"List{plural}Response")(**{rows: [made]}))
    fake.on(f"Delete{noun}", getattr(pb, f"Delete{noun}Response")())
    codes = list(made.codes) if command == "distance-type" else []
    result = run(command, "create", made.name, *codes, "--description", "ours")
    assert result.exit_code == 0, result.stderr
    [asked] = fake.asked(f"Create{noun}")
    assert (asked.name, asked.description) == (made.name, "ours")
    assert asked.request_id
    assert made.name in run(command, "list").stdout
    assert json.loads(run(command, "list", "-o", "json").stdout)[rows][0]["name"] == made.name
    assert run(command, "delete", made.name, "--yes").exit_code == 0
    assert fake.asked(f"Delete{noun}")[0].name == made.name


def test_a_cleaning_margin_is_set(run: Run, fake: FakeMulligan) -> None:
    fake.on("UpdateProviderType", pb.ProviderType(name="server", cleaning_margin_s=900))
    words = ("--generation", "3", "--cleaning-margin", "900")
    result = run("provider-type", "set", "server", *words)
    assert "900 s" in result.stdout, result.stderr
    [asked] = fake.asked("UpdateProviderType")
    assert (asked.cleaning_margin_s, asked.update_mask.paths) == (900, ["cleaning_margin_s"])
    assert asked.generation == 3
    fake.on("CreateProviderType", pb.ProviderType(name="rack", cleaning_margin_s=60))
    result = run("provider-type", "create", "rack", "--cleaning-margin", "60")
    assert "60 s" in result.stdout, result.stderr
    assert fake.asked("CreateProviderType")[0].cleaning_margin_s == 60


def test_a_provider_is_created_under_another(run: Run, fake: FakeMulligan) -> None:
    fake.on("CreateProviders", pb.CreateProvidersResponse(providers=CHANGED))
    result = run(
        "provider", "create", "gpu-1", "--type", "gpu", "--parent", "hyper-1", "--inventory",
        "GPU=2,max_unit=1,allocation_ratio=1.5", "--capability", "gpu:fast",
        "--property", "cores=9",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert "hyper-1" in result.stdout
    [asked] = fake.asked("CreateProviders")
    [one] = asked.providers
    assert (asked.region, one.name, one.type, one.parent) == (REGION, "gpu-1", "gpu", HOST)
    assert one.inventories[0] == pb.Inventory(
        resource_type="GPU", total=2, max_unit=1, allocation_ratio=1.5
    )
    assert (list(one.capabilities), dict(one.properties)) == (["gpu:fast"], {"cores": 9})


def test_many_come_from_a_file_where_parents_have_names(
    run: Run, fake: FakeMulligan, tmp_path: Path
) -> None:
    fake.on("CreateProviders", pb.CreateProvidersResponse(providers=CHANGED))
    file = tmp_path / "rack.yaml"
    file.write_text(
        "providers:\n"
        "- {name: leaf, type: rack, parent: top, inventories: [{resource_type: VCPU, total: 4}]}\n"
        "- {name: top, type: rack, parent: hyper-1}\n"
    )
    result = run("provider", "create", "--file", str(file))
    assert result.exit_code == 0, result.stderr
    leaf, top = fake.asked("CreateProviders")[0].providers
    assert (leaf.parent, top.parent) == (top.id, HOST)
    file.write_text("providers: [{name: x, tpye: rack}]")
    result = run("provider", "create", "--file", str(file))
    assert result.exit_code == Exit.USAGE
    assert "unknown key providers[0].tpye; did you mean 'type'?" in result.stderr


def test_a_provider_is_changed(run: Run, fake: FakeMulligan) -> None:
    fake.on("UpdateProviders", pb.UpdateProvidersResponse(providers=CHANGED))
    result = run(
        "provider", "set", "hyper-1", "--generation", "1", "--top", "--name", "h", "--add", "GPU=1",
        "--modify", "VCPU=4", "--modify", "MEMORY_MIB,reserved=0,allocation_ratio=1.5",
        "--remove", "DISK_GIB", "--capability", "a", "--no-capability", "b",
        "--property", "cpus=4", "--no-property", "nics",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    [change] = fake.asked("UpdateProviders")[0].changes
    assert change == pb.ProviderChange(
        id=HOST,
        generation=1,
        under="",
        name="h",
        inventories=pb.InventoriesChange(
            add=[pb.Inventory(resource_type="GPU", total=1)],
            modify=[
                pb.InventoryChange(resource_type="VCPU", total=4),
                pb.InventoryChange(resource_type="MEMORY_MIB", reserved=0, allocation_ratio=1.5),
            ],
            remove=["DISK_GIB"],
        ),
        capabilities=pb.CapabilitiesChange(add=["a"], remove=["b"]),
        properties=pb.PropertiesChange(put={"cpus": 4}, remove=["nics"]),
    )


@pytest.mark.parametrize(
    ("said", "content", "word"),
    [
        (["create", "r1"], "providers: [{name: r2, type: rack}]", "NAME"),
        (["create", "--type", "gpu"], "providers: [{name: r2, type: rack}]", "--type"),
        (["create", "--region", "home"], "region: home", "--region"),
        (["set", "hyper-1"], "changes: [{id: hyper-1}]", "NAME"),
        (["set", "--top"], "changes: [{id: hyper-1}]", "--top"),
    ],
)
def test_what_is_said_beside_a_file_is_refused(
    run: Run, fake: FakeMulligan, tmp_path: Path, said: list[str], content: str, word: str
) -> None:
    file = tmp_path / "many.yaml"
    file.write_text(content)
    result = run("provider", *said, "--file", str(file))
    assert result.exit_code == Exit.USAGE
    assert f"{word} and --file exclude each other" in result.stderr
    assert not fake.asked("CreateProviders") + fake.asked("UpdateProviders")


def test_the_file_may_leave_the_region_to_the_command_line(
    run: Run, fake: FakeMulligan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.on("CreateProviders", pb.CreateProvidersResponse(providers=CHANGED))
    file = tmp_path / "many.yaml"
    file.write_text("providers: [{name: r2, type: rack}]")
    other = "12345678-1234-4234-8234-123456789012"
    assert run("provider", "create", "--file", str(file), "--region", other).exit_code == 0
    file.write_text(f"region: {REGION}\nproviders: [{{name: r2, type: rack}}]")
    monkeypatch.setenv("MULLIGAN_REGION", other)
    assert run("provider", "create", "--file", str(file)).exit_code == 0
    assert [asked.region for asked in fake.asked("CreateProviders")] == [other, REGION]


def test_a_provider_goes_one_way(run: Run) -> None:
    result = run("provider", "set", "hyper-1", "--under", "rack1-07", "--top")
    assert result.exit_code == Exit.USAGE
    assert "--under and --top" in result.stderr


def test_a_name_of_several_is_refused_with_their_types(run: Run, fake: FakeMulligan) -> None:
    ids = {"provider": GROUP, "host": HOST}

    def resolve(request: meta_pb2.ResolveNamesRequest) -> meta_pb2.ResolveNamesResponse:
        one, answer = ids.get(request.object_type), meta_pb2.ResolveNamesResponse()
        for name in request.names if one else ():
            answer.objects.add(asked=name, id=one, object_type=request.object_type, name=name)
        return answer

    fake.on("ResolveNames", resolve)
    fake.on("DeleteProviders", pb.DeleteProvidersResponse())
    result = run("provider", "delete", "twin", "--yes")
    assert result.exit_code == Exit.REFUSED
    assert "a provider and a host are called 'twin'" in result.stderr
    assert not fake.asked("DeleteProviders")
    del ids["host"]
    assert run("provider", "delete", "twin", "--yes").exit_code == 0
    assert list(fake.asked("DeleteProviders")[0].ids) == [GROUP]


def test_a_tree_is_reshaped_from_a_file(run: Run, fake: FakeMulligan, tmp_path: Path) -> None:
    fake.on("ReshapeProviders", pb.ReshapeProvidersResponse(providers=CHANGED))
    file = tmp_path / "cells.yaml"
    file.write_text(
        "changes:\n- {id: hyper-1, inventories: {remove: [VGPU]}}\n"
        "moves:\n- {resource_type: VGPU, from_provider: hyper-1, to_provider: rack1-07}\n"
    )
    result = run("provider", "reshape", "--file", str(file))
    assert result.exit_code == 0, result.stderr
    [asked] = fake.asked("ReshapeProviders")
    assert asked.changes[0].id == HOST
    assert (asked.moves[0].from_provider, asked.moves[0].to_provider) == (HOST, SERVER)
    assert run("provider", "reshape").exit_code == Exit.USAGE


def test_a_stale_write_is_a_refusal(run: Run, fake: FakeMulligan) -> None:
    stale = RefusalError("ABORTED", "STALE_GENERATION", "it is at generation 3, not 1")
    fake.on("UpdateProviders", stale)
    result = run("provider", "set", "hyper-1", "--generation", "1", "--property", "cpus=4")
    assert result.exit_code == Exit.REFUSED
    assert "generation 3, not 1" in result.stderr


def test_a_tree_is_marked_for_a_while_and_unmarked(run: Run, fake: FakeMulligan) -> None:
    child, leaf, other = (f"1234567{n}-1234-4234-8234-123456789012" for n in range(3))
    tree = [
        pb.Provider(metadata=common_pb2.Metadata(id=one), parent=parent)
        for one, parent in ((leaf, child), (other, SERVER), (child, HOST), (HOST, SERVER))
    ]
    fake.on("GetProvider", pb.Provider(root=SERVER))
    fake.on("ListProviders", pb.ListProvidersResponse(providers=tree))
    fake.on("MarkProviders", pb.MarkProvidersResponse(providers=CHANGED))
    fake.on("UnmarkProviders", pb.UnmarkProvidersResponse(providers=CHANGED))
    result = run(
        "provider", "mark", "hyper-1", "--tree", "--kind", "unhealthy", "--reason", "hot",
        "--for", "30m",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    [asked] = fake.asked("MarkProviders")
    assert (asked.kind, asked.reason) == ("unhealthy", "hot")
    assert list(asked.ids) == [HOST, child, leaf]
    assert fake.asked("ListProviders")[0].tree == SERVER
    left = asked.expires_at.ToDatetime(UTC) - datetime.now(UTC)
    assert timedelta(minutes=29) < left <= timedelta(minutes=30)
    assert run("provider", "unmark", "hyper-1", "--kind", "retired").exit_code == 0
    assert fake.asked("UnmarkProviders")[0].kind == "retired"
    wrong = run("provider", "mark", "hyper-1", "--kind", "x", "--reason", "y")
    assert wrong.exit_code == Exit.USAGE


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"min_unit": 1, "max_unit": 2**53 - 1, "step_size": 1, "allocation_ratio": 1}, ""),
        ({"min_unit": 1, "max_unit": 4}, ", 1 to 4 at once"),
        ({"min_unit": 2, "max_unit": 2**53 - 1}, ", 2 or more at once"),
        ({"step_size": 2, "allocation_ratio": 1.5}, ", in steps of 2, each handed out 1.5 times"),
    ],
)
def test_an_inventory_says_how_it_is_handed_out(
    run: Run, fake: FakeMulligan, limits: dict[str, Any], words: str
) -> None:
    found = a_provider()
    del found.inventories[:]
    found.inventories.add(resource_type="VCPU", total=8, **limits)
    fake.on("GetProvider", found)
    shown = " ".join(run("provider", "show", "hyper-1").stdout.split())
    assert f"0 of 8 used, 0 reserved{words} can" in shown


@pytest.mark.parametrize("wrong", ["VCPU", "VCPU=x", "VCPU=1,colour=2", "VCPU=1,reserved=x"])
def test_an_inventory_that_can_not_be_read_is_refused(run: Run, wrong: str) -> None:
    result = run("provider", "create", "x", "--type", "rack", "--inventory", wrong)
    assert result.exit_code == Exit.USAGE
    assert "write TYPE=TOTAL" in result.stderr


@pytest.mark.parametrize("wrong", ["VCPU", "VCPU=", "VCPU=x", "VCPU,colour=2", "VCPU,reserved"])
def test_a_change_of_an_inventory_that_can_not_be_read_is_refused(run: Run, wrong: str) -> None:
    result = run("provider", "set", "hyper-1", "--modify", wrong)
    assert result.exit_code == Exit.USAGE
    assert "changes no inventory" in result.stderr


def test_providers_are_listed_shown_and_deleted(run: Run, fake: FakeMulligan) -> None:
    fake.on("ListProviders", pb.ListProvidersResponse(providers=[a_provider()]))
    fake.on("GetProvider", a_provider())
    fake.on("DeleteProviders", pb.DeleteProvidersResponse())
    listed = run("provider", "list", "--tree", "hyper-1", "--region", "home", "--group", "team")
    assert "2 of 8 VCPU" in listed.stdout, listed.stderr
    [asked] = fake.asked("ListProviders")
    assert (asked.tree, asked.group) == (HOST, GROUP)
    shown = run("provider", "show", "hyper-1").stdout
    for words in ("hyper-1", "2 of 8 used", "virt:kvm", "available", "cpus", "team"):
        assert words in shown
    assert run("provider", "delete", "hyper-1", "--yes").exit_code == 0
    assert list(fake.asked("DeleteProviders")[0].ids) == [HOST]
    nothing = run("provider", "show", "nothing")
    assert nothing.exit_code == Exit.NOT_FOUND
