"""What a submit sends: made once, before it stands in line, and the same each time it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from pika_async._errors import TransportError
from pika_async._jobs.again import KEY_KEPT
from pika_async._jobs.submission import Submit, made_submit, new_submit_id
from pika_async._request.record import kept_body

if TYPE_CHECKING:
    from datetime import datetime

    from pika_async._http import HTTPRequest
    from pika_async._jobs.recorder import Recorder
    from pika_async._request.record import Intent
    from pika_async._request.request import GenerationRequest
    from pika_async._wire.api import API
    from pika_async._wire.upload import Uploads


class Preparation:
    """Makes the submits of one client."""

    def __init__(self, api: API, uploads: Uploads) -> None:
        self._api = api
        self._uploads = uploads

    async def first(
        self, request: GenerationRequest, content: GenerationRequest, recorder: Recorder | None
    ) -> Submit:
        """A new submit. Its bytes are uploaded before, where the service takes addresses alone.

        ``content``: ``request`` with its files read.
        """
        submit_id = new_submit_id()
        ready = await self._uploads.uploaded(content)
        prepared = await self._api.encode_submit(ready, submit_id)
        return self._submit(prepared, submit_id, request, content, recorder)

    async def repeated(
        self,
        request: GenerationRequest,
        content: GenerationRequest,
        recorder: Recorder | None,
        intent: Intent,
        since: datetime | None,
    ) -> Submit:
        """The submit of an earlier process, to be sent again with its key, byte for byte.

        Args:
            request: What was asked for.
            content: The same with its files read.
            recorder: Where it is written down.
            intent: What that process sent.
            since: When it did, where that is known.

        Raises:
            SubmissionUncertainError: It cannot be made as it was, and the service would take
                anything else for another submit.
        """
        body = kept_body(intent)
        if body is None:
            ready = await self._uploads.uploaded(content)
        else:
            ready = self._uploads.as_if_uploaded(content)
        prepared = await self._api.encode_submit(ready, intent.submit_id)
        if body is not None:
            # With the addresses of its uploads, as it left the first time.
            prepared = evolve(prepared, body=body)
        submit = self._submit(
            prepared, intent.submit_id, request, content, recorder, earlier=intent.origin
        )
        submit.lost = TransportError("an earlier run ended before its answer was read")
        if since is not None:
            submit.sent_at, submit.again_until = since, since + KEY_KEPT
        if submit.intent().digest != intent.digest:
            raise submit.uncertain(
                TransportError(
                    f"{submit.lost.what}, and what it sent cannot be made again as it was"
                )
            )
        return submit

    def _submit(
        self,
        prepared: HTTPRequest,
        submit_id: str,
        request: GenerationRequest,
        content: GenerationRequest,
        recorder: Recorder | None,
        *,
        earlier: str | None = None,
    ) -> Submit:
        return made_submit(
            submit_id=submit_id,
            service=self._api.dialect.name,
            base_url=self._api.endpoint.base_url,
            request=request,
            content=content,
            prepared=prepared,
            recorder=recorder,
            earlier=earlier,
        )
