"""What is served for one operation, and the secrets that keep it to one server."""

import json
import ssl
import threading
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from zlib import decompress

import jwt
import pytest
from cryptography import x509
from pycdlib import PyCdlib

from activities.certificates import RegionCertificates
from activities.contracts.executor import DescribeExecutor, Served, StopServing
from activities.images import RawImage
from activities.keys import RegionKeys
from activities.media import CONFIG_DRIVE, IMAGE, MediaStore
from activities.operation_logs import KEPT_BYTES, OperationLogs
from activities.redaction import BLANK, redact
from activities.settings import ExecutorSettings
from mulligan.values.errors import HardwareError
from worker.executor import Executor


@pytest.fixture
def settings(tmp_path: Path) -> ExecutorSettings:
    ramdisk = tmp_path / "ramdisk"
    ramdisk.mkdir()
    for name in ("efi.img", "vmlinuz", "initrd.img", "grub.cfg"):
        (ramdisk / name).write_bytes(name.encode())
    return ExecutorSettings(
        region="region-1",
        state_folder=tmp_path / "state",
        ramdisk_folder=ramdisk,
        media_url="http://192.0.2.1:8070",
        ramdisk_url="https://192.0.2.1:8071",
        report_url="http://192.0.2.1:8070",
    )


@pytest.fixture
def keys(settings: ExecutorSettings) -> RegionKeys:
    return RegionKeys.load(settings.state_folder / "keys", settings.region)


@pytest.fixture
def media(settings: ExecutorSettings, keys: RegionKeys) -> MediaStore:
    return MediaStore(settings, keys)


def found(media: MediaStore, url: str) -> Path | None:
    secret, name = url.split("/")[-2:]
    return media.find(secret, name)


def test_the_boot_medium_carries_orders_for_one_operation(
    media: MediaStore, keys: RegionKeys
) -> None:
    media.write_boot_medium("op-1", "server-1")
    url = media.boot_url("op-1", "server-1")
    assert url.startswith("http://192.0.2.1:8070/media/")
    path = found(media, url)
    assert path is not None
    iso, written = PyCdlib(), BytesIO()
    iso.open(str(path))
    iso.get_file_from_iso_fp(written, rr_path="/mulligan.json")
    iso.close()
    orders = json.loads(written.getvalue())
    assert keys.check_report_token(orders["token"], "ramdisk").operation == "op-1"
    assert orders["operation"] == "op-1"
    assert orders["url"] == "https://192.0.2.1:8071"
    assert orders["ca_sha256"] == media.certificates.ca_sha256


def test_addresses_are_the_same_for_each_executor_and_nobody_elses(
    media: MediaStore, settings: ExecutorSettings, keys: RegionKeys, tmp_path: Path
) -> None:
    url = media.boot_url("op-1", "server-1")
    assert MediaStore(settings, keys).boot_url("op-1", "server-1") == url
    assert media.boot_url("op-1", "server-2") != url
    assert media.boot_url("op-2", "server-1") != url
    others = RegionKeys.load(tmp_path / "other-keys", "region-2")
    assert MediaStore(settings, others).boot_url("op-1", "server-1") != url


def test_what_is_served_keeps_its_address_when_the_key_is_rotated(
    media: MediaStore, settings: ExecutorSettings, keys: RegionKeys
) -> None:
    url = media.boot_url("op-1", "server-1")
    media.write_boot_medium("op-1", "server-1")
    keys.make_key("rotation-1")
    keys.retire_older(datetime.now(UTC))
    for executor in (media, MediaStore(settings, keys)):
        assert executor.boot_url("op-1", "server-1") == url
        executor.write_boot_medium("op-1", "server-1")
    assert len(list((settings.state_folder / "media" / "op-1").iterdir())) == 1
    media.remove("op-1")
    assert media.boot_url("op-1", "server-1") != url


def test_an_image_is_linked_and_survives_the_cache(media: MediaStore, tmp_path: Path) -> None:
    cached = tmp_path / "state" / "images" / "image"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"image")
    raw = RawImage(cached, sha256(b"image").hexdigest(), 5)
    served = media.serve_image("op-1", "server-1", raw)
    assert media.serve_image("op-1", "server-1", raw) == served
    assert (served.sha256, served.size_bytes) == (raw.sha256, 5)
    url = media.ramdisk_url("op-1", "server-1", IMAGE)
    assert url.startswith("https://192.0.2.1:8071/media/")
    path = found(media, url)
    assert path is not None
    assert path.samefile(cached)
    cached.unlink()
    assert path.read_bytes() == b"image"


def test_a_config_drive_is_served_with_its_checksum(media: MediaStore) -> None:
    served = media.serve_config_drive("op-1", "server-1", b"drive")
    path = found(media, media.ramdisk_url("op-1", "server-1", CONFIG_DRIVE))
    assert path is not None
    assert sha256(path.read_bytes()).hexdigest() == served.sha256


def test_removing_leaves_nothing_of_one_operation(
    media: MediaStore, settings: ExecutorSettings
) -> None:
    media.write_boot_medium("op-1", "server-1")
    media.write_boot_medium("op-2", "server-2")
    assert media.remove("op-1")
    assert not media.remove("op-1")
    assert found(media, media.boot_url("op-1", "server-1")) is None
    assert found(media, media.boot_url("op-2", "server-2")) is not None
    assert [path.name for path in (settings.state_folder / "media").iterdir()] == ["op-2"]


