"""Shared comparisons: kept, found, expired, deleted, and nothing else readable."""

import errno
import io
import json
import math
import os
import sys
import threading
import time
from pathlib import Path

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from demo import shares
from demo.shared_pictures import SharedClip, SharedFile, encode_picture
from demo.shares import (
    NoRoomForShares,
    NotTheOwner,
    ShareError,
    ShareLimits,
    ShareNotFound,
    ShareStore,
)
from style_core import read_settings

RECORD = {"title": "WCT2", "tiles": []}


class Clock:
    def __init__(self):
        self.now = time.time()

    def __call__(self):
        return self.now


@pytest.fixture(params=["folder", "memory"])
def root(request, tmp_path):
    if request.param == "folder":
        return str(tmp_path / "shares here")
    return f"memory://{tmp_path.name}_{time.monotonic_ns()}"


def picture(color="red", size=(30, 20)):
    return SharedFile(Image.new("RGB", size, color))


def files(root):
    return sorted(p for p in Path(root).rglob("*") if p.is_file())


def test_a_clip_is_kept_as_it_is_and_one_that_is_too_large_is_refused(root, tmp_path):
    path = tmp_path / "result.mp4"
    path.write_bytes(b"frames")
    saved = ShareStore(root).save(RECORD, {"result": SharedClip(path, (64, 48))})
    blob = ShareStore(root).load(saved.id).pictures["result"]
    assert (blob.media_type, blob.width, blob.height, blob.size) == ("video/mp4", 64, 48, 6)
    assert ShareStore(root).picture(saved.id, "result") == (b"frames", "video/mp4")
    with pytest.raises(ShareError, match="The clip is 0 kB and a shared one can have at most 0 kB; share a"):
        ShareStore(root, ShareLimits(picture_bytes=5)).save(RECORD, {"result": SharedClip(path, (64, 48))})


def test_a_share_is_found_again_after_a_restart(root):
    saved = ShareStore(root).save(
        RECORD, {"content": picture(), "result_1": SharedFile(picture().image, exact=True)}
    )
    share = ShareStore(root).load(saved.id)
    assert share.record == RECORD
    assert {name: (b.media_type, b.width, b.height) for name, b in share.pictures.items()} == {
        "content": ("image/jpeg", 30, 20),
        "result_1": ("image/png", 30, 20),
    }
    content, media_type = ShareStore(root).picture(saved.id, "result_1")
    assert media_type == "image/png"
    assert Image.open(io.BytesIO(content)).getpixel((3, 3)) == (255, 0, 0)


def test_nothing_is_touched_before_the_first_use(tmp_path):
    ShareStore(str(tmp_path / "later"))
    assert list(tmp_path.iterdir()) == []


def test_only_pixels_leave(tmp_path):
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (48.0, 8.0, 11.0)
    Image.new("RGB", (40, 30), "blue").save(
        tmp_path / "gps.jpg", exif=exif, comment=b"SecretComment", icc_profile=b"SecretProfile"
    )
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "SecretName")
    Image.new("RGBA", (40, 30), (0, 0, 255, 90)).save(tmp_path / "text.png", pnginfo=info)
    assert b"Secret" in (tmp_path / "gps.jpg").read_bytes()
    assert b"Secret" in (tmp_path / "text.png").read_bytes()
    for name, suffix in (("gps.jpg", "jpg"), ("text.png", "png")):
        for exact in (False, True):
            content, found = encode_picture(SharedFile(Image.open(tmp_path / name), exact=exact))
            assert b"Secret" not in content
            assert b"Exif" not in content
            assert found == ("png" if exact else suffix)


def test_settings_are_readable_in_a_result(tmp_path):
    content, _ = encode_picture(
        SharedFile(picture().image, exact=True, settings={"method": "wct2", "size": 5})
    )
    (tmp_path / "result.png").write_bytes(content)
    assert read_settings(tmp_path / "result.png") == {"method": "wct2", "size": 5}


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_every_kind_of_picture_is_encoded(mode):
    image = Image.new("L", (20, 20), 200).convert(mode) if mode != "I;16" else Image.new(mode, (20, 20), 200)
    content, _ = encode_picture(SharedFile(image, exact=True))
    assert Image.open(io.BytesIO(content)).size == (20, 20)


