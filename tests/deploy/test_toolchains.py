"""Go and Node: which one is taken."""

import os
from pathlib import Path

import pytest

from deploy import toolchains
from deploy.clients import build
from deploy.toolchains import NODE, MissingToolError


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def script(path: Path, version: str) -> Path:
    """Write a command that tells its version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return path


def test_the_one_on_path_is_taken_if_it_is_new_enough(tmp_path: Path, on_path: Path) -> None:
    node = script(on_path / "node", "v22.0.1")
    script(on_path / "npm", "10.8.2")
    assert toolchains.find(NODE, tmp_path / "cache") == node


@pytest.mark.parametrize(("version", "beside"), [("v18.19.0", "npm"), ("v24.1.0", "other")])
def test_one_that_is_too_old_or_not_whole_is_not_taken(
    tmp_path: Path, on_path: Path, version: str, beside: str
) -> None:
    script(on_path / "node", version)
    script(on_path / beside, "10.8.2")
    kept = script(tmp_path / "cache" / NODE.package / "bin" / "node", "v24.0.0")
    (tmp_path / "cache" / NODE.package / "whole").touch()
    assert toolchains.find(NODE, tmp_path / "cache") == kept


def test_one_that_was_not_installed_to_its_end_is_installed_again(
    tmp_path: Path, on_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "cache" / NODE.package
    script(kept / "bin" / "node", "v24.0.0")
    asked: list[list[str]] = []

    def run(command: list[str], *_: object) -> None:
        asked.append(command)

    monkeypatch.setattr(toolchains, "run", run)
    assert toolchains.find(NODE, tmp_path / "cache") == kept / "bin" / "node"
    assert [one[1:3] for one in asked] == [["-m", "venv"], ["-m", "pip"]]
    assert "--require-hashes" in asked[1]
    toolchains.find(NODE, tmp_path / "cache")
    assert len(asked) == 2


def test_what_path_has_comes_after_what_the_cache_has(
    tmp_path: Path, on_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(on_path / "go", "go version go1.26.1 linux/amd64")
    for name in ("gofmt", "npm"):
        script(on_path / name, "1.0.0")
    script(on_path / "node", "v18.0.0")
    cache = tmp_path / "cache"
    kept = script(cache / NODE.package / "bin" / "node", "v24.0.0").parent
    (cache / NODE.package / "whole").touch()
    assert build.environment(cache)["PATH"].split(os.pathsep) == [str(kept), str(on_path)]


def test_what_can_not_be_run_says_why(tmp_path: Path, on_path: Path) -> None:
    with pytest.raises(MissingToolError, match=r"it failed \(.*nothing"):
        toolchains.run([str(tmp_path / "nothing")], {}, "it failed")
    script(on_path / "broken", "no space left on device; exit 1")
    with pytest.raises(MissingToolError, match=r"it failed \(no space left on device\)"):
        toolchains.run([str(on_path / "broken")], {}, "it failed")
