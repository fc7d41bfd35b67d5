"""Regions of a shot: found once, told in every frame by what they look like, steady in grain."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from style_core import EnoughDone, InvalidClip, stylize_video
from style_core.fronts import to_pil
from style_core.regions import Labels, cluster_frames, cluster_segments
from style_core.video.frame_regions import SteadyMembership, frame_labels, membership
from style_core.weights import load_encoder

from ..conftest import photo
from .conftest import read_clip, write_clip

HEIGHT, WIDTH = 96, 160
FLAT, BUSY = (0.1, 0.3, 0.9), (0.9, 0.4, 0.1)


def halves(border, *, swapped=False, grain=0.0, seed=0):
    """Flat blue left of a border, a red checkerboard right of it, ``[1, 3, H, W]``; and where blue is."""
    rows, columns = torch.arange(HEIGHT)[:, None], torch.arange(WIDTH)[None]
    checks = 0.3 + 0.7 * ((rows // 4 + (columns - border) // 4) % 2).float()
    is_flat = (columns < border).expand(HEIGHT, WIDTH) ^ swapped
    busy = torch.tensor(BUSY)[:, None, None] * checks
    picture = torch.where(is_flat, torch.tensor(FLAT)[:, None, None].expand_as(busy), busy)[None]
    noise = grain * torch.randn(picture.shape, generator=torch.Generator().manual_seed(seed))
    return (picture + noise).clamp(0, 1), is_flat


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("compact", None, torch.device("cpu"), last="relu4_1", pool="max")


@pytest.fixture(scope="module")
def regions(encoder):
    frames = [halves(border)[0] for border in (40, 80, 120)]
    return cluster_frames(frames, halves(80, swapped=True)[0], encoder, clusters=2)


def test_all_frames_and_the_style_share_their_labels(regions):
    blues = set()
    for border, own in zip((40, 80, 120), regions.frames, strict=True):
        flat = own[halves(border)[1]]
        blues.add(int(flat.flatten().bincount().argmax()))
        assert (flat == flat.flatten().mode().values).float().mean() > 0.95
    blues.add(int(regions.style[halves(80, swapped=True)[1]].flatten().bincount().argmax()))
    assert len(blues) == 1


def test_of_one_frame_they_are_a_pictures(encoder):
    content, style = halves(80, grain=0.02)[0], halves(60, swapped=True)[0]
    alone, shot = cluster_segments(content, style, encoder), cluster_frames([content], style, encoder)
    assert torch.equal(alone.content, shot.frames[0])
    assert torch.equal(alone.style, shot.style)


@pytest.mark.parametrize("border", [25, 60, 140])
def test_they_are_told_in_frames_that_were_not_seen(regions, border):
    frame, is_flat = halves(border, grain=0.02)
    labels = frame_labels(regions, frame)
    blue = int(labels.map[is_flat].flatten().bincount().argmax())
    assert labels.size == (HEIGHT, WIDTH)
    assert ((labels.map == blue) == is_flat).float().mean() > 0.95


def test_they_go_with_the_motion(regions):
    steady = SteadyMembership(regions)
    for k in range(12):
        frame, is_flat = halves(60 + 2 * k, grain=0.02, seed=k)
        shares = steady.next(frame).at(frame, slice(0, HEIGHT), HEIGHT)
    blue = int(shares[:, is_flat].mean(1).argmax())
    assert ((shares[blue] > 0.5) == is_flat).float().mean() > 0.95


def test_grain_does_not_stir_them(encoder):
    pytest.importorskip("cv2", reason="opencv-python-headless is not installed")
    still = photo(HEIGHT, WIDTH)
    regions = cluster_frames([still], photo(HEIGHT, WIDTH, seed=4), encoder)
    steady, made = SteadyMembership(regions), {"steady": [], "alone": []}
    for k in range(12):
        frame = (still + 0.05 * torch.randn(still.shape, generator=torch.Generator().manual_seed(k))).clamp(
            0, 1
        )
        for name, shares in (("steady", steady.next(frame)), ("alone", membership(regions, frame))):
            made[name].append(shares.at(still, slice(0, HEIGHT), HEIGHT))  # its colors, not its grain's
    stirred = {
        name: np.mean([float((b - a).abs().mean()) for a, b in pairwise(all_shares)])
        for name, all_shares in made.items()
    }
    assert stirred["steady"] < 0.6 * stirred["alone"]


def test_what_was_not_there_before_is_not_taken_from_before(regions):
    """Somebody cuts within a shot: the border jumps."""
    steady = SteadyMembership(regions)
    for _ in range(10):
        steady.next(halves(40)[0])
    frame, is_flat = halves(120)
    shares = steady.next(frame).at(frame, slice(0, HEIGHT), HEIGHT)
    blue = int(shares[:, is_flat].mean(1).argmax())
    assert shares[blue][:, 50:110].mean() > 0.9


def test_a_run_that_goes_on_makes_what_it_would_have_made(tmp_path, monkeypatch):
    monkeypatch.setattr("style_core.video.restyling.REPORT_SECONDS", 0.0)
    monkeypatch.setattr("style_core.digest.SETTLING", 0.0)  # the style is a new file
    frames = [halves(60 + 2 * k, grain=0.05, seed=k)[0][0].permute(1, 2, 0).numpy() for k in range(16)]
    source = write_clip(tmp_path / "halves.mkv", frames, codec="ffv1", pixels="bgr0")
    style = tmp_path / "style.png"
    to_pil(halves(80, swapped=True)[0]).save(style)
    how = {"codec": "ffv1", "content_mask": "auto"}

    def stop(share, message, preview):
        if message.startswith("8 of 16"):
            raise EnoughDone("Enough.")

    whole = stylize_video("wct2", source, style, tmp_path / "whole.mkv", **how)
    part = stylize_video("wct2", source, style, tmp_path / "part.mkv", progress=stop, **how)
    assert 8 <= part.frame_count < 16
    rest = stylize_video("wct2", source, style, tmp_path / "part.mkv", **how)
    assert any(note.startswith("Went on after the") for note in rest.notes)
    for a, b in zip(read_clip(whole.path), read_clip(rest.path), strict=True):
        np.testing.assert_array_equal(a.to_ndarray(format="rgb24"), b.to_ndarray(format="rgb24"))


@pytest.fixture
def restyled(tmp_path):
    """The last frame of a clip of halves, with regions and without, and a style whose flat half is green."""
    frames = [halves(60 + 4 * k)[0][0].permute(1, 2, 0).numpy() for k in range(8)]
    source = write_clip(tmp_path / "halves.mkv", frames, codec="ffv1", pixels="bgr0")
    style = halves(80)[0][:, [1, 2, 0]]
    style[..., 80:] = halves(80)[0][..., 80:][:, [0, 2, 0]]

    def run(method):
        made = []
        for mask in ("auto", None):
            output = tmp_path / f"{mask}.mkv"
            result = stylize_video(method, source, to_pil(style), output, codec="ffv1", content_mask=mask)
            assert result.frame_count == 8
            made.append(read_clip(output)[-1].to_ndarray(format="rgb24") / 255)
        return (*made, style)

    return run


def test_each_takes_the_colors_of_its_like(restyled):
    """Blue is to become what is flat in the style, green; not what the style has most of."""
    by_regions, without, style = restyled("wct2")
    wanted = style[0, :, :, :80].mean((1, 2)).numpy()
    error = [np.abs(made[8:-8, 8:80].mean((0, 1)) - wanted).mean() for made in (by_regions, without)]
    assert error[0] < 0.12
    assert error[0] < 0.7 * error[1]


def test_paintings_are_painted_by_regions(restyled):
    by_regions, without, _ = restyled("wct")
    assert np.abs(by_regions - without).mean() > 0.02


@pytest.mark.parametrize(
    ("masks", "method", "said"),
    [
        ({"content_mask": "m.png", "style_mask": "n.png"}, "wct2", "Masks do not go with clips"),
        ({"style_mask": "auto"}, "wct2", "Masks do not go with clips"),
        ({"content_mask": "auto", "style_mask": "n.png"}, "wct2", "Masks do not go with clips"),
        ({"content_mask": "auto"}, "gatys", "finds no regions in clips"),
    ],
)
def test_masks_that_do_not_go_with_clips_are_refused(clip, tmp_path, masks, method, said):
    with pytest.raises(InvalidClip, match=said):
        stylize_video(method, clip, halves(80)[0], tmp_path / "out.mp4", **masks)


def test_regions_go_with_one_style(clip, tmp_path):
    styles = [halves(80)[0], halves(60)[0]]
    with pytest.raises(InvalidClip, match="one style picture"):
        stylize_video("wct", clip, styles, tmp_path / "out.mp4", content_mask="auto")


def test_where_nothing_is_common_that_is_said(clip, tmp_path, monkeypatch):
    monkeypatch.setattr("style_core.regions.automatic.MIN_SHARE", 0.9)
    plain = torch.full((1, 3, 64, 64), 0.5)
    result = stylize_video("wct2", clip, plain, tmp_path / "out.mkv", codec="ffv1", content_mask="auto")
    without = stylize_video("wct2", clip, plain, tmp_path / "plain.mkv", codec="ffv1")
    assert "No regions common to both pictures were found." in result.notes
    for a, b in zip(read_clip(result.path), read_clip(without.path), strict=True):
        np.testing.assert_array_equal(a.to_ndarray(format="rgb24"), b.to_ndarray(format="rgb24"))


def test_labels_of_a_frame_are_those_of_its_shot(regions):
    frame, _ = halves(80)
    assert set(frame_labels(regions, frame).present) <= set(regions.present)
    assert Labels(regions.frames[1]).present == tuple(sorted(set(regions.present) - {0}))
