"""Shared comparisons: where they are kept, for how long, and who may read or delete them.

One module over fsspec: a folder by default, ``hf://datasets/USER/NAME`` or ``s3://BUCKET`` by its address.

    blobs/<2 hex>/<sha256>.<png|jpg|mp4>   pictures, clips, named by their content: equal ones are kept once
    shares/<id>.json                   the record of a share, written last: half a share is never visible

Ids are random and long; nothing is ever listed to a visitor, and only pictures that a record names are read.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import fsspec
from cachetools import LRUCache, TTLCache

from .share_records import ID, MEDIA_TYPES, NAME, Share, SharedBlob, as_json, from_json
from .shared_pictures import SharedClip, SharedFile

log = logging.getLogger(__name__)
DRAFT = ".part"  # the end of the name of a file that is being written
RECORD_SECONDS = 60.0  # a read record is believed for so long; another process may delete it
RECORD_CACHE = 256  # records kept in memory
BLOB_CACHE = 64_000_000  # bytes of pictures kept in memory
SWEEP_SECONDS = 3600.0  # between two sweeps, and the age from which a picture without a record is left over
DAY = 86400.0


class ShareError(Exception):
    """A refusal; its text is a sentence for the visitor."""


class ShareNotFound(ShareError):
    """No such share or picture: the same sentence for every reason, so that none can be told from another."""

    def __init__(self) -> None:
        super().__init__("This shared comparison does not exist or has expired.")


class NotTheOwner(ShareError):
    """The key is not the owner's."""


class NoRoomForShares(ShareError):
    """The store's quota is used up."""


@dataclass(frozen=True)
class ShareLimits:
    """How much is kept: shares, bytes of all, bytes of one picture, and for how many days (0: for ever)."""

    count: int = 1000
    total_bytes: int = 2_000_000_000
    picture_bytes: int = 30_000_000
    days: float = 90.0


@dataclass(frozen=True)
class Saved:
    """A new share: its id, the key with which its owner can delete it, when it ends (seconds since 1970)."""

    id: str
    key: str
    expires: float | None


