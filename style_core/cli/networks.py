"""``style-core weights``: where the networks of every method and family are, and getting those of one."""

from __future__ import annotations

import sys

from tqdm import tqdm

from .. import StyleCoreError, get_weights, list_methods
from ..fronts import FAMILIES, describe_weights


def print_places() -> None:
    """A line for every method and family."""
    for family in FAMILIES:
        for method in list_methods():
            try:
                place = describe_weights(method, family)
            except StyleCoreError as error:  # a repository that cannot be asked
                place = str(error)
            print(f"{family:10} {method:10}  {place}")


def get(name: str) -> None:
    """Fetch one set.

    Sentences stay; how far a file has come is replaced by what follows, and shown in a terminal only.

    Raises:
        StyleCoreError: there is no such set, or it cannot be fetched.
    """
    with tqdm(bar_format="{desc}", leave=False, disable=None) as line:

        def report(message: str) -> None:
            if message.endswith("."):
                line.write(message, file=sys.stderr)
            else:
                line.set_description_str(message)

        print(get_weights(name, report=report))
