"""Every checkpoint that can be named: where it comes from, how it is checked, what it allows.

Sources: names, bags and addresses are those of demucs 4.1 (`demucs/remote`), of openai-whisper
20250625 (`whisper._MODELS`) and of basic-pitch 0.4; a test compares them with the installed
packages. A Whisper address contains the file's whole sha256, a demucs `.th` name its first 8
digits. The whole sha256 and the sizes of demucs' files are those that independent projects
publish for the same files; where none is known, the 8 digits are all that is checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from neuralib.models.entry import CatalogueFile, CatalogueModel

BASIC_PITCH = "basic-pitch==0.4.0"
"""The distribution whose graph is used; installed without what it depends on."""


# Issues 327 and 508 of facebookresearch/demucs: the weights "are not covered by the MIT license,
# and are provided only for scientific purposes". The hub's model cards state no licence.
_RESEARCH = "research only, says their author; not the code's MIT licence"
_MIT = "MIT (OpenAI)"
_APACHE = "Apache-2.0 (Spotify)"

_FOUR = ("drums", "bass", "other", "vocals")
_SIX = (*_FOUR, "guitar", "piano")
_OWN = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))
_MDX = ((1.0, 1.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (1.0, 0.0, 1.0, 1.0), (1.0, 0.0, 1.0, 1.0))


def _hub(repository: str, signature: str, sha256: str, size: int) -> CatalogueFile:
    name = f"{signature}.safetensors"
    return CatalogueFile(
        name, f"https://huggingface.co/adefossez/{repository}/{name}", sha256, size
    )


def _legacy(path: str, rest_of_sha256: str = "", size: int | None = None) -> CatalogueFile:
    name = path.rpartition("/")[2]
    start = name.removesuffix(".th").partition("-")[2]
    address = f"https://dl.fbaipublicfiles.com/demucs/{path}"
    return CatalogueFile(name, address, start + rest_of_sha256, size)


def _whisper(file: str, sha256: str, size: int) -> CatalogueFile:
    address = f"https://openaipublic.azureedge.net/main/whisper/models/{sha256}/{file}"
    return CatalogueFile(file, address, sha256, size)


# One file a row, whatever its length: the digests are compared by eye.
# fmt: off
# ruff: noqa: E501
_HT = "HTDemucs/resolve/cbc8a9b1a87023b7fd74e7b3412e6321c0eab003"
_HT_FT = "HTDemucs-ft/resolve/d74ac89c3a1e874fc78f152555cf4d8533f06cd4"
_HT_6S = "HTDemucs-6s/resolve/3c5ee475be622df764938de97e4281a7b07ffa58"

_955717e8 = _hub(_HT, "955717e8", "d9fa14133cfcc034a6758923bb3a8ca9f8dfd0b582134643bbf83f72c17576dd", 84_025_440)
_f7e0c4bc = _hub(_HT_FT, "f7e0c4bc", "2c85ab3c62dd6edd8e0b965e38b16fd1cdde357cc25de6b6bc9ce7c83f60925f", 84_025_440)
_d12395a8 = _hub(_HT_FT, "d12395a8", "5b01a97567ae9a3178a6236fb520251045c03eb8834bc8c24a4eec11d6c8fb56", 84_025_440)
_92cfc3b6 = _hub(_HT_FT, "92cfc3b6", "a241863551f30d01c42bd7b97da40839922ead3acb0f1fcab25682f55b4eeb59", 84_025_440)
_04573f0d = _hub(_HT_FT, "04573f0d", "68854b0d7c2b3274723b5761f6fd9f5aec5f1bcd3f0de7c1669546fdb7871b7c", 84_025_440)
_5c90dfd2 = _hub(_HT_6S, "5c90dfd2", "d2a1745f0744721f6b8ca5bf469b67c651ea5ed1b52998cab033b2158609d411", 54_885_744)
_75fc33f5 = _legacy("hybrid_transformer/75fc33f5-1941ce65.th", "4b11df4132b9f4eae408556b4c83fad6fe26b4bc0dbcb36b975befb3", 167_407_275)
_0d19c1c6 = _legacy("mdx_final/0d19c1c6-0f06f20e.th", "d6ddc8058fa72ccc4845f3a88916eff7d007b623924193de217bbcf4", 178_048_329)
_7ecf8ec1 = _legacy("mdx_final/7ecf8ec1-70f50cc9.th", "47d08f32e6dd8e2b687d398fa5ef9e51d1bd7600e32205d1f44be6b9", 178_048_329)
_c511e2ab = _legacy("mdx_final/c511e2ab-fe698775.th", "6a7087d339bf63b19bb481b12cea02d3bc0de7583df7597210209649", 167_334_095)
_7d865c68 = _legacy("mdx_final/7d865c68-3d5dd56b.th", "5bc986f136dff98655ded22b2b033f465ccec7a28640a6b15fd71ed6", 167_918_783)
_e51eebcc = _legacy("mdx_final/e51eebcc-c1b80bdd.th", "6de58274abf359e66822a76f49ce2b9f086fc5dc917ac14598e6bebf", 167_399_275)
_a1d90b5c = _legacy("mdx_final/a1d90b5c-ae9d2452.th", "83bf24b552913ee233a1101dcd0aeaed59b1c0a2da0e1f6eda15101b", 167_391_595)
_5d2d6c55 = _legacy("mdx_final/5d2d6c55-db83574e.th", "05b2308f76e2764819da673f2d16d437b9e619f5fcb72f275fc0e24f", 167_391_595)
_cfa93e08 = _legacy("mdx_final/cfa93e08-61801ae1.th", "567d606c97a9c3469e943ae306d0a873eeb60d623ae7cfc7042b3f68", 167_399_275)
_83fc094f = _legacy("mdx_final/83fc094f-4a16d450.th", "fd8c9277494e23865cadaa4a3e64141c45411d84243b8c95ea4b7cae", 50_756_993)
_464b36d7 = _legacy("mdx_final/464b36d7-e5a9386e.th", "cbf6f30bb2bdc7ae162f471d87f3b5bffba1a8cb2cebe4403280967e", 38_893_153)
_14fc6a69 = _legacy("mdx_final/14fc6a69-a89dd0ee.th", "b547221dcfd6c0a47baa768ce0bce548eaf86b9a404d6b1088b5d22f", 38_491_885)
_7fd6ef75 = _legacy("mdx_final/7fd6ef75-a905dd85.th", "48f7389f1a3686c24c09d7bee61b716e3372e778e2acec88333ecdf4", 39_436_529)
_6b9c2ca1 = _legacy("mdx_final/6b9c2ca1-3fd82607.th", size=59_648_321)
_b72baf4e = _legacy("mdx_final/b72baf4e-8778635e.th", size=44_368_175)
_42e558d4 = _legacy("mdx_final/42e558d4-196e0e1b.th", size=58_227_087)
_305bc58f = _legacy("mdx_final/305bc58f-18378783.th", size=46_847_123)
_9a6b4851 = _legacy("mdx_final/9a6b4851-03af0aa6.th")
_1ef250f1 = _legacy("mdx_final/1ef250f1-592467ce.th")
_fa0cb7f9 = _legacy("mdx_final/fa0cb7f9-100d8bf4.th")
_902315c2 = _legacy("mdx_final/902315c2-b39ce9c9.th")

_NMP = CatalogueFile("nmp.onnx", None, "2c3c1d144bfa61ad236e92e169c13535c880469a12a047d4e73451f2c059a0ec", 230_444)

_LARGE_V3 = _whisper("large-v3.pt", "e5b1a55b89c1367dacf97e3e19bfd829a01529dbfdeefa8caeb59b3f1b81dadb", 3_087_371_615)
_TURBO = _whisper("large-v3-turbo.pt", "aff26ae408abcba5fbf8813c21e62b0941638c5f6eebfb145be0c9839262a19a", 1_617_941_637)


def _separate(
    name: str,
    *files: CatalogueFile,
    sources: tuple[str, ...] = _FOUR,
    weights: tuple[tuple[float, ...], ...] | None = None,
    segment: float | None = None,
    default: bool = False,
) -> CatalogueModel:
    return CatalogueModel(name, "separate", files, _RESEARCH, sources, weights, segment, default)


def _transcribe(name: str, file: CatalogueFile, default: bool = False) -> CatalogueModel:
    return CatalogueModel(name, "transcribe", (file,), _MIT, is_default=default)


_MODELS = (
    _separate("htdemucs", _955717e8, default=True),
    _separate("htdemucs_ft", _f7e0c4bc, _d12395a8, _92cfc3b6, _04573f0d, weights=_OWN),
    _separate("htdemucs_6s", _5c90dfd2, sources=_SIX),
    _separate("hdemucs_mmi", _75fc33f5, segment=44.0),
    _separate("mdx", _0d19c1c6, _7ecf8ec1, _c511e2ab, _7d865c68, weights=_MDX, segment=44.0),
    _separate("mdx_extra", _e51eebcc, _a1d90b5c, _5d2d6c55, _cfa93e08, segment=44.0),
    _separate("mdx_q", _6b9c2ca1, _b72baf4e, _42e558d4, _305bc58f, weights=_MDX, segment=44.0),
    _separate("mdx_extra_q", _83fc094f, _464b36d7, _14fc6a69, _7fd6ef75, segment=44.0),
    _separate("repro_mdx_a", _9a6b4851, _1ef250f1, _fa0cb7f9, _902315c2, segment=44.0),
    _separate("repro_mdx_a_hybrid_only", _fa0cb7f9, _902315c2, _fa0cb7f9, _902315c2, segment=44.0),
    _separate("repro_mdx_a_time_only", _9a6b4851, _9a6b4851, _1ef250f1, _1ef250f1, segment=44.0),
    CatalogueModel("basic-pitch", "midi", (_NMP,), _APACHE, is_default=True),
    _transcribe("tiny.en", _whisper("tiny.en.pt", "d3dd57d32accea0b295c96e26691aa14d8822fac7d9d27d5dc00b4ca2826dd03", 75_571_315)),
    _transcribe("tiny", _whisper("tiny.pt", "65147644a518d12f04e32d6f3b26facc3f8dd46e5390956a9424a650c0ce22b9", 75_572_083)),
    _transcribe("base.en", _whisper("base.en.pt", "25a8566e1d0c1e2231d1c762132cd20e0f96a85d16145c3a00adf5d1ac670ead", 145_261_783)),
    _transcribe("base", _whisper("base.pt", "ed3a0b6b1c0edf879ad9b11b1af5a0e6ab5db9205f891f668f8b0e6c6326e34e", 145_262_807)),
    _transcribe("small.en", _whisper("small.en.pt", "f953ad0fd29cacd07d5a9eda5624af0f6bcf2258be67c92b79389873d91e0872", 483_615_683)),
    _transcribe("small", _whisper("small.pt", "9ecf779972d90ba49c06d968637d720dd632c55bbf19d441fb42bf17a411e794", 483_617_219), default=True),
    _transcribe("medium.en", _whisper("medium.en.pt", "d7440d1dc186f76616474e0ff0b3b6b879abc9d1a4926b7adfa41db2d497ab4f", 1_528_006_491)),
    _transcribe("medium", _whisper("medium.pt", "345ae4da62f9b3d59415adc60127b97c714f32e89e936602e85993674d08dcb1", 1_528_008_539)),
    _transcribe("large-v1", _whisper("large-v1.pt", "e4b87e7e0bf463eb8e6956e646f1e277e901512310def2c24bf0e11bd3c28e9a", 3_086_999_982)),
    _transcribe("large-v2", _whisper("large-v2.pt", "81f7c96c852ee8fc832187b0132e569d6c3065a3252ed18e56effd0b6a73e524", 3_086_999_982)),
    _transcribe("large-v3", _LARGE_V3),
    _transcribe("large", _LARGE_V3),
    _transcribe("large-v3-turbo", _TURBO),
    _transcribe("turbo", _TURBO),
)
# fmt: on

CATALOGUE: Mapping[str, CatalogueModel] = MappingProxyType({model.name: model for model in _MODELS})
"""Every model by its name, in the order in which they are listed."""
