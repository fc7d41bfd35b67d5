"""Training on transformed features: the picture is the method's own, only decoders learn, and they do."""

import csv
import json
import shutil
from contextlib import nullcontext
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from style_core import stylize
from style_core.digest import file_sha256
from style_core.nets.encoder import LAYERS, Encoder
from style_core.regions import Labels
from style_core.training.__main__ import main
from style_core.training.critic import Critic
from style_core.training.export import export
from style_core.training.loop import Schedule, train
from style_core.training.pairs import Pair, Pairs
from style_core.training.photos import Photos
from style_core.training.settings import Setting
from style_core.training.styled import (
    LOSS_WEIGHTS,
    LossWeights,
    StyledChain,
    StyledDraws,
    StyledWavelet,
    held_out_decibels,
)

from ..conftest import TINY_WIDTHS, photo, psnr


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six small photos."""
    place = tmp_path_factory.mktemp("photos")
    for k in range(6):
        array = (photo(80, 96, seed=k)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
        Image.fromarray(array).save(place / f"{k}.png")
    return place


@pytest.fixture(scope="module")
def critic():
    torch.manual_seed(3)
    true = Encoder({name: TINY_WIDTHS[name] for name in LAYERS[:5]})
    return Critic(true.requires_grad_(False), Encoder(TINY_WIDTHS).requires_grad_(False))


@pytest.fixture(autouse=True)
def in_float32(monkeypatch):
    monkeypatch.setattr("style_core.training.styled.autocast", lambda device: nullcontext())
    monkeypatch.setattr("style_core.training.critic.autocast", lambda device: nullcontext())


def make_task(method, tiny_weights, critic, **weights):
    """The task of a method on the tiny weights; ``weights`` are changes to the loss's."""
    encoder = load_file(tiny_weights / "encoder.safetensors")
    chosen = replace(LOSS_WEIGHTS[method], **weights)
    if method == "wct2":
        decoder = load_file(tiny_weights / "wct2_cat5.safetensors")
        return StyledWavelet(encoder, decoder, variant="cat5", critic=critic, loss_weights=chosen)
    levels = range(1, 6) if method == "wct" else range(1, 5)
    states = {k: load_file(tiny_weights / f"{method}_{k}.safetensors") for k in levels}
    return StyledChain(encoder, states, method=method, critic=critic, loss_weights=chosen)


PARTS = [field.name for field in fields(LossWeights)]
UNMATCHED = {"color_match": 0, "contrast_match": 0}  # what comes after the networks
METHODS = {
    "wct2": ({"content_strength": 0} | UNMATCHED, {}),
    "wct": (
        {"content_strength": 0.5, "flat_strokes": 0.8, "seed": 3, "correction": False} | UNMATCHED,
        {"levels": (5, 4, 3, 2, 1), "hold_back": 0.5, "flat_noise": 0.08, "seed": 3},
    ),
    "photo_wct": (
        {"content_strength": 0, "detail": 0.5} | UNMATCHED,
        {"levels": (4, 3, 2, 1), "detail": 0.5},
    ),
}
# Learning rates at which a loss falls step by step: at larger ones it goes up and down, and where it is
# after so many steps is the processor's rounding.
RATES = {"wct2": 0.002, "wct": 0.02, "photo_wct": 0.02}


