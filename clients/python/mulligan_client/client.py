"""The smart client: typed stubs with deadlines, retries, names, sealing and gapless watching."""

import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Self, TypeVar

import grpc

from mulligan_client.ask_sites import ask_all
from mulligan_client.catalogue import Catalogue, Kept, Site
from mulligan_client.errors import AWAY, MulliganCallError, not_found
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.gen.services import ControlService, IamService, Service, Services
from mulligan_client.merged_watch import MergedWatch
from mulligan_client.methods import Method
from mulligan_client.names import NAMES_PER_CALL, find_all, with_ids
from mulligan_client.reach import Reach
from mulligan_client.region_tree import RegionTree
from mulligan_client.routing import Away, RoutedCaller
from mulligan_client.sealing import seal
from mulligan_client.site_errors import together, which_watch
from mulligan_client.site_watch import WATCH, WATCH_ATTEMPTS, SiteWatch
from mulligan_client.tokens import SignIn, Tokens
from mulligan_client.transport import (
    TOKEN_EXPIRED,
    Caller,
    Calls,
    Target,
    delays,
    open_channel,
    pause_s_of,
)
from mulligan_client.watching import revision_before, revision_told
from mulligan_client.whereabouts import Whereabouts

# How often an operation is read although nothing was said about it: percentages of a long step
# are no events, and without a revision to start from an event can be missed.
REREAD_S = 10.0
# iam tells of the sites by then, or what it told before holds on.
CATALOGUE_WITHIN_S = 5.0
REVISION_GONE = "REVISION_GONE"
_ENDED = ("done", "failed", "cancelled")
_Answer = TypeVar("_Answer")


