"""NeuraLib takes a song apart: its stems, its notes, its words."""

__version__ = "0.1.0"
