"""What came back to a return path, from bytes to `model.returned.Returned`; see `mail.returned.read`.

Public: read_returned.
"""

from posthouse.mail.returned.read import read_returned

__all__ = ["read_returned"]
