"""Tiny files with the frames of real checkpoints."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file


def safetensors(path: Path) -> Path:
    save_file({"weight": torch.arange(12.0)}, str(path), metadata={"klass": "demucs.X"})
    return path


def demucs(path: Path, *, extra: str = "", legacy: bool = False) -> Path:
    values = {"klass": dict, "args": (), "kwargs": {"extra": extra}, "state": {"w": torch.ones(3)}}
    torch.save(values, path, _use_new_zipfile_serialization=not legacy)
    return path


def whisper(path: Path) -> Path:
    torch.save({"dims": {"n_mels": 80}, "model_state_dict": {"w": torch.ones(3)}}, path)
    return path


def onnx(path: Path) -> Path:
    # IR version 8, producer "me", and an empty graph: a ModelProto by hand.
    path.write_bytes(b"\x08\x08\x12\x02me\x3a\x00")
    return path


def bag(folder: Path, text: str, *signatures: str) -> Path:
    for signature in signatures:
        safetensors(folder / f"{signature}.safetensors")
    path = folder / "bag.yaml"
    path.write_text(text)
    return path
