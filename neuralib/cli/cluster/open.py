"""The cluster that the settings name: through a gateway, or its parts themselves."""

from __future__ import annotations

from neuralib.cli.cluster.base import Cluster
from neuralib.errors import UsageError
from neuralib.settings import Settings


def open_cluster(settings: Settings) -> Cluster:
    """Give the gateway that the settings name, or else the parts that they name.

    Raises:
        UsageError: where they name neither.
        ClusterError: where a part does not answer.
    """
    if settings.server is not None:
        from neuralib.client import Client

        token = settings.token.get_secret_value() if settings.token else None
        return Client(settings.server, token)
    if settings.redis_url is not None:
        from neuralib.cli.cluster.direct import Direct

        return Direct(settings)
    raise UsageError(
        "no cluster is set: name its gateway with --server or NEURALIB_SERVER (`neuralib serve` "
        "starts one), or its parts with NEURALIB_REDIS_URL, NEURALIB_DATABASE_URL and "
        "NEURALIB_STORAGE_URL"
    )
