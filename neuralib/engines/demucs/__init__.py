"""Demucs, as itself and as a graph of OpenVINO."""
