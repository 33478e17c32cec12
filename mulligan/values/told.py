"""Words of which everybody reads one part, and who runs the hardware another.

What hardware says of itself has addresses, paths and whatever a BMC puts into an error. A project
that is given a machine reads in its place what went wrong, by the error's code. Both are one text,
so that they stay together in whatever sentence, row or event they end up in; an answer takes one.
"""

import re
from collections.abc import Mapping

_BEGIN, _THEN, _END = "\u2061", "\u2063 (", ")\u2064"
"""Invisible where both parts are shown as they are, such as in Temporal's UI."""

_BOTH = re.compile(f"{_BEGIN}(.*?)(?:{re.escape(_THEN)}(.*?))?(?:{re.escape(_END)}|$)", re.DOTALL)

_FOR_EVERYBODY: Mapping[str, str] = {
    "BMC_ANSWER_CUT_OFF": "the server's BMC broke off its answer",
    "BMC_ANSWER_MALFORMED": "the server's BMC gave an answer that can't be read",
    "BMC_BUSY": "the server's BMC is busy",
    "BMC_CREDENTIALS_REFUSED": "the server's BMC refused its credentials",
    "BMC_TLS_UNTRUSTED": "the certificate of the server's BMC is not trusted",
    "BMC_UNREACHABLE": "the server's BMC can't be reached",
    "CAPABILITY_NOT_OFFERED": "the server can't do what was asked",
    "DISK_FULL": "there is no room left where it is made",
    "FENCED_OFF": "its executor was cut off and stopped",
    "HOST_BUSY": "the host is busy",
    "HOST_UNREACHABLE": "the host can't be reached",
    "IMAGE_CHECKSUM_MISMATCH": "the image has another checksum than it was registered with",
    "IMAGE_FORMAT_MISMATCH": "the image has another format than it was registered with",
    "IMAGE_HAS_BACKING_FILE": "the image refers to another file",
    "IMAGE_LARGER_THAN_DISK": "the image is larger than the disk",
    "IMAGE_NOT_FOUND": "the image is not where it was registered to be",
    "IMAGE_SERVER_UNREACHABLE": "the image's server can't be reached",
    "IMAGE_TOO_LARGE": "the image is larger than allowed",
    "IMAGE_URL_NOT_ALLOWED": "the image's URL is not allowed",
    "MACHINE_NOT_ON_HOST": "the machine is not on its host",
    "MACHINE_STOPPED": "the machine stopped",
    "POWER_NOT_CHANGED": "the server's power did not change as asked",
    "SECRET_MISMATCH": "what was sealed was sealed for something else",
    "SECRET_UNREADABLE": "what was sealed can't be opened with the region's keys",
    "USER_DATA_TOO_LARGE": "the user data is too large",
}
"""By the codes of errors, which never change their meaning."""


def of_hardware(code: str, operators: str) -> str:
    """Write what hardware said, with what an error of this code says to everybody else.

    Args:
        code: the error's.
        operators: the whole sentence.
    """
    everybody = _FOR_EVERYBODY.get(code, f"the hardware did not do as asked ({code})")
    return both(f"{everybody}; ask an operator for more", operators)


def both(everybody: str, operators: str) -> str:
    """Write one text with a part for everybody and another in its place for operators."""
    for_everybody = _bare(read(everybody, operators=False))
    return f"{_BEGIN}{for_everybody}{_THEN}{_bare(read(operators, operators=True))}{_END}"


def forced(reason: str) -> str:
    """Say why something ended by force, in the operator's words: the same to whoever had it."""
    return f"force-released: {_bare(reason)}"


def has_parts(text: str) -> bool:
    """Say whether there is something in a text that not everybody reads."""
    return _BEGIN in text


def read(text: str, *, operators: bool) -> str:
    """Give the part of a text that is for operators, or for everybody; other texts as they are.

    Of a text that was cut off everybody reads nothing that was for operators.
    """
    if not has_parts(text):
        return text
    return _BOTH.sub(lambda both: (both[2] if operators else None) or both[1], text)


def _bare(text: str) -> str:
    """Leave out what has a meaning here: it may come from hardware."""
    return re.sub(f"[{_BEGIN}{_THEN[0]}{_END[-1]}]", "", text)
