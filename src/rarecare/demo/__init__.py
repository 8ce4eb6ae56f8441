"""The synthetic Europe: invented cases with known truth, as registries would send them."""

from rarecare.demo.registry import Registry, registries, registry_table
from rarecare.demo.writing import write_demo

__all__ = ["Registry", "registries", "registry_table", "write_demo"]
