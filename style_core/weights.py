"""Where weights come from: found or fetched, verified against their manifest, loaded once, kept in memory.

Order: the folder given by the caller, the folder named by ``STYLE_CORE_WEIGHTS``, the shipped
``assets/weights``, the Hub's cache, the Hub (hub/, and only if all else fails). A folder holds
``<family>/<name>.safetensors`` or ``<name>.safetensors``, and a ``manifest.json`` with each file's
sha256. Only safetensors are read, never pickle.
"""

from __future__ import annotations

import json
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from . import hub
from .device import has_native_bfloat16
from .digest import file_sha256, forget_digests
from .errors import WeightsUnavailable, shortened
from .hub import Report
from .nets.encoder import LAYERS, Encoder, layer_of
from .nets.precision import reduce_precision

FAMILIES = ("compact", "vgg19", "vgg19_16x")
# Inside the package in a wheel, at the root in a checkout.
INSTALLED = Path(__file__).resolve().parent / "assets" / "weights"
SHIPPED = INSTALLED if INSTALLED.is_dir() else INSTALLED.parents[2] / "assets" / "weights"
ENVIRONMENT = "STYLE_CORE_WEIGHTS"
ENCODER = "encoder"
# The family's network as it was trained on ImageNet, beside the rescaled one of its decoders.
IMAGENET_ENCODERS = {"vgg19": "imagenet_encoder"}
IMAGENET_BYTES = 51_800_000  # of the layers up to conv5_1 in float32
BUDGET = "STYLE_CORE_CACHE_MB"
DEFAULT_BUDGET = 1000  # MB of networks kept in memory

_lock = threading.Lock()
_networks: OrderedDict[tuple[Any, ...], nn.Module] = OrderedDict()
_building: dict[tuple[Any, ...], threading.Lock] = {}


def unheard(message: str) -> None:
    """Where reports of a caller go who does not want any."""


@dataclass(frozen=True)
class WeightFile:
    """A verified file: its tensors, its own metadata and its sha256."""

    path: Path
    sha256: str
    metadata: dict[str, str]
    state: dict[str, Tensor]


def encoder_name(family: str, kind: str) -> str:
    """The file name of a family's encoder: "shared" with its decoders, or "imagenet" where it has one."""
    return IMAGENET_ENCODERS.get(family, ENCODER) if kind == "imagenet" else ENCODER


def load_encoder(
    family: str, folder: Path | None, device: torch.device, *, last: str, pool: str, fast: bool = False,
    name: str = ENCODER, report: Report = unheard,
) -> Encoder:  # fmt: skip
    """An encoder of the family cut after ``last``, frozen, on ``device``; cached.

    Args:
        name: from :func:`encoder_name`.
        fast: in bfloat16 where the device multiplies it natively.

    Raises:
        WeightsUnavailable: there is no such file, or it is not what its manifest says.
    """
    path = locate(family, name, folder, last=layer_of(last), report=report)
    digest = verified_sha256(path, family)

    def build() -> nn.Module:
        file = _read_same(path, family, digest)
        padding = file.metadata.get("padding", "reflect")
        return _fit(file, lambda state: Encoder.from_state(state, last=last, pool=pool, padding=padding))

    network = _cached((path, digest, str(device), last, pool), device, build, fast)
    assert isinstance(network, Encoder)
    return network


def load_network(
    family: str, name: str, folder: Path | None, device: torch.device,
    build: Callable[[dict[str, Tensor]], nn.Module], *, fast: bool = False, report: Report = unheard,
) -> nn.Module:  # fmt: skip
    """A decoder of the family, frozen, on ``device``; cached.

    Args:
        build: makes the network from its tensors.
        fast: in bfloat16 where the device multiplies it natively.

    Raises:
        WeightsUnavailable: as :func:`load_encoder`, or the decoder belongs to another encoder.
    """
    path = locate(family, name, folder, report=report)
    encoder = locate(family, ENCODER, folder, report=report)
    digest, partner = verified_sha256(path, family), _sha256(encoder)

    def checked() -> nn.Module:
        file = _read_same(path, family, digest)
        _check_partner(file, encoder)
        return _fit(file, build)

    return _cached((path, digest, partner, str(device)), device, checked, fast)


