"""Many visitors at once, as programs: ``python -m benchmarks.many_users [--users 20] [--painting]
[--large PHOTO …]``.

Starts the demo as a process of its own. Every user has pictures of their own and compares each result,
pixel by pixel, with what the package computes for them: a result that was swapped, lost or computed from
somebody else's picture is counted. Prints a Markdown row; asserts nothing, but exits with 1 on any error.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from gradio_client import Client, handle_file
from PIL import Image

from style_core import load_image, stylize
from style_core.fronts import to_pil

from .arguments import described

ROOT = Path(__file__).resolve().parent.parent
METHODS = ("wct2", "wct", "photo_wct")
STRENGTHS = (1.0, 0.4)
SIDE = 160  # px
SETTINGS, RUN = 4, 5  # places in what an endpoint returns
CLOSE = 3  # of 255: another thread count may round differently
WARM_SECONDS = 60
SHARE_EVERY = 8  # jobs of a user


@dataclass
class Tally:
    """What happened, from all users."""

    seconds: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    swapped: int = 0
    shares: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def main() -> int:
    """Run it; 1 if anything went wrong."""
    parser = described(__doc__)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--port", type=int, default=7923)
    parser.add_argument("--painting", action="store_true", help="one user always has a painting made")
    parser.add_argument(
        "--large", nargs="*", type=Path, default=[], metavar="PHOTO",
        help="a user more for each, who restyles it at its full size",
    )  # fmt: skip
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        users = [_user(Path(folder), number) for number in range(args.users)]
        environment = {
            **os.environ,
            "STYLE_DEMO_SHARES": f"{folder}/shares",
            "GRADIO_TEMP_DIR": f"{folder}/gradio",
        }
        command = [sys.executable, "app.py", "--no-browser", "--port", str(args.port)]
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as server:
            try:
                url = f"http://127.0.0.1:{args.port}"
                return _measure(server.pid, url, users, args)
            finally:
                server.terminate()


def _measure(pid: int, url: str, users: list[dict[str, Any]], args: argparse.Namespace) -> int:
    seconds = args.seconds
    _wait(url)
    if args.painting:
        threading.Thread(target=_paint, args=(url, users[0]), daemon=True).start()
    tally = Tally()
    warm = Client(url, verbose=False)
    for key in METHODS:  # networks are loaded before the first figure
        warm.predict(
            content=handle_file(users[0]["content"]), style=handle_file(users[0]["style"]), api_name=f"/{key}"
        )
    _all_at_once(url, users, WARM_SECONDS, Tally(), pid)  # caches fill up to their budgets
    time.sleep(20)
    before = _resident(pid)
    until, large = time.monotonic() + seconds, Tally()
    for photo in args.large:
        threading.Thread(
            target=_restyle_large, args=(url, photo, users[0]["style"], until, large), daemon=True
        ).start()
    peak = _all_at_once(url, users, seconds, tally, pid)
    time.sleep(20)
    after = _resident(pid)
    done, waited = len(tally.seconds), sorted(tally.seconds) or [0.0]
    print("| users | s | jobs | median wait | 95 % | shares | errors | swapped | MB before | peak | after |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    print(
        f"| {len(users)} | {seconds:.0f} | {done} | {statistics.median(waited):.1f} s | "
        f"{waited[int(0.95 * (len(waited) - 1))]:.1f} s | {tally.shares} | {sum(tally.errors.values())} | "
        f"{tally.swapped} | {before:.0f} | {max(peak):.0f} | {after:.0f} |"
    )
    if args.large:
        took = statistics.median(large.seconds or [0])
        print(f"Large photos: {len(large.seconds)} done, median {took:.1f} s.")
        tally.errors.update(large.errors)
    for text, count in tally.errors.most_common(5):
        print(f"{count} x {text}")
    return int(bool(tally.errors or tally.swapped or not done))


def _all_at_once(
    url: str, users: list[dict[str, Any]], seconds: float, tally: Tally, pid: int
) -> list[float]:
    """All users for some seconds; the server's memory on the way."""
    until, memory = time.monotonic() + seconds, [_resident(pid)]
    threads = [threading.Thread(target=_visit, args=(url, user, until, tally)) for user in users]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        memory.append(_resident(pid))
        time.sleep(0.5)
    return memory


