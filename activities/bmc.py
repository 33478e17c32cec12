"""One BMC over Redfish: reading it tolerantly, and saying in words what went wrong.

A BMC is untrusted, slow and at times wrong. What it says is read as JSON of unknown shape; one
reading decides nothing, two that agree do. Credentials live in one connection and nowhere else.
"""

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import sushy
from requests import exceptions as requests_errors
from sushy import connector as sushy_connector
from sushy import exceptions as sushy_errors

from activities.bmc_line import READ_TIMEOUTS_S, WRITE_TIMEOUTS_S, Line, Turns
from activities.bmc_sessions import BmcSessions
from activities.contracts.configuration import Configured
from activities.contracts.redfish import BmcAccess
from activities.keys import RegionKeys
from activities.redaction import redact
from mulligan.values.errors import HardwareBusyError, HardwareError

MOST_PAGES = 100
"""How many pages of a collection are read: no server has so many parts."""

Body = Mapping[str, Any]
"""A Redfish resource as the BMC gave it: nothing in it can be relied upon."""

Value = TypeVar("Value")


@dataclass(frozen=True)
class Patience:
    """How long a BMC may take until it reads as it was told, in seconds."""

    pause_s: float = 0.5
    answer_s: float = READ_TIMEOUTS_S[1]
    power_s: float = 120
    media_s: float = 60
    boot_s: float = 30
    bmc_goes_s: float = 30
    bmc_comes_s: float = 420

    def told(self, configured: Configured | None) -> "Patience":
        """Give the same with what an operator set."""
        if configured is None:
            return self
        wanted = configured.wanted
        spans_s = {
            "answer_s": wanted.bmc_answer_timeout,
            "power_s": wanted.bmc_power_timeout,
            "media_s": wanted.bmc_media_timeout,
            "bmc_comes_s": wanted.bmc_restart_timeout,
        }
        return replace(self, **{name: span for name, span in spans_s.items() if span is not None})


