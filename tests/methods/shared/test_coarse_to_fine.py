"""Sizes, steps and budgets of an optimization from small to large."""

from functools import partial
from types import SimpleNamespace

import pytest
import torch

from style_core import progress
from style_core.errors import Cancelled, EnoughDone
from style_core.methods.shared.coarse_to_fine import (
    Watch,
    carry_up,
    growing_sizes,
    noise,
    refined,
    working_scale,
)

from ...conftest import photo


class FakeRuntime:
    """Collects what a run reports; may be told to stop."""

    def __init__(self, error=None):
        self.notes, self.losses, self.reports, self.error = [], [], [], error
        self.effective = {}

    def note(self, sentence):
        self.notes.append(sentence)

    def log_loss(self, point):
        self.losses.append(point)

    def used(self, **values):
        self.effective |= values

    def progress(self, fraction, message, preview=None):
        self.reports.append((fraction, message, preview))
        if self.error is not None and len(self.reports) > 1:
            raise self.error


def test_sizes_double_and_steps_halve():
    scales = growing_sizes(512, 384, steps=80, coarse_to_fine=True)
    assert [(s.height, s.width, s.steps) for s in scales] == [(128, 96, 80), (256, 192, 40), (512, 384, 20)]
    assert scales[-1].factor == 1


@pytest.mark.parametrize(("height", "width"), [(200, 150), (4000, 40), (32, 32)])
def test_no_size_is_too_small_for_the_network(height, width):
    scales = growing_sizes(height, width, steps=50, coarse_to_fine=True)
    assert (scales[-1].height, scales[-1].width) == (height, width)
    assert all(min(s.height, s.width) >= 32 for s in scales)


def test_without_it_all_steps_are_at_full_size():
    (only,) = growing_sizes(512, 384, steps=80, coarse_to_fine=False)
    assert (only.height, only.width, only.steps) == (512, 384, 80)


def test_sizes_beyond_the_working_size_take_half_the_steps():
    scales = growing_sizes(3000, 4000, steps=200, coarse_to_fine=True)
    assert max(working_scale(scales).width, working_scale(scales).height) == 1000
    assert [refined(scale).steps for scale in scales[-2:]] == [12, 6]
    (only,) = growing_sizes(3000, 4000, steps=200, coarse_to_fine=False)
    assert working_scale([only]) is only


def test_a_picture_that_equals_its_content_is_carried_up_as_the_content():
    small, large = photo(24, 32), photo(48, 64, seed=4)
    torch.testing.assert_close(carry_up(small, small, large, detail=True), large)
    assert carry_up(small, small, large, detail=False).shape == large.shape


def test_noise_is_the_same_for_the_same_seed_and_fits_the_range():
    drawn = [noise(torch.Generator().manual_seed(s), 20, 30, torch.device("cpu")) for s in (1, 1, 2)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert 0 <= drawn[0].min() < drawn[0].max() <= 1


def distance(x):
    return (x - 0.8).square().mean()


def test_losses_messages_and_previews_are_handed_on():
    runtime = FakeRuntime()
    scales = growing_sizes(300, 200, steps=12, coarse_to_fine=True)
    watch = Watch(runtime, scales)
    for scale in scales:
        watch.run(scale, partial(torch.zeros, 1, 3, scale.height, scale.width), distance, optimizer="lbfgs")
    assert [p.width for p in runtime.losses] == sorted(p.width for p in runtime.losses)
    assert runtime.losses[0].loss == pytest.approx(0.64)
    assert runtime.losses[-1].loss < 0.01
    assert runtime.effective["steps_run"] == [[scale.width, scale.height, scale.steps] for scale in scales]
    assert "200 x 300 px, step 10 of 10, loss 0.0000" in runtime.reports[-1][1]
    assert runtime.reports[-1][2].shape == (1, 3, 300, 200)
    fractions = [fraction for fraction, _, _ in runtime.reports]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(watch.last)


def test_enough_ends_a_run_with_its_best_picture_and_a_note():
    runtime = FakeRuntime(EnoughDone("Stopped."))
    (scale,) = growing_sizes(40, 60, steps=500, coarse_to_fine=False)
    watch = Watch(runtime, [scale])

    def slow(x):
        import time

        time.sleep(0.02)
        return distance(x)

    image = watch.run(scale, partial(torch.zeros, 1, 3, 40, 60), slow, optimizer="lbfgs")
    assert watch.is_stopped
    assert distance(image) < 0.64
    assert runtime.notes[0].startswith("Stopped at step ")


def test_a_pulse_ends_a_step_and_what_is_prepared(monkeypatch):
    monkeypatch.setattr(progress, "PULSE_SECONDS", 0)
    runtime = FakeRuntime(EnoughDone("Stopped."))
    (scale,) = growing_sizes(40, 60, steps=500, coarse_to_fine=False)
    watch = Watch(runtime, [scale])
    parts = []

    def loss(x):
        for part in range(5):
            parts.append(part)
            watch.pulse()
        return distance(x)

    image = watch.run(scale, partial(torch.zeros, 1, 3, 40, 60), loss, optimizer="lbfgs")
    assert watch.is_stopped
    assert parts == [0, 1]  # the second report says that it is enough
    assert torch.equal(image, torch.zeros(1, 3, 40, 60))
    assert runtime.notes == ["Stopped at step 0 of 500 at 60 x 40 px; this is the best picture so far."]
    assert watch.prepared(lambda: parts.append(9)) is None
    assert parts == [0, 1]


def test_a_pulse_repeats_the_last_report_when_it_is_time(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    runtime = FakeRuntime()
    watch = Watch(runtime, growing_sizes(40, 60, steps=5, coarse_to_fine=False))
    watch.say("Smoothing", torch.zeros(1, 3, 40, 60))
    for seconds in (0.05, 0.04, 0.02, 0.05):
        now[0] += seconds
        watch.pulse()
    assert [message for _, message, _ in runtime.reports] == ["Smoothing", "Smoothing"]
    assert runtime.reports[1][2] is None


def test_cancelling_gives_nothing():
    (scale,) = growing_sizes(40, 60, steps=500, coarse_to_fine=False)
    with pytest.raises(Cancelled):
        Watch(FakeRuntime(Cancelled("Stopped.")), [scale]).run(
            scale, partial(torch.zeros, 1, 3, 40, 60), distance, optimizer="lbfgs"
        )


def test_the_time_is_shared_out_and_its_end_is_noted():
    runtime = FakeRuntime()
    scales = growing_sizes(300, 200, steps=10**6, coarse_to_fine=True)
    watch = Watch(runtime, scales, max_seconds=1)
    for scale in scales:
        watch.run(scale, partial(torch.zeros, 1, 3, scale.height, scale.width), distance, optimizer="adam")
    assert {p.width for p in runtime.losses} == {100, 200}
    assert len(runtime.notes) == 1
    assert runtime.notes[0].startswith("The time of 1 s was over after step")


def test_divergence_is_noted_once():
    runtime = FakeRuntime()
    (scale,) = growing_sizes(40, 60, steps=3, coarse_to_fine=False)
    watch = Watch(runtime, [scale])
    image = watch.run(
        scale, partial(torch.zeros, 1, 3, 40, 60), lambda x: distance(x) * float("nan"), optimizer="adam"
    )
    watch.finish()
    assert torch.equal(image, torch.zeros(1, 3, 40, 60))
    assert "diverged" in runtime.notes[0]
