"""One job: a method on the pictures of a request, within the demo's limits, stoppable, in its own thread."""

from __future__ import annotations

import logging
import os
import re
import reprlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr

from style_core import (
    Cancelled,
    InvalidImage,
    InvalidOption,
    InvalidSegments,
    Method,
    Progress,
    Result,
    Segments,
    StyleCoreError,
    find_regions,
    get_method,
    stylize,
)
from style_core.fronts import (
    FAMILIES,
    give_memory_back,
    option_default,
    option_fields,
    use_threads,
)

from .limits import Limits
from .stream import Update, stream
from .texts import say, shown

R = TypeVar("R")
log = logging.getLogger(__name__)
NO_MASKS, AUTO_MASKS, TAPPED_MASKS, DRAWN_MASKS, OWN_MASKS = "none", "automatic", "tapped", "drawn", "my own"
MASK_MODES = (NO_MASKS, AUTO_MASKS, TAPPED_MASKS, DRAWN_MASKS, OWN_MASKS)
WITH_MASK_FILES = {  # and what is asked for where there is none
    TAPPED_MASKS: "tap regions of both pictures",
    DRAWN_MASKS: "draw on both masks",
    OWN_MASKS: "add both masks",
}
LANES = {
    False: "quick",
    True: "slow",
}  # queues, by whether a method is iterative: nobody waits for a painting


TITLE_LETTERS = 40  # of a picture's name in the names of downloads
UPLOAD_GONE = "A picture is no longer here; please add it again."
APOLOGY = "Something went wrong on our side; the server's log has the details. Your pictures are still here."


@dataclass(frozen=True)
class Request:
    """What a visitor asked for; files are paths."""

    method: str
    content: str | None
    styles: tuple[str, ...]
    style_weights: tuple[float, ...] | None = None
    masks: str = NO_MASKS
    content_mask: str | None = None
    style_mask: str | None = None
    family: str = FAMILIES[0]
    options: Mapping[str, Any] = field(default_factory=dict)

    def files(self) -> dict[str, str | None]:
        """Role to file of every picture."""
        own = self.masks in WITH_MASK_FILES
        found = {"content": self.content}
        found |= {_style_role(k): path for k, path in enumerate(self.styles, 1)}
        return found | ({"content_mask": self.content_mask, "style_mask": self.style_mask} if own else {})

    def values(self) -> dict[str, Any]:
        """Everything but the files, as plain JSON."""
        plain = {
            k: v
            for k, v in asdict(self).items()
            if k not in ("content", "styles", "content_mask", "style_mask")
        }
        return {
            **plain,
            "options": {k: list(v) if isinstance(v, tuple) else v for k, v in self.options.items()},
        }

    def is_plain(self, besides: Sequence[str] = ()) -> bool:
        """Whether nothing is asked for but the defaults, of the options ``besides`` anything."""
        kinds = get_method(self.method).options
        options = all(
            value == (list(standard) if isinstance(standard, tuple) and isinstance(value, list) else standard)
            for name, value in self.options.items()
            if name not in besides
            for standard in [option_default(kinds, name)]
        )
        return options and self.masks == NO_MASKS and self.family == FAMILIES[0] and not self.style_weights

    def strength(self, name: str) -> float:
        """The value of ``content_strength`` or ``style_strength``, given or not."""
        standard = option_default(get_method(self.method).options, name)
        return float(self.options.get(name, standard))

    def title(self) -> str:
        """What a visitor's download is called: content-style-method."""
        pictures = [self.content, *self.styles[:1]]
        return "-".join([*(plain_name(path) for path in pictures if path), self.method])

    def is_same_but_strengths(self, other: Request) -> bool:
        """Whether only content or style strength were moved."""
        return replace(self, options=_unmoved(self.options)) == replace(
            other, options=_unmoved(other.options)
        )


@dataclass(frozen=True)
class Done:
    """A finished job and the seconds it took."""

    result: Result
    notes: tuple[str, ...]
    seconds: float


class Refusal(gr.Error):
    """A sentence for the visitor, in their language."""

    def __init__(self, sentence: str, language: str) -> None:
        self.sentence = say(sentence, language)
        super().__init__(shown(self.sentence), print_exception=False, title=say("Please note", language))

    @property
    def is_stop(self) -> bool:
        """Whether it is only the visitor's Stop."""
        return isinstance(self.__cause__, Cancelled) and str(self.__cause__) == "Stopped."


def check(request: Request) -> None:
    """Ask for what is missing, refuse what no control would send.

    Raises:
        StyleCoreError: a sentence for the visitor.
    """
    method = get_method(request.method)
    check_choices("masks", [request.masks], MASK_MODES)
    check_choices("family", [request.family], FAMILIES)
    method.options(**request.options)
    if not request.styles or (request.content is None and not method.makes_textures):
        missing = "style" if request.content is not None or method.makes_textures else "content"
        raise InvalidImage(f"Please add a {missing} picture first.")
    if request.masks in WITH_MASK_FILES and request.content_mask is None and request.style_mask is None:
        what = WITH_MASK_FILES[request.masks]
        raise InvalidSegments(
            f"Please {what} (with several styles, the content's), or choose another way to find regions."
        )


def check_choices(name: str, given: Sequence[Any], known: Sequence[str]) -> None:
    """Refuse what is no choice of a control; a program may send anything.

    Raises:
        InvalidOption: the first that is not known.
    """
    for value in given:
        if value not in known:
            raise InvalidOption(f"{name} must be one of {', '.join(known)}, not {reprlib.repr(value)}.")


