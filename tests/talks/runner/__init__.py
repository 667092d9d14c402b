"""Plays `.talk` files: conversations as text, against the engine alone or over a socket."""
