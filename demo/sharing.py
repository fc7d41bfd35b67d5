"""Share buttons: a finished run becomes a shared comparison, and a shared comparison fills the page again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np
from PIL import Image, ImageDraw, ImageOps

from style_core import StyleCoreError, get_method, list_methods, load_image
from style_core.fronts import load_values, option_fields, to_pil

from .addresses import base_url
from .card_font import SIZE, can_write, font_of
from .clips import clip_file, clip_methods, first_frame, has_sound
from .lanes import CLIP
from .runs import FinishedTile, TabRun
from .shared_pictures import SharedClip, SharedFile
from .shares import ShareError
from .texts import ENGLISH, language_of, say, shown
from .work import OWN_MASKS, WITH_MASK_FILES

if TYPE_CHECKING:
    from .service import Service

CARD = (1200, 630)  # px, what chat programs show of a link
CARD_GAP = 6
MOST_IN_A_ROW = 3
RECORD_VERSION = 1
SHARED_AFTER, SHARED_BEFORE = "result", "clip"  # names of a shared clip's files
RESULT_GONE = "This result is no longer here; run it again, then share it."


def share_row(button: gr.Button, run_id: gr.Textbox, elem_id: str, service: Service) -> gr.HTML:
    """Where the link appears, and the event of the button."""
    link = gr.HTML(elem_id=elem_id)

    def share_here(run: str, request: gr.Request) -> str:
        language = language_of(request)
        try:
            made = share_run(service, run, visitor(request), language)
        except ShareError as error:
            raise gr.Error(shown(say(str(error), language)), print_exception=False) from error
        return _link_html(made, base_url(request), language)

    button.click(
        share_here, run_id, link, api_visibility="private", concurrency_limit=2, concurrency_id="share"
    )
    return link


@dataclass(frozen=True)
class ResultButtons:
    """What can be done with a result, for as long as it is there: sharing, downloading, the link to it."""

    run_id: gr.Textbox
    buttons: tuple[gr.Button | gr.DownloadButton, ...]
    link: gr.HTML

    def follow(self, begins: list[Any], ends: list[Any]) -> None:
        """Let them be inactive while a result is made, and without one.

        Args:
            begins: triggers that may change the result.
            ends: events after which there is another, or none.
        """
        inactive = "{ __type__: 'update', interactive: false }, " * len(self.buttons)
        quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
        gr.on(begins, None, None, [*self.buttons, self.link], js=f"() => [{inactive}'']", **quiet)
        for event in ends:
            event.then(self._state, self.run_id, list(self.buttons), **quiet)

    def _state(self, run: str | None) -> Any:
        changed = [gr.update(interactive=bool(run)) for _ in self.buttons]
        return changed if len(changed) > 1 else changed[0]


def share_endpoint(service: Service) -> Callable[..., Any]:
    """The API's way to share: the id of a run in, its links out."""

    def share(run: str, request: gr.Request) -> dict:
        """Share a finished run as a page that everybody with the link can open.

        Args:
            run: the id that a method's or compare's endpoint returned as its last value.

        Returns:
            link: the page; delete: the page on which its owner can delete it; expires: when it ends.
        """
        try:
            made = share_run(service, run, visitor(request))
        except ShareError as error:
            raise gr.Error(shown(str(error)), print_exception=False) from error
        base = base_url(request)
        return {
            "link": f"{base}/c/{made.id}",
            "delete": _delete_url(base, made),
            "expires": str(made.expires or ""),
        }

    return share


def share_run(service: Service, run_id: str | None, who: str, language: str = ENGLISH) -> Any:
    """Store a run of a visitor; the saved share with its id and its owner's key.

    Args:
        language: of the labels on the card.

    Raises:
        ShareError: it is gone, or cannot be stored.
    """
    run = service.runs.get(run_id)
    if run is None or not run.tiles:
        raise ShareError(RESULT_GONE)
    if not service.may_share(who):
        most = service.limits.shares_per_hour
        raise ShareError(f"You have shared {most} comparisons within an hour, which is the most here.")
    try:
        record, pictures = (shared_clip if run.kind == CLIP else shared_record)(run, language)
    except OSError as error:
        raise ShareError(RESULT_GONE) from error
    return service.store.save(record, pictures)


