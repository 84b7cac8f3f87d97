"""A submit that is written down by hand, cut off, and sent again by another process."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from attrs import define, field
from support.batches import client_for, until

from pika_async import (
    APIError,
    ConfigurationError,
    FieldError,
    FixedPolling,
    GenerationRequest,
    JobAccepted,
    MoneyMeaning,
    NotSubmittedError,
    OtherServiceError,
    PikaClient,
    RateLimitError,
    ResumableRecord,
    RetryPolicy,
    SubmissionUncertainError,
    SubmitHeldBack,
    SubmitRecord,
    SubmitSent,
    SubmitUncertain,
    Succeeded,
    UnsupportedError,
)
from pika_async._jobs.again import KEY_KEPT
from pika_async._request.again import kept_of, text_of
from pika_async.dialects import Pika
from pika_async.simulator import Fault, Polls, Simulator

REQUEST = GenerationRequest("a red panda surfing")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(600)
OTHER_PNG = b"\x89PNG\r\n\x1a\n" + bytes(601)

# Sends a submit once, as a process that is killed before it reads the answer.
ONCE = RetryPolicy(attempts=1, outage_budget=0.0)


@define
class Row:
    """A row of a database of one's own."""

    text: str | None = None
    job_id: str | None = None
    told: list[str] = field(factory=list)

    async def prepared(self, again: str) -> None:
        self.told.append("prepared")
        self.text = again

    async def leaving(self) -> None:
        self.told.append("leaving")

    async def accepted(self, job_id: str) -> None:
        self.told.append("accepted")
        self.job_id = job_id

    def wanted(self) -> bool:
        return True

    def stayed(self) -> None:
        self.told.append("stayed")


def service(name="pika", **settings) -> Simulator:
    return Simulator(service=name, **{"duration": Polls(1)} | settings)


async def cut_off(sim, request=REQUEST, *, started=True, **options) -> str:
    """The text of a submit whose process ended before its answer."""
    row = Row()
    sim.faults.append(Fault("reset-after", started=started))
    async with client_for(sim, retry=ONCE, **options) as client:
        with pytest.raises(SubmissionUncertainError):
            await client.submit(request, record=row)
    assert row.told == ["prepared", "leaving"]
    assert row.text is not None
    return row.text


def aged(text, **ago) -> str:
    return text_of(attrs.evolve(kept_of(text), sent_at=datetime.now(UTC) - timedelta(**ago)))


def keys_of(sim) -> set[str]:
    return {sent.headers["Idempotency-Key"] for sent in sim.submissions}