def test_colors_of_a_palette_mask_stay_exact():
    mask = Image.new("RGB", (20, 20), (0, 0, 255)).quantize(4)
    content, _ = encode_picture(SharedFile(mask, exact=True))
    assert Image.open(io.BytesIO(content)).convert("RGB").getpixel((5, 5)) == mask.convert("RGB").getpixel(
        (5, 5)
    )


def test_equal_pictures_are_kept_once(tmp_path):
    store = ShareStore(str(tmp_path))
    store.save(RECORD, {"content": picture()})
    store.save(RECORD, {"content": picture(), "style": picture()})
    assert len(list((tmp_path / "blobs").rglob("*.jpg"))) == 1
    assert len(list((tmp_path / "shares").iterdir())) == 2


def test_the_owner_can_delete_and_nobody_else(root):
    store = ShareStore(root)
    first, second = (
        store.save(RECORD, {"content": picture(), "style": picture(c)}) for c in ("green", "blue")
    )
    for key in ("", "wrong", second.key, first.id):
        with pytest.raises(NotTheOwner, match="Only the link that its owner was given"):
            store.delete(first.id, key)
    store.delete(first.id, first.key)
    for old in (store, ShareStore(root)):
        with pytest.raises(ShareNotFound):
            old.load(first.id)
        with pytest.raises(ShareNotFound):
            old.picture(first.id, "style")
    assert ShareStore(root).picture(second.id, "content")  # its shared picture is still there
    store.delete(second.id, second.key)
    assert store._open()[0].find(store._open()[1]) == []


def test_the_key_is_not_in_the_store(tmp_path):
    saved = ShareStore(str(tmp_path)).save(RECORD, {})
    assert saved.key.encode() not in b"".join(p.read_bytes() for p in files(tmp_path))


@pytest.mark.parametrize(
    "share_id",
    ["", "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "a" * 21, "a" * 23, "a" * 22, "a" * 22 + "\n",
     "a" * 21 + "/",
     "a" * 21 + "\u0661", ".." + "a" * 20, "a" * 21 + "\0", "*" * 22],
)  # fmt: skip
def test_hostile_ids_are_simply_unknown(root, share_id):
    store = ShareStore(root)
    store.save(RECORD, {"content": picture()})
    with pytest.raises(ShareNotFound, match="does not exist or has expired"):
        store.load(share_id)
    with pytest.raises(ShareNotFound, match="does not exist or has expired"):
        store.picture(share_id, "content")
    with pytest.raises(ShareNotFound, match="does not exist or has expired"):
        store.delete(share_id, "key")


@pytest.mark.parametrize("name", ["", "style", "../shares/x", "content.jpg", "blobs", "CONTENT"])
def test_only_the_records_pictures_are_read(root, name):
    store = ShareStore(root)
    saved = store.save(RECORD, {"content": picture()})
    with pytest.raises(ShareNotFound):
        store.picture(saved.id, name)


@pytest.mark.parametrize("name", ["Content", "a b", "../a", "", "a" * 60])
def test_names_that_are_no_names_are_not_stored(root, name):
    with pytest.raises(ValueError, match="picture names"):
        ShareStore(root).save(RECORD, {name: picture()})


@pytest.mark.parametrize(
    "change",
    [
        lambda d: "no json",
        lambda d: json.dumps([1, 2]),
        lambda d: json.dumps({**d, "pictures": {"content": ["../../secret.png", 1, 1, 1]}}),
        lambda d: json.dumps({**d, "pictures": {"../x": d["pictures"]["content"]}}),
        lambda d: json.dumps({**d, "pictures": {"content": [d["pictures"]["content"][0], 1e6, 1e6, 1]}}),
        lambda d: json.dumps({k: v for k, v in d.items() if k != "created"}),
        lambda d: " " * 2_000_000,
        lambda d: "[" * 200_000,
        lambda d: json.dumps({**d, "pictures": {"content": [d["pictures"]["content"][0], math.inf, 1, 1]}}),
        lambda d: json.dumps({**d, "pictures": {"content": [d["pictures"]["content"][0], 1, 1, -(10**15)]}}),
        lambda d: json.dumps({**d, "expires": math.nan}),
        lambda d: json.dumps({**d, "key_sha256": "é"}),
    ],
)
def test_a_tampered_record_is_as_if_there_were_none(tmp_path, change):
    saved = ShareStore(str(tmp_path)).save(RECORD, {"content": picture()})
    (tmp_path / "secret.png").write_bytes(b"secret")
    path = tmp_path / "shares" / f"{saved.id}.json"
    path.write_text(change(json.loads(path.read_text())))
    with pytest.raises(ShareNotFound):
        ShareStore(str(tmp_path)).picture(saved.id, "content")
    ShareStore(str(tmp_path)).save(RECORD, {"content": picture()})  # and no other share suffers


