"""A region's keys on disk, seen by two executors that share the folder."""

import json
import threading
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nacl.public import PrivateKey

from activities import lease
from activities.config_drive import MAX_USER_DATA_BYTES, prepare_config_drive
from activities.contracts.executor import MakeKey, RetireKeys, SealAnew, SealedSecret
from activities.contracts.hardware import ConfigDrivePlan, ImageSource
from activities.key_rotation import KeyRotation
from activities.keys import RETIRED_OPENS_FOR, RegionKeys
from activities.lease import Lease
from activities.media import RAMDISK_TOKEN_LIFE
from activities.settings import ExecutorSettings
from mulligan.values.errors import HardwareBusyError, HardwareError, PermissionDeniedError
from mulligan_client.sealing import seal

BOUND = {"endpoint": "server-1", "address": "https://10.0.0.17", "region": "home"}
SECRET = {"username": "root", "password": "pässword"}
NOW = datetime.now(UTC)
LATER = NOW + RETIRED_OPENS_FOR + timedelta(hours=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def keys(folder: Path) -> RegionKeys:
    return RegionKeys.load(folder, "home")


@pytest.fixture
def others(folder: Path, keys: RegionKeys) -> RegionKeys:
    """Another executor of the region."""
    return RegionKeys.load(folder, "home")


def sealed_by_a_client(keys: RegionKeys) -> str:
    key_id, public_key = keys.public_keys()[0]
    return seal(public_key, key_id, **BOUND, **SECRET)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def test_executors_that_start_at_once_make_one_key(folder: Path) -> None:
    found: list[list[tuple[str, str]]] = []
    start = threading.Barrier(8)

    def load() -> None:
        start.wait()
        found.append(RegionKeys.load(folder, "home").public_keys())

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(keys == found[0] and len(keys) == 1 for keys in found)
    [name] = files(folder)
    assert (folder / name).stat().st_mode & 0o777 == 0o600


def test_a_new_key_is_known_to_the_other_executor_without_a_restart(
    keys: RegionKeys, others: RegionKeys
) -> None:
    [(old, _)] = others.public_keys()
    before = sealed_by_a_client(others)
    new = keys.make_key("rotation-1")
    assert [key_id for key_id, _ in others.public_keys()] == [new, old]
    after = sealed_by_a_client(others)
    assert after.startswith(f"{new}.")
    for executor in (keys, others):
        assert executor.open(after, **BOUND) == executor.open(before, **BOUND) == BOUND | SECRET


def test_a_rotation_makes_one_key_however_often_it_is_tried_by_whom(
    keys: RegionKeys, others: RegionKeys, folder: Path
) -> None:
    made = {executor.make_key("rotation-1") for executor in (keys, others, keys)}
    assert len(made) == 1
    keys.retire_older(NOW)
    assert others.make_key("rotation-1") in made
    assert len(files(folder)) == 2
    assert others.make_key("rotation-2") not in made


def test_a_key_is_the_newest_also_when_the_clock_was_set_back(
    keys: RegionKeys, folder: Path
) -> None:
    key = PrivateKey.generate()
    (folder / "29991231T235959Z-ahead.key").write_bytes(b64encode(bytes(key)))
    made = keys.make_key("rotation-1")
    assert keys.public_keys()[0][0] == made
    assert files(folder)[-1].startswith("30000101T000000Z-")


def test_what_a_dead_executor_left_half_written_is_no_key(keys: RegionKeys, folder: Path) -> None:
    (folder / ".part-0123").write_bytes(b"half")
    assert len(keys.public_keys()) == 1
    keys.make_key("rotation-1")
    assert not (folder / ".part-0123").exists()


def test_a_retired_key_opens_and_verifies_but_is_not_offered_and_does_not_sign(
    keys: RegionKeys, others: RegionKeys
) -> None:
    sealed, expires = sealed_by_a_client(keys), datetime.now(UTC) + RAMDISK_TOKEN_LIFE
    ramdisk, guest = (keys.report_token("op-1", who, expires) for who in ("ramdisk", "guest"))
    new = keys.make_key("rotation-1")
    keys.retire_older(NOW)
    for executor in (keys, others):
        assert [key_id for key_id, _ in executor.public_keys()] == [new]
        assert executor.open(sealed, **BOUND) == BOUND | SECRET
        assert executor.check_report_token(ramdisk, "ramdisk").operation == "op-1"
        assert executor.check_report_token(guest, "guest").operation == "op-1"
    fresh = others.report_token("op-2", "guest", expires)
    assert fresh != keys.report_token("op-1", "guest", expires)
    keys.delete_retired(LATER, (), None)
    assert others.check_report_token(fresh, "guest").operation == "op-2"
    for executor in (keys, others):
        with pytest.raises(PermissionDeniedError):
            executor.check_report_token(guest, "guest")
        with pytest.raises(HardwareError, match="give the secret again"):
            executor.open(sealed, **BOUND)


def test_a_retired_key_lives_longer_than_any_token() -> None:
    assert RETIRED_OPENS_FOR > RAMDISK_TOKEN_LIFE


def test_a_retired_key_is_deleted_only_when_nothing_can_need_it(
    keys: RegionKeys, folder: Path
) -> None:
    [(old, _)] = keys.public_keys()
    keys.make_key("rotation-1")
    keys.delete_retired(LATER, (), None)
    assert len(keys.public_keys()) == 2, "a live key is never deleted"
    keys.retire_older(NOW)
    kept = files(folder)
    keys.delete_retired(LATER - timedelta(hours=2), (), None)
    keys.delete_retired(LATER, (old,), None)
    keys.delete_retired(LATER, (), NOW - timedelta(hours=1))
    assert files(folder) == kept
    keys.delete_retired(LATER, ("another",), NOW + timedelta(hours=1))
    assert len(files(folder)) == 1


def test_an_emptied_folder_changes_nothing_for_who_has_read_it(
    keys: RegionKeys, folder: Path
) -> None:
    sealed = sealed_by_a_client(keys)
    [name] = files(folder)
    content = (folder / name).read_bytes()
    (folder / name).unlink()
    assert keys.open(sealed, **BOUND) == BOUND | SECRET
    (folder / name).write_bytes(content)
    assert RegionKeys.load(folder, "home").open(sealed, **BOUND) == BOUND | SECRET


def test_a_secret_is_sealed_anew_for_the_same_object_and_no_other(
    keys: RegionKeys, others: RegionKeys
) -> None:
    sealed = sealed_by_a_client(keys)
    new = keys.make_key("rotation-1")
    again = others.seal_anew(sealed, **BOUND)
    assert again.startswith(f"{new}.")
    assert json.dumps(SECRET["password"])[1:-1] not in again
    assert keys.open(again, **BOUND) == BOUND | SECRET
    for name in BOUND:
        with pytest.raises(HardwareError) as raised:
            keys.seal_anew(sealed, **{**BOUND, name: "another"})
        assert raised.value.reason == "SECRET_MISMATCH"


def test_the_rotation_s_activities_can_be_run_twice(keys: RegionKeys, others: RegionKeys) -> None:
    rotations = KeyRotation(keys), KeyRotation(others)
    good = SealedSecret(
        kind="server",
        id="server-1",
        address="https://10.0.0.17",
        sealed=sealed_by_a_client(keys),
    )
    moved = good.model_copy(update={"id": "server-2"})
    make = MakeKey(region="home", operation="rotation-1")
    [new, _], *again = (rotation.make_key(make).keys for rotation in rotations)
    assert again == [rotations[0].make_key(make).keys]
    for rotation in rotations:
        asked = SealAnew(region="home", secrets=(good, moved))
        first, second = rotation.seal_anew(asked).secrets
        assert (first.id, first.problem) == ("server-1", "")
        assert keys.open(first.sealed, **BOUND) == BOUND | SECRET
        assert (second.sealed, second.id) == ("", "server-2")
        assert "another endpoint" in second.problem
    for rotation in rotations:
        assert rotation.retire_keys(RetireKeys(region="home")).keys == (new,)
    assert keys.open(good.sealed, **BOUND) == BOUND | SECRET


def test_credentials_of_an_image_are_sealed_anew_for_the_host_of_its_url(keys: RegionKeys) -> None:
    [(key_id, public_key)] = keys.public_keys()
    bound_to = {"endpoint": "image-1", "address": "https://images.example:443", "region": "home"}
    secret = SealedSecret(
        kind="image",
        id="image-1",
        address="https://images.example/debian.qcow2",
        sealed=seal(public_key, key_id, **bound_to, **SECRET),
    )
    new = keys.make_key("rotation-1")
    moved = secret.model_copy(update={"address": "https://elsewhere.example/debian.qcow2"})
    request = SealAnew(region="home", secrets=(secret, moved))
    first, second = KeyRotation(keys).seal_anew(request).secrets
    assert first.sealed.startswith(f"{new}.")
    assert keys.open(first.sealed, **bound_to) == bound_to | SECRET
    assert "another address" in second.problem


def test_who_lost_its_lease_changes_no_key(keys: RegionKeys, folder: Path) -> None:
    before = files(folder)
    lost = Lease(ask=lambda _: None)
    lost.lose()
    lease.hold(lost)
    try:
        with pytest.raises(HardwareBusyError, match="may no longer make a key"):
            keys.make_key("rotation-1")
    finally:
        lease.hold(None)
    assert files(folder) == before


def test_user_data_is_measured_when_it_is_open(keys: RegionKeys, tmp_path: Path) -> None:
    settings = ExecutorSettings(
        region="home",
        state_folder=tmp_path,
        ramdisk_folder=tmp_path,
        media_url="http://media",
        ramdisk_url="https://media",
        report_url="http://media",
    )
    image = ImageSource(
        image="image-1",
        name="debian",
        url="http://images/debian",
        sha256="0" * 64,
        disk_format="raw",
        activation="none",
    )

    def prepare(user_data: str) -> str:
        key_id, public_key = keys.public_keys()[0]
        plan = ConfigDrivePlan(
            hostname="web",
            sealed_user_data=seal(
                public_key, key_id, region="home", purpose="user-data", user_data=user_data
            ),
            token_expires_at=NOW,
        )
        return prepare_config_drive(
            settings, keys, operation="op-1", machine="m-1", image=image, nics=(), plan=plan
        ).user_data

    largest = "é" * (MAX_USER_DATA_BYTES // 2)
    assert prepare(largest) == largest
    with pytest.raises(HardwareError) as raised:
        prepare(largest + "x")
    assert raised.value.reason == "USER_DATA_TOO_LARGE"
