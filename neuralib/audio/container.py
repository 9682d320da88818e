"""Opening an audio file, and nothing but that file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from neuralib.audio.coded import PROBED_BYTES, may_be_coded
from neuralib.audio.mp3 import Behind, start_behind_junk
from neuralib.audio.riff import WaveData, wave_data
from neuralib.errors import DecodeError, InputNotFound, NoAudio

_FORMATS = (
    # sound alone
    "aac,ac3,ac4,aiff,amr,amrnb,amrwb,ape,au,bonk,caf,dsf,dts,dtshd,eac3,flac,gsm,iff,ilbc,"
    "ircam,latm,lc3,loas,mlp,mp3,mpc,mpc8,nistsphere,oma,paf,pvf,qcp,qoa,shn,sox,tak,truehd,"
    "tta,voc,vqf,w64,wav,wsd,wv,xwma,"
    # sound, often beside pictures
    "asf,avi,dv,flv,matroska,webm,mov,mp4,mpeg,mpegts,mxf,nsv,nut,ogg,rm,wtv,"
    # pictures, so that the message can say that there is no sound
    "bmp_pipe,gif,jpeg_pipe,png_pipe,tiff_pipe,webp_pipe"
)
"""Demuxers that FFmpeg may choose: files that stand for themselves. Playlists (hls, concat,
dash, sdp ...) and devices are not among them, as they would open other files and addresses.
Of these here only mov could name another file, and by default FFmpeg does not follow it."""

_OPTIONS = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
# FFmpeg looks for DTS and the like in the samples of a WAV, in whole packets; of its 5 MB, 20 ms
# each time, this much holds a dozen of their frames. Packets of its 4 KiB take longer to pass on
# than to decode.
_WAVE_OPTIONS = {"probesize": str(PROBED_BYTES), "max_size": str(PROBED_BYTES)}

_CLIP_OPTIONS = {"probesize": "4096", "max_size": "4096"}
"""For a short WAV that holds nothing of that kind: to look for it takes longer than the rest."""

_BEAR_WITH_TAGS: dict[str, Any] = (
    {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
)
"""Tags in another encoding than they claim must not keep a song from being read; since PyAV 19
they never do."""


@dataclass(frozen=True)
class Source:
    """An open file and its audio stream."""

    path: Path
    file: BinaryIO
    """The bytes, for looking at; FFmpeg reads the file on its own."""
    container: InputContainer
    stream: AudioStream
    wave: WaveData | None
    """What the header of a WAV file says of its length."""

    @property
    def is_wave(self) -> bool:
        """Whether it is a RIFF WAVE file."""
        return self.container.format.name == "wav"


@contextmanager
def open_audio(path: Path, number: int | None = None) -> Iterator[Source]:
    """Open `path` and find its audio stream.

    Args:
        path: a file that stands for itself.
        number: which of its audio streams, from 1; None: the one that the container marks as
            default, or that FFmpeg takes for the main one.

    No name is taken for an address, an option or a pattern, and nothing but this file is
    opened, whatever it says.

    Raises:
        InputNotFound: no such file, or one that may not be read.
        NoAudio: a folder, an empty file, or a file without such an audio stream.
        DecodeError: the content is nothing that can be decoded.
    """
    with _open_file(path) as file:
        wave = wave_data(file)
        with _open_container(path, file, wave) as container:
            yield Source(path, file, container, _audio_stream(path, container, number), wave)


def _open_container(path: Path, file: BinaryIO, wave: WaveData | None) -> InputContainer:
    try:
        options = _OPTIONS | ({} if wave is None else _wave_options(file, wave))
        container: InputContainer = av.open(f"file:{path}", "r", options=options, **_BEAR_WITH_TAGS)
        start = start_behind_junk(file) if container.format.name == "mp3" else None
        if start is None:
            return container
        container.close()
        options = _OPTIONS | {"format_whitelist": "mp3"}
        behind: InputContainer = av.open(
            Behind(file, start), "r", "mp3", options=options, **_BEAR_WITH_TAGS
        )
        return behind
    except av.FFmpegError:
        raise _not_audio(path, file) from None


def _wave_options(file: BinaryIO, wave: WaveData) -> dict[str, str]:
    if not wave.is_pcm_16 or not wave.is_clip:
        return _WAVE_OPTIONS
    file.seek(wave.start)
    data = file.read(PROBED_BYTES)
    file.seek(0)
    return _WAVE_OPTIONS if may_be_coded(data) else _CLIP_OPTIONS


def _open_file(path: Path) -> BinaryIO:
    name = repr(str(path))
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise NoAudio(f"{name} is a folder; give an audio file")
        if not stat.S_ISREG(status.st_mode):
            raise InputNotFound(
                f"{name} is a device or a pipe; give a file, or send it to standard input as -"
            )
        if status.st_size == 0:
            raise NoAudio(f"{name} is empty (0 bytes); get a whole copy")
        return open(path, "rb")
    except FileNotFoundError:
        raise InputNotFound(f"no such file: {name}; check the name and the folder") from None
    except PermissionError:
        raise InputNotFound(f"no permission to read {name}; change its permissions") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputNotFound(f"cannot open {name}: {reason}; check the name") from None


def _not_audio(path: Path, file: BinaryIO) -> DecodeError:
    name = repr(str(path))
    head = file.read(512)
    if all(byte >= 32 or byte in b"\t\n\r\f" for byte in head):
        return DecodeError(f"{name} holds text, not audio; give an audio file")
    return DecodeError(
        f"{name} is not audio of a known format, or its beginning is damaged; "
        "play it to check, or convert it to flac"
    )


def _audio_stream(path: Path, container: InputContainer, number: int | None) -> AudioStream:
    name = repr(str(path))
    stream = container.streams.best("audio")
    if not isinstance(stream, AudioStream):
        kinds = sorted({other.type for other in container.streams})
        found = f"only {' and '.join(kinds)}" if kinds else "no stream at all"
        raise NoAudio(f"{name} has no audio stream ({found}); give a file with sound")
    if number is not None:
        stream = _numbered(name, container.streams.audio, number)
    if stream.codec_context is None:
        raise DecodeError(f"{name} is in a codec that cannot be decoded; convert it to flac")
    if stream.sample_rate <= 0 or stream.channels <= 0:
        raise DecodeError(f"{name} does not say its sample rate and channels; convert it to flac")
    return stream


def _numbered(name: str, streams: Sequence[AudioStream], number: int) -> AudioStream:
    if 1 <= number <= len(streams):
        return streams[number - 1]
    listed = "; ".join(f"{at}: {_describe(stream)}" for at, stream in enumerate(streams, start=1))
    raise NoAudio(f"{name} has no audio stream {number}; choose one of its own ({listed})")


def _describe(stream: AudioStream) -> str:
    """Say the language, the codec and the channels of a stream."""
    language = stream.language or "no language"
    if stream.codec_context is None:
        return f"{language}, unknown codec"
    return f"{language}, {stream.codec_context.codec.canonical_name}, {stream.layout.name}"
