"""Options that several commands share, and parameters that say the nearest choice."""

import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from mulligan_client.complaint import ComplaintError
from mulligan_client.exits import Exit
from mulligan_client.quantities import parse_duration, parse_gib, parse_mib, parse_time
from mulligan_client.session import Session

_Command = TypeVar("_Command", bound=Callable[..., Any])

pass_session = click.make_pass_decorator(Session)


class Choice(click.Choice[str]):
    """One of some words; a mistyped one gets the nearest told."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Name the choices, and the nearest of them."""
        message = super().get_invalid_choice_message(value, ctx)
        near = get_close_matches(str(value).lower(), [str(choice) for choice in self.choices], n=1)
        return f"{message} Did you mean {near[0]!r}?" if near else message


class Parsed(click.ParamType[Any]):
    """A value read by a function that raises ValueError with a sentence."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the text; a default that is no text stands as it is."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


MIB = Parsed("size", parse_mib)
GIB = Parsed("size", parse_gib)
TIME = Parsed("time", parse_time)
DURATION = Parsed("duration", parse_duration)


def takes_output(command: _Command) -> _Command:
    """Add -o: a table for people, JSON or YAML for programs."""
    return click.option(
        "-o",
        "--output",
        type=one_of(["table", "json", "yaml"]),
        default="table",
        show_default=True,
        help="For people (table) or programs (protobuf JSON, YAML).",
    )(command)


def takes_wait(command: _Command) -> _Command:
    """Add --wait: show progress until the operation ends."""
    return click.option(
        "--wait/--no-wait",
        default=False,
        help="Show progress until it is done; Ctrl-C detaches, the operation goes on.",
    )(command)


def takes_project(command: _Command) -> _Command:
    """Add --project."""
    return click.option(
        "--project", default="", envvar="MULLIGAN_PROJECT", help="Project, if not the current one."
    )(command)


def takes_region(command: _Command) -> _Command:
    """Add --region."""
    return click.option(
        "--region", default="", envvar="MULLIGAN_REGION", help="Region, if not the current one."
    )(command)


def takes_generation(command: _Command) -> _Command:
    """Add --generation."""
    words = "Refuse if it is not at this generation any more."
    return click.option("--generation", default=0, help=words)(command)


def takes_new_name(command: _Command) -> _Command:
    """Add --name, which gives the object another one."""
    words = "Another name for it; the slug of the one before still leads to it."
    return click.option("--name", "new_name", help=words)(command)


def takes_yes(command: _Command) -> _Command:
    """Add --yes: don't ask."""
    return click.option("-y", "--yes", is_flag=True, help="Don't ask whether you mean it.")(command)


def refuse_beside_file(*allowed: str) -> None:
    """Refuse what was said beside --file: the file says it all, but for the `allowed` parameters.

    Raises:
        UsageError: something was.
    """
    context = click.get_current_context()
    for one in context.command.params:
        if one.name in ("manifest", *allowed) or one.name is None:
            continue
        if context.get_parameter_source(one.name) is ParameterSource.COMMANDLINE:
            is_option = isinstance(one, click.Option)
            word = max(one.opts, key=len) if is_option else one.human_readable_name.upper()
            raise click.UsageError(f"{word} and --file exclude each other; say it in the file")


def takes_password(command: _Command) -> _Command:
    """Add --password-file and --password-stdin; a password is never an argument."""
    command = click.option(
        "--password-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Read the password from the first line of a file.",
    )(command)
    return click.option(
        "--password-stdin", is_flag=True, help="Read the password from standard input."
    )(command)


def read_password(
    session: Session, file: Path | None, stdin: bool, *, prompt: str, confirm: bool = False
) -> str:
    """Get a password from where it was said to be, else by asking.

    Raises:
        ComplaintError: there are two places, none and nobody to ask, or nothing in it.
    """
    if file is not None and stdin:
        raise click.UsageError("--password-file and --password-stdin exclude each other")
    if file is not None:
        password = _first_line(file.read_text())
    elif stdin:
        password = _first_line(sys.stdin.read())
    elif sys.stdin.isatty():
        password = click.prompt(prompt, hide_input=True, confirmation_prompt=confirm, err=True)
    else:
        raise ComplaintError(
            "there is no terminal to ask for the password on",
            do="give it with --password-file FILE or --password-stdin",
            exit_code=Exit.USAGE,
        )
    if not password:
        raise ComplaintError("the password is empty", exit_code=Exit.USAGE)
    return session.keep_secret(password)


def _first_line(text: str) -> str:
    return next(iter(text.splitlines()), "")


def confirm(session: Session, question: str, yes: bool) -> None:
    """Ask before something is destroyed.

    Raises:
        ComplaintError: the answer is no, or there is nobody to ask.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise ComplaintError(
            "there is no terminal to ask on whether you mean it",
            do="say so with --yes",
            exit_code=Exit.USAGE,
        )
    if not click.confirm(question, err=True):
        raise ComplaintError("nothing was done", exit_code=Exit.REFUSED)


def one_of(words: Sequence[str]) -> Choice:
    """A parameter that takes one of the words."""
    return Choice(words, case_sensitive=False)