def _paint(url: str, user: dict[str, Any]) -> None:
    """Paintings one after the other, until the server is gone."""
    client = Client(url, verbose=False)
    with contextlib.suppress(Exception):  # whatever a client raises when the server ends
        while True:
            client.predict(
                content=handle_file(user["content"]), style=handle_file(user["style"]), size=512,
                api_name="/gatys",
            )  # fmt: skip


def _restyle_large(url: str, photo: Path, style: str, until: float, tally: Tally) -> None:
    """A large photo over and over; its result must have its size."""
    client, size = Client(url, verbose=False), load_image(photo).size
    while time.monotonic() < until:
        began = time.monotonic()
        try:
            answer = client.predict(
                content=handle_file(str(photo)), style=handle_file(style), api_name=f"/{METHODS[0]}"
            )
            if _result(url, answer).size != size:
                tally.errors["a large photo came back smaller"] += 1
            tally.seconds.append(time.monotonic() - began)
        except Exception as error:  # noqa: BLE001  # whatever it is counts
            tally.errors[f"{type(error).__name__}: {error}"[:200]] += 1


def _visit(url: str, user: dict[str, Any], until: float, tally: Tally) -> None:
    chance = random.Random(user["number"])
    try:
        client = Client(url, verbose=False)
    except Exception as error:  # noqa: BLE001  # whatever it is counts
        tally.errors[f"connecting: {error}"] += 1
        return
    jobs = 0
    while time.monotonic() < until:
        key, strength = chance.choice(METHODS), chance.choice(STRENGTHS)
        began = time.monotonic()
        try:
            answer = client.predict(
                content=handle_file(user["content"]), style=handle_file(user["style"]),
                style_strength=strength, api_name=f"/{key}",
            )  # fmt: skip
            jobs += 1
            is_own = _is_own(url, answer, user, key, strength)
            if jobs % SHARE_EVERY == 0:
                link = client.predict(run=answer[RUN], api_name="/share")["link"]
                with urllib.request.urlopen(link) as page:
                    page.read()
            with tally.lock:
                tally.seconds.append(time.monotonic() - began)
                tally.swapped += not is_own
                tally.shares += jobs % SHARE_EVERY == 0
        except Exception as error:  # noqa: BLE001  # whatever it is counts
            with tally.lock:
                tally.errors[f"{type(error).__name__}: {error}"[:200]] += 1


def _result(url: str, answer: Any) -> Image.Image:
    """The result's file, whole."""
    path, _ = urllib.request.urlretrieve(f"{url}/runs/{answer[RUN]}/result/result.png")
    try:
        return to_pil(load_image(path).samples)
    finally:
        os.unlink(path)


def _is_own(url: str, answer: Any, user: dict[str, Any], key: str, strength: float) -> bool:
    result = np.asarray(_result(url, answer)).astype(int)
    expected = user["results"][key, strength]
    same = result.shape == expected.shape and int(np.abs(result - expected).max()) <= CLOSE
    return same and answer[SETTINGS]["method"] == key and answer[SETTINGS]["style_strength"] == strength


def _user(folder: Path, number: int) -> dict[str, Any]:
    """A user's pictures and the results they must get."""
    values = np.random.default_rng(number)
    paths = []
    for name in ("content", "style"):
        coarse = Image.fromarray(values.integers(0, 255, (5, 7, 3), np.uint8))
        path = folder / f"{name}_{number}.png"
        coarse.resize((SIDE, SIDE * 3 // 4), Image.Resampling.BICUBIC).save(path)
        paths.append(str(path))
    results = {
        (key, strength): np.asarray(stylize(key, *paths, style_strength=strength).to_pil()).astype(int)
        for key in METHODS
        for strength in STRENGTHS
    }
    return {"number": number, "content": paths[0], "style": paths[1], "results": results}


def _wait(url: str) -> None:
    for _ in range(240):
        try:
            with urllib.request.urlopen(f"{url}/healthz"):
                return
        except OSError:
            time.sleep(0.5)
    raise SystemExit("the demo did not start")


def _resident(pid: int) -> float:
    """Resident megabytes of a process (Linux)."""
    text = Path(f"/proc/{pid}/status").read_text("utf-8")
    return next(int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmRSS"))


if __name__ == "__main__":
    sys.exit(main())
