"""One file per method; importing this package imports them all, which is the registration.

What they share is in :mod:`.shared`.
"""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
