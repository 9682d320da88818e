"""openai-whisper's vocabulary in the form that CTranslate2 and faster-whisper read.

faster-whisper fetches a tokenizer from a hub when the model's folder holds none; this one is made
from the vocabulary that openai-whisper ships, and gives the same tokens.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tiktoken


def vocabulary(encoding: tiktoken.Encoding) -> list[str]:
    """List all tokens by their number, in GPT-2's notation of bytes as printable characters."""
    letters = _byte_letters()
    tokens = {rank: _spell(token, letters) for token, rank in _ranks(encoding).items()}
    tokens |= {number: name for name, number in encoding._special_tokens.items()}
    return [tokens[number] for number in range(encoding.n_vocab)]


def write_tokenizer(path: Path, encoding: tiktoken.Encoding) -> None:
    """Write `tokenizer.json` of the library `tokenizers`."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    ranks, letters = _ranks(encoding), _byte_letters()
    words = {_spell(token, letters): rank for token, rank in ranks.items()}
    merges = [(_spell(left, letters), _spell(right, letters)) for left, right in _merges(ranks)]
    # tiktoken takes a word that is a token as it is, without trying the merges.
    tokenizer = Tokenizer(models.BPE(words, merges, ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    names = sorted(encoding._special_tokens, key=encoding._special_tokens.__getitem__)
    tokenizer.add_special_tokens([AddedToken(name, normalized=False) for name in names])
    tokenizer.save(str(path), pretty=False)


def write_settings(folder: Path, n_mels: int, encoding: tiktoken.Encoding) -> None:
    """Write what faster-whisper reads beside a model, so that nothing has to be fetched."""
    write_tokenizer(folder / "tokenizer.json", encoding)
    features = json.dumps({"feature_size": n_mels})
    (folder / "preprocessor_config.json").write_text(features, encoding="utf-8")


def _ranks(encoding: tiktoken.Encoding) -> dict[bytes, int]:
    return encoding._mergeable_ranks


def _merges(ranks: dict[bytes, int]) -> list[tuple[bytes, bytes]]:
    """Recover the pairs that byte-pair encoding joined, in order; a rank is the pair's turn."""
    merges = []
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        parts = _split(token, ranks, rank)
        if len(parts) == 2:
            merges.append((parts[0], parts[1]))
    return merges


def _split(token: bytes, ranks: dict[bytes, int], limit: int) -> list[bytes]:
    """Join the bytes of `token` as far as ranks below `limit` do."""
    parts = [bytes([byte]) for byte in token]
    while len(parts) > 1:
        rank, place = min(
            (ranks.get(parts[i] + parts[i + 1], limit), i) for i in range(len(parts) - 1)
        )
        if rank >= limit:
            break
        parts[place : place + 2] = [parts[place] + parts[place + 1]]
    return parts


def _spell(token: bytes, letters: dict[int, str]) -> str:
    return "".join(letters[byte] for byte in token)


def _byte_letters() -> dict[int, str]:
    """Map each byte to a printable character: `bytes_to_unicode` of GPT-2's `encoder.py`."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = {byte: chr(byte) for byte in printable}
    return letters | {byte: chr(256 + index) for index, byte in enumerate(others)}