def locate(
    family: str, name: str, folder: Path | None = None, *, last: str = LAYERS[-1], report: Report = unheard
) -> Path:
    """The path of ``<family>/<name>.safetensors`` in the first place that has it, fetched if need be.

    Args:
        last: how far an encoder has to reach, where it can be fetched in part.
        report: told what is being fetched; may raise to stop.

    Raises:
        WeightsUnavailable: an unknown family, no place has it, or it could not be fetched; says where
            it was looked for and what would do.
    """
    if family not in FAMILIES:
        raise WeightsUnavailable(f"family must be one of {', '.join(FAMILIES)}, not {shortened(family)}.")
    if folder and not folder.is_dir():
        raise WeightsUnavailable(f"The weights folder {str(folder)!r} does not exist.")
    found = _in_folders(family, name, folder)
    if found is not None:
        return found
    if name == IMAGENET_ENCODERS.get(family):
        return hub.fetch_imagenet(last, report)
    remote = hub.our_repository()
    if family != FAMILIES[0] and remote is not None:
        return hub.fetch_network(remote, family, name, report)
    looked = ", ".join(str(place / family) for place in _named_folders(folder)) or "the shipped weights"
    if family == FAMILIES[0]:
        raise WeightsUnavailable(f"The {family} weights {name!r} are not in {looked}.")
    raise WeightsUnavailable(
        f"The {family} weights {name!r} are not in {looked}: get the published ones with "
        "'python hub_upload.py fetch-originals', turn them into ours with 'python hub_upload.py convert' and "
        f"name that folder as weights_dir, set {hub.REPO} to a "
        "repository that has them, or use family 'compact', which is here."
    )


def whereabouts(family: str, method: str, kind: str, folder: Path | None = None) -> str:
    """Where a method's networks of a family are, or what using them would fetch, in a sentence.

    Nothing is fetched but, where a repository is named, its list of files.

    Args:
        method: its key, with which the names of its networks begin.
        kind: which encoder it uses, as for :func:`encoder_name`.

    Raises:
        WeightsUnavailable: as :func:`locate`.
    """
    if family not in FAMILIES:
        raise WeightsUnavailable(f"family must be one of {', '.join(FAMILIES)}, not {shortened(family)}.")
    if family == FAMILIES[0]:
        return "These networks came with the program; nothing is fetched."
    name = encoder_name(family, kind)
    if _in_folders(family, name, folder) or (name == IMAGENET_ENCODERS.get(family) and hub.kept_imagenet()):
        return "These networks are on this machine; nothing is fetched."
    if name == IMAGENET_ENCODERS.get(family):
        size = hub.megabytes(IMAGENET_BYTES)
        return f"The first use fetches {size} of VGG-19 from {hub.imagenet_repository().repo} (BSD-3-Clause)."
    remote = hub.our_repository()
    if remote is None:
        return (
            f"The {family} networks are not on this machine and no repository of them is named; see Weights "
            "in the README."
        )
    files = {
        file: entry
        for file, entry in hub.listed_networks(remote, family, unheard).items()
        if file == f"{ENCODER}.safetensors" or file.startswith(f"{method}_")
    }
    size = hub.megabytes(sum(int(entry.get("bytes", 0)) for entry in files.values()))
    licences = ", ".join(sorted({str(entry.get("licence", "licence unknown")) for entry in files.values()}))
    return f"The first use fetches at most {size} from {remote.repo} ({licences})."


def identity(method: str, family: str, kind: str, folder: Path | None = None) -> dict[str, str]:
    """The sha256, by name, of every network that a method may use and that is in a folder here.

    For telling apart what was made with them; nothing is fetched or checked.

    Args:
        method, family, kind, folder: as for :func:`whereabouts`.

    Raises:
        WeightsUnavailable: a file cannot be read.
    """
    places = [place / sub for place in (*_named_folders(folder), SHIPPED) for sub in (family, "")]
    files = [path for place in places for path in place.glob(f"{method}_*.safetensors")]
    names = {encoder_name(family, kind), *(path.stem for path in files)}
    found = {name: _in_folders(family, name, folder) for name in names}
    return {name: _sha256(path) for name, path in sorted(found.items()) if path is not None}


def places(folder: Path | None) -> tuple[str, ...]:
    """Where networks are looked for, for telling apart what was computed with them."""
    named = [str(place.absolute()) for place in _named_folders(folder)]
    return (*named, os.environ.get(hub.REPO, ""))