class TestWhereTheServiceKnowsKeys:
    @pytest.mark.parametrize("started", [True, False], ids=["arrived", "never arrived"])
    async def test_another_process_learns_the_one_job_and_pays_for_no_other(self, started):
        async with service() as sim:
            text = await cut_off(sim, started=started)
            row = Row()
            async with client_for(sim) as client:
                job = await client.submit(REQUEST, record=row, again=text)
                assert isinstance(await job.result(), Succeeded)
            first, second = sim.submissions
            assert list(sim.jobs) == [job.id]
        assert len(keys_of(sim)) == 1
        assert first.body == second.body
        assert row.told == ["prepared", "leaving", "accepted"]
        assert (row.job_id, job.request) == (job.id, REQUEST)

    async def test_a_third_process_learns_the_same_from_what_the_second_kept(self):
        async with service() as sim:
            text = await cut_off(sim)
            row = Row()
            sim.faults.append(Fault("reset-after"))
            async with client_for(sim, retry=ONCE) as second:
                with pytest.raises(SubmissionUncertainError):
                    await second.submit(REQUEST, record=row, again=text)
            async with client_for(sim) as third:
                await third.submit(REQUEST, again=row.text)
            assert (len(sim.jobs), len(keys_of(sim))) == (1, 1)
        # Its key counts from the first time that it was sent.
        assert row.text == text

    async def test_two_processes_that_send_it_again_at_once_have_one_job(self):
        """https://github.com/jcagarcia/grape-idempotency/issues/10."""
        async with service() as sim:
            text = await cut_off(sim, started=False)
            async with client_for(sim) as one, client_for(sim) as other:
                jobs = await asyncio.gather(
                    *(client.submit(REQUEST, again=text) for client in (one, other, one))
                )
            assert {job.id for job in jobs} == set(sim.jobs)
            assert len(sim.jobs) == 1

    @pytest.mark.parametrize("fault", ["409-still-running", "409-not-begun"])
    async def test_one_whose_first_call_still_runs_is_asked_about_until_it_has_ended(self, fault):
        """https://github.com/ietf-wg-httpapi/idempotency/issues/11."""
        async with service() as sim:
            text = await cut_off(sim, started=False)
            sim.faults.append(Fault(fault))
            told = []
            async with client_for(sim, observer=told.append) as client:
                job = await client.submit(REQUEST, again=text)
            assert list(sim.jobs) == [job.id]
        assert [event for event in told if isinstance(event, SubmitHeldBack)]

    async def test_a_job_that_has_failed_meanwhile_is_told_as_it_is(self):
        """A new attempt is another submit: https://github.com/KeeperHub/keeperhub/issues/1840."""
        async with service(failure="moderation") as sim:
            text = await cut_off(sim)
            async with client_for(sim) as client:
                job = await client.submit(REQUEST, again=text)
                with pytest.raises(Exception, match=job.id):
                    await job.result()
            assert len(sim.jobs) == 1

    async def test_a_refusal_does_not_undo_what_may_have_been_started(self):
        row = Row()
        async with service() as sim:
            text = await cut_off(sim)
            sim.faults.append(Fault("401-unknown-key"))
            async with client_for(sim) as client:
                with pytest.raises(SubmissionUncertainError) as caught:
                    await client.submit(REQUEST, record=row, again=text)
            assert caught.value.money is MoneyMeaning.MAY_BE_CHARGED
            # The text is still good.
            async with client_for(sim) as client:
                job = await client.submit(REQUEST, again=row.text)
            assert list(sim.jobs) == [job.id]
        assert "stayed" not in row.told

    async def test_it_stands_in_line_behind_a_rate_limit_like_any_other(self):
        async with service() as sim:
            text = await cut_off(sim)
            sim.faults.append(Fault("429-in-flight"))
            told = []
            async with client_for(sim, observer=told.append) as client:
                await client.submit(REQUEST, again=text)
            assert len(sim.jobs) == 1
        (held,) = (event for event in told if isinstance(event, SubmitHeldBack))
        assert isinstance(held.error, RateLimitError)

    async def test_its_events_are_those_of_the_same_submit(self):
        before, after = [], []
        async with service() as sim:
            text = await cut_off(sim, observer=before.append)
            async with client_for(sim, observer=after.append) as client:
                job = await client.submit(REQUEST, record=Row(), again=text)
        (lost,) = (event for event in before if isinstance(event, SubmitUncertain))
        sent, accepted, *_ = after
        assert (type(sent), type(accepted)) == (SubmitSent, JobAccepted)
        assert sent.submit_id == accepted.submit_id == lost.submit_id
        assert (accepted.job_id, accepted.recorded, accepted.unclaimed) == (job.id, True, False)
        assert sent.fingerprint == lost.error.fingerprint == kept_of(text).fingerprint

    async def test_a_body_that_another_version_has_spelt_otherwise_goes_out_as_it_was(self):
        """The service compares byte for byte: https://github.com/stripe/stripe-java/issues/389."""

        class Older(Pika):
            def encode_submit(self, endpoint, request, key):
                prepared = super().encode_submit(endpoint, request, key)
                return attrs.evolve(prepared, body=prepared.body.replace(b":", b" : "))

        async with service() as sim:
            text = await cut_off(sim, dialect=Older())
            async with client_for(sim) as client:
                job = await client.submit(REQUEST, again=text)
            assert list(sim.jobs) == [job.id]

    async def test_what_the_observer_called_the_first_is_handed_on(self):
        class Naming:
            earlier = None

            def __init__(self, name):
                self.name = name

            def __call__(self, event):
                pass

            def submit_origin(self, *, earlier, **_):
                self.earlier = earlier
                return self.name

        first, second = Naming("the first"), Naming("the second")
        async with service() as sim:
            text = await cut_off(sim, observer=first)
            async with client_for(sim, observer=second) as client:
                await client.submit(REQUEST, record=Row(), again=text)
        assert (first.earlier, second.earlier) == (None, "the first")


