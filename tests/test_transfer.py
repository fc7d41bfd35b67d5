"""Measure, plan, apply: a picture in tiles gives the statistics and the picture of the whole."""

import pytest
import torch

from style_core import get_method, list_methods
from style_core.fronts import option_fields
from style_core.images import SizeRule, as_floats, as_samples
from style_core.method import Inputs, StyleInput
from style_core.options import make_options
from style_core.pipeline.runtime import RequestRuntime
from style_core.progress import ignore_progress
from style_core.regions import Labels, Regions
from style_core.tiles import tiles
from style_core.transfer import apply_tile, match, match_tiles, measure, measure_tile

from .conftest import photo

MATCHING = [key for key in list_methods() if get_method(key).prepare is not None]
VARIANTS = [
    *((key, {}) for key in MATCHING),
    ("wct2", {"decoder": "sum", "transfer": ("encoder", "skip", "decoder")}),
    ("wct2", {"transfer": ("skip", "decoder"), "whitening": "released", "style_strength": 0.7}),
    ("wct", {"content_strength": 0.0, "passes": 2, "levels": ("5", "2")}),
    ("photo_wct", {"detail": 0.5, "style_strength": 0.6}),
]
# So large that the margins of 2 x 2 tiles do not cover everything; WCT's are the widest.
SIZES = {"wct": (352, 416), "photo_wct": (208, 256), "wct2": (208, 256)}
SECOND_LEVELS = (184, 416)  # for WCT's second level alone, whose margin is of a few pixels


