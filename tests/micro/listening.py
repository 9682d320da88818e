"""What the micro Whisper listens to: random windows of spoken sentences, with and without a band.

Everything is made from a seed: the voice by eSpeak NG, the band by `tests.micro.band`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from whisper.audio import HOP_LENGTH, N_FFT, SAMPLE_RATE, mel_filters

from tests.micro.band import band
from tests.micro.instruments import SAMPLE_RATE as BAND_RATE
from tests.micro.separations import separated, separator
from tests.micro.speech import SAMPLE_RATE as VOICE_RATE
from tests.micro.speech import SENTENCES, speak

VOICES = (
    *("en-us", "en-us", "en-us", "en", "en-gb-x-rp", "en-029", "en-gb-scotland", "en-us+f1"),
    *("en-us+f2", "en-us+f3", "en+f4", "en-us+m1", "en-us+m2", "en-us+m3", "en+m4", "en-us+m7"),
    *("en-us+croak", "en+f2", "en+m1", "en-us+steph", "en-us+max", "en-us+linda", "en+john"),
)
"""Trained voices; the plain one three times, as it is the one of the demo song."""
HELD_OUT_VOICES = ("en-us+f5", "en+m5", "en-us+m8", "en-gb-x-gbclan", "en-us+Andy", "en+belinda")
"""Never trained; for the measurements."""

WORDS = tuple(sorted({word.strip(".").lower() for text in SENTENCES for word in text.split()}))
"""The whole vocabulary."""

# Band seeds from here on; below lie those of the demo song and of its separator.
_FIRST_BAND_SEED = 700_000
_FIRST_SONG_SEED = 800_000

Mono = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Sentence:
    """One spoken sentence, or its place in a window."""

    start: float
    """First audible moment, seconds."""
    end: float
    """Last audible moment, seconds."""
    words: tuple[tuple[float, float, str], ...]
    """`(start, end, word)` as written, the full stop with the last word."""

    def shifted(self, seconds: float) -> Sentence:
        """The same sentence, later."""
        words = tuple((a + seconds, b + seconds, word) for a, b, word in self.words)
        return Sentence(self.start + seconds, self.end + seconds, words)

    def from_zero(self) -> list[Sentence]:
        """The sentence without words that began before the window, if any is left."""
        words = tuple(word for word in self.words if word[0] >= 0)
        return [Sentence(max(0.0, self.start), self.end, words)] if words else []


@dataclass(frozen=True, eq=False)
class Window:
    """What one pass of Whisper hears."""

    mel: NDArray[np.float32]
    """Log-mel spectrogram as Whisper's, shape `(80, 100 * seconds)`."""
    sentences: tuple[Sentence, ...]
    """In order; the first may have lost words to the left edge, the last may be cut off."""
    seconds: float
    """Length of the window."""


def random_text(rng: np.random.Generator) -> str:
    """One of the sentences, or 3 to 9 random words that look like one."""
    if rng.random() < 0.5:
        return SENTENCES[int(rng.integers(len(SENTENCES)))]
    words = [WORDS[int(i)] for i in rng.integers(len(WORDS), size=rng.integers(3, 10))]
    words = ["I" if word == "i" else word for word in words]
    words[0] = words[0].capitalize()
    return " ".join(words) + "."


def utter(rng: np.random.Generator, text: str, voices: tuple[str, ...]) -> tuple[Mono, Sentence]:
    """Speak a text in a random way, at 16 kHz and an RMS of 0.1."""
    speech = speak(
        text,
        voice=voices[int(rng.integers(len(voices)))],
        speed_wpm=int(rng.integers(110, 181)),
        pitch=int(rng.integers(30, 71)),
    )
    # Another rate than the true one: a longer or shorter throat.
    rate = VOICE_RATE * rng.uniform(0.93, 1.07) if rng.random() < 0.5 else VOICE_RATE
    samples = soxr.resample(speech.samples, rate, SAMPLE_RATE)
    ratio = VOICE_RATE / rate
    words = [(a * ratio, b * ratio, word) for a, b, word in speech.words]
    start, end, last = words[-1]
    words[-1] = (start, end, last + ".")
    samples *= 0.1 / np.sqrt(np.mean(samples**2))
    return samples, Sentence(0.0, samples.size / SAMPLE_RATE, tuple(words))


def mel_power(samples: Mono, frames: int) -> torch.Tensor:
    """Power in Whisper's 80 mel bands, shape `(80, frames)`, of samples followed by silence."""
    padded = np.pad(samples, (0, N_FFT))
    spectrum = torch.stft(
        torch.from_numpy(padded), N_FFT, HOP_LENGTH, window=_HANN, return_complex=True
    )
    power: torch.Tensor = mel_filters("cpu", 80) @ spectrum[:, :frames].abs() ** 2
    return power


