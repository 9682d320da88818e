"""The tokenizer for faster-whisper gives what openai-whisper's own gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from whisper.tokenizer import get_tokenizer

from neuralib.engines.whisper.quiet import whisper_quiet
from neuralib.engines.whisper.tokenizer import vocabulary, write_tokenizer

TEXTS = (
    "We follow the river under silver light.",
    " leading, trailing and  several   spaces ",
    "tabs\tand\nlines\r\n\n\n and \u00a0\u2003\u3000 other \x85 spaces\u200b",
    "it's they'll I'M we'Ve 'd '' \"quoted\" (words) [noise] {x} <y> #1 @home",
    "1234567890 3.14 1,000 ½ ² ٣ १२३ Ⅷ",
    "Übermäßig groß: Straßenbahnen, façade, naïve, Ångström, e\u0301",
    "Съешь ещё этих мягких французских булок",
    "我能吞下玻璃而不伤身体。 你好,世界!",
    "いろはにほへと ちりぬるを 日本語テキスト",
    "키스의 고유조건은 입술끼리 만나야 하고",
    "הכל צפוי והרשות נתונה نص حكيم له سر قاطع",
    "ฉันกินกระจกได้ แต่มันไม่ทำให้ฉันเจ็บ हिन्दी में",
    "🎵 la la 🎶 👩‍👩‍👧‍👦 🏳️‍🌈 \U0001f1e9\U0001f1ea ♪♪♪ \U0001d518\U0001d52b \U0010ffff",
    "\x00\x01\x1f\x7f zero",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!!!!!!!!!!!!",
    "",
)


@pytest.fixture(scope="module", params=[(True, 99), (True, 100), (False, 99)], ids=str)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """openai-whisper's tokenizer and the one made from it."""
    multilingual, languages = request.param
    with whisper_quiet():
        own = get_tokenizer(multilingual, num_languages=languages)
    path: Path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    write_tokenizer(path, own.encoding)
    return own, Tokenizer.from_file(str(path))


@pytest.mark.parametrize("text", TEXTS)
def test_text_is_encoded_alike(pair: Any, text: str) -> None:
    own, made = pair
    tokens = made.encode(text, add_special_tokens=False).ids
    assert tokens == own.encode(text)
    assert made.decode(tokens) == text


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_encoded_alike(pair: Any, text: str) -> None:
    own, made = pair
    assert made.encode(text).ids == own.encode(text, disallowed_special=())


@given(seed=st.integers(0, 2**32 - 1))
def test_any_tokens_are_decoded_alike(pair: Any, seed: int) -> None:
    """Also where they cut characters in two, which gives replacement characters."""
    own, made = pair
    tokens = np.random.default_rng(seed).integers(0, own.eot, 20).tolist()
    assert made.decode(tokens) == own.decode(tokens)


def test_every_token_has_its_number(pair: Any) -> None:
    own, made = pair
    tokens = vocabulary(own.encoding)
    assert len(tokens) == len(set(tokens)) == own.encoding.n_vocab
    assert made.get_vocab_size() == own.encoding.n_vocab
    assert made.get_vocab() == {token: number for number, token in enumerate(tokens)}
    for name, number in own.special_tokens.items():
        assert made.token_to_id(name) == number
