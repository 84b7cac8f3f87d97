"""However many models are asked for, metrics have few series, and telemetry keeps few in memory."""

from __future__ import annotations

from attrs import evolve
from support.events import ACCEPTED, ENDED, SENT

from pika_async import GenerationRequest

MOST = 50
OTHER = "_OTHER"


def job(telemetry, number, model):
    """A whole job of that model."""
    request = GenerationRequest("a red panda", model=model)
    names = {"submit_id": f"s-{number}", "request": request}
    telemetry(evolve(SENT, **names))
    telemetry(evolve(ACCEPTED, job_id=f"job-{number}", **names))
    telemetry(evolve(ENDED, job_id=f"job-{number}"))


def by_model(backend, metric="pika.client.job.polls"):
    return {
        point.attributes.get("gen_ai.request.model"): point.count
        for point in backend.points(metric)
    }


def test_models_beyond_the_first_fifty_are_one(backend):
    """A model is any text; a field of a web form must not become a series each."""
    telemetry = backend.telemetry()
    for number in range(200):
        job(telemetry, number, f"vendor/model/{number}")
    told = by_model(backend)
    assert len(told) == MOST + 1
    assert (told["vendor/model/0"], told[OTHER]) == (1, 200 - MOST)
    assert len(telemetry._metrics._kinds) == MOST + 1
    assert len(backend.points("pika.client.jobs.in_flight")) == MOST + 1
    assert sum(point.value for point in backend.points("pika.client.jobs.in_flight")) == 0


def test_those_that_are_known_keep_their_own_series_and_so_does_the_usual_one(backend):
    telemetry = backend.telemetry()
    job(telemetry, 1000, "2.2")
    for number in range(100):
        job(telemetry, number, f"m/{number}")
    job(telemetry, 1001, "2.2")
    job(telemetry, 1002, None)
    told = by_model(backend)
    assert (told["2.2"], told[None]) == (2, 1)
    assert sum(told.values()) == 103


def test_a_span_names_its_model_all_the_same(backend):
    """Spans are no series; their names are, in some backends."""
    telemetry = backend.telemetry()
    for number in range(MOST + 1):
        job(telemetry, number, f"m/{number}")
    first, *_, last = [span for span in backend.spans if span.name != "pika submit"]
    assert (first.name, first.attributes["gen_ai.request.model"]) == ("generate_content m/0", "m/0")
    assert (last.name, last.attributes["gen_ai.request.model"]) == ("generate_content", f"m/{MOST}")
