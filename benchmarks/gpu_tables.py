"""The tables of gpu.py; imported once the package can be, whatever is missing."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

import style_core.methods  # noqa: F401  # registers the methods
from style_core.device import available_memory, has_native_bfloat16, peak_memory, tile_budget
from style_core.errors import StyleCoreError
from style_core.exactness import exact_float32
from style_core.method import Inputs, LossPoint, Network, StyleInput, registry
from style_core.nets.decoder import Decoder, LevelNetwork
from style_core.nets.encoder import LAYERS, Encoder
from style_core.nets.precision import reduce_precision
from style_core.nets.wavelet import WaveletDecoder
from style_core.options import make_options, option_fields
from style_core.regions import Labels

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "assets" / "weights" / "compact"
FULL = dict(zip(LAYERS, (64, 64, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512, 512), strict=True))
TESTS_SECONDS = 120.0
STYLE_SIDE = 1024  # px, at most
CLOSE = 2 / 255
NOISE = 1e-6  # added to the content, to see what rounding alone does to a result
ROW_SECONDS = 60.0  # of one row of methods, as far as they report
RATE_CHANNELS, RATE_SIDE, RATE_RUNS = 256, 512, 10
CPU_RATE_SIDE = 32  # px; a processor would take its time
TESTED = ("tests/test_cuda.py", "tests/test_exactness.py")


class _Operations(TorchDispatchMode):
    """Multiplications and additions of the convolutions and matrix products meanwhile, of gradients too."""

    total = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = function(*args, **(kwargs or {}))
        count = flop_registry.get(function.overloadpacket)
        if count is not None:
            self.total += count(*args, **(kwargs or {}), out_val=out)
        return out


class TimeIsUp(Exception):
    """Raised by a report once the seconds of a row are over."""


class Table:
    """A Markdown table in a file, written row by row."""

    def __init__(self, path: Path, title: str, *columns: str) -> None:
        self.path = path
        path.write_text(f"# {title}\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n")

    def add(self, *cells: object) -> None:
        """A row, also printed."""
        line = f"| {' | '.join(str(cell) for cell in cells)} |"
        with self.path.open("a") as file:
            file.write(f"{line}\n")
        print(line, flush=True)


@dataclass
class BareRuntime:
    """What :class:`~style_core.method.Runtime` promises, with networks held in memory and nothing kept."""

    device: torch.device
    widths: str
    ends: float = math.inf  # time.monotonic()
    generator: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(0))

    def encoder(self, *, last: str = "relu5_1", pool: str = "max", fast: bool = False) -> Encoder:
        state = _states(self.widths, "encoder")
        return self._ready(Encoder.from_state(state, last=last, pool=pool), fast)

    def load(self, network: Network, *, fast: bool = False) -> nn.Module:
        return self._ready(network.build(_states(self.widths, network.name)), fast)

    def _ready(self, network: Any, fast: bool) -> Any:
        network = network.to(self.device)
        return reduce_precision(network) if fast and has_native_bfloat16(self.device.type) else network

    def remember(self, *parts: Any, compute: Callable[[], Any], owner: str | None = None) -> Any:
        return compute()

    def available_memory(self) -> int | None:
        return available_memory(self.device)

    def give_memory_back(self) -> None:
        """Nothing: a device's allocator keeps what it has."""

    def tile_memory(self) -> int:
        return tile_budget(self.device)

    def need_memory(self, size: int) -> None:
        free = available_memory(self.device)
        if free is not None and size > free:
            raise MemoryError(f"says it needs {size / 1e9:.1f} GB")

    def progress(self, fraction: float, message: str, preview: Tensor | None = None) -> None:
        if time.monotonic() > self.ends:
            raise TimeIsUp

    def used(self, **values: Any) -> None:
        """Not asked."""

    def log_loss(self, point: LossPoint) -> None:
        """Not asked."""

    def note(self, sentence: str) -> None:
        """Not asked."""


def write_tables(args: argparse.Namespace, missing: list[str]) -> None:
    """All tables, in the order of what matters.

    Args:
        args: of the command line.
        missing: packages that have stand-ins.
    """
    args.folder.mkdir(parents=True, exist_ok=True)
    ends = time.monotonic() + args.seconds
    device = torch.device(args.device)
    with torch.no_grad():
        rates = _write_machine(args.folder, device, missing)
        _write_agreement(args, device, ends)
        _write_speed(args, device, rates, ends - (0 if args.no_tests else TESTS_SECONDS))
    if not args.no_tests:
        _write_tests(args.folder, device, ends)


def _write_machine(folder: Path, device: torch.device, missing: list[str]) -> dict[torch.dtype, float]:
    """What it is, and its rate of convolutions in operations per second, by precision."""
    table = Table(folder / "machine.md", "Machine", "what", "value")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    table.add("device", name)
    table.add("PyTorch", torch.__version__)
    table.add("packages that are missing", ", ".join(missing) or "none")
    rates = {dtype: _convolution_rate(device, dtype) for dtype in (torch.float32, torch.bfloat16)}
    for dtype, rate in rates.items():
        table.add(f"3x3 convolutions, {RATE_CHANNELS} channels, {dtype}", f"{rate / 1e12:.3g} TFLOP/s")
    return rates