class TestWhereItKnowsNone:
    async def test_the_job_is_looked_up_with_the_error_where_there_is_a_history(self):
        async with service("fal") as sim:
            text = await cut_off(sim)
            async with client_for(sim) as client:
                with pytest.raises(SubmissionUncertainError, match="client.find") as caught:
                    await client.submit(REQUEST, record=Row(), again=text)
                job = await client.find(caught.value)
                assert job is not None
                assert isinstance(await job.result(), Succeeded)
            assert list(sim.jobs) == [job.id]
            assert len(sim.submissions) == 1
        assert job.request == REQUEST

    async def test_it_is_told_from_equal_submits(self):
        async with service("fal") as sim:
            async with client_for(sim) as other:
                await other.submit(REQUEST)
            text = await cut_off(sim)
            async with client_for(sim) as other:
                await other.submit(REQUEST)
            lost = sim.submissions[1].job_id
            async with client_for(sim) as client:
                with pytest.raises(SubmissionUncertainError) as caught:
                    await client.submit(REQUEST, again=text)
                job = await client.find(caught.value)
        assert job is not None
        assert job.id == lost

    async def test_what_never_arrived_is_not_found_and_not_sent(self):
        async with service("fal") as sim:
            text = await cut_off(sim, started=False)
            async with client_for(sim) as client:
                with pytest.raises(SubmissionUncertainError) as caught:
                    await client.submit(REQUEST, again=text)
                assert await client.find(caught.value) is None
            assert len(sim.submissions) == 1

    async def test_it_is_found_however_old_and_without_its_files(self, tmp_path):
        image = tmp_path / "a.png"
        image.write_bytes(PNG)
        request = GenerationRequest("a red panda", image=image)
        async with service("fal") as sim:
            text = await cut_off(sim, request)
            image.unlink()
            async with client_for(sim) as client:
                later = datetime.now(UTC) + timedelta(hours=30)
                client._jobs._by_hand._utc = lambda: later
                with pytest.raises(SubmissionUncertainError) as caught:
                    await client.submit(request, again=text)
                job = await client.find(caught.value)
            assert job is not None
            assert [job.id] == list(sim.jobs)

    async def test_where_there_is_no_history_either_it_says_so_and_sends_nothing(self):
        told = []
        row = Row()
        async with service("gateway") as sim:
            text = await cut_off(sim)
            async with client_for(sim, observer=told.append) as client:
                with pytest.raises(SubmissionUncertainError, match="no history") as caught:
                    await client.submit(REQUEST, record=row, again=text)
                with pytest.raises(UnsupportedError):
                    await client.find(caught.value)
            assert len(sim.submissions) == 1
        error, first = caught.value, kept_of(text)
        assert error.money is MoneyMeaning.MAY_BE_CHARGED
        assert (error.sent_at, error.fingerprint) == (first.sent_at, first.fingerprint)
        assert (error.sent, error.request) == (first.intent, REQUEST)
        assert row.told == told == []


