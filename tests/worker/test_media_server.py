"""The executor's servers, as BMCs, machines and ramdisks meet them."""

import json
import ssl
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode
from zlib import decompress

import pytest
import urllib3
from urllib3.exceptions import SSLError

from activities.contracts.redfish import DiskHint, RamdiskResult, RamdiskTask
from activities.images import RawImage
from activities.keys import Audience
from activities.media import IMAGE
from activities.operation_logs import OperationLogs
from tests.lab import Executor, running_executor
from worker.media_server import guest_report

OPERATION = "operation-1"
PHONE_HOME = {
    "instance_id": "i-1",
    "hostname": "m1",
    "fqdn": "m1.example",
    "pub_key_rsa": "ssh-rsa AAAA root@m1",
    "pub_key_ed25519": "ssh-ed25519 BBBB root@m1\n",
    "pub_key_ecdsa": "N/A",
}


@pytest.fixture
def executor(tmp_path: Path, stand_in_ramdisk: Path) -> Iterator[Executor]:
    with running_executor(tmp_path / "state", stand_in_ramdisk) as running:
        running.reports.live.add(OPERATION)
        yield running


def token(executor: Executor, audience: Audience, lives: timedelta = timedelta(hours=1)) -> str:
    return executor.keys.report_token(OPERATION, audience, datetime.now(UTC) + lives)