class TestPicture:
    @pytest.mark.parametrize("strength", [1.0, 0.6])
    @pytest.mark.parametrize("whitening", ["transport", "paper"])
    @pytest.mark.parametrize("method", METHODS)
    def test_it_is_what_the_method_makes(self, method, whitening, strength, tiny_weights, critic):
        options, values = METHODS[method]
        content, style = photo(64, 80), photo(64, 64, seed=1)
        setting = Setting(strength=strength, whitening=whitening, **values)
        with torch.no_grad():
            made = make_task(method, tiny_weights, critic).stylize(Pair(content, style, setting))
        wanted = stylize(
            method, content, style, weights_dir=tiny_weights, precision="exact", device="cpu",
            style_strength=strength, whitening=whitening, **options,
        ).image  # fmt: skip
        assert psnr(made.picture, wanted) > 60
        assert torch.equal(made.before, made.picture)

    def test_regions_are_matched_as_the_method_matches_them(self, tiny_weights, critic):
        content, style = photo(64, 64), photo(64, 64, seed=1)
        labels = torch.ones(64, 64, dtype=torch.uint8)
        labels[:, 32:] = 2
        mask = Image.fromarray(((labels == 1)[..., None].numpy() * np.array([0, 0, 255])).astype(np.uint8))
        with torch.no_grad():
            pair = Pair(content, style, Setting(), Labels(labels), Labels(labels))
            found = make_task("wct2", tiny_weights, critic).stylize(pair).picture
        wanted = stylize(
            "wct2", content, style, content_mask=mask, style_mask=mask, weights_dir=tiny_weights,
            precision="exact", device="cpu", content_strength=0, **UNMATCHED,
        ).image  # fmt: skip
        assert psnr(found, wanted) > 60

    def test_smoothing_keeps_to_the_contents_edges(self, tiny_weights, critic):
        task = make_task("photo_wct", tiny_weights, critic)
        content, style = photo(64, 64), photo(64, 64, seed=1)
        raw, smooth = (
            task.judge(Pair(content, style, Setting(levels=(4, 3, 2, 1), is_smoothed=s)))
            for s in (False, True)
        )
        assert float(smooth["structure"].detach()) < float(raw["structure"].detach())


class TestSettings:
    @pytest.mark.parametrize(("method", "whitenings"), [
        ("wct2", {"transport", "paper", "released"}),
        ("wct", {"transport", "paper"}),
        ("photo_wct", {"transport", "paper"}),
    ])  # fmt: skip
    def test_all_whitenings_and_strengths_are_met(self, method, whitenings, tiny_weights, critic):
        task, rng = make_task(method, tiny_weights, critic), np.random.default_rng(0)
        drawn = [task.draw_setting(rng) for _ in range(200)]
        assert {s.whitening for s in drawn} == whitenings
        strengths = [s.strength for s in drawn]
        assert 0.4 < np.mean([s == 1 for s in strengths]) < 0.8
        assert min(strengths) >= 0.1
        if method != "wct2":
            assert all(s.levels == tuple(sorted(s.levels, reverse=True)) for s in drawn)
            assert {task.learner(s)[0] for s in drawn} == set(task.decoders)


class TestBlurring:
    def blurred(self, tiny_weights, critic):
        encoder = load_file(tiny_weights / "encoder.safetensors")
        states = {k: load_file(tiny_weights / f"wct_{k}.safetensors") for k in (3, 2, 1)}
        return StyledChain(
            encoder, states, method="wct", critic=critic, loss_weights=LOSS_WEIGHTS["wct"], is_blurred=True
        )

    def test_decoders_with_a_blur_start_near_those_they_were(self, folder, tiny_weights, critic):
        task, pictures = self.blurred(tiny_weights, critic), photo(64, 64, seed=7)

        def distance(level):
            name = f"wct_{level}"
            encoded = task.encode(pictures, name)
            with torch.no_grad():
                found = task.decode(task.decoders[name], encoded)
                return float((found - task.decode(task.originals[name], encoded)).square().mean())

        before = [distance(level) for level in (2, 3)]
        pairs = Pairs(Photos(folder, held_out=2))
        task.initialize(StyledDraws(pairs=pairs, draw_setting=task.draw_setting, count=1, size=48))
        after = [distance(level) for level in (2, 3)]
        assert after[0] < 0.8 * before[0]
        assert after[1] < before[1]
        assert distance(1) == 0  # nothing is enlarged there

    def test_the_exported_state_says_so(self, tiny_weights, critic):
        task = self.blurred(tiny_weights, critic)
        assert ["blur" in task.decoders[f"wct_{k}"].state_dict() for k in (1, 2, 3)] == [False, True, True]


