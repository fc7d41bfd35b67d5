"""Where a network's file is: in a folder, in the Hub's cache or on the Hub; and the same in sentences."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import WeightsUnavailable, shortened
from ..nets.encoder import LAYERS
from ..progress import TextReport, ignore_text
from . import hub
from .folders import data_folder, find_file, named_folders, published_set, searched_folders
from .manifest import present_sha256
from .vgg19 import IMAGENET_BYTES, IMAGENET_FILE, LICENCE

FAMILIES = ("compact", "vgg19", "vgg19_16x")
ENCODER = "encoder"
# The family's network as it was trained on ImageNet, beside the rescaled one of its decoders.
IMAGENET_ENCODERS = {"vgg19": IMAGENET_FILE}
GET = "style-core weights get"


def encoder_name(family: str, kind: str) -> str:
    """The file name of a family's encoder: "shared" with its decoders, or "imagenet" where it has one."""
    return IMAGENET_ENCODERS.get(family, ENCODER) if kind == "imagenet" else ENCODER


def owner_of(name: str) -> str:
    """The method with whose key a decoder's file name begins: "wct2" of "wct2_sum"."""
    return name.rpartition("_")[0]


def locate(
    family: str, name: str, folder: Path | None = None, *, last: str = LAYERS[-1], method: str = "",
    report: TextReport = ignore_text,
) -> Path:  # fmt: skip
    """The path of ``<family>/<name>.safetensors`` in the first place that has it, fetched if need be.

    Args:
        last: how far an encoder has to reach, where it can be fetched in part.
        method: whose encoder it is; the published sets have one each. A decoder's name says it.
        report: told what is being fetched; may raise to stop.

    Raises:
        WeightsUnavailable: an unknown family, no place has it, or it could not be fetched; says where
            it was looked for and what would do.
    """
    _check_family(family)
    if folder and not folder.is_dir():
        raise WeightsUnavailable(f"The weights folder {str(folder)!r} does not exist.")
    if name not in {ENCODER, IMAGENET_FILE}:
        method = owner_of(name)
    found = find_file(method, family, name, folder)
    if found is not None:
        return found
    if name == IMAGENET_ENCODERS.get(family):
        return hub.fetch_imagenet(last, report)
    remote = hub.our_repository()
    if family != FAMILIES[0] and remote is not None:
        return hub.fetch_network(remote, family, name, report)
    looked = ", ".join(str(place / family) for place in named_folders(folder)) or "the shipped weights"
    missing = f"The {family} weights {name!r} are not in {looked}"
    if family == FAMILIES[0]:
        raise WeightsUnavailable(f"{missing}.")
    raise WeightsUnavailable(
        f"{missing}: {_how_to_get(method, family)}, name a folder that has them (weights_dir, or "
        f"--weights-dir), set {hub.REPO} to a repository that has them, {hub.INSTEAD}"
    )


def _check_family(family: str) -> None:
    if family not in FAMILIES:
        raise WeightsUnavailable(f"family must be one of {', '.join(FAMILIES)}, not {shortened(family)}.")


def _how_to_get(method: str, family: str) -> str:
    """The one command that fetches published networks, where there are any."""
    name = published_set(method, family)
    if name:
        return f"fetch the published ones with '{GET} {name}'"
    if method:
        return f"none are published for {method}; train your own"
    return f"fetch published ones with '{GET} METHOD'"


def whereabouts(family: str, method: str, kind: str, folder: Path | None = None) -> str:
    """Where a method's networks of a family are, or what using them would fetch, in a sentence.

    Nothing is fetched but, where a repository is named, its list of files.

    Args:
        method: its key, with which the names of its networks begin.
        kind: which encoder it uses, as for :func:`encoder_name`.

    Raises:
        WeightsUnavailable: as :func:`locate`.
    """
    _check_family(family)
    if family == FAMILIES[0]:
        return "These networks came with the program; nothing is fetched."
    name = encoder_name(family, kind)
    is_imagenet = name == IMAGENET_ENCODERS.get(family)
    if find_file(method, family, name, folder) or (is_imagenet and hub.kept_imagenet()):
        return "These networks are on this machine; nothing is fetched."
    if is_imagenet:
        size = hub.megabytes(IMAGENET_BYTES)
        return f"The first use fetches {size} of VGG-19 from {hub.imagenet_repository().repo} ({LICENCE})."
    remote = hub.our_repository()
    if remote is None:
        return f"The {family} networks are not on this machine: {_how_to_get(method, family)}."
    files = {
        file: entry
        for file, entry in hub.listed_networks(remote, family, ignore_text).items()
        if file == f"{ENCODER}.safetensors" or file.startswith(f"{method}_")
    }
    size = hub.megabytes(sum(entry.size for entry in files.values()))
    licences = ", ".join(sorted({entry.licence for entry in files.values()}))
    return f"The first use fetches at most {size} from {remote.repo} ({licences})."


def identity(method: str, family: str, kind: str, folder: Path | None = None) -> dict[str, str]:
    """The sha256, by name, of every network that a method may use and that is in a folder here.

    For telling apart what was made with them; nothing is fetched or checked.

    Args:
        method, family, kind, folder: as for :func:`whereabouts`.

    Raises:
        WeightsUnavailable: a file cannot be read.
    """
    searched = searched_folders(method, family, folder)
    files = [path for place in searched for path in place.glob(f"{method}_*.safetensors")]
    names = {encoder_name(family, kind), *(path.stem for path in files)}
    found = {name: find_file(method, family, name, folder) for name in names}
    return {name: present_sha256(path) for name, path in sorted(found.items()) if path is not None}


def places(folder: Path | None) -> tuple[str, ...]:
    """Where networks are looked for, for telling apart what was computed with them."""
    named = [str(place.absolute()) for place in (*named_folders(folder), data_folder())]
    return (*named, os.environ.get(hub.REPO, ""))
