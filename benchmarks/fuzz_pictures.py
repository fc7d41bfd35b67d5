"""Damaged pictures through the door: none may end in anything but a picture or a sentence.

    python -m benchmarks.fuzz_pictures [--count 2000] [--seed 1]

Seeds of every readable format are flipped, cut and spliced, and read by a worker process of its own, which a
hang, a crash, a process started or memory beyond the limit would betray. Prints a table by format.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import resource
import sys
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pillow_heif
import pillow_jxl  # noqa: F401  # teaches Pillow to write JPEG XL
import tifffile
from PIL import Image

from style_core.files import png

from .arguments import described

SECONDS = 10.0  # that one file may take
MEMORY = 2_000_000_000  # bytes that one file may add
PROCESSES = {"subprocess.Popen", "os.exec", "os.system", "os.posix_spawn", "os.fork", "os.spawn"}
FORMS: dict[str, list[dict[str, Any]]] = {
    "JPEG": [{"quality": 90}, {"quality": 60, "progressive": True}],
    "PNG": [{}, {"bits": 8}], "WEBP": [{}, {"lossless": True}], "GIF": [{}], "BMP": [{}],
    "TIFF": [{}, {"compression": "tiff_lzw"}, {"compression": "jpeg"}], "AVIF": [{}], "JPEG2000": [{}],
    "PPM": [{}], "JXL": [{}, {"lossless": True, "use_container": True}],
}  # fmt: skip


@dataclass
class Tally:
    """What became of the mutations of one format."""

    read: int = 0
    refused: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    memory: int = 0


def seeds(rng: np.random.Generator) -> dict[str, list[bytes]]:
    """Small sound pictures of every readable format."""
    values = np.linspace(0, 255, 40 * 48 * 3).reshape(40, 48, 3) + rng.normal(0, 20, (40, 48, 3))
    array = values.clip(0, 255).astype(np.uint8)
    image = Image.fromarray(array)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    found: dict[str, list[bytes]] = defaultdict(list)
    for form, variants in FORMS.items():
        for more in variants:
            buffer = io.BytesIO()
            extra = {} if form in ("GIF", "BMP", "PPM", "JPEG2000", "JXL") else {"exif": exif.tobytes()}
            image.save(buffer, form, **extra, **more)
            found[form].append(buffer.getvalue())
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=60)
    found["HEIF"].append(buffer.getvalue())
    deep = array.astype(np.uint16) * 257
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, deep, photometric="rgb", compression="zlib")
    found["TIFF"].append(buffer.getvalue())
    buffer = io.BytesIO()
    Image.fromarray(deep[..., 0]).save(buffer, "PNG")
    found["PNG"].append(buffer.getvalue())
    frames = [image, image.rotate(90)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "PNG", save_all=True, append_images=frames[1:])
    found["PNG"].append(buffer.getvalue())
    return dict(found)


def mutated(data: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    """Mostly one or two changes: bits and bytes flipped, parts cut out, pieces of another file put in."""
    changed = bytearray(data)
    for _ in range(int(rng.geometric(0.5))):
        kind = rng.integers(5)
        place = int(rng.integers(len(changed))) if changed else 0
        if rng.random() < 0.5:  # heads hold what decoders trust
            place = min(place, int(rng.integers(1, 256)))
        if kind == 0 and changed:
            changed[min(place, len(changed) - 1)] ^= 1 << int(rng.integers(8))
        elif kind == 1 and changed:
            changed[min(place, len(changed) - 1)] = int(rng.choice((0, 1, 127, 128, 255)))
        elif kind == 2:
            changed[place : place + 4] = bytes(int(v) for v in rng.choice((0, 255, 127, 1), 4))
        elif kind == 3:
            other = others[int(rng.integers(len(others)))]
            begin = int(rng.integers(len(other)))
            changed[place:place] = other[begin : begin + int(rng.integers(1, 64))]
        elif rng.random() < 0.3:
            del changed[max(place, 20) :]
        else:
            del changed[place : place + int(rng.integers(1, 32))]
    return _with_checksums(bytes(changed)) if rng.random() < 0.7 else bytes(changed)


def _with_checksums(data: bytes) -> bytes:
    """A PNG whose chunks' checksums fit again, so that what they hold is believed."""
    if not data.startswith(png.SIGNATURE):
        return data
    repaired, place = bytearray(data), len(png.SIGNATURE)
    while place + 12 <= len(data):
        end = place + 12 + int.from_bytes(data[place : place + 4], "big")
        if end > len(data):
            break
        repaired[end - 4 : end] = zlib.crc32(data[place + 4 : end - 4]).to_bytes(4, "big")
        place = end
    return bytes(repaired)


