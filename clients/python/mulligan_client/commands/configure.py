"""mulligan configure: log level, rate limits and time-outs of services and executors."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from mulligan_client.commands.options import (
    DURATION,
    Parsed,
    one_of,
    pass_session,
    takes_generation,
    takes_output,
    takes_region,
)
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table

EXECUTOR = "executor"
_MODULES: dict[str, Any] = {
    "iam": iam_pb2,
    "meta": meta_pb2,
    "resource": resource_pb2,
    "control": control_pb2,
    EXECUTOR: control_pb2,
}
_FIELDS = tuple(common_pb2.ConfigurationSpec.DESCRIPTOR.fields_by_name)
_RATE = re.compile(r"(\d+(?:\.\d+)?)(?:/(\d+))?")


def parse_rate(text: str) -> common_pb2.RateLimit:
    """Read calls a second, and how many at once, such as 50 or 50/200.

    Raises:
        ValueError: it is something else.
    """
    match = _RATE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a rate; write it like 50, or 50/200 with 200 at once")
    return common_pb2.RateLimit(per_second=float(match[1]), burst=int(match[2] or 0))


RATE = Parsed("rate", parse_rate)
takes_service = click.argument("service", type=one_of(list(_MODULES)))


@click.group()
def configure() -> None:
    """How services, and the executors of a region, are configured while they run."""


@configure.command("show")
@takes_service
@takes_region
@takes_output
@pass_session
def show(session: Session, service: str, region: str, output: str) -> None:
    """Show what is in force of a SERVICE, what was set of it, by whom and when."""
    found = _call(session, "Get{}Configuration", service, region)
    session.show(found, output, lambda: _sheet(session, found))


@configure.command("set")
@takes_service
@click.option("--log-level", type=one_of(["debug", "info", "warning", "error"]))
@click.option("--account-reads", type=RATE, help="Reads a second by one account: 50, or 50/200.")
@click.option("--account-writes", type=RATE, help="Mutations a second by one account.")
@click.option("--reads", type=RATE, help="Reads a second by all, of each instance.")
@click.option("--writes", type=RATE, help="Mutations a second by all, of each instance.")
@click.option("--transaction-timeout", type=DURATION, help="How long a call may take, such as 60s.")
@click.option("--accept-timeout", type=DURATION, help="How long a worker may take to begin.")
@click.option("--bmc-answer-timeout", type=DURATION, help="How long a BMC may take to be read.")
@click.option("--bmc-power-timeout", type=DURATION, help="How long power may take to change.")
@click.option("--bmc-media-timeout", type=DURATION, help="How long a medium may take to insert.")
@click.option("--bmc-restart-timeout", type=DURATION, help="How long a BMC may take to restart.")
@click.option(
    "--default",
    "defaults",
    multiple=True,
    type=one_of([name.replace("_", "-") for name in _FIELDS]),
    help="Have this one as it is by default; several times for several.",
)
@takes_generation
@takes_region
@takes_output
@pass_session
def put(
    session: Session,
    /,
    service: str,
    defaults: Sequence[str],
    generation: int,
    region: str,
    output: str,
    **given: Any,
) -> None:
    """Set what is said of a SERVICE; the rest stays. Of executors: those of --region."""
    named = {name: value for name, value in given.items() if value is not None}
    reset = {name.replace("-", "_") for name in defaults}
    if not named and not reset:
        raise click.UsageError("say what to set, such as --log-level debug")
    for name in sorted(named.keys() & reset):
        flag = name.replace("_", "-")
        raise click.UsageError(f"--{flag} and --default {flag} exclude each other")
    found = _call(
        session,
        "{}Configure",
        service,
        region,
        spec=_spec(named),
        update_mask=FieldMask(paths=[f"spec.{name}" for name in (*named, *sorted(reset))]),
        generation=generation,
    )
    session.show(found, output, lambda: _sheet(session, found))


def _spec(named: Mapping[str, Any]) -> common_pb2.ConfigurationSpec:
    spec = common_pb2.ConfigurationSpec()
    for name, value in named.items():
        if name == "log_level":
            spec.log_level = common_pb2.LogLevel.Value(f"LOG_LEVEL_{value.upper()}")
        elif isinstance(value, common_pb2.RateLimit):
            getattr(spec, name).CopyFrom(value)
        else:
            getattr(spec, name).FromTimedelta(value)
    return spec


def _call(
    session: Session, rpc: str, service: str, region: str, **fields: Any
) -> common_pb2.Configuration:
    if service == EXECUTOR:
        fields["region"] = session.region(region)
    name = rpc.format(service.capitalize())
    stub = getattr(session.client, "control" if service == EXECUTOR else service)
    answer: common_pb2.Configuration = getattr(stub, name)(
        getattr(_MODULES[service], f"{name}Request")(**fields)
    )
    return answer


def _sheet(session: Session, found: common_pb2.Configuration) -> "Table":
    from mulligan_client.output import sheet
    from mulligan_client.quantities import age_words

    ids = [one for one in (found.region, found.changed_by) if one]
    name = session.names(ids)
    where = [("region", name(found.region))] if found.region else []
    rows = [
        (field.replace("_", "-"), f"{_words(found.in_force, field)}{_origin(found, field)}")
        for field in _FIELDS
        if _is_set(found.in_force, field)
    ]
    changed = []
    if found.generation:
        by = f"{age_words(found.changed_at)} by {name(found.changed_by)}"
        changed = [("changed", by), ("generation", str(found.generation))]
    return sheet([("service", found.service), *where, *rows, *changed])


def _is_set(spec: common_pb2.ConfigurationSpec, field: str) -> bool:
    return bool(spec.log_level) if field == "log_level" else spec.HasField(field)  # type: ignore[arg-type]


def _origin(found: common_pb2.Configuration, field: str) -> str:
    return "" if _is_set(found.spec, field) else " (default)"


def _words(spec: common_pb2.ConfigurationSpec, field: str) -> str:
    value = getattr(spec, field)
    if isinstance(value, common_pb2.RateLimit):
        return f"{value.per_second:g}/s" + (f", {value.burst} at once" if value.burst else "")
    if isinstance(value, Duration):
        return f"{value.ToTimedelta().total_seconds():g} s"
    return common_pb2.LogLevel.Name(value).removeprefix("LOG_LEVEL_").lower()
