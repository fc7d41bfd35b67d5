"""``python -m style_core``: see :mod:`style_core.cli`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m style_core"))
