"""The wire: the only part of the client that knows aiohttp."""

from pika_async._wire.transport.media import MediaResponse as MediaResponse
from pika_async._wire.transport.transport import MAX_ANSWER_BYTES as MAX_ANSWER_BYTES
from pika_async._wire.transport.transport import Transport as Transport