def test_expired_shares_are_unknown_at_once_and_swept_later(tmp_path):
    clock = Clock()
    store = ShareStore(str(tmp_path), ShareLimits(days=2), clock=clock)
    old = store.save(RECORD, {"content": picture()})
    assert old.expires == pytest.approx(clock.now + 2 * 86400)
    clock.now += 2 * 86400
    with pytest.raises(ShareNotFound):
        store.load(old.id)
    new = store.save(RECORD, {"content": picture("blue")})  # sweeps
    assert [p.stem for p in (tmp_path / "shares").iterdir()] == [new.id]
    assert len(list((tmp_path / "blobs").rglob("*.jpg"))) == 1


def test_a_share_without_expiry_stays(tmp_path):
    clock = Clock()
    store = ShareStore(str(tmp_path), ShareLimits(days=0), clock=clock)
    saved = store.save(RECORD, {})
    clock.now += 1000 * 86400
    assert saved.expires is None
    assert store.load(saved.id).record == RECORD


def test_the_count_is_limited_and_expired_ones_make_room(root):
    clock = Clock()
    store = ShareStore(root, ShareLimits(count=2, days=1), clock=clock)
    store.save(RECORD, {})
    store.save(RECORD, {})
    with pytest.raises(NoRoomForShares, match="2 of them and 2000 MB are kept at most"):
        store.save(RECORD, {})
    clock.now += 86400
    store.save(RECORD, {})


def test_bytes_are_limited_and_equal_pictures_count_once(root):
    noisy = SharedFile(Image.effect_noise((200, 200), 90), exact=True)
    size = len(encode_picture(noisy)[0])
    store = ShareStore(root, ShareLimits(total_bytes=int(1.5 * size)))
    store.save(RECORD, {"content": noisy})
    store.save(RECORD, {"content": noisy})
    with pytest.raises(NoRoomForShares):
        store.save(RECORD, {"content": SharedFile(Image.effect_noise((200, 200), 90), exact=True)})
    with pytest.raises(
        ShareError, match=r"The picture content is \d+ kB and a shared one can have at most 1 kB"
    ):
        ShareStore(root, ShareLimits(picture_bytes=1000)).save(RECORD, {"content": noisy})


def test_a_crash_while_saving_leaves_nothing_visible_and_is_swept(tmp_path, monkeypatch):
    store = ShareStore(str(tmp_path))
    write = store._write

    def broken(path, content):
        if path.endswith(".json"):
            raise OSError(errno.ENOSPC, "No space left on device", path)
        write(path, content)

    monkeypatch.setattr(store, "_write", broken)
    with pytest.raises(ShareError, match="cannot be reached just now") as caught:
        store.save(RECORD, {"content": picture()})
    assert str(tmp_path) not in str(caught.value)
    assert [p.suffix for p in files(tmp_path)] == [".jpg"]  # left over, named by no record
    blob = files(tmp_path)[0]
    ShareStore(str(tmp_path)).sweep()
    assert blob.exists()  # young: another save may be about to name it
    os.utime(blob, (time.time() - 7200,) * 2)
    ShareStore(str(tmp_path)).sweep()
    assert not blob.exists()


def test_a_full_disk_leaves_no_half_file(tmp_path, monkeypatch):
    def full(self, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ShareError, match="cannot be reached just now"):
        ShareStore(str(tmp_path)).save(RECORD, {"content": picture()})
    assert files(tmp_path) == []


