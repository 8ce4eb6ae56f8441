"""Care: indicators, pathways, volumes and criteria."""
