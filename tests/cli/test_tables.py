"""Files of prompts as spreadsheets and other programs save them, and as they are joined."""

from __future__ import annotations

import pytest
from support.tables import every_row

from pika_async import GenerationRequest
from pika_async.cli._prompts.file import opened
from pika_async.cli._running.exits import UsageError

MARK = "\ufeff"
TWO = [GenerationRequest("a panda", seed=7), GenerationRequest("a cat", seed=8)]
PANDA, CAT = GenerationRequest("a panda"), GenerationRequest("a cat")


def anything(_):
    """A service that takes anything."""


@pytest.fixture
def read(here):
    def read(name, content):
        (here / name).write_bytes(content.encode())
        with opened(name, None, anything) as prompts:
            prompts.checked()
            return [line.request for line in prompts.lines()]

    return read


@every_row(
    ("name", "content", "requests"),
    [
        ("p.txt", f"{MARK}a panda\n{MARK}a cat\n", [PANDA, CAT]),
        ("p.txt", f"{MARK}a panda\r\n{MARK}\r\n{MARK}a cat", [PANDA, CAT]),
        ("p.txt", f"{MARK}{MARK}a panda{MARK}\n {MARK} \n", [PANDA]),
        ("p.txt", f"{MARK}# Monday\na panda\n{MARK}# Tuesday\na cat\n", [PANDA, CAT]),
        ("p.csv", f"{MARK}prompt,seed\na panda,7\n{MARK}prompt,seed\na cat,8\n", TWO),
        ("p.csv", f"{MARK}prompt,seed\na panda,7\n{MARK}seed,prompt\n8,a cat\n", TWO),
        ("p.csv", f"{MARK}prompt,seed\na panda,7\n{MARK}prompt;seed\na cat;8\n", TWO),
        ("p.csv", f"{MARK}prompt,seed\na panda,7{MARK}prompt,seed\na cat,8\n", TWO),
        ("p.csv", f"{MARK}prompt\na panda\n{MARK}\n{MARK}Prompt\na cat\n", [PANDA, CAT]),
        ("p.csv", f"{MARK}prompt\na panda\n{MARK}a cat\n", [PANDA, CAT]),
        ("p.csv", f'{MARK}"prompt"\n{MARK}"a {MARK}panda"\n', [PANDA]),
        ("p.csv", f"sep=;\nprompt;seed\na panda;7\n{MARK}sep=,\nprompt,seed\na cat,8\n", TWO),
        ("p.csv", "prompt\na panda\nprompt\na cat\n", [PANDA, CAT]),
        ("p.jsonl", f'{MARK}"a panda"\n{MARK}"a cat"\n{MARK}\n', [PANDA, CAT]),
        ("p.jsonl", f'{MARK}{{"prompt":"a panda"}}{MARK}{{"prompt":"a cat"}}', [PANDA, CAT]),
        ("p.jsonl", f'{{"prompt":"a {MARK}panda"}}\n"a \\ufeffcat"\n', [PANDA, CAT]),
        ("p.jsonl", f'{{"{MARK}prompt":"a panda"}}\n{{"\\ufeffprompt":"a cat"}}', [PANDA, CAT]),
    ],
)
def test_files_that_were_joined_hold_their_prompts_and_nothing_else(read, name, content, requests):
    assert read(name, content) == requests


def test_a_prompt_in_several_lines_is_the_same_with_any_line_ends_and_marks(read):
    prompts = {
        read("p.csv", f'prompt{end}"a panda{end}{mark}in the rain"{end}')[0]
        for end in ("\n", "\r\n", "\r", "\r\r\n")
        for mark in ("", MARK)
    }
    prompts |= set(read("p.jsonl", '"a panda\\r\\nin the rain"\n"\\ufeffa panda\\rin the rain\\n"'))
    assert prompts == {GenerationRequest("a panda\nin the rain")}


def test_lines_of_joined_files_keep_their_numbers(here):
    (here / "p.csv").write_text(f"prompt\na{MARK}prompt\nb\n{MARK}\nc\n", "utf-8")
    with opened("p.csv", None, anything) as prompts:
        assert [line.number for line in prompts.lines()] == [2, 3, 5]


@every_row("sign", [",", ";", "\t"])
@every_row(
    "header",
    ["prompt|seed", "PROMPT|Seed", " Prompt | seed ", '"prompt"|"SEED"', "\xa0prompt|seed|"],
)
def test_the_header_tells_what_separates_the_cells_and_names_them_in_any_case(read, sign, header):
    content = f'{header}\na panda|7\n\n"a cat"| 8\n'.replace("|", sign)
    assert read("p.csv", content) == TWO


@every_row("name", ["negative_prompt", "Negative Prompt", "negative-prompt"])
def test_blanks_and_hyphens_in_names_count_as_underscores(read, name):
    asked = [GenerationRequest("a panda", negative_prompt="rain")]
    assert read("p.csv", f"prompt,{name}\na panda,rain\n") == asked
    assert read("p.jsonl", f'{{"Prompt": "a panda", "{name}": "rain"}}') == asked


def test_a_prompt_with_the_signs_of_other_separators_is_never_split(read):
    prompt = "a panda; seed;\t7, running"
    assert read("p.csv", "prompt\na panda; seed;\t7\n")[0].prompt == "a panda; seed;\t7"
    assert read("p.csv", f'prompt,seed\n"{prompt}",7\n') == [GenerationRequest(prompt, seed=7)]
    assert read("p.csv", f'prompt;seed\n"{prompt}";7\n') == [GenerationRequest(prompt, seed=7)]
    assert read("p.csv", "prompt\tseed\na; b, c\t7\n") == [GenerationRequest("a; b, c", seed=7)]


@every_row("seed", ["7.0", "7.", "7.000", "+7.0", " 7.0 "])
def test_a_whole_number_may_be_written_with_a_point(read, seed):
    asked = [GenerationRequest("a", seed=7, frame_rate=12, motion=2)]
    assert read("p.csv", f"prompt,seed,frame_rate,motion\na,{seed},12.0,2.0\n") == asked
    content = '{"prompt": "a", "seed": 7.0, "frame_rate": 12.0, "motion": 2.0}'
    assert read("p.jsonl", content) == asked


@every_row("seed", [4294967296, 9007199254740993, 12345678901234567891])
def test_a_long_whole_number_with_a_point_keeps_every_digit(read, seed):
    assert read("p.csv", f"prompt,seed\na,{seed}.0\n") == [GenerationRequest("a", seed=seed)]


@every_row("seed", ["7.5", "7,0", "1e3", "7.0.0", ".0", "nan", "inf", "True", "7_0.0"])
def test_what_is_no_whole_number_is_refused_before_anything_is_sent(read, seed):
    with pytest.raises(UsageError, match="seed: .* is not allowed"):
        read("p.csv", f'prompt,seed\na,"{seed}"\n')


def test_the_option_of_a_whole_number_takes_one_with_a_point(pika, sim):
    done = pika("generate", "a", "--seed", "7.0", "--base-url", sim.url, "-o", "a.mp4")
    assert done.code == 0
    assert "'seed': 7" in str(sim.submissions[0].body)
    assert "7.0" not in str(sim.submissions[0].body)
