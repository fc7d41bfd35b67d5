"""Answers with a part of a file: browsers ask for clips piece by piece, and some play none otherwise."""

from __future__ import annotations

import re

from starlette.responses import Response

RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def answer(content: bytes, asked: str | None, media_type: str, headers: dict[str, str]) -> Response:
    """The whole, or the part that is asked for.

    Args:
        asked: the header ``Range``, if any; of several parts, and of what is no range, the whole is sent.
    """
    headers = {**headers, "Accept-Ranges": "bytes"}
    found = RANGE.fullmatch(asked or "")
    if found is None or not any(found.groups()):
        return Response(content, media_type=media_type, headers=headers)
    first, last = _bounds(found[1], found[2], len(content))
    if first > last:
        headers["Content-Range"] = f"bytes */{len(content)}"
        return Response(status_code=416, headers=headers)
    headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
    return Response(content[first : last + 1], 206, media_type=media_type, headers=headers)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    """Numbers of the first and the last byte; the former is greater where there are none."""
    if not first:  # the last so many
        return max(0, size - int(last)), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1