def log_mel(power: torch.Tensor, headroom: float = 0.0) -> torch.Tensor:
    """Whisper's scaling: decades below the loudest moment of the file, 8 of them.

    Args:
        power: from `mel_power`.
        headroom: how many decades louder the rest of the file is.
    """
    decades = torch.log10(power.clamp(min=1e-10))
    return (torch.maximum(decades, decades.max() + headroom - 8.0) + 4.0) / 4.0


_HANN = torch.hann_window(N_FFT)


class Listening:
    """An endless supply of random windows."""

    def __init__(
        self,
        seed: int,
        *,
        takes: int,
        bands: int,
        songs: int = 0,
        voices: tuple[str, ...] = VOICES,
    ):
        """Record the pools that the windows are mixed from.

        Args:
            seed: makes everything.
            takes: number of spoken sentences.
            bands: number of songs of 40 s.
            songs: number of voices of 60 s that were separated from a mix.
            voices: eSpeak NG's voices that speak.
        """
        self._rng = np.random.default_rng(seed)
        self._takes = [utter(self._rng, random_text(self._rng), voices) for _ in range(takes)]
        self._bands = [_stems(_FIRST_BAND_SEED + 1000 * seed + i, 40.0) for i in range(bands)]
        self._songs = [self._song(_FIRST_SONG_SEED + 1000 * seed + i) for i in range(songs)]

    def window(self, seconds: float, trouble: float = 1.0) -> Window:
        """Make one window; one in ten has no speech.

        Args:
            seconds: its length.
            trouble: how much room, noise and band there may be, 0 (a clean voice) to 1.
        """
        rng = self._rng
        if self._songs and rng.random() < 0.5:
            return self._excerpt(seconds)
        heard = seconds if rng.random() < 0.5 else rng.uniform(1.5, seconds)
        voice = np.zeros(round(heard * SAMPLE_RATE), np.float32)
        sentences: tuple[Sentence, ...] = ()
        if rng.random() >= 0.1:
            sentences = self._speak(voice, _first_onset(rng, heard), heard, seconds)
        voice = _in_a_room(rng, voice) if rng.random() < 0.5 * trouble else voice
        frames = voice.size // HOP_LENGTH
        power = self._mixed(voice, frames, trouble)
        mel = log_mel(power, rng.uniform(0, 1.5) if rng.random() < 0.3 else 0.0)
        return Window(_filled(mel, seconds), sentences, seconds)

    def _song(self, seed: int) -> tuple[Mono, tuple[Sentence, ...]]:
        """A minute of sentences, separated from the mix with a band."""
        voice = np.zeros(60 * SAMPLE_RATE, np.float32)
        sentences: tuple[Sentence, ...] = ()
        if self._rng.random() >= 0.1:
            sentences = self._speak(voice, self._rng.uniform(0.0, 3.0), 60.0, 61.0)
        dry = soxr.resample(voice, SAMPLE_RATE, VOICE_RATE)
        return separated(separator(), dry, seed), sentences

    def _excerpt(self, seconds: float) -> Window:
        """A part of a separated voice, at another level."""
        rng = self._rng
        voice, sentences = self._songs[int(rng.integers(len(self._songs)))]
        heard = seconds if rng.random() < 0.7 else rng.uniform(8.0, seconds)
        start = float(rng.uniform(0.0, 60.0 - heard))
        if heard < seconds:
            # A file does not end in the middle of a sentence.
            ends = [each.end for each in sentences if start < each.end < start + heard - 0.3]
            heard = ends[-1] + 0.3 - start if ends else heard
        first = round(start * SAMPLE_RATE)
        part = voice[first : first + round(heard * SAMPLE_RATE)]
        frames = part.size // HOP_LENGTH
        mel = log_mel(mel_power(part * np.float32(10 ** rng.uniform(-1, 0.3)), frames))
        inside = [
            kept
            for each in sentences
            if each.end > start and each.start < start + heard - 0.3
            for kept in each.shifted(-start).from_zero()
        ]
        return Window(_filled(mel, seconds), tuple(inside), seconds)

    def _speak(
        self, voice: Mono, onset: float, heard: float, seconds: float
    ) -> tuple[Sentence, ...]:
        """Place sentences in a track of `heard` seconds; the last may pass the window's end."""
        rng = self._rng
        sentences = []
        time = onset
        loudness = 1.0
        while time < heard - 0.3:
            samples, sentence = self._takes[int(rng.integers(len(self._takes)))]
            if time + sentence.end > heard and heard < seconds:
                break
            sentence = sentence.shifted(time)
            _mix(voice, samples * np.float32(loudness), round(time * SAMPLE_RATE))
            sentences += sentence.from_zero()
            time = sentence.end + _gap(rng)
            loudness = 10 ** rng.uniform(-0.3, 0.0)
        return tuple(sentences)

    def _mixed(self, voice: Mono, frames: int, trouble: float) -> torch.Tensor:
        """Mel power of the voice with noise, band and what a separator would leave of it."""
        rng = self._rng
        gain = np.float32(10 ** (rng.uniform(-30, 6) / 20))
        if rng.random() < 0.5 * trouble:
            # The noise of the voice's own recording, 0 to 50 dB below it.
            voice = voice + _noise(rng, voice.size) * np.float32(0.1 * 10 ** -rng.uniform(0.2, 2.5))
        kind = rng.random()
        if kind > 0.65 * trouble:
            return mel_power(voice * gain, frames)
        level = 10 ** (rng.uniform(-25, -15 + 21 * trouble) / 20)
        backing = self._backing(voice.size) * np.float32(0.1 * level)
        if kind > 0.25 * trouble:
            return mel_power((voice + backing) * gain, frames)
        alone, rest = mel_power(voice * gain, frames), mel_power(backing * gain, frames)
        return _separated(rng, alone, rest, mel_power((voice + backing) * gain, frames))

    def _backing(self, size: int) -> Mono:
        """Some stems of some band, RMS 1."""
        rng = self._rng
        stems = self._bands[int(rng.integers(len(self._bands)))]
        first = int(rng.integers(stems.shape[1] - size + 1))
        levels = 10 ** rng.uniform(-0.5, 0.5, size=len(stems)) * (rng.random(len(stems)) < 0.8)
        backing = levels.astype(np.float32) @ stems[:, first : first + size].astype(np.float32)
        rms = float(np.sqrt(np.mean(backing**2)))
        return np.asarray(backing / max(rms, 1e-3), np.float32)


