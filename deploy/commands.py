"""The commands that the server adds to `mulligan`: up and serve."""

import asyncio
import ctypes
import logging
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from deploy.settings import Settings, load
from mulligan.values.errors import MulliganError
from worker.stopping import end, leave

_M_ARENA_MAX = -8  # malloc.h


def _say(text: str) -> None:
    print(text, flush=True)


_REPEATED = {"allowed_image_hosts": "--allowed-image-host", "regions": "--serves-region"}
"""Flags that are given once for each value."""


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Make a flag of each setting."""
    for name, field in reversed(Settings.model_fields.items()):
        flag = f"--{name.replace('_', '-')}"
        if name in _REPEATED:
            option = click.option(_REPEATED[name], name, multiple=True, help=field.description)
        else:
            is_flag = field.annotation is bool
            option = click.option(flag, name, is_flag=is_flag, default=None, help=field.description)
        command = option(command)
    return click.option(
        "--config", type=click.Path(path_type=Path), default=None, help="TOML file with settings"
    )(command)


def _settings(config: Path | None, flags: dict[str, Any]) -> Settings:
    given = {name: value for name, value in flags.items() if value}
    try:
        return load(config, given, os.environ)
    except MulliganError as error:
        raise click.UsageError(error.message) from error


def _run(main: Any) -> None:
    logging.basicConfig(
        level=os.environ.get("LOG_LEVEL", "INFO"),
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    code = 1
    with asyncio.Runner() as runner:
        try:
            runner.run(main)
            code = 0
        except MulliganError as error:
            print(f"mulligan: {error.message}", file=sys.stderr, flush=True)
            code = 4
        except Exception:
            traceback.print_exc()  # now: nobody does where a thread is left
        finally:
            leave(code)  # before the runner waits for its threads
    end(code)  # Temporal's core may hold up the interpreter's own end.


def _take_little_memory(*, grpc: bool) -> None:
    """Keep a process small, before anything large is imported.

    All threads allocate from one heap (mallopt(3); other C libraries than glibc have no others).
    Temporal's client calls through a core of its own, and imports Python's gRPC only where it is
    there: who serves nothing by it does without.
    """
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
    if not grpc:
        sys.modules.setdefault("grpc", None)  # type: ignore[arg-type]


@click.command()
@_options
@click.option("--temporal-port", type=int, default=7233, show_default=True, help="0: any")
@click.option("--ui-port", type=int, default=8233, show_default=True, help="0: any")
@click.option(
    "--media-port", type=int, default=7680, show_default=True, help="0: any; the next one too"
)
@click.option(
    "--service-processes",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="of the services; each uses one core at most",
)
def up(
    config: Path | None,
    temporal_port: int,
    ui_port: int,
    media_port: int,
    service_processes: int,
    **flags: Any,
) -> None:
    """Run everything on this machine: Temporal, all services, a worker, an executor."""
    _take_little_memory(grpc=False)
    from deploy.up import up as bring_up

    settings = _settings(config, flags)
    settings.state = settings.state.absolute()
    _run(
        bring_up(
            settings,
            temporal_port=temporal_port,
            ui_port=ui_port,
            media_port=media_port,
            service_processes=service_processes,
            say=_say,
        )
    )


@click.command()
@click.argument(
    "roles",
    nargs=-1,
    required=True,
    type=click.Choice(["iam", "meta", "resource", "control", "worker", "executor"]),
)
@_options
def serve(roles: tuple[str, ...], config: Path | None, **flags: Any) -> None:
    """Run some of the services, the control worker or an executor."""
    _take_little_memory(grpc=not set(roles) <= {"executor", "worker"})
    from deploy.serve import serve as run_roles

    _run(run_roles(roles, _settings(config, flags), _say))


if __name__ == "__main__":
    click.Group(commands={"up": up, "serve": serve})()
