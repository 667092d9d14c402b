"""How the services speak, as tables: option headers and words. Nothing below knows their names."""
