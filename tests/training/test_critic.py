"""The losses of styled training against formulas in float64, and on patterns whose answer is known."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from style_core.nets.encoder import LAYERS, Encoder
from style_core.regions import Labels
from style_core.training.critic import (
    Critic,
    blended,
    color_loss,
    feature_loss,
    gram_distance,
    lattice_loss,
    structure_loss,
    style_share,
)

from ..conftest import TINY_WIDTHS, photo


def random_grams(seed):
    generator = torch.Generator().manual_seed(seed)
    factors = [torch.randn(c, c + 2, generator=generator) for c in (3, 5)]
    return [f @ f.T for f in factors]


def relative_distance(found, wanted):
    """Of lists of arrays, in float64."""
    shares = [((f - w) ** 2).sum() / (w**2).sum() for f, w in zip(found, wanted, strict=True)]
    return np.sqrt(np.mean(shares))


def gray(picture):
    """``[H, W]`` float64 luminance of a ``[1, 3, H, W]`` tensor."""
    return np.tensordot([0.299, 0.587, 0.114], picture[0].double().numpy(), axes=1)


@pytest.fixture(scope="module")
def critic():
    torch.manual_seed(3)
    deep = Encoder(TINY_WIDTHS)
    true = Encoder({name: TINY_WIDTHS[name] for name in LAYERS[:5]})
    return Critic(true.requires_grad_(False), deep.requires_grad_(False))


class TestStyle:
    def test_distance_is_the_formula(self):
        a, b = random_grams(0), random_grams(1)
        arrays = [[g.double().numpy() for g in grams] for grams in (a, b)]
        assert float(gram_distance(a, b)) == pytest.approx(relative_distance(*arrays), rel=1e-5)

    @pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
    def test_share_is_what_is_left_to_the_point_between_content_and_style(self, strength):
        found, content, style = (random_grams(k) for k in range(3))
        f, c, s = ([g.double().numpy() for g in grams] for grams in (found, content, style))
        wanted = [(1 - strength) * x + strength * y for x, y in zip(c, s, strict=True)]
        expected = relative_distance(f, wanted) / relative_distance(c, s)
        assert float(style_share(found, content, style, strength)) == pytest.approx(expected, rel=1e-5)

    def test_the_content_is_as_far_as_itself_and_the_style_is_reached(self):
        content, style = random_grams(0), random_grams(1)
        assert float(style_share(content, content, style)) == pytest.approx(1, abs=1e-5)
        assert float(style_share(style, content, style)) < 1e-3
        assert float(style_share(content, content, style, strength=0.0)) < 1e-3

    def test_a_style_that_is_the_content_gives_a_finite_loss(self):
        content = [g.requires_grad_() for g in random_grams(0)]
        style_share(content, random_grams(0), random_grams(0)).backward()
        assert all(torch.isfinite(g.grad).all() for g in content)

    def test_blending_ends_at_both_sides(self):
        a, b = random_grams(0), random_grams(1)
        for strength, end in ((0, a), (1, b)):
            for found, wanted in zip(blended(a, b, strength), end, strict=True):
                torch.testing.assert_close(found, wanted)


class TestCritic:
    @pytest.fixture(autouse=True)
    def in_float32(self, monkeypatch):
        monkeypatch.setattr("style_core.training.loop.has_native_bfloat16", lambda kind: False)

    def test_grams_are_means_of_products_at_every_layer(self, critic):
        picture = photo(48, 64)
        grams = critic.grams(picture)
        features = critic.features(picture)
        assert [f.shape[1] for f in features] == [6, 8, 10, 12, 12]
        for gram, f in zip(grams, features, strict=True):
            rows = f[0].flatten(1).double().numpy()
            np.testing.assert_allclose(gram.numpy(), rows @ rows.T / rows.shape[1], rtol=1e-4, atol=1e-5)

    def test_a_target_counts_each_region_by_the_contents_share(self, critic):
        style = photo(64, 96, seed=2)
        labels = torch.ones(64, 96, dtype=torch.uint8)
        labels[:, 32:] = 2  # on the grid of every layer, so that no position is shared
        found = critic.target(style, Labels(labels), {1: 0.7, 2: 0.3})
        for gram, f in zip(found, critic.features(style), strict=True):
            split = f.shape[-1] // 3
            parts = [x.flatten(1).double().numpy() for x in (f[0][..., :split], f[0][..., split:])]
            expected = sum(s * p @ p.T / p.shape[1] for s, p in zip((0.7, 0.3), parts, strict=True))
            np.testing.assert_allclose(gram.numpy(), expected, rtol=1e-4, atol=1e-5)

    def test_without_regions_a_target_is_the_styles_own(self, critic):
        style = photo(48, 48, seed=2)
        for found, wanted in zip(critic.target(style), critic.grams(style), strict=True):
            torch.testing.assert_close(found, wanted)


class TestStructure:
    def test_it_is_one_less_the_structure_term(self):
        a, b = photo(40, 52), photo(40, 52, seed=1)
        mean = lambda x: ndimage.gaussian_filter(x, 1.5, radius=5)[5:-5, 5:-5]  # noqa: E731
        x, y = gray(a), gray(b)
        covariance = mean(x * y) - mean(x) * mean(y)
        deviation = np.sqrt((mean(x * x) - mean(x) ** 2) * (mean(y * y) - mean(y) ** 2))
        expected = 1 - ((covariance + 0.00045) / (deviation + 0.00045)).mean()
        assert float(structure_loss(a, b)) == pytest.approx(expected, abs=1e-4)

    def test_flat_pictures_have_a_finite_gradient(self):
        flat = torch.full((1, 3, 32, 32), 0.5, requires_grad=True)
        structure_loss(flat, photo(32, 32)).backward()
        assert torch.isfinite(flat.grad).all()


def test_colors_are_compared_in_blocks():
    a, b = photo(32, 40), photo(32, 40, seed=1)
    difference = (a - b)[0].double().numpy().reshape(3, 4, 8, 5, 8).mean((2, 4))
    assert float(color_loss(a, b)) == pytest.approx((difference**2).mean(), rel=1e-5)


def test_features_are_compared_where_a_picture_can_have_them():
    found = torch.rand(1, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    wanted = torch.randn(1, 3, 4, 5, generator=torch.Generator().manual_seed(1))
    aim = np.maximum(wanted.double().numpy(), 0)  # no picture has negative ones: they are rectified
    expected = ((found.double().numpy() - aim) ** 2).sum() / (aim**2).sum()
    assert float(feature_loss(found, wanted)) == pytest.approx(expected, rel=1e-5)
    assert float(feature_loss(wanted.clamp_min(0), wanted)) == 0


class TestLattice:
    def locked(self, size=128):
        """A pattern of 4 px with an amplitude of 0.1 that has no mean in any window of 4 px."""
        y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
        return 0.1 * torch.sin(torch.pi / 2 * x + 0.3) * torch.sin(torch.pi / 2 * y + 0.4)

    def test_a_locked_pattern_is_charged_its_energy(self):
        pattern = self.locked()
        picture = (0.5 + pattern).expand(1, 3, -1, -1)
        around = ndimage.uniform_filter(gray(picture), 13, mode="mirror")
        cells = (gray(picture) - around).reshape(8, 16, 8, 16).transpose(0, 2, 1, 3)
        color = np.add.outer(np.arange(8), np.arange(8)) % 2
        expected = (cells[color == 0].mean(0) * cells[color == 1].mean(0)).mean()
        assert float(lattice_loss(picture)) == pytest.approx(expected, rel=1e-3)
        assert float(lattice_loss(picture)) == pytest.approx(float(pattern.square().mean()), rel=0.05)

    def test_grain_that_follows_no_grid_is_not_charged(self):
        values = []
        for seed in range(40):
            grain = 0.1 * torch.randn(1, 1, 96, 96, generator=torch.Generator().manual_seed(seed))
            values.append(float(lattice_loss((0.5 + grain).expand(1, 3, -1, -1))))
        error = np.std(values) / np.sqrt(len(values))
        assert abs(np.mean(values)) < 3 * error
        assert error < 1e-4 < float(lattice_loss((0.5 + self.locked()).expand(1, 3, -1, -1)))

    def test_a_gradient_of_light_is_no_lattice(self):
        ramp = torch.linspace(0, 1, 96).expand(1, 3, 96, 96)
        assert abs(float(lattice_loss(ramp))) < 1e-4
