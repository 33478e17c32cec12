"""The `mulligan` command. Its groups are loaded when they are used, so that help comes at once."""

import os
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, cast

import click

from mulligan_client.complaint import (
    ComplaintError,
    call_error_lines,
    complaint_lines,
    plain,
    redact,
)
from mulligan_client.exits import MEANINGS, Exit, exit_for
from mulligan_client.session import Session

ENTRY_POINTS = "mulligan.commands"

# Name, what help says of it. Each is mulligan_client.commands.<name>.<name>, with _ for -.
COMMANDS = {
    "bootstrap": "Create the administrator and what a first machine needs.",
    "login": "Log in, and choose the project and region to work in.",
    "logout": "End the session, and forget its tokens.",
    "session": "Where accounts are logged in; revoke it.",
    "machine": "Provision machines, see them, decommission them.",
    "operation": "What was asked for, how far it is, and what was said meanwhile.",
    "server": "Hardware with a BMC.",
    "host": "Hypervisors.",
    "image": "Operating systems to put on machines.",
    "network": "Networks that machines are put in.",
    "provider": "Whatever has inventory: trees of it, what it has and can do.",
    "provider-type": "Kinds of provider, and how long each is cleaned between claims.",
    "resource-type": "Names of what is counted.",
    "capability": "Names of what providers can do.",
    "group": "Providers that belong together, and who shares with them.",
    "distance": "How far providers and groups are apart.",
    "distance-type": "Ways to measure that, with codes from near to far.",
    "claim": "What is committed to whom, and when.",
    "reservation": "Claims in the future, with a purpose.",
    "quota": "How much projects may have.",
    "usage": "What is used, reserved and free.",
    "calendar": "Who has what of each provider, and when; --svg draws it.",
    "freeze": "Stop what powers, wipes, deletes or starts; list such stops.",
    "thaw": "Take a freeze back.",
    "configure": "Turn log level, rate limits and time-outs while services run.",
    "reconcile": "Compare records, Temporal and hardware; show what differs.",
    "project": "Tenants.",
    "region": "Where objects live.",
    "account": "Users.",
    "app-credential": "Accounts for programs, which may less than who makes them.",
    "role": "Who may do what.",
    "audit": "Who did what, and who was refused.",
    "service": "Sites, and where their services are.",
    "token-key": "The keys that sign access tokens.",
    "tag": "Free words on objects.",
    "metadef": "Named attributes of objects, what their values may be, and the values.",
    "completion": "Print the script that completes commands in a shell.",
}

# Help of what the server package adds; loading it to ask would take seconds.
ADDED = {
    "up": "Run everything on this machine.",
    "serve": "Run some of the services.",
}


