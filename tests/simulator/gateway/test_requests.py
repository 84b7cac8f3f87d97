import copy
import json

from support.tables import every_row

from pika_async import PikaClient
from pika_async.simulator import Polls, Simulator
from pika_async.simulator._services._service import read_object
from pika_async.simulator._services.gateway.requests import complaint

SEED_EXAMPLE = {
    "pikaffect": "Dissolve",
    "promptText": "Cinematic shot",
    "model": "1.5",
    "image": "https://img.upanh.tv/2025/05/23/b69ee84d-849d-48c0-863a-40b646190dd6.png",
    "options": {
        "aspectRatio": 1.7777777777777777,
        "frameRate": 24,
        "camera": {},
        "parameters": {"guidanceScale": 12, "motion": 1, "negativePrompt": ""},
        "extend": False,
    },
}
GONE = object()


def changed(path, value):
    body = copy.deepcopy(SEED_EXAMPLE)
    *parents, name = path.split(".")
    place = body
    for parent in parents:
        place = place[parent]
    if value is GONE:
        del place[name]
    else:
        place[name] = value
    return body


def test_the_example_of_the_page_is_accepted():
    assert complaint(SEED_EXAMPLE) is None


def test_the_least_that_is_needed_is_accepted():
    least = {"promptText": "x", "model": "1.5", "options": {"parameters": {}, "extend": False}}

    assert complaint(least) is None


@every_row("path", ["promptText", "model", "options", "options.parameters", "options.extend"])
def test_what_is_required_must_be_there(path):
    assert f"field {path} is required" == complaint(changed(path, GONE))


@every_row("path", ["promptText", "model", "image", "pikaffect"])
def test_a_text_that_is_there_must_not_be_empty(path):
    assert f"field {path} must not be empty" == complaint(changed(path, ""))


@every_row(
    ("path", "value", "kinds"),
    [
        ("model", 1.5, ("number", "string")),
        ("promptText", None, ("null", "string")),
        ("promptText", ["x"], ("array", "string")),
        ("image", 7, ("number", "string")),
        ("options", "none", ("string", "object")),
        ("options.extend", 0, ("number", "bool")),
        ("options.extend", "false", ("string", "bool")),
        ("options.frameRate", True, ("bool", "number")),
        ("options.camera", [], ("array", "object")),
        ("options.parameters.seed", 1.5, ("number", "number")),
    ],
)
def test_a_value_of_another_type_is_refused_in_the_words_of_the_decoder(path, value, kinds):
    found, expected = kinds
    sentence = f"json: cannot unmarshal {found} into Go struct field .{path} of type {expected}"

    assert sentence == complaint(changed(path, value))


@every_row(
    ("path", "low", "high"),
    [
        ("options.aspectRatio", 0.4, 2.5),
        ("options.frameRate", 1, 24),
        ("options.parameters.guidanceScale", 5, 25),
        ("options.parameters.motion", 0, 4),
    ],
)
def test_numbers_have_bounds_which_are_allowed_themselves(path, low, high):
    sentence = f"field {path} must be between {low} and {high}"

    assert complaint(changed(path, low)) is None
    assert complaint(changed(path, high)) is None
    assert sentence == complaint(changed(path, low - 0.1))
    assert sentence == complaint(changed(path, high + 0.1))


def test_fields_that_are_not_known_are_let_through():
    assert complaint(SEED_EXAMPLE | {"newer": 1}) is None


@every_row("raw", [b"", b"[]", b'"text"', b"null", b"{", b"\xff\xfe{}"])
def test_a_body_that_is_no_json_object_is_refused(raw):
    assert read_object(raw) is None
    assert complaint(read_object(raw)) == "the request body is not a JSON object"


def test_a_json_object_is_read():
    assert read_object(json.dumps(SEED_EXAMPLE).encode()) == SEED_EXAMPLE


async def test_a_seed_that_is_asked_for_is_the_videos_seed():
    async with (
        Simulator(duration=Polls(1), queue=0, videos_per_job=2) as sim,
        PikaClient("key", base_url=sim.url) as client,
    ):
        job = await client.submit("a red panda", seed=2**40)
        state = await job.refresh()
    assert [video.seed for video in state.videos] == [2**40, 2**40 + 1]