class TestWhatIsNotSentAgain:
    """The service would take it for another submit, or might."""

    async def refused(self, sim, error, match, again, request=REQUEST, **options):
        before = len(sim.submissions)
        row = Row()
        async with client_for(sim, **options) as client:
            with pytest.raises(error, match=match) as caught:
                await client.submit(request, record=row, again=again)
        assert len(sim.submissions) == before
        assert row.told == []
        return caught.value

    async def test_another_request(self):
        """Before the service can say so: https://github.com/josipmusa/idempotency4j/issues/12."""
        async with service() as sim:
            text = await cut_off(sim)
            for request in (
                GenerationRequest("a red panda surfing."),
                attrs.evolve(REQUEST, seed=7),
                attrs.evolve(REQUEST, extra={"new": 1}),
                attrs.evolve(REQUEST, image=PNG),
            ):
                await self.refused(sim, FieldError, "again: .* for another request", text, request)

    @pytest.mark.parametrize("name", ["pika", "fal", "gateway"])
    async def test_another_request_is_told_from_it_without_its_files(self, tmp_path, name):
        """Elsewhere the error of one would lead to the job of another."""
        image = tmp_path / "a.png"
        image.write_bytes(PNG)
        request = GenerationRequest("a red panda", image=image)
        async with service(name) as sim:
            text = await cut_off(sim, request)
            image.unlink()
            other = attrs.evolve(request, prompt="an otter")
            await self.refused(sim, FieldError, "for another request", text, other)

    async def test_one_that_says_the_same_in_other_words_is_the_same(self):
        """Metadata is never sent, and text that differs in its line ends alone is one request."""
        async with service() as sim:
            text = await cut_off(sim, GenerationRequest("a red\npanda"))
            same = GenerationRequest("a red\r\npanda", metadata={"row": "17"})
            async with client_for(sim) as client:
                await client.submit(same, again=text)
            assert len(sim.jobs) == 1

    async def test_another_file(self, tmp_path):
        image = tmp_path / "a.png"
        image.write_bytes(PNG)
        request = GenerationRequest("a red panda", image=image)
        async with service() as sim:
            text = await cut_off(sim, request)
            image.write_bytes(OTHER_PNG)
            await self.refused(sim, FieldError, "for another request", text, request)
            assert len(sim.service_at_work.uploads.stored) == 1

    @pytest.mark.parametrize("edit", [("surfing", "diving"), ("", "x"), ("}", "")], ids=str)
    async def test_an_edited_text(self, edit):
        async with service() as sim:
            text = await cut_off(sim)
            await self.refused(sim, FieldError, "again: ", text.replace(*edit))

    @pytest.mark.parametrize("text", ["", "a red panda", None.__class__, 7], ids=repr)
    async def test_no_such_text(self, text):
        async with service() as sim:
            await self.refused(sim, FieldError, "again: .* allowed is the text that", text)

    async def test_an_old_one_whose_key_may_be_forgotten(self):
        """https://github.com/square/connect-api-examples/issues/135: both were carried out."""
        async with service() as sim:
            text = await cut_off(sim)
            young = aged(text, seconds=KEY_KEPT.total_seconds() - 60)
            old = aged(text, seconds=KEY_KEPT.total_seconds() + 1)
            error = await self.refused(sim, SubmissionUncertainError, "over an hour old", old)
            assert error.sent == kept_of(text).intent
            async with client_for(sim) as client:
                await client.submit(REQUEST, again=young)
            assert len(sim.jobs) == 1

    async def test_one_that_grows_old_while_it_stands_in_line(self):
        """A rate limit may hold it back for longer than a service remembers keys."""

        class Slow(Row):
            async def accepted(self, job_id):
                raise AssertionError

            async def leaving(self):
                submitter._timing = attrs.evolve(submitter._timing, utc=lambda: late)

        row = Slow()
        async with service() as sim:
            text = await cut_off(sim)
            sim.faults.append(Fault("429-in-flight"))
            nearly = aged(text, seconds=KEY_KEPT.total_seconds() - 60)
            async with client_for(sim) as client:
                late = datetime.now(UTC) + timedelta(seconds=61)
                submitter = client._jobs._submitter
                with pytest.raises(SubmissionUncertainError, match="may have forgotten its key"):
                    await client.submit(REQUEST, record=row, again=nearly)
            assert len(sim.submissions) == 2
        assert "stayed" not in row.told

    async def test_one_whose_time_lies_ahead(self):
        """A clock was wrong, then or now: https://github.com/xavierjohn/Trellis/pull/695."""
        async with service() as sim:
            text = await cut_off(sim)
            ahead = aged(text, hours=-2)
            await self.refused(sim, SubmissionUncertainError, "lies in the future", ahead)
            # The clocks of two machines are never the same.
            async with client_for(sim) as client:
                await client.submit(REQUEST, again=aged(text, seconds=-20))
            assert len(sim.jobs) == 1

    async def test_one_of_another_api_key(self):
        """Some keep idempotency keys by it: https://sandbox.brevex.xyz/docs/idempotency."""
        async with service() as sim:
            text = await cut_off(sim)
            async with PikaClient("another", base_url=sim.url, dialect=sim.dialect) as client:
                with pytest.raises(SubmissionUncertainError, match="another API key") as caught:
                    await client.submit(REQUEST, again=text)
            assert len(sim.submissions) == 1
        assert "another API key" in str(caught.value)

    async def test_one_of_another_place(self):
        async with service() as sim, service() as elsewhere:
            text = await cut_off(sim)
            error = await self.refused(elsewhere, OtherServiceError, "went to pika at", text)
            assert elsewhere.submissions == []
            assert (error.service, error.base_url) == ("pika", sim.url)
        assert error.money is MoneyMeaning.MAY_BE_CHARGED
        assert "batch" not in str(error)

    async def test_one_of_another_service(self):
        async with service("fal") as sim, service() as elsewhere:
            text = await cut_off(sim)
            await self.refused(elsewhere, OtherServiceError, "went to fal at", text)


