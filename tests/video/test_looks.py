"""The look of a shot: what is done to all frames alike is reproduced, and nothing else changes on the way."""

import pytest
import torch

from style_core.video.looks import shot_look

from ..conftest import photo


def frames(count):
    """A pan."""
    whole = photo(48, 80 + 10 * count)
    return [whole[..., 10 * k : 10 * k + 80].contiguous() for k in range(count)]


@pytest.mark.parametrize("count", [1, 2, 6])
def test_an_affine_recoloring_is_put_on_every_frame(count):
    shot = frames(6)
    look = shot_look(shot[:count], lambda picture, _: 0.2 + 0.6 * picture)
    for frame in shot:
        assert (look.apply(frame) - (0.2 + 0.6 * frame)).abs().max() < 5e-3


def test_a_recoloring_by_luminance_is_followed():
    def restyle(picture, _=None):
        light = (picture * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
        return picture * (0.3 + 0.6 * light)

    shot = frames(4)
    look = shot_look(shot, restyle)
    for frame in shot:
        assert (look.apply(frame) - restyle(frame)).abs().mean() < 0.01


def test_what_moves_keeps_its_new_color():
    """Wherever a pixel is in the frame, though the method did not do the same everywhere."""
    shot = frames(2)
    shade = torch.linspace(0.4, 1, 80)
    look = shot_look(shot, lambda picture, _: picture * shade)
    before, after = (look.apply(frame) for frame in shot)
    torch.testing.assert_close(before[..., 10:], after[..., :-10], atol=1e-6, rtol=0)


def test_grain_is_not_enlarged_where_the_frames_say_nothing_of_slopes():
    flat = torch.full((1, 3, 64, 64), 0.5)
    grain = 0.01 * torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    look = shot_look([flat], lambda picture, _: picture * 0 + 0.3)
    assert (look.apply(flat + grain) - look.apply(flat)).std() <= grain.std()