class TestTraining:
    @pytest.fixture
    def one_draw_tried(self, monkeypatch):
        """A draw for each decoder says how far its tensors may go."""
        monkeypatch.setattr("style_core.training.styled.TRIED", 1)

    def train(self, task, folder, place, steps, rate=0.5):
        schedule = Schedule(steps=steps, learning_rate=rate, warmup=2, descent=0.01, log_every=1)
        pairs = Pairs(Photos(folder, held_out=2))
        draws = StyledDraws(pairs=pairs, draw_setting=task.draw_setting, count=1, size=48)
        train(task, draws, schedule, place)

    @pytest.mark.parametrize("method", METHODS)
    def test_only_the_learner_learns(self, method, tiny_weights, critic):
        task = make_task(method, tiny_weights, critic)
        setting = Setting(levels=(4, 3))
        parts = task.judge(Pair(photo(48, 48), photo(48, 48, seed=1), setting))
        task.total(parts).backward()
        learner = "wct2_cat5" if method == "wct2" else f"{method}_3"
        assert task.learner(setting) == (learner, 1.0)
        for name, parameter in task.named_parameters():
            is_learner = name.startswith(f"decoders.{learner}.")
            assert (parameter.grad is not None) == is_learner, name
            if is_learner and parameter.ndim > 1:  # the last bias cancels where lost detail is put back
                assert parameter.grad.abs().max() > 0, name

    @pytest.mark.usefixtures("one_draw_tried")
    @pytest.mark.parametrize("method", METHODS)
    def test_a_pair_seen_again_and_again_comes_nearer_its_style(
        self, method, folder, tiny_weights, critic, tmp_path, monkeypatch
    ):
        pair = Pair(
            photo(48, 48, seed=11), photo(48, 48, seed=12), Setting(**METHODS[method][1] | {"strength": 0.9})
        )
        monkeypatch.setattr(Pairs, "draw", lambda self, size, draw_setting, *, seed: pair)
        task = make_task(method, tiny_weights, critic, **dict.fromkeys(PARTS, 0.0) | {"style": 1.0})
        self.train(task, folder, tmp_path, 16, rate=RATES[method])
        rows = list(csv.DictReader((tmp_path / "curve.csv").open()))
        assert float(rows[-1]["style"]) < 0.6 * float(rows[0]["style"])

    @pytest.mark.parametrize("method", METHODS)
    def test_its_picture_comes_to_have_the_features_that_were_decoded(
        self, method, folder, tiny_weights, critic, tmp_path, monkeypatch
    ):
        pair = Pair(photo(48, 48, seed=11), photo(48, 48, seed=12), Setting(**METHODS[method][1]))
        monkeypatch.setattr(Pairs, "draw", lambda self, size, draw_setting, *, seed: pair)
        task = make_task(method, tiny_weights, critic, **dict.fromkeys(PARTS, 0.0) | {"feature": 1.0})
        self.train(task, folder, tmp_path, 24, rate=RATES[method])
        rows = list(csv.DictReader((tmp_path / "curve.csv").open()))
        assert float(rows[-1]["feature"]) < 0.85 * float(rows[0]["feature"])

    def test_the_reconstruction_is_held_by_its_weight(
        self, folder, tiny_weights, critic, tmp_path, monkeypatch
    ):
        pair = Pair(photo(48, 48, seed=21), photo(48, 48, seed=22), Setting())  # the style pulls away from it
        monkeypatch.setattr(Pairs, "draw", lambda self, size, draw_setting, *, seed: pair)
        errors = []
        for weight in (0.0, 3.0):
            parts = dict.fromkeys(PARTS, 0.0) | {"style": 1.0, "reconstruction": weight}
            task = make_task("wct2", tiny_weights, critic, **parts)
            self.train(task, folder, tmp_path / str(weight), 12, rate=RATES["wct2"])
            errors.append(float(task.relative_error(pair.content, "wct2_cat5").detach()))
        assert errors[1] < 0.8 * errors[0]

    @pytest.mark.usefixtures("one_draw_tried")
    def test_a_resumed_run_equals_an_uninterrupted_one(self, folder, tiny_weights, critic, tmp_path):
        tasks = [make_task("photo_wct", tiny_weights, critic) for _ in range(3)]
        self.train(tasks[0], folder, tmp_path / "a", 4)
        self.train(tasks[1], folder, tmp_path / "b", 2)
        self.train(tasks[2], folder, tmp_path / "b", 4)
        for whole, resumed in zip(
            tasks[0].decoders.parameters(), tasks[2].decoders.parameters(), strict=True
        ):
            torch.testing.assert_close(resumed, whole, rtol=0, atol=0)
        rows = list(csv.DictReader((tmp_path / "b/curve.csv").open()))
        assert [int(row["step"]) for row in rows] == [0, 1, 2, 3]
        assert set(PARTS) < set(rows[0])

    def test_decibels_are_those_of_the_clamped_pictures(self, tiny_weights, critic):
        task = make_task("photo_wct", tiny_weights, critic)
        images = torch.cat([photo(48, 48, seed=k) for k in range(5)])
        found = held_out_decibels(task, task.originals, images)
        assert list(found) == [f"photo_wct_{k}" for k in (4, 3, 2, 1)]
        with torch.no_grad():
            pictures = [
                task.decode(task.decoders["photo_wct_2"], task.encode(x[None], "photo_wct_2")) for x in images
            ]
        values = [psnr(p.clamp(0, 1), x[None]) for p, x in zip(pictures, images, strict=True)]
        assert found["photo_wct_2"] == pytest.approx(np.median(values), abs=0.02)


