"""Mailgun's shapes: what its API answers, and what people save of it."""
