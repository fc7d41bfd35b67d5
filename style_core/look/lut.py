"""A look as a 3D lookup table of colors, for editors that take ``.cube`` files, and how far that is from it.

A table knows nothing of places: it is the one recoloring by color that is nearest to the look.
"""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InvalidImage
from ..files import write_whole
from ..images import ImageTensor

SUFFIX = ".cube"
POINTS = 33  # along each color, what Lightroom, Resolve, Premiere and OBS read
PULL = 1e-3  # weight of the smooth continuation, as a share of the mean point's pixels
ROUNDS = 200  # of smoothing colors that the photo does not have
D65 = (0.95047, 1.0, 1.08883)
TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)


@dataclass(frozen=True)
class ColorTable:
    """Colors for colors.

    Attributes:
        points: ``[n, n, n, 3]`` float32 in [0, 1], indexed by blue, green, red.
        mean_difference, large_difference: mean and 95th percentile of CIE76 color differences between the
            table's picture and the look's own, over the photo it was made of.
    """

    points: Tensor
    mean_difference: float
    large_difference: float

    def apply(self, picture: ImageTensor) -> ImageTensor:
        """``[1, 3, H, W]`` in [0, 1] through the table, interpolated trilinearly."""
        place = (2 * picture.permute(0, 2, 3, 1) - 1)[:, None]  # [1, 1, H, W, 3]: red is the fastest axis
        table = self.points.to(picture).permute(3, 0, 1, 2)[None]
        return F.grid_sample(table, place, align_corners=True, padding_mode="border")[:, :, 0].clamp(0, 1)


def fit_table(content: ImageTensor, looked: ImageTensor, *, points: int = POINTS) -> ColorTable:
    """The table that comes nearest to what a look does to a photo.

    Every point is the weighted mean change of the photo's colors around it; colors that the photo does
    not have take over the changes of those nearby.

    Args:
        content, looked: ``[1, 3, H, W]``, RGB in [0, 1], before and after.
        points: along each color.
    """
    change = _spread(*_splatted(content, looked - content, points))
    steps = torch.linspace(0, 1, points)
    blue, green, red = torch.meshgrid(steps, steps, steps, indexing="ij")
    table = ColorTable((torch.stack([red, green, blue], -1) + change).clamp(0, 1).float(), 0.0, 0.0)
    differences = (to_lab(table.apply(content)) - to_lab(looked)).square().sum(1).sqrt().flatten()
    if differences.numel() > 1_000_000:  # what quantile takes
        differences = differences[:: differences.numel() // 1_000_000 + 1]
    return ColorTable(table.points, float(differences.mean()), float(differences.quantile(0.95)))


def _splatted(content: ImageTensor, change: ImageTensor, points: int) -> tuple[Tensor, Tensor]:
    """Mean changes ``[n, n, n, 3]`` and pixels' weights ``[n, n, n]`` at the points, trilinearly."""
    place = content[0].flatten(1).cpu().double() * (points - 1)
    values = change[0].flatten(1).cpu().double()
    low = place.floor().clamp_max(points - 2)
    share = place - low
    sums = torch.zeros(4, points**3, dtype=torch.float64)
    for corner in range(8):
        bits = torch.tensor([corner & 1, corner >> 1 & 1, corner >> 2], dtype=torch.float64)[:, None]
        weight = torch.where(bits == 1, share, 1 - share).prod(0)
        red, green, blue = (low + bits).long()
        index = (blue * points + green) * points + red
        for k, value in enumerate((*values, torch.ones_like(weight))):
            sums[k].index_add_(0, index, weight * value)
    weight = sums[3].view(points, points, points)
    return sums[:3].view(3, points, points, points).permute(1, 2, 3, 0) / weight.clamp_min(1e-9)[
        ..., None
    ], weight


def _spread(change: Tensor, weight: Tensor) -> Tensor:
    """Changes continued smoothly to colors of little weight."""
    trust = (weight / (weight + PULL * weight.mean()))[None, None]
    own = change.permute(3, 0, 1, 2)[None]
    found = own * trust
    kernel = torch.tensor([0.25, 0.5, 0.25], dtype=own.dtype)
    for _ in range(ROUNDS):
        around = F.pad(found, (1, 1, 1, 1, 1, 1), mode="replicate")
        for axis in (2, 3, 4):
            shape = [1, 1, 1, 1, 1]
            shape[axis] = 3
            around = F.conv3d(around.transpose(0, 1), kernel.view(shape)).transpose(0, 1)
        found = trust * own + (1 - trust) * around
    return found[0].permute(1, 2, 3, 0)


def save_table(table: ColorTable, path: str | PathLike[str], *, title: str) -> None:
    """Write a ``.cube`` file (Adobe, *Cube LUT Specification 1.0*: red varies fastest).

    Raises:
        InvalidImage: the name does not end in ``.cube``, or the place cannot be written.
    """
    place = Path(fspath(path))
    if place.suffix.lower() != SUFFIX:
        raise InvalidImage(f"A lookup table is saved as NAME{SUFFIX}, not {place.name!r}.")
    rows = table.points.reshape(-1, 3).tolist()
    plain = title.replace('"', "'").replace("\n", " ")
    lines = [f'TITLE "{plain}"', f"LUT_3D_SIZE {table.points.shape[0]}"]
    lines += [f"{r:.6f} {g:.6f} {b:.6f}" for r, g, b in rows]
    write_whole(place, ("\n".join(lines) + "\n").encode())


def to_lab(image: ImageTensor) -> Tensor:
    """sRGB ``[1, 3, H, W]`` in [0, 1] to CIE L*a*b* under D65."""
    linear = torch.where(image <= 0.04045, image / 12.92, ((image + 0.055) / 1.055) ** 2.4)
    xyz = (
        torch.einsum("dc,nchw->ndhw", image.new_tensor(TO_XYZ), linear) / image.new_tensor(D65)[:, None, None]
    )
    f = torch.where(xyz > (6 / 29) ** 3, xyz.clamp_min(1e-9) ** (1 / 3), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = f.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)
