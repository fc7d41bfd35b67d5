"""Looks over time: recolorings are reproduced, a change is followed smoothly, frames keep their order."""

import pytest
import torch

from style_core.video.looks import KEY_EVERY, REACH, with_looks

from ..conftest import photo


def pictures(count):
    whole = photo(48, 80 + count)
    return [whole[..., k : k + 80].contiguous() for k in range(count)]


def results(frames, restyle):
    return [
        (number, look.apply(frames[number]))
        for number, look in with_looks(range(len(frames)), len(frames), frames.__getitem__, restyle)
    ]


@pytest.mark.parametrize("count", [1, 2, KEY_EVERY, KEY_EVERY + 1, 5 * KEY_EVERY - 3])
def test_an_affine_recoloring_is_put_on_every_frame(count):
    """One with slopes below the prior's largest, which the whole picture's map therefore is."""
    frames = pictures(count)
    found = results(frames, lambda picture: 0.2 + 0.6 * picture)
    assert [number for number, _ in found] == list(range(count))
    for number, made in found:
        assert (made - (0.2 + 0.6 * frames[number])).abs().max() < 2e-3


def test_what_changes_from_key_to_key_changes_little_from_frame_to_frame():
    """A method that jumps by 0.2 at every key frame: merged and interpolated, no step is near that."""
    frames = [pictures(1)[0]] * (6 * KEY_EVERY)
    calls = iter(range(100))
    found = [made for _, made in results(frames, lambda picture: picture * 0.6 + 0.2 * (next(calls) % 2))]
    levels = torch.stack([made.mean() for made in found])
    assert levels.diff().abs().max() < 0.2 / KEY_EVERY


def test_frames_wait_no_longer_than_the_window():
    count = 10 * KEY_EVERY
    frames, given = pictures(1) * count, []

    def source():
        for number in range(count):
            given.append(number)
            yield number

    for number, _ in with_looks(source(), count, frames.__getitem__, lambda picture: picture):
        assert given[-1] - number <= (REACH + 1) * KEY_EVERY


def test_fewer_frames_than_were_said_are_all_given():
    frames = pictures(20)
    found = list(with_looks(range(20), 50, frames.__getitem__, lambda picture: picture))
    assert [number for number, _ in found] == list(range(20))
