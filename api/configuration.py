"""The RPCs by which services and executors are configured: one message for all of them."""

from typing import Any

from google.protobuf.duration_pb2 import Duration
from sqlalchemy.orm import Session

from api import messages
from api.call import current_call
from api.masks import paths_of
from mulligan import configuration
from mulligan.configuration import ConfigurationRow
from mulligan.values.configuration import FIELDS, UNSET, Configuration
from mulligan_client.gen.mulligan.common.v1 import common_pb2 as pb

_LEVEL = "LOG_LEVEL_"


async def configure(request: Any, service: str, region: str = "") -> pb.Configuration:
    """Change what is set of a service, or of the executors of a region."""
    call = current_call()
    paths = paths_of(request, [f"spec.{name}" for name in FIELDS[service]])
    names = [path.removeprefix("spec.") for path in paths]
    wanted = _value(request.spec)

    def change(session: Session) -> pb.Configuration:
        row = configuration.configure(
            session,
            service,
            region,
            wanted,
            names,
            generation=request.generation,
            author=call.caller.account,
        )
        return _message(service, region, row)

    return await call.write(request, pb.Configuration, change)


async def get(service: str, region: str = "") -> pb.Configuration:
    """Show what is set of a service, or of the executors of a region, and what is in force."""

    def read(session: Session) -> pb.Configuration:
        return _message(service, region, configuration.find(session, service, region))

    return await current_call().read(read)


def _value(spec: pb.ConfigurationSpec) -> Configuration:
    found: dict[str, Any] = {}
    for field, value in spec.ListFields():
        if field.name == "log_level":
            found[field.name] = pb.LogLevel.Name(value).removeprefix(_LEVEL)
        elif isinstance(value, Duration):
            found[field.name] = value.ToTimedelta().total_seconds()
        else:
            found[field.name] = {"per_second": value.per_second, "burst": value.burst}
    return Configuration.model_validate(found)


def _message(service: str, region: str, row: ConfigurationRow | None) -> pb.Configuration:
    wanted = row.configuration if row is not None else UNSET
    return pb.Configuration(
        service=service,
        region=region,
        spec=_spec(wanted),
        in_force=_spec(wanted.filled(service)),
        generation=row.generation if row else 0,
        changed_by=row.changed_by if row else "",
        changed_at=messages.timestamp(row.changed_at) if row else None,
    )


def _spec(wanted: Configuration) -> pb.ConfigurationSpec:
    spec = pb.ConfigurationSpec()
    for name, value in wanted.set_fields().items():
        if name == "log_level":
            spec.log_level = pb.LogLevel.Value(_LEVEL + value)
        elif isinstance(value, dict):
            getattr(spec, name).CopyFrom(pb.RateLimit(**value))
        else:
            getattr(spec, name).FromNanoseconds(round(value * 1e9))
    return spec
