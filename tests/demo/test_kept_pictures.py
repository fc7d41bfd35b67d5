"""What a browser remembers of a visitor's pictures: believed only where it names uploads of this server."""

import pytest

from demo import kept_pictures
from demo.kept_pictures import still_there


@pytest.fixture
def uploads(monkeypatch, tmp_path):
    folder = tmp_path / "uploads"
    (folder / "abc").mkdir(parents=True)
    (folder / "abc" / "photo.jpg").write_bytes(b"picture")
    (tmp_path / "secret").write_text("secret")
    monkeypatch.setattr(kept_pictures, "get_upload_folder", lambda: str(folder))
    return folder


def test_an_upload_that_is_still_there_is_found(uploads):
    photo = str(uploads / "abc" / "photo.jpg")
    gone = str(uploads / "abc" / "gone.jpg")
    assert still_there({"content": {"path": photo, "url": "x"}, "style": {"path": gone}}) == {
        "content": photo
    }


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../secret", "{uploads}/../secret", "{uploads}", "", "a\0b", 5, None, ["x"]]
)
def test_nothing_outside_the_uploads_is_ever_named(uploads, path):
    path = path.replace("{uploads}", str(uploads)) if isinstance(path, str) else path
    assert still_there({"content": {"path": path}}) == {}


@pytest.mark.parametrize(
    "kept", [None, "x", 5, [], {"content": "x"}, {"content": None}, {"other": {"path": "x"}}]
)
def test_what_is_no_memory_of_pictures_is_none(uploads, kept):
    assert still_there(kept) == {}
