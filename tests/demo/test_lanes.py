"""Who waits is told for whom and how long, in both languages."""

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from demo.lanes import Lanes, lane_of
from demo.limits import Limits
from demo.server import routes
from demo.service import Service
from demo.shares import ShareStore
from demo.work import LANES


@pytest.fixture
def now():
    return [100.0]


@pytest.fixture
def lanes(now):
    return Lanes(lambda: now[0])


def test_quick_methods_do_not_wait_for_paintings_and_comparisons():
    assert [lane_of(tab) for tab in ("wct2", "wct")] == [LANES[False]] * 2
    assert [lane_of(tab) for tab in ("gatys", "deep_photo", "compare", "clip")] == [LANES[True]] * 4


def test_the_time_runs_and_counts_what_comes_later(lanes, now):
    with lanes.job("gatys") as job:
        assert lanes.words("gatys", 1, "en") == "1 before you: a painting is being made"
        job.later = 60
        job.expect(30)
        assert lanes.words("deep_photo", 1, "en") == "1 before you, about 90 s: a painting is being made"
        now[0] += 50
        assert lanes.words("gatys", 1, "en") == "1 before you, about 40 s: a painting is being made"
        assert lanes.words("gatys", 1, "zh-CN") == "前面还有 1 个任务，约 40 秒：正在绘制"
        job.expect(None)
        assert lanes.words("gatys", 1, "en") == "1 before you: a painting is being made"
    assert lanes.words("gatys", 1, "en") == ""


def test_those_who_wait_before_count_as_much_as_the_one_under_way(lanes, now):
    with lanes.job("compare") as job:
        job.expect(20)
        now[0] += 10
        assert lanes.words("gatys", 3, "en") == "3 before you, about 50 s: a comparison is being made"


def test_of_several_at_once_the_first_to_end_is_waited_for(lanes):
    with lanes.job("wct2") as slow, lanes.job("photo_wct") as quick, lanes.job("wct"):
        slow.expect(40)
        quick.expect(4)
        assert lanes.words("wct2", 1, "en") == "3 before you, about 4 s: a photo is being made"
        assert lanes.words("gatys", 1, "en") == ""


def test_the_page_asks_by_tab_and_place(tmp_path):
    service = Service(Limits(), ShareStore(str(tmp_path)))
    client = TestClient(Starlette(routes=routes(service)))
    with service.lanes.job("gatys"):
        assert client.get("/waiting/gatys/2").text == "2 before you: a painting is being made"
        chinese = client.get("/waiting/compare/1", headers={"Accept-Language": "zh-TW"})
        assert chinese.text == "前面还有 1 个任务：正在绘制"
        assert client.get("/waiting/wct2/1").text == ""
    assert client.get("/waiting/nothing/1").status_code == 404
