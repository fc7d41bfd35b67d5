"""The package's version, in a module of its own so that what is below can put it into settings."""

__version__ = "0.1.0"
