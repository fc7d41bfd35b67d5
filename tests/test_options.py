"""Options: declared once, validated with a sentence made from the field, plain JSON outside."""

import dataclasses
import json
import math
from dataclasses import dataclass

import numpy as np
import pytest

from style_core import InvalidOption, get_method, list_methods
from style_core.fronts import option_default, option_fields, parse_value
from style_core.options import Options, choice, make_options, several, slider, switch, whole

EVERY_OPTION = [(key, name) for key in list_methods() for name in option_fields(get_method(key).options)]


@dataclass(frozen=True, kw_only=True)
class Sample(Options):
    """One option of each kind."""

    weight: float = slider(0.5, -2, 3.5, help="A number.", unit="kg")
    rounds: int = slider(4, 1, 9, step=1, help="A whole number.")
    mode: str = choice("fast", ("fast", "exact"), help="One of two.")
    places: tuple[str, ...] = several(("here",), ("here", "there", "nowhere"), help="Some of three.")
    sharp: bool = switch(True, help="On or off.")
    limit: int | None = whole(None, 5, help="A limit.", unit="px")


def refusal(**values):
    """The text of the refusal, after checking that it is one sentence."""
    with pytest.raises(InvalidOption) as caught:
        make_options(Sample, values)
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("name", "value", "permitted"),
    [
        ("weight", 3.6, "a number from -2 to 3.5 kg"),
        ("weight", -2.01, "a number from -2 to 3.5 kg"),
        ("rounds", 10, "a whole number from 1 to 9"),
        ("rounds", 0, "a whole number from 1 to 9"),
        ("mode", "slow", "one of fast, exact"),
        ("places", ("elsewhere",), "one or more of here, there, nowhere"),
        ("sharp", "yes", "on or off"),
        ("limit", 4, "a whole number from 5 px up, or none"),
        ("content_strength", 1.5, "a number from 0 to 1"),
        ("style_strength", -0.5, "a number from 0 to 1"),
        ("size", 15, "a whole number from 16 px up, or none"),
        ("seed", -1, "a whole number from 0 to 2147483647"),
    ],
)
def test_a_refusal_names_the_option_the_permitted_values_and_the_value(name, value, permitted):
    assert refusal(**{name: value}) == f"{name} must be {permitted}, not {value!r}."


@pytest.mark.parametrize("name", ["rounds", "limit", "size", "seed"])
@pytest.mark.parametrize("value", [2.5, 17.000001, "20"])
def test_a_whole_number_refuses_what_is_none(name, value):
    assert f"{name} must be a whole number" in refusal(**{name: value})


@pytest.mark.parametrize("name", ["weight", "rounds", "limit", "seed"])
def test_a_number_too_large_for_a_float_is_refused_as_any_other(name):
    value = -(10**400)
    assert f"{name} must be" in refusal(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", int(-1e99)),
        ("seed", 10**400),
        ("seed", 10**5000),
        ("mode", "x" * 500),
        ("places", ("x" * 500,) * 50),
        ("content_strength", np.zeros((40, 40))),
    ],
    ids=["99 digits", "400 digits", "5000 digits", "text", "texts", "array"],
)
def test_a_long_value_is_shortened(name, value):
    sentence = refusal(**{name: value})
    assert sentence.startswith(f"{name} must be ")
    assert len(sentence.partition(", not ")[2]) < 600
    assert "\n" not in sentence


@pytest.mark.parametrize("name", ["weight", "rounds", "limit", "size", "content_strength"])
@pytest.mark.parametrize("value", [True, False, math.nan, math.inf, -math.inf, "0.5", [1], 1j])
def test_what_is_no_finite_number_is_refused(name, value):
    assert f"not {value!r}" in refusal(**{name: value})


@pytest.mark.parametrize("name", ["weight", "rounds", "mode", "places", "sharp", "content_strength", "seed"])
def test_none_is_refused_where_an_option_must_be_set(name):
    assert f"{name} must be" in refusal(**{name: None})