def regions_of(height, width):
    labels = torch.ones(height, width, dtype=torch.uint8)
    labels[:, width // 3 :] = 2
    labels[height // 2 :, width // 2 :] = 3
    return Labels(labels)


@pytest.fixture
def prepared(tiny_weights):
    """A method's inputs and its transfer: with the shipped networks, or with tiny ones."""

    def prepare(key, options, *, masked=True, is_shipped=False, size=None):
        height, width = size or SIZES[key]
        folder = None if is_shipped else tiny_weights
        chosen = get_method(key)
        runtime = RequestRuntime(
            "compact", folder, torch.device("cpu"), torch.Generator(), ignore_progress, method=key
        )
        style = StyleInput(photo(96, 128, seed=2).flip(1), regions_of(96, 128) if masked else None)
        content = torch.nn.functional.interpolate(
            photo(height // 8, width // 8, seed=1), (height, width), mode="bicubic"
        ).clamp(0, 1)
        inputs = Inputs(content, (style,), regions_of(height, width) if masked else None)
        values = make_options(chosen.options, {"precision": "exact", **options})
        return inputs, chosen.prepare(inputs, values, runtime)

    return prepare


def in_tiles(stage, image, transfer, regions):
    """A stage's picture in 2 x 2 tiles, and the statistics that were merged on the way."""
    height, width = image.shape[-2:]
    parts = list(tiles(height, width, side=-(-max(height, width) // 2), stride=16, margin=stage.halo))
    assert len(parts) == 4
    plans, merged = {}, {}
    for place in stage.places:
        found = [
            measure_tile(transfer, stage, image, tile, place=place, plans=plans, regions=regions)
            for tile in parts
        ]
        merged[place] = found[0].merged(found[1]).merged(found[2].merged(found[3]))
        plans[place] = transfer.plan(place, merged[place], regions.present)
    out = torch.empty_like(image)
    for tile in parts:
        tile.core(out).copy_(apply_tile(stage, image, tile, plans, regions))
    return out, merged


def of_the_whole(stage, image, transfer, regions):
    """The statistics that one walk measures."""
    seen = {}

    class Watched(type(transfer)):
        def plan(self, place, content, labels):
            seen[place] = content
            return transfer.plan(place, content, labels)

    watched = object.__new__(Watched)
    watched.__dict__.update(vars(transfer))
    return match(stage, image, watched, regions), seen


@pytest.mark.parametrize(
    ("key", "options", "masked"),
    [*((key, {}, False) for key in MATCHING), *((key, options, True) for key, options in VARIANTS)],
)
@torch.no_grad()
def test_two_by_two_tiles_are_the_whole(prepared, key, options, masked):
    inputs, transfer = prepared(
        key, options, masked=masked, is_shipped=masked and (key, options) == ("wct2", {})
    )
    regions = Regions.of(inputs.content_labels, inputs.content)
    image = inputs.content
    for stage in transfer.stages:
        tiled, merged = in_tiles(stage, image, transfer, regions)
        whole, measured = of_the_whole(stage, image, transfer, regions)
        assert merged.keys() == measured.keys() == set(stage.places)
        for place in stage.places:
            here, there = (found[place].moments.by_label for found in (merged, measured))
            assert here.keys() == there.keys()
            for label in there:
                assert here[label].count == there[label].count
                scale = there[label].covariance.diagonal().mean().clamp_min(1e-6)  # above rounding
                assert (here[label].mean - there[label].mean).abs().max() < 1e-3 * scale.sqrt()
                assert (here[label].covariance - there[label].covariance).abs().max() < 1e-3 * scale
        assert (tiled - whole).abs().max() < 1 / 255
        image = whole  # so that only this stage's difference counts at the next


@pytest.mark.parametrize("key", MATCHING)
@torch.no_grad()
def test_frames_of_one_shot_share_a_plan(prepared, key):
    """What video needs: statistics of two frames merged, one plan, applied to each."""
    inputs, transfer = prepared(key, {}, masked=False)
    frames = inputs.content, inputs.content.flip(3)
    stage = transfer.stages[0]
    height, width = SIZES[key]
    (whole,) = tiles(height, width, side=width, stride=16, margin=0)
    plans = {}
    for place in stage.places:
        found = [
            measure_tile(transfer, stage, frame, whole, place=place, plans=plans, regions=Regions())
            for frame in frames
        ]
        plans[place] = transfer.plan(place, found[0].merged(found[1]), ())
        assert found[0].merged(found[1]).moments.by_label[0].count == 2 * found[0].moments.by_label[0].count
    for frame in frames:
        picture = apply_tile(stage, frame, whole, plans, Regions())
        assert picture.shape == frame.shape
        assert (picture - frame).abs().mean() > 1e-3


def test_bounds_merge_to_the_outermost():
    parts = [measure(x, None, with_bounds=True) for x in (torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8) + 1)]
    assert parts[0].merged(parts[1]).bounds == (parts[0].bounds[0], parts[1].bounds[1])


def test_the_furthest_of_two_parts_is_that_of_the_whole():
    whole = torch.randn(1, 3, 8, 16)
    one, other, both = (measure(x, None, with_furthest=True) for x in (whole[..., :8], whole[..., 8:], whole))
    assert one.merged(other).furthest == both.furthest == whole.square().sum(1).sqrt().max()
    assert one.merged(measure(whole, None)).furthest is None


@pytest.mark.parametrize("key", list_methods())
def test_a_method_states_its_stride_and_halo(key):
    chosen = get_method(key)
    assert chosen.stride in {8, 16}
    assert chosen.halo > chosen.stride
    assert (chosen.prepare is not None) == ("whitening" in option_fields(chosen.options))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("side", "depth"), [(96, torch.float32), (192, torch.uint16)])
@torch.no_grad()
def test_a_picture_in_tiles_is_the_whole_in_its_depth(prepared, masked, side, depth):
    inputs, transfer = prepared("wct", {"levels": ("2",)}, masked=masked, is_shipped=True, size=SECOND_LEVELS)
    content = inputs.content[..., :-1, :-3]  # sides that the level's pooling does not divide
    labels = Labels(inputs.content_labels.map[:-1, :-3]) if masked else None
    (stage,) = transfer.stages
    shares = []
    found = match_tiles(
        stage, as_samples(content, depth), transfer, Regions.of(labels, content), side=side,
        depth=depth, device=content.device, report=shares.append,
    )  # fmt: skip
    assert found.dtype == depth
    padded = SizeRule(multiple=2).pad(content)
    regions = Regions.of(None if labels is None else labels.padded(*padded.shape[-2:]), padded)
    whole = match(stage, padded, transfer, regions)[..., : content.shape[-2], : content.shape[-1]]
    # where regions meet, labels and membership lie half a pixel apart of those of the padded picture
    inner = (slice(None), slice(None), slice(0, 100), slice(0, 100))
    assert (as_floats(found) - whole)[inner].abs().max() < 1 / 255
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] < 1


@torch.no_grad()
def test_tiles_begin_where_the_comb_has_its_cells(prepared):
    """Tiles of 72 px would begin at every second cell's middle."""
    inputs, transfer = prepared("wct", {"levels": ("2",)}, masked=False, is_shipped=True, size=(144, 208))
    (stage,) = transfer.stages
    content = inputs.content
    found = match_tiles(
        stage, content, transfer, Regions(), side=72, depth=torch.float32, device=content.device,
        report=[].append,
    )  # fmt: skip
    whole = match(stage, content, transfer, Regions())
    assert (found - whole).abs().max() < 1 / 255
