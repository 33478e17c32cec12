"""The check of releases: what is missing or was changed, and what would break their programs."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy import protos
from deploy.releases import DESCRIPTORS, LIST, RELEASES, Release, main, problems, releases

FIRST = releases()[0].version


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the releases."""
    return Path(shutil.copytree(RELEASES, tmp_path / "releases"))


def test_each_release_is_whole() -> None:
    assert problems() == []


def test_no_release_at_all_is_no_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(tmp_path) == 1
    assert "there is no release in" in capsys.readouterr().err


def _change_and_seal(at: Path) -> None:
    (at / DESCRIPTORS).write_bytes(b"")
    Release(at).seal(None)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (shutil.rmtree, f"9.9.9: ../{FIRST}/{LIST} is missing"),
        (lambda at: [file.unlink() for file in at.rglob("*.sql.gz")], "iam.sql.gz is missing"),
        (lambda at: [file.unlink() for file in at.rglob("*.json")], "there is no history"),
        (lambda at: (at / DESCRIPTORS).write_bytes(b""), "descriptors.binpb.gz was changed"),
        (lambda at: (at / "more").touch(), "more was changed or added"),
        (lambda at: (at / LIST).unlink(), f"{FIRST}: {LIST} is missing"),
        (_change_and_seal, f"../{FIRST}/{LIST} was changed"),
        (lambda at: at.rename(at.with_name("one")), "releases/one is no release"),
    ],
    ids=["gone", "dumps", "histories", "changed", "added", "unsealed", "sealed again", "misnamed"],
)
def test_a_release_that_is_not_whole_is_refused(
    spoil: Callable[[Path], object],
    said: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = releases(folder)[0]
    later = Release(Path(shutil.copytree(first.folder, folder / "9.9.9")))
    later.seal(later.before(releases(folder)))
    assert problems(folder) == []
    spoil(first.folder)
    assert main(folder) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("", "  string account = 1;\n"),
        ("  string account = 8;\n", "  string account = 1;\n"),
        ("  bytes account = 1;\n", "  string account = 1;\n"),
        ("rpc SignIn(", "rpc Login("),
    ],
    ids=["field removed", "number changed", "type changed", "method renamed"],
)
def test_what_breaks_a_program_of_a_release_is_refused(
    now: str, then: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    proto = Path(shutil.copytree(protos.PROTO, tmp_path / "proto"))
    iam = proto / "mulligan/iam/v1/iam.proto"
    text = iam.read_text()
    assert then in text
    iam.write_text(text.replace(then, now, 1))
    assert main(proto=proto) == 1
    told = capfd.readouterr()
    assert "iam.proto" in told.out
    assert f"programs made for {releases()[0].version} break" in told.err


def test_what_is_added_breaks_nothing_but_is_of_another_version(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proto = Path(shutil.copytree(protos.PROTO, tmp_path / "proto"))
    iam = proto / "mulligan/iam/v1/iam.proto"
    login = "message LoginRequest {\n"
    iam.write_text(iam.read_text().replace(login, f"{login}  string added = 99;\n"))
    assert main(proto=proto, version="9.9.9") == 0
    latest = releases()[-1].version
    assert main(proto=proto, version=latest) == 1
    assert f"{latest} is released with other protos" in capsys.readouterr().err
