"""Parts of a file, as browsers ask for them."""

import pytest

from demo.byte_ranges import answer

CONTENT = bytes(range(100))


@pytest.mark.parametrize(
    ("asked", "status", "content", "said"),
    [
        (None, 200, CONTENT, None),
        ("bytes=0-", 206, CONTENT, "bytes 0-99/100"),
        ("bytes=10-19", 206, CONTENT[10:20], "bytes 10-19/100"),
        ("bytes=90-400", 206, CONTENT[90:], "bytes 90-99/100"),
        ("bytes=-5", 206, CONTENT[-5:], "bytes 95-99/100"),
        ("bytes=-500", 206, CONTENT, "bytes 0-99/100"),
        ("bytes=100-", 416, b"", "bytes */100"),
        ("bytes=20-10", 416, b"", "bytes */100"),
        ("bytes=0-1,5-6", 200, CONTENT, None),
        ("bytes=-", 200, CONTENT, None),
        ("lines=1-2", 200, CONTENT, None),
    ],
)
def test_what_is_asked_for_is_sent(asked, status, content, said):
    got = answer(CONTENT, asked, "video/mp4", {"X-Own": "1"})
    assert (got.status_code, bytes(got.body)) == (status, content)
    assert got.headers.get("content-range") == said
    assert (got.headers["accept-ranges"], got.headers["x-own"]) == ("bytes", "1")
