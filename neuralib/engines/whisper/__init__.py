"""Whisper, decoded as faster-whisper or by openai-whisper."""
