"""Verified files and the frozen networks in them. Only safetensors are read, never pickle."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ..device import has_native_bfloat16
from ..digest import forget_digests
from ..errors import WeightsUnavailable
from ..nets.encoder import Encoder, layer_of
from ..nets.precision import reduce_precision
from ..progress import TextReport, ignore_text
from .finding import ENCODER, locate, owner_of
from .manifest import present_sha256, verified_sha256
from .network_cache import forget_networks, kept_network


@dataclass(frozen=True)
class WeightFile:
    """A verified file: its tensors, its own metadata and its sha256."""

    path: Path
    sha256: str
    metadata: dict[str, str]
    state: dict[str, Tensor]


def load_encoder(
    family: str, folder: Path | None, device: torch.device, *, last: str, pool: str, fast: bool = False,
    name: str = ENCODER, method: str = "", report: TextReport = ignore_text,
) -> Encoder:  # fmt: skip
    """An encoder of the family cut after ``last``, frozen, on ``device``; cached.

    Args:
        name: from :func:`encoder_name`.
        method: whose, as for :func:`locate`.
        fast: in bfloat16 where the device multiplies it natively.

    Raises:
        WeightsUnavailable: there is no such file, or it is not what its manifest says.
    """
    path = locate(family, name, folder, last=layer_of(last), method=method, report=report)
    digest = verified_sha256(path, family)

    def build() -> nn.Module:
        file = _read_same(path, family, digest)
        padding = file.metadata.get("padding", "reflect")
        return _fit(file, lambda state: Encoder.from_state(state, last=last, pool=pool, padding=padding))

    network = _on_device((path, digest, last, pool), build, device, fast)
    assert isinstance(network, Encoder)
    return network


def load_network(
    family: str, name: str, folder: Path | None, device: torch.device,
    build: Callable[[dict[str, Tensor]], nn.Module], *, fast: bool = False, report: TextReport = ignore_text,
) -> nn.Module:  # fmt: skip
    """A decoder of the family, frozen, on ``device``; cached.

    Args:
        build: makes the network from its tensors.
        fast: in bfloat16 where the device multiplies it natively.

    Raises:
        WeightsUnavailable: as :func:`load_encoder`, or the decoder belongs to another encoder.
    """
    path = locate(family, name, folder, report=report)
    encoder = locate(family, ENCODER, folder, method=owner_of(name), report=report)
    digest, partner = verified_sha256(path, family), present_sha256(encoder)

    def checked() -> nn.Module:
        file = _read_same(path, family, digest)
        _check_partner(file, encoder)
        return _fit(file, build)

    return _on_device((path, digest, partner), checked, device, fast)


def read_weights(path: Path, family: str | None = None) -> WeightFile:
    """Read a safetensors file after checking it against the manifest beside it.

    Raises:
        WeightsUnavailable: as :func:`verified_sha256`, or it is damaged, or was replaced meanwhile.
    """
    return _read_same(path, family, verified_sha256(path, family))


def clear_cache() -> None:
    """Forget all networks and verified files, so that the next request reads them again."""
    forget_networks()
    forget_digests()


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


def _check_partner(decoder: WeightFile, encoder: Path) -> None:
    """A decoder only understands the features of the encoder it was trained on."""
    partner = decoder.metadata.get("encoder_sha256")
    if partner != present_sha256(encoder):
        raise WeightsUnavailable(
            f"{str(decoder.path)!r} was not trained on {str(encoder)!r}; use files of one set."
        )


def _fit(file: WeightFile, build: Callable[[dict[str, Tensor]], nn.Module]) -> nn.Module:
    try:
        return build(file.state)
    except ValueError as error:
        raise WeightsUnavailable(f"{str(file.path)!r} cannot be used: {error}.") from error


def _on_device(
    key: tuple[Hashable, ...], build: Callable[[], nn.Module], device: torch.device, fast: bool
) -> nn.Module:
    is_reduced = fast and has_native_bfloat16(device.type)

    def moved() -> nn.Module:
        network = build().to(device)
        return reduce_precision(network) if is_reduced else network

    return kept_network((*key, str(device), is_reduced), moved)