def _convolution_rate(device: torch.device, dtype: torch.dtype) -> float:
    channels, runs = RATE_CHANNELS, RATE_RUNS
    side = CPU_RATE_SIDE if device.type == "cpu" else RATE_SIDE
    x = torch.randn(1, channels, side, side, device=device, dtype=dtype)
    conv = nn.Conv2d(channels, channels, 3, padding=1, device=device, dtype=dtype)
    x, conv = x.to(memory_format=torch.channels_last), conv.to(memory_format=torch.channels_last)

    def work() -> None:
        for _ in range(runs):
            conv(x)

    work()  # lets the library choose its kernels
    return 2 * 9 * channels**2 * side**2 * runs / _timed(work, device)


def _write_speed(
    args: argparse.Namespace, device: torch.device, rates: Mapping[torch.dtype, float], ends: float
) -> None:
    table = Table(
        args.folder / "speed.md", "Methods", "widths", "method", "megapixels", "seconds", "memory",
        "TFLOP", "share of the rate",
    )  # fmt: skip
    dtype = torch.bfloat16 if has_native_bfloat16(device.type) else torch.float32
    for megapixels in args.megapixels:
        for widths in args.widths:
            for key in registry():
                inputs = _inputs_of(megapixels, device)
                runtime = BareRuntime(device, widths, min(ends, time.monotonic() + ROW_SECONDS))
                cells = _measured(partial(_run, key, inputs, runtime, args.steps), device, rates[dtype])
                table.add(widths, key, f"{megapixels:g}", *cells)


