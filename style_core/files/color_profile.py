"""The profile that every written file carries: its numbers are sRGB."""

from __future__ import annotations

import struct
from functools import cache

from PIL import ImageCms

CREATED = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # instead of now, which would make equal results differ
CREATED_AT = 24  # ICC.1:2010, table 17: year, month, day, hours, minutes, seconds


@cache
def srgb_profile() -> bytes:
    """An ICC profile of sRGB, the same bytes every time."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile[:CREATED_AT] + CREATED + profile[CREATED_AT + len(CREATED) :]
