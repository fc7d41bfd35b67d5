"""Networks that can be stopped in the middle: after every layer they call whoever waits for them."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Self

from torch import Tensor, nn

Beat = Callable[[], None]


class PulsingModule(nn.Module):
    """A network with a pulse: none, until :meth:`with_pulse` gives it one."""

    pulse: Beat | None = None

    def with_pulse(self, pulse: Beat) -> Self:
        """The same network, its parameters shared, which calls ``pulse`` at every :meth:`beat`.

        What it raises ends the walk.
        """
        same = copy(self)
        same.pulse = pulse
        return same

    def beat(self, x: Tensor) -> None:
        """Call the pulse now and, where ``x`` asks for a gradient, once that is there."""
        if self.pulse is None:
            return
        pulse = self.pulse
        pulse()
        if x.requires_grad:
            x.register_hook(lambda _: pulse())
