"""The nouns: frozen dataclasses and enums that every other room may use; no I/O, no behaviour."""
