"""The reference of all methods and options as Markdown, generated from the option fields."""

from __future__ import annotations

from .. import get_method, list_methods
from ..fronts import option_default, option_fields


def reference() -> str:
    """One section per method: what it does, its paper, a table of its options."""
    return "\n\n".join(_section(key) for key in list_methods())


def _section(key: str) -> str:
    method = get_method(key)
    paper = method.paper
    lines = [
        f"## {method.title} (`{key}`)",
        "",
        method.summary,
        "",
        f"{paper.authors}, *{paper.title}*, {paper.venue} {paper.year}, arXiv:{paper.arxiv}. "
        + ("Uses masks." if method.uses_segments else "Masks are left aside.")
        + (" Mixes several styles." if method.mixes_styles else "")
        + (" Makes textures of a style without a content." if method.makes_textures else ""),
        "",
        "| option | default | values | meaning |",
        "|---|---|---|---|",
    ]
    for name, option in option_fields(method.options).items():
        default = option_default(method.options, name)
        shown = (
            ", ".join(default) if isinstance(default, tuple) else "not set" if default is None else default
        )
        lines.append(f"| `{name}` | {shown} | {option.values} | {option.help} |")
    return "\n".join(lines)
