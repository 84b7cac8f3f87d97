from __future__ import annotations

import json
import shlex
import shutil
import subprocess

import pytest

from pika_async.simulator import Fault, Polls

KEY = "sk-9f8e7d6c5b4a"


@pytest.fixture
def generate(pika, sim):
    return lambda *arguments: pika("generate", "a red panda", "--base-url", sim.url, *arguments)


def test_the_path_alone_goes_to_stdout_and_the_file_is_there(generate, here, sim):
    done = generate("-o", "panda.mp4")
    assert (done.code, done.out) == (0, "panda.mp4\n")
    assert (here / "panda.mp4").read_bytes()[4:8] == b"ftyp"
    assert len(sim.submissions) == 1


def test_without_a_terminal_each_transition_is_a_plain_line_on_stderr(generate, sim):
    sim.duration = Polls(3)
    lines = generate("-o", "panda.mp4").err.splitlines()
    job_id = next(iter(sim.jobs))
    assert lines[0] == f"job {job_id}"
    assert [line.partition(" s  ")[2] for line in lines[1:]] == [
        "queued",
        "running 37 %",
        "succeeded",
        "saved, 10.2 kB",
    ]
    assert "\x1b" not in "".join(lines)


def test_without_o_the_file_is_named_by_the_prompt_and_the_job(generate, here, sim):
    done = generate()
    name = f"a-red-panda-{next(iter(sim.jobs))[:8]}.mp4"
    assert done.out == f"{name}\n"
    assert (here / name).exists()


def test_a_default_name_that_is_taken_gives_way_to_the_next(generate, here, sim):
    generate()
    taken = next(here.glob("*.mp4"))
    with type(sim)(duration=Polls(1)) as twin:
        # The same seed draws the same id.
        done = generate("--base-url", twin.url)
    assert done.out == f"{taken.stem}-2.mp4\n"


