"""The web page: Gradio from here up, and of style_core only what its ``__init__`` names."""
