"""Networks' files: found or fetched, held against their manifest, loaded once, kept in memory.

folders.py and finding.py say where a file is, manifest.py what it is, loading.py makes networks of it,
network_cache.py keeps them. The Hub is reached in hub/ alone, and only if no folder has a file.
"""

from .finding import (
    ENCODER,
    FAMILIES,
    GET,
    IMAGENET_ENCODERS,
    encoder_name,
    identity,
    locate,
    places,
    whereabouts,
)
from .loading import WeightFile, clear_cache, load_encoder, load_network, read_weights
from .manifest import licence_of, verified_sha256

__all__ = [
    "ENCODER",
    "FAMILIES",
    "GET",
    "IMAGENET_ENCODERS",
    "WeightFile",
    "clear_cache",
    "encoder_name",
    "identity",
    "licence_of",
    "load_encoder",
    "load_network",
    "locate",
    "places",
    "read_weights",
    "verified_sha256",
    "whereabouts",
]
