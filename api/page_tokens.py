"""Page tokens: each goes on with the list that gave it, as asked then, and with no other.

Inside is where the page before ended, which is no secret and opens nothing: every page is read by
the roles of who asks for it. So a token needs no key that instances would have to share; it has a
digest of the method, the account, and all of the request but its page. Whoever computes one by
hand sees what an honest one would show.
"""

from hashlib import sha256
from hmac import compare_digest
from typing import Any

from mulligan.values.errors import InvalidArgumentError

_DIGEST = 32
"""Characters of the digest: 128 bits."""


def open_token(request: Any, method: str, account: str) -> None:
    """Put in the place of a request's page token what the list itself wrote.

    Raises:
        InvalidArgumentError: it comes from another list, from another account, or from a request
            with other fields, or it was changed.
    """
    if not request.page.token:
        return
    given, _, cursor = request.page.token.partition(".")
    wanted = _digest(request, method, account, cursor)
    if not compare_digest(given.encode(), wanted.encode()):
        raise foreign_token()
    request.page.token = cursor


def close_token(answer: Any, request: Any, method: str, account: str) -> None:
    """Bind the token of the next page, if there is one, to what was asked."""
    if answer.next_page_token:
        cursor = answer.next_page_token
        answer.next_page_token = f"{_digest(request, method, account, cursor)}.{cursor}"


def foreign_token() -> InvalidArgumentError:
    """Say that a page token is not one that the list gave."""
    return InvalidArgumentError(
        "the page token is not one that this list gave when it was asked the same; start from the "
        "first page",
        field="page.token",
    )


def _digest(request: Any, method: str, account: str, cursor: str) -> str:
    asked = type(request)()
    asked.CopyFrom(request)
    asked.ClearField("page")
    if "filter" in asked.DESCRIPTOR.fields_by_name and not asked.filter.ByteSize():
        asked.ClearField("filter")  # One that narrows nothing asks for the same as none.
    said = "\0".join((method, account, cursor)).encode()
    return sha256(said + b"\0" + asked.SerializeToString(deterministic=True)).hexdigest()[:_DIGEST]
