"""Start the demo: ``python app.py``. Spaces runs this file too."""

import sys

from demo.command import main

if __name__ == "__main__":
    sys.exit(main())
