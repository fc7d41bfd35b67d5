"""The demo's command: ``python app.py`` in a checkout, ``style-core-demo`` where it is installed."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys

# On ZeroGPU this package must be imported before torch is; elsewhere it is not there.
with contextlib.suppress(ImportError):
    import spaces  # noqa: F401

from style_core import StyleCoreError

PATIENCE = 5.0  # seconds that jobs have to end


def main() -> int:
    """Build the page and serve it until interrupted; returns the exit status."""
    args = demo_parser().parse_args()
    try:
        from .server import serve
    except ModuleNotFoundError as error:
        if error.name != "gradio":
            raise
        print("Refused: the page needs Gradio: pip install 'style-core[demo]'.", file=sys.stderr)
        return 1
    on_spaces = os.environ.get("SYSTEM") == "spaces"
    try:
        server = serve(
            host=args.host, port=args.port, open_browser=not (args.no_browser or on_spaces), mcp=args.mcp,
            shares=args.shares, calibrated=True,
        )  # fmt: skip
    except StyleCoreError as error:
        print(f"Refused: {error}", file=sys.stderr)
        return 1
    # Ctrl-C, and what containers are stopped with; as an exit, so that the files of this process are removed.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: sys.exit(0))
    try:
        server.page.block_thread()
    finally:
        if not server.end_jobs(PATIENCE):
            os._exit(0)
    return 0


def demo_parser() -> argparse.ArgumentParser:
    """The parser of both names."""
    parser = argparse.ArgumentParser(description="The style transfer demo.")
    parser.add_argument("--host", default=None, help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=None, help="port (default: the first free from 7860)")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser window")
    parser.add_argument(
        "--mcp", action="store_true", help="offer the endpoints to MCP clients (needs gradio[mcp])"
    )
    parser.add_argument("--shares", default=None, metavar="PLACE",
                        help="folder or fsspec address for shared comparisons")  # fmt: skip
    return parser
