"""Fetching one file over HTTP: resumed where it broke, and checked while it arrives."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from neuralib import __version__
from neuralib.errors import DownloadError, UsageError
from neuralib.models.check import check_file
from neuralib.models.entry import CatalogueFile
from neuralib.models.lock import locked
from neuralib.models.part import Part
from neuralib.models.transfer import Transfer, TransferReport

_TIMEOUT = httpx2.Timeout(60.0, connect=20.0)
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that another attempt may not get."""
_PROGRESS_BYTES = 1 << 20
"""An attempt that brings so much is no failure: the count of failures starts anew."""
_LONGEST_PAUSE_SECONDS = 30.0


class _Broken(Exception):
    """This attempt failed; another may not."""


@dataclass(frozen=True)
class Downloader:
    """Fetches files; proxies and certificates are taken from the environment, as httpx does."""

    attempts: int = 5
    """Failures in a row after which it gives up."""
    pause_seconds: float = 0.5
    """Pause after the first failure; each further one doubles it, up to half a minute."""
    sleep: Callable[[float], None] = time.sleep

    def fetch(
        self, file: CatalogueFile, address: str, target: Path, report: TransferReport
    ) -> None:
        """Fetch `file` from `address` to `target`, going on where an earlier attempt broke.

        One process at a time fetches a file; another one waits, and finds it there.

        Raises:
            DownloadError: where it cannot be fetched, or is not what the catalogue says. What
                has arrived is kept in the first case, and removed in the second.
            OutputError: where it does not fit on the disk, or cannot be written.
        """
        with locked(target):
            if check_file(target, file.sha256).is_right:
                return
            with Part(target) as part:
                self._receive_all(file, address, part, report)
                part.finish(file, _host(address))

    def _receive_all(
        self, file: CatalogueFile, address: str, part: Part, report: TransferReport
    ) -> None:
        failures = 0
        with _client(address) as client:
            while True:
                start = part.size
                try:
                    return _receive(client, file, address, part, report)
                except _Broken as error:
                    failures = 1 if part.size - start >= _PROGRESS_BYTES else failures + 1
                    if failures >= self.attempts:
                        raise DownloadError(
                            f"cannot fetch {file.name} from {_host(address)}: {error}; "
                            f"{part.size} bytes are here: run the same command again to go on"
                        ) from None
                pause = self.pause_seconds * 2 ** (failures - 1)
                self.sleep(min(pause, _LONGEST_PAUSE_SECONDS))


def mirrored(address: str, hub_url: str | None) -> str:
    """Put the mirror `hub_url` in the place of scheme and host of `address`.

    >>> mirrored("https://hub.example/a/b", "http://localhost:8000/cache/")
    'http://localhost:8000/cache/a/b'

    Raises:
        UsageError: where the mirror is not an http or https address.
    """
    if hub_url is None:
        return address
    mirror = urlsplit(hub_url)
    if mirror.scheme not in ("http", "https") or not mirror.netloc:
        raise UsageError(
            f"hub_url is {hub_url!r}; it must be an address such as https://mirror.example/models"
        )
    return f"{mirror.scheme}://{mirror.netloc}{mirror.path.rstrip('/')}{urlsplit(address).path}"


def _client(address: str) -> httpx2.Client:
    headers = {"User-Agent": f"neuralib/{__version__}", "Accept-Encoding": "identity"}
    try:
        return httpx2.Client(timeout=_TIMEOUT, follow_redirects=True, headers=headers)
    except (ValueError, OSError) as error:
        raise DownloadError(
            f"cannot reach {_host(address)}: {error}; check the proxy and certificate variables"
        ) from None


def _receive(
    client: httpx2.Client, file: CatalogueFile, address: str, part: Part, report: TransferReport
) -> None:
    if file.size_bytes is not None and part.size >= file.size_bytes:
        if part.size == file.size_bytes:
            return
        part.restart()
    if file.size_bytes is not None:
        part.check_space(file.size_bytes)
    headers = {"Range": f"bytes={part.size}-"} if part.size else {}
    try:
        with client.stream("GET", address, headers=headers) as response:
            if _is_complete(response, part):
                return
            total = _total(response, part, file)
            if total is not None and file.size_bytes is None:
                part.check_space(total)
            for chunk in response.iter_raw():
                part.append(chunk)
                if total is not None and part.size > total:
                    raise _Broken(f"more than {total} bytes arrived")
                report(Transfer(file.name, part.size, total))
    except httpx2.TransportError as error:
        raise _Broken(str(error) or type(error).__name__) from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise DownloadError(f"cannot fetch {file.name} from {_host(address)}: {error}") from None
    if total is not None and part.size != total:
        raise _Broken(f"{part.size} of {total} bytes arrived")


def _is_complete(response: httpx2.Response, part: Part) -> bool:
    """Make sense of the status; True: there is no more to fetch."""
    status = response.status_code
    if status == 200:
        part.restart()
        return False
    if status == 206:
        if _content_range(response)[0] == part.size:
            return False
        part.restart()
        raise _Broken("the server sent another range than it was asked for")
    if status == 416:
        if _content_range(response)[1] == part.size:
            return True
        part.restart()
        raise _Broken("the server has fewer bytes than are here; starting over")
    reason = f"HTTP {status} {response.reason_phrase}".rstrip()
    if status in _PASSING:
        raise _Broken(reason)
    raise DownloadError(
        f"{response.url.host} refuses {part.target.name}: {reason}; where another site has the "
        "file, set NEURALIB_HUB_URL, or bring it here and run `neuralib models import FILE`"
    )


def _total(response: httpx2.Response, part: Part, file: CatalogueFile) -> int | None:
    if response.status_code == 206:
        total = _content_range(response)[1]
    else:
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdigit() else None
    if total is None:
        return file.size_bytes
    if file.size_bytes not in (None, total):
        raise DownloadError(
            f"{response.url.host} offers {total} bytes for {file.name}, not {file.size_bytes}; a "
            "proxy or a login page may answer in its place: open the address in a browser to see"
        )
    return total


def _content_range(response: httpx2.Response) -> tuple[int | None, int | None]:
    """Read the first byte and the total of `Content-Range` (RFC 9110, 14.4)."""
    value = response.headers.get("Content-Range", "")
    match = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", value.strip())
    if match is None:
        return None, None
    first, total = match.groups()
    return (int(first) if first else None), (int(total) if total != "*" else None)


def _host(address: str) -> str:
    """Scheme, user and password are not for messages."""
    return urlsplit(address).netloc.rpartition("@")[2]