def test_what_is_served_of_operations_that_ended_can_be_found_and_removed(
    media: MediaStore, settings: ExecutorSettings, keys: RegionKeys
) -> None:
    itself = Executor(settings, keys, media)
    region = settings.region
    assert itself.list_served(DescribeExecutor(region=region)) == Served()
    for operation in ("op-2", "op-1"):
        media.write_boot_medium(operation, "server-1")
    assert itself.list_served(DescribeExecutor(region=region)).operations == ("op-1", "op-2")
    for _ in range(2):
        left = itself.stop_serving(StopServing(region=region, operation="op-1"))
        assert left.operations == ("op-2",)
    assert found(media, media.boot_url("op-1", "server-1")) is None


@pytest.mark.parametrize(
    ("secret", "name"),
    [("*", "boot.iso"), ("..", "boot.iso"), ("0" * 40, "*"), ("0" * 40, "../x"), ("0" * 39, "x")],
)
def test_only_whole_secrets_are_looked_up(media: MediaStore, secret: str, name: str) -> None:
    media.write_boot_medium("op-1", "server-1")
    assert media.find(secret, name) is None


@pytest.mark.parametrize("operation", ["..", "a/b", ""])
def test_an_operation_never_leads_out_of_the_folder(media: MediaStore, operation: str) -> None:
    with pytest.raises(ValueError, match="operation's id"):
        media.remove(operation)


def test_a_half_built_ramdisk_is_named_and_leaves_nothing(
    media: MediaStore, settings: ExecutorSettings
) -> None:
    (settings.ramdisk_folder / "initrd.img").unlink()
    with pytest.raises(HardwareError, match=r"initrd\.img") as caught:
        media.write_boot_medium("op-1", "server-1")
    assert caught.value.reason == "RAMDISK_NOT_BUILT"
    assert not [path for path in (settings.state_folder / "media").rglob("*") if path.is_file()]


# Certificates


def server_certificate(folder: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / "server.pem").read_bytes())


def test_the_ca_stays_and_the_server_certificate_follows_the_host(tmp_path: Path) -> None:
    first = RegionCertificates(tmp_path, "region-1", "https://10.0.2.2:1")
    first.server_context()
    for_address = server_certificate(tmp_path)
    again = RegionCertificates(tmp_path, "region-1", "https://10.0.2.2:2")
    again.server_context()
    assert server_certificate(tmp_path) == for_address
    moved = RegionCertificates(tmp_path, "region-1", "https://executor.example:1")
    moved.server_context()
    for_name = server_certificate(tmp_path)
    assert first.ca_sha256 == again.ca_sha256 == moved.ca_sha256
    names = for_name.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["executor.example"]
    ca = x509.load_pem_x509_certificate(first.ca_pem)
    for_name.verify_directly_issued_by(ca)
    assert sha256(ssl.PEM_cert_to_DER_cert(first.ca_pem.decode())).hexdigest() == first.ca_sha256


def test_executors_that_start_at_once_make_one_ca(tmp_path: Path) -> None:
    made: list[str] = []

    def make() -> None:
        certificates = RegionCertificates(tmp_path, "region-1", "https://10.0.2.2:1")
        certificates.server_context()
        made.append(certificates.ca_sha256)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len(set(made)) == 1


def test_private_keys_are_for_the_owner_only(tmp_path: Path) -> None:
    RegionCertificates(tmp_path / "tls", "region-1", "https://10.0.2.2:1").server_context()
    assert (tmp_path / "tls").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "tls").glob("*.pem")} == {0o600}


# Logs


def test_a_log_keeps_the_last_64_kib_without_secrets(tmp_path: Path) -> None:
    logs = OperationLogs(tmp_path)
    logs.append("op-1", "ramdisk", "first\n" + "x" * KEPT_BYTES)
    logs.append("op-1", "ramdisk", "password=hunter2\nlast\n")
    logs.append("op-1", "bmc", "POST /redfish 204\n")
    assert logs.read("op-2") == ()
    ramdisk, bmc = logs.read("op-1")
    text = decompress(b64decode(ramdisk.compressed)).decode()
    assert len(text) == KEPT_BYTES
    assert text.endswith(f"password={BLANK}\nlast\n")
    assert "first" not in text
    assert (ramdisk.source, bmc.source) == ("ramdisk", "bmc")


TOKEN = jwt.encode(
    {"sub": "op", "exp": datetime.now(UTC) + timedelta(hours=1)}, "k" * 32, algorithm="HS256"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"GET /report/{TOKEN} 200", f"GET /report/{BLANK} 200"),
        ("Authorization: Basic YWRtaW46cGFzc3dvcmQ=", f"Authorization: {BLANK}"),
        ("'X-Auth-Token': 'abc', 'a': 1", f"'X-Auth-Token': {BLANK}, 'a': 1"),
        (
            '{"UserName": "admin", "Password": "a\\"b c"}',
            f'{{"UserName": "admin", "Password": {BLANK}}}',
        ),
        ("admin_password: s3cret!\nnext", f"admin_password: {BLANK}\nnext"),
        ("http://me:word@bmc/path", f"http://{BLANK}@bmc/path"),
        (f"http://e:1/media/{'a' * 40}/boot.iso", f"http://e:1/media/{BLANK}/boot.iso"),
        ("the token is not right", "the token is not right"),
        ("basic authentication failed", "basic authentication failed"),
        ("tokens: none were passed", "tokens: none were passed"),
    ],
)
def test_secrets_are_blanked(text: str, expected: str) -> None:
    assert redact(text) == expected


def test_known_secrets_are_blanked_wherever_they_stand() -> None:
    assert redact("it said hunter2, loudly", ("hunter2", "")) == f"it said {BLANK}, loudly"


def test_a_log_that_can_not_be_kept_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be, as on a full disk")
    OperationLogs(tmp_path).append("operation-1", "bmc", "POST 204")
    assert "could not be kept" in caplog.text
