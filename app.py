"""Start the demo: ``python app.py``. Spaces runs this file too."""

from __future__ import annotations

import argparse
import os

import gradio as gr

from demo.page import build_page


def main() -> None:
    """Build the page and serve it until interrupted."""
    parser = argparse.ArgumentParser(description="The style transfer demo.")
    parser.add_argument("--host", default=None, help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=None, help="port (default: the first free from 7860)")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser window")
    args = parser.parse_args()
    on_spaces = os.environ.get("SYSTEM") == "spaces"
    page = build_page()
    page.space_id = None  # keeps Gradio's Space header, and its third-party requests, off the page
    page.queue(max_size=20).launch(
        server_name=args.host,
        server_port=args.port,
        inbrowser=not (args.no_browser or on_spaces),
        ssr_mode=False,
        run_history=False,
        theme=gr.themes.Soft(),
    )


if __name__ == "__main__":
    main()