class TestCommand:
    def arguments(self, folder, place, teacher, method, *more):
        common = ["--steps", "2", "--crops", "1", "--size", "32", "--held-out", "2", "--device", "cpu"]
        places = {"--teacher": teacher, "--data": folder, "--run": place / "run", "-o": place / "out"}
        return ["styled", method, *(str(x) for pair in places.items() for x in pair), *common, *more]

    def test_it_writes_the_decoders_anew_for_the_same_encoder(
        self, folder, tiny_weights, tmp_path, shared_data
    ):
        shutil.copytree(tiny_weights, tmp_path / "out")
        styles = ("--styles", str(folder), "--held-out-styles", "2")
        main(self.arguments(folder, tmp_path, shared_data / "teacher", "photo_wct", *styles))
        out = tmp_path / "out"
        assert file_sha256(out / "encoder.safetensors") == file_sha256(tiny_weights / "encoder.safetensors")
        listed = json.loads((out / "manifest.json").read_text())["files"]
        for level in range(1, 5):
            name = f"photo_wct_{level}.safetensors"
            metrics = listed[name]["metrics"]
            assert metrics["started_from"] == f"{name}, sha256 {file_sha256(tiny_weights / name)}"
            assert set(metrics["reconstruction_db"]) == {"median", "median_before"}
        assert [path.name for path in (out / "curves").iterdir()] == ["photo_wct_styled.csv"]
        result = stylize("photo_wct", photo(32, 32), photo(32, 32, seed=1), weights_dir=out)
        assert not any("is not in" in note for note in result.notes)

    def test_a_decoder_of_another_encoder_is_refused(self, folder, tiny_weights, tmp_path, shared_data):
        shutil.copytree(tiny_weights, tmp_path / "out")
        state = load_file(tmp_path / "out/wct2_sum.safetensors")
        export(state, tmp_path / "out", "wct2_sum", entry={}, metadata={"encoder_sha256": "0"})
        teacher = shared_data / "teacher"
        with pytest.raises(SystemExit, match="was trained for another encoder"):
            main(self.arguments(folder, tmp_path, teacher, "wct2", "--variant", "sum"))

    def test_a_published_decoder_is_not_overwritten(self, folder, tiny_weights, tmp_path):
        shutil.copytree(tiny_weights, tmp_path / "out")
        state = load_file(tmp_path / "out/wct2_cat5.safetensors")
        entry = {"converted_from": "elsewhere"}
        export(state, tmp_path / "out", "wct2_cat5", entry=entry, metadata={})
        with pytest.raises(SystemExit, match="holds the published wct2_cat5"):
            main(self.arguments(folder, tmp_path, tmp_path, "wct2"))

    @pytest.mark.parametrize(("method", "variant", "message"), [
        ("wct", "3", "--variant is for wct2"), ("wct2", "3", "--variant of wct2 must be one of cat5, sum"),
    ])  # fmt: skip
    def test_variants_that_are_not_there_are_refused(
        self, folder, tmp_path, capsys, method, variant, message
    ):
        with pytest.raises(SystemExit):
            main(self.arguments(folder, tmp_path, tmp_path, method, "--variant", variant))
        assert message in capsys.readouterr().err
