"""Countries and cancers side by side, maps, pages of countries and of the data, questions."""
