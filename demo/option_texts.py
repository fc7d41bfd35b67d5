"""What each option does for the picture, in a line for everybody; ``style_core`` has the long text.

The long one, with the papers' words, stands behind it for those who opened the advanced options, and in the
reference of the documentation. Gradio shows plain text beside a control, so a style sheet adds it.
"""

from __future__ import annotations

from style_core import get_method, list_methods
from style_core.fronts import OptionField, option_fields

from .texts import CHINESE, say

EXPERT = ".method-row:has(.advanced .label-wrap.open)"
SHORT = {  # by option, or by method and option where one means something else
    "size": "Longer side of the result in pixels; 0 keeps the photo's own.",
    "content_strength": "How much of your photo stays: its lines and shapes.",
    "style_strength": "How strongly the style is applied.",
    "seed": "The same number gives the same picture again.",
    "precision": "Fast, or exact to the last digit.",
    "steps": "More steps come closer to the style and take longer.",
    "max_seconds": "Ends by itself after so many seconds with the best picture so far; 0 for no limit.",
    "style_layers": "Which strokes are copied: the first are fine, the last are large.",
    "content_layers": "How freely the photo is redrawn: the later, the freer.",
    "pooling": "How the network sees larger parts of a picture.",
    "optimizer": "How the picture is improved from step to step.",
    "coarse_to_fine": "Begins small and adds detail, which is much faster.",
    "total_variation": "Smoothness: more of it takes away grain.",
    "style_scale": "Size of the brush strokes.",
    "colors": "Whose colors: the style's or your photo's.",
    "color_match": "How closely the colors come to those of the style picture.",
    "contrast_match": "How crisp or hazy it becomes, as the style picture is.",
    "start": "The picture that painting begins with.",
    "working_size": "Size at which the colors are found: a smaller one is faster; 0 is the photo's own.",
    "wct.working_size": "Size at which it is painted: smaller gives larger strokes; 0 is the photo's own.",
    "photorealism": "How much straight lines and even colors are kept.",
    "refinement": "What brings the photo's own detail back at the end.",
    "whitening": "How the style's colors are carried over: gently, or in full.",
    "noise_floor": "More of it means less grain in flat areas.",
    "flat_strokes": "Strokes in a clear sky and in other flat places.",
    "correction": "Looks at its own picture once and comes nearer the style; takes a little longer.",
    "comb_filter": "Takes out the fine weave that the networks would leave in skies.",
    "levels": "What is changed: large shapes, small strokes, colors.",
    "passes": "How often it is painted over.",
    "detail": "How much fine detail is put back.",
    "smoothing": "What smooths the result along the photo's edges.",
    "quiet_guide": "Keeps noise and the blocks of JPEG files out of clear skies.",
    "transfer": "Where the style goes in: cleaner, or stronger.",
    "decoder": "More detail, or a stronger style.",
}


def short_text(method: str, option: str) -> str:
    """The line of an option; its name in words for one that has none, as of a method that was just added."""
    return SHORT.get(f"{method}.{option}") or SHORT.get(option) or option.replace("_", " ").capitalize()


def long_text(option: OptionField) -> str:
    """All that is known of an option, in English."""
    if option.kind == "whole":
        # A number box cannot be empty: the browser shows, and sends, 0. So 0 is what "not set" looks like.
        return f"{option.help} 0 is not set."
    return f"{option.help} {option.values.capitalize()}." if option.kind == "weighted" else option.help


def long_texts() -> str:
    """The style sheet that puts the long texts behind the short ones where the advanced options are open."""
    rules = []
    for method in list_methods():
        for name, option in option_fields(get_method(method).options).items():
            place = f"{EXPERT} #{control_id(method, name)} .info-text::after"
            english = long_text(option)
            rules.append(f"{place} {{ content: {_css(english)}; }}")
            rules.append(f'html[lang^="zh"] {place} {{ content: {_css(say(english, CHINESE))}; }}')
    return f"<style>{''.join(rules)}</style>"


def control_id(method: str, option: str) -> str:
    """The id of an option's element on the page."""
    return f"{method}-{option.replace('_', '-')}"


def _css(text: str) -> str:
    """A string of a style sheet, with a space before it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("<", "\\3c ")
    return f'" {escaped}"'
