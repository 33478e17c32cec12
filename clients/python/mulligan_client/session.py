"""What one run of the command has: the login, the client, and where it writes."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mulligan_client.complaint import ComplaintError
from mulligan_client.exits import Exit
from mulligan_client.store import Login, LoginKeeper, Store
from mulligan_client.tokens import SignIn, Tokens

if TYPE_CHECKING:  # each brings gRPC or rich, which `mulligan --help` has no use for
    from rich.console import Console, RenderableType

    from mulligan_client.catalogue import Kept, Site
    from mulligan_client.client import Client
    from mulligan_client.errors import MulliganCallError


@dataclass
class Session:
    """One run of the command. Client and consoles are made when they are first used."""

    address: str = ""
    # UUID of the one that is asked; empty: whichever a call is for.
    site: str = ""
    ca_file: str = ""
    debug: bool = False
    # Never shown, not even in a traceback.
    secrets: set[str] = field(default_factory=set)
    # Sites of which it was said that they are away: once is enough.
    _told_away: set[str] = field(default_factory=set)

    @cached_property
    def store(self) -> Store:
        """Where the login is kept."""
        return Store.default()

    @cached_property
    def login(self) -> Login:
        """The login in force: the stored one, unless option or environment name another server.

        A stored token never goes to an address that it was not given by.
        """
        try:
            stored = self.store.read()
        except ValueError as error:
            raise ComplaintError(str(error)) from None
        address = self.address or os.environ.get("MULLIGAN_ADDRESS", "")
        login = stored if address in ("", stored.address) else Login(address=address)
        if not self.is_stored:
            login = login.with_tokens(Tokens(os.environ["MULLIGAN_TOKEN"]))
        login = replace(login, ca_file=self.ca_file or login.ca_file)
        self.keep_secret(login.token)
        self.keep_secret(login.refresh_token)
        return login

    @property
    def is_stored(self) -> bool:
        """Whether the token is the stored one, and not given by MULLIGAN_TOKEN."""
        return not os.environ.get("MULLIGAN_TOKEN")

    @cached_property
    def client(self) -> "Client":
        """The client of the logged-in caller."""
        if not self.login.address:
            raise ComplaintError(
                "there is no server to talk to",
                do="log in: mulligan login ADDRESS (or set MULLIGAN_ADDRESS and MULLIGAN_TOKEN)",
                exit_code=Exit.NOT_ALLOWED,
            )
        if not self.login.token:
            raise ComplaintError(
                f"you are not logged in at {self.login.address}",
                do=f"log in: mulligan login {self.login.address}",
                exit_code=Exit.NOT_ALLOWED,
            )
        # A token from the environment is nobody's to renew, and what is stored stays as it is.
        renews = bool(self.login.refresh_token)
        keeper = LoginKeeper(self.store, self.login, self.keep_secret) if renews else None
        kept = None
        if self.is_stored:
            from mulligan_client.kept_catalogue import KeptCatalogue

            kept = KeptCatalogue(self.store, self.login, self.remark)
        return self.client_at(self.login.address, SignIn(self.login.tokens, keeper=keeper), kept)

    def client_at(
        self, address: str, sign_in: SignIn | None = None, kept: "Kept | None" = None
    ) -> "Client":
        """Make a client of another server, or of nobody yet."""
        if not self.debug:  # what gRPC's core has to say of a handshake is in the error already
            os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        from mulligan_client.client import Client

        ca_file = self.ca_file or (self.login.ca_file if address == self.login.address else "")
        try:
            return Client(
                address,
                sign_in=sign_in,
                site=self.site,
                away=self._tell_away,
                kept=kept,
                ca_file=Path(ca_file) if ca_file else None,
            )
        except (ValueError, OSError) as error:
            raise ComplaintError(str(error), exit_code=Exit.USAGE) from None

    def _tell_away(self, site: "Site", error: "MulliganCallError") -> None:
        if site.id in self._told_away:
            return
        self._told_away.add(site.id)
        self.remark(f"{site} does not answer; what it has is missing here: {error.message}")

    def keep_secret(self, text: str) -> str:
        """Remember a text that must never be shown, and give it back."""
        if text:
            self.secrets.add(text)
        return text

    def project(self, name: str = "") -> str:
        """Find the project to work in: the one named, chosen at login, or the only one there is."""
        if name or self.login.project:
            return self.resolve("project", name) if name else self.login.project
        from mulligan_client.gen.mulligan.iam.v1 import iam_pb2

        request = iam_pb2.ListProjectsRequest()
        found = self.client.list_all(self.client.iam.ListProjects, request).projects
        return _only("project", found, "--project")

    def region(self, name: str = "") -> str:
        """Find the region to work in: the one named, chosen at login, or the only one there is."""
        if name or self.login.region:
            return self.resolve("region", name) if name else self.login.region
        from mulligan_client.gen.mulligan.iam.v1 import iam_pb2

        request = iam_pb2.ListRegionsRequest()
        found = self.client.list_all(self.client.iam.ListRegions, request).regions
        return _only("region", found, "--region")

    def resolve(self, object_type: str, name: str, *, project: str = "", region: str = "") -> str:
        """Find an id; where a name leads nowhere the nearest one is told."""
        from mulligan_client.errors import MulliganCallError, not_found
        from mulligan_client.nearest import nearest_name

        try:
            return self.client.resolve(object_type, name, project=project, region=region)
        except MulliganCallError as error:
            if error.code != "NOT_FOUND" or error.request_id:
                raise
            near = nearest_name(self.client, object_type, name, project)
            hint = f"; the nearest is {near!r}" if near else ""
            raise not_found(object_type, name, hint=hint) from None

    def names(self, ids: Iterable[str]) -> Callable[[str], str]:
        """Give a function from id to name; an id without a name that we may see stays an id."""
        names = self.client.names(ids)
        return lambda one: names.get(one, one)

    @cached_property
    def out(self) -> "Console":
        """Where results are shown."""
        from mulligan_client.output import console

        return console()

    @cached_property
    def err(self) -> "Console":
        """Where progress and remarks are shown, so that results can be piped."""
        from mulligan_client.output import console

        return console(errors=True)

    def show(self, message: Any, form: str, render: Callable[[], "RenderableType"]) -> None:
        """Show a message as it was asked for: in a program's format, or drawn for people."""
        from mulligan_client.output import write

        if form == "table":
            self.draw(render())
        else:
            write(message, "yaml" if form == "yaml" else "json")

    def draw(self, drawing: "RenderableType") -> None:
        """Show something to people; a pipe gets no blanks at the ends of lines."""
        if self.out.is_terminal:
            self.out.print(drawing)
            return
        with self.out.capture() as captured:
            self.out.print(drawing)
        for line in captured.get().splitlines():
            click.echo(line.rstrip())

    def remark(self, text: str) -> None:
        """Tell a person something that is no result."""
        click.echo(text, err=True)


def _only(object_type: str, found: Iterable[Any], option: str) -> str:
    objects = list(found)
    if len(objects) == 1:
        return str(objects[0].metadata.id)
    if not objects:
        raise ComplaintError(
            f"there is no {object_type} that you can use",
            do=f"an administrator makes one: mulligan {object_type} create NAME",
            exit_code=Exit.NOT_FOUND,
        )
    names = ", ".join(sorted(one.metadata.name for one in objects))
    raise ComplaintError(
        f"there are several {object_type}s: {names}",
        do=f"choose one with {option}, or for good: mulligan login {option} NAME",
        exit_code=Exit.USAGE,
    )
