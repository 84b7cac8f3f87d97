"""Where a POST stands on its way out: every step from everywhere, and the one gate."""

from __future__ import annotations

import pytest
from support.tables import every_row

from pika_async._wire.departure import PIECE, STEPS, Departure, Stand, Step, WithdrawnError

# From where each step leads where; what is not here is refused and changes nothing.
TABLE = [
    (Stand.READY, Step.BEGIN, Stand.LEAVING),
    (Stand.READY, Step.WITHDRAW, Stand.WITHDRAWN),
    (Stand.READY, Step.ANSWER, Stand.ANSWERED),
    (Stand.LEAVING, Step.COMPLETE, Stand.WHOLE),
    (Stand.LEAVING, Step.ANSWER, Stand.ANSWERED),
    (Stand.WHOLE, Step.ANSWER, Stand.ANSWERED),
]
REFUSED = [
    (stand, step)
    for stand in Stand
    for step in Step
    if (stand, step) not in {(before, taken) for before, taken, _ in TABLE}
]


def standing(stand: Stand) -> Departure:
    departure = Departure()
    departure.stand = stand
    return departure


def pieces(departure: Departure, body: bytes) -> list[bytes]:
    return list(departure.pieces(body))


@every_row(("before", "step", "after"), TABLE)
def test_a_step_leads_where_the_table_says(before, step, after):
    departure = standing(before)
    assert departure.take(step)
    assert departure.stand is after


@every_row(("stand", "step"), REFUSED)
def test_any_other_step_is_refused_and_changes_nothing(stand, step):
    departure = standing(stand)
    assert not departure.take(step)
    assert departure.stand is stand


def test_the_table_is_whole():
    assert len(STEPS) == len(TABLE)


@every_row("stand", [Stand.LEAVING, Stand.WHOLE, Stand.ANSWERED])
def test_what_has_begun_to_leave_cannot_be_called_off(stand):
    departure = standing(stand)
    assert not departure.withdraw()
    assert departure.has_begun


def test_it_can_be_called_off_twice():
    departure = Departure()
    assert departure.withdraw()
    assert departure.withdraw()
    assert departure.is_withdrawn


@every_row(
    ("stand", "may_have"),
    [
        (Stand.READY, False),
        (Stand.LEAVING, False),
        (Stand.WHOLE, True),
        (Stand.ANSWERED, True),
        (Stand.WITHDRAWN, False),
    ],
)
def test_a_job_may_exist_from_the_last_piece_on(stand, may_have):
    assert standing(stand).may_have_started is may_have


class TestThePieces:
    @pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 7])
    def test_they_are_the_body(self, size):
        body = bytes(index % 251 for index in range(size))
        departure = Departure()
        given = pieces(departure, body)
        assert b"".join(given) == body
        assert all(len(piece) <= PIECE for piece in given)
        assert departure.stand is Stand.WHOLE

    def test_a_body_of_one_piece_is_whole_before_it_is_handed_over(self):
        departure = Departure()
        for _ in departure.pieces(b"{}"):
            assert departure.stand is Stand.WHOLE

    def test_a_longer_one_is_whole_only_when_its_last_piece_is_handed_over(self):
        departure = Departure()
        seen = [departure.stand for _ in departure.pieces(bytes(2 * PIECE + 1))]
        assert seen == [Stand.LEAVING, Stand.LEAVING, Stand.WHOLE]

    def test_whoever_measures_silence_is_told_of_each_piece(self):
        moves = []
        departure = Departure(moved=lambda: moves.append(departure.stand))
        pieces(departure, bytes(2 * PIECE + 1))
        assert moves == [Stand.LEAVING, Stand.LEAVING, Stand.WHOLE]

    def test_what_was_called_off_hands_over_nothing(self):
        departure = Departure()
        departure.withdraw()
        with pytest.raises(WithdrawnError):
            pieces(departure, b"paid")

    def test_what_is_not_wanted_at_the_gate_is_withdrawn(self):
        departure = Departure(wanted=lambda: False)
        with pytest.raises(WithdrawnError):
            pieces(departure, b"paid")
        assert departure.is_withdrawn

    def test_the_gate_is_asked_once_and_at_the_last_moment(self):
        asked = []
        departure = Departure(wanted=lambda: asked.append(1) is None)
        body = departure.pieces(bytes(2 * PIECE))
        assert asked == []
        assert len(list(body)) == 2
        assert asked == [1]
