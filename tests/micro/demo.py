"""`make demo`: run the three tasks on a short song and show what they wrote.

Without an argument the song is made here, and the micro checkpoints take it apart. They know
that kind of song and nothing else. With an argument, a model that was pulled is used where
there is one.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.micro.song import write_demo_song

HERE = Path(__file__).parent
OUT = Path("demo")
MICRO = {
    "separate": HERE / "htdemucs_micro.safetensors",
    "transcribe": HERE / "whisper_micro.pt",
}
NEURALIB = [sys.executable, "-m", "neuralib"]

console = Console()


def main() -> int:
    given = sys.argv[1:2]
    song = Path(given[0]) if given else OUT / "song.wav"
    if not given:
        OUT.mkdir(exist_ok=True)
        write_demo_song(song)
        console.print(f"Made a song of its own: {song}")
    separator = model("separate", "htdemucs", prefer_micro=not given)
    recogniser = model("transcribe", "small", prefer_micro=not given)
    vocals = OUT / song.stem / "vocals.wav"
    outputs = [
        *run("separate", song, "-o", OUT, "--model", separator),
        *run("midi", song, "-o", OUT, "--format", "mid,csv"),
        *run("transcribe", vocals, "-o", OUT, "--model", recogniser, "--format", "txt,srt,lrc"),
    ]
    console.print(table(outputs))
    text = OUT / "vocals.txt"
    console.print(f"[bold]The words:[/] {' / '.join(text.read_text().splitlines())}")
    return 0


def model(task: str, official: str, *, prefer_micro: bool) -> str:
    """Give the official model where it was pulled, else the micro one, and say so."""
    if not prefer_micro:
        found = subprocess.run([*NEURALIB, "models", "where", official], capture_output=True)
        if found.returncode == 0:
            return official
    micro = os.path.relpath(MICRO[task])
    console.print(
        f"[yellow]{task} uses the micro checkpoint {micro}: a stand-in for tests that knows the "
        f"demo song's kind of sound only. For real music: neuralib models pull {official}[/]"
    )
    return micro


def run(*words: object) -> list[Path]:
    """Run one command as a user would; give the paths that it printed."""
    command = [str(word) for word in words]
    console.print(f"[bold]$ neuralib {shlex.join(command)}[/]")
    done = subprocess.run([*NEURALIB, *command], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.returncode)
    return [Path(line) for line in done.stdout.splitlines()]


def table(paths: list[Path]) -> Table:
    rows = Table("file", "kB", title="What was written")
    for path in paths:
        rows.add_row(str(path), f"{path.stat().st_size / 1000:.1f}")
    return rows


if __name__ == "__main__":
    sys.exit(main())
