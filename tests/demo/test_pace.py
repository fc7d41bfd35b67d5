"""How long a job will take, from those before."""

import pytest

from demo.pace import Countdown, Pace, work


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


def test_a_calibration_beside_other_work_is_corrected_by_the_first_photo():
    pace = Pace()
    for megapixels in (0.05, 0.4):
        pace.note("wct2", megapixels, 20 * (0.25 + 0.3 * megapixels), is_trial=True)
    assert pace.expected("wct2", 12) > 60
    for megapixels in (1, 12):  # a preview and the whole
        pace.note("wct2", megapixels, 0.25 + 0.3 * megapixels)
    assert pace.expected("wct2", 12) == pytest.approx(3.85, rel=0.02)
    assert 0.5 < pace.expected("wct2", 1) < 0.8


def test_one_photo_is_worth_more_than_a_calibration():
    pace = Pace()
    pace.note("wct2", 0.05, 9, is_trial=True)
    pace.note("wct2", 0.4, 11, is_trial=True)
    pace.note("wct2", 0.4, 0.5)
    assert pace.expected("wct2", 0.4) < 1


def test_a_machine_that_grew_busy_is_followed_but_one_slow_job_is_not():
    pace = Pace()
    for megapixels in (0.5, 1, 4, 1):
        pace.note("wct2", megapixels, 0.25 + 0.5 * megapixels)
    pace.note("wct2", 1, 7.5)
    assert pace.expected("wct2", 1) == pytest.approx(0.75, rel=0.05)
    for _ in range(2):
        pace.note("wct2", 1, 7.5)
    assert pace.expected("wct2", 1) == pytest.approx(7.5, rel=0.2)
    assert pace.expected("wct2", 4) > 15


def test_the_work_of_steps_doubles_with_the_side():
    assert work(12) == 12
    assert work(4, 200) == 2 * work(1, 200)
    assert work(1, 200) == 4 * work(1, 50)


def test_a_job_during_which_no_clock_ticked_breaks_nothing():
    pace = Pace()
    pace.note("wct2", 0.3, 0.0)
    pace.note("wct2", 3, 5)
    assert pace.expected("wct2", 1) > 0


def test_beyond_what_the_network_sees_a_megapixel_is_a_twelfth_of_the_work():
    assert work(12, seen=0.8) == pytest.approx(0.8 + 1)
    assert work(0.4, seen=0.8) == pytest.approx(0.4 + 0.4 / 12)
    assert work(12, 200, seen=0.64) == pytest.approx(160)


def test_time_is_counted_down_as_expected_until_the_job_shows_its_own_pace():
    now = [100.0]
    countdown = Countdown(40, lambda: now[0])
    assert countdown.left(0) == 40  # the files are read
    now[0] = 101
    assert countdown.left(0.05) == 39
    now[0] = 103
    assert countdown.left(0.1) == 37
    now[0] = 121  # a fifth in twenty seconds
    assert countdown.left(0.25) == pytest.approx(75)
    assert Countdown(None, lambda: now[0]).left(0.05) is None


def test_where_all_time_is_work_a_small_job_says_something_of_a_large_one():
    pace = Pace()
    pace.note("gatys", work(0.25, 50), 6)
    assert pace.expected("gatys", work(1, 200)) is None
    assert pace.expected("gatys", work(1, 200), is_proportional=True) == pytest.approx(48)
