"""Settings in a picture's metadata: a PNG's text, an XMP packet in JPEG, WebP, TIFF and AVIF."""

from __future__ import annotations

import json
import os
import re
import stat
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, unescape

from ..errors import InvalidImage
from .decoding import is_opened_elsewhere, open_picture
from .png import SIGNATURE

KEYWORD = "style_core"  # of the PNG text, and the prefix in XMP
LONGEST_TEXT = 1_000_000  # bytes; ours take about two thousand
XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:style_core="urn:style_core:settings#">'
    "<style_core:settings>{}</style_core:settings>"
    '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
IN_XMP = re.compile(rb"<style_core:settings>([^<]*)</style_core:settings>")


def settings_text(settings: Mapping[str, Any]) -> str:
    """Settings as JSON in ASCII, so that any name, even one that is no valid text, comes back as it was."""
    return json.dumps(settings)


def xmp_packet(text: str) -> bytes:
    """An XMP packet that holds the settings' text."""
    return XMP.format(escape(text)).encode()


def read_settings(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The settings that :meth:`Result.save` wrote into a picture; empty if there are none.

    Raises:
        InvalidImage: the file cannot be read, is no picture, or its settings are damaged.
    """
    text = _stored(Path(path))
    if text is None:
        return {}
    found = _object(text)
    if found is None:
        raise InvalidImage(f"The settings in {str(path)!r} are damaged.")
    return found


def _stored(path: Path) -> bytes | None:
    """The JSON that the file holds, or ``None``."""
    data = _bytes(path)
    if data.startswith(SIGNATURE) and (text := _png_text(data)) is not None:
        return text
    if is_opened_elsewhere(data):  # nothing of ours is written there
        return None
    with open_picture(data, "file", str(path), any_size=True) as image:
        info = image.info
    packet = info.get("xmp")
    found = IN_XMP.search(packet) if isinstance(packet, bytes) else None
    if found:
        return unescape(found[1].decode("utf-8", "replace")).encode()
    comment = info.get("comment")  # where JPEGs had them before; anybody else's says other things
    if isinstance(comment, bytes) and "method" in (_object(comment) or {}):
        return comment
    return None


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _bytes(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InvalidImage(f"No settings can be read from {str(path)!r}: it is not an ordinary file.")
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or error
        raise InvalidImage(f"No settings can be read from {str(path)!r}: {reason}.") from error


def _png_text(data: bytes) -> bytes | None:
    """The text under our keyword, wherever in the file it is and whatever other texts there are."""
    for kind, body in _png_chunks(data):
        keyword, _, rest = body.partition(b"\0")
        if keyword != KEYWORD.encode() or kind not in {b"iTXt", b"tEXt", b"zTXt"}:
            continue
        try:
            return _text_of(kind, rest)
        except (zlib.error, IndexError, ValueError):
            return b""  # ours, and damaged
    return None


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and body of a PNG's text chunks, up to where it is cut off."""
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind.endswith((b"EXt", b"TXt")):
            yield kind, data[at + 8 : at + 8 + length]
        at += length + 12


def _text_of(kind: bytes, rest: bytes) -> bytes:
    """What follows the keyword in a text chunk, unpacked.

    Raises:
        zlib.error, IndexError, ValueError: it is damaged.
    """
    if kind == b"tEXt":
        return rest
    is_packed = kind == b"zTXt" or rest[0] == 1
    text = rest[1:] if kind == b"zTXt" else rest[2:].split(b"\0", 2)[2]  # behind language and translation
    return zlib.decompressobj().decompress(text, LONGEST_TEXT) if is_packed else text
