"""Taking secrets out of texts before they are kept or shown."""

import re
from collections.abc import Iterable

BLANK = "[redacted]"

_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    # JSON Web Tokens (RFC 7519): base64url of '{"' starts with eyJ.
    (re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), BLANK),
    # Headers with credentials (RFC 9110 11.6.2, DSP0266 13.3.4), as they are and as JSON.
    (
        re.compile(
            r"(?i)\b((?:proxy-)?authorization|x-auth-token)([\"']?\s*[:=]\s*)"
            r"(?:\"[^\"]*\"|'[^']*'|[^\r\n,;}]+)"
        ),
        rf"\1\2{BLANK}",
    ),
    (re.compile(r"(?i)\b(bearer)\s+[\w.~+/=-]{16,}"), rf"\1 {BLANK}"),
    # Users and passwords in addresses (RFC 3986 3.2.1).
    (re.compile(r"(?i)(\b[a-z][a-z0-9+.-]*://)[^\s/@\"']+@"), rf"\1{BLANK}@"),
    # Fields that say what they are, as JSON, YAML, shell and URL queries write them.
    (
        re.compile(
            r"(?i)([\"']?\b[\w-]*(?:passw(?:or)?d|passphrase|secret|api[_-]?key|token)[\"']?\s*[:=]\s*)"
            r"(?:\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\s,;&}\"']+)"
        ),
        rf"\1{BLANK}",
    ),
    # Our own unguessable addresses.
    (re.compile(r"(/media/)[0-9a-f]{40}\b"), rf"\1{BLANK}"),
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Blank tokens, credentials and password-like fields, and `secrets` wherever they stand."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, BLANK)
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text
