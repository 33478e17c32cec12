"""What is said of a region, from options to calls: its failure domains, and who sees it."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from mulligan_client.commands.options import Parsed, one_of
from mulligan_client.commands.whereabouts import KINDS, WORDS
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.session import Session

_Command = TypeVar("_Command", bound=Callable[..., Any])

_VISIBILITIES = {
    "public": iam_pb2.VISIBILITY_PUBLIC,
    "internal": iam_pb2.VISIBILITY_INTERNAL,
}


def parse_domains(text: str) -> iam_pb2.FailureDomains:
    """Read KIND=CODE, or KIND=CODE,CODE; without a code the region has those of the one above it.

    Raises:
        ValueError: it is something else.
    """
    word, equals, codes = text.partition("=")
    if word not in KINDS or not equals:
        raise ValueError(f"{text!r} is not KIND=CODE,CODE; kinds are {', '.join(KINDS)}")
    return iam_pb2.FailureDomains(kind=KINDS[word], codes=filter(None, codes.split(",")))


def takes_region_spec(command: _Command) -> _Command:
    """Add what says which failure domains a region has, and who sees it."""
    for option in (
        click.option(
            "--visible-to",
            "projects",
            multiple=True,
            metavar="PROJECT",
            help="Only this project, and those below it, see the region; repeatable.",
        ),
        click.option(
            "--visibility",
            type=one_of(list(_VISIBILITIES)),
            help="public: everybody sees it; internal: only who has a role there.",
        ),
        click.option(
            "--domain",
            "domains",
            type=Parsed("domain", parse_domains),
            multiple=True,
            metavar="KIND=CODE[,CODE]",
            help="What fails together: power, network, cooling or building, such as power=feed-a; "
            "repeatable. power= : that of the region above.",
        ),
    ):
        command = option(command)
    return command


def create_region(session: Session, name: str, parent: str, **said: Any) -> iam_pb2.Region:
    """Create a region."""
    request = iam_pb2.CreateRegionRequest(name=name, parent=parent)
    _put(session, request.spec, **said)
    return session.client.iam.CreateRegion(request)


def change_region(
    session: Session, region: str, name: str, generation: int, **said: Any
) -> iam_pb2.Region:
    """Change what is said of a region; the domains of other kinds stay as they are."""
    request = iam_pb2.UpdateRegionRequest(id=region, name=name, generation=generation)
    if name:
        request.update_mask.paths.append("name")
    if said["domains"]:
        before = session.client.iam.GetRegion(iam_pb2.GetRegionRequest(id=region))
        request.spec.CopyFrom(before.spec)
        request.generation = generation or before.metadata.generation
        request.update_mask.paths.append("spec.failure_domains")
    if _put(session, request.spec, **said):
        request.update_mask.paths.append("spec.visibility")
    return session.client.iam.UpdateRegion(request)


def _put(
    session: Session,
    spec: iam_pb2.RegionSpec,
    *,
    domains: tuple[iam_pb2.FailureDomains, ...],
    visibility: str | None,
    projects: tuple[str, ...],
) -> bool:
    """Write what is said into a spec; says whether that is who sees it."""
    if visibility and projects:
        raise click.UsageError("--visibility and --visible-to exclude each other")
    said = {one.kind: one for one in (*spec.failure_domains, *domains)}
    del spec.failure_domains[:]
    spec.failure_domains.extend(one for one in said.values() if one.codes)
    if not (visibility or projects):
        return False
    spec.visibility = _VISIBILITIES[visibility] if visibility else iam_pb2.VISIBILITY_PROJECTS
    spec.visible_to[:] = [session.resolve("project", one) for one in projects]
    return True


def shown_spec(session: Session, region: iam_pb2.Region) -> list[tuple[str, str]]:
    """What is said of a region, as rows of a sheet."""
    spec = region.spec
    name = session.names(spec.visible_to)
    seen = iam_pb2.Visibility.Name(spec.visibility).removeprefix("VISIBILITY_").lower()
    if spec.visibility == iam_pb2.VISIBILITY_PROJECTS:
        seen = "projects " + ", ".join(map(name, spec.visible_to))
    return [
        *((WORDS[one.kind], ", ".join(one.codes)) for one in spec.failure_domains),
        ("visible to", seen),
    ]
