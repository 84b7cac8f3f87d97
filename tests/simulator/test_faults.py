import random

import pytest
from attrs import frozen
from attrs.exceptions import FrozenInstanceError
from support.tables import every_row

from pika_async.simulator import FAULTS, Fault, Simulator
from pika_async.simulator._faults import Ledger, encoded, headers
from pika_async.simulator._services.gateway.service import Gateway


def strikes(faults, place="submit", count=1, *, job_id=None, seed=0):
    ledger = Ledger(random.Random(seed))  # noqa: S311 - reproducible, not secret
    return [ledger.pick(faults, place, job_id) for _ in range(count)]


def test_a_fault_takes_the_place_its_row_names_first():
    assert Fault("502-html").on == "submit"
    assert Fault("unknown-404").on == "poll"
    assert Fault("cut").on == "download"


def test_a_fault_creates_the_job_when_its_row_says_so():
    assert Fault("504-html").started
    assert not Fault("502-html").started
    assert Fault("502-html", started=True).started


def test_a_fault_is_frozen():
    with pytest.raises(FrozenInstanceError):
        Fault("502-html").times = 3  # type: ignore[misc]


@every_row(("typo", "nearest"), [("502html", "502-html"), ("reset", "reset-after")])
def test_an_unknown_name_is_answered_with_the_nearest(typo, nearest):
    """And with the command that names all: 130 names are no sentence."""
    with pytest.raises(ValueError, match="no fault") as caught:
        Fault(typo)
    assert str(caught.value) == (
        f"There is no fault '{typo}'. Did you mean '{nearest}'? "
        f"`pika-async simulate --list` names all {len(FAULTS)}."
    )


def test_a_status_is_answered_with_the_names_of_that_status():
    """Whoever gives the status alone is to find the name among a few, and not among all."""
    with pytest.raises(ValueError, match=r"no fault '402'\.") as caught:
        Fault("402")
    assert str(caught.value) == (
        "There is no fault '402'. Those of 402 are: 402-quota-not-enough, 402-balance. "
        f"`pika-async simulate --list` names all {len(FAULTS)}."
    )


def test_a_name_like_no_other_is_answered_with_the_command_that_names_all():
    with pytest.raises(ValueError, match=r"no fault 'zzz'\. `pika-async simulate --list` names"):
        Fault("zzz")


def test_a_name_among_few_is_answered_with_all_of_them():
    with pytest.raises(ValueError, match=r"no service 'zzz'\. There are: gateway, pika, fal\.$"):
        Simulator(service="zzz")


