from functools import partial

import pytest
from support.tables import every_row

from pika_async.simulator import Fault, Polls, Simulator


@every_row(
    ("arguments", "sentence"),
    [
        ({"duration": -1}, "duration is -1 seconds"),
        ({"queue": 1.5}, "'queue' must be <= 1"),
        ({"queue": -0.5}, "'queue' must be >= 0"),
        ({"videos_per_job": 0}, "'videos_per_job' must be >= 1"),
        ({"unknown_job": "500"}, "'unknown_job' must be in"),
        ({"submits_per_second": 0}, "'submits_per_second' must be > 0"),
        ({"media_bytes": 10}, "media_bytes is 10, but"),
        ({"port": 70000}, "'port' must be <= 65535"),
        ({"variants": ["sparse"]}, "no variant 'sparse'. Did you mean 'sparse-pending'?"),
        ({"variants": {"lagging": 2}}, "probability of variant 'lagging' is 2"),
    ],
)
def test_a_bad_argument_is_a_value_error_with_a_sentence(arguments, sentence):
    with pytest.raises(ValueError, match=sentence.replace("?", "\\?")):
        Simulator(**arguments)


def test_a_fault_by_name_alone_is_refused_with_the_remedy():
    with pytest.raises(TypeError, match="such as Fault\\('502-html'\\)"):
        Simulator(faults=["502-html"])


def test_settings_are_checked_when_they_are_changed():
    simulator = Simulator()

    with pytest.raises(ValueError, match="no variant 'x'"):
        simulator.variants = ["x"]
    with pytest.raises(ValueError, match="duration is -2"):
        simulator.duration = -2


def test_settings_can_be_changed():
    simulator = Simulator()

    simulator.duration = Polls(7)
    simulator.variants = ["lagging"]
    simulator.faults = (Fault("408"),)

    assert Polls(7) == simulator.duration
    assert simulator.variants == {"lagging": 1.0}
    assert [Fault("408")] == simulator.faults


@every_row("name", ["host", "port", "prefix", "seed"])
def test_what_is_fixed_once_it_runs_cannot_be_changed(name):
    with pytest.raises(AttributeError):
        setattr(Simulator(), name, "other")


def test_one_variant_may_be_given_as_a_string():
    assert Simulator(variants="lagging").variants == {"lagging": 1.0}


@every_row(
    ("given", "prefix"),
    [("", ""), ("/", ""), ("v1", "/v1"), ("/v1/", "/v1"), ("/a/b", "/a/b")],
)
def test_a_prefix_begins_with_a_slash_and_ends_without(given, prefix):
    assert prefix == Simulator(prefix=given).prefix


def test_the_representation_shows_no_key():
    simulator = Simulator(api_key="secret")

    assert repr(simulator) == "<Simulator not running, 0 jobs>"


def test_what_is_no_fault_is_refused_when_it_is_put_in():
    faults = Simulator().faults
    faults.append(Fault("502-html"))
    for put_in in (faults.append, lambda name: faults.extend([name]), partial(faults.insert, 0)):
        with pytest.raises(TypeError, match="such as Fault"):
            put_in("502-html")
    assert len(faults) == 1
