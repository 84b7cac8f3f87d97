from __future__ import annotations

import csv
import io
import json
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.prompts import can_be_seen
from support.tables import every_row

from pika_async import Camera, GenerationRequest
from pika_async.cli._prompts.file import Format, PromptFile, opened
from pika_async.cli._prompts.requests import Reading
from pika_async.cli._running.exits import UsageError

PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)
HEADER = "the first line must be a header that names the columns, such as prompt,seed;"


def anything(_):
    """A service that takes anything."""


@pytest.fixture
def read(here):
    """The requests of a file with this content, by line."""

    def read(name, content):
        (here / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        with opened(name, None, anything) as prompts:
            assert prompts.checked() == sum(1 for _ in prompts.lines())
            return {line.number: line.request for line in prompts.lines()}

    return read


@pytest.fixture
def refused(here):
    """What is said of a file with this content, without the first sentence."""

    def refused(name, content):
        (here / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        with opened(name, None, anything) as prompts, pytest.raises(UsageError) as caught:
            prompts.checked()
        return str(caught.value).splitlines()[1:]

    return refused


def test_txt_is_one_prompt_a_line_without_empty_lines_and_comments(read):
    content = "# shots for Monday\n\n a red panda \n   \n  # another\nit's #1\n"
    assert read("p.txt", content) == {
        3: GenerationRequest("a red panda"),
        6: GenerationRequest("it's #1"),
    }


@every_row("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_on_any_system(read, end):
    assert list(read("p.txt", f"a{end}b{end}")) == [1, 2]
    assert list(read("p.csv", f"prompt{end}a{end}b{end}")) == [2, 3]
    assert list(read("p.jsonl", f'"a"{end}"b"')) == [1, 2]


@every_row("name", ["p.txt", "P.TXT"])
def test_a_byte_order_mark_is_not_part_of_the_first_prompt(read, name):
    assert read(name, b"\xef\xbb\xbfa")[1].prompt == "a"


def test_csv_has_a_column_for_each_field_and_empty_cells_are_defaults(read, here):
    (here / "cake.png").write_bytes(PNG)
    content = (
        "prompt,image,pikaffect,aspect_ratio,frame_rate,camera.zoom,camera.pan,guidance_scale,"
        "motion,negative_prompt,seed,extend,video,model,extra\n"
        '"a cake, melting",cake.png,melt,16:9,12,in,left,9.5,2,blur,-7,TRUE,'
        'https://h/v.mp4,2.0,"{""newer"": true}"\n'
        "plain,,,,,,,,,,,,,,\n"
    )
    assert read("p.csv", content) == {
        2: GenerationRequest(
            "a cake, melting",
            image=Path("cake.png"),
            pikaffect="Melt",
            aspect_ratio=16 / 9,
            frame_rate=12,
            camera=Camera(zoom="in", pan="left"),
            guidance_scale=9.5,
            motion=2,
            negative_prompt="blur",
            seed=-7,
            extend=True,
            video="https://h/v.mp4",
            model="2.0",
            extra={"newer": True},
        ),
        3: GenerationRequest("plain"),
    }


def test_a_row_over_several_lines_is_known_by_its_first(read):
    assert list(read("p.csv", 'prompt\n"a\nb\nc"\nd\n')) == [2, 5]


def test_rows_that_a_spreadsheet_filled_up_are_fine(read):
    assert read("p.csv", "prompt, seed,,\na, 7,,\n,,,\nb\n") == {
        2: GenerationRequest("a", seed=7),
        4: GenerationRequest("b"),
    }


def test_jsonl_is_an_object_or_a_prompt_a_line(read):
    content = (
        '{"prompt": "a", "camera": {"zoom": "in"}, "seed": 7, "image": null, "extra": {"n": 1}}\n'
        "\n"
        '"b"\n'
    )
    assert read("p.jsonl", content) == {
        1: GenerationRequest("a", camera=Camera(zoom="in"), seed=7, extra={"n": 1}),
        3: GenerationRequest("b"),
    }


def test_relative_paths_begin_where_the_file_lies(read, here):
    (here / "shots").mkdir()
    (here / "shots/cake.png").write_bytes(PNG)
    for name, content in {
        "shots/p.csv": "prompt,image\na,cake.png",
        "shots/p.jsonl": json.dumps({"prompt": "a", "image": "cake.png"}),
    }.items():
        assert [request.image for request in read(name, content).values()] == [
            Path("shots/cake.png")
        ]


def test_absolute_paths_stay(read, here):
    (here / "shots").mkdir()
    (here / "cake.png").write_bytes(PNG)
    content = json.dumps({"prompt": "a", "image": str(here / "cake.png")})
    assert read("shots/p.jsonl", content)[1].image == here / "cake.png"


@every_row(
    ("name", "content", "line"),
    [
        ("p.txt", b"ok\ncaf\xe9\n", "p.txt:2: it is not UTF-8; save the file as UTF-8"),
        ("p.csv", b"prompt\ncaf\xe9\n", "p.csv:2: it is not UTF-8; save the file as UTF-8"),
        ("p.csv", b"pr\xe9\n", "p.csv:1: it is not UTF-8; save the file as UTF-8"),
        ("p.txt", "x".encode("utf-16"), "p.txt:1: the file is UTF-16; save it as UTF-8"),
        ("p.txt", "x".encode("utf-16-le"), "p.txt:1: it holds a null character"),
        ("p.csv", "prompt,seed\na,x", "p.csv:2: seed: 'x' is not allowed; allowed is a whole"),
        ("p.csv", "prompt,seed\na,1_0", "p.csv:2: seed: '1_0' is not allowed"),
        ("p.csv", "prompt,guidance_scale\na,1_0", "p.csv:2: guidance_scale: '1_0' is not"),
        ("p.csv", f"prompt,seed\na,{'9' * 5000}", "p.csv:2: seed: '999"),
        ("p.csv", "prompt,extend\na,maybe", "allowed is true or false"),
        ("p.csv", "prompt,extra\na,{", "p.csv:2: extra: it is not JSON"),
        ("p.csv", "prompt,extra\na,3", "p.csv:2: extra: 3 is not allowed; allowed is an object"),
        ("p.csv", "prompt,camera.zoom\na,up", "camera.zoom: 'up' is not allowed; allowed are in"),
        ("p.csv", "prompt,image\na,x.png", "image: 'x.png' is not allowed; the file cannot be"),
        ("p.csv", "prompt,seed\n,7", "p.csv:2: the prompt is missing"),
        ("p.csv", "prompt\na, b", "p.csv:2: it has 2 cells, and the first line names 1 columns; a"),
        ("p.csv", 'prompt,seed\nok,1\n"a,1\nb,2', 'p.csv:3: the text that begins here with " has'),
        ("p.csv", 'prompt\n"a"b', "p.csv:2: it is not CSV"),
        ("p.csv", "a red panda", f"p.csv:1: {HEADER} it was read as 'a red panda', without prom"),
        ("p.csv", "a cat, asleep\na", f"{HEADER} it was read as 'a cat', 'asleep', without prompt"),
        ("p.csv", "a cat; asleep\na", f"{HEADER} it was read as 'a cat; asleep', without prompt"),
        ("p.csv", "a cat,,7\na", f"{HEADER} it was read as 'a cat', '', '7', without prompt"),
        ("p.csv", f"{'a' * 50}\na", f"it was read as '{'a' * 39}…', without prompt"),
        ("p.csv", "a,b,c,d,e,f,g\na", "it was read as 'a', 'b', 'c', 'd', 'e', …, without prompt"),
        ("p.csv", "promt\na", "no column 'promt'; did you mean 'prompt'? allowed are prompt, ima"),
        ("p.csv", "prompt,camera\na,in", "no column 'camera'; did you mean 'camera."),
        ("p.csv", "prompt;sead\na;1", f"{HEADER} it was read as 'prompt', 'sead': there is no"),
        ("p.csv", "prompt;seed\na;1;b", '2 columns; a text with semicolons stands in "quotes"'),
        ("p.csv", "prompt,Prompt\na,b", "p.csv:1: the column 'prompt' is there twice"),
        ("p.csv", "prompt,seed\na,7.5", "p.csv:2: seed: '7.5' is not allowed"),
        ("p.csv", "prompt\na\n\ufeffprompt,sead\na,7", "p.csv:3: the first line must be"),
        ("p.txt", "a panda\ufeffa cat", "p.txt:1: a byte-order mark (U+FEFF) stands in the middle"),
        ("p.jsonl", '{"Prompt": "a", "prompt": "b"}', "p.jsonl:1: 'prompt' is given twice"),
        ("p.jsonl", '{"prompt": "a", "seed": 7.5}', "p.jsonl:1: seed: 7.5 is not allowed"),
        ("p.csv", "seed\n7", f"p.csv:1: {HEADER} it was read as 'seed', without prompt"),
        ("p.csv", "prompt,seed,seed\na,1,2", "p.csv:1: the column 'seed' is there twice"),
        ("p.csv", "prompt,,seed\na,1,2", "p.csv:2: cell 2 stands in a column without a name"),
        ("p.jsonl", '{"prompt": "a"', "p.jsonl:1: it is not JSON: Expecting ',' delimiter"),
        ("p.jsonl", '{"promt": "a"}', "no field 'promt'; did you mean 'prompt'? allowed are"),
        ("p.jsonl", '{"seed": 7}', "p.jsonl:1: the prompt is missing"),
        ("p.jsonl", '{"prompt": null}', "p.jsonl:1: the prompt is missing"),
        ("p.jsonl", '{"prompt": 3}', "p.jsonl:1: prompt: 3 is not allowed"),
        ("p.jsonl", '{"prompt": "a", "prompt": "b"}', "p.jsonl:1: 'prompt' is given twice"),
        ("p.jsonl", '{"prompt": "a", "seed": NaN}', "p.jsonl:1: NaN is not JSON"),
        ("p.jsonl", f'{{"prompt": "a", "seed": {"9" * 5000}}}', "p.jsonl:1: it is not JSON that"),
        ("p.jsonl", '{"a":' * 100_000, "p.jsonl:1: it is not JSON that can be read"),
        ("p.jsonl", '{"prompt": "a", "camera": "in"}', 'allowed is an object, such as {"zoom"'),
        ("p.jsonl", '{"prompt": "a", "camera": {"zom": "in"}}', "no camera movement 'zom'; did"),
        ("p.jsonl", '{"prompt": "a", "image": 5}', "allowed are the path of a file, or an http"),
        ("p.jsonl", '{"prompt": "a", "image": ""}', "for a file give its path"),
        ("p.jsonl", '{"prompt": "a", "extend": true}', "name that one in the field video"),
        ("p.jsonl", '{"prompt": "a", "pikaffect": "Melk"}', 'through extra: {"pikaffect": "…"}'),
        ("p.jsonl", '{"prompt": "\\ud800"}', "it holds half a surrogate pair"),
        ("p.jsonl", '[{"prompt": "a"}]', "one JSON object a line, without an array around them"),
        ("p.jsonl", "3", "p.jsonl:1: allowed is a JSON object, such as"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_line_with_what_is_allowed(refused, name, content, line):
    (said,) = refused(name, content)
    assert line in said


@pytest.mark.parametrize("field", ["image", "video"])
@pytest.mark.parametrize(
    ("name", "row"),
    [("p.csv", "prompt,{field}\nok,\na,stills/cake.png"), ("p.jsonl", '"ok"\n\n{json}')],
    ids=["csv", "jsonl"],
)
def test_a_file_that_is_not_there_is_named_with_its_line_its_field_and_where_it_was_looked_for(
    refused, here, name, row, field
):
    (here / "shots").mkdir()
    record = json.dumps({"prompt": "a", field: "stills/cake.png"})
    (said,) = refused(f"shots/{name}", row.format(field=field, json=record))
    assert said == (
        f"shots/{name}:3: {field}: 'shots/stills/cake.png' is not allowed; the file cannot be "
        f"read: there is no folder '{here}/shots/stills'; allowed is the path of "
        f"{'an' if field == 'image' else 'a'} {field}"
    )


def test_a_file_that_is_no_image_is_named_with_its_full_path(refused, here):
    (here / "cake.png").write_text("a cake")
    (said,) = refused("p.jsonl", '{"prompt": "a", "image": "cake.png"}')
    assert said.endswith(f"does not begin like an image; its full path is '{here}/cake.png'")


def test_a_path_that_is_full_already_is_not_told_twice(refused, here):
    (said,) = refused("p.jsonl", json.dumps({"prompt": "a", "image": str(here / "cake.png")}))
    assert said.endswith(f"in the folder {str(here)!r}; allowed is the path of an image")


def test_all_bad_lines_are_told_at_once(refused):
    content = "prompt,seed\na,1\nb,x\nb,y\nb,z\n"
    assert [said.split(": ")[0] for said in refused("p.csv", content)] == [
        "p.csv:3",
        "p.csv:4",
        "p.csv:5",
    ]


def test_equal_complaints_are_one_with_their_count_and_the_first_line_numbers(refused):
    (said,) = refused("p.jsonl", "x\n" * 1000)
    assert said.startswith("p.jsonl:1, 2, 3, 4, 5 and 995 more: it is not JSON: ")
    content = "prompt,seed\n" + "a,1\nb,x\n" * 2 + "c,y\n"
    assert [one.split(": ")[0] for one in refused("p.csv", content)] == ["p.csv:3, 5", "p.csv:6"]


def test_many_bad_lines_are_counted(refused):
    said = refused("p.csv", "prompt,seed\n" + "".join(f"a,x{n}\n" for n in range(1000)))
    assert len(said) == 21
    assert said[-1] == "… and 980 more"


@pytest.mark.parametrize(
    ("name", "content"), [("p.txt", ""), ("p.txt", "#\n\n"), ("p.csv", "prompt")]
)
def test_a_file_without_prompts_is_refused(here, name, content):
    (here / name).write_text(content)
    with (
        opened(name, None, anything) as prompts,
        pytest.raises(UsageError, match=f"no prompts in {name}"),
    ):
        prompts.checked()


def test_a_name_that_tells_no_format_wants_one(here):
    (here / "prompts").write_text('"a"')
    with pytest.raises(UsageError, match="'prompts' does not tell .* add --format txt, csv or"):
        with opened("prompts", None, anything):
            pass
    with opened("prompts", Format.JSONL, anything) as prompts:
        assert [line.request for line in prompts.lines()] == [GenerationRequest("a")]


def test_the_chosen_format_wins_over_the_name(here):
    (here / "p.txt").write_text("prompt\na")
    with opened("p.txt", Format.CSV, anything) as prompts:
        assert prompts.checked() == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_read_twice_though_it_comes_once(here):
    os.mkfifo("p.txt")
    writer = threading.Thread(target=(here / "p.txt").write_text, args=("a\nb\n",))
    writer.start()
    with opened("p.txt", None, anything) as prompts:
        assert prompts.checked() == 2
        assert [line.number for line in prompts.lines()] == [1, 2]
    writer.join()


def test_lines_are_read_as_they_are_needed(here):
    (here / "p.txt").write_text("a red panda\n" * 100_000)
    with opened("p.txt", None, anything) as prompts:
        lines = prompts.lines()
        next(lines)
        # Files are read in blocks.
        assert prompts.file.tell() < 100_000
        lines.close()


@given(
    st.sampled_from(list(Format)),
    st.one_of(
        st.binary(), st.text().map(str.encode), st.text('",\n\r\\{}[]:prompt ').map(str.encode)
    ),
)
def test_whatever_the_bytes_each_line_has_a_request_or_a_reason(kind, content):
    file = PromptFile(name="p", file=io.BytesIO(content), format=kind, how=Reading(check=anything))
    numbers = []
    for line in file.lines():
        assert (line.request is None) != (line.problem is None)
        numbers.append(line.number)
    assert numbers == sorted(set(numbers))
    assert all(1 <= number <= content.count(b"\n") + content.count(b"\r") + 1 for number in numbers)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])).filter(can_be_seen)))
def test_any_prompt_comes_through_csv_and_jsonl_as_it_is(prompts):
    rows = io.StringIO()
    writer = csv.writer(rows)
    writer.writerows([["prompt"], *[[prompt] for prompt in prompts]])
    written = {
        Format.CSV: rows.getvalue(),
        Format.JSONL: "\n".join(map(json.dumps, prompts)),
    }
    for kind, text in written.items():
        file = PromptFile(
            name="p", file=io.BytesIO(text.encode()), format=kind, how=Reading(check=anything)
        )
        found = [line.request.prompt for line in file.lines()]
        assert found == [prompt.strip() if kind is Format.CSV else prompt for prompt in prompts]
