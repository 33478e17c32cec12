"""Services of their own process and with TLS: iam here, meta there, tokens checked across."""

import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy.exc import OperationalError

from activities.certificates import RegionCertificates
from deploy.ports import free_port
from deploy.roles import databases
from mulligan.database import Database
from mulligan_client.client import Client
from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2

PASSWORD = "long enough"
SECRET = secrets.token_urlsafe(32)


@contextmanager
def serving(*words: str) -> Iterator[list[str]]:
    """Run `mulligan serve`; gives what it said until it was ready."""
    command = [sys.executable, "-m", "deploy.commands", "serve", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    said = []
    try:
        for line in process.stdout or ():
            said.append(line.strip())
            if line.startswith("ready"):
                break
        yield said
    finally:
        process.terminate()
        assert process.wait(30) == 0


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A certificate for localhost with its key, and the CA that signed it."""
    folder = tmp_path / "tls"
    made = RegionCertificates(folder, "region", "https://localhost:1")
    made.server_context()
    ca = tmp_path / "ca.pem"
    ca.write_bytes(made.ca_pem)
    return folder / "server.pem", folder / "server.pem", ca


def bootstrapped(client: Client, said: list[str], folder: Path) -> tuple[str, ...]:
    """Sign in as the first administrator; gives what services elsewhere are told of iam."""
    token = next(line.split()[-1] for line in said if line.startswith("bootstrap token:"))
    asked = iam_pb2.BootstrapRequest(token=token, account="admin", password=PASSWORD)
    client.signed_in(client.iam.Bootstrap(asked))
    role = iam_pb2.GivenRole(role=common_pb2.ROLE_READER)
    client.iam.CreateApplicationCredential(
        iam_pb2.CreateApplicationCredentialRequest(name="site", secret=SECRET, roles=[role])
    )
    file = folder / "iam-secret"
    file.write_text(f"{SECRET}\n")
    return ("--iam-account", "site", "--iam-secret-file", str(file))


def regions_named(client: Client, *names: str) -> list[str]:
    wanted = meta_pb2.ResolveNamesRequest(object_type="region", names=names)
    return [one.name for one in client.meta.ResolveNames(wanted).objects]


def create_region(client: Client, name: str) -> iam_pb2.Region:
    return client.iam.CreateRegion(iam_pb2.CreateRegionRequest(name=name))


def test_services_find_each_other_over_tls_and_check_tokens_offline(
    tmp_path: Path, certificate: tuple[Path, Path, Path]
) -> None:
    pem, key, ca = certificate
    iam, meta = f"localhost:{free_port()}", f"localhost:{free_port()}"
    tls = ("--tls-certificate", str(pem), "--tls-key", str(key), "--tls-ca", str(ca))
    with (
        serving("iam", "--listen", iam, "--state", str(tmp_path / "iam"), *tls) as said,
        Client(f"https://{iam}", addresses={"meta": f"https://{meta}"}, ca_file=ca) as client,
    ):
        known = bootstrapped(client, said, tmp_path)
        where = ("--iam-address", f"https://{iam}", "--state", str(tmp_path / "site"))
        with serving("meta", "--listen", meta, *where, *known, *tls):
            create_region(client, "home")
            assert regions_named(client, "home") == ["home"]
            client.token = client.token[:-4] + "AAAA"
            with pytest.raises(MulliganCallError) as refused:
                regions_named(client, "home")
            assert refused.value.code == "UNAUTHENTICATED"


def test_a_site_knows_tokens_and_names_while_iam_is_away(tmp_path: Path) -> None:
    iam, meta = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    serve_iam = ("iam", "--listen", iam, "--state", str(tmp_path / "iam"))
    where = ("--iam-address", iam, "--state", str(tmp_path / "site"))
    with Client(iam, addresses={"meta": meta}) as client, ExitStack() as until_later:
        with serving(*serve_iam) as said:
            serve_meta = ("meta", "--listen", meta, *where, *bootstrapped(client, said, tmp_path))
            before = create_region(client, "before")
            site = until_later.enter_context(ExitStack())
            site.enter_context(serving(*serve_meta))
            assert regions_named(client, "before") == ["before"]
            create_region(client, "after")
            assert regions_named(client, "after", "before") == ["after", "before"]
            client.iam.UpdateRegion(
                iam_pb2.UpdateRegionRequest(
                    id=before.metadata.id, name="renamed", update_mask=FieldMask(paths=["name"])
                )
            )
            # Names that are not there make the site ask whether iam knows more.
            assert regions_named(client, "renamed", "nowhere") == ["renamed"]
        assert regions_named(client, "after", "renamed", "nowhere") == ["after", "renamed"]
        assert regions_named(client, "before") == ["renamed"], "it answers to its old slug"
        site.close()
        with serving(*serve_meta):
            assert regions_named(client, "after", "renamed") == ["after", "renamed"]
            with serving(*serve_iam):
                client.iam.DeleteRegion(iam_pb2.DeleteRegionRequest(id=before.metadata.id))
                again = create_region(client, "renamed")
                create_region(client, "last")
                while not regions_named(client, "last"):
                    pass  # The site finds its way back to iam.
                assert client.resolve("region", "renamed") == again.metadata.id


def test_services_elsewhere_need_an_account_at_iam(tmp_path: Path) -> None:
    done = _serve("meta", "--state", str(tmp_path), "--iam-address", "127.0.0.1:1")
    assert done.returncode == 4
    assert "--iam-account" in done.stderr


def test_a_service_without_iam_has_to_know_where_it_is(tmp_path: Path) -> None:
    done = _serve("meta", "--state", str(tmp_path))
    assert done.returncode == 4
    assert "--iam-address" in done.stderr


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = _serve("iam", "--state", str(tmp_path), "--listen", address)
    assert done.returncode == 4
    assert f"{address} can't be listened on" in done.stderr


def test_processes_that_share_a_port_stand_in_for_each_other(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    command = ("iam", "--state", str(tmp_path), "--listen", address, "--share-port")
    with serving(*command) as said:
        token = next(line.split()[-1] for line in said if line.startswith("bootstrap token:"))
        with Client(address) as first:
            asked = iam_pb2.BootstrapRequest(token=token, account="admin", password=PASSWORD)
            first.token = first.iam.Bootstrap(asked).access_token
            with serving(*command), ExitStack() as stack:
                for _ in range(8):  # each has a connection of its own, to one or the other
                    more = stack.enter_context(Client(address, token=first.token))
                    more.iam.ListRegions(iam_pb2.ListRegionsRequest())
            first.iam.ListRegions(iam_pb2.ListRegionsRequest())
            refused = _serve("iam", "--state", str(tmp_path), "--listen", address)
    assert "can't be listened on" in refused.stderr


def test_a_database_that_does_not_answer_is_waited_for_and_named_without_its_password(
    tmp_path: Path,
) -> None:
    url = f"postgresql+psycopg://me:s3cret@127.0.0.1:{free_port()}/site?application_name=s3cret"
    words = ("worker", "--state", str(tmp_path), "--database-url", url)
    command = [sys.executable, "-m", "deploy.commands", "serve", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = next(line for line in process.stderr if "database" in line)
        process.terminate()
        said_later = process.stderr.read()
    assert process.returncode == 0
    assert "postgresql+psycopg://me:***@127.0.0.1" in said
    assert "refused" in said
    assert said.endswith("; waits for it\n")
    assert "s3cret" not in said + said_later
    assert "Traceback" not in said_later


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql+psycopg://me@db/site", "nobody is there"),
        ("sqlite://", "database is locked"),  # by another process that migrates it
    ],
)
async def test_a_database_is_used_when_it_answers_and_told_of_once(
    url: str, why: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    away = OperationalError("", None, OSError(why))
    answers = iter([away, away, None])

    def is_migrated(_database: Database) -> bool:
        if error := next(answers):
            raise error
        return True

    monkeypatch.setattr(databases, "is_migrated", is_migrated)
    monkeypatch.setattr(databases, "FIRST_PAUSE_S", 0.001)
    async with AsyncExitStack() as stack:
        await databases.open_database(stack, url)
    assert next(answers, "all asked") == "all asked"
    assert len(caplog.records) == 1


def test_a_file_that_can_not_be_a_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "site.sqlite").mkdir()
    done = _serve("worker", "--state", str(tmp_path))
    assert done.returncode == 4
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"mulligan: the database sqlite:///{tmp_path}/site.sqlite can't be used")
    assert "Traceback" not in done.stderr


def test_an_executor_needs_its_region_and_an_address_that_machines_reach(tmp_path: Path) -> None:
    assert "--region" in _serve("executor", "--state", str(tmp_path)).stderr
    words = ("--state", str(tmp_path), "--region", "x", "--media-url", "ftp://x")
    assert "media_url" in _serve("executor", *words).stderr


def _serve(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.commands", "serve", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