def test_the_options_reach_the_service(generate, here, sim):
    (here / "cake.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(32))
    done = generate(
        *("--image", "cake.png", "--pikaffect", "melt", "--model", "1.5", "--frame-rate", "12"),
        *("--camera", "zoom=in", "--camera", "pan=left", "--guidance-scale", "9.5"),
        *("--motion", "2", "--negative-prompt", "blur", "--seed", "7", "--extend"),
        *("--video", "https://media.example/first.mp4"),
        *("--extra", '{"newer": true}'),
    )
    assert done.code == 0, done.err
    body = sim.submissions[0].body
    assert body["promptText"] == "a red panda"
    assert body["pikaffect"] == "Melt"
    assert body["image"].startswith("data:image/png;base64,")
    assert body["newer"] is True
    options = body["options"]
    assert options["frameRate"] == 12
    assert options["camera"] == {"zoom": "in", "pan": "left"}
    assert options["parameters"] == {
        "guidanceScale": 9.5,
        "motion": 2,
        "negativePrompt": "blur",
        "seed": 7,
    }
    assert options["extend"] is True


def test_an_aspect_ratio_is_given_as_width_and_height(generate, sim):
    generate("--aspect-ratio", "16:9")
    assert sim.submissions[0].body["options"]["aspectRatio"] == pytest.approx(16 / 9)


def test_an_image_may_be_a_link(generate, sim):
    generate("--image", "https://example.com/cake.png")
    assert sim.submissions[0].body["image"] == "https://example.com/cake.png"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--aspect-ratio", "9:1"], "--aspect-ratio: '9:1' is not allowed"),
        (["--frame-rate", "60"], "--frame-rate: 60 is not allowed"),
        (["--pikaffect", "Melk"], "did you mean 'Melt'?"),
        (["--pikaffect", "Melk"], """goes through --extra '{"pikaffect": "…"}'"""),
        (["--image", "nope.png"], "--image: 'nope.png' is not allowed; the file cannot be read"),
        (["--image", "https://"], "for a file give its path"),
        (["--extend"], "--extend makes a video longer: give that one with --video"),
        (["--camera", "zoom"], "--camera zoom: say where, zoom=in, out"),
        (["--camera", "up"], "--camera 'up' is not allowed; allowed are zoom=in, out"),
        (["--camera", "zoom=up"], "--camera zoom: 'up' is not allowed; allowed are in, out"),
        (["--camera", "zoom=in", "--camera", "zoom=out"], "--camera zoom was given twice"),
        (["--negative-prompt", "\udcff"], "--negative-prompt: '\\udcff' is not allowed"),
        (["--extra", "{"], "--extra: it is not JSON: Expecting property name"),
        (["--extra", "3"], "--extra: 3 is not allowed; allowed is an object."),
        (["--extra", '{"a": NaN}'], "--extra: NaN is not JSON."),
        (["--timeout", "nan"], "--timeout"),
        (["--timeout", "-1"], "--timeout"),
        (["-o", "."], "'.' is a folder; -o takes the name of a file"),
        (["-o", "new/"], "'new/' is a folder; -o takes the name of a file"),
        (["-o", "x" * 300], "cannot be the name of a file here: File name too long"),
        (["-o", "taken.mp4"], "'taken.mp4' exists already; nothing was sent. Add --overwrite"),
        (["-o", "taken.mp4/x.mp4"], "cannot be written to (Not a directory)"),
        (["-o", "/proc/x.mp4"], "'/proc/x.mp4' cannot be saved: '/proc' cannot be written to"),
        (["--base-url", "ftp://x"], "--base-url: 'ftp://x' cannot be used"),
        (["--base-url", "http://example.com"], "or --allow-insecure if that is what you want"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(generate, here, sim, arguments, words):
    (here / "taken.mp4").write_bytes(b"mine")
    done = generate(*arguments)
    assert done.code == 2
    assert words in done.err
    assert "Traceback" not in done.err
    assert done.out == ""
    assert sim.submissions == []
    assert (here / "taken.mp4").read_bytes() == b"mine"


def test_a_prompt_without_quotes_is_told_what_is_missing(pika, sim):
    """The shell makes an argument of each word, and whoever does not know that reads this."""
    done = pika("generate", "a", "red", "panda", "--base-url", sim.url)
    assert (done.code, done.out) == (2, "")
    words = " ".join(done.err.replace("│", " ").split())
    assert "(red panda). Several words stand in quotes" in words
    assert sim.submissions == []


def test_an_empty_prompt_is_refused(pika, sim):
    done = pika("generate", " ", "--base-url", sim.url)
    assert (done.code, done.err) == (
        2,
        "error: PROMPT: ' ' is not allowed; allowed is text that is not empty.\n",
    )


def test_without_a_key_one_sentence_names_both_ways_out(generate, sim, monkeypatch):
    monkeypatch.setenv("PIKA_API_KEY", " ")
    done = generate()
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: there is no API key for the service 'gateway': set PIKA_API_KEY in the "
        "environment, or add --simulate to try it without paying.\n"
    )
    assert sim.submissions == []


def test_an_unusable_address_from_the_environment_is_blamed_on_it(pika, monkeypatch):
    monkeypatch.setenv("PIKA_BASE_URL", "ftp://x")
    done = pika("generate", "x")
    assert done.code == 2
    assert done.err.startswith("error: PIKA_BASE_URL: 'ftp://x' cannot be used")


def test_overwrite_replaces_the_file(generate, here):
    (here / "panda.mp4").write_bytes(b"old")
    assert generate("-o", "panda.mp4", "--overwrite").code == 0
    assert (here / "panda.mp4").read_bytes() != b"old"


def test_missing_folders_are_made(generate, here):
    assert generate("-o", "new/folder/panda.mp4").code == 0
    assert (here / "new/folder/panda.mp4").exists()


def test_json_is_one_object_per_transition_and_one_for_the_file(generate, here, sim):
    sim.duration = Polls(3)
    done = generate("--json", "-o", "panda.mp4")
    job_id = next(iter(sim.jobs))
    assert [event["event"] for event in done.events] == [
        "started",
        *["transition"] * 3,
        "saved",
    ]
    assert {event["job_id"] for event in done.events} == {job_id}
    assert [event["state"] for event in done.events[1:4]] == ["queued", "running", "succeeded"]
    assert done.events[2]["progress"] == 37
    assert done.events[3]["videos"][0]["url"].endswith(".mp4")
    assert done.events[4]["path"] == "panda.mp4"
    assert done.events[4]["bytes"] == (here / "panda.mp4").stat().st_size
    assert done.err == ""


def test_json_tells_errors_too(generate, sim):
    sim.failure = "the panda fell"
    done = generate("--json")
    transition, error = done.events[-2:]
    assert (transition["state"], transition["reason"]) == ("failed", "the panda fell")
    assert (error["event"], error["type"], error["exit_code"]) == ("error", "JobFailedError", 1)
    assert (error["money"], error["advice"]) == ("service_decides", "submit_anew")
    assert "the panda fell" in error["message"]
    assert error["job_id"] == next(iter(sim.jobs))


def test_a_failed_job_is_one_sentence_and_exit_1(generate, sim):
    sim.failure = "the panda \x1b[31mfell"
    done = generate()
    assert (done.code, done.out) == (1, "")
    last = done.err.splitlines()[-1]
    # What servers say is not obeyed by the terminal.
    assert last.startswith(f"error: job {next(iter(sim.jobs))} failed: the panda \\x1b[31mfell.")
    assert "pika-async watch" not in done.err


def test_all_videos_of_a_job_are_saved(generate, here, sim):
    sim.videos_per_job = 3
    done = generate("-o", "panda.mp4")
    assert (done.code, done.out) == (0, "panda.mp4\npanda-2.mp4\npanda-3.mp4\n")
    assert len(list(here.iterdir())) == 3


def test_the_finished_videos_of_a_failed_job_are_saved_and_it_is_exit_1(generate, sim):
    sim.variants = {"mixed-outcomes": 1.0}
    done = generate("-o", "panda.mp4")
    assert (done.code, done.out) == (1, "panda.mp4\n")
    assert "error: job" in done.err


def test_a_timeout_is_exit_1_with_the_line_that_resumes(generate, pika, here, sim):
    sim.duration = Polls(1000)
    done = generate("-o", "my panda.mp4", "--timeout", "0.05")
    job_id = next(iter(sim.jobs))
    *_, error, line = done.err.splitlines()
    assert done.code == 1
    assert error.startswith(f"error: job {job_id} was not finished in time")
    assert "runs on at the service and stays paid for" in error
    assert "client." not in error
    assert line == f"  pika-async watch {job_id} -o 'my panda.mp4' --base-url {sim.url}"
    sim.jobs[job_id].duration = Polls(1)
    assert pika(*shlex.split(line)[1:]).code == 0
    assert (here / "my panda.mp4").exists()
    assert len(sim.submissions) == 1


def test_a_submit_that_may_have_started_is_exit_1_with_its_explanation(generate, sim):
    sim.faults.append(Fault("reset-after"))
    done = generate()
    assert done.code == 1
    assert "The job may exist and may be billed" in done.err
    assert len(sim.submissions) == 1


def test_a_refused_key_is_exit_1_and_nothing_was_charged(generate, sim):
    sim.api_key = "another"
    done = generate()
    assert done.code == 1
    assert "HTTP 401" in done.err
    assert "nothing is charged" in done.err


def test_a_service_that_is_away_is_exit_1(pika):
    done = pika("generate", "x", "--base-url", "http://127.0.0.1:9")
    assert (done.code, done.out) == (1, "")
    assert "error: " in done.err
    assert "warning: submit held back" in done.err


def test_a_failed_download_is_exit_1_with_the_line_that_fetches_without_paying(
    generate, pika, here, sim
):
    sim.faults.append(Fault("custom", on="download", status=451))
    done = generate("-o", "panda.mp4")
    *_, error, line = done.err.splitlines()
    assert (done.code, done.out) == (1, "")
    assert "finished and paid for" in error
    assert pika(*shlex.split(line)[1:]).out == "panda.mp4\n"
    assert (here / "panda.mp4").exists()
    assert len(sim.submissions) == 1


def test_a_target_that_appeared_meanwhile_is_kept_and_the_line_names_another(
    generate, pika, here, sim, monkeypatch
):
    monkeypatch.setattr("pika_async.cli._generate.check_target", lambda *_, **__: None)
    (here / "panda.mp4").write_bytes(b"mine")
    done = generate("-o", "panda.mp4")
    line = done.err.splitlines()[-1]
    assert done.code == 1
    assert "Add --overwrite to replace it" in done.err
    assert pika(*shlex.split(line)[1:]).out == "panda-2.mp4\n"
    assert (here / "panda.mp4").read_bytes() == b"mine"
    assert len(sim.submissions) == 1


def test_after_a_partial_download_the_line_that_resumes_works(generate, pika, here, sim):
    sim.videos_per_job = 2
    sim.faults.append(Fault("custom", on="download", status=451, after=1))
    done = generate("-o", "panda.mp4")
    assert (done.code, done.out) == (1, "panda.mp4\n")
    line = done.err.splitlines()[-1]
    assert pika(*shlex.split(line)[1:]).code == 0
    assert len(list(here.glob("*.mp4"))) == 3


def test_a_bug_is_no_traceback_and_still_tells_how_to_resume(generate, sim, monkeypatch):
    def broken(*_):
        raise RuntimeError("oops")

    monkeypatch.setattr("pika_async.cli._showing.plain.state_words", broken)
    done = generate("-o", "panda.mp4")
    assert done.code == 1
    assert "error: RuntimeError: oops. This should not happen" in done.err
    assert "Traceback" not in done.err
    assert f"pika-async watch {next(iter(sim.jobs))} -o panda.mp4" in done.err


def test_debug_shows_the_traceback_and_the_log(generate, sim):
    sim.failure = "no"
    done = generate("--debug")
    assert done.code == 1
    assert "Traceback (most recent call last)" in done.err
    assert "info: job " in done.err


@pytest.mark.parametrize("fault", ["401-new-api-error", "reset-after", "200-html", None])
def test_the_key_is_never_printed(generate, sim, fault):
    if fault:
        sim.faults.append(Fault(fault))
    done = generate("--debug", "--json")
    assert KEY not in done.out + done.err


def test_whoever_stops_reading_does_not_stop_the_download(start, here, sim):
    with start("generate", "x", "--json", "-o", "x.mp4", "--base-url", sim.url) as command:
        command.wait_for("started", "stdout")
        command.process.stdout.close()
        assert command.process.wait() == 0
        assert command.process.stderr.read() == ""
    assert (here / "x.mp4").exists()


@pytest.mark.usefixtures("brief")
def test_simulate_needs_no_key_and_pays_nothing_and_the_video_plays(pika, monkeypatch):
    monkeypatch.delenv("PIKA_API_KEY")
    # Unusable, so that whoever looks at it fails.
    monkeypatch.setenv("PIKA_BASE_URL", "ftp://x")
    done = pika("generate", "a red panda", "--simulate", "-o", "panda.mp4", "--base-url", "ftp://y")
    assert (done.code, done.out) == (0, "panda.mp4\n")
    assert done.err.splitlines()[0] == "simulated: nothing is sent to the service, nothing is paid"
    ffprobe = shutil.which("ffprobe")
    if ffprobe is None:
        pytest.skip("whether it plays is asked of ffprobe: apt-get install ffmpeg")
    probe = subprocess.run(
        [ffprobe, "-v", "error", "-show_entries", "stream=codec_type", "-of", "json", "panda.mp4"],
        capture_output=True,
        check=True,
    )
    assert {"codec_type": "video"} in json.loads(probe.stdout)["streams"]


def test_a_simulated_failure_does_not_talk_of_money_or_of_resuming(pika):
    done = pika("generate", "x", "--simulate", "--timeout", "0")
    assert done.code == 1
    assert done.err.splitlines()[-1].endswith("Simulated: nothing was paid.")
    assert "watch" not in done.err
