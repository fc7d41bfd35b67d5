"""Weights from the Hugging Face Hub: the only package that talks to it, and only once it is asked to.

Two kinds: the networks of one of our repositories (``STYLE_CORE_REPO``, see repositories.py), and
timm's VGG-19, of which only the layers needed are fetched (imagenet.py). Files are safetensors. A network
that is not the file its manifest describes is removed, fetched once more, then refused. Parts of a file have
no published hash: VGG-19's commit and ETag (the whole file's sha256) are known, what its layers hold is
checked, and what arrived is held to its own sha256 from then on.
"""

from .imagenet import fetch_imagenet, kept_imagenet
from .names import Remote, imagenet_repository, megabytes, our_repository
from .reasons import INSTEAD, REPO, http_errors
from .repositories import fetch_network, listed_networks

__all__ = [
    "INSTEAD",
    "REPO",
    "Remote",
    "fetch_imagenet",
    "fetch_network",
    "http_errors",
    "imagenet_repository",
    "kept_imagenet",
    "listed_networks",
    "megabytes",
    "our_repository",
]