def shared_record(run: TabRun, language: str = ENGLISH) -> tuple[dict[str, Any], dict[str, SharedFile]]:
    """The record and the pictures of a run; the labels on its card are in a language.

    Raises:
        OSError: a file of it is gone or cannot be read.
    """
    pictures = {role: _shared_input(role, path) for role, path in run.inputs.items()}
    pictures |= {tile.name: _shared_result(run, tile) for tile in run.tiles}
    before, results = pictures.get("content"), [pictures[tile.name].image for tile in run.tiles]
    tiles = [_described(tile) for tile in run.tiles]
    labels = [tile["label"] for tile in tiles] if len(tiles) > 1 else []
    pictures["card"] = SharedFile(card(before.image if before else None, results, labels, language))
    record = {
        "version": RECORD_VERSION, "kind": run.kind,
        "title": ", ".join(dict.fromkeys(tile["label"] for tile in tiles)),
        "inputs": _described_inputs(run), "tiles": tiles,
        "controls": {"tab": run.tab, "values": run.request.values()},
    }  # fmt: skip
    return record, pictures


def shared_clip(
    run: TabRun, language: str = ENGLISH
) -> tuple[dict[str, Any], dict[str, SharedFile | SharedClip]]:
    """The record and the files of a clip's run: the clip before and after, the style.

    Raises:
        OSError: a file of it is gone or cannot be read.
    """
    (tile,), frames, pictures = run.tiles, {}, {"style": _shared_input("style", run.inputs["style"])}
    files: dict[str, SharedFile | SharedClip] = {}
    for name, place in ((SHARED_BEFORE, "before"), (SHARED_AFTER, "result")):
        path = clip_file(run, place)
        if path is None and place == "result":
            raise FileNotFoundError(place)
        if path is not None:
            frames[name] = first_frame(path)
            files[name] = SharedClip(path, frames[name].size)
    pictures["card"] = SharedFile(card(frames.get(SHARED_BEFORE), [frames[SHARED_AFTER]], (), language))
    record = {
        "version": RECORD_VERSION, "kind": CLIP, "title": _title(tile.label),
        "inputs": [{"picture": "style", "role": "style"}],
        "clip": {
            **_described(tile), "picture": SHARED_AFTER, "has_sound": has_sound(run),
            "before": SHARED_BEFORE if SHARED_BEFORE in files else "",
        },
        "controls": {"tab": run.tab, "values": run.request.values()},
    }  # fmt: skip
    return record, {**pictures, **files}


def _shared_input(role: str, path: Path) -> SharedFile:
    is_mask = role.endswith("_mask")
    return SharedFile(opened_picture(path, as_values=is_mask), exact=is_mask)


def _shared_result(run: TabRun, tile: FinishedTile) -> SharedFile:
    path = run.file(tile.name)
    if path is None:
        raise FileNotFoundError(tile.name)
    return SharedFile(opened_picture(path), exact=True, settings=tile.settings)


def _described_inputs(run: TabRun) -> list[dict[str, Any]]:
    """Each input picture's part, and of several styles the weight."""
    weights = iter(run.tiles[0].settings.get("styles") or [])
    is_mixed = len(run.tiles[0].settings.get("styles") or []) > 1
    inputs = []
    for role in run.inputs:
        entry: dict[str, Any] = {"picture": role, "role": "style" if _is_further_style(role) else role}
        weight = next(weights, None) if entry["role"] == "style" else None
        inputs.append(entry | ({"weight": weight} if is_mixed and weight is not None else {}))
    return inputs


def _described(tile: FinishedTile) -> dict[str, Any]:
    return {
        "picture": tile.name, "label": _title(tile.label), "settings": dict(tile.settings),
        "notes": list(tile.notes), "seconds": round(tile.seconds, 2), "measures": dict(tile.measures),
    }  # fmt: skip


def _is_further_style(role: str) -> bool:
    """Whether a picture is the second, third, … style."""
    return role.startswith("style_") and role != "style_mask"


def card(
    content: Image.Image | None, results: Sequence[Image.Image], labels: Sequence[str] = (),
    language: str = ENGLISH,
) -> Image.Image:  # fmt: skip
    """The picture of a link: the content and all results in a row or two, with their labels if given.

    Labels are in the language if a font of this machine has its letters, and otherwise in English.
    """
    named = [(content, "Content")] if content is not None else []
    given = labels or [""] * len(results)
    named += list(zip(results, given, strict=True))
    rows = 1 if len(named) <= MOST_IN_A_ROW else 2
    columns = math.ceil(len(named) / rows)
    width, height = (
        (whole - CARD_GAP * (parts - 1)) // parts
        for whole, parts in zip(CARD, (columns, rows), strict=True)
    )  # fmt: skip
    sheet = Image.new("RGB", CARD, (18, 18, 20))
    for k, (picture, label) in enumerate(named):
        part = ImageOps.fit(picture.convert("RGB"), (width, height))
        if labels:
            said = say(label, language)
            _write(part, said if can_write(said) else label)
        row, column = divmod(k, columns)
        sheet.paste(part, (column * (width + CARD_GAP), row * (height + CARD_GAP)))
    return sheet


