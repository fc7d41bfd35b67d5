"""What a method will take of memory, said before it takes it.

The largest things are feature maps of conv1_1's size, in the precision of the network; how many of them are
alive at once was measured for every method (``python -m benchmarks.memory_estimates``), apart from what does
not grow with the picture. Methods that map regions hold, besides, how much of every pixel belongs to each.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...images import ImageTensor
from ...method import Inputs, Runtime, StyleInput
from ...nets.encoder import Encoder
from ...regions import Labels

FLOAT32 = 4  # bytes
START = 100_000_000  # bytes of networks, of libraries' workspaces, of what was loaded for the first time
STYLE_MAPS = 2.0  # of a style's size alive at once while it is measured, without gradients
REGION_MAPS = 3.0  # float32 numbers of each region at every pixel


def need_feature_memory(
    runtime: Runtime, encoder: Encoder, inputs: Inputs, styles: Sequence[StyleInput] | None = None, *,
    maps_held: float, maps_regions: bool, in_float32: bool = False,
) -> None:  # fmt: skip
    """Reserve what a method is going to take.

    Args:
        runtime: reserves it.
        encoder: whose first layer is the widest map.
        inputs: content with its labels, and styles.
        styles: as they are measured, where that is not the inputs' own.
        maps_held: maps of conv1_1's size at the content's alive at once.
        maps_regions: whether features are mapped by region.
        in_float32: whether most of these maps are, as gradients and what goes with them, in float32 whatever
            the network's precision.

    Raises:
        OutOfMemory: with the share of the picture that fits.
    """
    per_pixel = bytes_per_pixel(
        encoder, inputs.content_labels if maps_regions else None, maps_held=maps_held, in_float32=in_float32
    )
    largest = max(_pixels(style.pixels) for style in (inputs.styles if styles is None else styles))
    measured = _map_bytes(encoder, in_float32) * STYLE_MAPS * largest
    runtime.need_memory(START + round(max(per_pixel * _pixels(inputs.content), measured)))


def need_style_memory(runtime: Runtime, encoder: Encoder, styles: Sequence[StyleInput]) -> None:
    """Reserve what measuring styles takes, of a method that fits its content in by tiles.

    Raises:
        OutOfMemory: with the share of the picture that fits.
    """
    largest = max(_pixels(style.pixels) for style in styles)
    runtime.need_memory(START + round(_map_bytes(encoder, False) * STYLE_MAPS * largest))


def bytes_per_pixel(
    encoder: Encoder, labels: Labels | None, *, maps_held: float, in_float32: bool = False
) -> int:
    """What features of a pixel take, in bytes, with its memberships in the regions of ``labels``."""
    regions = 0 if labels is None else len(labels.present)
    return round(_map_bytes(encoder, in_float32) * maps_held + FLOAT32 * REGION_MAPS * regions)


def _map_bytes(encoder: Encoder, in_float32: bool) -> int:
    """Of a pixel in one map of conv1_1's size."""
    return (FLOAT32 if in_float32 else encoder.number_bytes) * encoder.width("conv1_1")


def _pixels(picture: ImageTensor) -> int:
    return picture.shape[-2] * picture.shape[-1]
