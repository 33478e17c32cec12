"""The deploy ramdisk in real guests: what it does to a disk, judged from the host."""

from concurrent.futures import Future
from typing import Any

from tests.deploy.lab import MAC, TOKEN, Lab
from tests.deploy.stories import DISK_MIB

Stories = dict[str, "Future[Any]"]


def test_a_deployed_disk_boots_and_phones_home(lab: Lab, stories: Stories) -> None:
    executor, home, _, _ = stories["deploy"].result()
    [result] = executor.posted("result")
    assert result == {
        "ok": True,
        "step": "deploy",
        "detail": {
            "disk": {"name": "vda", "serial": "LAB-0001", "wwn": ""},
            "image_bytes": lab.test_image.stat().st_size,
        },
    }
    form = home.home_calls()[0]
    assert (form["hostname"], form["fqdn"]) == ("web-1", "web-1.example.org")
    assert (form["instance_id"], form["address"]) == ("m-1", "10.0.2.77")
    assert form["pub_key_ed25519"].startswith("ssh-ed25519 AAAA")


def test_the_disk_has_the_image_and_the_config_drive_at_its_end(lab: Lab, stories: Stories) -> None:
    executor, _, disk, _ = stories["deploy"].result()
    image, drive = lab.test_image.read_bytes(), executor.files["/drive"]
    # Past the partition table, which was extended, and short of its second copy, which moved.
    assert disk[1 << 20 : len(image) - (1 << 20)] == image[1 << 20 : -(1 << 20)]
    assert disk[-(2 << 20) :].startswith(drive)
    assert disk[-512:].startswith(b"EFI PART")


def test_a_stream_that_breaks_is_continued(stories: Stories) -> None:
    executor, *_ = stories["deploy"].result()
    ranges = [headers.get("Range") for path, headers, _ in executor.received if path == "/image"]
    assert ranges[0] is None
    assert len(ranges) == 2
    assert ranges[1].startswith("bytes=")


def test_facts_are_told(stories: Stories) -> None:
    executor, *_ = stories["deploy"].result()
    [facts] = executor.posted("facts")
    [disk] = facts["disks"]
    assert disk | {"rotational": True} == {
        "name": "vda",
        "size_bytes": DISK_MIB << 20,
        "serial": "LAB-0001",
        "wwn": "",
        "model": "",
        "rotational": True,
        "transport": "virtio",
    }
    assert facts["nics"] == [{"name": "eth0", "mac": MAC, "carrier": True}]
    assert (facts["cpus"], facts["boot_mode"]) == (1, "uefi")
    assert 400 < facts["memory_mib"] <= 512


def test_progress_is_told_and_every_call_has_the_token(stories: Stories) -> None:
    executor, *_ = stories["deploy"].result()
    assert {report["step"] for report in executor.posted("progress")} >= {"write"}
    assert all(0 <= report["percent"] <= 100 for report in executor.posted("progress"))
    for path, headers, _ in executor.received:
        assert headers.get("Authorization") == (None if path == "/ca.pem" else f"Bearer {TOKEN}")


def test_the_log_is_sent_without_the_token(stories: Stories) -> None:
    executor, _, _, guest = stories["deploy"].result()
    assert "mulligan: image written and verified" in executor.log()
    assert TOKEN not in executor.log()
    assert TOKEN not in guest.console()


def test_an_image_with_another_checksum_leaves_no_partition_table(
    stories: Stories,
) -> None:
    executor, _, disk, _ = stories["wrong checksum"].result()
    [result] = executor.posted("result")
    assert (result["ok"], result["code"]) == (False, "CHECKSUM_MISMATCH")
    assert not any(disk[: 1 << 20])
    assert not any(disk[-(1 << 20) :])


def test_a_wiped_disk_reads_as_zeros_from_the_host(stories: Stories) -> None:
    executor, before, disk, _ = stories["wipe"].result()
    assert before.count(b"somebody's secret") > 10000
    assert len(disk) == DISK_MIB << 20
    assert disk.count(0) == len(disk)
    [result] = executor.posted("result")
    [report] = result["detail"]["disks"]
    assert result["ok"]
    assert (report["name"], report["serial"], report["ok"]) == ("sda", "LAB-0001", True)


def test_another_ca_than_the_one_on_the_medium_gets_nothing(
    stories: Stories,
) -> None:
    executor, before, disk, guest = stories["wrong CA"].result()
    assert [path for path, _, _ in executor.received] == ["/ca.pem"]
    assert disk == before
    assert "is not the one that the medium names" in guest.console()


def test_an_operation_that_is_not_live_leaves_the_disk_alone(
    stories: Stories,
) -> None:
    executor, before, disk, _ = stories["not live"].result()
    assert disk == before
    assert [path for path, _, _ in executor.received if path != "/ca.pem"] == [
        "/ramdisk/v1/facts",
        "/ramdisk/v1/task",
    ]


def test_a_serial_number_that_is_not_there_is_never_replaced_by_a_name(
    stories: Stories,
) -> None:
    executor, before, disk, _ = stories["no such disk"].result()
    [result] = executor.posted("result")
    assert (result["ok"], result["code"]) == (False, "NO_DISK")
    assert "vda (serial LAB-0001" in result["message"]
    assert disk == before
