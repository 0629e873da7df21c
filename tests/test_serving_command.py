from __future__ import annotations

import asyncio
import socket

from quoth.cli_serve import bound


def test_an_answer_does_not_wait_for_its_head_to_be_acknowledged() -> None:
    """Where it does, a client that acknowledges late waits 40 ms for the body."""
    with bound("127.0.0.1", 0) as listening:

        async def accepted() -> int:
            delays: asyncio.Queue[int] = asyncio.Queue()

            async def told(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                of = writer.get_extra_info("socket")
                await delays.put(of.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
                writer.close()

            async with await asyncio.start_server(told, sock=listening):
                _, writer = await asyncio.open_connection("127.0.0.1", listening.getsockname()[1])
                writer.close()
                return await delays.get()

        assert asyncio.run(accepted()) == 1
