"""The page's theme: Gradio's, with colors that can be read on both backgrounds (WCAG AA, 4.5 to 1)."""

from __future__ import annotations

from typing import Any

import gradio as gr

FONT = ["ui-sans-serif", "system-ui", "Noto Sans CJK SC", "Microsoft YaHei", "sans-serif"]  # none is fetched


def page_theme() -> Any:
    """What ``launch(theme=…)`` takes."""
    return gr.themes.Soft(font=FONT).set(
        body_text_color_subdued="*neutral_600", body_text_color_subdued_dark="*neutral_300",
        block_info_text_color="*neutral_600", block_info_text_color_dark="*neutral_300",
        block_label_text_color="*primary_800", block_label_text_color_dark="white",
        block_title_text_color="*body_text_color", block_title_text_color_dark="*body_text_color",
        block_title_background_fill="none", block_title_background_fill_dark="none",
        block_title_padding="0", block_title_text_weight="600",
        checkbox_label_background_fill_selected="*primary_600",
        checkbox_label_background_fill_selected_dark="*primary_600",
        button_primary_background_fill="*primary_600", button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_700",
        button_border_width="1px", button_secondary_border_color="*neutral_300",
        button_primary_text_color="white", button_primary_text_color_dark="white",
        link_text_color="*primary_700", link_text_color_dark="*primary_300",
        color_accent="*primary_600",
    )  # fmt: skip
