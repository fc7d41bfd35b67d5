"""A short run of the fuzzer; `python -m benchmarks.fuzz_pictures` is the long one."""

import pytest

from benchmarks.fuzz_pictures import fuzz, mutations

pytest.importorskip("pillow_heif", reason="pillow-heif, which writes HEIC, is not installed")


def test_damaged_pictures_end_in_a_picture_or_a_sentence(tmp_path):
    tallies = fuzz(330, 2, str(tmp_path))
    assert {form: dict(tally.failed) for form, tally in tallies.items() if tally.failed} == {}
    assert len(tallies) == 11
    assert sum(tally.read for tally in tallies.values()) > 50  # else nothing deep was reached
    assert sum(tally.refused for tally in tallies.values()) > 50


def test_the_same_seed_gives_the_same_files():
    assert list(mutations(22, 7)) == list(mutations(22, 7))
    assert list(mutations(22, 7)) != list(mutations(22, 8))
