"""The package's numbers on a machine that has PyTorch and little else.

Methods need only tensors, but importing them imports what reads files as well. Here packages that are missing
have stand-ins, which can be imported and nothing more: whoever uses one is told what is missing.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch  # noqa: F401  # before the stand-ins are there: it looks for NumPy itself

PACKAGE = Path(__file__).resolve().parent.parent / "style_core"
OPTIONAL = ("numpy", "scipy", "PIL", "pi_heif", "pillow_jxl", "imagecodecs", "tifffile")


def import_without_door() -> list[str]:
    """Let ``style_core``'s modules be imported one by one, without what its door imports.

    Returns:
        the packages that have stand-ins.
    """
    missing = [name for name in OPTIONAL if importlib.util.find_spec(name) is None]
    # The room that reads files uses its packages while it is imported, and none of the numbers needs it.
    sys.meta_path.insert(0, _StandIns([*missing, "style_core.files"] if missing else []))
    if "numpy" in missing:  # Numba would take the stand-in for it; without Numba tensors do the same
        sys.modules["numba"] = None  # type: ignore[assignment]
    package = types.ModuleType("style_core")
    package.__path__ = [str(PACKAGE)]
    sys.modules["style_core"] = package
    return missing


class _Absent(type):
    """The class of what a missing package would have: classes whose every use but naming them is refused."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _absent(f"{cls.__module__}.{name}")

    def __call__(cls, *_: Any, **__: Any) -> Any:
        raise ModuleNotFoundError(f"{cls.__module__} is not installed here")


def _absent(name: str) -> Any:
    return _Absent(name.rpartition(".")[2], (), {"__module__": name})


class _StandIn(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _absent(f"{self.__name__}.{name}")


class _StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds missing packages and all modules in them.

    Args:
        names: of the packages.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        is_missing = any(name == missing or name.startswith(f"{missing}.") for missing in self.names)
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if is_missing else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """There is nothing in it."""
