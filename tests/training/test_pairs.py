"""The same seed gives the same pair; the transform of its features reaches the style's moments."""

import numpy as np
import pytest
import torch
from PIL import Image

from style_core.ops.moments import moments
from style_core.regions import Labels
from style_core.training.pairs import Pair, Pairs, regions
from style_core.training.photos import Photos
from style_core.training.settings import Setting

from ..conftest import photo


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Four bluish photos and two reddish paintings."""
    places = []
    for name, channel, count in (("photos", 2, 4), ("paintings", 0, 2)):
        place = tmp_path_factory.mktemp(name)
        for k in range(count):
            array = (photo(96, 120, seed=k)[0].permute(1, 2, 0).numpy() * 100).astype(np.uint8)
            array[..., channel] += 150
            Image.fromarray(array).save(place / f"{k}.png")
        places.append(Photos(place, held_out=0))
    return places


def plain(rng):
    return Setting(strength=float(rng.random()))


def full(**values):
    return Pair(photo(32, 32), photo(32, 32, seed=1), Setting(**values))


class TestPairs:
    def test_same_seed_same_pair(self, folders):
        pairs = Pairs(folders[0], folders[1:])
        a, b, c = (pairs.draw(64, plain, seed=seed) for seed in (4, 4, 5))
        assert a.setting == b.setting != c.setting
        assert torch.equal(a.content, b.content)
        assert torch.equal(a.style, b.style)
        assert not torch.equal(a.content, c.content)

    def test_styles_come_from_their_folders_as_often_as_asked(self, folders):
        pairs = Pairs(folders[0], folders[1:], photo_share=0.25)
        drawn = [pairs.draw(32, plain, seed=seed) for seed in range(60)]
        reddish = [float((p.style[:, 0] - p.style[:, 2]).mean()) > 0 for p in drawn]
        assert 0.5 < np.mean(reddish) < 0.95  # 0.75 less what jitter turns over
        bluish = [float((p.content[:, 0] - p.content[:, 2]).mean()) < 0 for p in drawn]
        assert np.mean(bluish) > 0.7  # all of them but for jitter

    def test_without_style_folders_the_photos_are_styles(self, folders):
        pairs = Pairs(folders[0])
        assert pairs.draw(32, plain, seed=0).style.shape == (1, 3, 32, 32)

    def test_about_half_have_regions_on_both_sides(self, folders):
        drawn = [Pairs(folders[0]).draw(32, plain, seed=seed) for seed in range(60)]
        assert 18 < sum(p.content_labels is not None for p in drawn) < 42
        for pair in drawn:
            assert (pair.content_labels is None) == (pair.style_labels is None)
            if pair.shares is not None:
                assert sum(pair.shares.values()) == pytest.approx(1, abs=1e-4)


class TestRegions:
    @pytest.mark.parametrize("share", [0.3, 0.6])
    def test_the_first_has_the_share_asked_for(self, share):
        labels = regions(photo(64, 80), 1.0, share).map
        assert set(labels.unique().tolist()) == {1, 2}
        assert float((labels == 1).float().mean()) == pytest.approx(share, abs=0.02)

    def test_on_a_flat_picture_it_is_the_upper_part(self):
        labels = regions(torch.full((1, 3, 40, 40), 0.5), 0.0, 0.5).map
        assert (labels[:19] == 1).all()
        assert (labels[21:] == 2).all()


class TestMove:
    def moved(self, pair, strength):
        generator = torch.Generator().manual_seed(0)
        content = torch.randn(1, 5, 16, 16, generator=generator) + 1
        mixing = torch.randn(5, 5, generator=generator)
        style = torch.einsum("dc,nchw->ndhw", mixing, torch.randn(1, 5, 16, 16, generator=generator)) - 2
        target = pair.measure_style(style)
        return content, style, pair.move(content, target, strength)

    def test_full_strength_reaches_the_styles_moments(self):
        _, style, moved = self.moved(full(whitening="paper"), 1.0)
        found, wanted = moments(moved), moments(style)
        torch.testing.assert_close(found.mean, wanted.mean, atol=1e-3, rtol=1e-3)
        torch.testing.assert_close(found.covariance, wanted.covariance, atol=1e-2, rtol=1e-3)

    @pytest.mark.parametrize("whitening", ["paper", "transport", "released"])
    def test_no_strength_changes_nothing(self, whitening):
        content, _, moved = self.moved(full(whitening=whitening), 0.0)
        torch.testing.assert_close(moved, content, atol=1e-5, rtol=1e-5)

    def test_released_stays_within_the_contents_range(self):
        content, _, moved = self.moved(full(whitening="released"), 1.0)
        assert moved.min() >= content.min()
        assert moved.max() <= content.max()

    def test_regions_reach_the_moments_of_their_own(self):
        labels = torch.ones(32, 32, dtype=torch.uint8)
        labels[:, 16:] = 2
        flat = torch.cat([torch.zeros(1, 3, 32, 16), torch.ones(1, 3, 32, 16)], dim=3)  # an edge to keep to
        pair = Pair(flat, flat, Setting(whitening="paper"), Labels(labels), Labels(labels))
        _, style, moved = self.moved(pair, 1.0)
        for part in (slice(0, 6), slice(10, 16)):  # inside, where one region has nearly all the weight
            found, wanted = (x[..., part].mean((0, 2, 3)) for x in (moved, style))
            assert (found - wanted).abs().max() < 1.2
        torch.testing.assert_close(moved.mean((0, 2, 3)), style.mean((0, 2, 3)), atol=0.05, rtol=0.05)

    @pytest.mark.parametrize("whitening", ["transport", "paper", "released"])
    def test_gradients_pass_through_the_features_even_under_autocast(self, whitening):
        pair = full(whitening=whitening)
        features = torch.rand(1, 5, 16, 16)
        features[..., 0] = 0
        features[:, 0] *= 1e-2
        features[:, 0, 3, 3] = 1  # alone, so that whitening throws it far
        features.requires_grad_()
        target = pair.measure_style(torch.rand(1, 5, 16, 16))
        with torch.autocast("cpu", torch.bfloat16):
            moved = pair.move(features, target, 0.7)
        assert moved.dtype == torch.float32
        moved.sum().backward()
        assert torch.isfinite(features.grad).all()
        assert features.grad.abs().max() > 0
