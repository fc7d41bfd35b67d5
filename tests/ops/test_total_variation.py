"""Total variation on pictures whose value is known."""

import torch

from style_core.ops.total_variation import total_variation


def test_a_flat_picture_has_none():
    assert float(total_variation(torch.full((1, 3, 5, 7), 0.3))) == 0


def test_a_ramp_has_the_square_of_its_slopes():
    rows, columns = torch.arange(6.0)[:, None], torch.arange(9.0)[None]
    ramp = (0.1 * rows + 0.02 * columns).expand(1, 3, 6, 9)
    torch.testing.assert_close(total_variation(ramp), torch.tensor(0.1**2 + 0.02**2))


def test_it_does_not_depend_on_the_size():
    small = torch.arange(8.0).remainder(2).expand(1, 3, 8, 8)
    torch.testing.assert_close(total_variation(small), total_variation(small.repeat(1, 1, 4, 4)))
