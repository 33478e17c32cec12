"""The one way on which every request goes to a BMC, whoever makes it or repeats it.

One request at a time to one address; a write only while this executor holds its lease, and only
after the sessions of whoever wrote before were ended; in a Redfish session where the BMC offers
them (DMTF DSP0266, "Redfish session login authentication"), else with basic authentication.
"""

import logging
import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from sushy import exceptions as sushy_errors
from temporalio import activity

from activities import lease
from activities.bmc_sessions import BmcSessions
from activities.redaction import redact
from mulligan.values.errors import HardwareError

READ_TIMEOUTS_S = (5.0, 20.0)
WRITE_TIMEOUTS_S = (3.0, lease.LONGEST_WRITE_S - 3.0)
"""Until there is a connection, until there is an answer."""

LONGEST_WAIT_S = 10.0
"""How long a request waits in all for a BMC that asks for it (Retry-After); else Temporal does."""

TOKEN = "X-Auth-Token"  # noqa: S105 - the header's name
GONE = (400, 403, 404, 405, 410)
"""Answers to the end of a session after which nothing more can be done about it."""

_log = logging.getLogger(__name__)


class Turns:
    """Whose turn it is at each BMC: a lock for each address, within this process.

    Never a lock on a file: an executor that was stopped would hold it.
    """

    def __init__(self) -> None:
        self._locks: dict[str, Lock] = {}

    def at(self, address: str) -> Lock:
        """Give the lock of a BMC."""
        return self._locks.setdefault(address, Lock())


