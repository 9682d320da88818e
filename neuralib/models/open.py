"""The store that the settings describe."""

from __future__ import annotations

from neuralib.models.store import Store
from neuralib.settings import Settings


def open_store(settings: Settings) -> Store:
    """Give the store of this machine; nothing is created or read yet."""
    return Store(
        settings.models_folder,
        offline=settings.offline,
        hub_url=settings.hub_url,
        spare=settings.data_dir / "models",
    )