@dataclass
class Bmc:
    """A connection to a server's BMC, for the length of one activity.

    `beat` is called with words before each call and may end the activity by raising. Whatever is
    asked through `connector` goes out on `line`.
    """

    access: BmcAccess
    connector: Any
    beat: Callable[[str], None]
    patience: Patience
    line: Line
    root: Any = None
    notes: list[str] = field(default_factory=list)
    unread: list[HardwareBusyError] = field(default_factory=list)
    """Why parts that may be there could not be read."""

    def words(self) -> str:
        """Name the server for a sentence."""
        return f"server {self.access.server} (BMC {self.access.address})"

    @contextmanager
    def asked(self, what: str) -> Iterator[None]:
        """Do one thing with the BMC, and raise what goes wrong in our own words.

        Raises:
            HardwareError: BMC_CREDENTIALS_REFUSED, BMC_TLS_UNTRUSTED, BMC_NOT_FOUND (404),
                BMC_REFUSED (any other 4xx) or BMC_ANSWER_MALFORMED.
            HardwareBusyError: BMC_UNREACHABLE, BMC_BUSY, BMC_ANSWER_CUT_OFF, or FENCED_OFF for a
                write.
        """
        self.beat(what)
        self.line.doing = f"{what} on {self.words()}"
        try:
            yield
        except HardwareError:
            raise
        except sushy_errors.HTTPError as error:
            raise self._http_error(what, error) from None
        except (sushy_errors.ConnectionError, *_NO_ANSWER) as error:
            raise self._connection_error(what, error) from None
        except (
            sushy_errors.SushyError,
            LookupError,
            TypeError,
            ValueError,
            AttributeError,
        ) as error:
            raise self._not_redfish(what, error) from None

    def get(self, path: str, what: str = "") -> Body:
        """Read a resource; errors as `asked` raises them."""
        with self.asked(what or f"read {path}"):
            body = self.connector.get(path).json()
            if not isinstance(body, dict) or ("error" in body and "@odata.id" not in body):
                raise ValueError(f"{path} is not a resource")
            return body

    def get_if_offered(self, path: str | None, name: str) -> Body:
        """Read a resource that a BMC may lack; what is missing goes to `notes` and reads as empty.

        Raises:
            HardwareError: BMC_CREDENTIALS_REFUSED or BMC_TLS_UNTRUSTED.
            HardwareBusyError: BMC_UNREACHABLE or FENCED_OFF.
        """
        if not path:
            self.notes.append(f"{name}: not offered")
            return {}
        try:
            return self.get(path)
        except HardwareError as error:
            if error.reason not in _LACKING:
                raise
            self.notes.append(f"{name}: {_LACKING[error.reason]} at {path}")
            if isinstance(error, HardwareBusyError):
                self.unread.append(error)
            return {}

    def members(self, collection: str | None, name: str) -> Iterator[tuple[str, Body]]:
        """Read the members of a collection one by one, as (path, body); note what is missing."""
        for path in self.member_paths(collection, name):
            body = self.get_if_offered(path, name)
            if body:
                yield path, body

    def member_paths(self, collection: str | None, name: str) -> Iterator[str]:
        """Give the paths of a collection's members, page after page (DSP0266, "Paging")."""
        page, seen = collection, set[str]()
        while True:
            body = self.get_if_offered(page, name)
            yield from links(body, "Members")
            seen.add(page or "")
            page = text(body, "Members@odata.nextLink")
            if not page:
                return
            if page in seen or len(seen) == MOST_PAGES:
                self.notes.append(f"{name}: the pages have no end at {page}")
                return

    def post(self, path: str, body: Mapping[str, object], what: str) -> None:
        """Send an action; errors as `asked` raises them."""
        with self.asked(what):
            self.connector.post(path, data=dict(body))

    def steady(self, read: Callable[[], Value]) -> Value:
        """Read until two readings in a row agree, or patience ends; then the last one counts."""
        before = read()
        for _ in range(10):
            self.pause()
            now = read()
            if now == before:
                return now
            before = now
        return before

    def comes_to(
        self, read: Callable[[], Value], wanted: Callable[[Value], bool], within_s: float
    ) -> bool:
        """Read until two readings in a row are as wanted; says whether they came to be.

        A reading that fails because the BMC is busy decides nothing, unless it is the last one.

        Raises:
            HardwareBusyError: the BMC could not be read any more, or FENCED_OFF.
        """
        give_up_at = time.monotonic() + within_s
        agreeing = 0
        while True:
            busy = None
            try:
                agreeing = agreeing + 1 if wanted(read()) else 0
            except HardwareBusyError as error:
                if error.reason == "FENCED_OFF":
                    raise
                agreeing, busy = 0, error
            if agreeing == 2:
                return True
            if agreeing == 0 and time.monotonic() >= give_up_at:
                if busy is not None:
                    raise busy
                return False
            self.pause()

    @staticmethod
    def worth_waiting_s(refusal: HardwareError | None, within_s: float) -> float:
        """Say for how long to read back a write, which is 0 when the BMC said that it is busy.

        Such a one did nothing, most likely; the next try finds it if it did.
        """
        return 0 if refusal is not None and refusal.reason == "BMC_BUSY" else within_s

    def pause(self) -> None:
        """Let the BMC do its work for a moment."""
        time.sleep(self.patience.pause_s)

    def _clean(self, error: BaseException) -> str:
        detail = getattr(error, "detail", None) or str(error) or type(error).__name__
        return redact(str(detail), self.line.secrets).strip()[:500]

    @property
    def _update(self) -> str:
        return f"mulligan server set {self.access.server}"

    def _http_error(self, what: str, error: sushy_errors.HTTPError) -> HardwareError:
        status, said = error.status_code, self._clean(error)
        if status == 401:
            return HardwareError(
                f"{self.words()} refused the credentials (HTTP 401); give the right user and "
                f"password with `{self._update} --username …`, and mind that some BMCs lock an "
                "account after a few wrong ones",
                code="BMC_CREDENTIALS_REFUSED",
            )
        if status == 403:
            return HardwareError(
                f"{self.words()} does not let this account {what} (HTTP 403: {said}); give the "
                f"account the role Administrator, or give another with `{self._update} "
                "--username …`",
                code="BMC_CREDENTIALS_REFUSED",
            )
        if status in (408, 409, 425, 429) or status >= 500:
            return HardwareBusyError(
                f"{self.words()} could not {what} now (HTTP {status}: {said}); it is tried again; "
                "if this lasts, restart the BMC",
                code="BMC_BUSY",
                said=said,
                status=str(status),
                retry_after_s=f"{self.line.wait_s or 0:.0f}",
            )
        return HardwareError(
            f"{self.words()} refused to {what} (HTTP {status}: {said})",
            code="BMC_NOT_FOUND" if status == 404 else "BMC_REFUSED",
            said=said,
        )

    def _not_redfish(self, what: str, error: BaseException) -> HardwareError:
        if self.line.is_cut_off:
            return HardwareBusyError(
                f"{self.words()} cut its answer off, twice, when asked to {what}; it is tried "
                "again; if this lasts, restart the BMC or update its firmware",
                code="BMC_ANSWER_CUT_OFF",
                status="200",
            )
        return HardwareError(
            f"{self.words()} answered what is not Redfish when asked to {what}: "
            f"{self._clean(error)}; check the address, or restart the BMC",
            code="BMC_ANSWER_MALFORMED",
        )

    def _connection_error(self, what: str, error: BaseException) -> HardwareError:
        cause = _cause(error)
        if isinstance(cause, requests_errors.SSLError) and "CERTIFICATE" in str(cause).upper():
            return HardwareError(
                f"{self.words()} shows a certificate that is not trusted: {self._clean(cause)}; "
                "install a certificate for this address on the BMC, or don't verify it: "
                f"`{self._update} --insecure-tls`",
                code="BMC_TLS_UNTRUSTED",
            )
        return HardwareBusyError(
            f"{self.words()} can't be reached to {what}: "
            f"{_reason(cause, self.patience.answer_s)}; check the address, the cable of the BMC, "
            "and the way there from the executor",
            code="BMC_UNREACHABLE",
        )


