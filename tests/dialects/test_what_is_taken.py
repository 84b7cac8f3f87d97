"""What a service's check lets through is what the service takes; what it refuses, others take.

Any few fields together, at every service: the body that comes of them is held against the strict
schema of the model that it goes to, and a refusal against what the other services say themselves.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pika_async import Camera, FieldError, GenerationRequest
from pika_async._http import Endpoint
from pika_async._wire.upload import stood_in
from pika_async.dialects import SERVICES, check_at, service_named
from pika_async.simulator._services.fal import requests as at_fal
from pika_async.simulator._services.gateway import requests as at_gateway
from pika_async.simulator._services.pika import requests as at_pika

IMAGE, VIDEO = "https://media.example/i.png", "https://media.example/v.mp4"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
HERE = "https://service.example"
ENDPOINT = Endpoint(
    base_url=HERE, api_key="key-of-the-test", hosts={"rest": HERE, "platform": HERE}
)

VALUES = {
    "image": [IMAGE, PNG, "data:image/png;base64,iVBORw0KGgo="],
    "video": [VIDEO],
    "pikaffect": ["Cake-ify", "Anime Cat", "90s Me", "Of tomorrow"],
    "model": ["1.5", "2", "2-turbo", "2.1", "2.2", "2.5", "v2/turbo"],
    "resolution": ["480p", "720p", "1080p"],
    "duration": [1, 5, 10, 15],
    "keyframes": [[IMAGE] * 2, [IMAGE] * 3, [IMAGE, PNG], [IMAGE] * 5],
    "keyframe_seconds": [1, 5, 6, 10, 25, [5, 5], [3, 7], [10]],
    "ingredients": [[IMAGE], [IMAGE] * 3],
    "ingredients_mode": ["precise", "creative"],
    "region": ["the hat"],
    "mask": [IMAGE],
    "aspect_ratio": ["16:9", "4:3", "2:3", 1, 2.5],
    "frame_rate": [24],
    "camera": [Camera(zoom="in")],
    "guidance_scale": [12.0],
    "motion": [2],
    "negative_prompt": ["blurry"],
    "seed": [0, 7, 2**31],
    "extend": [True],
}

# What each endpoint of fal has a place for; WIRE facts, in its own names.
_COMMON = {"prompt", "negative_prompt", "seed"}
_TEXT = _COMMON | {"resolution", "duration", "aspect_ratio"}
_IMAGE = _COMMON | {"resolution", "duration", "image_url"}
FAL = {
    "v2.5/text-to-video": _TEXT - {"aspect_ratio"},
    **{f"{version}/text-to-video": _TEXT for version in ("v2.2", "v2.1", "v2/turbo")},
    **{f"{version}/image-to-video": _IMAGE for version in ("v2.2", "v2.1", "v2/turbo")},
    "v2.2/pikascenes": _TEXT | {"image_urls", "ingredients_mode"},
    "v2.2/pikaframes": _COMMON | {"resolution", "image_urls", "transitions"},
    "v1.5/pikaffects": _COMMON | {"image_url", "pikaffect"},
    "v2/pikadditions": _COMMON | {"video_url", "image_url"},
    "v2/pikaswaps": {"prompt", "seed", "video_url", "image_url", "modify_region"},
}


def pika_complains(path, body):
    return at_pika.complaint(path.removeprefix("v1/media/"), body)


def fal_complains(path, body):
    endpoint = path.removeprefix("fal-ai/pika/")
    unknown = sorted(body.keys() - FAL[endpoint])
    steps = [step["duration"] for step in body.get("transitions", ())]
    wrong_steps = "transitions" in body and (
        len(steps) != len(body["image_urls"]) - 1 or sum(steps) > 25
    )
    old = body.get("resolution") == "480p" and not endpoint.startswith("v2.5")
    return unknown or wrong_steps or old or at_fal.complaints(endpoint, body)


def gateway_complains(_, body):
    return at_gateway.complaint(body)


COMPLAINS = {"gateway": gateway_complains, "pika": pika_complains, "fal": fal_complains}

# A few fields out of twenty: more often than others, to meet those that do not go together.
OFTEN = settings(max_examples=4 * settings.default.max_examples)


# Chance alone seldom draws fields that need each other.
TOGETHER = [
    ("keyframes", "keyframe_seconds"),
    ("ingredients", "ingredients_mode"),
    ("image", "pikaffect"),
    ("video", "image"),
    ("video", "region"),
]


@st.composite
def requests(draw):
    apart = st.lists(st.sampled_from(list(VALUES)), max_size=3, unique=True)
    names = {*draw(st.sampled_from([(), *TOGETHER])), *draw(apart)}
    fields = {name: draw(st.sampled_from(VALUES[name])) for name in sorted(names)}
    prompt = draw(st.sampled_from(["a cat", "Anime Cat"]))
    try:
        return fields, GenerationRequest(prompt, **fields)
    except ValueError:
        return fields, None


def refusal(service, request) -> FieldError | None:
    try:
        check_at(service_named(service), request)
    except FieldError as error:
        return error
    return None


@pytest.mark.parametrize("service", COMPLAINS)
@given(drawn=requests())
@OFTEN
def test_what_is_let_through_is_a_body_that_the_model_takes(service, drawn):
    _, request = drawn
    if request is None or refusal(service, request) is not None:
        return
    dialect = service_named(service)
    sent = dialect.encode_submit(ENDPOINT, stood_in(request), "0" * 32)
    path = sent.url.removeprefix(f"{HERE}/")
    assert not COMPLAINS[service](path, json.loads(sent.body))


@given(drawn=requests())
@OFTEN
def test_what_is_refused_names_the_field_and_the_services_that_would_take_it(drawn):
    fields, request = drawn
    if request is None:
        return
    refusals = {service: refusal(service, request) for service in SERVICES}
    takers = tuple(service for service, error in refusals.items() if error is None)
    if "/" in (request.model or ""):
        # One service has a model of that path, and the others are not looked at.
        takers = ()
    for error in refusals.values():
        if error is not None:
            assert tuple(error.services) == takers
            # One that was given, or that is missing beside one that was.
            assert error.field in {*fields, "prompt", "image", "video", "keyframes"}
            assert error.allowed
