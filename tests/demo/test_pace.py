"""How long a job will take, from those before."""

import pytest

from demo.pace import Pace


def test_nothing_is_said_without_jobs_of_that_size():
    pace = Pace()
    assert pace.expected("wct2", 1) is None
    pace.note("wct2", 0.4, 0.5)
    assert pace.expected("wct2", 12) is None
    assert pace.expected("wct", 0.4) is None


def test_a_job_of_about_that_size_takes_as_long():
    pace = Pace()
    for seconds in (0.5, 0.6, 9.0):
        pace.note("wct2", 0.4, seconds)
    assert pace.expected("wct2", 0.5) == 0.6


def test_from_several_sizes_a_line_is_drawn():
    pace = Pace()
    for megapixels in (0.5, 1, 4):
        pace.note("wct2", megapixels, 0.25 + 0.5 * megapixels)
    assert pace.expected("wct2", 12) == pytest.approx(6.25)


def test_only_the_last_jobs_count():
    pace = Pace()
    pace.note("wct2", 1, 100)
    for _ in range(12):
        pace.note("wct2", 1, 2)
    assert pace.expected("wct2", 1) == 2