def mutations(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Formats in turn, with a mutation each; the same seed gives the same ones."""
    rng = np.random.default_rng(seed)
    found = seeds(rng)
    every = [data for group in found.values() for data in group]
    forms = sorted(found)
    for k in range(count):
        form = forms[k % len(forms)]
        group = found[form]
        yield form, mutated(group[int(rng.integers(len(group)))], every, rng)


def read(data: bytes, folder: str) -> str:
    """ "read", "refused", or what else came of it, with both doors."""
    from style_core import StyleCoreError, load_image
    from style_core.fronts import image_size, load_values

    path = os.path.join(folder, "picture.jpg")
    with open(path, "wb") as file:
        file.write(data)
    outcome = "read"
    for door in (load_image, load_values):
        try:
            door(path)
        except StyleCoreError as error:
            outcome = "refused"
            if not str(error).endswith(".") or "\n" in str(error):
                return f"no sentence: {error}"
        except BaseException as error:  # noqa: BLE001  # everything else is what is looked for
            return f"{type(error).__name__}: {error}"[:120]
    image_size(path)
    return outcome


def _work(tasks: Any, results: Any, folder: str) -> None:
    """The worker: reads what it is given; a process started by it is a failure."""
    started: list[str] = []

    def watch(name: str, _: object) -> None:
        if name in PROCESSES:
            started.append(name)

    sys.addaudithook(watch)
    with open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), 2)  # decoders in C complain there
    read(next(iter(seeds(np.random.default_rng(0)).values()))[0], folder)
    started.clear()  # imports may look at the machine
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    while (data := tasks.get()) is not None:
        began = time.monotonic()
        outcome = read(data, folder)
        seconds = time.monotonic() - began
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base
        results.put((f"started {started[0]}" if started else outcome, seconds, grown * 1024))
        started.clear()


class Reader:
    """A worker process that is replaced when it hangs or dies."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._tasks, self._results = context.Queue(), context.Queue()
        self._process = context.Process(
            target=_work, args=(self._tasks, self._results, self._folder), daemon=True
        )
        self._process.start()

    def read(self, data: bytes) -> tuple[str, float, int]:
        """Outcome, seconds, and bytes by which the worker's memory has ever grown."""
        self._tasks.put(data)
        began = time.monotonic()
        while time.monotonic() - began < 6 * SECONDS:  # the first one waits for imports
            with contextlib.suppress(Exception):  # empty so far
                answer: tuple[str, float, int] = self._results.get(timeout=0.5)
                return answer
            if not self._process.is_alive():
                self._start()
                return "the process died", time.monotonic() - began, 0
        self._process.kill()
        self._start()
        return "hangs", time.monotonic() - began, 0

    def close(self) -> None:
        """End the worker."""
        self._tasks.put(None)
        self._process.join(5)


def fuzz(count: int, seed: int, folder: str) -> dict[str, Tally]:
    """Read ``count`` mutations; what became of them by format."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    reader = Reader(folder)
    for form, data in mutations(count, seed):
        outcome, seconds, memory = reader.read(data)
        tally = tallies[form]
        tally.slowest, tally.memory = max(tally.slowest, seconds), max(tally.memory, memory)
        if seconds > SECONDS:
            outcome = f"{outcome} after {seconds:.0f} s"
        if memory > MEMORY:
            outcome = f"{outcome} with {memory / 1e9:.1f} GB"
        if outcome in ("read", "refused"):
            setattr(tally, outcome, getattr(tally, outcome) + 1)
        else:
            tally.failed[outcome] += 1
            with open(os.path.join(folder, f"failed_{form}_{len(tally.failed)}"), "wb") as file:
                file.write(data)
    reader.close()
    return dict(sorted(tallies.items()))


def main() -> None:
    """Print the table; status 1 if anything failed."""
    parser = described(__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", default=None, help="where files that fail are kept")
    args = parser.parse_args()
    import tempfile

    folder = args.folder or tempfile.mkdtemp()
    tallies = fuzz(args.count, args.seed, folder)
    print("| format | read | refused | failed | slowest | memory |\n|---|---|---|---|---|---|")
    for form, t in tallies.items():
        failed, memory = sum(t.failed.values()), t.memory / 1e6
        print(f"| {form} | {t.read} | {t.refused} | {failed} | {t.slowest:.2f} s | {memory:.0f} MB |")
    for form, t in tallies.items():
        for what, times in t.failed.items():
            print(f"{form}: {times} x {what}")
    sys.exit(any(t.failed for t in tallies.values()))


if __name__ == "__main__":
    main()
