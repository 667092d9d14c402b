"""From a new connection to an idle one: waits for the engine's first events and shakes hands for TLS.

This happens once a connection and may wait long, so it is a coroutine; letters are callbacks (`connection`).

Public: open_connection, Judge.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence

from posthouse.model.message import Phase, SmtpResult
from posthouse.net.connection import Connection
from posthouse.net.handshake import fault_of, presented_chain, reason_of
from posthouse.smtp.steps import Broken, ClientEvent, Finished, Ready, own_words

# The presented chain (DER, the host's own certificate first) -> "" when it will do, else why not.
Judge = Callable[[Sequence[bytes]], str]


async def open_connection(
    connection: Connection,
    context: ssl.SSLContext | None,
    host_name: str,
    handshake_s: float,
    judge: Judge | None = None,
) -> SmtpResult | None:
    """Wait until the engine is idle. None: it is, and the caller owns the connection. Else why not.

    `judge` looks at the certificates behind the handshake, before another word is said."""
    event = await connection.opening_event()
    if not isinstance(event, Ready | Broken):
        event = await _upgrade(connection, context, host_name, handshake_s, judge)
    connection.opened()
    if isinstance(event, Broken | Finished):
        return connection.labelled(event.result)
    if connection.is_idle:
        return None
    connection.quit()
    text = "The connection ended as soon as it was ready"
    return connection.labelled(own_words(Phase.EHLO, 0, "4.4.2", text, failed=True))


async def _upgrade(
    connection: Connection,
    context: ssl.SSLContext | None,
    host_name: str,
    handshake_s: float,
    judge: Judge | None,
) -> ClientEvent:
    assert context is not None
    clear = connection.begin_upgrade()
    try:
        upgraded = await asyncio.get_running_loop().start_tls(
            clear, connection, context, server_hostname=host_name, ssl_handshake_timeout=handshake_s
        )
    except (OSError, ValueError, RuntimeError) as error:  # SSLError and TimeoutError are OSErrors
        clear.abort()
        connection.tls_failed(reason_of(error), fault_of(error))
    except asyncio.CancelledError:
        clear.abort()
        raise
    else:
        _secured(connection, upgraded, judge)
    return await connection.opening_event()


def _secured(connection: Connection, transport: asyncio.Transport | None, judge: Judge | None) -> None:
    """The hands are shaken; whose they were may still matter."""
    if transport is None or not connection.take_upgraded(transport):
        connection.tls_failed("the connection was lost")
        return
    session = transport.get_extra_info("ssl_object")
    if judge is not None and (complaint := judge(presented_chain(session))):
        transport.abort()
        connection.tls_failed(complaint, "validation-failure")
        return
    connection.tls_started(f"{session.version()} {session.cipher()[0]}")
