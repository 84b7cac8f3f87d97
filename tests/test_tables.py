"""The tables of tests: every row is tried, and every row that is wrong is named."""

from __future__ import annotations

import inspect

import pytest
from support.tables import WrongRowsError, every_row


def fails(test, *args, **fixtures):
    with pytest.raises(WrongRowsError) as caught:
        test(*args, **fixtures)
    return caught.value


def test_every_row_is_tried_also_behind_one_that_is_wrong():
    """One bad row hides none of the others."""
    tried = []

    @every_row("number", [1, 2, 3])
    def test(number):
        tried.append(number)
        assert number == 3

    fails(test)
    assert tried == [1, 2, 3]


def test_a_table_that_is_right_passes():
    """Nothing is raised where no row is wrong."""

    @every_row(("word", "length"), [("one", 3), ("three", 5)])
    def test(word, length):
        assert len(word) == length

    test()


def test_every_row_that_is_wrong_is_named_with_its_values_and_what_is_wrong():
    """The headline has all names, and each row has its own sentence below it."""

    @every_row("word, length", [("one", 3), pytest.param("two", 4, id="odd"), ("four", 5)])
    def test(word, length):
        assert len(word) == length, f"{word} is not so long"

    headline, *told = str(fails(test)).splitlines()
    assert headline == "2 of 3 rows: [odd] word='two', length=4 | word='four', length=5"
    assert told[:3] == [
        "",
        "[odd] word='two', length=4",
        "AssertionError: two is not so long",
    ]
    assert "AssertionError: four is not so long" in told


def test_the_first_row_that_is_wrong_is_the_cause():
    """Pytest shows of a cause where it was raised, and the values there."""

    @every_row("number", [0, 1])
    def test(number):
        assert 1 / number

    assert isinstance(fails(test).__cause__, ZeroDivisionError)


def test_a_row_that_should_have_raised_is_wrong_too():
    """What pytest.raises says then is no Exception, and ends no table."""

    @every_row("text", ["x", "1", "2"])
    def test(text):
        with pytest.raises(ValueError, match="invalid literal"):
            int(text)

    assert str(fails(test)).startswith("2 of 3 rows: text='1' | text='2'")


def test_of_several_tables_every_combination_is_tried():
    """As of stacked marks."""
    tried = []

    @every_row("one", [1, 2])
    @every_row("two", ["a", "b"], ids=str.upper)
    def test(one, two):
        tried.append((one, two))
        assert two == "b"

    assert str(fails(test)).startswith("2 of 4 rows: [A] two='a', one=1 | [A] two='a', one=2")
    assert set(tried) == {(1, "a"), (1, "b"), (2, "a"), (2, "b")}


@pytest.mark.parametrize(
    ("ids", "named"),
    [
        (["first", "second"], "[first] number=1"),
        ({"first": 0, "second": 0}, "[first] number=1"),
        (lambda number: f"no. {number}", "[no. 1] number=1"),
        ([None, None], "number=1"),
        (None, "number=1"),
    ],
)
def test_a_row_may_have_a_name(ids, named):
    """As the marks of pytest have them, of a list or a function."""

    @every_row("number", [1, 2], ids)
    def test(number):
        assert number == 2

    assert str(fails(test)).splitlines()[0] == f"1 of 2 rows: {named}"


def test_a_value_is_shown_in_a_few_words():
    """A megabyte in a table is no megabyte on the screen."""

    @every_row("text", ["x" * 1_000_000])
    def test(text):
        assert not text, "too long"

    assert len(str(fails(test))) < 1_000


async def test_of_coroutines_each_is_awaited():
    """A test that is not awaited cannot fail."""

    @every_row("number", [1, 2])
    async def test(number):
        assert number == 2

    assert inspect.iscoroutinefunction(test)
    with pytest.raises(WrongRowsError, match="1 of 2 rows: number=1"):
        await test()


class TestFixtures:
    @pytest.fixture
    def ten(self):
        return 10

    @every_row("number", [1, 2])
    def test_they_come_beside_what_the_rows_are_for(self, number, ten):
        """Pytest asks the test for its arguments, and finds those that no row has."""
        assert ten > number


class TestWhatIsNoTable:
    def test_it_has_a_row(self):
        """A test that goes through nothing shows nothing."""
        with pytest.raises(ValueError, match="without rows"):
            every_row("number", [])

    def test_no_row_is_marked(self):
        """A mark would count for all rows."""
        with pytest.raises(ValueError, match="use parametrize"):
            every_row("number", [pytest.param(1, marks=pytest.mark.slow)])

    @pytest.mark.parametrize("values", [[(1,)], [(1, 2, 3)]])
    def test_each_row_has_each_value(self, values):
        """No value is left out in silence."""
        with pytest.raises(ValueError, match="zip"):
            every_row("one, two", values)

    @pytest.mark.parametrize("ids", [["one"], ["one", "two", "three"]])
    def test_each_row_has_its_name(self, ids):
        """Names that do not fit the rows would name the wrong ones."""
        with pytest.raises(ValueError, match="zip"):
            every_row("number", [1, 2], ids)
