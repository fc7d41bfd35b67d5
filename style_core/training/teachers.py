"""The networks the compact encoder learns from, and what each is trusted for.

The true normalised VGG-19 up to conv3_1; above it the 16x-compressed encoders of Collaborative
Distillation (Wang et al., CVPR 2020), whose 1x1 ``aux`` maps lead from their narrow features to
the true network's. Layers 4_1 and 5_1 of those are estimates, not truth.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from ..nets.decoder import Decoder
from ..nets.encoder import Encoder, StateDict

# The relative error each layer is trained towards; its inverse weighs the layer in the loss.
AIMS = {
    "relu1_1": 0.05,
    "relu1_2": 0.08,
    "relu2_1": 0.12,
    "relu2_2": 0.2,
    "relu3_1": 0.25,
    "relu4_1": 0.20,
    "relu4_2": 0.30,
    "relu5_1": 0.40,
}
TRUE_LAYERS = ("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1")


class Teachers(nn.Module):
    """Targets for every layer of :data:`AIMS`, and candidate channels for initialisation.

    Args:
        folder: holds ``vgg19_normalised_to_conv3_1.safetensors``, ``se16x_4`` and ``se16x_5``.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.true = Encoder.from_state(load_file(folder / "vgg19_normalised_to_conv3_1.safetensors"))
        self.small4, self.aux4 = _compressed(load_file(folder / "se16x_4.safetensors"))
        self.small5, self.aux5 = _compressed(load_file(folder / "se16x_5.safetensors"))

    @torch.no_grad()
    def targets(self, image: Tensor) -> dict[str, Tensor]:
        """Rectified target features by layer, ``[N, C, h, w]`` each; C is the true width but at 4_2."""
        found = self.true(image, TRUE_LAYERS)
        four = self.small4(image, ("relu4_1",))
        five = self.small5(image, ("relu4_1", "relu4_2", "relu5_1"))
        estimate4 = F.relu(self.aux4["conv4_1"](four["relu4_1"]))
        estimate5 = F.relu(self.aux5["conv4_1"](five["relu4_1"]))
        found["relu4_1"] = (estimate4 + estimate5) / 2  # two estimates are less noisy than one
        found["relu4_2"] = five["relu4_2"]
        found["relu5_1"] = F.relu(self.aux5["conv5_1"](five["relu5_1"]))
        return found

    @torch.no_grad()
    def candidates(self, image: Tensor, layer: str) -> Tensor:
        """Rectified channels a student's ``layer`` may copy: the true network's where it is known."""
        if layer in self.true.layers:
            return self.true(image, (layer,))[layer]
        sources = [net for net in (self.small5, self.small4) if layer in net.layers]
        return torch.cat([net(image, (layer,))[layer] for net in sources], dim=1)


def teacher_decoder(folder: Path, level: int) -> tuple[Encoder, Decoder]:
    """The 16x-compressed encoder (to ``level``) and its decoder, from ``se16x_`` and ``sd16x_`` files."""
    encoder, _ = _compressed(load_file(folder / f"se16x_{level}.safetensors"))
    state = load_file(folder / f"sd16x_{level}.safetensors")
    canonical = {f"conv{k[4]}_{k[5:]}": v.float() for k, v in state.items()}
    return encoder, Decoder.from_state(canonical, level=level, upsampling="nearest")


def _compressed(state: StateDict) -> tuple[Encoder, nn.ModuleDict]:
    """Split a 16x file into the encoder under canonical names and its aux maps."""
    encoder, aux = {}, nn.ModuleDict()
    for key, value in state.items():
        name, kind = key.rsplit(".", 1)
        if name.endswith("_aux"):
            layer = f"conv{name[4]}_{name[5]}"
            if kind == "weight":
                aux[layer] = nn.Conv2d(value.shape[1], value.shape[0], 1)
                aux[layer].weight.data = value.float()
                aux[layer].bias.data = state[f"{name}.bias"].float()
        else:
            canonical = name if name == "conv0" else f"conv{name[4]}_{name[5]}"
            encoder[f"{canonical}.{kind}"] = value
    return Encoder.from_state(encoder), aux.requires_grad_(False)
