"""What fails in the background is said once for each reason, with what it was."""

import logging

import pytest

from mulligan.failures import Failures, log_failure
from mulligan.values.errors import UnavailableError

_LOG = logging.getLogger("mulligan.background")


def _said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.name == _LOG.name]


def test_a_failure_is_logged_once_for_each_reason_and_again_after_it_worked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failures = Failures(_LOG, "can't go on")
    for error in (OSError("away"), OSError("away"), OSError("full"), KeyError("full")):
        failures.note(error)
    failures.are_over()
    failures.note(KeyError("full"))

    gone, again = ["can't go on: away", "can't go on: full"], "can't go on: 'full'"
    assert _said(caplog) == [*gone, again, again]


def test_one_without_a_text_is_logged_as_what_it_is(caplog: pytest.LogCaptureFixture) -> None:
    failures = Failures(_LOG, "can't go on")
    failures.note(TimeoutError())
    failures.note(TimeoutError())
    failures.note(AssertionError())

    assert _said(caplog) == ["can't go on: TimeoutError()", "can't go on: AssertionError()"]


@pytest.mark.parametrize(
    ("error", "traced"),
    [
        pytest.param(UnavailableError("iam does not answer"), False, id="in our words"),
        pytest.param(OSError("no space"), False, id="of the system"),
        pytest.param(TypeError("none"), True, id="a mistake of ours"),
    ],
)
def test_only_what_nobody_foresaw_brings_its_trace(
    caplog: pytest.LogCaptureFixture, error: Exception, traced: bool
) -> None:
    log_failure(_LOG, "can't go on", error)

    assert [bool(one.exc_info) for one in caplog.records if one.name == _LOG.name] == [traced]
