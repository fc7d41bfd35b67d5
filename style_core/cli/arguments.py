"""What the command line understands: the parser, whose options are those of the methods."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .. import Method, get_method, list_methods
from ..fronts import (
    CODECS,
    FAMILIES,
    WRITABLE,
    OptionField,
    option_default,
    option_fields,
    parse_numbers,
    parse_value,
)

NO_CONTENT = "-"
DEPTHS = (8, 16)


def command_parser(prog: str) -> argparse.ArgumentParser:
    """A parser with a command for every method, and those that restyle nothing."""
    parser = argparse.ArgumentParser(prog=prog, description="Image style transfer.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="METHOD")
    commands.add_parser("methods", help="print the reference of all methods and options")
    _add_weights(commands.add_parser("weights", help="where full-size networks are, and getting them"))
    _add_look(commands.add_parser("look", help="put a saved look on another photo, without any network"))
    for key in list_methods():
        method = get_method(key)
        command = commands.add_parser(key, help=method.summary, description=method.summary)
        _add_pictures(command, method)
        _add_output(command)
        _add_masks(command)
        if method.photorealistic:
            command.add_argument("--save-look", metavar="FILE.look", help="keep the look, for other photos")
            command.add_argument("--lut", metavar="FILE.cube", help="write the look as a 3D lookup table")
        command.add_argument("--family", choices=FAMILIES, default="compact", help="size of the networks")
        command.add_argument("--weights-dir", metavar="DIR", help="folder of weights to use first")
        command.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
        for name, option in option_fields(method.options).items():
            _add_option(command, name, option, option_default(method.options, name))
    return parser


def _add_pictures(parser: argparse.ArgumentParser, method: Method) -> None:
    nothing = f"; {NO_CONTENT} for none: makes a texture of the style" if method.makes_textures else ""
    parser.add_argument("content", metavar="CONTENT", nargs="?", help=f"picture or clip to restyle{nothing}")
    several = " (or several to mix)" if method.mixes_styles else ""
    parser.add_argument("style", metavar="STYLE", nargs="*", help=f"the picture whose style it gets{several}")
    if method.mixes_styles:
        parser.add_argument(
            "--style-weights", metavar="W,W", type=_weights, help="share of each of several styles"
        )
    parser.add_argument(
        "--batch", nargs=2, metavar=("IN", "OUT"),
        help="restyle every picture of folder IN into folder OUT, instead of CONTENT; finished ones are "
        "left alone",
    )  # fmt: skip


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", help="file to write")
    parser.add_argument(
        "--format", metavar="SUFFIX", type=_suffix, help="with --batch: what is written (default png)"
    )
    parser.add_argument(
        "--bits", type=int, choices=DEPTHS, default=DEPTHS[0], help="per channel of a PNG or TIFF"
    )
    parser.add_argument(
        "--quality", type=int, metavar="Q", help="1 to 100, of JPEG and WebP (default 95) or AVIF (90)"
    )
    parser.add_argument(
        "--keep-metadata", action="store_true",
        help="keep the content's camera data, exposure, time, author and copyright, without the place",
    )  # fmt: skip
    parser.add_argument("--keep-gps", action="store_true", help="the same with the place")
    parser.add_argument(
        "--codec", choices=CODECS, help="of a clip (default h264, hevc beyond 8 bits, vp9 in .webm)"
    )


def _add_look(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("look", metavar="LOOK", help="a file of --save-look")
    parser.add_argument("content", metavar="PHOTO", help="the photo that gets it")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", required=True, help="file to write")
    parser.add_argument("--strength", type=float, default=1.0, metavar="S", help="0 to 1 (default 1)")
    parser.add_argument(
        "--in-place", action="store_true",
        help="the photo is the one the look was made of, or of the same view: change places as it did there",
    )  # fmt: skip


def _add_masks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--content-mask", metavar="M", help="picture with one color per region")
    parser.add_argument("--style-mask", metavar="M", help="its partner, in the same colors")
    parser.add_argument("--masks", choices=["auto"], help="find regions by clustering instead")


def _add_weights(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(action="list")
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("list", help="say for every method and family where its networks are (the default)")
    command = actions.add_parser("get", help="fetch full-size networks, saying size and licence first")
    command.add_argument(
        "name", metavar="METHOD", help="wct2, photo_wct, wct, wct_16x (a smaller copy); gatys, deep_photo"
    )


def _weights(text: str) -> list[float]:
    try:
        return parse_numbers(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be numbers like 2,1, not {text!r}") from None


def _suffix(text: str) -> str:
    suffix = f".{text.lower().removeprefix('.')}"
    if suffix not in WRITABLE:
        known = ", ".join(known.removeprefix(".") for known in WRITABLE)
        raise argparse.ArgumentTypeError(f"must be one of {known}, not {text!r}")
    return suffix


def _add_option(parser: argparse.ArgumentParser, name: str, option: OptionField, default: Any) -> None:
    def parse(text: str) -> Any:
        try:
            return parse_value(option, text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be {option.values}, not {text!r}") from None

    shown = ",".join(default) if isinstance(default, tuple) else default
    parser.add_argument(
        f"--{name.replace('_', '-')}", type=parse, default=default, metavar="VALUE",
        help=f"{option.help} ({option.values}; default {shown})".replace("%", "%%"),
    )  # fmt: skip
