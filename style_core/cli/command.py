"""The command line: ``style-core METHOD CONTENT STYLE -o OUT [--OPTION VALUE …]``.

``python -m style_core`` is the same. With ``--batch IN OUT`` in place of CONTENT every picture of a folder is
restyled. ``style-core weights`` says where full-size networks are, ``style-core weights get wct2`` gets them.

Exit status 0: done; 1: refused, with a sentence on stderr; 2: wrong usage; 130: interrupted; 141: nobody
reads any more what is printed (``| head``). The first Ctrl-C lets a method that gets better step by step
write its best picture so far.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from .. import (
    Cancelled,
    EnoughDone,
    InvalidImage,
    Progress,
    StyleCoreError,
    stylize,
    stylize_folder,
)
from ..fronts import WRITABLE, check_output, is_clip
from . import clips, looks, networks
from .arguments import NO_CONTENT, command_parser
from .reference import reference

INPUTS = ("content", "content_mask", "style_mask")
NOT_METHODS = ("look", "methods", "weights")  # commands that restyle nothing
LONGEST_STEM = 100  # bytes of each input's name in the name of a result
DONE, REFUSED, INTERRUPTED, BROKEN_PIPE = 0, 1, 130, 141  # the last two as shells say SIGINT and SIGPIPE


def main(arguments: Sequence[str] | None = None, *, prog: str = "style-core") -> int:
    """Run the command line; returns the exit status (usage errors exit with 2 by themselves).

    Args:
        arguments: without the program's name; those of this process if not given.
        prog: how it was called, for the usage.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # file names need not be text in the terminal's encoding
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            return _run(arguments, prog)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _print_nowhere()
        return BROKEN_PIPE


