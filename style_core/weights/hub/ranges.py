"""Parts of a remote safetensors file: its header and the byte ranges of some tensors, resumable."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from ...errors import WeightsUnavailable
from ...progress import TextReport
from .names import Remote, megabytes
from .reasons import DELAYS, INSTEAD, BadStatus, CutShort, http_errors, may_pass

HEADER_GUESS = 16_384  # bytes read first; a header is a few thousand
LARGEST_HEADER = 10_000_000  # bytes; more is no header
SMALL_GAP = 65_536  # bytes between two ranges that are cheaper to read than to ask around
R = TypeVar("R")
Range = tuple[int, int]  # bytes from the first up to, without, the second


class RemoteFile:
    """A file of the Hub read by ranges, all of one commit.

    Args:
        remote: its repository.
        path: its name there.
        report: told before every further try; may raise to stop.

    Raises:
        WeightsUnavailable: offline. What the Hub's library raises otherwise.
    """

    def __init__(self, remote: Remote, path: str, report: TextReport) -> None:
        from huggingface_hub import constants, get_hf_file_metadata, get_session, hf_hub_url
        from huggingface_hub.utils import build_hf_headers

        if constants.HF_HUB_OFFLINE:
            raise WeightsUnavailable(
                f"{path} of {remote} is not in the cache and HF_HUB_OFFLINE is set; unset it, convert a file "
                f"you have ('python hub_upload.py convert imagenet'), {INSTEAD}"
            )
        self.remote, self.path, self._report = remote, path, report
        self._session, self._timeout = get_session(), constants.HF_HUB_DOWNLOAD_TIMEOUT
        self._errors = http_errors(self._session)
        url = hf_hub_url(remote.repo, path, revision=remote.revision)
        found = self._tried(lambda: get_hf_file_metadata(url, timeout=self._timeout))
        self.commit = found.commit_hash or remote.revision
        self.etag = found.etag or self.commit  # what tells versions apart
        # The Hub's own address each time: where it leads to is signed for an hour. No token follows there.
        self._url = hf_hub_url(remote.repo, path, revision=self.commit)
        self._headers = {**build_hf_headers(), "Accept-Encoding": "identity"}

    def header(self) -> tuple[dict[str, Any], int]:
        """The safetensors header and the byte its data begin at.

        Raises:
            WeightsUnavailable: there is none.
        """
        start = self._tried(lambda: self._read(0, HEADER_GUESS))
        length = struct.unpack("<Q", start[:8])[0] if len(start) >= 8 else LARGEST_HEADER
        if length < LARGEST_HEADER and 8 + length > len(start):
            start = self._tried(lambda: self._read(0, 8 + length))
        try:
            return dict(json.loads(start[8 : 8 + length])), 8 + length
        except ValueError as error:
            raise WeightsUnavailable(f"{self.path} of {self.remote} is not a safetensors file.") from error

    def _read(self, start: int, stop: int) -> bytes:
        data = b""
        with self._stream(start, stop) as response:
            for block in response.iter_bytes():
                data += block
                if len(data) >= stop - start:  # a host without ranges would go on to the end
                    break
        return data[: stop - start]

    def fetch(self, ranges: Sequence[Range], folder: Path, title: str) -> dict[Range, Path]:
        """The ranges as files in ``folder``; what is there of them already is not fetched again."""
        folder.mkdir(exist_ok=True)
        parts = {r: folder / f"{r[0]}-{r[1]}" for r in ranges}
        counter = ByteCounter(title, sum(stop - start for start, stop in ranges), self._report)
        try:
            for (start, stop), path in parts.items():
                self._tried(partial(self._fetch_part, start, stop, path, counter))
                counter.before += stop - start
        except _NoRanges:
            whole = f"{title}, the whole file, for this host knows no ranges"
            self._tried(partial(self._fetch_whole, parts, whole))
        return parts

    def _fetch_part(self, start: int, stop: int, path: Path, counter: ByteCounter) -> None:
        done = path.stat().st_size if path.exists() else 0
        counter.tell(done)
        if done >= stop - start:
            return
        with self._stream(start + done, stop) as response, path.open("ab") as file:
            if response.status_code == 200:
                raise _NoRanges
            for block in response.iter_bytes():
                file.write(block[: stop - start - done])
                done += len(block)
                counter.tell(done)
        if done < stop - start:
            raise CutShort

    def _fetch_whole(self, parts: Mapping[Range, Path], title: str) -> None:
        """Read from the first byte on and keep what falls into a range, up to the end of the last."""
        last = max(stop for _, stop in parts)
        counter, place = ByteCounter(title, last, self._report), 0
        with ExitStack() as opened:
            files = {r: opened.enter_context(path.open("wb")) for r, path in parts.items()}
            response = opened.enter_context(self._stream(0, None))
            for block in response.iter_bytes():
                for (start, stop), file in files.items():
                    file.write(block[max(0, start - place) : max(0, stop - place)])
                place += len(block)
                counter.tell(min(place, last))
                if place >= last:
                    return
        raise CutShort

    @contextmanager
    def _stream(self, start: int, stop: int | None) -> Iterator[Any]:
        headers = self._headers if stop is None else {**self._headers, "Range": f"bytes={start}-{stop - 1}"}
        with self._session.stream(
            "GET", self._url, headers=headers, timeout=self._timeout, follow_redirects=True
        ) as response:
            if response.status_code not in {200, 206}:
                raise BadStatus(response.status_code)
            place = response.headers.get("content-range", "")
            if response.status_code == 206 and place and not place.startswith(f"bytes {start}-"):
                raise CutShort  # other bytes than those asked for
            yield response

    def _tried(self, call: Callable[[], R]) -> R:
        """What ``call`` gives, after some more tries where waiting can help."""
        from huggingface_hub.errors import HfHubHTTPError

        worth_another: tuple[type[Exception], ...] = (*self._errors, HfHubHTTPError, CutShort, BadStatus)
        for delay in DELAYS:
            try:
                return call()
            except worth_another as error:
                if not may_pass(error):
                    raise
            self._report(f"Trying {self.remote.repo} again in {delay:g} s")
            time.sleep(delay)
        return call()


class _NoRanges(Exception):
    """The host sends whole files only."""


@dataclass(frozen=True)
class RemoteTensor:
    """Where a float tensor lies in a remote file: bytes ``start`` up to ``stop``."""

    start: int
    stop: int
    shape: tuple[int, ...]
    dtype: torch.dtype

    DTYPES: ClassVar = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}

    @classmethod
    def read(cls, header: Mapping[str, Any], name: str, base: int) -> RemoteTensor:
        """From a safetensors header whose data begin at byte ``base``."""
        try:
            entry = header[name]
            first, last = (int(offset) for offset in entry["data_offsets"])
            shape, dtype = tuple(int(side) for side in entry["shape"]), cls.DTYPES[entry["dtype"]]
        except (KeyError, TypeError, ValueError) as error:
            raise WeightsUnavailable(f"The file has no usable {name}.") from error
        size = dtype.itemsize
        for side in shape:
            size *= side
        if first < 0 or last - first != size:
            raise WeightsUnavailable(f"The file has no usable {name}.")
        return cls(base + first, base + last, shape, dtype)

    def take(self, parts: Mapping[tuple[int, int], Path]) -> Tensor:
        """The tensor, float32, from the part that holds it."""
        (start, _), path = next((r, p) for r, p in parts.items() if r[0] <= self.start and self.stop <= r[1])
        with path.open("rb") as file:
            file.seek(self.start - start)
            data = bytearray(file.read(self.stop - self.start))
        return torch.frombuffer(data, dtype=self.dtype).reshape(self.shape).float()


def covering_ranges(tensors: Sequence[RemoteTensor]) -> list[tuple[int, int]]:
    """The bytes of all tensors in as few ranges as small gaps allow."""
    merged: list[tuple[int, int]] = []
    for tensor in sorted(tensors, key=lambda t: t.start):
        if merged and tensor.start - merged[-1][1] <= SMALL_GAP:
            merged[-1] = (merged[-1][0], max(merged[-1][1], tensor.stop))
        else:
            merged.append((tensor.start, tensor.stop))
    return merged


@dataclass
class ByteCounter:
    """Reports how much of a fetch is there, at most ten times a second."""

    title: str
    total: int
    report: TextReport
    before: int = 0
    _last: float = -1.0

    def tell(self, done: int) -> None:
        now = time.monotonic()
        if now - self._last >= 0.1 or self.before + done >= self.total:
            self._last = now
            self.report(f"{self.title}: {megabytes(self.before + done)} of {megabytes(self.total)}")
