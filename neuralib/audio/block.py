"""The unit in which audio flows."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Block: TypeAlias = NDArray[np.float32]
"""Samples of shape (channels, frames), float32, full scale ±1 (more is allowed), any length > 0."""
