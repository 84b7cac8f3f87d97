import json

import pytest

from pika_async.simulator import VARIANTS
from pika_async.simulator._services.gateway.answers import (
    created,
    encode,
    feed,
    openai_error,
    task_error,
)

MEDIA = "http://media.test"


def answers(job, *times):
    return [json.loads(feed(job, job.look(at), MEDIA)) for at in times]


def first_videos(job, *times):
    return [answer["videos"][0] for answer in answers(job, *times)]


def test_an_error_mentions_the_request():
    assert b"(request id: sim1)" in encode(openai_error("Bad"), "sim1")


def test_an_error_of_the_task_part_has_code_message_and_data():
    assert task_error("c", "m") == {"code": "c", "message": "m", "data": None}


def test_a_submit_is_answered_with_id_and_message(make_job):
    assert json.loads(created(make_job())) == {
        "id": "job-1",
        "message": "YEScale - Pika Video Generation - Submit",
    }


@pytest.mark.parametrize(
    ("variant", "path"),
    [
        ("create-bare-id", ["id"]),
        ("id-in-data-task-id", ["data", "task_id"]),
        ("id-in-data-id", ["data", "id"]),
        ("id-in-task-id", ["task_id"]),
        ("id-in-video-id", ["video_id"]),
        ("id-is-data", ["data"]),
        ("id-in-data-job-id", ["data", "job", "id"]),
    ],
)
def test_the_id_of_a_submit_may_be_elsewhere(make_job, variant, path):
    value = json.loads(created(make_job(variant)))
    if variant != "create-bare-id":
        assert "id" not in value
    for name in path:
        value = value[name]

    assert value == "job-1"


def test_a_bare_id_stands_alone(make_job):
    assert json.loads(created(make_job("create-bare-id"))) == {"id": "job-1"}


def test_leftovers_of_a_submit_stand_before_the_id(make_job):
    answer = json.loads(created(make_job("create-leftovers")))

    assert answer["id"] == "job-1"
    assert list(answer).index("request_id") < list(answer).index("id")
    assert answer["batch_id"]


def test_a_feed_is_full_from_the_start(make_job):
    (answer,) = answers(make_job(), 0)

    assert answer == {
        "id": "job-1",
        "promptText": "A red panda, surfing",
        "videos": [
            {
                "id": "job-1",
                "status": "queued",
                "progress": 0,
                "seed": 3183047765,
                "duration": 2,
                "error": "",
                "resultUrl": "",
                "sharingUrl": "",
                "videoPoster": "",
                "imageThumb": "",
            }
        ],
    }


def test_a_finished_video_has_its_links(make_job):
    (video,) = first_videos(make_job(), 100)

    folder = f"{MEDIA}/v1/job-1/0"
    assert video["status"] == "finished"
    assert f"{folder}/A_red_panda_surfing_seed3183047765.mp4" == video["resultUrl"]
    assert f"{folder}/A_red_panda_surfing_seed3183047765_share.mp4" == video["sharingUrl"]
    assert f"{folder}/poster.jpg" == video["videoPoster"]
    assert f"{folder}/thumbnail.jpg" == video["imageThumb"]


def test_a_prompt_without_latin_letters_still_makes_a_link(make_job):
    (video,) = first_videos(make_job(body={"promptText": "红熊猫"}), 100)

    assert video["resultUrl"].endswith("/video_seed3183047765.mp4")


def test_a_failed_video_says_why_and_has_no_links(make_job):
    (video,) = first_videos(make_job(outcome="error", reason="prompt not allowed"), 100)

    assert (
        video["status"],
        video["error"],
        video["resultUrl"],
    ) == ("error", "prompt not allowed", "")


@pytest.mark.parametrize("variants", [[], ["reason-empty"]])
def test_a_reason_may_be_empty(make_job, variants):
    reason = "lost" if variants else ""
    (video,) = first_videos(make_job(*variants, outcome="error", reason=reason), 100)

    assert video["error"] == ""


