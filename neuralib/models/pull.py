"""Bringing the files of a model of the catalogue here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from neuralib.errors import DownloadError
from neuralib.models.check import check_file
from neuralib.models.distribution import find_in_distribution, install_distribution
from neuralib.models.entry import CatalogueFile, CatalogueModel
from neuralib.models.shelf import Shelf
from neuralib.models.transfer import Transfer, TransferReport


def pull(
    shelf: Shelf,
    model: CatalogueModel,
    *,
    offline: bool,
    hub_url: str | None,
    report: TransferReport,
) -> None:
    """Fetch what is missing of a model, and fetch anew what is damaged.

    Raises:
        MissingError: where something must be fetched offline.
        DownloadError: where it cannot be fetched, or is not what the catalogue says.
        OutputError: where the folder is full or cannot be written.
    """
    for file in model.distinct_files:
        path = shelf.path_of(model, file)
        if path and check_file(path, file.sha256, counted(path, report)).is_right:
            continue
        if offline:
            raise shelf.missing(model, offline=True)
        if file.address is None:
            _install(model, file)
        else:
            _fetch(file, file.address, hub_url, shelf.place_of(model, file), report)


def counted(path: Path, report: TransferReport) -> Callable[[int], None]:
    """Report how much of a file has been read."""
    total = path.stat().st_size if path.is_file() else None
    return lambda done: report(Transfer(path.name, done, total))


def _fetch(
    file: CatalogueFile, address: str, hub_url: str | None, place: Path, report: TransferReport
) -> None:
    # An HTTP library takes a tenth of a second, and running a model needs none.
    from neuralib.models.download import Downloader, mirrored

    Downloader().fetch(file, mirrored(address, hub_url), place, report)


def _install(model: CatalogueModel, file: CatalogueFile) -> None:
    install_distribution()
    path = find_in_distribution(file.name)
    if path is None or not check_file(path, file.sha256).is_right:
        raise DownloadError(
            f"the installed {model.name} has no {file.name}, or another one; run `neuralib models "
            f"import {file.name}` with a good one"
        )