def _inputs_of(megapixels: float, device: torch.device) -> Inputs:
    """A pair of four to three, sides multiples of 16."""
    height = max(64, round(math.sqrt(megapixels * 1e6 * 3 / 4) / 16) * 16)
    return _inputs(height, height * 4 // 3 // 16 * 16, device)


def _measured(work: Callable[[], Tensor], device: torch.device, rate: float) -> tuple[str, ...]:
    """Seconds, memory, operations and share of a second run; what went wrong instead."""
    try:
        with _Operations() as counted:
            work()
        _forget_peak(device)
        seconds = _timed(work, device)
    except TimeIsUp:
        return ("not within the time", "", "", "")
    except (RuntimeError, MemoryError, StyleCoreError) as error:  # the other rows are worth having
        _forget_peak(device)
        return (f"{type(error).__name__}: {str(error).splitlines()[0][:80]}", "", "", "")
    return (
        f"{seconds:.2f}", f"{peak_memory(device) / 1e9:.2f} GB", f"{counted.total / 1e12:.2f}",
        f"{counted.total / seconds / rate:.0%}",
    )  # fmt: skip


def _write_agreement(args: argparse.Namespace, device: torch.device, ends: float) -> None:
    """Both in exact float32, with three regions; and how often a run waits for the card.

    Where rounding is amplified (an optimizer's path, ties of a pooling, flat places that are whitened), the
    processor does not agree with itself either once the content has noise of a quarter of a thousandth
    of a gray level; twice that difference is what can be asked of another device.
    """
    side = args.compared
    table = Table(
        args.folder / "agreement.md", f"Against the processor, {side} px, precision exact", "method",
        "regions", "largest difference, /255", "the processor's own after noise of 1e-6, /255",
        "as near as can be asked", "waits for the device",
    )  # fmt: skip
    for key in registry():
        for regions in (1, 3):
            here, there = (_inputs(side, side, where, regions) for where in (torch.device("cpu"), device))
            try:
                with exact_float32():
                    at_home = BareRuntime(here.content.device, "compact", ends)
                    expected = _run(key, here, at_home, args.steps, exact=True)
                    again = _run(key, _with_noise(here), at_home, args.steps, exact=True)
                    with _counted_waits(device) as waits:
                        found = _run(key, there, BareRuntime(device, "compact", ends), args.steps, exact=True)
            except TimeIsUp:
                table.add(key, regions, "not within the time", "", "", "")
                continue
            difference, own = (float((x.cpu() - expected).abs().max()) for x in (found, again))
            is_near = difference <= max(CLOSE, 2 * own)
            table.add(
                key, regions, f"{difference * 255:.2f}", f"{own * 255:.2f}", "yes" if is_near else "NO",
                waits() if device.type == "cuda" else "-",
            )  # fmt: skip


@contextlib.contextmanager
def _counted_waits(device: torch.device) -> Any:
    """A function that says how often the processor has waited for a CUDA device so far."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        if device.type == "cuda":
            torch.cuda.set_sync_debug_mode("warn")
        try:
            yield lambda: sum("synchroniz" in str(warning.message) for warning in heard)
        finally:
            if device.type == "cuda":
                torch.cuda.set_sync_debug_mode("default")


def _write_tests(folder: Path, device: torch.device, ends: float) -> None:
    """The tests that are run on every device of a machine, on this kind."""
    table = Table(folder / "tests.md", "Tests that take a device", "tests", "outcome")
    command = [sys.executable, "-m", "pytest", "-q", "-n4", "--dist=load", "-k", device.type, *TESTED]
    seconds = max(1.0, min(TESTS_SECONDS, ends - time.monotonic()))
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        table.add(", ".join(TESTED), f"not within {seconds:.0f} s")
        return
    (folder / "tests.log").write_text(done.stdout + done.stderr)
    last = (done.stdout or done.stderr).strip().splitlines()[-1]
    table.add(", ".join(TESTED), f"{'passed' if done.returncode == 0 else 'FAILED or not run'}: {last[:200]}")


def _run(key: str, inputs: Inputs, runtime: BareRuntime, steps: int, *, exact: bool = False) -> Tensor:
    """A method's picture, computed."""
    chosen = registry()[key]
    known = option_fields(chosen.options)
    wanted = {"steps": steps, "precision": "exact" if exact else "fast"}
    options = make_options(chosen.options, {name: v for name, v in wanted.items() if name in known})
    runtime.generator.manual_seed(0)
    return chosen.stylize(inputs, options, runtime).float()


def _inputs(height: int, width: int, device: torch.device, regions: int = 1) -> Inputs:
    """A content of that size and a style, photo-like, with as many vertical stripes as regions."""
    side = min(STYLE_SIDE, width)
    pictures = [_picture(height, width, seed=0), _picture(side * 3 // 4 // 16 * 16, side, seed=1)]
    labels = [None if regions == 1 else _stripes(p, regions).to(device) for p in pictures]
    content, style = (picture.to(device) for picture in pictures)
    return Inputs(content, (StyleInput(style, labels[1]),), labels[0])


def _with_noise(inputs: Inputs) -> Inputs:
    noise = torch.randn(inputs.content.shape, generator=torch.Generator().manual_seed(2))
    return replace(inputs, content=inputs.content + NOISE * noise)


def _picture(height: int, width: int, *, seed: int) -> Tensor:
    """Smooth colors at several sizes with grain, ``[1, 3, H, W]``; the same on every machine."""
    generator = torch.Generator().manual_seed(seed)
    picture = torch.full((1, 3, height, width), 0.5)
    for cells in (4, 16, 64):
        noise = torch.rand(1, 3, cells, cells, generator=generator) - 0.5
        picture += 6 / cells * nn.functional.interpolate(noise, (height, width), mode="bicubic")
    return picture.add_(torch.randn(picture.shape, generator=generator), alpha=0.02).clamp_(0, 1)


def _stripes(picture: Tensor, regions: int) -> Labels:
    height, width = picture.shape[-2:]
    stripes = 1 + torch.arange(width) * regions // width
    return Labels(stripes.to(torch.uint8).expand(height, width).contiguous())


@cache
def _states(widths: str, name: str) -> dict[str, Tensor]:
    """A network's tensors by canonical name."""
    return _read(SHIPPED / f"{name}.safetensors") if widths == "compact" else _random(name)


def _read(path: Path) -> dict[str, Tensor]:
    """A safetensors file: eight bytes of length, a header in JSON, the numbers.

    Raises:
        ValueError: numbers that are not float16, as all shipped ones are.
    """
    data = path.read_bytes()
    begin = 8 + int.from_bytes(data[:8], "little")
    found = {}
    for name, entry in json.loads(data[8:begin]).items():
        if name == "__metadata__":
            continue
        if entry["dtype"] != "F16":
            raise ValueError(f"{path.name} has {entry['dtype']}")
        first, last = entry["data_offsets"]
        numbers = torch.frombuffer(bytearray(data[begin + first : begin + last]), dtype=torch.float16)
        found[name] = numbers.view(entry["shape"])
    return found


def _random(name: str) -> dict[str, Tensor]:
    """He weights of the published widths: random, but with features that neither fade nor explode."""
    torch.manual_seed(0)
    network: nn.Module = Encoder(FULL)
    kind, _, last = name.rpartition("_")
    if kind == "wct2":
        network = WaveletDecoder(dict(list(FULL.items())[: LAYERS.index("conv4_1") + 1]), variant=last)
    elif kind:
        upsampling = "nearest" if kind == "wct" else "unpool"
        network = LevelNetwork(Decoder(FULL, level=int(last), upsampling=upsampling), None).decoder
    for parameter in network.parameters():
        if parameter.ndim == 4:
            nn.init.kaiming_normal_(parameter)
        else:
            nn.init.zeros_(parameter)
    return dict(network.state_dict())


def _timed(work: Callable[[], object], device: torch.device) -> float:
    """Seconds until it is done on the device."""
    _wait(device)
    began = time.perf_counter()
    work()
    _wait(device)
    return time.perf_counter() - began


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _forget_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
