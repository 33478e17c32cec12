"""Where the Temporal dev server comes from."""

import asyncio
import logging
import multiprocessing
import os
import stat
import textwrap
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from deploy import temporal
from deploy.temporal import NotHereError, find_temporal
from mulligan.values.errors import UnavailableError


def has(name: str, asked: list[str]) -> temporal.Link:
    def link(cache: Path) -> Path:
        asked.append(name)
        return cache / name

    return link


def lacks(name: str, asked: list[str]) -> temporal.Link:
    def link(_cache: Path) -> Path:
        asked.append(name)
        raise NotHereError(f"{name} has none")

    return link


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def fake_temporal(path: Path) -> Path:
    return script(path, "#!/bin/sh\necho 'temporal version 1.5.1'\n")


class TestWhereItComesFrom:
    @pytest.mark.parametrize("position", range(4))
    def test_the_first_link_that_has_it_is_taken_and_no_later_one_asked(
        self, tmp_path: Path, position: int
    ) -> None:
        names = ["path", "cache", "sdk", "go"]
        asked: list[str] = []
        links = [
            (has if index >= position else lacks)(name, asked) for index, name in enumerate(names)
        ]
        taken = find_temporal(tmp_path, found=links[:2], made=links[2:])
        assert taken == tmp_path / names[position]
        assert list(dict.fromkeys(asked)) == names[: position + 1]

    def test_when_no_link_has_it_the_error_names_each_reason_and_the_remedy(
        self, tmp_path: Path
    ) -> None:
        links = [lacks(name, []) for name in ("path", "cache", "sdk", "go")]
        with pytest.raises(UnavailableError) as raised:
            find_temporal(tmp_path, found=links[:2], made=links[2:])
        for words in ("path has none", "sdk has none", "go has none", "TEMPORAL_ADDRESS", "1.25"):
            assert words in raised.value.message
        assert raised.value.reason == "TEMPORAL_NOT_FOUND"

    def test_an_existing_cluster_is_the_one_that_the_environment_names(self) -> None:
        assert temporal.existing_cluster({"TEMPORAL_ADDRESS": "far:7233"}) == "far:7233"
        assert temporal.existing_cluster({"TEMPORAL_ADDRESS": ""}) is None
        assert temporal.existing_cluster({}) is None

    def test_the_cache_is_where_the_environment_says(self, tmp_path: Path) -> None:
        assert temporal.cache_folder({"MULLIGAN_CACHE": str(tmp_path)}) == tmp_path
        assert temporal.cache_folder({}).name == "mulligan"

    def test_a_command_on_path_is_taken(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        command = fake_temporal(tmp_path / "bin" / "temporal")
        monkeypatch.setenv("PATH", str(command.parent), prepend=os.pathsep)
        assert temporal.from_path(tmp_path) == command

    def test_another_program_called_temporal_is_passed_over(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        script(tmp_path / "temporal", "#!/bin/sh\necho a video filter\n")
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        with pytest.raises(NotHereError, match="not Temporal's command line"):
            temporal.from_path(tmp_path)

    def test_the_cache_gives_what_was_placed_in_it(self, tmp_path: Path) -> None:
        with pytest.raises(NotHereError):
            temporal.from_cache(tmp_path)
        command = fake_temporal(temporal.cached_command(tmp_path))
        assert temporal.from_cache(tmp_path) == command

    async def test_a_download_that_fails_leaves_a_log_line_and_nothing_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def refuse(**_options: object) -> None:
            raise RuntimeError("no route")

        monkeypatch.setattr(WorkflowEnvironment, "start_local", refuse)
        caplog.set_level(logging.INFO)
        made = [temporal.from_sdk, has("go", [])]
        # Called with an event loop running, as an impatient caller might.
        assert find_temporal(tmp_path, found=[lacks("cache", [])], made=made) == tmp_path / "go"
        assert "the SDK could not download it (no route)" in caplog.text
        assert [each.name for each in tmp_path.iterdir()] == ["temporal.lock"]

    def test_a_download_that_hangs_is_given_up(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def hang(**_options: object) -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr(WorkflowEnvironment, "start_local", hang)
        monkeypatch.setattr(temporal, "SDK_DOWNLOAD_LIMIT_S", 0.01)
        with pytest.raises(NotHereError, match="could not download"):
            temporal.from_sdk(tmp_path)

    def test_what_the_sdk_downloads_goes_into_the_cache(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Started:
            async def shutdown(self) -> None:
                pass

        async def download(*, download_dest_dir: str) -> Started:
            fake_temporal(Path(download_dest_dir) / "temporal-sdk-python")
            return Started()

        monkeypatch.setattr(WorkflowEnvironment, "start_local", download)
        assert temporal.from_sdk(tmp_path) == temporal.from_cache(tmp_path)

    def test_go_on_path_builds_it_in_folders_of_its_own(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fake_go(tmp_path / "bin", "go1.25.3")
        monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
        cache = tmp_path / "cache"
        command = temporal.from_go(cache)
        assert command == temporal.from_cache(cache)
        assert [each.name for each in command.parent.parent.iterdir()] == [temporal.CLI_VERSION]
        said = (tmp_path / "bin" / "said").read_text()
        assert f"github.com/temporalio/cli/cmd/temporal@v{temporal.CLI_VERSION}" in said
        assert f"GOPATH={cache}" in said
        assert f"GOCACHE={cache}" in said

    def test_go_that_is_too_old_is_replaced_by_the_one_from_pypi(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fake_go(tmp_path / "bin", "go1.19.8")
        newer = fake_go(tmp_path / "newer", "go1.26.6")
        monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
        monkeypatch.setattr(temporal, "_go_from_pypi", lambda _folder: newer)
        temporal.from_go(tmp_path / "cache")
        assert (tmp_path / "newer" / "said").exists()
        assert not (tmp_path / "bin" / "said").exists()

    def test_a_build_that_fails_says_why_and_places_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        script(
            tmp_path / "go",
            """\
            #!/bin/sh
            [ "$1" = version ] && echo go version go1.26.1 && exit
            echo no space left on device; exit 1
            """,
        )
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        with pytest.raises(NotHereError, match="no space left on device"):
            temporal.from_go(tmp_path / "cache")
        assert not temporal.cached_command(tmp_path / "cache").exists()

    def test_two_at_once_build_one(self, tmp_path: Path) -> None:
        context = multiprocessing.get_context("spawn")
        start = context.Barrier(2)
        both = [context.Process(target=find_slowly, args=(tmp_path, start)) for _ in range(2)]
        for each in both:
            each.start()
        for each in both:
            each.join(30)
            assert each.exitcode == 0
        assert (tmp_path / "builds").read_text() == "built\n"


def find_slowly(cache: Path, start: Barrier) -> None:
    def build(cache: Path) -> Path:
        with (cache / "builds").open("a") as file:
            file.write("built\n")
        made = fake_temporal(cache / "made")
        return temporal._place(made, cache)

    start.wait()
    find_temporal(cache, found=[temporal.from_cache], made=[build])


def fake_go(folder: Path, version: str) -> Path:
    return script(
        folder / "go",
        f"""\
        #!/bin/sh
        if [ "$1" = version ]; then echo go version {version} linux/amd64; exit; fi
        {{ echo "$@"; env; }} > {folder}/said
        mkdir -p "$GOBIN" && echo '#!/bin/sh
        echo temporal version 1.5.1' > "$GOBIN/temporal" && chmod +x "$GOBIN/temporal"
        """,
    )
