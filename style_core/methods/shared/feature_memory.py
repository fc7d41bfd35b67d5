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
    regions = _regions(inputs.content_labels) if maps_regions else 0
    of_map = (FLOAT32 if in_float32 else encoder.number_bytes) * encoder.width("conv1_1")  # for each pixel
    per_pixel = of_map * maps_held + FLOAT32 * REGION_MAPS * regions
    pictures = [style.pixels for style in (inputs.styles if styles is None else styles)]
    largest = max(_pixels(picture) for picture in pictures)
    runtime.need_memory(
        START + round(max(per_pixel * _pixels(inputs.content), of_map * STYLE_MAPS * largest))
    )


def _regions(labels: Labels | None) -> int:
    return 0 if labels is None else len(labels.present)


def _pixels(picture: ImageTensor) -> int:
    return picture.shape[-2] * picture.shape[-1]
