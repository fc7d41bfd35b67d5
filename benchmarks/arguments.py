"""What the command lines of the benchmarks have in common."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from style_core import get_method
from style_core.options import option_fields, parse_value


def described(text: str | None) -> argparse.ArgumentParser:
    """A parser whose help is the benchmark's own docstring, as it stands."""
    return argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)


def parse_with_options(
    parser: argparse.ArgumentParser, *, method: str
) -> tuple[argparse.Namespace, dict[str, Any]]:
    """The arguments with ``--method`` (by default ``method``), and the values of the method's own options."""
    parser.add_argument("--method", default=method)
    args, rest = parser.parse_known_args()
    return args, _options(parser, args.method, rest)


def _options(parser: argparse.ArgumentParser, method: str, texts: Sequence[str]) -> dict[str, Any]:
    fields = option_fields(get_method(method).options)
    names = [text.removeprefix("--").replace("-", "_") for text in texts[::2]]
    unknown = [text for text, name in zip(texts[::2], names, strict=True) if name not in fields]
    if unknown or len(texts) % 2:
        parser.error(f"{method} takes --OPTION VALUE of {', '.join(fields)}, not {' '.join(texts)}")
    return {name: parse_value(fields[name], text) for name, text in zip(names, texts[1::2], strict=True)}