def licence_of(path: Path) -> str:
    """What the manifest beside a file says of its licence."""
    try:
        return str(
            json.loads((path.parent / "manifest.json").read_text("utf-8"))["files"][path.name]["licence"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "unknown"  # reading the weights will say what is wrong with the manifest


def verified_sha256(path: Path, family: str | None = None) -> str:
    """The sha256 of a weights file as it is now, held against the manifest beside it.

    Args:
        path: the file.
        family: what it is asked for as; a manifest that names another family refuses.

    Raises:
        WeightsUnavailable: not listed in the manifest, different from it, or of another family.
    """
    digest = _sha256(path)
    manifest = path.parent / "manifest.json"
    try:
        content = json.loads(manifest.read_text("utf-8"))
        listed, named = content["files"][path.name]["sha256"], content.get("family")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsUnavailable(f"{str(manifest)!r} does not list the sha256 of {path.name}.") from error
    if family and named and named != family:
        raise WeightsUnavailable(f"{str(path)!r} is of the {named} family, not of {family}.")
    if listed != digest:
        raise WeightsUnavailable(
            f"{str(path)!r} is not the file its manifest describes (sha256 {digest[:12]}…, expected "
            f"{listed[:12]}…); fetch or convert it again."
        )
    return digest


def read_weights(path: Path, family: str | None = None) -> WeightFile:
    """Read a safetensors file after checking it with :func:`verified_sha256`.

    Raises:
        WeightsUnavailable: as there, or it is damaged, or was replaced meanwhile.
    """
    return _read_same(path, family, verified_sha256(path, family))


def _read_same(path: Path, family: str | None, digest: str) -> WeightFile:
    """The file, if it is (still) the verified one of this sha256 once it has been read."""
    try:
        with safe_open(path, framework="pt") as file:
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            metadata = dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise WeightsUnavailable(f"{str(path)!r} is not a readable safetensors file.") from error
    if verified_sha256(path, family) != digest:
        raise WeightsUnavailable(f"{str(path)!r} was replaced while it was read; run it again.")
    return WeightFile(path, digest, metadata, state)


def _named_folders(folder: Path | None) -> list[Path]:
    named = os.environ.get(ENVIRONMENT)
    return [place for place in (folder, Path(named) if named else None) if place]


def _in_folders(family: str, name: str, folder: Path | None) -> Path | None:
    for place in (*_named_folders(folder), SHIPPED):
        for candidate in (place / family / f"{name}.safetensors", place / f"{name}.safetensors"):
            if candidate.is_file():
                return candidate
    return None


def clear_cache() -> None:
    """Forget all networks and verified files, so that the next request reads them again."""
    with _lock:
        _networks.clear()
    forget_digests()


def _check_partner(decoder: WeightFile, encoder: Path) -> None:
    """A decoder only understands the features of the encoder it was trained on."""
    partner = decoder.metadata.get("encoder_sha256")
    if partner != _sha256(encoder):
        raise WeightsUnavailable(
            f"{str(decoder.path)!r} was not trained on {str(encoder)!r}; use files of one set."
        )


def _fit(file: WeightFile, build: Callable[[dict[str, Tensor]], nn.Module]) -> nn.Module:
    try:
        return build(file.state)
    except ValueError as error:
        raise WeightsUnavailable(f"{str(file.path)!r} cannot be used: {error}.") from error


def _cached(
    key: tuple[Any, ...], device: torch.device, build: Callable[[], nn.Module], fast: bool
) -> nn.Module:
    is_reduced = fast and has_native_bfloat16(device.type)
    key = (*key, is_reduced)
    with _lock:
        building = _building.setdefault(key, threading.Lock())
    with building:  # two first requests for one network build it once; others are not held up
        with _lock:
            if key in _networks:
                _building.pop(key, None)
                _networks.move_to_end(key)
                return _networks[key]
        network = build().to(device)
        network = reduce_precision(network) if is_reduced else network
        with _lock:
            _networks[key] = network
            _building.pop(key, None)
            while len(_networks) > 1 and sum(map(_bytes, _networks.values())) > _budget():
                _networks.popitem(last=False)
    return network


def _bytes(network: nn.Module) -> int:
    return sum(p.numel() * p.element_size() for p in network.parameters())


def _budget() -> int:
    """Bytes of networks to keep; the one used last stays whatever its size."""
    text = os.environ.get(BUDGET, "")
    return int(1e6 * (int(text) if text.isdecimal() else DEFAULT_BUDGET))


def _sha256(path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError as error:
        raise WeightsUnavailable(f"{str(path)!r} cannot be read: {error.strerror}.") from error