class ShareStore:
    """Shared comparisons under one address; thread-safe, meant for one process at a time.

    Args:
        root: a folder or any fsspec address; nothing is touched before the first use.
        clock: seconds since 1970.
    """

    def __init__(
        self, root: str, limits: ShareLimits | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._root, self._limits, self._clock = root, limits or ShareLimits(), clock
        self._lock = threading.RLock()  # held while the store is changed
        self._cache_lock = threading.Lock()
        self._opened: tuple[Any, str] | None = None
        self._records: TTLCache[str, Share] = TTLCache(RECORD_CACHE, RECORD_SECONDS, timer=clock)
        self._blobs: LRUCache[str, bytes] = LRUCache(BLOB_CACHE, getsizeof=len)
        self._removals = 0  # a record read before one of them is not kept after it
        self._index: dict[str, Share] | None = None  # of all shares, built by the first change
        self._swept = -SWEEP_SECONDS
        self._strays: dict[str, float] = {}  # files without a record, of unknown age, to when they were seen

    def save(self, record: Mapping[str, Any], pictures: Mapping[str, SharedFile | SharedClip]) -> Saved:
        """Store a share.

        Args:
            record: plain JSON.
            pictures: by names like ``result_1``.

        Raises:
            ShareError: there is no room, a picture or the record is too large, a picture cannot be read, or
                the storage fails.
            ValueError: the record is no JSON, or a name is not permitted.
        """
        text = _record_text(record)
        encoded = self._encoded(pictures)
        now, key, share_id = self._clock(), secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        share = Share(
            id=share_id, record=json.loads(text), created=now, key_sha256=_digest(key),
            pictures={name: _blob(pictures[name], *file) for name, file in encoded.items()},
            expires=now + self._limits.days * DAY if self._limits.days else None,
        )  # fmt: skip
        stored = json.dumps(as_json(share)).encode()
        try:
            from_json(share_id, stored)  # what would not be believed later is refused now
        except ValueError as error:
            raise ShareError("This comparison is too large to be shared; choose a smaller size.") from error
        with self._lock, self._explained("written"):
            if now - self._swept >= SWEEP_SECONDS:
                self.sweep()
            self._add(share, stored, {name: content for name, (content, _) in encoded.items()})
        return Saved(share_id, key, share.expires)

    def load(self, share_id: str) -> Share:
        """A share.

        Raises:
            ShareNotFound: there is none of that id, or it has expired.
            ShareError: the storage fails.
        """
        if not ID.fullmatch(share_id):
            raise ShareNotFound
        with self._cache_lock:
            known = self._records.get(share_id)
        share = known or self._read(share_id)
        if share.expires is not None and self._clock() >= share.expires:
            raise ShareNotFound
        return share

    def picture(self, share_id: str, name: str) -> tuple[bytes, str]:
        """A picture of a share and its media type.

        Raises:
            ShareError: as :meth:`load`; also for a name the share does not have.
        """
        blob = self.load(share_id).pictures.get(name)
        if blob is None:
            raise ShareNotFound
        with self._cache_lock:
            content = self._blobs.get(blob.file)
        if content is not None:
            return content, blob.media_type
        with self._explained("read"):
            content = _content(self._open()[0], self._blob_path(blob.file))
        if hashlib.sha256(content).hexdigest() != blob.file[:64]:
            log.warning("the picture %s is not what was stored", blob.file)
            raise ShareNotFound
        if len(content) <= BLOB_CACHE:
            with self._cache_lock:
                self._blobs[blob.file] = content
        return content, blob.media_type

    def delete(self, share_id: str, key: str) -> None:
        """Delete a share, and its pictures that no other has.

        Raises:
            NotTheOwner: the key is not the one that :meth:`save` gave.
            ShareError: as :meth:`load`.
        """
        share = self.load(share_id)
        if not hmac.compare_digest(_digest(key), share.key_sha256):
            raise NotTheOwner("Only the link that its owner was given can delete this comparison.")
        with self._lock, self._explained("deleted"):
            self._remove(self._known(again=True), [share])

    def sweep(self) -> None:
        """Remove expired shares, and old pictures that no record names.

        Raises:
            ShareError: the storage fails.
        """
        with self._lock, self._explained("swept"):
            now = self._clock()
            self._swept = now
            index = self._known(again=True)  # a picture of a share saved elsewhere is not left over
            self._remove(index, [s for s in index.values() if s.expires is not None and now >= s.expires])
            held = _files(index.values())
            fs, root = self._open()
            found = _find(fs, f"{root}/blobs")
            strays = {path: info for path, info in found.items() if path.rsplit("/", 1)[-1] not in held}
            strays |= {p: info for p, info in _find(fs, f"{root}/shares").items() if p.endswith(DRAFT)}
            self._strays = {path: self._strays.get(path, now) for path in strays}
            for path, info in strays.items():
                written = _written(info)
                age = now - self._strays[path] if written is None else time.time() - written
                if age >= SWEEP_SECONDS:
                    _remove_file(fs, path)

    def _encoded(self, pictures: Mapping[str, SharedFile | SharedClip]) -> dict[str, tuple[bytes, str]]:
        """The pictures' files and their suffixes.

        Raises:
            ShareError: a picture cannot be read, or is too large.
            ValueError: a name is not permitted.
        """
        if any(not NAME.fullmatch(name) for name in pictures):
            raise ValueError(f"picture names must match {NAME.pattern}")
        encoded = {name: _encoded(name, file) for name, file in pictures.items()}
        for name, (content, _) in encoded.items():
            if len(content) > self._limits.picture_bytes and isinstance(pictures[name], SharedClip):
                raise ShareError(
                    f"The clip is {_megabytes(len(content))} and a shared one can have at most "
                    f"{_megabytes(self._limits.picture_bytes)}; share a shorter one."
                )
            if len(content) > self._limits.picture_bytes:
                raise ShareError(
                    f"The picture {name} is {_megabytes(len(content))} and a shared one can have at most "
                    f"{_megabytes(self._limits.picture_bytes)}; choose a smaller size."
                )
        return encoded

    def _add(self, share: Share, stored: bytes, contents: Mapping[str, bytes]) -> None:
        """Write a share's pictures, then its record."""
        index = self._known()
        self._make_room(index, share)
        fs, _ = self._open()
        held = _files(index.values())
        for name, blob in share.pictures.items():
            path = self._blob_path(blob.file)
            if blob.file not in held or not fs.exists(path):  # another process may have removed it
                self._write(path, contents[name])
                held[blob.file] = blob.size
        self._write(self._record_path(share.id), stored)
        index[share.id] = share

    def _make_room(self, index: dict[str, Share], share: Share) -> None:
        """Let expired shares go, then refuse if there is still no room.

        Raises:
            NoRoomForShares: with the quota.
        """
        for attempt in range(2):
            held = _files(index.values())
            total = sum((held | _files([share])).values())
            if len(index) < self._limits.count and total <= self._limits.total_bytes:
                return
            if not attempt:
                now = self._clock()
                self._remove(index, [s for s in index.values() if s.expires is not None and now >= s.expires])
        raise NoRoomForShares(
            f"There is no room for more shared comparisons here: {self._limits.count} of them and "
            f"{_megabytes(self._limits.total_bytes)} are kept at most."
        )

    def _remove(self, index: dict[str, Share], shares: list[Share]) -> None:
        """Records first, so that no visible one lacks a picture."""
        fs, _ = self._open()
        for share in shares:
            _remove_file(fs, self._record_path(share.id))
            index.pop(share.id, None)
            with self._cache_lock:
                self._records.pop(share.id, None)
                self._removals += 1
        held = _files(index.values())
        for file in _files(shares).keys() - held.keys():
            _remove_file(fs, self._blob_path(file))
            with self._cache_lock:
                self._blobs.pop(file, None)

    def _known(self, *, again: bool = False) -> dict[str, Share]:
        """All shares; listed once, and ``again`` before anything is removed: there may be other processes."""
        if self._index is None or again:
            fs, root = self._open()
            fs.invalidate_cache()
            known, found = self._index or {}, {}
            for path in _find(fs, f"{root}/shares"):
                name = path.rsplit("/", 1)[-1]
                share_id = name.removesuffix(".json")
                if name == share_id or not ID.fullmatch(share_id):
                    continue
                try:
                    found[share_id] = known.get(share_id) or from_json(share_id, _content(fs, path))
                except FileNotFoundError:
                    log.info("%s was deleted meanwhile", name)
                except ValueError:
                    log.warning("%s is no record of a share", name)
            self._index = found
        return self._index

    def _read(self, share_id: str) -> Share:
        with self._cache_lock:
            removals = self._removals
        with self._explained("read"):
            content = _content(self._open()[0], self._record_path(share_id))
        try:
            share = from_json(share_id, content)
        except ValueError:
            log.warning("the record %s cannot be read", share_id)
            raise ShareNotFound from None
        with self._cache_lock:
            if removals == self._removals:
                self._records[share_id] = share
        return share

    def _write(self, path: str, content: bytes) -> None:
        """All of a file or nothing: moved into place on a disk; object stores put whole objects anyway."""
        fs, _ = self._open()
        if "file" not in _protocols(fs):
            fs.pipe_file(path, content)
            return
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.parent / f".{secrets.token_hex(8)}{DRAFT}"
        try:
            draft.write_bytes(content)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)

    def _open(self) -> tuple[Any, str]:
        """The file system and the root in it; made at first use."""
        if self._opened is None:
            fs, root = fsspec.core.url_to_fs(self._root)
            self._opened = (fs, str(root).rstrip("/"))
        return self._opened

    def _blob_path(self, file: str) -> str:
        return f"{self._open()[1]}/blobs/{file[:2]}/{file}"

    def _record_path(self, share_id: str) -> str:
        return f"{self._open()[1]}/shares/{share_id}.json"

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """What the storage raises as a sentence; the details in the log."""
        try:
            yield
        except ShareError:
            raise
        except FileNotFoundError:
            if what == "read":
                raise ShareNotFound from None
            log.exception("shares cannot be %s", what)
            raise ShareError("The shared comparisons cannot be reached just now; try again later.") from None
        except Exception as error:  # fsspec's back ends raise what they like
            log.exception("shares cannot be %s", what)
            raise ShareError("The shared comparisons cannot be reached just now; try again later.") from error


