"""What a Demucs checkpoint says about its model, and the model made from it."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralib.engines.refusal import brief
from neuralib.errors import CheckpointError, EngineMissing, NeuraLibError

if TYPE_CHECKING:
    import torch

_FILE_NAME = re.compile(r'[^\x00-\x1f<>:"/\\|?*.][^\x00-\x1f<>:"/\\|?*]*')
"""What every file system takes as the beginning of a visible file's name."""
_RANDOM_FILLS = frozenset({"kaiming_uniform_", "normal_", "uniform_"})


@dataclass(frozen=True)
class Checkpoint:
    """The description of a model; the weights stay in the file until `build`."""

    path: Path
    klass: type[torch.nn.Module]
    """One of `architectures`."""
    arguments: Mapping[str, Any]
    """All arguments of `klass`, defaults included."""
    read_state: Callable[[], Any]
    """Reads the weights from the file."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the stems, in the model's order."""
        return tuple(self.arguments["sources"])

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return int(self.arguments["samplerate"])

    @property
    def channels(self) -> int:
        """Channels of the mix and of each stem."""
        return int(self.arguments["audio_channels"])

    def segment_seconds(self, wish: float | None) -> Any:
        """Tell the length of a segment.

        Args:
            wish: the bag's, or None. It is followed as demucs' `BagOfModels` does: an HTDemucs
                never runs on longer segments than those that it was trained on.
        """
        trained = self.arguments["segment"]
        is_bounded = self.klass.__name__ == "HTDemucs"
        return trained if wish is None or (is_bounded and wish > trained) else wish

    def segment_frames(self, wish: float | None) -> int:
        """Tell the length of a segment in frames; see `segment_seconds`."""
        return int(self.sample_rate * self.segment_seconds(wish))

    def build(self, segment_seconds: float | None = None) -> Any:
        """Make the model, in float32 on the processor, for inference only.

        Args:
            segment_seconds: the bag's wish for the length of a segment, or None.

        Raises:
            CheckpointError: where the weights do not fit the model that the file describes.
            EngineMissing: where the weights are quantised and `diffq` is not installed.
        """
        try:
            model: Any = _build_unfilled(self.klass, self.arguments)
            _fill(model, self.read_state())
        except (NeuraLibError, MemoryError):
            raise
        except Exception as error:  # whatever a damaged file makes the class stumble over
            raise CheckpointError(
                f"{self.path} is damaged: its weights do not fit the {self.klass.__name__} that "
                f"it describes ({brief(str(error))}); fetch or export it again"
            ) from None
        model.segment = self.segment_seconds(segment_seconds)
        return model.eval().requires_grad_(False)


def architectures() -> dict[str, type[torch.nn.Module]]:
    """Give the classes that a checkpoint may be of, by the names that checkpoints use.

    Raises:
        EngineMissing: where demucs is not installed.
    """
    try:
        from demucs.demucs import Demucs
        from demucs.hdemucs import HDemucs
        from demucs.htdemucs import HTDemucs
    except ImportError as error:
        raise EngineMissing(
            f"demucs cannot be imported ({error}); run `pip install 'demucs>=4.1,<5'`"
        ) from None
    return {f"{klass.__module__}.{klass.__name__}": klass for klass in (HTDemucs, HDemucs, Demucs)}


def describe(
    path: Path,
    klass: type[torch.nn.Module],
    args: object,
    kwargs: object,
    read_state: Callable[[], Any],
) -> Checkpoint:
    """Check the arguments that a file gives for `klass`, a list and a dictionary; complete them.

    Keywords that `klass` does not know (any more) are dropped, as demucs does.

    Raises:
        CheckpointError: where they are not arguments of `klass`.
    """
    if not isinstance(args, list | tuple) or not isinstance(kwargs, dict):
        raise CheckpointError(f"{path} is damaged: its arguments are no list and no dictionary")
    signature = inspect.signature(klass)
    known = {key: value for key, value in kwargs.items() if key in signature.parameters}
    try:
        bound = signature.bind(*args, **known)
    except TypeError as error:
        raise CheckpointError(
            f"{path} is damaged: its arguments do not fit {klass.__name__} ({error}); fetch or "
            "export it again"
        ) from None
    bound.apply_defaults()
    _check(path, bound.arguments)
    return Checkpoint(path, klass, bound.arguments, read_state)


def _check(path: Path, arguments: Mapping[str, Any]) -> None:
    sources = arguments["sources"]
    if not isinstance(sources, list | tuple) or not _are_names(sources):
        raise CheckpointError(
            f"{path} is damaged: its sources are {sources!r}, not a list of names that differ "
            "and can be the names of files"
        )
    for name in ("samplerate", "audio_channels", "segment"):
        if not isinstance(arguments[name], Real) or not 0 < arguments[name] < math.inf:
            raise CheckpointError(f"{path} is damaged: its {name} is {arguments[name]!r}")
    rate, segment = arguments["samplerate"], arguments["segment"]
    if rate < 1 or rate * segment < 1:
        raise CheckpointError(
            f"{path} is damaged: its segment is {segment!r} s at {rate!r} Hz, less than a sample"
        )


def _are_names(sources: Sequence[object]) -> bool:
    """Whether the stems can be written as files of their own, inside the folder for them."""
    names = [name for name in sources if isinstance(name, str) and _FILE_NAME.fullmatch(name)]
    return 0 < len(sources) == len(names) == len({name.casefold() for name in names})


def _build_unfilled(klass: type[torch.nn.Module], arguments: Mapping[str, Any]) -> torch.nn.Module:
    """Build `klass` without drawing its random weights, which take most of the time."""
    from torch.overrides import TorchFunctionMode

    class WithoutRandomFills(TorchFunctionMode):
        def __torch_function__(
            self, function: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            if getattr(function, "__name__", "") in _RANDOM_FILLS:
                return args[0] if args else kwargs["tensor"]
            return function(*args, **(kwargs or {}))

    with WithoutRandomFills():
        return klass(**arguments)


def _fill(model: torch.nn.Module, state: Any) -> None:
    if not state.get("__quantized"):
        model.load_state_dict(state)
        return
    try:
        from diffq import restore_quantized_state
    except ImportError:
        raise quantised() from None
    restore_quantized_state(model, state)


def quantised() -> EngineMissing:
    """Give the error for a quantised checkpoint where `diffq` is missing."""
    return EngineMissing(
        "the checkpoint is quantised, and diffq is not installed; run "
        "`pip install 'neuralib[quantized]'`, or take a model whose name does not end in _q"
    )