_NO_ANSWER = (
    requests_errors.ConnectionError,
    requests_errors.Timeout,
    requests_errors.ChunkedEncodingError,
)
"""What requests raises below sushy, when the line logs in by itself."""

_LACKING = {
    "BMC_NOT_FOUND": "missing",
    "BMC_REFUSED": "refused",
    "BMC_BUSY": "in error",
    "BMC_ANSWER_CUT_OFF": "cut off",
    "BMC_ANSWER_MALFORMED": "malformed",
}
"""Codes with which a BMC says that it lacks something, and the word for it."""


@contextmanager
def connected(
    access: BmcAccess,
    keys: RegionKeys,
    *,
    beat: Callable[[str], None],
    hear: Callable[[str], None],
    patience: Patience,
    turns: Turns,
    state_folder: Path,
) -> Iterator[Bmc]:
    """Connect to a BMC with its sealed credentials, which are opened here only.

    `hear` is told what the BMC answered, one redacted line each. `turns` are those of the process;
    in `state_folder` the executors of the region see each other's sessions.

    Raises:
        HardwareError: as `Bmc.asked`; SECRET_UNREADABLE or SECRET_MISMATCH.
    """
    secret = keys.open(
        access.sealed_credentials,
        endpoint=access.server,
        address=access.address,
        region=access.region,
    )
    line = Line(
        access.address,
        secret.get("username", ""),
        secret.get("password", ""),
        turn=turns.at(access.address),
        sessions=BmcSessions(state_folder, access.server),
        hear=hear,
        pause_s=patience.pause_s,
        answer_s=patience.answer_s,
    )
    line.verify = access.verify_tls
    # One try: sushy takes 0 for "as usual", which repeats writes whose answer was lost.
    connector = sushy_connector.Connector(
        access.address,
        verify=access.verify_tls,
        server_side_retries=1,
        server_side_retries_delay=1,
        default_request_timeout=patience.answer_s,
        connect_timeout=READ_TIMEOUTS_S[0],
    )
    connector._session = line
    bmc = Bmc(access, connector, beat, patience, line)
    try:
        with bmc.asked("read its service root"):
            bmc.root = sushy.Sushy(access.address, auth=_OnTheLine(line), connector=connector)
        yield bmc
    finally:
        line.close()


