"""Pages on diagnosis and management, patient materials, the glossary, reviewed languages."""
