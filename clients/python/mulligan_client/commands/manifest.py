"""Requests from files: YAML or JSON, whose unknown keys are refused with the nearest known one."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

from mulligan_client.complaint import ComplaintError
from mulligan_client.exits import Exit

M = TypeVar("M", bound=Message)


def read_manifest(path: Path, request: M) -> M:
    """Fill a request from a file.

    Raises:
        ComplaintError: it is no YAML or JSON, or says what the request can't take.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _complaint(path, f"is neither YAML nor JSON: {error}") from None
    if not isinstance(content, dict):
        raise _complaint(path, f"needs keys such as {', '.join(_fields(request.DESCRIPTOR))}")
    _refuse_unknown(path, content, request.DESCRIPTOR, "")
    try:
        return ParseDict(content, request)
    except ParseError as error:
        raise _complaint(path, str(error)) from None


def _refuse_unknown(path: Path, content: Any, message: Any, where: str) -> None:
    if not isinstance(content, Mapping):
        return
    known = _fields(message)
    for key, value in content.items():
        if key not in known:
            near = get_close_matches(str(key), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise _complaint(path, f"has an unknown key {where}{key}; {hint}")
        field = message.fields_by_name[key]
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        for index, nested in enumerate(value if isinstance(value, list) else [value]):
            place = f"{key}[{index}]" if isinstance(value, list) else key
            _refuse_unknown(path, nested, field.message_type, f"{where}{place}.")


def _fields(message: Any) -> list[str]:
    return [field.name for field in message.fields if field.name != "request_id"]


def _complaint(path: Path, words: str) -> ComplaintError:
    return ComplaintError(f"{path} {words}", exit_code=Exit.USAGE)
