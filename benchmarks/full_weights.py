"""Random weights of the published widths: the same work as the converted checkpoints, without them."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from style_core.nets.decoder import Decoder
from style_core.nets.encoder import LAYERS, Encoder
from style_core.nets.wavelet import VARIANTS, WaveletDecoder
from style_core.training.export import export

FULL_WIDTHS = dict(zip(LAYERS, (64, 64, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512, 512), strict=True))


def random_full_weights(folder: Path) -> Path:
    """Write an encoder and the decoders of every method to ``folder``."""
    digest = export(Encoder(FULL_WIDTHS).state_dict(), folder, "encoder", entry={}, metadata={})
    to_level_4 = dict(list(FULL_WIDTHS.items())[: LAYERS.index("conv4_1") + 1])
    networks: dict[str, nn.Module] = {
        f"wct2_{variant}": WaveletDecoder(to_level_4, variant=variant) for variant in VARIANTS
    }
    for level in range(1, 6):
        networks[f"wct_{level}"] = Decoder(FULL_WIDTHS, level=level, upsampling="nearest")
    for level in range(1, 5):
        networks[f"photo_wct_{level}"] = Decoder(FULL_WIDTHS, level=level, upsampling="unpool")
    for name, network in networks.items():
        export(network.state_dict(), folder, name, entry={}, metadata={"encoder_sha256": digest})
    return folder
