"""The synthetic Europe: invented cases with known truth, as registries would send them."""

from rarecare.demo.draw import draw_cases
from rarecare.demo.registry import Registry, registries, registry_table
from rarecare.demo.true_values import truth
from rarecare.demo.writing import write_demo

__all__ = ["Registry", "draw_cases", "registries", "registry_table", "truth", "write_demo"]