def _encoded(name: str, file: SharedFile | SharedClip) -> tuple[bytes, str]:
    try:
        return file.encoded()
    except OSError as error:
        raise ShareError(f"The picture {name} is damaged or cut short and cannot be read.") from error


def _record_text(record: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(record), allow_nan=False)
    except TypeError as error:
        raise ValueError(f"the record is no JSON: {error}") from error


def _blob(file: SharedFile | SharedClip, content: bytes, suffix: str) -> SharedBlob:
    """What a record says of a picture's file."""
    return SharedBlob(
        file=f"{hashlib.sha256(content).hexdigest()}.{suffix}", media_type=MEDIA_TYPES[suffix],
        width=file.size[0], height=file.size[1], size=len(content),
    )  # fmt: skip


def _files(shares: Any) -> dict[str, int]:
    """File names and bytes of all pictures of shares, each once."""
    return {blob.file: blob.size for share in shares for blob in share.pictures.values()}


def _content(fs: Any, path: str) -> bytes:
    """All of a file.

    Raises:
        FileNotFoundError: there is none.
        Exception: what else the storage raises.
    """
    # the Hub's file system otherwise believes a listing it keeps, which lacks what others saved since
    options = {"block_size": 0} if "hf" in _protocols(fs) else {}
    try:
        return bytes(fs.cat_file(path, **options))
    except Exception as error:
        if getattr(getattr(error, "response", None), "status_code", None) == 404:
            raise FileNotFoundError(path) from error
        raise


def _find(fs: Any, folder: str) -> dict[str, Any]:
    """All files below a folder with what is known of them; none where there is no folder yet."""
    try:
        return dict(fs.find(folder, detail=True))
    except FileNotFoundError:
        return {}


def _remove_file(fs: Any, path: str) -> None:
    try:
        fs.rm_file(path)
    except FileNotFoundError:
        log.info("%s was gone already", path.rsplit("/", 1)[-1])


def _protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)


def _written(info: Mapping[str, Any]) -> float | None:
    """When a file was written, in seconds since 1970; ``None`` where the storage does not say."""
    written = info.get("mtime") or info.get("created") or info.get("LastModified")
    if isinstance(written, datetime):
        written = written.timestamp()
    return float(written) if isinstance(written, (int, float)) else None


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.0f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"
