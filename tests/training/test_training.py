"""Training: crops, least-squares starts, the resumable loop, normalisation, export, the commands."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn
from torch.utils.data import Dataset

from style_core import InvalidOption, stylize
from style_core.digest import file_sha256 as sha256
from style_core.nets.decoder import Decoder
from style_core.nets.encoder import LAYERS, Encoder
from style_core.nets.reflect_conv import reflect_conv
from style_core.training.__main__ import main
from style_core.training.crops import Crops
from style_core.training.decoder import MirroredTask, Start, WaveletTask
from style_core.training.encoder import Distillation
from style_core.training.export import export
from style_core.training.initialization import fit_convolution, fit_map, spanning_channels
from style_core.training.loop import Schedule, Task, train
from style_core.training.normalization import normalize_activations
from style_core.training.photos import Augmentation, Photos, decoded_photos
from style_core.training.teachers import teacher_decoder

from ..conftest import TINY_WIDTHS, photo
from .launching import train_in_two, two_processes

ASSETS = Path(__file__).parents[2] / "assets" / "weights" / "compact"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eight small photos, one in a subfolder."""
    place = tmp_path_factory.mktemp("photos")
    (place / "sub").mkdir()
    for k in range(8):
        array = (photo(96, 120, seed=k)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
        Image.fromarray(array).save(place / ("sub" if k == 0 else ".") / f"{k}.png")
    (place / "notes.txt").write_text("no picture")
    return place


class TestPhotos:
    def test_same_seed_same_crops(self, folder):
        photos = Photos(folder, held_out=2)
        assert torch.equal(photos.crops(3, 32, seed=5), photos.crops(3, 32, seed=5))
        assert not torch.equal(photos.crops(3, 32, seed=5), photos.crops(3, 32, seed=6))

    def test_crops_are_pictures_of_the_size_asked(self, folder):
        crops = Photos(folder, held_out=2).crops(4, 48, seed=0)
        assert crops.shape == (4, 3, 48, 48)
        assert crops.min() >= 0
        assert crops.max() <= 1

    def test_held_out_photos_are_never_cropped(self, folder):
        photos = Photos(folder, held_out=3)
        photos.crops(60, 16, seed=0)
        assert len(photos.held_out_paths) == 3
        assert not set(photos.held_out_paths) & set(photos.decoded)
        assert len(photos.decoded) == 5

    def test_without_augmentation_a_crop_is_a_piece_of_the_photo(self, folder):
        plain = Augmentation(smallest_scale=1.0, color_jitter=0, permute=0)
        crop = Photos(folder, held_out=2).crops(1, 96, seed=1, augment=plain)
        originals = [np.asarray(Image.open(p)) / 255 for p in sorted(folder.rglob("*.png"))]
        pieces = [o[:, x : x + 96] for o in originals for x in range(25)]
        pieces += [p[:, ::-1] for p in pieces]
        assert min(abs(p - crop[0].permute(1, 2, 0).numpy()).max() for p in pieces) < 1e-6

    def test_too_few_photos_are_refused(self, folder):
        with pytest.raises(InvalidOption, match=r"holds 8 pictures; at least 72 are needed\."):
            Photos(folder)


class TestMemory:
    """Photos of 96 x 120 px, 34,560 bytes each."""

    def test_the_least_recently_used_photos_are_forgotten(self, folder):
        small = Photos(folder, held_out=2, decoded=decoded_photos(80_000))
        for seed in range(20):
            small.crops(2, 48, seed=seed)
            assert sum(photo.nbytes for photo in small.decoded.values()) <= 80_000
        assert len(small.decoded) == 2

    @pytest.mark.parametrize("memory", [0, 30_000, 80_000])
    def test_crops_do_not_depend_on_what_is_kept(self, folder, memory):
        small = Photos(folder, held_out=2, decoded=decoded_photos(memory))
        plenty = Photos(folder, held_out=2)
        for seed in range(5):
            assert torch.equal(small.crops(2, 48, seed=seed), plenty.crops(2, 48, seed=seed))

    def test_folders_may_share_what_they_keep(self, folder):
        decoded = decoded_photos(150_000)
        for part in (folder, folder / "sub"):
            Photos(part, held_out=0, decoded=decoded).crops(20, 48, seed=0)
        assert decoded.currsize <= 150_000
        assert folder / "sub" / "0.png" in decoded


class TestInitialization:
    def test_least_squares_finds_a_known_convolution(self):
        torch.manual_seed(0)
        conv, x = nn.Conv2d(4, 5, 3), torch.randn(2, 4, 24, 24)
        weight, bias = fit_convolution(x, reflect_conv(x, conv), is_rectified=False)
        torch.testing.assert_close(weight, conv.weight, atol=1e-3, rtol=1e-3)
        torch.testing.assert_close(bias, conv.bias, atol=1e-3, rtol=1e-3)

    def test_refits_see_through_the_rectification(self):
        torch.manual_seed(0)
        conv, x = nn.Conv2d(4, 5, 3), torch.randn(2, 4, 24, 24)
        goal = reflect_conv(x, conv, relu=True)
        fitted = nn.Conv2d(4, 5, 3)
        fitted.weight.data, fitted.bias.data = fit_convolution(x, goal)
        once = nn.Conv2d(4, 5, 3)
        once.weight.data, once.bias.data = fit_convolution(x, goal, is_rectified=False)
        errors = [(reflect_conv(x, c, relu=True) - goal).square().mean() for c in (fitted, once)]
        assert errors[0] < 0.3 * errors[1]

    def test_least_squares_finds_a_known_linear_map(self):
        torch.manual_seed(0)
        conv, x = nn.Conv2d(4, 6, 1), torch.randn(1, 4, 16, 16)
        weight, bias = fit_map(x, conv(x))
        torch.testing.assert_close(weight, conv.weight, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(bias, conv.bias, atol=1e-4, rtol=1e-4)

    def test_chosen_channels_span_the_rest(self):
        base = torch.randn(1, 3, 20, 20, generator=torch.Generator().manual_seed(0))
        mixed = torch.cat([base, base.sum(1, keepdim=True), torch.zeros(1, 1, 20, 20)], dim=1)
        chosen = spanning_channels(mixed, 5)
        assert len(chosen) == 3  # rank 3: neither the sum nor the dead channel adds anything
        basis = mixed[0, chosen].flatten(1)
        left = mixed[0].flatten(1)
        solution = torch.linalg.lstsq(basis.T, left.T).solution
        torch.testing.assert_close(solution.T @ basis, left, atol=1e-4, rtol=1e-4)

    def test_started_decoder_reconstructs_far_better_than_a_random_one(self, folder):
        torch.manual_seed(0)
        state = Encoder.from_state(Encoder(TINY_WIDTHS).state_dict(), last="relu4_1").state_dict()
        task = WaveletTask(state, variant="cat5")
        images = Photos(folder, held_out=2).crops(6, 64, seed=0)
        random = (task.reconstruct(images) - images).square().mean()
        task.initialize(images)
        assert (task.reconstruct(images) - images).square().mean() < 0.1 * random

    @pytest.mark.parametrize("upsampling", ["nearest", "unpool"])
    @pytest.mark.parametrize("level", [1, 2, 3])
    def test_started_mirrored_decoder_reconstructs_far_better_than_a_random_one(
        self, folder, upsampling, level
    ):
        torch.manual_seed(0)
        task = MirroredTask(Encoder(TINY_WIDTHS).state_dict(), level=level, upsampling=upsampling)
        images = Photos(folder, held_out=2).crops(6, 64, seed=0)
        random = (task.reconstruct(images) - images).square().mean()
        task.initialize(images)
        assert (task.reconstruct(images) - images).square().mean() < 0.2 * random

    def test_a_decoder_starts_with_the_trained_layers_of_the_shallower_one(self, folder):
        torch.manual_seed(0)
        state = Encoder(TINY_WIDTHS).state_dict()
        shallower = MirroredTask(state, level=1, upsampling="nearest").decoder
        task = MirroredTask(
            state, level=2, upsampling="nearest", start=Start(shallower=shallower.state_dict())
        )
        task.initialize(Photos(folder, held_out=2).crops(6, 64, seed=0))
        torch.testing.assert_close(task.decoder.conv1_1.weight, shallower.conv1_1.weight, rtol=0, atol=0)
        assert (task.decoder.conv2_1.bias != 0).any()

    def test_a_decoder_starts_from_a_wider_teachers_maps(self, folder):
        torch.manual_seed(0)
        images = Photos(folder, held_out=2).crops(6, 64, seed=0)
        state = Encoder(TINY_WIDTHS).state_dict()
        wide = Encoder({name: width + 4 for name, width in TINY_WIDTHS.items()})
        teacher = MirroredTask(wide.state_dict(), level=2, upsampling="nearest")
        teacher.initialize(images)
        assert isinstance(teacher.decoder, Decoder)
        task = MirroredTask(
            state, level=2, upsampling="nearest", start=Start(teacher=(teacher.encoder, teacher.decoder))
        )
        assert task.decoder.conv2_1.weight.shape[:2] == (TINY_WIDTHS["conv1_2"] + 4, TINY_WIDTHS["conv2_1"])
        random = (task.reconstruct(images) - images).square().mean()
        task.initialize(images)
        assert (task.reconstruct(images) - images).square().mean() < 0.2 * random

    def test_the_compressed_decoders_are_read_as_teachers(self, shared_data):
        encoder, decoder = teacher_decoder(shared_data / "teacher", 3)
        image = photo(64, 64)
        with torch.no_grad():
            found = decoder(encoder(image, ("relu3_1",))["relu3_1"])
        assert -10 * (found - image).square().mean().log10() > 18


class Noise(Dataset):
    """By number, eight random triples."""

    def __getitem__(self, number):
        return torch.randn(8, 3, generator=torch.Generator().manual_seed(number))


class Copying(Task):
    """A linear map learns to give back the first two of three numbers; some steps are not finite."""

    def __init__(self, broken=()):
        super().__init__()
        torch.manual_seed(1)
        self.linear, self.broken, self.seen = nn.Linear(3, 2), broken, []

    @property
    def trained(self):
        return self.linear

    def forward(self, drawn):
        self.seen.append(drawn)
        loss = (self.linear(drawn) - drawn[:, :2]).square().mean()
        is_broken = len(self.seen) - 1 in self.broken
        return loss * (float("nan") if is_broken else 1.0), {"error": loss.detach()}


class Averages(Task):
    """A number learns the mean of the crops."""

    def __init__(self):
        super().__init__()
        self.value, self.seen = nn.ParameterList([nn.Parameter(torch.zeros(()))]), []

    @property
    def trained(self):
        return self.value

    def forward(self, drawn):
        self.seen.append(drawn)
        return (self.value[0] - drawn.mean()).square(), {}


class TestLoop:
    def run(self, folder, steps, *, average=0.0, **options):
        task = Copying()
        schedule = Schedule(
            steps=steps, learning_rate=0.01, warmup=2, descent=0.01, log_every=1, average=average
        )
        train(task, Noise(), schedule, folder, **options)
        return task.linear

    def test_the_result_is_a_running_mean_of_the_weights(self, tmp_path):
        mean = Copying().linear.weight.detach()
        for steps in (1, 2, 3):
            mean = 0.5 * mean + 0.5 * self.run(tmp_path / str(steps), steps).weight.detach()
        found = self.run(tmp_path / "mean", 3, average=0.5).weight
        torch.testing.assert_close(found.detach(), mean)
        resumed = [self.run(tmp_path / "resumed", steps, average=0.5).weight for steps in (2, 3)]
        torch.testing.assert_close(resumed[1], found, rtol=0, atol=0)

    def test_tensors_move_as_far_as_their_step_sizes_say(self, tmp_path, monkeypatch):
        monkeypatch.setattr(Copying, "step_sizes", lambda self, draws: [1.0, 0.0])
        before, after = Copying().linear, self.run(tmp_path, 2)
        assert torch.equal(after.bias, before.bias)
        assert not torch.equal(after.weight, before.weight)

    def test_each_step_is_given_its_number(self, tmp_path):
        task = Copying()
        train(task, Noise(), Schedule(steps=3, learning_rate=0.1), tmp_path)
        assert all(torch.equal(seen, Noise()[number]) for number, seen in enumerate(task.seen))

    def test_what_is_random_elsewhere_stays_as_it_is_seeded(self, tmp_path):
        torch.manual_seed(1)
        nn.Linear(3, 2)  # as the task's
        expected = torch.rand(1)
        self.run(tmp_path, 1)
        assert torch.rand(1) == expected

    def test_other_processes_that_draw_change_nothing(self, folder, tmp_path):
        crops = Crops(photos=Photos(folder, held_out=2, decoded=decoded_photos(80_000)), count=2, size=32)
        seen = []
        for workers in (0, 2):
            task = Averages()
            schedule = Schedule(steps=4, learning_rate=0.1)
            train(task, crops, schedule, tmp_path / str(workers), workers=workers)
            seen.append(torch.stack(task.seen))
        assert torch.equal(*seen)

    def test_a_resumed_run_equals_an_uninterrupted_one(self, tmp_path):
        whole = self.run(tmp_path / "a", 12)
        self.run(tmp_path / "b", 5)
        resumed = self.run(tmp_path / "b", 12)
        torch.testing.assert_close(resumed.weight, whole.weight, rtol=0, atol=0)

    def test_the_curve_has_every_step_and_falls(self, tmp_path):
        self.run(tmp_path, 60)
        rows = list(csv.DictReader((tmp_path / "curve.csv").open()))
        assert [int(r["step"]) for r in rows] == list(range(60))
        assert float(rows[-1]["error"]) < 0.8 * float(rows[0]["error"])

    def test_a_finished_run_is_not_trained_further(self, tmp_path):
        first = self.run(tmp_path, 5)
        assert torch.equal(self.run(tmp_path, 5).weight, first.weight)

    def test_rate_rises_stays_and_descends_to_zero(self):
        schedule = Schedule(steps=1000, learning_rate=2.0, warmup=100, descent=0.3)
        assert schedule.rate(49) == 1.0
        assert schedule.rate(500) == 2.0
        assert schedule.rate(850) == 1.0
        assert schedule.rate(999) < 0.01

    def test_a_step_that_is_not_finite_is_left_out(self, tmp_path):
        task = Copying(broken=(1,))
        train(task, Noise(), Schedule(steps=3, learning_rate=0.1, warmup=1), tmp_path)
        assert torch.isfinite(task.linear.weight).all()
        assert not torch.equal(task.linear.weight, Copying().linear.weight)


def test_normalised_channels_have_mean_one_and_features_only_change_scale():
    torch.manual_seed(0)
    encoder, images = Encoder(TINY_WIDTHS), photo(64, 64)
    before = encoder(images, LAYERS)
    normalize_activations(encoder, images)
    after = encoder(images, LAYERS)
    for name in LAYERS:
        mean = before[name].mean((0, 2, 3), keepdim=True)
        alive = mean > 1e-4
        torch.testing.assert_close(
            after[name], before[name] / torch.where(alive, mean, 1), rtol=1e-3, atol=1e-4
        )


def test_export_writes_half_precision_and_a_manifest(tmp_path):
    digest = export({"a": torch.ones(3)}, tmp_path, "net", entry={"licence": "MIT"}, metadata={"k": "v"})
    assert load_file(tmp_path / "net.safetensors")["a"].dtype == torch.float16
    listed = json.loads((tmp_path / "manifest.json").read_text())["files"]["net.safetensors"]
    assert listed == {
        "sha256": digest,
        "bytes": (tmp_path / "net.safetensors").stat().st_size,
        "licence": "MIT",
    }
    assert digest == sha256(tmp_path / "net.safetensors")


def test_values_that_half_precision_cannot_hold_are_refused(tmp_path):
    with pytest.raises(ValueError, match="not finite in float16: a"):
        export({"a": torch.tensor([1e6])}, tmp_path, "net", entry={}, metadata={})


@pytest.fixture(scope="module")
def small_starts():
    """The commands' least squares see a few small crops."""
    with pytest.MonkeyPatch.context() as patch:
        for task in (Distillation, MirroredTask, WaveletTask):
            patch.setattr(task, "initial_crops", (6, 64))
        patch.setattr("style_core.training.__main__.NORMALIZATION_CROPS", (6, 64))
        yield


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory, shared_data, small_starts):
    """What both commands trained and exported: ``(options that they have in common, folder of weights)``."""
    place = tmp_path_factory.mktemp("trained")
    common = ["--data", str(folder), "--crops", "2", "--size", "32", "--held-out", "2", "--device", "cpu"]
    ours = [*common, "-o", str(place / "out"), "--steps", "2"]
    widths = [str(w) for w in TINY_WIDTHS.values()]
    teacher = str(shared_data / "teacher")
    main(["encoder", "--teacher", teacher, "--run", str(place / "e"), "--widths", *widths, *ours])
    main(["decoder", "wct2", "--variant", "cat5", "--run", str(place / "d"), *ours])
    for level in "12":
        main(["decoder", "wct", "--variant", level, "--run", str(place / f"w{level}"), *ours])
    main(["decoder", "photo_wct", "--variant", "1", "--run", str(place / "p"), *ours])
    return common, place / "out"


def test_both_commands_train_export_and_serve_a_method(trained):
    _, out = trained
    listed = json.loads((out / "manifest.json").read_text())["files"]
    names = {"encoder", "wct2_cat5", "wct_1", "wct_2", "photo_wct_1"}
    assert set(listed) == {f"{name}.safetensors" for name in names}
    assert "relu5_1" in listed["encoder.safetensors"]["metrics"]["relative_error_linear"]
    assert listed["wct2_cat5.safetensors"]["metrics"]["reconstruction_db"]["median"] > 5
    for method, options in (("wct2", {}), ("wct", {"levels": ("2", "1")}), ("photo_wct", {"levels": ("1",)})):
        result = stylize(method, photo(32, 32), photo(32, 32, seed=1), weights_dir=out, **options)
        assert result.image.shape == (1, 3, 32, 32)
        assert not any("is not in" in note for note in result.notes)


def test_exported_weights_are_gone_on_from(trained, tmp_path):
    common, exported = trained
    first, out = exported / "wct_1.safetensors", tmp_path / "out"
    shutil.copytree(exported, out)
    decoder = ["decoder", "wct", "--variant", "1", *common, "-o", str(out)]
    still = [*decoder, "--steps", "1", "--learning-rate", "0"]
    main([*still, "--run", str(tmp_path / "second"), "--start-from", str(first)])
    before, after = load_file(first), load_file(out / "wct_1.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)
    listed = json.loads((out / "manifest.json").read_text())["files"]["wct_1.safetensors"]
    assert listed["metrics"]["started_from"] == f"wct_1.safetensors, sha256 {sha256(first)}"
    foreign = ASSETS / "wct_1.safetensors"
    with pytest.raises(SystemExit, match="was trained for another encoder"):
        main([*decoder, "--steps", "2", "--run", str(tmp_path / "third"), "--start-from", str(foreign)])


@pytest.mark.parametrize(
    ("method", "option", "message"),
    [("photo_wct", "--teacher", "--teacher is for wct"), ("wct2", "--start-from", "for wct and photo_wct")],
)
def test_starts_that_a_method_does_not_have_are_refused(folder, tmp_path, capsys, method, option, message):
    with pytest.raises(SystemExit):
        main(["decoder", method, option, "x", "--data", str(folder), "--run", str(tmp_path),
              "-o", str(tmp_path)])  # fmt: skip
    assert message in capsys.readouterr().err


def test_a_variant_a_method_does_not_have_is_refused(folder, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["decoder", "photo_wct", "--variant", "5", "--data", str(folder), "--run", str(tmp_path),
              "-o", str(tmp_path)])  # fmt: skip
    assert "--variant of photo_wct must be one of 4, 3, 2, 1" in capsys.readouterr().err


class TestFullSizeFamily:
    """A vgg19 decoder, on tiny random weights: from the ImageNet network, resumed, by two processes."""

    @pytest.fixture
    def imagenet(self, tmp_path, monkeypatch):
        """A folder with a tiny ImageNet encoder, named as the weights folder."""
        torch.manual_seed(5)
        encoder = Encoder(TINY_WIDTHS)
        normalize_activations(encoder, torch.cat([photo(64, 64, seed=k) for k in range(4)]))
        export(
            encoder.state_dict(), tmp_path / "imagenet/vgg19", "imagenet_encoder",
            entry={"licence": "BSD-3-Clause"}, metadata={"padding": "zeros"}, family="vgg19",
        )  # fmt: skip
        monkeypatch.setenv("STYLE_CORE_WEIGHTS", str(tmp_path / "imagenet"))
        return tmp_path

    def command(self, folder, place, steps):
        return ["decoder", "wct2", "--family", "vgg19", "--data", str(folder), "--steps", str(steps),
                "--checkpoints", str(place / "run"), "-o", str(place / "out/vgg19"), "--crops", "2",
                "--size", "32", "--held-out", "2", "--device", "cpu"]  # fmt: skip

    def test_it_is_trained_on_a_copy_of_the_imagenet_network_and_serves(self, folder, imagenet, small_starts):
        main(self.command(folder, imagenet, 3))
        main(self.command(folder, imagenet, 5))
        rows = list(csv.DictReader((imagenet / "run/curve.csv").open()))
        assert rows[0]["step"] == "0"
        out = imagenet / "out"
        manifest = json.loads((out / "vgg19/manifest.json").read_text())
        assert manifest["family"] == "vgg19"
        assert manifest["files"]["encoder.safetensors"]["licence"] == "BSD-3-Clause"
        result = stylize("wct2", photo(48, 48), photo(48, 48, seed=1), family="vgg19", weights_dir=out)
        assert result.settings["family"] == "vgg19"

    def test_two_processes_train_one_decoder(self, folder, imagenet):
        pytest.importorskip("accelerate", reason="accelerate is not installed")
        few = "style_core.training.decoder.WaveletTask.initial_crops = 6, 64"
        module = "runpy.run_module('style_core.training', run_name='__main__')"
        (done,) = train_in_two(two_processes(f"{few}; {module}", self.command(folder, imagenet, 3)))
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stdout.count("wct2_cat5.safetensors") == 1
        checkpoint = torch.load(imagenet / "run/checkpoint.pt", weights_only=True)
        assert checkpoint["step"] == 3