def phone_home(executor: Executor, token: str, fields: dict[str, str]) -> int:
    answer = urllib3.request(
        "POST",
        f"{executor.settings.media_url}/report/{token}",
        body=urlencode(fields),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    return answer.status


@pytest.fixture
def ramdisk(executor: Executor) -> urllib3.HTTPSConnectionPool:
    """Speak HTTPS as a ramdisk does: with the CA of the medium, for the address on the medium."""
    context = ssl.create_default_context(cadata=executor.media.certificates.ca_pem.decode())
    port = int(executor.settings.ramdisk_url.rpartition(":")[2])
    return urllib3.HTTPSConnectionPool(
        "127.0.0.1", port, ssl_context=context, assert_hostname="10.0.2.2", retries=False
    )


def call(
    ramdisk: urllib3.HTTPSConnectionPool, path: str, body: bytes | str, bearer: str
) -> urllib3.BaseHTTPResponse:
    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
    return ramdisk.request("POST", f"/ramdisk/v1/{path}", body=body, headers=headers)


# BMCs


def test_a_bmc_fetches_a_medium_whole_and_in_ranges(executor: Executor) -> None:
    executor.media.write_boot_medium(OPERATION, "server-1")
    url = executor.media.boot_url(OPERATION, "server-1")
    path = executor.media.find(*url.split("/")[-2:])
    assert path is not None
    content = path.read_bytes()
    whole = urllib3.request("GET", url)
    assert (whole.status, whole.data) == (200, content)
    head = urllib3.request("HEAD", url)
    assert int(head.headers["Content-Length"]) == len(content)
    assert head.headers["Accept-Ranges"] == "bytes"
    part = urllib3.request("GET", url, headers={"Range": "bytes=32768-34815"})
    assert (part.status, part.data) == (206, content[32768:34816])
    rest = urllib3.request("GET", url, headers={"Range": f"bytes={len(content) - 5}-"})
    assert rest.data == content[-5:]
    beyond = urllib3.request("GET", url, headers={"Range": f"bytes={len(content)}-"})
    assert beyond.status == 416


def test_nothing_else_is_served(executor: Executor) -> None:
    executor.media.write_boot_medium(OPERATION, "server-1")
    url = executor.media.boot_url(OPERATION, "server-1")
    base = executor.settings.media_url
    for path in ("/media", f"/media/{'0' * 40}/boot.iso", "/media/..%2F..%2Fkeys/x", "/ca.pem"):
        assert urllib3.request("GET", f"{base}{path}").status == 404
    executor.media.remove(OPERATION)
    assert urllib3.request("GET", url).status == 404


def test_it_says_that_it_is_there(executor: Executor) -> None:
    assert urllib3.request("GET", f"{executor.settings.media_url}/healthz").status == 200


# Machines


def test_a_machine_phones_home_as_cloud_init_does(executor: Executor) -> None:
    good = token(executor, "guest")
    assert phone_home(executor, good, PHONE_HOME) == 200
    assert phone_home(executor, good, PHONE_HOME | {"address": "192.0.2.7"}) == 200
    first, second = (content for _, _, content in executor.reports.heard)
    assert (first.hostname, first.fqdn, first.instance_id) == ("m1", "m1.example", "i-1")
    assert first.ssh_host_keys == ("ssh-ed25519 BBBB root@m1", "ssh-rsa AAAA root@m1")
    assert second.address == "192.0.2.7"


@pytest.mark.parametrize(
    ("came_from", "address"),
    [("127.0.0.1", ""), ("::1", ""), ("192.0.2.9", "192.0.2.9"), ("", "")],
)
def test_a_machine_behind_the_loopback_has_no_address(came_from: str, address: str) -> None:
    assert guest_report(PHONE_HOME, came_from).address == address
    told = guest_report(PHONE_HOME | {"address": "192.0.2.7"}, came_from)
    assert told.address == "192.0.2.7"


@pytest.mark.parametrize("kind", ["rubbish", "expired", "ramdisk's"])
def test_a_token_that_is_not_right_is_refused(executor: Executor, kind: str) -> None:
    tokens = {
        "rubbish": "abc",
        "expired": token(executor, "guest", timedelta(seconds=-1)),
        "ramdisk's": token(executor, "ramdisk"),
    }
    assert phone_home(executor, tokens[kind], PHONE_HOME) == 403
    assert executor.reports.heard == []


def test_a_report_to_an_operation_that_is_over_is_gone(executor: Executor) -> None:
    executor.reports.live.clear()
    assert phone_home(executor, token(executor, "guest"), PHONE_HOME) == 410


def test_a_machine_that_missed_the_answer_may_say_it_again(executor: Executor) -> None:
    good = token(executor, "guest")
    assert phone_home(executor, good, PHONE_HOME) == 200
    executor.reports.live.clear()
    assert phone_home(executor, good, PHONE_HOME) == 200


def test_a_report_is_small(executor: Executor) -> None:
    good = token(executor, "guest")
    assert phone_home(executor, good, {"hostname": "x" * (64 << 10)}) == 413
    assert phone_home(executor, good, {f"f{i}": "x" for i in range(100)}) == 400
    assert executor.reports.heard == []


# Ramdisks


def test_a_ramdisk_trusts_the_ca_of_its_medium_only(
    executor: Executor, ramdisk: urllib3.HTTPSConnectionPool
) -> None:
    answer = ramdisk.request("GET", "/ca.pem")
    assert answer.data == executor.media.certificates.ca_pem
    stranger = urllib3.HTTPSConnectionPool("127.0.0.1", ramdisk.port, retries=False)
    with pytest.raises(SSLError):
        stranger.request("GET", "/ca.pem")


def test_a_ramdisk_is_led_through_its_task(
    executor: Executor, ramdisk: urllib3.HTTPSConnectionPool
) -> None:
    bearer = token(executor, "ramdisk")
    executor.reports.tasks[OPERATION] = RamdiskTask(action="wipe", server="server-1")
    facts = {"disks": [{"name": "vda", "serial": "S1"}], "cpus": 2, "new": "ignored"}
    assert call(ramdisk, "facts", json.dumps(facts), bearer).status == 200
    answer = call(ramdisk, "task", b"", bearer)
    assert (answer.status, answer.json()["action"]) == (200, "wipe")
    assert call(ramdisk, "progress", '{"step": "write", "percent": 5}', bearer).status == 200
    assert call(ramdisk, "result", '{"ok": true, "detail": {}}', bearer).status == 200
    assert executor.reports.kinds() == ["facts", "task", "progress", "result"]
    assert executor.reports.heard[0][2].disks[0].serial == "S1"


def test_a_ramdisk_is_told_where_its_image_and_config_drive_are(
    executor: Executor, ramdisk: urllib3.HTTPSConnectionPool, tmp_path: Path
) -> None:
    """The whole answer, as deploy/ramdisk/agent.sh reads it."""
    cached = executor.settings.state_folder / "image"
    cached.write_bytes(b"image")
    raw = RawImage(cached, "0" * 64, 5)
    image = executor.media.serve_image(OPERATION, "server-1", raw)
    drive = executor.media.serve_config_drive(OPERATION, "server-1", b"drive")
    executor.reports.tasks[OPERATION] = RamdiskTask(
        action="deploy",
        server="server-1",
        disk=DiskHint(serial="S1"),
        image=image,
        config_drive=drive,
    )
    told = call(ramdisk, "task", b"", token(executor, "ramdisk")).json()
    image_url, drive_url = told["image"].pop("url"), told["config_drive"].pop("url")
    assert told == {
        "action": "deploy",
        "disk": {"serial": "S1", "wwn": "", "name": "", "min_bytes": 0},
        "disks": [],
        "image": {"sha256": "0" * 64, "size_bytes": 5},
        "config_drive": {"sha256": drive.sha256},
        "after": "poweroff",
    }
    base = executor.settings.ramdisk_url
    assert ramdisk.request("GET", image_url.removeprefix(base)).data == b"image"
    assert ramdisk.request("GET", drive_url.removeprefix(base)).data == b"drive"
    for url in (image_url, drive_url):
        readable = url.replace(base, executor.settings.media_url)
        assert urllib3.request("GET", readable).status == 404, "served without TLS"


def test_a_ramdisk_that_complains_about_its_task_does_not_spread_its_addresses(
    executor: Executor, ramdisk: urllib3.HTTPSConnectionPool
) -> None:
    url = executor.media.ramdisk_url(OPERATION, "server-1", IMAGE)
    result = RamdiskResult(ok=False, code="BAD_TASK", message=f"the task is incomplete: {url}")
    bearer = token(executor, "ramdisk")
    assert call(ramdisk, "result", result.model_dump_json(), bearer).status == 200
    ((_, _, heard),) = executor.reports.heard
    assert "the task is incomplete" in heard.message
    assert url.split("/")[-2] not in heard.message


def test_an_operation_without_task_refuses(
    executor: Executor, ramdisk: urllib3.HTTPSConnectionPool
) -> None:
    bearer = token(executor, "ramdisk")
    assert call(ramdisk, "task", b"", bearer).status == 409
    executor.reports.live.clear()
    assert call(ramdisk, "task", b"", bearer).status == 410
    assert call(ramdisk, "progress", '{"step": "write"}', bearer).status == 410


def test_ramdisks_need_their_own_token(
    executor: Executor, ramdisk: urllib3.HTTPSConnectionPool
) -> None:
    for bearer in ("", "abc", token(executor, "guest")):
        assert call(ramdisk, "task", b"", bearer).status == 403
    assert ramdisk.request("POST", "/ramdisk/v1/task").status == 403
    assert executor.reports.heard == []


def test_what_is_not_understood_is_refused(
    executor: Executor, ramdisk: urllib3.HTTPSConnectionPool
) -> None:
    bearer = token(executor, "ramdisk")
    assert call(ramdisk, "progress", "not json", bearer).status == 400
    assert call(ramdisk, "result", "{}", bearer).status == 400
    assert executor.reports.heard == []


def test_a_ramdisks_log_is_kept_without_its_token(
    executor: Executor, ramdisk: urllib3.HTTPSConnectionPool
) -> None:
    bearer = token(executor, "ramdisk")
    said = f"booted\ntoken {bearer}\n".encode()
    assert call(ramdisk, "log", said.rjust(64 << 10), bearer).status == 200
    assert call(ramdisk, "log", said.rjust((64 << 10) + 1), bearer).status == 413
    (log,) = OperationLogs(executor.settings.state_folder).read(OPERATION)
    text = decompress(b64decode(log.compressed)).decode()
    assert "booted" in text
    assert bearer not in text


def test_a_ramdisk_fetches_an_image_and_goes_on_where_it_broke(
    executor: Executor, ramdisk: urllib3.HTTPSConnectionPool, tmp_path: Path
) -> None:
    image = executor.settings.state_folder / "image"
    with image.open("wb") as file:
        file.truncate(64 << 20)
        file.seek(-4, 2)
        file.write(b"last")
    executor.media.serve_image(OPERATION, "server-1", RawImage(image, "0" * 64, 64 << 20))
    url = executor.media.ramdisk_url(OPERATION, "server-1", IMAGE)
    path = url.removeprefix(executor.settings.ramdisk_url)
    whole = ramdisk.request("GET", path)
    assert (len(whole.data), whole.data[-4:]) == (64 << 20, b"last")
    rest = ramdisk.request("GET", path, headers={"Range": f"bytes={(64 << 20) - 4}-"})
    assert (rest.status, rest.data) == (206, b"last")
