"""Go and Node: which one is taken."""

from pathlib import Path

import pytest

from deploy import toolchains
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
    node = script(on_path / "node", "v20.0.1")
    script(on_path / "npm", "10.8.2")
    assert toolchains.find(NODE, tmp_path / "cache") == node


@pytest.mark.parametrize(("version", "beside"), [("v18.19.0", "npm"), ("v24.1.0", "other")])
def test_one_that_is_too_old_or_not_whole_is_not_taken(
    tmp_path: Path, on_path: Path, version: str, beside: str
) -> None:
    script(on_path / "node", version)
    script(on_path / beside, "10.8.2")
    kept = script(tmp_path / "cache" / NODE.package / "bin" / "node", "v24.0.0")
    assert toolchains.find(NODE, tmp_path / "cache") == kept


def test_what_can_not_be_run_says_why(tmp_path: Path, on_path: Path) -> None:
    with pytest.raises(MissingToolError, match=r"it failed \(.*nothing"):
        toolchains.run([str(tmp_path / "nothing")], {}, "it failed")
    script(on_path / "broken", "no space left on device; exit 1")
    with pytest.raises(MissingToolError, match=r"it failed \(no space left on device\)"):
        toolchains.run([str(on_path / "broken")], {}, "it failed")