class Client(Services):
    """One signed-in caller of one installation.

    `iam`, `meta`, `resource` and `control` have a method for each RPC, which takes names where it
    takes ids, and one for each list that reads it to its end. Every call has a deadline, carries
    the token, is repeated while nobody answers (with the same request id, which is made up where
    the caller gives none), and raises MulliganCallError when it fails. The token is renewed before
    it ends.
    """

    def __init__(
        self,
        address: str,
        *,
        token: str = "",
        sign_in: SignIn | None = None,
        addresses: Mapping[Service, str] | None = None,
        site: str = "",
        away: Away | None = None,
        kept: Kept | None = None,
        ca_file: Path | None = None,
        timeout_s: float = 30.0,
        attempts: int = 4,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Get ready; nothing is sent before the first call.

        Args:
            address: of iam, and of all services if that has no catalogue: host:port, with https://
                or grpcs:// for TLS, http:// or grpc:// for none; without a scheme: TLS, except to
                the machine itself.
            token: an access token, which ends in minutes.
            sign_in: the tokens of another client or of a store, in place of `token`; `log_in` and
                `signed_in` get some of its own.
            addresses: of services, where iam's catalogue is not to say it; the others go by that.
                With one of iam the catalogue is asked for there.
            site: the UUID of one, to call no other.
            away: told of each site that a list or watch lacks because it does not answer; without
                it that fails.
            kept: where iam's catalogue is kept beyond the process; what it told last holds while it
                does not answer.
            ca_file: PEM file with the authorities to trust instead of the system's.
            timeout_s: deadline of a call that is given none; watches have none.
            attempts: how often a call is made while the answer is UNAVAILABLE.
            pause: waits between attempts.

        Raises:
            ValueError: an address can't be read.
            OSError: the CA file can't be read.
        """
        self.sign_in = sign_in or SignIn(Tokens(token))
        self._pause = pause
        self._address, self._ca_file = address, ca_file
        given = addresses or {}
        self._iam = given.get("iam") or address
        self._timeout_s, self._attempts = timeout_s, max(1, attempts)
        self._channels: dict[str, grpc.Channel] = {}
        self._opening = threading.Lock()
        self._kept = kept
        self._catalogue = Catalogue(
            *(self._ask_catalogue, Target.parse(self._iam), site),
            beside=given.get("iam", ""),
            kept=kept,
        )
        self._away = away
        self._closed = threading.Event()
        self._callers = self._all_callers(given)
        super().__init__(lambda service: self._callers[service])

    def _all_callers(self, addresses: Mapping[Service, str]) -> dict[Service, Calls]:
        """Make a caller of each service: of its address, or of the sites of the catalogue."""
        whereabouts, reach = Whereabouts(), Reach()
        regions = RegionTree(lambda: self.iam.AllRegions(iam_pb2.ListRegionsRequest()))

        def caller(service: Service) -> Calls:
            if service == "iam" or addresses.get(service):
                return self._caller(addresses.get(service) or self._iam)
            return RoutedCaller(
                service,
                self._catalogue,
                whereabouts,
                reach,
                below=regions.below,
                at=self._caller,
                with_ids=self._with_ids,
                locate=self._locate,
                away=self._away,
                attempts=self._attempts,
                pause=self._pause,
            )

        return {service: caller(service) for service in WATCH}

    def _caller(self, where: str, attempts: int = 0) -> Caller:
        """Give the caller of an address, of the client's own if it is empty."""
        where = where or self._address
        with self._opening:
            if where not in self._channels:
                self._channels[where] = open_channel(Target.parse(where), self._ca_file)
            channel = self._channels[where]
        return Caller(
            where,
            channel,
            tokens=self,
            with_ids=self._with_ids,
            timeout_s=self._timeout_s,
            attempts=attempts or self._attempts,
            pause=self._pause,
        )

    def _ask_catalogue(self, waits: bool) -> iam_pb2.ListServicesResponse | None:
        if not self.token and not self.sign_in.is_due():
            return None
        request, within_s = iam_pb2.ListServicesRequest(), min(self._timeout_s, CATALOGUE_WITHIN_S)
        if waits:
            is_known = self._kept is not None and self._kept.read() is not None
            return self.iam.ListServices(request, timeout=within_s if is_known else None)
        once = IamService(self._caller(self._iam, attempts=1))
        return once.ListServices(request, timeout=within_s)

    def _locate(self, ids: Iterable[str]) -> None:
        # Where they are is remembered with the answers; one that fails leaves less to know.
        with suppress(MulliganCallError):
            self.names(ids)

    @property
    def token(self) -> str:
        """The access token, as it is."""
        return self.sign_in.tokens.access

    @token.setter
    def token(self, token: str) -> None:
        self.sign_in = SignIn(Tokens(token))

    def log_in(self, account: str, password: str) -> iam_pb2.SignedIn:
        """Begin a session and go on as this account (name or UUID)."""
        answer: iam_pb2.SignedIn = self.iam.Login(
            iam_pb2.LoginRequest(account=account, password=password)
        )
        self.signed_in(answer)
        return answer

    def signed_in(self, answer: iam_pb2.SignedIn) -> None:
        """Go on with the tokens that Login or Bootstrap gave."""
        self.sign_in = SignIn()
        self.sign_in.take(answer)

    def fresh(self) -> str:
        """Give the access token, renewed if it ends soon and iam answers."""
        if self.sign_in.is_due():
            # Services go on while iam is away, until the token ends.
            self.sign_in.renew_early(self._refresh)
        return self.token

    def renew(self, ended: str) -> bool:
        """Put a new access token into the place of one that has ended; False: there is none."""
        return self.sign_in.renew(ended, self._refresh)

    def _with_ids(self, method: Method, request: Any) -> Any:
        return with_ids(self.meta.ResolveNames, method, request)

    def _refresh(self, refresh_token: str, request_id: str) -> iam_pb2.SignedIn:
        request = iam_pb2.RefreshTokenRequest(refresh_token=refresh_token, request_id=request_id)
        try:
            answer: iam_pb2.SignedIn = self.iam.RefreshToken(request)
        except MulliganCallError as error:
            error.of_renewal = True
            raise
        return answer

    def close(self) -> None:
        """Close the channels; calls and watches under way are ended."""
        self._closed.set()
        for channel in self._channels.values():
            channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def list_all(self, call: Callable[[Any], _Answer], request: Any) -> _Answer:
        """Read a list to its end and give all pages as one answer with the first one's revision.

        Args:
            call: a List RPC of one of the stubs.
            request: its request; its page token is moved on.
        """
        first: Any = call(request)
        token = first.next_page_token
        revision = getattr(first, "revision", 0)
        while token:
            request.page.token = token
            following: Any = call(request)
            token = following.next_page_token
            first.MergeFrom(following)
        first.next_page_token = ""
        if revision:
            first.revision = revision
        answer: _Answer = first
        return answer

    def resolve(self, object_type: str, name: str, *, project: str = "", region: str = "") -> str:
        """Find the id of one object by name or slug; a UUID is given back as it is.

        Args:
            object_type: machine, server, host, network, image, region, project, account, ...
            name: name, slug or UUID.
            project: UUID; where a tenant's object is looked for.
            region: UUID; look only there.

        Raises:
            MulliganCallError: NOT_FOUND, or AMBIGUOUS_NAME when several objects are called so.
        """
        return self.resolve_all(object_type, [name], project=project, region=region)[name]

    def resolve_all(
        self, object_type: str, names: Iterable[str], *, project: str = "", region: str = ""
    ) -> dict[str, str]:
        """Find the ids of many names at once, as `resolve` does for one."""
        asked = list(names)
        ids = self.find_all(object_type, asked, project=project, region=region)
        for name in asked:
            if name not in ids:
                raise not_found(object_type, name)
        return ids

    def find_all(
        self, object_type: str, names: Iterable[str], *, project: str = "", region: str = ""
    ) -> dict[str, str]:
        """Find the ids of many names as `resolve_all` does; what leads nowhere is absent."""
        ask = self.meta.ResolveNames
        return find_all(ask, object_type, names, project=project, region=region)

    def names(self, ids: Iterable[str]) -> dict[str, str]:
        """Give the names of ids; what the caller can't see is absent."""
        asked = [one for one in dict.fromkeys(ids) if one]
        names: dict[str, str] = {}
        for start in range(0, len(asked), NAMES_PER_CALL):
            request = meta_pb2.DescribeObjectsRequest(ids=asked[start : start + NAMES_PER_CALL])
            answer = self.meta.DescribeObjects(request)
            names.update({one.id: one.name for one in answer.objects})
        return names

    def seal(self, region: str, **content: str) -> str:
        """Seal a content to the newest key of a region; its UUID becomes part of it.

        Raises:
            MulliganCallError: NO_REGION_KEY while no executor of the region has offered one.
        """
        region = self.resolve("region", region)
        keys = self.control.ListRegionKeys(control_pb2.ListRegionKeysRequest(region=region)).keys
        if not keys:
            raise MulliganCallError(
                code="NO_REGION_KEY",
                grpc_status="FAILED_PRECONDITION",
                message=f"region {region} has no key to seal secrets to, because no executor "
                "of it has started yet; start one with `mulligan serve executor`",
                object_type="region",
                object_id=region,
            )
        return seal(keys[0].public_key, keys[0].key_id, region=region, **content)

    def watch(
        self,
        *,
        service: Service = "control",
        after_revision: int | None = None,
        project: str = "",
        object_id: str = "",
        operation: str = "",
        timeout_s: float | None = None,
    ) -> Generator[common_pb2.Event, None, None]:
        """Give the changes after a revision, in order and each once.

        A stream that breaks is taken up after the last revision that was seen; one whose token ends
        where the server says. A watch that starts at None has no such revision before its first
        event, so a break then can miss some: start from the revision of a list. One of several
        sites misses none that comes after this call. A site that does not tell its revision then is
        told to `away`, and watched from when it does.

        Args:
            service: iam tells of accounts, roles, projects and regions; each other one of its site.
            after_revision: 0: from the very first change; None: from the next one on. Each site
                counts its own, so a watch of neither object nor operation at several needs None.
            project: only this project (UUID).
            object_id: only this object.
            operation: only this operation and what it changes.
            timeout_s: stop after so long; None: never.

        Raises:
            MulliganCallError: the watch is refused, or nobody has answered for WATCH_ATTEMPTS.
        """
        request = common_pb2.WatchRequest(
            after_revision=after_revision, project=project, object_id=object_id, operation=operation
        )
        calls = self._callers[service]
        if not isinstance(calls, RoutedCaller):
            return iter(self._watch_of(calls, service, request, timeout_s))
        sites = calls.sites_of_watch(WATCH[service], request)
        if len(sites) == 1:
            # For all of it, even if others come to serve what it has.
            return iter(self._watch_of(calls.at_site(sites[0]), service, request, timeout_s))
        if after_revision is not None:
            raise which_watch(sites)
        begins = ask_all(
            [(site, service) for site in sites],
            lambda site, service: revision_told(calls.at_site(site), service, site),
        )
        watches, late = [], []
        for site, begin in zip(sites, begins, strict=True):
            own = common_pb2.WatchRequest(project=project)
            if isinstance(begin, MulliganCallError):
                late.append((site, begin))
            else:
                own.after_revision = begin
            watch = self._watch_of(calls.at_site(site), service, own, timeout_s, site)
            watches.append((site, watch))
        if len(late) == len(sites):
            raise together(late)
        return iter(MergedWatch(watches, self._away, late))

    def _watch_of(
        self,
        calls: Calls,
        service: Service,
        request: common_pb2.WatchRequest,
        timeout_s: float | None,
        site: Site | None = None,
    ) -> SiteWatch:
        return SiteWatch(
            calls,
            WATCH[service],
            request,
            self,
            is_over=self._closed.is_set,
            pause=self._pause,
            timeout_s=timeout_s,
            revision=partial(revision_told, calls, service, site) if site else None,
        )

    def _control_at(self, site: Site) -> ControlService:
        calls = self._callers["control"]
        return ControlService(calls.at_site(site) if isinstance(calls, RoutedCaller) else calls)

    def propose(
        self, request: resource_pb2.ProposeCandidatesRequest
    ) -> list[resource_pb2.Candidate]:
        """Read what could be claimed, best first; again while nobody answers.

        Raises:
            MulliganCallError: nothing fits, explained; or the request can't be used.
        """
        renewed, waits = False, delays()
        enough = time.monotonic() + self._timeout_s
        for attempt in count(1):
            used = self.fresh()
            try:
                return self._proposed(request)
            except MulliganCallError as error:
                if not renewed and error.code == TOKEN_EXPIRED and self.renew(used):
                    renewed = True
                    continue
                told_s = pause_s_of(error)
                is_last = attempt >= self._attempts or time.monotonic() + (told_s or 0.0) > enough
                if told_s is None or is_last:
                    raise
            self._pause(max(next(waits), told_s))
        raise AssertionError("it ends with an answer or an error")

    def _proposed(
        self, request: resource_pb2.ProposeCandidatesRequest
    ) -> list[resource_pb2.Candidate]:
        try:
            return list(self.resource.ProposeCandidates(request))
        except grpc.RpcError as error:
            raise self._callers["resource"].translate(error, "ProposeCandidates") from None

    def wait_for_operation(
        self,
        operation: str,
        on_change: Callable[[control_pb2.Operation], None] = lambda _: None,
    ) -> control_pb2.Operation:
        """Wait until an operation (UUID) is done, failed or cancelled, and give it then.

        Args:
            operation: its id.
            on_change: told the operation first as it is, then with each change; raise to stop.

        Raises:
            MulliganCallError: it can't be read; servers that are away for a moment are waited for.
        """
        request = control_pb2.GetOperationRequest(id=operation)
        found = self.control.GetOperation(request)
        revision = revision_before(self._control_of(operation), found)
        failures = 0
        while True:
            try:
                found = self.control.GetOperation(request)
                on_change(found)
                if found.status.state in _ENDED:
                    return found
                for event in self.watch(
                    after_revision=revision, operation=operation, timeout_s=REREAD_S
                ):
                    revision, failures = event.revision, 0
                    found = self.control.GetOperation(request)
                    on_change(found)
                    if found.status.state in _ENDED:
                        return found
            except MulliganCallError as error:
                failures += 1
                if error.code == REVISION_GONE:
                    # The operation is read anew anyway.
                    revision = None
                elif error.grpc_status not in AWAY:
                    raise
                if failures >= WATCH_ATTEMPTS:
                    raise

    def _control_of(self, operation: str) -> ControlService:
        """Give the service of the site that an operation is at."""
        calls = self._callers["control"]
        if not isinstance(calls, RoutedCaller):
            return self.control
        request = common_pb2.WatchRequest(operation=operation)
        [site] = calls.sites_of_watch(WATCH["control"], request)
        return self._control_at(site)