@every_row(
    ("name", "arguments", "sentence"),
    [
        ("cut", {"on": "submit"}, "it is for 'download', not for on='submit'"),
        ("408", {"on": "upload"}, "it is for 'submit' and 'poll' and 'download' and 'result', not"),
        ("408", {"job_id": "x"}, "a submit has no job_id yet"),
        ("custom", {}, "it needs a status"),
        ("custom", {"status": 100}, "from 200 to 599"),
        ("408", {"probability": 1.5}, "from 0 to 1"),
        ("408", {"times": -1}, "times=-1 must not be negative"),
        ("408", {"after": -1}, "after=-1 must not be negative"),
        ("408", {"seconds": -1}, "seconds=-1 must not be negative"),
        ("408", {"retry_after": -1}, "retry_after=-1 must not be negative"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_with_a_sentence(name, arguments, sentence):
    with pytest.raises(ValueError, match=f"Fault\\('{name}'\\): .*{sentence}"):
        Fault(name, **arguments)


def test_a_fault_strikes_once_unless_told_otherwise():
    fault = Fault("502-html")

    assert [fault, None, None] == strikes([fault], count=3)


def test_a_fault_strikes_as_often_as_told():
    fault = Fault("502-html", times=2)

    assert [fault, fault, None] == strikes([fault], count=3)


def test_a_fault_without_times_always_strikes():
    fault = Fault("502-html", times=None)

    assert [fault] * 20 == strikes([fault], count=20)


def test_a_fault_lets_the_first_requests_pass():
    fault = Fault("502-html", after=2)

    assert [None, None, fault, None] == strikes([fault], count=4)


def test_faults_strike_one_after_the_other():
    first, second = Fault("502-html"), Fault("429-empty")

    assert [first, second, None] == strikes([first, second], count=3)


def test_equal_faults_each_strike():
    faults = [Fault("502-html"), Fault("502-html")]

    assert sum(fault is not None for fault in strikes(faults, count=5)) == 2


def test_one_fault_listed_twice_strikes_twice():
    assert sum(fault is not None for fault in strikes([Fault("502-html")] * 2, count=5)) == 2


def test_a_fault_strikes_only_in_its_place():
    assert strikes([Fault("502-html", on="poll")], "submit") == [None]


def test_a_fault_of_a_job_strikes_only_that_job():
    fault = Fault("502-html", on="poll", job_id="a")

    assert strikes([fault], "poll", job_id="b") == [None]
    assert [fault] == strikes([fault], "poll", job_id="a")


def test_probability_is_drawn_from_the_seed():
    faults = [Fault("502-html", times=None, probability=0.3)]

    first, again = (strikes(faults, count=1000, seed=7) for _ in range(2))

    assert first == again
    assert 250 < sum(fault is not None for fault in first) < 350


def test_probability_zero_never_strikes():
    assert strikes([Fault("502-html", probability=0.0)], count=100) == [None] * 100


@frozen
class Case:
    fault: Fault
    retry_after: str | None


@every_row(
    "case",
    [
        Case(Fault("429-openai"), None),
        Case(Fault("429-openai", retry_after=2.5), "2.5"),
        Case(Fault("429-retry-after-seconds"), "1"),
        Case(Fault("429-retry-after-seconds", retry_after=30), "30"),
        Case(Fault("429-retry-after-date"), "Thu, 01 Jan 1970 00:16:42 GMT"),
        Case(Fault("429-retry-after-date", retry_after=60), "Thu, 01 Jan 1970 00:17:41 GMT"),
    ],
)
def test_retry_after_is_in_seconds_or_a_date_rounded_up(case):
    assert case.retry_after == headers(case.fault, wall=1000.5).get("Retry-After")


def test_headers_of_a_fault_win():
    fault = Fault("503-retry-after", headers={"Retry-After": "soon", "X-Other": "1"})

    assert headers(fault, wall=0) == {"Retry-After": "soon", "X-Other": "1"}


@every_row(
    ("body", "raw", "kind"),
    [
        ({"a": 1}, b'{"a":1}', "application/json; charset=utf-8"),
        ([], b"[]", "application/json; charset=utf-8"),
        ("<html>", b"<html>", "text/html; charset=utf-8"),
        ("<?xml version", b"<?xml version", "application/xml"),
        (b"\x00", b"\x00", None),
        (b"", b"", None),
    ],
)
def test_the_body_decides_the_content_type(body, raw, kind):
    assert (raw, kind) == encoded(body, Gateway(), "id")


def test_a_body_of_the_row_mentions_the_request():
    raw, _ = encoded(FAULTS["401-new-api-error"].body, Gateway(), "sim7")

    assert b"(request id: sim7)" in raw


def test_every_row_of_the_catalogue_can_be_made_where_it_goes():
    for name, row in FAULTS.items():
        for place in row.places:
            arguments = {"status": 500} if name == "custom" else {}
            assert Fault(name, on=place, **arguments).row is row


def test_a_fault_for_a_prompt_strikes_that_prompt_alone():
    fault = Fault("502-html", prompt="the bad one", times=None)
    ledger = Ledger(random.Random(0))  # noqa: S311 - reproducible, not secret

    assert ledger.pick([fault], "submit", prompt="the bad one") is fault
    assert ledger.pick([fault], "submit", prompt="another") is None
    assert ledger.pick([fault], "submit") is None
