"""What the commands that talk to a cluster share; light, since `--help` loads it too."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from typing import TYPE_CHECKING

from neuralib.cli.console import complain

if TYPE_CHECKING:
    from neuralib.cli.cluster.base import Cluster


def cluster_of(server: str | None) -> closing[Cluster]:
    """Open the cluster at `server`, or (None) that of the settings, for a `with` block.

    Raises:
        UsageError: where neither names one.
        ClusterError: where it does not answer.
    """
    from neuralib.cli.cluster.open import open_cluster
    from neuralib.settings import load_settings

    return closing(open_cluster(load_settings(server=server)))


def for_each(ids: Iterable[str], act: Callable[[str], None]) -> int:
    """Do `act` with each id; one that does not allow it is told and does not stop the rest.

    Returns:
        The exit status.

    Raises:
        ClusterError: where the cluster does not answer.
    """
    from neuralib.errors import Conflict, NotFound

    status = 0
    for id in dict.fromkeys(ids):
        try:
            act(id)
        except (NotFound, Conflict) as error:
            complain(error.message)
            status = error.exit_status
    return status


def check_choice(option: str, value: str | None, allowed: tuple[str, ...]) -> None:
    """Refuse a value that is not one of a few words.

    Raises:
        UsageError: naming them.
    """
    from neuralib.errors import UsageError

    if value is not None and value not in allowed:
        raise UsageError(f"{option}: got {value!r}; it is one of {', '.join(allowed)}")


def check_count(option: str, value: int, least: int = 1) -> None:
    """Refuse a number that is too small.

    Raises:
        UsageError: naming the least.
    """
    from neuralib.errors import UsageError

    if value < least:
        raise UsageError(f"{option}: got {value}; it must be {least} or more")


def check_range(option: str, value: int, least: int, most: int) -> None:
    """Refuse a number that is too small or too large.

    Raises:
        UsageError: naming both ends.
    """
    from neuralib.errors import UsageError

    if not least <= value <= most:
        raise UsageError(f"{option}: got {value}; it must be between {least} and {most}")
