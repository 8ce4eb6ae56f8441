"""How days are written, by language; English as in Europe."""
