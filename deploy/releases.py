"""What each release left behind in `releases/<version>/`, by which later ones are measured.

`python -m deploy.releases` (`make check`) says what is missing, or was changed afterwards, and
where today's protos break programs made for a release. `make release` makes a folder.
"""

import gzip
import json
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from deploy import protos

RELEASES = Path(__file__).parents[1] / "releases"
LIST = "files.json"
DESCRIPTORS = "descriptors.binpb.gz"
HISTORIES = "histories"
KINDS = ("sqlite", "postgresql")
DATABASES = ("iam", "site")
ANSWERS = "answers.json.gz"
NEEDED = (
    DESCRIPTORS,
    *(f"{kind}/{name}.sql.gz" for kind in KINDS for name in DATABASES),
    *(f"{kind}/{ANSWERS}" for kind in KINDS),
)
_VERSION = re.compile(r"\d+\.\d+\.\d+")


@dataclass(frozen=True)
class Release:
    """A folder of `releases/`, named by its version."""

    folder: Path

    @property
    def version(self) -> str:
        """Such as 0.1.0."""
        return self.folder.name

    def descriptors(self) -> FileDescriptorSet:
        """Read its protos, with their comments."""
        packed = self.folder.joinpath(DESCRIPTORS).read_bytes()
        return FileDescriptorSet.FromString(gzip.decompress(packed))

    def dump(self, kind: str, database: str) -> str:
        """Read the SQL that makes one of DATABASES, on one of KINDS, as the release left it."""
        packed = self.folder.joinpath(kind, f"{database}.sql.gz").read_bytes()
        return gzip.decompress(packed).decode()

    def answers(self, kind: str) -> list[dict[str, Any]]:
        """Read what its services answered over the databases of the dumps: JSON of each call."""
        packed = self.folder.joinpath(kind, ANSWERS).read_bytes()
        answers: list[dict[str, Any]] = json.loads(gzip.decompress(packed))
        return answers

    def histories(self) -> list[Path]:
        """List the files of its workflows' histories, one a run."""
        return sorted(self.folder.joinpath(HISTORIES).glob("*.json"))

    def before(self, others: Sequence["Release"]) -> "Release | None":
        """Find the latest of the releases that are older; None: this is the first."""
        return max((one for one in others if one.order < self.order), key=_order, default=None)

    @property
    def order(self) -> tuple[int, ...]:
        """What older releases have less of."""
        return tuple(map(int, self.version.split(".")))

    def seal(self, before: "Release | None") -> None:
        """Write down its files, so that none is lost or changed later, nor the release before."""
        digests = self._digests(before)
        self.folder.joinpath(LIST).write_text(json.dumps(digests, indent=1) + "\n")

    def problems(self, before: "Release | None") -> Iterator[str]:
        """Say what is missing, or is not as it was when the release was made.

        Args:
            before: the release before it.
        """
        digests, listing = self._digests(before), self.folder / LIST
        sealed: dict[str, str] = json.loads(listing.read_text()) if listing.exists() else {}
        if not sealed:
            yield f"{self.version}: {LIST} is missing"
        if not self.histories():
            yield f"{self.version}: there is no history of a workflow in {HISTORIES}/"
        for name in sorted({*sealed, *NEEDED, *digests}):
            if name not in digests:
                yield f"{self.version}: {name} is missing"
            elif sealed and digests[name] != sealed.get(name):
                yield f"{self.version}: {name} was changed or added after the release"

    def _digests(self, before: "Release | None") -> dict[str, str]:
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        found = {
            path.relative_to(self.folder).as_posix(): path for path in files if path.name != LIST
        }
        if before is not None and before.folder.joinpath(LIST).exists():
            found[f"../{before.version}/{LIST}"] = before.folder / LIST
        return {name: sha256(path.read_bytes()).hexdigest() for name, path in found.items()}


def _order(release: Release) -> tuple[int, ...]:
    return release.order


def version_here() -> str:
    """Give the version of these sources, which pyproject.toml says."""
    sources = tomllib.loads(RELEASES.with_name("pyproject.toml").read_text())
    return str(sources["project"]["version"])


def releases(folder: Path = RELEASES) -> list[Release]:
    """List the releases, oldest first."""
    found = [Release(path) for path in folder.glob("*") if _VERSION.fullmatch(path.name)]
    return sorted(found, key=_order)


def problems(folder: Path = RELEASES) -> list[str]:
    """Say what is missing in a folder of releases; empty when all is there."""
    found = releases(folder)
    if not found:
        return [f"there is no release in {folder.name}/"]
    strays = {path.name for path in folder.iterdir()} - {release.version for release in found}
    stray = [f"{folder.name}/{name} is no release" for name in sorted(strays)]
    return stray + [
        problem for release in found for problem in release.problems(release.before(found))
    ]


def main(folder: Path = RELEASES, proto: Path = protos.PROTO, version: str = "") -> int:
    """Check the releases, and the protos against each of them; give the exit code.

    Args:
        folder: of the releases.
        proto: of the protos.
        version: of the sources; empty: what pyproject.toml says.
    """
    if missing := problems(folder):
        print(*missing, sep="\n", file=sys.stderr)
        print("a release is taken back from git, or made by `make release`", file=sys.stderr)
        return 1
    broken = [
        release.version
        for release in releases(folder)
        if protos.breaking(release.folder / DESCRIPTORS, proto)
    ]
    for one in broken:
        print(
            f"programs made for {one} break by what buf says above: add fields, methods and "
            "messages beside the old ones, and let those be",
            file=sys.stderr,
        )
    latest = releases(folder)[-1]
    is_other = latest.version == (version or version_here()) and is_behind(latest, proto)
    if is_other:
        print(
            f"{latest.version} is released with other protos than these: say the next version in "
            "pyproject.toml, or, if nobody has got it, `make release ARGS=--again`",
            file=sys.stderr,
        )
    return int(bool(broken) or is_other)


def is_behind(release: Release, proto: Path = protos.PROTO) -> bool:
    """Say whether a release's protos differ from those of a folder in more than comments."""
    return _ours(release.descriptors()) != _ours(protos.descriptors(proto))


def _ours(described: FileDescriptorSet) -> list[FileDescriptorProto]:
    files = [file for file in described.file if file.package.startswith("mulligan.")]
    for file in files:
        file.ClearField("source_code_info")
    return files


if __name__ == "__main__":
    sys.exit(main())
