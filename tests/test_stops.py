"""Stop: a run is asked once, waited for, and forgotten."""

import threading

from demo.stops import Stops


def test_without_a_run_there_is_nothing_to_stop():
    assert not Stops().ask("someone")


def test_a_run_is_asked_and_waited_for():
    stops, begun = Stops(), threading.Event()
    ended = []

    def work():
        with stops.running("someone") as asked:
            begun.set()
            assert asked.wait(5)
            ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(5)
    assert stops.ask("someone")
    assert ended
    thread.join()
    assert not stops.ask("someone")


def test_a_run_that_ends_between_the_press_and_the_question_was_there():
    stops = Stops()
    with stops.running("someone"):
        assert stops.press("someone")
    assert stops.ask("someone")
    assert not stops.press("someone")
    assert not stops.ask("someone")


def test_another_sessions_run_goes_on():
    stops = Stops()
    with stops.running("one") as asked:
        assert not stops.ask("another")
        assert not asked.is_set()


def test_a_run_that_fails_is_forgotten():
    stops = Stops()
    try:
        with stops.running("one"):
            raise ValueError
    except ValueError:
        pass
    assert not stops.ask("one")