def test_a_sparse_pending_video_is_id_status_and_progress(make_job):
    queued, pending, finished = first_videos(make_job("sparse-pending"), 0, 60, 100)

    assert queued == {"id": "job-1", "status": "queued", "progress": 0}
    assert pending == {"id": "job-1", "status": "pending", "progress": 50}
    assert finished["seed"]


def test_a_sparse_finished_video_is_status_and_link(make_job):
    (video,) = first_videos(make_job("sparse-finished"), 100)

    assert {"status", "resultUrl"} == set(video)


def test_videos_may_be_empty_at_first(make_job):
    first, second = answers(make_job("videos-empty-first"), 100, 100)

    assert first["videos"] == []
    assert len(second["videos"]) == 1


def test_videos_may_be_missing_at_first(make_job):
    first, second = answers(make_job("videos-missing-first"), 100, 100)

    assert "videos" not in first
    assert len(second["videos"]) == 1


def test_leftovers_stand_beside_the_videos(make_job):
    (answer,) = answers(make_job("leftovers"), 0)

    assert {"message", "artifact", "created_at", "last_frame", "thumbnail", "video_raw"} <= set(
        answer
    )


def test_several_videos_have_ids_seeds_and_links_of_their_own(make_job):
    (answer,) = answers(make_job(videos=3), 100)

    for name in ("id", "seed", "resultUrl", "videoPoster"):
        assert len({video[name] for video in answer["videos"]}) == 3


def test_of_mixed_outcomes_some_have_links_and_one_a_reason(make_job):
    (answer,) = answers(make_job("mixed-outcomes", videos=2), 100)

    good, bad = answer["videos"]
    assert good["resultUrl"]
    assert (bad["status"], bad["error"]) == ("error", "this video failed")


def test_big_seeds_need_more_than_53_bits(make_job):
    (video,) = first_videos(make_job("big-seeds"), 100)

    assert video["seed"] > 2**53


def test_progress_may_be_missing(make_job):
    for video in first_videos(make_job("progress-missing"), 0, 60, 100):
        assert "progress" not in video


def test_progress_may_go_back(make_job):
    shares = [v["progress"] for v in first_videos(make_job("progress-wanders"), 60, 61, 62, 100)]

    assert shares == [75, 25, 76, 100]


def test_a_link_may_come_later_than_the_end(make_job):
    videos = first_videos(make_job("link-late"), 100, 100, 100)

    assert [video["status"] for video in videos] == ["finished"] * 3
    assert [bool(video["resultUrl"]) for video in videos] == [False, False, True]


def test_links_that_expire_differ_in_each_answer(make_job):
    videos = first_videos(make_job("links-expire"), 100, 100)

    assert [video["resultUrl"][-12:] for video in videos] == ["?signature=1", "?signature=2"]


def test_an_unknown_status_comes_once(make_job):
    videos = first_videos(make_job("unknown-status"), 0, 60, 61, 100)

    assert [video["status"] for video in videos] == ["queued", "upscaling", "pending", "finished"]


def test_an_unknown_status_has_no_link_even_at_the_end(make_job):
    first, second = first_videos(make_job("unknown-status"), 100, 100)

    assert (first["status"], first["resultUrl"]) == ("upscaling", "")
    assert second["status"] == "finished"


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, ["queued", "processing", "succeeded"]), (1, ["queued", "running", "completed"])],
)
def test_statuses_may_be_the_words_of_siblings(make_job, number, words):
    videos = first_videos(make_job("sibling-words", number=number), 0, 60, 100)

    assert words == [video["status"] for video in videos]


def test_an_odd_id_is_quoted_in_links(make_job):
    (video,) = first_videos(make_job(id="a/b c?"), 100)

    assert "/v1/a%2Fb%20c%3F/0/" in video["resultUrl"]


def test_every_variant_has_a_sentence():
    assert all(len(sentence) > 10 for sentence in VARIANTS.values())
