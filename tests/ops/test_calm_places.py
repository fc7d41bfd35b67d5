import torch

from style_core.ops.calm_places import calm_places


def test_a_slope_an_edge_and_faint_noise_are_calm():
    flat = torch.full((1, 3, 48, 64), 0.4)
    slope = torch.linspace(0.2, 0.8, 64).expand(1, 3, 48, 64)
    noise = 0.003 * torch.randn(1, 1, 48, 64, generator=torch.Generator().manual_seed(0))
    edge = flat.clone()
    edge[..., 30:] = 0.9
    for content in (flat, slope, flat + noise, edge):
        calm = calm_places(content)
        assert calm.shape == (1, 1, 48, 64)
        assert calm.min() > 0.99


def test_what_varies_throughout_is_not_calm():
    content = torch.full((1, 3, 64, 96), 0.5)
    content[..., 48:] += 0.1 * torch.randn(1, 1, 64, 48, generator=torch.Generator().manual_seed(0))
    calm = calm_places(content)
    assert calm[..., 60:].max() == 0
    assert calm[..., :36].min() > 1 - 1e-6
    assert (calm[..., 40:56].diff(dim=-1) < 0.3).all()  # no hard border
    stripes = torch.full((1, 3, 40, 40), 0.5)
    stripes[..., ::2, :] += 0.1
    assert calm_places(stripes).max() == 0


def test_small_pictures_have_calm_places_too():
    for size in ((1, 1), (1, 40), (3, 2)):
        assert torch.equal(calm_places(torch.full((1, 3, *size), 0.3)), torch.ones(1, 1, *size))
