"""Times as people say them."""

import pytest

from style_core.progress import time_to_go


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "about 5 s"), (36, "about 40 s"), (90, "about 90 s"), (91, "about 2 min"), (600, "about 10 min")],
)
def test_a_time_is_rounded_up(seconds, text):
    assert time_to_go(seconds) == text
