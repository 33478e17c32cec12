"""The tree of regions, as iam told of it last."""

from collections.abc import Callable, Iterable, Mapping

from mulligan_client.errors import AWAY, MulliganCallError
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2


class RegionTree:
    """Reads which regions are below which; while iam is away, what it told before holds."""

    def __init__(self, read: Callable[[], Iterable[iam_pb2.Region]]) -> None:
        """Get ready; `read` gives all regions."""
        self._read = read
        self._children: Mapping[str, list[str]] | None = None

    def below(self, region: str) -> set[str]:
        """Give a region and all below it.

        Raises:
            MulliganCallError: iam does not tell, and has not told before.
        """
        try:
            children: dict[str, list[str]] = {}
            for row in self._read():
                children.setdefault(row.parent, []).append(row.metadata.id)
            self._children = children
        except MulliganCallError as error:
            if self._children is None or error.grpc_status not in AWAY:
                raise
        known = self._children
        found, left = set[str](), [region]
        while left:
            found.add(one := left.pop())
            left += known.get(one, [])
        return found