class Mulligan(click.Group):
    """The root group: loads commands late, and puts every error into words."""

    @property
    def _added(self) -> dict[str, EntryPoint]:
        return {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name all commands without loading any."""
        return [*sorted(self._added.keys() - COMMANDS.keys()), *COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command; of a broken one only the complaint is left."""
        if cmd_name in COMMANDS:
            name = cmd_name.replace("-", "_")
            found = getattr(import_module(f"mulligan_client.commands.{name}"), name)
        elif cmd_name in self._added:
            found = _load(self._added[cmd_name])
        else:
            return None
        return cast("click.Command", found)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant; a mistyped one gets the nearest told."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            near = get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their help, without loading any."""
        added = [
            (name, ADDED.get(name, f"Added by {_package(entry)}."))
            for name, entry in sorted(self._added.items())
            if name not in COMMANDS
        ]
        with formatter.section("Commands"):
            formatter.write_dl([*added, *COMMANDS.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List exit codes and environment variables."""
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(int(code)), words) for code, words in MEANINGS.items()])
        with formatter.section("Environment"):
            formatter.write_dl(
                [
                    ("MULLIGAN_ADDRESS", "server to talk to instead of the one logged in at"),
                    ("MULLIGAN_TOKEN", "access token to use instead of the stored one"),
                    ("MULLIGAN_PROJECT", "project to work in, like --project"),
                    ("MULLIGAN_REGION", "region to work in, like --region"),
                    ("MULLIGAN_CONFIG_DIR", "folder in which the login is kept"),
                ]
            )

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run, and leave with one of the documented codes."""
        session = Session()
        extra["standalone_mode"] = False
        extra.setdefault("obj", session)
        sys.exit(_outcome(session, lambda: click.Group.main(self, *args, **extra)))


def _outcome(session: Session, run: Callable[[], Any]) -> int:
    """Run, and say what went wrong, if something does."""
    try:
        answer = run()
    except BrokenPipeError:
        # The reader has had enough. What is left in the buffer must not be complained about.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except Exception as error:
        lines, code = _verdict(error)
        _complain(session, lines)
        return code
    return answer if isinstance(answer, int) else Exit.OK


def _verdict(error: Exception) -> tuple[list[str], int]:
    """Put an error into lines for people and a code for programs."""
    match error:
        case click.UsageError():
            return _usage_lines(error), Exit.USAGE
        case click.Abort():
            return ["Interrupted; what was asked for until then may still be done."], Exit.DETACHED
        case click.ClickException():
            return [f"Error: {error.format_message()}"], error.exit_code
        case ComplaintError():
            return complaint_lines(error), error.exit_code
    from mulligan_client.errors import MulliganCallError  # it brings gRPC

    if isinstance(error, MulliganCallError):
        return call_error_lines(error), exit_for(error)
    return [
        f"Error: {type(error).__name__}: {error}",
        "Why:   that is a bug in the mulligan command",
        "Do:    report it with what `mulligan --debug …` prints; secrets are taken out of it",
    ], Exit.BROKEN


def _complain(session: Session, lines: Sequence[str]) -> None:
    if session.debug:
        import traceback

        click.echo(redact(traceback.format_exc().rstrip(), session.secrets), err=True)
    first, *rest = redact(plain("\n".join(lines)), session.secrets).split("\n")
    if first.startswith("Error:"):
        first = click.style("Error:", fg="red", bold=True) + first.removeprefix("Error:")
    click.echo("\n".join([first, *rest]), err=True)


def _usage_lines(error: click.UsageError) -> list[str]:
    lines = [f"Error: {error.format_message()}"]
    if error.ctx is not None:
        lines.append(error.ctx.get_usage())
        if error.cmd is not None and error.cmd.get_help_option(error.ctx) is not None:
            lines.append(f"Do:    look at {error.ctx.command_path} --help")
    return lines


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.value


def _load(entry: EntryPoint) -> click.Command:
    try:
        found = entry.load()
        if isinstance(found, click.Command):
            return found
        problem = f"{entry.value} is no click command"
    except Exception as error:  # whatever another package does wrong must not break the rest
        problem = f"{type(error).__name__}: {error}"

    def complain(**_: Any) -> None:
        raise ComplaintError(
            f"command {entry.name!r} can't be loaded: {problem}",
            do=f"look whether package {_package(entry)!r} is installed completely",
            exit_code=Exit.BROKEN,
        )

    return click.Command(
        entry.name,
        callback=complain,
        help=f"Can't be loaded: {problem}.",
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )


@click.group(
    cls=Mulligan,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Provision machines, baremetal and virtual. Names, slugs and UUIDs are good everywhere.",
)
@click.option("--address", metavar="ADDRESS", help="Server to talk to: host:port or https://….")
@click.option("--at-site", metavar="UUID", default="", help="Ask this site only, of several.")
@click.option(
    "--ca-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Authorities to trust for the server's certificate (PEM).",
)
@click.option("--debug", is_flag=True, help="With an error print its traceback, without secrets.")
@click.version_option(package_name="mulligan-client", prog_name="mulligan")
@click.pass_obj
def mulligan(
    session: Session, address: str | None, at_site: str, ca_file: Path | None, debug: bool
) -> None:
    """Take in what holds for every command."""
    session.address = address or ""
    session.site = at_site
    session.ca_file = str(ca_file.resolve()) if ca_file else ""
    session.debug = debug


def main() -> None:
    """Run the `mulligan` command."""
    mulligan(prog_name="mulligan")