def _filled(mel: torch.Tensor, seconds: float) -> Mono:
    """Fill a window as Whisper does, with zeros, whatever the level of its silence is."""
    missing = round(seconds * 100) - mel.shape[1]
    return np.asarray(torch.nn.functional.pad(mel, (0, missing)).numpy())


def _first_onset(rng: np.random.Generator, heard: float) -> float:
    kind = rng.random()
    if kind < 0.06:
        return float(rng.uniform(-1.5, 0.0))
    if kind < 0.25:
        return float(rng.uniform(0.0, 0.2))
    if kind < 0.7:
        return float(rng.uniform(0.2, 1.0))
    return float(rng.uniform(1.0, max(1.1, heard - 1.0)))


def _gap(rng: np.random.Generator) -> float:
    low, high = ((0.15, 1.0), (1.0, 4.0), (4.0, 9.0))[int(rng.choice(3, p=(0.4, 0.45, 0.15)))]
    return float(rng.uniform(low, high))


def _mix(track: Mono, samples: Mono, first: int) -> None:
    kept = samples[: max(0, track.size - first)]
    kept = kept[max(0, -first) :]
    track[max(0, first) :][: kept.size] += kept


def _noise(rng: np.random.Generator, size: int) -> Mono:
    """White to brownish noise, RMS 1."""
    noise = rng.standard_normal(size, np.float32)
    tilt = rng.uniform(0.0, 0.95)
    noise[1:] += np.float32(tilt) * noise[:-1]
    return np.asarray(noise / noise.std(), np.float32)


def _in_a_room(rng: np.random.Generator, voice: Mono) -> Mono:
    tail = round(0.35 * SAMPLE_RATE)
    room = rng.standard_normal(tail) * np.exp(
        -np.arange(tail) / (rng.uniform(0.02, 0.1) * SAMPLE_RATE)
    )
    room *= rng.uniform(0.05, 0.35) / np.sqrt(np.sum(room**2))
    room[0] += 1.0
    size = 1 << (voice.size + tail - 1).bit_length()
    spectra = (torch.fft.rfft(torch.from_numpy(x).float(), size) for x in (voice, room))
    return np.asarray(torch.fft.irfft(math.prod(spectra), size).numpy()[: voice.size])


def _stems(seed: int, seconds: float) -> NDArray[np.float16]:
    """A band's stems in mono at 16 kHz, each with an RMS of 1."""
    stems = [
        soxr.resample(s.mean(axis=0), BAND_RATE, SAMPLE_RATE) for s in band(seed, seconds).values()
    ]
    return np.stack([stem / (stem.std() + 1e-6) for stem in stems]).astype(np.float16)


def _separated(
    rng: np.random.Generator, voice: torch.Tensor, rest: torch.Tensor, mix: torch.Tensor
) -> torch.Tensor:
    """What a soft mask of random sharpness, some of it wrong, leaves of a mix."""
    sharpness = rng.uniform(0.5, 1.5)
    odds = (voice + 1e-12) / (rest + 1e-12)
    wrong = torch.from_numpy(rng.standard_normal(tuple(odds.shape), np.float32))
    mask = torch.sigmoid(sharpness * torch.log(odds) + float(rng.uniform(0, 1.5)) * wrong)
    return mix * mask.clamp(min=10 ** -float(rng.uniform(1.0, 4.0))) ** 2