@pytest.mark.parametrize("value", [(), ("here", "here"), "here", ("here", 3), {"here"}, (["here"],)])
def test_several_refuses_empty_doubled_and_foreign_values(value):
    assert "places must be one or more of" in refusal(places=value)


@pytest.mark.parametrize("value", [0, 1, None, "on"])
def test_a_switch_takes_only_true_and_false(value):
    assert "sharp must be on or off" in refusal(sharp=value)


@pytest.mark.parametrize("value", [None, 3, ["fast"]])
def test_a_choice_takes_only_its_names(value):
    assert "mode must be one of fast, exact" in refusal(mode=value)


def test_a_whole_float_becomes_an_int():
    options = Sample(rounds=3.0, size=64.0)
    assert (type(options.rounds), options.rounds) == (int, 3)
    assert (type(options.size), options.size) == (int, 64)


def test_the_ends_of_a_range_are_permitted():
    assert Sample(weight=-2).weight == -2
    assert Sample(weight=3.5).weight == 3.5
    assert Sample(limit=5).limit == 5


def test_a_list_of_several_becomes_a_tuple():
    assert Sample(places=["there", "here"]).places == ("there", "here")


def test_numpy_floats_are_numbers():
    assert Sample(weight=np.float64(0.25)).weight == 0.25


def test_an_unknown_option_is_refused_with_those_there_are():
    text = refusal(wieght=1)
    assert "'wieght'" in text
    assert all(name in text for name in option_fields(Sample))


def test_options_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Sample().weight = 1


def test_to_dict_survives_json():
    values = Sample(places=("here", "there"), size=64).to_dict()
    assert json.loads(json.dumps(values)) == values


def test_options_come_back_from_their_own_json():
    options = Sample(weight=1.25, places=("there", "nowhere"), sharp=False, limit=7, seed=3)
    assert make_options(Sample, json.loads(json.dumps(options.to_dict()))) == options


def test_base_options_come_first():
    assert list(option_fields(Sample))[:4] == ["size", "content_strength", "style_strength", "seed"]


def test_an_option_without_help_cannot_be_declared():
    with pytest.raises(TypeError, match="help"):
        slider(0.5, 0, 1, help="")


def test_a_field_that_is_no_option_cannot_be_declared():
    plain = dataclasses.make_dataclass("Plain", [("loose", int, 3)], bases=(Options,), frozen=True)
    with pytest.raises(TypeError, match=r"Plain\.loose"):
        option_fields(plain)


@pytest.mark.parametrize(("key", "name"), EVERY_OPTION)
def test_every_option_of_every_method_has_a_help_sentence(key, name):
    text = option_fields(get_method(key).options)[name].help
    assert text.endswith(".")
    assert len(text.split()) >= 3


@pytest.mark.parametrize(("key", "name"), EVERY_OPTION)
def test_every_default_is_permitted(key, name):
    options = get_method(key).options
    assert not option_fields(options)[name].problem(option_default(options, name))


@pytest.mark.parametrize(("key", "name"), EVERY_OPTION)
def test_every_default_can_be_typed_on_the_command_line(key, name):
    options = get_method(key).options
    default = option_default(options, name)
    text = ",".join(default) if isinstance(default, tuple) else str(default)
    assert parse_value(option_fields(options)[name], text) == default


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("weight", "-1.5", -1.5),
        ("rounds", "3", 3),
        ("mode", "exact", "exact"),
        ("places", "here, there", ("here", "there")),
        ("sharp", "on", True),
        ("sharp", "No", False),
        ("limit", "none", None),
        ("limit", "12", 12),
    ],
)
def test_command_line_texts_mean_their_values(name, text, value):
    assert parse_value(option_fields(Sample)[name], text) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [("weight", "much"), ("rounds", "2.5"), ("sharp", "2"), ("rounds", "none"), ("limit", "")],
)
def test_a_text_of_another_kind_is_no_value(name, text):
    with pytest.raises(ValueError):  # noqa: PT011  # the caller words the sentence
        parse_value(option_fields(Sample)[name], text)
