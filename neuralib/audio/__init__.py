"""Audio in blocks: decode, resample, segment, overlap-add, encode."""
