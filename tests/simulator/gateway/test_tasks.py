import json

import pytest

from pika_async.simulator._services.gateway.answers import created, feed

MEDIA = "http://media.test"
LINK = f"{MEDIA}/v1/job-1/0/A_red_panda_surfing_seed3183047765.mp4"


def answers(job, *times):
    return [json.loads(feed(job, job.look(at), MEDIA)) for at in times]


def tasks(job, *times):
    return [answer["data"] for answer in answers(job, *times)]


def test_a_task_stands_in_data_and_names_the_job(make_job):
    (answer,) = answers(make_job("task"), 0)

    assert (answer["code"], answer["message"]) == ("success", "")
    assert answer["data"]["task_id"] == "job-1"
    assert answer["data"]["id"] == 1
    assert "videos" not in answer


def test_its_words_are_those_of_the_software(make_job):
    words = [task["status"] for task in tasks(make_job("task"), 0, 0, 0, 60, 100)]

    assert words == ["NOT_START", "SUBMITTED", "QUEUED", "IN_PROGRESS", "SUCCESS"]


def test_its_progress_has_a_percent_sign(make_job):
    assert [task["progress"] for task in tasks(make_job("task"), 0, 60, 100)] == [
        "0%",
        "50%",
        "100%",
    ]


def test_it_has_its_link_at_the_end(make_job):
    assert [task["result_url"] for task in tasks(make_job("task"), 60, 100)] == ["", LINK]


def test_it_gives_the_reason_of_a_failure(make_job):
    (task,) = tasks(make_job("task", outcome="error", reason="prompt not allowed"), 100)

    assert (task["status"], task["fail_reason"]) == ("FAILURE", "prompt not allowed")
    assert task["result_url"] == ""


def test_the_first_answer_may_be_a_feed_and_the_others_tasks(make_job):
    first, second = answers(make_job("task-later"), 60, 60)

    assert first["videos"]
    assert second["data"]["status"] == "IN_PROGRESS"


def test_a_task_may_stand_alone(make_job):
    (answer,) = answers(make_job("task-bare"), 100)

    assert (answer["status"], answer["result_url"]) == ("SUCCESS", LINK)


def test_the_link_may_be_in_the_videos_within(make_job):
    (task,) = tasks(make_job("task-with-feed"), 100)

    assert task["result_url"] == ""
    assert task["data"]["videos"][0]["resultUrl"] == LINK


def test_the_link_may_stand_where_reasons_do(make_job):
    (task,) = tasks(make_job("task-with-link-as-reason"), 100)

    assert (task["fail_reason"], task["result_url"]) == (LINK, "")


@pytest.mark.parametrize(
    ("outcomes", "word"), [({"videos": 2}, "SUCCESS"), ({"videos": 2, "mixed": True}, "FAILURE")]
)
def test_several_videos_have_one_word(make_job, outcomes, word):
    mixed = ["mixed-outcomes"] if outcomes.pop("mixed", False) else []
    pending, ended = tasks(make_job("task", *mixed, **outcomes), 60, 100)

    assert (pending["status"], ended["status"]) == ("IN_PROGRESS", word)


def test_a_status_that_nobody_documented_is_told_in_its_spelling(make_job):
    (task,) = tasks(make_job("task", "unknown-status"), 60)

    assert task["status"] == "UPSCALING"


def test_ids_that_are_numbers_are_told_as_numbers(make_job):
    job = make_job("number-ids", id="1234567")
    (answer,) = answers(job, 0)

    assert json.loads(created(job))["id"] == 1234567
    assert (answer["id"], answer["videos"][0]["id"]) == (1234567, 1234567)


def test_the_request_may_be_echoed(make_job):
    job = make_job("echo")
    (answer,) = answers(job, 0)

    assert json.loads(created(job))["input"] == job.body
    assert answer["input"] == job.body