def test_many_threads_share_and_delete_one_photo(tmp_path):
    store, failures = ShareStore(str(tmp_path)), []
    kept = store.save(RECORD, {"content": picture()})

    def work():
        try:
            for _ in range(10):
                saved = store.save(RECORD, {"content": picture()})
                assert store.picture(saved.id, "content")
                store.delete(saved.id, saved.key)
        except Exception as error:  # noqa: BLE001  # whatever it is fails the test
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert ShareStore(str(tmp_path)).picture(kept.id, "content")
    assert len(files(tmp_path)) == 2  # the record and its picture; nothing temporary


def test_a_deletion_by_another_process_shows_within_a_minute(tmp_path):
    clock = Clock()
    reader, owner = (ShareStore(str(tmp_path), clock=clock) for _ in range(2))
    saved = owner.save(RECORD, {})
    assert reader.load(saved.id)
    owner.delete(saved.id, saved.key)
    clock.now += 61
    with pytest.raises(ShareNotFound):
        reader.load(saved.id)


def test_a_storage_that_is_not_there_is_a_sentence():
    store = ShareStore("nosuchprotocol://bucket/folder")
    for attempt in (lambda: store.save(RECORD, {}), lambda: store.load("a" * 22)):
        with pytest.raises(ShareError, match="cannot be reached just now; try again later") as caught:
            attempt()
        assert not isinstance(caught.value, ShareNotFound)


def test_opening_a_share_lists_nothing(tmp_path, monkeypatch):
    saved = ShareStore(str(tmp_path)).save(RECORD, {"content": picture()})
    store = ShareStore(str(tmp_path))
    monkeypatch.setattr(type(store._open()[0]), "find", lambda *a, **k: pytest.fail("listed"))
    assert store.picture(saved.id, "content")


def test_a_record_must_be_plain_json(root):
    with pytest.raises(ValueError, match="JSON"):
        ShareStore(root).save({"seconds": float("nan")}, {})


def test_a_changed_picture_is_not_shown(tmp_path):
    saved = ShareStore(str(tmp_path)).save(RECORD, {"content": picture()})
    next(tmp_path.rglob("*.jpg")).write_bytes(b"<script>")
    with pytest.raises(ShareNotFound):
        ShareStore(str(tmp_path)).picture(saved.id, "content")


def test_what_could_not_be_opened_is_not_saved(root):
    store = ShareStore(root)
    for record, image in (({"x": "a" * 1_000_000}, picture().image), ({}, Image.new("1", (10_500, 10_000)))):
        with pytest.raises(ShareError, match="too large to be shared"):
            store.save(record, {"content": SharedFile(image)})
    with pytest.raises(ValueError, match="no JSON"):
        store.save({"a": {1}}, {})


def test_a_damaged_picture_is_a_sentence(tmp_path):
    Image.effect_noise((200, 200), 50).save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:5000])
    with pytest.raises(ShareError, match="The picture content is damaged or cut short"):
        ShareStore(str(tmp_path / "s")).save({}, {"content": SharedFile(Image.open(tmp_path / "a.jpg"))})


def test_a_picture_too_long_for_jpeg_is_a_png():
    content, suffix = encode_picture(picture(size=(70_000, 2)))
    assert (suffix, Image.open(io.BytesIO(content)).size) == ("png", (70_000, 2))


def test_sixteen_bits_of_gray_become_eight():
    content, _ = encode_picture(SharedFile(Image.new("I;16", (20, 20), 30_000), exact=True))
    assert Image.open(io.BytesIO(content)).getpixel((3, 3)) == round(30_000 / 65_535 * 255)


@pytest.mark.parametrize(("mode", "color"), [("RGB", (255, 0, 0)), ("L", 9)])
def test_a_transparent_color_stays_transparent(tmp_path, mode, color):
    Image.new(mode, (20, 20), color).save(tmp_path / "a.png", transparency=color)
    content, suffix = encode_picture(SharedFile(Image.open(tmp_path / "a.png")))
    assert suffix == "png"
    assert Image.open(io.BytesIO(content)).convert("RGBA").getpixel((3, 3))[3] == 0


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_profile_becomes_part_of_the_pixels(tmp_path, mode):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # red and blue change places in it, so it is known what it means
    profile = profile.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")
    color = (200, 60, 30, 120)[: len(mode)]
    Image.new(mode, (20, 20), color).save(tmp_path / "a.png", icc_profile=profile)
    content, _ = encode_picture(SharedFile(Image.open(tmp_path / "a.png")))
    found = Image.open(io.BytesIO(content))
    assert found.mode == mode
    assert found.getpixel((3, 3)) == pytest.approx((30, 60, 200, 120)[: len(mode)], abs=3)
    assert "icc_profile" not in found.info


