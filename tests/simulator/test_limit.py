import pytest

from pika_async.simulator._limit import Bucket


def test_one_seconds_worth_goes_through_at_once():
    bucket = Bucket()

    assert [bucket.take(3, 100.0) for _ in range(3)] == [0, 0, 0]


def test_the_next_one_is_told_how_long_to_wait():
    bucket = Bucket()
    for _ in range(4):
        bucket.take(4, 100.0)

    assert bucket.take(4, 100.0) == 0.25


def test_tokens_come_back_with_time():
    bucket = Bucket()
    for _ in range(4):
        bucket.take(4, 100.0)

    assert bucket.take(4, 100.25) == 0
    assert bucket.take(4, 100.25) > 0


def test_a_refusal_takes_no_token():
    bucket = Bucket()
    bucket.take(1, 100.0)
    for _ in range(50):
        bucket.take(1, 100.5)

    assert bucket.take(1, 101.0) == 0


def test_tokens_do_not_pile_up_beyond_one_second():
    bucket = Bucket()
    bucket.take(2, 0.0)

    assert [bucket.take(2, 1e6) == 0 for _ in range(3)] == [True, True, False]


def test_a_rate_below_one_a_second_lets_one_through():
    bucket = Bucket()

    assert bucket.take(0.1, 0.0) == 0
    assert pytest.approx(10) == bucket.take(0.1, 0.0)
