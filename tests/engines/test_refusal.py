"""What is said of a pickle that is not loaded."""

from __future__ import annotations

from neuralib.engines.refusal import brief, reason_of


def test_a_long_message_ends_with_a_whole_word() -> None:
    text = brief("several words\non two lines " * 20)
    assert len(text) <= 160
    assert text.endswith((" several …", " words …", " on …", " two …", " lines …"))
    assert brief("short\n text") == "short text"


def test_torchs_advice_to_run_the_file_is_left_out() -> None:
    advice = "Weights only load failed. Re-running with `weights_only` set to `False` will succeed"
    said = (
        f"{advice}\nWeightsUnpickler error: odd operand 149\nCheck the documentation of torch.load"
    )
    assert reason_of(ValueError(said)) == "odd operand 149"
    assert reason_of(EOFError()) == "EOFError"
