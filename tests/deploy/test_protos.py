"""What is generated from the protos: as it is committed, and usable without their rules."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy import protos
from deploy.api_docs import api_pages
from deploy.clients import build
from deploy.docs import DOCS, who
from deploy.toolchains import cache_folder


def test_generating_again_leaves_no_diff(tmp_path: Path) -> None:
    protos.generate(tmp_path / "gen")

    assert _differing(tmp_path / "gen", protos.OUT) == [], "run `make generate`"


def test_generating_the_other_languages_again_leaves_no_diff(tmp_path: Path) -> None:
    there = build.install_plugins(cache_folder(os.environ))
    protos.generate_go(tmp_path / "go", there)
    protos.generate_typescript(tmp_path / "typescript", there)

    again = [
        *_differing(tmp_path / "go", build.GO_CLIENT, ("*.pb.go", "*.gen.go")),
        *_differing(tmp_path / "typescript", protos.TYPESCRIPT_OUT, ("*.ts",)),
    ]
    assert again == [], "run `make generate`"


def _differing(one: Path, other: Path, patterns: Sequence[str] = ("*.py", "*.pyi")) -> list[str]:
    """Files that only one of two folders has, or that are not the same in both."""
    texts = [
        {
            path.relative_to(folder).as_posix(): path.read_text()
            for pattern in patterns
            for path in folder.rglob(pattern)
        }
        for folder in (one, other)
    ]
    return sorted({name for name, _ in texts[0].items() ^ texts[1].items()})


def test_the_pages_of_the_api_are_those_of_the_protos() -> None:
    drawn = api_pages(who)

    assert {name: DOCS.joinpath(name).read_text() for name in drawn} == drawn, (
        "run `python -m deploy.docs`"
    )


def test_links_between_the_pages_lead_to_a_heading() -> None:
    pages = {DOCS / name: page for name, page in api_pages(who).items()}
    headings = {
        path: {re.sub(r"[^\w-]", "", line.lower().replace(" ", "-")) for line in found}
        for path, page in pages.items()
        if (found := re.findall(r"^#+ (.+)$", page, flags=re.MULTILINE))
    }
    for path, page in pages.items():
        for page_name, heading in re.findall(r"\]\(([^)#]*)#([^)]+)\)", page):
            target = (path.parent / page_name).resolve() if page_name else path
            assert heading in headings[target], f"{path.name}: {page_name}#{heading}"


def test_the_client_does_not_load_what_checks_the_rules() -> None:
    program = (
        "import sys, mulligan_client.client; "
        "print([name for name in sys.modules if name.startswith(('protovalidate', 'buf'))])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert (run.returncode, run.stdout.strip()) == (0, "[]"), run.stderr
