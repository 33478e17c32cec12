"""The smart client: typed stubs with deadlines, retries, names, sealing and gapless watching."""

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

import grpc

from mulligan_client.catalogue import Catalogue
from mulligan_client.errors import MulliganCallError, not_found
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.gen.services import IamService, Service, Services
from mulligan_client.merged_watch import MergedWatch
from mulligan_client.methods import Method
from mulligan_client.names import NAMES_PER_CALL, find_all, with_ids
from mulligan_client.reach import Reach
from mulligan_client.region_tree import RegionTree
from mulligan_client.routing import Away, RoutedCaller
from mulligan_client.sealing import seal
from mulligan_client.site_errors import which_watch
from mulligan_client.tokens import SignIn, Tokens
from mulligan_client.transport import (
    TOKEN_EXPIRED,
    Caller,
    Calls,
    Target,
    delays,
    open_channel,
)
from mulligan_client.watching import is_broken_stream, pause_s, revision_before
from mulligan_client.whereabouts import Whereabouts

# Nobody answered for about 45 s: a server that is only being restarted is back by then.
WATCH_ATTEMPTS = 12
# A watch that went on for so long was all right: what ends it begins to count anew.
LASTED_S = 60.0
# How often an operation is read although nothing was said about it: percentages of a long step
# are no events, and without a revision to start from an event can be missed.
REREAD_S = 10.0
# iam tells of the sites by then, or what it told before holds on.
CATALOGUE_WITHIN_S = 5.0
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
        ca_file: Path | None = None,
        timeout_s: float = 30.0,
        attempts: int = 4,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Get ready; nothing is sent before the first call.

        Args:
            address: of iam, and of all that its catalogue does not have: host:port, with https://
                or grpcs:// for TLS, http:// or grpc:// for none; without a scheme: TLS, except to
                the machine itself.
            token: an access token, which ends in minutes.
            sign_in: the tokens of another client or of a store, in place of `token`; `log_in` and
                `signed_in` get some of its own.
            addresses: of services, where iam's catalogue is not to say it.
            site: the UUID of one, to call no other.
            away: told of each site that a list or watch lacks because it does not answer; without
                it that fails.
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
        self._timeout_s, self._attempts = timeout_s, max(1, attempts)
        self._channels: dict[str, grpc.Channel] = {}
        self._opening = threading.Lock()
        self._callers: dict[Service, Calls] = {}
        self._catalogue = Catalogue(self._ask_catalogue, Target.parse(address), site)
        self._at_site = partial(
            Client,
            address,
            addresses=addresses,
            ca_file=ca_file,
            timeout_s=timeout_s,
            attempts=attempts,
            pause=pause,
        )
        self._away = away
        whereabouts, reach = Whereabouts(), Reach()
        regions = RegionTree(lambda: self.iam.AllRegions(iam_pb2.ListRegionsRequest()))

        def calls(service: Service) -> Calls:
            where = (addresses or {}).get(service, "")
            made: Calls
            if where or service == "iam":
                made = self._caller(where)
            else:
                made = RoutedCaller(
                    service,
                    self._catalogue,
                    whereabouts,
                    reach,
                    below=regions.below,
                    at=self._caller,
                    with_ids=self._with_ids,
                    locate=self._locate,
                    away=away,
                    attempts=self._attempts,
                    pause=pause,
                )
            return self._callers.setdefault(service, made)

        super().__init__(calls)

    def _caller(self, where: str, attempts: int = 0) -> Caller:
        """Give the caller of an address, of iam's if it is empty."""
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
        request = iam_pb2.ListServicesRequest()
        if waits:
            return self.iam.ListServices(request)
        once = IamService(self._caller("", attempts=1))
        return once.ListServices(request, timeout=min(self._timeout_s, CATALOGUE_WITHIN_S))

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
        answer: iam_pb2.SignedIn = self.iam.RefreshToken(request)
        return answer

    def close(self) -> None:
        """Close the channels; calls under way are ended."""
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
        event, so a break then can miss some: start from the revision of a list.

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
        if not object_id and not operation and self._is_of_sites(service):
            yield from self._watch_sites(service, after_revision, project, timeout_s)
            return
        request = common_pb2.WatchRequest(
            after_revision=after_revision, project=project, object_id=object_id, operation=operation
        )
        yield from self._watch_one(service, request, timeout_s)

    def _watch_one(
        self, service: Service, request: common_pb2.WatchRequest, timeout_s: float | None
    ) -> Iterator[common_pb2.Event]:
        """Watch one site, taking up the stream where it broke."""
        ends_at = None if timeout_s is None else time.monotonic() + timeout_s
        failures, waits = 0, delays()
        while True:
            left_s = None if ends_at is None else max(0.001, ends_at - time.monotonic())
            opened_at, used = time.monotonic(), self.fresh()
            stream: Any = None
            broken: MulliganCallError | None = None
            try:
                stream = getattr(self, service).Watch(request, timeout=left_s)
                for event in stream:
                    failures, waits = 0, delays()
                    if event.revision > request.after_revision:
                        request.after_revision = event.revision
                        yield event
            except (grpc.RpcError, MulliganCallError) as error:
                broken = self._in_words(service, error)
                if broken.grpc_status == "DEADLINE_EXCEEDED" and ends_at is not None:
                    return
                self._resume(request, broken, used)
            finally:
                if stream is not None:
                    stream.cancel()
            if time.monotonic() - opened_at > LASTED_S:
                failures, waits = 0, delays()
            failures += 1
            if failures >= WATCH_ATTEMPTS:
                raise broken or MulliganCallError(
                    "UNAVAILABLE", "UNAVAILABLE", "the server ends each watch at once"
                )
            if ends_at is not None and time.monotonic() >= ends_at:
                return
            self._pause(pause_s(broken, next(waits), ends_at))

    def _is_of_sites(self, service: Service) -> bool:
        is_routed = isinstance(self._callers[service], RoutedCaller)
        return is_routed and len(self._catalogue.sites()) > 1

    def _watch_sites(
        self, service: Service, after_revision: int | None, project: str, timeout_s: float | None
    ) -> Iterator[common_pb2.Event]:
        """Watch each site with a client of its own, which takes up its stream by itself."""
        sites = self._catalogue.sites()
        if after_revision is not None:
            raise which_watch(sites)
        clients = [self._at_site(sign_in=self.sign_in, site=one.id) for one in sites]
        watches = [
            one.watch(service=service, project=project, timeout_s=timeout_s) for one in clients
        ]
        watched = zip(sites, clients, watches, strict=True)
        yield from MergedWatch(list(watched), self._away)

    def _in_words(
        self, service: Service, error: grpc.RpcError | MulliganCallError
    ) -> MulliganCallError:
        if isinstance(error, MulliganCallError):
            return error
        return self._callers[service].translate(error, "Watch")

    def _resume(
        self, request: common_pb2.WatchRequest, broken: MulliganCallError, used: str
    ) -> None:
        """Get ready to take up a stream that broke, with a new token if the one used has ended.

        The request goes on from where the server says, if it does; raises what can't be mended.
        """
        is_over = broken.code == TOKEN_EXPIRED
        if is_over and (said := broken.details.get("revision")):
            # Up to there nothing was left to tell.
            request.after_revision = max(request.after_revision, int(said))
        try:
            if is_over and self.renew(used):
                return
        except MulliganCallError as error:
            broken = error
        if not is_broken_stream(broken):
            raise broken

    def propose(
        self, request: resource_pb2.ProposeCandidatesRequest
    ) -> list[resource_pb2.Candidate]:
        """Read what could be claimed, best first.

        Raises:
            MulliganCallError: nothing fits, explained; or the request can't be used.
        """
        used = self.fresh()
        try:
            return self._proposed(request)
        except MulliganCallError as error:
            if error.code != TOKEN_EXPIRED or not self.renew(used):
                raise
        return self._proposed(request)

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
        revision = revision_before(self.control, found)
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
                if error.grpc_status != "UNAVAILABLE" or failures >= WATCH_ATTEMPTS:
                    raise