def _write(picture: Image.Image, label: str) -> None:
    """A label over the lower edge of a picture."""
    font = font_of(label)
    draw = ImageDraw.Draw(picture, "RGBA")
    strip = SIZE + 16
    draw.rectangle((0, picture.height - strip, picture.width, picture.height), fill=(10, 12, 18, 160))
    draw.text((10, picture.height - strip / 2), label, font=font, fill="white", anchor="lm")


def refill(record: Mapping[str, Any], files: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """The tab a share came from and what its controls showed; pictures as the given files.

    Unknown or wrongly typed parts of a record are left out: it may come from another version.
    """
    controls = record.get("controls")
    controls = controls if isinstance(controls, Mapping) else {}
    tab, values = str(controls.get("tab", "")), controls.get("values")
    values = values if isinstance(values, Mapping) else {}
    options = values.get("options")
    shown: dict[str, Any] = {
        k: v for k, v in values.items() if k not in ("options", "style_weights", "method")
    }
    if isinstance(options, Mapping):
        shown |= options
    if tab == CLIP:
        shown["clip"] = files.get(SHARED_BEFORE)
        if values.get("method") in clip_methods():
            shown["method"] = values["method"]
    weights = values.get("style_weights")
    if isinstance(weights, list):
        shown["style_weights"] = ", ".join(f"{each:g}" for each in weights if isinstance(each, (int, float)))
    styles = [path for role, path in files.items() if _is_further_style(role)]
    shown |= {
        name: files[name] for name in ("content", "style", "content_mask", "style_mask") if name in files
    }
    if styles:
        shown["more_styles"] = styles
    if shown.get("masks") in WITH_MASK_FILES:  # strokes and taps are mask pictures now
        shown["masks"] = OWN_MASKS
    return tab, shown


def permitted(method: str, name: str, value: Any) -> bool:
    """Whether a control may show a value that came from a record."""
    fields = option_fields(get_method(method).options)
    if name not in fields:
        return True
    option = fields[name]
    if option.kind in ("several", "weighted") and isinstance(value, list):
        value = tuple(value)
    return not option.problem(value)


def visitor(request: gr.Request) -> str:
    """Who asks, for counting: the address, behind a proxy the one it names."""
    forwarded = request.headers.get("x-forwarded-for", "").split(",")[0].strip()
    return forwarded or (request.client.host if request.client else "")


def _link_html(made: Any, base: str, language: str) -> str:
    link, delete = f"{base}/c/{made.id}", _delete_url(base, made)
    explained = say("Everybody with this link can see the pictures and settings.", language)
    secret = say("keep this second link to yourself", language)
    return (
        f'<div class="share-link"><a href="{link}" target="_blank" rel="noopener">{link}</a> '
        f'<button type="button" data-copy="{link}">{say("Copy", language)}</button><br>'
        f'<small>{explained} <a href="{delete}" target="_blank" rel="noopener">'
        f"{say('Delete it', language)}</a> ({secret})</small></div>"
    )


def _delete_url(base: str, made: Any) -> str:
    return f"{base}/c/{made.id}/delete?key={made.key}"


def _title(label: str) -> str:
    """A method's key as its title; other labels as they are."""
    return get_method(label).title if label in list_methods() else label


def opened_picture(path: Path, *, as_values: bool = False) -> Image.Image:
    """A run's picture upright and in sRGB; a mask's values as they are stored.

    Raises:
        OSError: it is gone or cannot be read.
    """
    try:
        if not as_values:
            picture = load_image(path, name="picture")
            return to_pil(picture.samples, picture.coverage)
        stored = load_values(path)
    except StyleCoreError as error:
        raise OSError(str(error)) from error
    array = stored.array[..., 0] if stored.array.shape[2] == 1 else stored.array
    if array.dtype == np.uint16:  # numbers of labels, or 8-bit values spread over 16 bits
        array = (array if array.max() < 256 else array // 257).astype(np.uint8)
    image = Image.fromarray(array)
    if stored.alpha is not None:
        image = image.convert("RGB")
        image.putalpha(Image.fromarray(stored.alpha))
    return image
