"""Where an S3 storage is, and the credentials for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from neuralib.errors import UsageError

FORM = "s3://KEY:SECRET@host:port/bucket?secure=true&region=us-east-1"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[A-Za-z0-9_-]+")
_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_OPTIONS = ("secure", "region", "public")


@dataclass(frozen=True)
class S3Address:
    """The parts of `s3://KEY:SECRET@host:port/bucket`."""

    host: str
    """With its port, if one was given."""
    bucket: str
    key: str
    secret: str = field(repr=False)
    secure: bool = True
    """Talk TLS."""
    region: str | None = None
    """None: the server is asked."""
    public: SplitResult | None = None
    """What signed addresses begin with, where clients reach the server under another one."""

    @classmethod
    def parse(cls, url: str) -> S3Address:
        """Read an address; key and secret are percent-decoded.

        Raises:
            UsageError: where a part is missing or wrong. Nothing before the `@` is shown.
        """
        try:
            parts = urlsplit(url)
            parts.port  # noqa: B018 - reading it checks it
        except ValueError:
            raise _wrong("its host or port cannot be read") from None
        credentials, at, host = parts.netloc.rpartition("@")
        key, colon, secret = credentials.partition(":")
        if not (at and colon and key and secret):
            raise _wrong("it needs KEY:SECRET@ before the host")
        if not parts.hostname or parts.fragment:
            raise _wrong("it has no host, or a # in it")
        options = _options(parts.query)
        return cls(
            host,
            _bucket(parts.path),
            unquote(key),
            unquote(secret),
            _secure(options),
            _region(options),
            _public(options),
        )


def _wrong(what: str) -> UsageError:
    return UsageError(
        f"cannot read NEURALIB_STORAGE_URL: {what}; write {FORM}, and in KEY and SECRET / as %2F, "
        "? as %3F, # as %23, @ as %40, : as %3A, % as %25"
    )


def _bucket(path: str) -> str:
    bucket = unquote(path).strip("/")
    if not _BUCKET.fullmatch(bucket) or ".." in bucket:
        raise _wrong("after the host comes one bucket, 3 to 63 of a-z, 0-9, '.' and '-'")
    return bucket


def _options(query: str) -> Mapping[str, str]:
    given = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
    if not set(given) <= set(_OPTIONS):
        raise _wrong(f"after the ? it can have {', '.join(_OPTIONS)} and nothing else")
    return given


def _secure(options: Mapping[str, str]) -> bool:
    value = options.get("secure", "true").lower()
    if value not in _TRUTH:
        raise _wrong("secure is true or false")
    return _TRUTH[value]


def _region(options: Mapping[str, str]) -> str | None:
    region = options.get("region")
    if region is not None and not _REGION.fullmatch(region):
        raise _wrong("a region is a word such as eu-central-1")
    return region


def _public(options: Mapping[str, str]) -> SplitResult | None:
    if "public" not in options:
        return None
    try:
        parts = urlsplit(options["public"])
        parts.port  # noqa: B018 - reading it checks it
    except ValueError:
        raise _wrong("public is an address such as https://files.example") from None
    named = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    if not named or parts.path.strip("/") or parts.query:
        raise _wrong("public is an address such as https://files.example, without a path")
    if "region" not in options:
        raise _wrong("with public it needs region too, for that is part of a signature")
    return parts
