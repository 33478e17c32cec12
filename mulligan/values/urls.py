"""URLs that somebody gave."""

from urllib.parse import SplitResult, urlsplit

from mulligan.values.errors import InvalidArgumentError


def split_url(url: str, field: str) -> SplitResult:
    """Part a URL, with a host and port that can be read.

    Raises:
        InvalidArgumentError: its brackets don't match, or its port is none.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        # Neither the URL nor the reason is repeated: both may hold a password.
        raise InvalidArgumentError(
            f"{field} is not a URL; look at its brackets, host and port, and give one such as "
            "https://host:port/path",
            field=field,
        ) from None
    return parts
