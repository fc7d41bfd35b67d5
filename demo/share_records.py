"""The record of a share, and what is believed of one that is read back."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ID = re.compile(r"[A-Za-z0-9_-]{22}")
NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
BLOB = re.compile(r"[0-9a-f]{64}\.(png|jpg|mp4)")
KEY_SHA256 = re.compile(r"[0-9a-f]{64}")
MEDIA_TYPES = {"png": "image/png", "jpg": "image/jpeg", "mp4": "video/mp4"}
MOST_PIXELS = 100_000_000
RECORD_BYTES = 1_000_000


@dataclass(frozen=True)
class SharedBlob:
    """A stored picture or clip: its file's name, kind, size in pixels and in bytes."""

    file: str
    media_type: str
    width: int
    height: int
    size: int


@dataclass(frozen=True)
class Share:
    """A share as it was stored."""

    id: str
    record: dict[str, Any]
    pictures: Mapping[str, SharedBlob]
    created: float
    expires: float | None
    key_sha256: str = ""


def as_json(share: Share) -> dict[str, Any]:
    pictures = {name: [b.file, b.width, b.height, b.size] for name, b in share.pictures.items()}
    return {"version": 1, "record": share.record, "pictures": pictures, "created": share.created,
            "expires": share.expires, "key_sha256": share.key_sha256}  # fmt: skip


def from_json(share_id: str, content: bytes) -> Share:
    """A stored record; somebody else may have written to the storage, so nothing in it is believed.

    Raises:
        ValueError: it is not what :func:`as_json` makes.
    """
    if len(content) > RECORD_BYTES:
        raise ValueError("too long")
    try:
        read = json.loads(content)
        pictures = {}
        for name, (file, *numbers) in read["pictures"].items():
            width, height, size = map(int, numbers)
            if not (NAME.fullmatch(name) and BLOB.fullmatch(file)) or min(width, height, size) < 1:
                raise ValueError(name)
            if width * height > MOST_PIXELS:
                raise ValueError(name)
            pictures[name] = SharedBlob(file, MEDIA_TYPES[file[-3:]], width, height, size)
        created = float(read["created"])
        expires = None if read["expires"] is None else float(read["expires"])
        if (
            not math.isfinite(created)
            or not math.isfinite(expires or 0)
            or not KEY_SHA256.fullmatch(read["key_sha256"])
        ):
            raise ValueError("dates or key")
        return Share(share_id, dict(read["record"]), pictures, created, expires, read["key_sha256"])
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError("no record of a share") from error
