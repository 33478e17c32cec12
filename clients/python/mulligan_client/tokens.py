"""The tokens of a sign-in: renewed before they end, by one caller at a time.

The access token lives minutes. The refresh token is good for one renewal, so two callers must not
use it: threads of a process share a `SignIn`, processes share what its keeper keeps.
"""

import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

RENEWED_AFTER = 2 / 3
"""The share of an access token's life after which it is renewed: the rest is for an iam away."""

AGAIN_AFTER_S = 30.0
"""So long after a renewal that nobody answered it is tried again, while the token may be good."""

_DEAD = ("SESSION_REVOKED", "SESSION_EXPIRED", "REFRESH_TOKEN_UNKNOWN", "CREDENTIAL_OVER")
"""What a server says of a refresh token that is never good again."""


@dataclass(frozen=True)
class Tokens:
    """An access token, and what renews it."""

    access: str = field(default="", repr=False)
    refresh: str = field(default="", repr=False)
    # By this machine's clock (Unix time, s).
    renew_at: float = 0.0
    # Of a renewal whose answer is not there yet: sent again with the token until it is.
    request_id: str = ""

    @classmethod
    def of(cls, answer: Any, now: float) -> "Tokens":
        """Take them from an answer (mulligan.iam.v1.SignedIn) that came just now."""
        lifetime_s = answer.lifetime.ToTimedelta().total_seconds()
        renew_at = now + lifetime_s * RENEWED_AFTER if answer.refresh_token else 0.0
        return cls(answer.access_token, answer.refresh_token, renew_at)


class Keeper:
    """Where tokens are kept beyond the process; this one keeps nothing."""

    def locked(self) -> AbstractContextManager[None]:
        """Keep others from renewing meanwhile."""
        return nullcontext()

    def read(self) -> Tokens | None:
        """Give what is kept of this sign-in; None where nothing is."""
        return None

    def write(self, tokens: Tokens) -> None:
        """Keep the tokens in place of those before."""


class SignIn:
    """The tokens of one sign-in, for any number of threads and clients."""

    def __init__(
        self,
        tokens: Tokens | None = None,
        *,
        keeper: Keeper | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.tokens = tokens or Tokens()
        self._keeper = keeper or Keeper()
        self._clock = clock
        self._renewing = Lock()
        # How many renewals have failed, and what the last of them failed with.
        self._failed: tuple[int, Exception | None] = (0, None)

    def take(self, answer: Any) -> None:
        """Go on with the tokens of an answer (SignedIn)."""
        self._keep(Tokens.of(answer, self._clock()))

    def is_due(self) -> bool:
        """Say whether it is time to renew."""
        return bool(self.tokens.refresh) and self._clock() >= self.tokens.renew_at

    def renew_early(self, ask: Callable[[str, str], Any]) -> None:
        """Renew when it is time to, or a little later where nobody answers or nothing can be kept.

        Raises:
            Exception: what `ask` raised, where it was answered that the session is over.
        """
        with self._renewing:
            try:
                with self._keeper.locked():
                    self.tokens = self._keeper.read() or self.tokens
                    if self.is_due():
                        self._renew_or_put_off(ask)
            except OSError:
                self.tokens = self._put_off()

    def _renew_or_put_off(self, ask: Callable[[str, str], Any]) -> None:
        try:
            self._exchange(ask)
        except Exception as error:
            if getattr(error, "grpc_status", "UNAUTHENTICATED") == "UNAUTHENTICATED":
                raise
            self._keep(self._put_off())

    def _put_off(self) -> Tokens:
        return replace(self.tokens, renew_at=self._clock() + AGAIN_AFTER_S)

    def renew(self, ended: str, ask: Callable[[str, str], Any]) -> bool:
        """Put new tokens into the place of an access token, unless somebody else just did.

        Args:
            ended: the access token.
            ask: given refresh token and request id, answers with a SignedIn; what it raises comes
                through, to all who waited for it.

        Returns:
            Whether there is another access token now: there is none without a refresh token, and
            where the next one can't be kept.
        """
        failed_before, _ = self._failed
        with self._renewing:
            if self.tokens.access != ended:
                return True
            failed, error = self._failed
            if error is not None and failed > failed_before:
                # Of the renewal that was waited for: each who asked again would wait as long.
                raise error
            try:
                with self._keeper.locked():
                    self.tokens = self._keeper.read() or self.tokens
                    if self.tokens.access == ended and self.tokens.refresh:
                        self._exchange(ask)
            except OSError:
                self.tokens = self._put_off()
            return self.tokens.access != ended

    def _exchange(self, ask: Callable[[str, str], Any]) -> None:
        # Kept before it is asked: if the answer is lost, with this process even, the same request
        # gets it again. Another request would count as a thief's.
        request_id = self.tokens.request_id or str(uuid.uuid4())
        self._keep(replace(self.tokens, request_id=request_id))
        try:
            answer = ask(self.tokens.refresh, request_id)
        except Exception as error:
            self._failed = self._failed[0] + 1, error
            if getattr(error, "code", "") in _DEAD:
                self._keep(Tokens(self.tokens.access))
            raise
        self.take(answer)

    def _keep(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self._keeper.write(tokens)
