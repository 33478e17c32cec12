"""No release tells a secret, or which machine made it."""

import gzip
import zlib
from base64 import b64encode
from pathlib import Path

import pytest

from deploy.releases import Release, releases
from tests.fakes.site import PASSWORD
from tests.releases import secrecy

SECRET = f'{{"password": "{PASSWORD}"}}'.encode()


@pytest.mark.parametrize("release", releases(), ids=lambda release: release.version)
def test_a_release_tells_no_secret_and_no_machine(release: Release) -> None:
    assert secrecy.told(release.folder) == []


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        gzip.compress(SECRET),
        b'{"data": "%s"}' % b64encode(SECRET),
        gzip.compress(b"VALUES('eJ', X'%s')" % SECRET.hex().upper().encode()),
        gzip.compress(b"VALUES\n\t('\\x%s')" % zlib.compress(SECRET).hex().encode()),
        gzip.compress(b"('console', '%s')" % b64encode(zlib.compress(SECRET))),
    ],
    ids=["plain", "packed", "payload", "sqlite", "postgresql", "log"],
)
def test_what_is_told_is_found_however_it_is_written(written: bytes, tmp_path: Path) -> None:
    name = "site.sql.gz" if written.startswith(b"\x1f\x8b") else "run.json"
    tmp_path.joinpath(name).write_bytes(written)
    assert secrecy.told(tmp_path) == [f"{name}: {PASSWORD}"]


def test_who_ran_it_is_found(tmp_path: Path) -> None:
    tmp_path.joinpath("run.json").write_text('{"identity": "8502@builder-1"}')
    assert secrecy.told(tmp_path) == ["run.json: 8502@builder-1"]
