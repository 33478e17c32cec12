"""Update masks: what of an object a request changes."""

from collections.abc import Collection

from google.protobuf.field_mask_pb2 import FieldMask

from mulligan.values.errors import InvalidArgumentError


def paths_of(mask: FieldMask, *allowed: str) -> Collection[str]:
    """Read what is to be changed: paths of the request's own fields.

    Raises:
        InvalidArgumentError: it names nothing, or what can't be changed.
    """
    can_be = f"{', '.join(allowed[:-1])} and {allowed[-1]}" if allowed[1:] else allowed[0]
    if not mask.paths:
        raise InvalidArgumentError(
            f"update_mask is empty; say what to change, of {can_be}", field="update_mask"
        )
    for path in mask.paths:
        if path not in allowed:
            raise InvalidArgumentError(
                f"update_mask names {path!r}, which can't be changed; name {can_be} only",
                field="update_mask",
            )
    return mask.paths
