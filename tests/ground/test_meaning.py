"""Money and advice as values, and the sentences that are made of them."""

from __future__ import annotations

import pickle

from support.tables import every_row

from pika_async import Action, Advice, MoneyMeaning, Started
from pika_async._meaning import PYTHON, Spelling, in_sentences, runs_on

SHELL = Spelling(
    wait=lambda job_id: f"`watch {job_id}`",
    look=lambda job_id: f"`look {job_id}`",
    overwrite="Add --overwrite",
    resubmit_uncertain="--resubmit-uncertain",
    allow_insecure="--allow-insecure",
)


@every_row("money", MoneyMeaning)
@every_row("action", [None, *Action])
def test_every_money_with_every_advice_makes_whole_sentences(money, action):
    said = in_sentences(money, None if action is None else Advice(action, "j-1"))
    assert said[0].isupper()
    assert said.endswith(".")
    assert "None" not in said


@every_row(
    ("money", "words"),
    [
        (MoneyMeaning.NOT_SENT, "Nothing was sent."),
        (MoneyMeaning.NOT_CHARGED, "Nothing was started and nothing is charged."),
        (MoneyMeaning.MAY_BE_CHARGED, "may be billed, so no second job was asked for."),
        (MoneyMeaning.STAYS_PAID, "It stays paid for."),
        (MoneyMeaning.SERVICE_DECIDES, "Whether a failed job is charged is the service's to say"),
    ],
)
def test_without_advice_the_money_alone_is_told(money, words):
    assert words in in_sentences(money, None)


@every_row(
    ("action", "python", "shell"),
    [
        (Action.WAIT_FOR_JOB, "client.job('j-1').result()", "`watch j-1`"),
        (Action.LOOK_AT_JOB, "client.job('j-1').refresh()", "`look j-1`"),
        (Action.OVERWRITE, "Pass overwrite=True", "Add --overwrite"),
        (Action.ALLOW_INSECURE, "allow_insecure=True", "--allow-insecure"),
        (Action.CHECK_USAGE, "resubmit_uncertain=True", "--resubmit-uncertain"),
    ],
)
def test_what_is_to_be_typed_is_spelt_for_its_reader_and_the_rest_is_the_same(
    action, python, shell
):
    advice = Advice(action, "j-1", journalled=True)
    ours = in_sentences(MoneyMeaning.STAYS_PAID, advice)
    theirs = in_sentences(MoneyMeaning.STAYS_PAID, advice, SHELL)
    assert python in ours
    assert shell in theirs
    assert ours.replace(python, shell) == theirs


@every_row(
    ("action", "to_do"),
    [
        (Action.TOP_UP, "Top up the account, or raise its limit, before the next submit."),
        (Action.CHECK_KEY, "Check the key and what its account allows."),
    ],
)
def test_what_to_do_about_an_account_is_told_after_the_money(action, to_do):
    assert in_sentences(MoneyMeaning.NOT_CHARGED, Advice(action)) == (
        f"Nothing was started and nothing is charged. {to_do}"
    )


def test_submitting_the_uncertain_again_is_advised_only_where_a_journal_can_decide():
    without = in_sentences(MoneyMeaning.MAY_BE_CHARGED, Advice(Action.CHECK_USAGE))
    assert PYTHON.resubmit_uncertain not in without


def test_a_job_that_runs_on_is_waited_for_and_not_submitted_again():
    assert runs_on("j-1") == (
        "Job j-1 runs on at the service and stays paid for: wait for it again with "
        "client.job('j-1').result(), do not submit it again."
    )


def test_advice_is_a_value_that_travels():
    advice = Advice(Action.WAIT_FOR_JOB, "j-1", journalled=True)
    assert pickle.loads(pickle.dumps(advice)) == advice  # noqa: S301 - our own bytes
    match advice:
        case Advice(Action.WAIT_FOR_JOB, job_id):
            assert job_id == "j-1"
    assert Advice(Action.TOP_UP) == Advice(Action.TOP_UP, None, journalled=False)


def test_values_are_their_own_text_so_that_json_and_logs_can_hold_them():
    for kind in (Action, MoneyMeaning, Started):
        assert [str(one) for one in kind] == [one.name.lower() for one in kind]
