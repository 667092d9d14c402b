"""MailPace's things: it has no API for them and no export of its own, so they come in files that people save
from its pages."""
