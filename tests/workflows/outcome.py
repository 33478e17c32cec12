"""What is asked of a site after an operation ended."""

from typing import Any

from temporalio.client import WorkflowExecutionStatus

from tests.fakes.place import Place


def cancel(place: Place, operation: str) -> None:
    """Cancel an operation's workflow, as Temporal's UI does."""
    place.site.run(place.site.handle(operation).cancel())


def workflow_status(place: Place, operation: str) -> WorkflowExecutionStatus | None:
    """How an operation's workflow ended."""
    return place.site.run(place.site.handle(operation).describe()).status


def used(place: Place, provider: str) -> dict[str, int]:
    """What is allocated from a provider now, without what is at 0."""
    found: Any = place.operator.GetProvider(id=provider).inventories
    return {one.resource_type: one.used for one in found if one.used}


def nothing_is_left(place: Place, machine: str, provider: str) -> None:
    """A machine failed: its claim is released, its name and its provider's slot are free."""
    shown = place.get(machine)
    assert shown.status.state == "failed"
    assert shown.status.reason
    claim = place.member.GetClaim(project=place.project, id=shown.claim)
    assert claim.status.state == "released"
    assert used(place, provider) == {}
    assert place.operator.GetNetwork(id=place.network).addresses_used == 0
    named = place.member.ResolveNames(
        object_type="machine", names=[shown.metadata.name], project=place.project
    )
    assert list(named.objects) == []
    for show in (place.operator.GetHost, place.operator.GetServer):
        try:
            assert show(id=provider).operation == ""
        except Exception as error:
            if "there is no" not in str(error):
                raise


def names_of(ended: Any) -> list[str]:
    """The steps of an operation that ended, in their order."""
    return [step.name for step in ended.steps]