class _OnTheLine:
    """Logs in when sushy has read the service root. The line renews its session by itself."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._root: Any = None

    def set_context(self, root_resource: Any, _connector: Any) -> None:
        self._root = root_resource

    def authenticate(self) -> None:
        root: Body = self._root.json
        service = link(root, "SessionService")
        beside = f"{service.rstrip('/')}/Sessions" if service else ""
        self._line.log_in(link(root, "Links", "Sessions") or beside)

    def close(self) -> None:
        """Leave the line open: whoever opened it closes it."""


def links(body: Body, *keys: str) -> list[str]:
    """Give the paths to which a body links at `keys`; what is malformed is left out."""
    found: Any = body
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    entries = found if isinstance(found, list) else [found]
    paths = [entry.get("@odata.id") for entry in entries if isinstance(entry, Mapping)]
    return [path for path in paths if isinstance(path, str) and path]


def link(body: Body, *keys: str) -> str | None:
    """Give the path to which a body links at `keys`, if it does."""
    return next(iter(links(body, *keys)), None)


def part(body: Body, key: str) -> Body:
    """Give an object within a body; empty when it is missing or something else."""
    found = body.get(key)
    return found if isinstance(found, Mapping) else {}


def text(body: Body, *keys: str) -> str:
    """Give the first text at one of `keys`; vendors write missing ones as null, "" or "None"."""
    for key in keys:
        found = body.get(key)
        if isinstance(found, str) and found.strip() not in ("", "None", "N/A", "null"):
            return found.strip()
    return ""


def number(body: Body, *keys: str) -> int:
    """Give the first positive number at one of `keys`, also where it is written as text; else 0."""
    for key in keys:
        try:
            found = int(float(body.get(key) or 0))
        except (TypeError, ValueError, OverflowError):
            continue
        if found > 0:
            return found
    return 0


def _cause(error: BaseException) -> BaseException:
    """Find what requests raised below sushy's own error."""
    below = error.__cause__ or error.__context__
    return below if isinstance(below, requests_errors.RequestException) else error


def _reason(cause: BaseException, read_s: float) -> str:
    """Say shortly why a connection failed: urllib3's words hold addresses of objects."""
    words = str(cause)
    asked = getattr(cause, "request", None)
    is_write = asked is not None and asked.method != "GET"
    connect_s, answer_s = WRITE_TIMEOUTS_S if is_write else (READ_TIMEOUTS_S[0], read_s)
    if isinstance(cause, requests_errors.ConnectTimeout):
        return f"no connection within {connect_s:.0f} s"
    if isinstance(cause, requests_errors.Timeout):
        return f"no answer within {answer_s:.0f} s"
    if isinstance(cause, (requests_errors.SSLError, ssl.SSLError)):
        return "TLS could not be agreed upon"
    for phrase in ("Connection refused", "No route to host", "Network is unreachable"):
        if phrase in words:
            return phrase.lower()
    if "NameResolutionError" in words or "Name or service not known" in words:
        return "its name can't be resolved"
    return "the connection broke"
