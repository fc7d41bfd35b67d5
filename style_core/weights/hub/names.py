"""What is fetched from where: repositories, revisions, and where in the cache it goes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ...errors import WeightsUnavailable
from .reasons import REPO

IMAGENET_REPO = "STYLE_CORE_IMAGENET_REPO"


@dataclass(frozen=True)
class Remote:
    """A repository at a revision; ``etag`` of the file wanted from it, where it is known."""

    repo: str
    revision: str
    etag: str = ""

    def __str__(self) -> str:
        return f"{self.repo} at {self.revision[:12]}"


# The commit that added the file, and its sha256, as the Hub's page shows them.
IMAGENET = Remote(
    "timm/vgg19.tv_in1k",
    "128d4708565b3a414bcbb9bbad440b2fe37b9f18",
    "11aea017b543ff59233749d8f1cf544cda749378f5790d2fedab841fb86b7669",
)


def our_repository() -> Remote | None:
    """The repository ``STYLE_CORE_REPO`` names, as ``USER/NAME`` or ``USER/NAME@REVISION``.

    Raises:
        WeightsUnavailable: it is not such a name.
    """
    return _named(REPO)


def _named(variable: str) -> Remote | None:
    text = os.environ.get(variable, "").strip()
    if not text:
        return None
    from huggingface_hub.utils import validate_repo_id

    repo, _, revision = text.partition("@")
    refusal = f"{variable} must be USER/NAME or USER/NAME@REVISION, not {text!r}."
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo) or ".." in text or not re.fullmatch(r"[\w./-]*", revision):
        raise WeightsUnavailable(refusal)
    try:
        validate_repo_id(repo)
    except ValueError:
        raise WeightsUnavailable(refusal) from None
    return Remote(repo, revision or "main")


def imagenet_repository() -> Remote:
    """timm's, or the one ``STYLE_CORE_IMAGENET_REPO`` names.

    Raises:
        WeightsUnavailable: it is not such a name.
    """
    return _named(IMAGENET_REPO) or IMAGENET


def cache_folder(*parts: str) -> Path:
    """A folder of ours in the Hub's cache."""
    from huggingface_hub import constants

    folder = Path(constants.HF_HOME, "assets", "style_core", *parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def megabytes(count: float) -> str:
    """A size for people."""
    return f"{count / 1e6:.1f} MB"
