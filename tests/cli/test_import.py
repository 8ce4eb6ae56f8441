"""What importing the package brings along, and the lazy names."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

import rarecare

SLOW = ("numba", "scipy", "pandas", "polars", "numpy", "vl_convert", "formulaic")


def test_importing_the_package_imports_nothing_slow():
    code = "import rarecare, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not set(SLOW) & set(done.stdout.split())


def test_every_public_name_is_there():
    for module in pkgutil.walk_packages(rarecare.__path__, "rarecare."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in rarecare.__all__:
        assert callable(getattr(rarecare, name)), f"{name} is the name of a room"
        assert name in dir(rarecare)


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="survivall"):
        rarecare.survivall  # noqa: B018