def _print_nowhere() -> None:
    """What is left to print, which the interpreter does at its end, goes to nobody without a traceback."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())


def _run(arguments: Sequence[str] | None, prog: str) -> int:
    parser = command_parser(prog)
    args, rest = parser.parse_known_args(arguments)
    values = vars(args)
    if rest and (values["command"] in NOT_METHODS or any(text.startswith("-") for text in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:  # pictures after an option: argparse leaves them over
        values["style"] = [*values["style"], *rest]
    if values.get("masks") and (values["content_mask"] or values["style_mask"]):
        parser.error("--masks cannot be combined with --content-mask or --style-mask")
    command = values.pop("command")
    if command not in NOT_METHODS:
        _check_usage(parser, values)
    try:
        if command in NOT_METHODS:
            return _inform(command, values)
        return _batch(command, values) if values["batch"] else _stylize(command, values)
    except Cancelled:
        print("Stopped.", file=sys.stderr)
        return INTERRUPTED
    except StyleCoreError as error:
        print(f"Refused: {error}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return INTERRUPTED


def _inform(command: str, values: dict[str, Any]) -> int:
    if command == "methods":
        print(reference())
    elif command == "look":
        looks.put_on(values)
    elif values["action"] == "get":
        networks.get(values["name"])
    else:
        networks.print_places()
    return DONE


def _check_usage(parser: argparse.ArgumentParser, values: dict[str, Any]) -> None:
    """Sort out the positional arguments: with ``--batch`` all of them are styles."""
    if values["batch"]:
        values["style"] = [s for s in (values.pop("content"), *values["style"]) if s is not None]
        if values["output"] or values["content_mask"] or values["style_mask"]:
            parser.error("--batch cannot be combined with --output, --content-mask or --style-mask")
    elif values["format"]:
        parser.error("--format goes with --batch; a single result's name says its format")
    missing = [] if values["style"] else ["STYLE"]
    if not values["batch"] and values["content"] is None:
        missing.insert(0, "CONTENT")
    if missing:
        parser.error(f"the following arguments are required: {', '.join(missing)}")


def _batch(method: str, values: dict[str, Any]) -> int:
    """Every picture of a folder; status 1 if one was refused, the others done all the same."""
    folder, output = (Path(place) for place in values.pop("batch"))
    for name in ("output", "content_mask", "style_mask"):
        values.pop(name)
    masks = values.pop("masks")
    if masks:
        values["content_mask"] = values["style_mask"] = masks
    values["suffix"] = values.pop("format") or WRITABLE[0]
    if values.pop("codec"):
        raise InvalidImage("--codec goes with a clip; --batch restyles pictures.")
    if values.pop("save_look", None) or values.pop("lut", None):
        raise InvalidImage("A look is kept of one photo; --save-look and --lut do not go with --batch.")
    values.pop("lut", None)
    refused = 0
    values["tell"] = _note
    for outcome in stylize_folder(method, folder, output, values.pop("style"), **values):
        if outcome.is_skipped:
            print(f"{outcome.target}  is there already")
        elif outcome.result is None:
            refused += 1
            print(f"Refused: {outcome.source}: {outcome.refusal}", file=sys.stderr)
        else:
            for note in outcome.notes:
                _note(f"{outcome.source}: {note}")
            print(f"{outcome.target}  {outcome.result.seconds['total']:.1f} s", flush=True)
    return REFUSED if refused else DONE


def _note(sentence: str) -> None:
    print(f"Note: {sentence}", file=sys.stderr)


def _stylize(method: str, values: dict[str, Any]) -> int:
    for name in ("batch", "format"):
        values.pop(name)
    if is_clip(values["content"]) and not _is_still_wanted(values["content"], values["output"]):
        return _stylize_clip(method, values)
    if values.pop("codec"):
        raise InvalidImage("--codec goes with clips, not with pictures.")
    form = {name: values.pop(name) for name in ("bits", "quality")}
    keep_gps = values.pop("keep_gps")
    is_kept = values.pop("keep_metadata") or keep_gps
    if values["content"] == NO_CONTENT:
        values["content"] = None
    output = values.pop("output") or _default_output(method, values["content"], values["style"])
    check_output(output, **form)  # before the work
    inputs = [Path(source) for source in (*(values[k] for k in INPUTS), *values["style"]) if source]
    if output.exists() and any(os.path.exists(path) and output.samefile(path) for path in inputs):
        raise InvalidImage(f"The output {str(output)!r} is one of the input pictures; choose another name.")
    masks = values.pop("masks")
    if masks:
        values["content_mask"] = values["style_mask"] = masks
    kept = {name: values.pop(name, None) for name in ("save_look", "lut")}
    looks.check_names(**kept)
    with _progress_bar() as progress:

        def on_size(width: int, height: int) -> None:
            check_output(output, size=(width, height), **form)

        result = stylize(method, progress=progress, on_size=on_size, bits=form["bits"], **values)
    photo = values["content"] if is_kept else None
    if is_kept and photo is None:
        _note("A texture has no content whose metadata could be kept.")
    notes = result.save(output, metadata_from=photo, keep_gps=keep_gps, **form)
    for note in (*result.notes, *notes):
        _note(note)
    looks.keep(result, values["content"], **kept)
    width, height = result.picture.size
    print(f"{output}  {width} x {height}  {result.seconds['total']:.1f} s")
    return DONE


def _is_still_wanted(content: str, output: Path | None) -> bool:
    """Whether an animation, of which many files are one picture, is to become one."""
    suffix = Path(content).suffix.lower()
    if suffix not in clips.ANIMATIONS or output is None or output.suffix.lower() not in WRITABLE:
        return False
    return output.suffix.lower() not in clips.ANIMATIONS.values()  # an animated WebP goes on moving


def _stylize_clip(method: str, values: dict[str, Any]) -> int:
    content = values["content"]
    suffix = clips.ANIMATIONS.get(Path(content).suffix.lower(), ".mp4")
    output = values.pop("output") or _default_output(method, content, values["style"]).with_suffix(suffix)
    with _progress_bar() as progress:
        clips.restyle(method, values, output, progress)
    return DONE


@contextmanager
def _progress_bar() -> Iterator[Progress]:
    """A report that draws a bar; after the first Ctrl-C it ends the work with what there is."""
    form = "{desc} {percentage:3.0f}% |{bar}| {elapsed}"
    with (
        _gentle_interrupt() as interrupted,
        tqdm(total=100, bar_format=form, leave=False, disable=None) as bar,
    ):

        def progress(fraction: float, message: str, preview: object = None) -> None:
            if interrupted.is_set():
                raise EnoughDone("Stopped.")
            bar.set_description_str(message, refresh=False)
            bar.update(100 * fraction - bar.n)

        yield progress


@contextmanager
def _gentle_interrupt() -> Iterator[threading.Event]:
    """The event that the first Ctrl-C sets, to end with what there is; the second interrupts as usual."""
    asked = threading.Event()
    is_main = threading.current_thread() is threading.main_thread()  # elsewhere signals cannot be handled
    if not is_main or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a job in the background
        yield asked
        return

    def handle(number: int, frame: object) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


def _default_output(method: str, content: str | None, styles: Sequence[str]) -> Path:
    first = "texture" if content is None else _short_stem(content)
    more = f"_and_{len(styles) - 1}_more" if len(styles) > 1 else ""
    return Path(f"{first}_{_short_stem(styles[0])}{more}_{method}.png")


def _short_stem(path: str) -> str:
    """A file's name without its suffix, so short that two of them are a name that file systems take."""
    stem = Path(path).stem
    while len(os.fsencode(stem)) > LONGEST_STEM:
        stem = stem[:-1]
    return stem
