"""Columns of a table that are no fields of a video: whose they are, and where they come back."""

from __future__ import annotations

import pytest
from support.tables import every_row

from pika_async import GenerationRequest
from pika_async.cli._prompts.fields import COLUMNS
from pika_async.cli._prompts.file import opened
from pika_async.cli._prompts.names import near
from pika_async.cli._running.exits import UsageError

PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)


def anything(_):
    """A service that takes anything."""


@pytest.fixture
def read(here):
    def read(content, name="p.csv", **defaults):
        (here / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        with opened(name, None, anything, defaults) as prompts:
            prompts.checked()
            return [line.request for line in prompts.lines()]

    return read


def test_a_column_that_is_no_field_is_kept_as_metadata_under_its_own_name(read):
    (one, two) = read("SKU,prompt,Shot Nr,seed\nA-1,a panda,7,3\n,a cat,,\n")
    assert one == GenerationRequest("a panda", seed=3, metadata={"SKU": "A-1", "Shot Nr": "7"})
    assert two == GenerationRequest("a cat")


@every_row(
    "content",
    [
        ",prompt,seed\n0,a panda,7\n1,a cat,8\n",
        "Unnamed: 0,prompt,seed\n0,a panda,7\n1,a cat,8\n",
        "Unnamed: 0.1,Unnamed: 0,prompt,seed\n0,0,a panda,7\n1,1,a cat,8\n",
        ",prompt,seed\r\n0,a panda,7.0\r\n1,a cat,8.0\r\n2,,\r\n",
        ";prompt;seed\n0;a panda;7\n1;a cat;8\n",
        "\tprompt\tseed\n0\ta panda\t7\n1\ta cat\t8\n",
        ",,prompt,seed\nx,0,a panda,7\nx,1,a cat,8\n",
        "sep=;\r\n;prompt;seed\r\n0;a panda;7\r\n1;a cat;8\r\n",
        "prompt,seed,,,\na panda,7,,,\n,,,,\na cat,8,,,\n,,,,\n",
        "prompt,seed,\na panda,7,\na cat,8,\n",
    ],
    ids=[
        "index",
        "read back",
        "twice",
        "gaps",
        "semicolons",
        "tabs",
        "levels",
        "sep",
        "empty",
        "trailing",
    ],
)
def test_what_pandas_and_spreadsheets_write_reads_like_what_was_meant(read, content):
    assert read(content) == [
        GenerationRequest("a panda", seed=7),
        GenerationRequest("a cat", seed=8),
    ]


@every_row(
    ("column", "meant"),
    [
        ("promt", "prompt"),
        ("prompts", "prompt"),
        ("seeed", "seed"),
        ("Negativ Prompt", "negative_prompt"),
        ("aspect", "aspect_ratio"),
        ("aspectratio", "aspect_ratio"),
        ("image_url", "image"),
        ("Image Path", "image"),
        ("video-file", "video"),
        ("zoom", "camera.zoom"),
        ("camera_zoom", "camera.zoom"),
        ("camera", "camera.zoom"),
        ("ingredient", "ingredients"),
        ("guidance", "guidance_scale"),
    ],
)
def test_a_column_that_is_nearly_a_field_is_refused_with_the_one_that_was_meant(
    read, column, meant
):
    with pytest.raises(UsageError, match=f"did you mean '{meant}'"):
        read(f"prompt,{column}\na,b\n")


@every_row(
    "column",
    [
        *("sku", "id", "name", "owner", "title", "notes", "scene", "prompt_id", "video_id"),
        *("model name", "Shot", "campaign", "date", "client", "priority", "language", "version"),
        *("URL", "caption"),
    ],
)
def test_a_name_of_ones_own_is_no_slip_of_the_finger(column):
    assert near(column) is None


def test_no_field_is_taken_for_another():
    assert [column for column in COLUMNS if near(column) not in (column, None)] == []


def test_columns_stand_beside_metadata_that_is_given_as_such(read):
    asked = {"sku": "1", "owner": "me"}
    row = 'prompt,metadata,sku\na,"{""owner"": ""me""}",1\n'
    assert read(row)[0].metadata == asked


def test_a_cell_in_a_column_without_a_name_is_not_dropped_silently(read):
    with pytest.raises(UsageError, match="cell 3 stands in a column without a name"):
        read("prompt,seed,,sku\na,1,what is this,2\n")


def test_a_row_with_nothing_but_its_own_columns_misses_its_prompt(read):
    with pytest.raises(UsageError, match="p.csv:3: the prompt is missing"):
        read("sku,prompt\n1,a\n2,\n")


@every_row("name", ["p.xlsx", "p.xls", "p.ods", "p.XLSX"])
def test_a_workbook_is_told_how_to_be_saved(read, name):
    with pytest.raises(UsageError, match='save it as "CSV UTF-8"') as caught:
        read(b"PK\3\4", name)
    assert "\n" not in str(caught.value)


def test_a_workbook_under_another_name_is_found_out(read):
    with pytest.raises(UsageError, match="packed like a workbook") as caught:
        read(b"PK\3\4" + bytes(range(256)) * 20, "p.csv")
    assert str(caught.value).count("\n") == 1


def test_json_is_told_how_to_be_saved(read):
    with pytest.raises(UsageError, match="one JSON object a line into a .jsonl file") as caught:
        read('[{"prompt": "a"}]', "p.json")
    assert "\n" not in str(caught.value)


def test_a_file_of_tabs_is_a_table(read):
    assert read("prompt\tseed\na\t1\n", "p.tsv") == [GenerationRequest("a", seed=1)]


def test_metadata_of_all_lines_stands_beside_that_of_each(read):
    (one,) = read("prompt,sku\na,1\n", metadata={"sku": "0", "campaign": "x"})
    assert one.metadata == {"sku": "1", "campaign": "x"}


def test_own_columns_come_back_and_are_not_sent(pika, here, sim):
    (here / "p.csv").write_text("sku,prompt\nA-1,a panda\n")
    done = pika("batch", "p.csv", "--base-url", sim.url, "--json")
    assert done.code == 0
    assert done.events[0]["metadata"] == {"sku": "A-1"}
    assert "A-1" not in str(sim.submissions[0].body)
    # What was a mistake is seen before it costs anything.
    assert "kept with the results, and not sent: sku" in done.err


class TestOptionsForAllLines:
    @pytest.fixture
    def bodies(self, pika, here, sim):
        def bodies(content, *options, name="p.csv"):
            (here / name).write_text(content)
            done = pika("batch", name, "--base-url", sim.url, "-n", "1", *options)
            assert done.code == 0, done.err
            return [submission.body for submission in sim.submissions]

        return bodies

    def test_they_hold_for_lines_that_do_not_say(self, bodies):
        one, two = bodies("prompt,seed\na,\nb,7\n", "--seed", "3", "--negative-prompt", "rain")
        assert one["options"]["parameters"]["seed"] == 3
        assert two["options"]["parameters"]["seed"] == 7
        assert one["options"]["parameters"]["negativePrompt"] == "rain"

    @pytest.mark.parametrize("name", ["p.txt", "p.jsonl"])
    def test_they_hold_for_every_kind_of_file(self, bodies, name):
        content = "a\n" if name == "p.txt" else '"a"\n'
        (body,) = bodies(content, "--aspect-ratio", "16:9", "--camera", "zoom=in", name=name)
        assert body["options"]["camera"] == {"zoom": "in"}
        assert body["options"]["aspectRatio"] == pytest.approx(16 / 9)

    def test_a_file_of_theirs_is_where_the_command_runs(self, bodies, here):
        (here / "cake.png").write_bytes(PNG)
        (here / "shots").mkdir()
        (body,) = bodies("prompt\na\n", "--image", "cake.png", name="shots/p.csv")
        assert body["image"].startswith("data:image/png;base64,")

    def test_a_zero_is_said(self, bodies):
        (body,) = bodies("prompt\na\n", "--motion", "0", "--seed", "0")
        assert body["options"]["parameters"]["motion"] == 0
        assert body["options"]["parameters"]["seed"] == 0

    def test_what_is_not_allowed_is_told_once(self, pika, here, sim):
        (here / "p.txt").write_text("a\nb\nc\n")
        done = pika("batch", "p.txt", "--base-url", sim.url, "--motion", "9")
        assert done.code == 2
        assert done.err.splitlines()[1].startswith("p.txt:1, 2, 3: motion: 9 is not allowed")
        assert len(done.err.splitlines()) == 2

    def test_the_line_that_resumes_says_them_again(self, pika, here, sim):
        (here / "p.txt").write_text("a\n")
        sim.failure = lambda _: "it fell"
        done = pika(
            *("batch", "p.txt", "--base-url", sim.url, "--motion", "2", "--camera", "zoom=in"),
            *("--camera", "pan=left", "--quiet"),
        )
        line = done.err.splitlines()[-1]
        assert "--motion 2" in line
        assert "--camera zoom=in --camera pan=left" in line
        assert " -q" in line