class Line(requests.Session):
    """The way to one BMC for the length of one activity; `doing` names what it is used for.

    `hear` is told what the BMC answered, one redacted line each.
    """

    def __init__(
        self,
        address: str,
        username: str,
        password: str,
        *,
        turn: Lock,
        sessions: BmcSessions,
        hear: Callable[[str], None],
        pause_s: float,
        answer_s: float = READ_TIMEOUTS_S[1],
    ) -> None:
        super().__init__()
        # Some BMCs choke on connections that stay open.
        self.headers["Connection"] = "close"
        self.doing = "write to a BMC"
        self._address = address
        self._credentials = (username, password)
        self._turn = turn
        self._sessions = sessions
        self._hear = hear
        self._pause_s = pause_s
        self._read_timeouts_s = (READ_TIMEOUTS_S[0], answer_s)
        self._login_path = ""
        self._session_path = ""
        self._others_ended = False
        self._last_write: requests.Response | None = None
        self.wait_s: float | None = None
        """For how long the BMC wants to be left alone, if its latest answer says so."""
        self.is_cut_off = False
        """Whether the latest answer is the beginning of one only."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be repeated by anybody."""
        return (self._credentials[1], str(self.headers.get(TOKEN, "")))

    def log_in(self, login_path: str) -> None:
        """Open a session with a POST to `login_path`; where that can't be, use basic from now on.

        Raises:
            AccessError: the credentials are wrong; they are not tried again in another way.
        """
        self._login_path = login_path
        refusal = self._open_session() if login_path else None
        if refusal is not None and refusal.status_code == 401:
            sushy_errors.raise_for_response("POST", login_path, refusal)
        if TOKEN not in self.headers:
            self.auth = self._credentials

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # type: ignore[override]
        """Send a request of sushy's.

        Raises:
            HardwareBusyError: FENCED_OFF; it was not sent.
        """
        if method != "GET" and not self._others_ended:
            self._end_other_sessions()
        return self._authorised(method, url, options)

    def check_last_write(self) -> None:
        """Raise what the BMC had against the latest write, which sushy may have swallowed.

        Raises:
            HTTPError: it answered so.
        """
        if self._last_write is not None:
            response = self._last_write
            sushy_errors.raise_for_response(response.request.method, response.url, response)

    def close(self) -> None:
        """End our session, if there is one, and the connection; what fails is left to the next."""
        try:
            if self._session_path:
                self._end(self._session_path, self._send)
        except (requests.RequestException, sushy_errors.SushyError, HardwareError) as error:
            _log.info("a BMC's session was left open: %s", redact(str(error), self.secrets))
        super().close()

    def _authorised(self, method: str, url: str, options: Mapping[str, Any]) -> requests.Response:
        """Send a request; a session that ended meanwhile is opened anew, once."""
        response = self._patiently(method, url, options)
        if response.status_code != 401 or TOKEN not in self.headers:
            return response
        if self._session_path:
            self._sessions.forget(self._session_path)
        refusal = self._open_session()
        return refusal if refusal is not None else self._patiently(method, url, options)

    def _open_session(self) -> requests.Response | None:
        """Log in and have the session known to whoever comes next; gives a refusal."""
        self._session_path = ""
        self.headers.pop(TOKEN, None)
        username, password = self._credentials
        body = {"UserName": username, "Password": password}
        response = self._patiently("POST", self._login_path, {"json": body})
        token = response.headers.get(TOKEN)
        if response.status_code >= 300 or not token:
            return response
        self._session_path = urlsplit(response.headers.get("Location", "")).path
        if self._session_path:
            self._sessions.keep(self._session_path)
        self.headers[TOKEN] = token
        return None

    def _end_other_sessions(self) -> None:
        """Make sure that nobody who wrote before us can go on."""
        for path in self._sessions.others(self._session_path):
            self._end(path, self._authorised)
        self._others_ended = True

    def _end(
        self, path: str, send: Callable[[str, str, Mapping[str, Any]], requests.Response]
    ) -> None:
        response = send("DELETE", path, {})
        if response.status_code not in GONE and path != self._session_path:
            sushy_errors.raise_for_response("DELETE", path, response)
        if response.ok or response.status_code in (401, *GONE):
            self._sessions.forget(path)

    def _patiently(self, method: str, url: str, options: Mapping[str, Any]) -> requests.Response:
        """Send a request again when the BMC asks to wait a little, or cut its answer off."""
        waited_s, was_cut_off = 0.0, False
        while True:
            response = self._send(method, url, options)
            self.wait_s, is_malformed = _asked_to_wait_s(response), _is_malformed(response)
            self.is_cut_off = is_malformed and response.text.lstrip().startswith("{")
            if self.wait_s is None:
                if was_cut_off or method != "GET" or not is_malformed:
                    return response
                was_cut_off = True
            wait_s = max(self.wait_s or 0.0, self._pause_s)
            waited_s += wait_s
            if waited_s > LONGEST_WAIT_S:
                return response
            time.sleep(wait_s)

    def _send(self, method: str, url: str, options: Mapping[str, Any]) -> requests.Response:
        """Send one request: the only place where bytes leave for a BMC, and only for this one."""
        parts = urlsplit(url)._replace(scheme="", netloc="")
        url = urljoin(self._address, parts.geturl())
        options = {"timeout": self._read_timeouts_s, "verify": self.verify, **options}
        with self._turn:
            if method != "GET":
                lease.require(self.doing)
                options |= {"timeout": WRITE_TIMEOUTS_S, "allow_redirects": False}
            try:
                response: requests.Response = super().request(method, url, **options)
            except requests.RequestException as error:
                if method != "GET":
                    self._tell_unanswered(f"{method} {urlsplit(url).path}", error)
                raise
        if method != "GET":
            self._last_write = response
        self._hear(_heard(response, self.secrets))
        return response

    def _tell_unanswered(self, request: str, error: requests.RequestException) -> None:
        """Leave a trace of a write of which nobody knows yet whether it was done."""
        words = redact(f"{request} got no answer ({type(error).__name__})", self.secrets)
        self._hear(words)
        told = activity.info() if activity.in_activity() else None
        ids = {"operation": told.workflow_id if told else "", "endpoint": self._address}
        _log.warning("a write to a BMC: %s; reading back decides", words, extra=ids)


def _asked_to_wait_s(response: requests.Response) -> float | None:
    """Read for how long a busy BMC wants to be left alone; None when it doesn't say so."""
    if response.status_code not in (429, 503):
        return None
    said = response.headers.get("Retry-After", "").strip()
    return float(said) if said.isdecimal() else None


def _is_malformed(response: requests.Response) -> bool:
    """Say whether an answer isn't the JSON that it should be."""
    if response.status_code != 200 or response.request.method != "GET":
        return False
    try:
        response.json()
    except ValueError:
        return True
    return False


def _heard(response: requests.Response, secrets: tuple[str, ...]) -> str:
    """Write what a BMC answered as one line, or nothing when it was read without complaint."""
    method, path = response.request.method, urlsplit(response.url).path
    if response.status_code < 400 and method == "GET":
        return ""
    said = response.text[:1000] if response.status_code >= 400 else ""
    words = " ".join(f"{method} {path} {response.status_code} {said}".split())
    return redact(words, secrets)
