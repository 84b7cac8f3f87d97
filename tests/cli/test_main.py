from __future__ import annotations

import pytest

import pika_async


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_one_sentence_says_how_to_get_it(python, missing):
    code = f"import sys; sys.modules[{missing!r}] = None; import pika_async.cli as c; c.main()"
    done = python(code)
    assert done.code == 2
    assert done.out == ""
    assert done.err == (
        f"error: the command line needs {missing}, which is not installed: "
        "pip install '/path/to/clone[cli]'\n"
    )


def test_another_missing_module_is_not_blamed_on_the_extra(python):
    code = "import sys; sys.modules['attrs'] = None; import pika_async.cli as c; c.main()"
    done = python(code)
    assert done.code == 1
    assert "pip install" not in done.err


@pytest.mark.parametrize("loading", ["typer", "pika_async.cli._generate", "typer.main.get_command"])
def test_ctrl_c_while_it_is_loaded_is_one_line_and_exit_130(python, loading):
    done = python(f"""
import importlib, signal, sys
from importlib.abc import MetaPathFinder
import pika_async.cli


class Interrupting(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == {loading!r}:
            signal.raise_signal(signal.SIGINT)


if {loading!r} == "typer.main.get_command":
    import typer.main
    typer.main.get_command = lambda app: signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
sys.argv = ["pika-async", "generate", "a red panda"]
pika_async.cli.main()
""")
    assert (done.code, done.out, done.err) == (130, "", "interrupted; nothing was sent\n")


def test_the_version_is_that_of_the_package(pika):
    done = pika("--version")
    assert (done.code, done.out) == (0, f"pika-async {pika_async.__version__}\n")


def test_it_runs_as_a_module(start):
    with start("--version") as command:
        done = command.end()
    assert (done.code, done.out) == (0, f"pika-async {pika_async.__version__}\n")


@pytest.mark.parametrize("verb", ["generate", "watch", "batch", "report", "simulate"])
def test_the_help_of_each_verb_has_examples(pika, verb):
    done = pika(verb, "--help")
    assert done.code == 0
    assert f"pika-async {verb}" in done.out.partition("Examples")[2]


def test_help_and_wrong_arguments_do_not_load_aiohttp(python):
    code = (
        "import sys; sys.argv = ['pika-async', 'generate', '--help']\n"
        "import pika_async.cli as c\n"
        "try: c.main()\n"
        "finally: assert 'aiohttp' not in sys.modules"
    )
    done = python(code)
    assert done.code == 0, done.err


def test_an_unknown_option_is_a_usage_error(pika):
    assert pika("generate", "x", "--nonsense").code == 2


def test_no_option_takes_the_key_since_others_can_see_arguments(pika):
    assert pika("generate", "x", "--api-key", "secret").code == 2


WRONG = {
    "an option that is none": ["generate", "a cat", "--sed", "7"],
    "a value that is not allowed": ["generate", "a cat", "--timeout", "-1"],
    "a value that is no number": ["batch", "p.txt", "-n", "many"],
    "no argument": ["watch"],
    "one argument too many": ["watch", "a", "b"],
    "no value": ["batch", "p.txt", "-j"],
    "a format that is none": ["batch", "p.txt", "--format", "xml"],
    "an option of another verb": ["simulate"],
    "a verb that is none": ["generat", "a cat"],
}


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG)
def test_machines_are_told_what_is_wrong_with_the_line_they_wrote(pika, arguments):
    # Before the options that are wrong: what lacks its value takes the next word for it.
    done = pika(arguments[0], "--json", *arguments[1:])
    assert done.code == 2
    (told,) = done.events
    assert (told["event"], told["type"], told["exit_code"]) == ("error", "UsageError", 2)
    assert (told["money"], told["advice"]) == ("not_sent", None)
    assert told["message"]
    assert (told["job_id"], told["resume"]) == (None, None)
    assert "Error" in done.err


def test_an_option_before_the_verb_is_told_to_machines_too(pika):
    (told,) = pika("--verbose", "generate", "a cat", "--json").events
    assert "--verbose" in told["message"]


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG)
def test_people_are_told_on_stderr_alone(pika, arguments):
    done = pika(*arguments, "--nonsense")
    assert (done.code, done.out) == (2, "")


def test_what_stands_behind_two_dashes_is_no_option(pika):
    done = pika("watch", "--nonsense", "--", "--json")
    assert (done.code, done.out) == (2, "")


def test_the_package_itself_runs_as_the_command(python):
    code = (
        "import runpy, sys; sys.argv = ['pika_async', '--version']\n"
        "runpy.run_module('pika_async', run_name='__main__')"
    )
    assert python(code).out == f"pika-async {pika_async.__version__}\n"