def on_threads(work: Callable[[Progress], R], threads: int) -> Callable[[Progress], R]:
    """``work`` that takes so many processor threads; 0 leaves the machine's."""

    def limited(progress: Progress) -> R:
        if threads:
            use_threads(threads)
        return work(progress)

    return limited


def perform(request: Request, limits: Limits, enough: Any, threads: int = 0) -> Iterator[Update | Done]:
    """Progress reports, then the finished job.

    Args:
        enough: an event; once set, the work ends with what it has.
        threads: processor threads of the job; 0 leaves the machine's.

    Raises:
        StyleCoreError: a sentence for the visitor.
    """
    options, noted = _fitted(request, limits)
    pictures = _pictures(request)

    def work(progress: Progress) -> Result:
        return stylize(request.method, **pictures, progress=limits.watched(progress), **options)

    began = time.monotonic()
    try:
        for update in stream(on_threads(work, threads), enough, seconds=limits.last_seconds()):
            if isinstance(update, Update):
                yield update
            else:
                seconds = time.monotonic() - began
                if seconds > limits.max_seconds:
                    noted.append(f"The {limits.max_seconds:g} seconds that a job may take here were over.")
                yield Done(update, (*noted, *update.notes), seconds)
    finally:
        give_memory_back()  # every job has a thread of its own, whose freed memory glibc would keep


def regions(request: Request, limits: Limits, threads: int = 0) -> Segments:
    """The regions that :func:`perform` would use: the same pictures at the same size, read the same way.

    Raises:
        StyleCoreError: a sentence for the visitor.
    """
    options, _ = _fitted(request, limits)
    pictures = _pictures(request)

    def work(progress: Progress) -> Segments:
        size = options.get("size")
        return find_regions(request.method, **pictures, size=size, progress=limits.watched(progress))

    try:
        found = stream(on_threads(work, threads), seconds=limits.last_seconds())
        return next(each for each in found if isinstance(each, Segments))
    finally:
        give_memory_back()  # every job has a thread of its own, whose freed memory glibc would keep


def _fitted(request: Request, limits: Limits) -> tuple[dict[str, Any], list[str]]:
    """The request's options within the limits, and what was changed."""
    method = get_method(request.method)
    takes_steps = "steps" in option_fields(method.options)
    return limits.fit(request.content, request.options, takes_steps=takes_steps)


def _pictures(request: Request) -> dict[str, Any]:
    """The request's pictures, masks and networks as style_core takes them."""
    masks = {NO_MASKS: (None, None), AUTO_MASKS: ("auto", "auto")}
    content_mask, style_mask = masks.get(request.masks, (request.content_mask, request.style_mask))
    return {
        "content": request.content, "style": list(request.styles),
        "style_weights": None if request.style_weights is None else list(request.style_weights),
        "content_mask": content_mask, "style_mask": style_mask, "family": request.family,
    }  # fmt: skip


def plain_name(path: str) -> str:
    """A picture's name without what file systems and addresses take otherwise."""
    return re.sub(r"\W+", "_", Path(path).stem)[:TITLE_LETTERS].strip("_") or "picture"


def threads_of(jobs: int) -> int:
    """Processor threads of each of several jobs at once; 0, the machine's own choice, for one."""
    return 0 if jobs < 2 else max(1, (os.cpu_count() or 1) // jobs)


@contextmanager
def as_sentences(what: str, language: str) -> Iterator[None]:
    """Refusals as toasts; anything else as an apology, with the details in the log."""
    try:
        yield
    except Refusal:
        raise
    except StyleCoreError as error:
        raise Refusal(str(error), language) from error
    except FileNotFoundError as error:  # uploads are removed after an hour
        raise Refusal(UPLOAD_GONE, language) from error
    except gr.Error as error:  # a library's, like ZeroGPU's word on quotas
        raise Refusal(error.message, language) from error
    except Exception as error:
        log.exception("%s failed", what)
        raise Refusal(APOLOGY, language) from error


def is_iterative(method: Method) -> bool:
    """Whether a method optimizes for many seconds rather than computing in one pass."""
    return "steps" in option_fields(method.options)


def seen_side(request: Request) -> int | None:
    """Px of the longer side of the copy that the network sees of a larger photo; ``None`` if it sees all."""
    method = get_method(request.method)
    if not (method.photorealistic and "working_size" in option_fields(method.options)):
        return None
    side: int | None = request.options.get("working_size", option_default(method.options, "working_size"))
    return side


def plain_summary(result: Result, seconds: float, language: str) -> str:
    """Size and time in a sentence."""
    width, height = result.picture.size
    return say(f"{width} x {height} px in {seconds:.1f} s", language)


def summary(result: Result, seconds: float, language: str) -> str:
    """Size, time, device and family in a sentence."""
    width, height = result.picture.size
    device, family = result.settings["device"], result.settings["family"]
    sentence = f"{width} x {height} px in {seconds:.1f} s on {device}, {family} family"
    return say(sentence, language)


def as_list(notes: Sequence[str], language: str) -> str:
    """Notes as Markdown points."""
    return "\n".join(f"- {shown(say(note, language))}" for note in notes)


def _style_role(number: int) -> str:
    return "style" if number == 1 else f"style_{number}"


def _unmoved(options: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in options.items() if k not in ("content_strength", "style_strength")}
