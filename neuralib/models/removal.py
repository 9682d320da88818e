"""Taking files away, and counting what that frees."""

from __future__ import annotations

import shutil
from pathlib import Path

from neuralib.errors import OutputError


def remove(path: Path) -> int:
    """Remove a file, or a folder with all that is in it; of a link only the link.

    Returns:
        Bytes that it held; 0 where there is nothing.

    Raises:
        OutputError: where it cannot be removed.
    """
    try:
        if path.is_dir() and not path.is_symlink():
            size = sum(each.lstat().st_size for each in path.rglob("*") if not each.is_dir())
            shutil.rmtree(path)
        else:
            size = path.lstat().st_size
            path.unlink()
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise OutputError(
            f"cannot remove {path}: {error.strerror or error}; see that you may write there, and "
            "that nothing uses it"
        ) from None
    return size
