"""The verbs of a cluster, over HTTP and Server-Sent Events."""

from neuralib.client.client import Client

__all__ = ["Client"]