class TestMedia:
    async def test_the_same_addresses_go_out_and_nothing_goes_up_again(self):
        request = GenerationRequest("a red panda", image=PNG)
        async with service() as sim:
            text = await cut_off(sim, request)
            async with client_for(sim) as client:
                await client.submit(request, again=text)
            first, second = sim.submissions
            assert first.body == second.body
            assert len(sim.jobs) == len(sim.service_at_work.uploads.stored) == 1

    @pytest.mark.parametrize("gone", [True, False])
    async def test_a_file_that_is_gone_with_its_machine_is_not_needed(self, tmp_path, gone):
        """A visitor's lies in a temporary folder: https://github.com/langflow-ai/openrag/pull/1709."""
        image = tmp_path / "upload.png"
        image.write_bytes(PNG)
        request = GenerationRequest("a red panda", image=image)
        async with service() as sim:
            text = await cut_off(sim, request)
            image.unlink() if gone else image.write_bytes(b"torn")
            async with client_for(sim) as client:
                job = await client.submit(request, record=Row(), again=text)
            assert list(sim.jobs) == [job.id]
            assert len(sim.service_at_work.uploads.stored) == 1

    async def test_a_file_that_is_gone_and_needed_is_asked_for(self, tmp_path):
        """It stood in the body, of which the text has no bulk."""
        image = tmp_path / "upload.png"
        image.write_bytes(PNG)
        request = GenerationRequest("a red panda", image=image, negative_prompt="x" * 9_000)
        async with service() as sim:
            text = await cut_off(sim, request)
            image.unlink()
            async with client_for(sim) as client:
                with pytest.raises(ConfigurationError, match=r"upload\.png"):
                    await client.submit(request, record=Row(), again=text)
            assert len(sim.submissions) == 1

    async def test_where_what_goes_up_anew_has_another_address_it_is_not_sent(self):
        """It would be another body with the same key."""
        request = GenerationRequest("a red panda", image=PNG, negative_prompt="x" * 9_000)
        row = Row()
        async with service() as sim:
            text = await cut_off(sim, request)
            async with client_for(sim) as client:
                with pytest.raises(SubmissionUncertainError, match="cannot be made again"):
                    await client.submit(request, record=row, again=text)
            assert len(sim.submissions) == 1
        assert row.told == []

    async def test_it_is_uncertain_with_the_fingerprint_that_it_had(self, tmp_path):
        image = tmp_path / "upload.png"
        image.write_bytes(PNG)
        request = GenerationRequest("a red panda", image=image)
        async with service() as sim:
            text = await cut_off(sim, request)
            image.unlink()
            sim.faults.append(Fault("reset-after"))
            async with client_for(sim, retry=ONCE) as client:
                with pytest.raises(SubmissionUncertainError) as caught:
                    await client.submit(request, record=Row(), again=text)
        assert caught.value.fingerprint == kept_of(text).fingerprint

    async def test_neither_bytes_nor_the_key_are_in_the_text(self):
        image = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
        request = GenerationRequest("a red panda", image=image)
        for name in ("pika", "fal", "gateway"):
            async with service(name) as sim:
                text = await cut_off(sim, request)
            assert len(text) < 2_500, name
            assert '"key"' not in text

    async def test_a_body_that_was_too_large_to_keep_is_made_anew_and_is_the_same(self):
        request = attrs.evolve(REQUEST, negative_prompt="x" * 9_000)
        async with service() as sim:
            text = await cut_off(sim, request)
            assert len(text) < 2_500
            async with client_for(sim) as client:
                await client.submit(request, again=text)
            first, second = sim.submissions
            assert first.body == second.body
            assert len(sim.jobs) == 1


