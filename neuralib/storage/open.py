"""From `NEURALIB_STORAGE_URL` to a storage."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from neuralib.errors import UsageError
from neuralib.settings import Settings
from neuralib.storage.base import Storage
from neuralib.storage.folder import FolderStorage
from neuralib.storage.s3_address import S3Address


def open_storage(settings: Settings) -> Storage:
    """Open the storage that the settings name; without one, `storage` in the data folder.

    Nothing is reached yet: `Storage.ping` tells whether it works.

    Raises:
        UsageError: where the address cannot be understood. The message never shows it, for it
            may hold a secret.
    """
    if settings.storage_url is None:
        return FolderStorage(settings.data_dir / "storage")
    url = settings.storage_url.get_secret_value()
    scheme = url.partition(":")[0].lower()
    if scheme == "file":
        return FolderStorage(_folder(url))
    if scheme == "s3":
        # Its library takes a tenth of a second to import, which a laptop need not wait for.
        from neuralib.storage.s3 import S3Storage

        return S3Storage(S3Address.parse(url))
    raise UsageError(
        "NEURALIB_STORAGE_URL begins neither with s3:// nor with file://; write "
        "s3://KEY:SECRET@host:port/bucket or file:///folder"
    )


def _folder(url: str) -> Path:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise UsageError(
            f"NEURALIB_STORAGE_URL is {url!r}; the path of a folder must be whole, with three "
            "slashes: file:///srv/neuralib"
        )
    if parts.query or parts.fragment:
        raise UsageError(
            f"NEURALIB_STORAGE_URL is {url!r}; write ? in the name of a folder as %3F, # as %23"
        )
    return Path(url2pathname(parts.path))
