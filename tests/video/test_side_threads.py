"""Reading ahead and writing behind: order, bounds, errors, and threads that end."""

import threading
from contextlib import closing

import pytest

from style_core.video.side_threads import Behind, ahead


def counted(made, end=100):
    for k in range(end):
        made.append(k)
        yield k


def test_items_come_in_order_and_are_made_in_one_other_thread():
    threads = set()

    def items():
        for k in range(20):
            threads.add(threading.get_ident())
            yield k

    assert list(ahead(items())) == list(range(20))
    assert len(threads) == 1
    assert threading.get_ident() not in threads


@pytest.mark.parametrize("room", [1, 3])
def test_no_more_is_made_than_there_is_room_for(room):
    made = []
    with closing(ahead(counted(made), room)) as items:
        assert [next(items) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert 5 <= len(made) <= 5 + room


def test_an_error_comes_in_its_place():
    def items():
        yield 1
        raise ValueError("The second one.")

    found = ahead(items())
    assert next(found) == 1
    with pytest.raises(ValueError, match="second"):
        next(found)


def test_a_closed_one_leaves_no_thread():
    before = threading.active_count()
    with closing(ahead(counted([]))) as items:
        next(items)
    assert threading.active_count() == before


def test_calls_are_carried_out_in_order_and_before_the_end():
    done = []
    with Behind(room=2) as behind:
        for k in range(20):
            behind.add(lambda k=k: done.append((k, threading.get_ident())))
    assert [k for k, _ in done] == list(range(20))
    assert {thread for _, thread in done} != {threading.get_ident()}


def test_an_error_of_a_call_is_raised_and_no_thread_is_left():
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError), Behind() as behind:
        behind.add(lambda: 1 / 0)
    assert threading.active_count() == before


def test_an_error_here_drops_what_waits():
    done, may_go = [], threading.Event()

    def add_some_and_fail():
        with Behind(room=10) as behind:
            behind.add(may_go.wait)
            for k in range(5):
                behind.add(lambda k=k: done.append(k))
            threading.Timer(0.1, may_go.set).start()
            raise ValueError("Enough.")

    with pytest.raises(ValueError, match="Enough"):
        add_some_and_fail()
    assert done == []
