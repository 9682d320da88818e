"""What we are compared with, each in an environment of its own: `python -m benchmarks.peers`.

They come from PyPI, with the versions of `constraints.txt` where it names them, so that both sides
of a comparison compute with the same libraries. basic-pitch comes without what it depends on: that
would be TensorFlow, which its ONNX graph does not need.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import ROOT

PLACE = ROOT / "build" / "peers"
TOLD = ("torch", "onnxruntime", "ctranslate2", "faster-whisper")
"""Libraries whose versions are told beside the peer's own."""


@dataclass(frozen=True)
class Peer:
    """A command that people use today."""

    name: str
    packages: tuple[str, ...]
    alone: tuple[str, ...] = ()
    """Installed first, without their dependencies."""


PEERS = {
    peer.name: peer
    for peer in (
        Peer("demucs", ("demucs", "numpy")),  # which it imports and does not ask for
        Peer("audio-separator", ("audio-separator[cpu]==0.47.1",)),
        Peer(
            "basic-pitch",
            ("librosa", "mir-eval", "onnxruntime", "pretty-midi", "resampy", "scikit-learn"),
            ("basic-pitch==0.4.0",),
        ),
        Peer("openai-whisper", ("openai-whisper",)),
        Peer("whisper-ctranslate2", ("whisper-ctranslate2==0.5.8", "faster-whisper")),
    )
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PEERS))
    parser.add_argument("--peers", type=Path, default=PLACE, help="where they are made")
    chosen = parser.parse_args()
    for name in chosen.names or PEERS:
        if name not in PEERS:
            parser.error(f"got {name!r}; the peers are {', '.join(PEERS)}")
        print(name, make(PEERS[name], chosen.peers), flush=True)


def make(peer: Peer, place: Path) -> dict[str, str]:
    """Install a peer, where it is not there yet; give its versions."""
    folder = place / peer.name
    ready = folder / "ready"
    if not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        _install(folder, ["pip>=25.1"])
        if peer.alone:
            _install(folder, ["--no-deps", *peer.alone])
        _install(folder, ["-c", str(ROOT / "constraints.txt"), *peer.packages])
        ready.touch()
    return versions(peer.name, place)


def find(name: str, command: str, place: Path) -> str:
    """Give the path of a peer's command, or of its `python`.

    Raises:
        SystemExit: where it is not installed.
    """
    path = place / name / ("Scripts" if os.name == "nt" else "bin") / command
    if not (place / name / "ready").exists():
        raise SystemExit(
            f"{name} is not in {place}; run `python -m benchmarks.peers {name}`, or leave it out "
            f"with `--without {name}`"
        )
    return str(path)


def versions(name: str, place: Path) -> dict[str, str]:
    """Give the versions of a peer and of what it computes with."""
    words = [find(name, "python", place), "-m", "pip", "list", "--format", "json"]
    words += ["--disable-pip-version-check"]
    listed = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
    return {each["name"]: each["version"] for each in listed if each["name"] in (name, *TOLD)}


def _install(folder: Path, words: list[str]) -> None:
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    quiet = ["--quiet", "--quiet", "--no-input", "--disable-pip-version-check"]
    subprocess.run([str(python), "-m", "pip", "install", *quiet, *words], check=True)


if __name__ == "__main__":
    main()
