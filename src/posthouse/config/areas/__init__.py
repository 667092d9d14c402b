"""The settings by area: of each setting its row of the table, and beside it the field that holds its value.

A new setting is a row and a field of one module here, and a heading in `docs/settings.md`.
"""
