"""The command ``style-core-demo``: the demo is ``style_core_demo`` in a wheel, ``demo`` in a checkout."""

from __future__ import annotations

from importlib.util import find_spec


def main() -> int:
    """Run the demo's own command; returns the exit status."""
    if find_spec("style_core_demo"):
        from style_core_demo.command import main as serve
    else:  # installed with ``pip install -e .``
        from demo.command import main as serve
    return serve()