def test_strange_keys_are_not_the_owners(root):
    store = ShareStore(root)
    saved = store.save(RECORD, {})
    with pytest.raises(NotTheOwner):
        store.delete(saved.id, "\ud800")


def old(folder):
    for file in files(folder):
        os.utime(file, (time.time() - 7200,) * 2)


def test_pictures_of_another_process_are_neither_swept_nor_deleted(tmp_path):
    clock = Clock()
    first = ShareStore(str(tmp_path), clock=clock)
    mine = first.save(RECORD, {"content": picture()})
    others = ShareStore(str(tmp_path)).save(RECORD, {"content": picture(), "style": picture("blue")})
    old(tmp_path)
    clock.now += 7200
    first.save(RECORD, {})  # sweeps
    first.delete(mine.id, mine.key)
    for name in ("content", "style"):
        assert ShareStore(str(tmp_path)).picture(others.id, name)


def test_a_picture_that_another_process_removed_is_written_again(tmp_path):
    store = ShareStore(str(tmp_path))
    first = store.save(RECORD, {"content": picture()})
    ShareStore(str(tmp_path)).delete(first.id, first.key)
    second = store.save(RECORD, {"content": picture()})
    assert ShareStore(str(tmp_path)).picture(second.id, "content")


def test_half_written_files_are_swept_from_both_folders(tmp_path):
    store = ShareStore(str(tmp_path))
    store.save(RECORD, {"content": picture()})
    drafts = [tmp_path / "shares" / ".0.part", next((tmp_path / "blobs").iterdir()) / ".0.part"]
    for draft in drafts:
        draft.write_bytes(b"half")
    store.sweep()
    assert all(draft.exists() for draft in drafts)
    old(tmp_path)
    store.sweep()
    assert not any(draft.exists() for draft in drafts)
    assert len(files(tmp_path)) == 2


def test_files_of_unknown_age_go_an_hour_after_they_were_first_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(shares, "_written", lambda info: None)
    clock = Clock()
    store = ShareStore(str(tmp_path), clock=clock)
    store.save(RECORD, {"content": picture()})
    stray = tmp_path / "blobs" / "00" / f"{'0' * 64}.png"
    stray.parent.mkdir()
    stray.write_bytes(b"another process may be about to name it")
    store.sweep()
    clock.now += 3000
    store.sweep()
    assert stray.exists()
    clock.now += 600
    store.sweep()
    assert not stray.exists()
    assert len(files(tmp_path)) == 2


def test_a_share_deleted_while_it_is_read_is_not_remembered(tmp_path, monkeypatch):
    store = ShareStore(str(tmp_path))
    saved = store.save(RECORD, {})
    read, has_read, is_deleted = shares.from_json, threading.Event(), threading.Event()

    def slow(share_id, content):
        share = read(share_id, content)
        if threading.current_thread() is reader:
            has_read.set()
            assert is_deleted.wait(10)
        return share

    monkeypatch.setattr(shares, "from_json", slow)
    reader = threading.Thread(target=store.load, args=(saved.id,))
    reader.start()
    assert has_read.wait(10)
    store.delete(saved.id, saved.key)
    is_deleted.set()
    reader.join()
    with pytest.raises(ShareNotFound):
        store.load(saved.id)


def test_a_record_deleted_while_all_are_read_is_passed_over(tmp_path, monkeypatch):
    saved = ShareStore(str(tmp_path)).save(RECORD, {})
    content = shares._content

    def gone(fs, path):
        if saved.id in path:
            raise FileNotFoundError(path)
        return content(fs, path)

    monkeypatch.setattr(shares, "_content", gone)
    assert ShareStore(str(tmp_path)).save(RECORD, {})


def test_s3_without_its_package_is_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(ShareError, match="cannot be reached just now") as caught:
        ShareStore("s3://bucket/folder").save(RECORD, {})
    assert not isinstance(caught.value, ShareNotFound)
