"""Values kept by what they were computed from."""

from dataclasses import dataclass

import pytest
import torch

from style_core import get_method, list_methods, memory, stylize
from style_core.ops.moments import Moments


@dataclass(frozen=True)
class Record:
    name: str
    picture: torch.Tensor


class TestFingerprint:
    def test_equal_contents_have_equal_fingerprints(self):
        a, b = torch.arange(6.0).view(2, 3), torch.arange(6.0).view(2, 3)
        assert memory.fingerprint((Record("x", a), {"k": [1, None]})) == memory.fingerprint(
            (Record("x", b), {"k": [1, None]})
        )

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            (("1",), (1,)),
            ((1,), (1.0,)),
            ((True,), (1,)),
            ((("a", "b"),), (("ab",),)),
            ((["a"], ["b"]), (["a", "b"], [])),
            ((torch.zeros(2, 3),), (torch.zeros(3, 2),)),
            ((torch.zeros(2),), (torch.zeros(2, dtype=torch.int32),)),
            ((torch.zeros(2),), (torch.tensor([0.0, 1e-30]),)),
            (({"a": 1},), ({"a": 2},)),
            ((None,), ("None",)),
        ],
    )
    def test_different_contents_differ(self, first, second):
        assert memory.fingerprint(first) != memory.fingerprint(second)

    def test_a_slice_is_its_own_contents(self):
        whole = torch.arange(24.0).view(1, 2, 3, 4)
        assert memory.fingerprint((whole[..., :2],)) == memory.fingerprint((whole[..., :2].contiguous(),))

    def test_what_has_no_known_equality_is_refused(self):
        with pytest.raises(TypeError, match="function has no fingerprint"):
            memory.fingerprint((lambda: None,))


class TestKeeping:
    def test_the_least_recently_used_goes_first(self, monkeypatch):
        monkeypatch.setenv(memory.BUDGET, "1")  # 1 MB: two values of 400 kB fit
        values = {name: torch.zeros(100_000) for name in "abc"}
        memory.keep("a", values["a"])
        memory.keep("b", values["b"])
        assert memory.recall("a") is values["a"]
        memory.keep("c", values["c"])
        assert memory.recall("b") is None
        assert memory.recall("a") is values["a"]
        assert memory.recall("c") is values["c"]

    def test_a_value_of_more_than_half_the_budget_is_not_kept(self, monkeypatch):
        monkeypatch.setenv(memory.BUDGET, "1")
        memory.keep("small", torch.zeros(10))
        memory.keep("large", torch.zeros(200_000))
        assert memory.recall("large") is None
        assert memory.recall("small") is not None

    def test_bytes_of_nested_records_are_counted(self):
        moments = Moments(*(torch.zeros(4) for _ in Moments.__dataclass_fields__))
        assert memory.size_of({1: [moments, (torch.zeros(2, dtype=torch.float64),)]}) == (
            16 * len(Moments.__dataclass_fields__) + 16
        )


def pictures():
    generator = torch.Generator().manual_seed(1)
    return [torch.rand(1, 3, 64, 80, generator=generator) for _ in range(2)]


QUICK = [key for key in list_methods() if not hasattr(get_method(key).options, "steps")]


@pytest.mark.parametrize("key", QUICK)
@pytest.mark.parametrize("change", [{"style_strength": 0.6}, {"content_strength": 0.2}, {"seed": 3}])
def test_a_changed_strength_gives_what_a_fresh_run_gives(key, change):
    content, style = pictures()
    fresh = stylize(key, content, style, **change).image
    memory.forget()
    stylize(key, content, style)
    assert torch.equal(stylize(key, content, style, **change).image, fresh)


@pytest.mark.parametrize("key", QUICK)
def test_another_style_or_mask_is_not_mistaken_for_the_last(key):
    content, style = pictures()
    mask = torch.zeros(64, 80, dtype=torch.uint8)
    mask[:32] = 255
    masks = {"content_mask": mask.numpy(), "style_mask": mask.numpy()}
    runs = [(style.flip(3), {}), (style, masks), (style, {}), (style, {"precision": "exact"})]
    fresh = []
    for picture, given in runs:
        memory.forget()
        fresh.append(stylize(key, content, picture, **given).image)
    memory.forget()
    for (picture, given), expected in zip(runs, fresh, strict=True):
        assert torch.equal(stylize(key, content, picture, **given).image, expected)


def test_the_style_is_encoded_once_for_two_strengths():
    content, style = pictures()
    seen = []
    for strength in (1.0, 0.5):
        stylize("wct2", content, style, style_strength=strength,
                progress=lambda fraction, message, preview=None: seen.append(message))  # fmt: skip
    assert seen.count("Encoding the style") == 1


def test_notes_are_said_again_when_the_value_is_recalled():
    content, style = pictures()
    mask = torch.zeros(64, 80, dtype=torch.uint8)
    mask[:4, :5] = 255
    masks = {"content_mask": mask.numpy(), "style_mask": mask.numpy()}
    first = stylize("wct2", content, style, **masks)
    again = stylize("wct2", content, style, **masks)
    assert first.notes
    assert again.notes == first.notes
