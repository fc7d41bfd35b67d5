"""Weights from the Hugging Face Hub: the only package that talks to it, and only once it is asked to.

Two kinds: the networks of one of our repositories (``STYLE_CORE_REPO``, see repositories.py), and
timm's VGG-19, of which only the layers needed are fetched (imagenet.py). Files are safetensors; what is
not the file its manifest or its address promises is removed, fetched once more, then refused.
"""

from .imagenet import fetch_imagenet
from .names import Remote, Report, our_repository
from .reasons import REPO
from .repositories import fetch_network

__all__ = ["REPO", "Remote", "Report", "fetch_imagenet", "fetch_network", "our_repository"]