class TestTheRecord:
    async def test_it_is_told_before_each_post_what_that_post_sends(self):
        row = Row()
        async with service(faults=[Fault("429-in-flight")]) as sim, client_for(sim) as client:
            await client.submit(REQUEST, record=row)
            last = sim.submissions[-1]
            # https://github.com/woocommerce/woocommerce-square/issues/106
            assert len(keys_of(sim)) == 1
        sent = kept_of(row.text).intent
        assert sent.submit_id == last.headers["Idempotency-Key"]
        assert json.loads(sent.body) == last.body
        assert row.told == ["prepared", "leaving", "stayed", "prepared", "leaving", "accepted"]

    async def test_the_age_of_a_key_counts_from_the_first_post_that_may_have_started_it(self):
        texts = []

        class Keeping(Row):
            async def prepared(self, again):
                texts.append(again)

        faults = [Fault("429-in-flight"), Fault("reset-after"), Fault("reset-after")]
        async with service(faults=faults) as sim, client_for(sim) as client:
            await client.submit(REQUEST, record=Keeping())
            assert len(sim.jobs) == 1
        refused, first, second, third = (kept_of(text).sent_at for text in texts)
        assert refused < first == second == third

    async def test_what_it_cannot_write_down_is_not_sent(self):
        class Full(Row):
            async def prepared(self, again):
                raise OSError("disk full")

        row = Full()
        async with service() as sim, client_for(sim) as client:
            with pytest.raises(OSError, match="disk full"):
                await client.submit(REQUEST, record=row)
            assert sim.submissions == []
        assert row.told == []

    @pytest.mark.parametrize("error", [NotSubmittedError("disk full"), OSError("disk full")])
    async def test_what_it_cannot_write_down_is_uncertain_where_it_may_have_left(self, error):
        class Full(Row):
            async def prepared(self, again):
                raise error

        async with service() as sim:
            text = await cut_off(sim)
            async with client_for(sim) as client:
                with pytest.raises(SubmissionUncertainError) as caught:
                    await client.submit(REQUEST, record=Full(), again=text)
            assert len(sim.submissions) == 1
        assert caught.value.sent == kept_of(text).intent
        (note,) = caught.value.__notes__
        assert note.startswith("It was not sent again: ")
        assert "disk full" in note

    async def test_one_without_the_method_works_as_before_and_may_be_given_a_text(self):
        class Plain:
            def __init__(self):
                self.told = []

            async def leaving(self):
                self.told.append("leaving")

            async def accepted(self, job_id):
                self.told.append(job_id)

            def wanted(self):
                return True

            def stayed(self):
                self.told.append("stayed")

        old: SubmitRecord = Plain()
        new: ResumableRecord = Row()
        assert not hasattr(old, "prepared")
        async with service() as sim:
            async with client_for(sim) as client:
                job = await client.submit(REQUEST, record=old)
            assert old.told == ["leaving", job.id]
            text = await cut_off(sim, GenerationRequest("an otter"))
            async with client_for(sim) as client:
                job = await client.submit("an otter", record=(old := Plain()), again=text)
            assert old.told == ["leaving", job.id]
            async with client_for(sim) as client:
                await client.submit(REQUEST, record=new)
        assert new.text

    async def test_one_with_something_else_of_that_name_works_as_before(self):
        class Named(Row):
            prepared = True

        row = Named()
        async with service() as sim, client_for(sim) as client:
            await client.submit(REQUEST, record=row)
        assert row.told == ["leaving", "accepted"]

    async def test_without_a_record_a_text_is_sent_all_the_same(self):
        async with service() as sim:
            text = await cut_off(sim)
            async with client_for(sim) as client:
                await client.submit("a red panda surfing", again=text)
            assert len(sim.jobs) == 1

    async def test_a_refused_submit_may_be_sent_again_with_its_key(self):
        row = Row()
        async with service(faults=[Fault("401-unknown-key")]) as sim, client_for(sim) as client:
            with pytest.raises(APIError):
                await client.submit(REQUEST, record=row)
            await client.submit(REQUEST, again=row.text)
            assert (len(sim.jobs), len(keys_of(sim))) == (1, 1)

    async def test_whoever_leaves_while_it_is_sent_again_leaves_word_of_it(self):
        told = []
        row = Row()
        async with service() as sim:
            text = await cut_off(sim)
            sim.faults.append(Fault("slow-headers", seconds=0.2))
            async with client_for(sim, observer=told.append, polling=FixedPolling(1)) as client:
                task = asyncio.create_task(client.submit(REQUEST, record=row, again=text))
                await until(lambda: len(sim.submissions) == 2)
                task.cancel()
                await asyncio.wait({task})
            (accepted,) = (event for event in told if isinstance(event, JobAccepted))
            assert [accepted.job_id] == list(sim.jobs)
        assert (accepted.unclaimed, row.job_id) == (True, accepted.job_id)
