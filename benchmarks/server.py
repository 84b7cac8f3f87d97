"""A gateway that answers as fast as asyncio can, so that it is not what is measured.

Runs in a process of its own: ``python -m benchmarks.server POLLS`` prints its port; every job is
finished at its POLLS-th poll.
"""

from __future__ import annotations

import asyncio
import json
import sys

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


def answer(value: object) -> bytes:
    body = json.dumps(value).encode()
    return HEAD % len(body) + body


class Gateway(asyncio.Protocol):
    """Pipelined HTTP/1.1, just enough of it."""

    def __init__(self, polls_to_finish: int, polls: dict[bytes, int]) -> None:
        self._polls_to_finish = polls_to_finish
        self._polls = polls
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            size = 0
            if head.startswith(b"POST"):
                lowered = head.lower()
                start = lowered.index(b"content-length:") + 15
                size = int(lowered[start:].split(b"\r\n", 1)[0])
            if len(self._buffer) < end + 4 + size:
                return
            self._buffer = self._buffer[end + 4 + size :]
            self._transport.write(self._answer(head))

    def _answer(self, head: bytes) -> bytes:
        if head.startswith(b"POST"):
            job_id = b"job-%08d" % len(self._polls)
            self._polls[job_id] = 0
            return answer({"id": job_id.decode(), "message": "Pika Video Generation - Submit"})
        job_id = head.split(b" ", 2)[1].rsplit(b"/", 1)[1]
        polls = self._polls[job_id] = self._polls[job_id] + 1
        video: dict[str, object] = {
            "id": job_id.decode(),
            "status": "pending",
            "progress": min(99, 10 * polls),
        }
        if polls >= self._polls_to_finish:
            media = f"http://127.0.0.1/{job_id.decode()}"
            video |= {
                "status": "finished",
                "progress": 100,
                "seed": 3183047765,
                "duration": 5,
                "error": "",
                "resultUrl": f"{media}.mp4",
                "sharingUrl": f"{media}_share.mp4",
                "videoPoster": f"{media}.jpg",
                "imageThumb": f"{media}_thumb.jpg",
            }
        return answer({"id": job_id.decode(), "promptText": "a red panda", "videos": [video]})


async def main(polls_to_finish: int) -> None:
    polls: dict[bytes, int] = {}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Gateway(polls_to_finish, polls), "127.0.0.1", 0, backlog=20_000
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
