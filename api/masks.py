"""Field masks: what an update is to change."""

from collections.abc import Mapping, Sequence
from typing import Any

from mulligan.values.errors import InvalidArgumentError

NONE: Mapping[str, str] = {}


def paths_of(request: Any, allowed: Sequence[str], fixed: Mapping[str, str] = NONE) -> list[str]:
    """Read which fields an update is to change.

    Args:
        request: with an update_mask.
        allowed: what can be changed.
        fixed: what can't, and why not, in words that follow its name.

    Raises:
        InvalidArgumentError: none is named, or one that can't be changed.
    """
    paths = list(request.update_mask.paths)
    words = " and ".join(filter(None, (", ".join(allowed[:-1]), allowed[-1])))
    if not paths:
        raise InvalidArgumentError(
            f"update_mask is empty; say what to change, of {words}", field="update_mask"
        )
    for path in paths:
        if path in fixed:
            raise InvalidArgumentError(
                f"update_mask names {path}, and {fixed[path]}. What can be changed is {words}",
                field="update_mask",
            )
        if path not in allowed:
            raise InvalidArgumentError(
                f"update_mask names {path!r}, which can't be changed; name {words} only",
                field="update_mask",
            )
    return paths
