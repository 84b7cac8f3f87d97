from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys

import pytest
from support.impatient import IMPATIENT
from support.tables import every_row

from pika_async.cli._simulate import _media_port
from pika_async.simulator import FAULTS, SERVICES, VARIANTS, Fault, Simulator

EVERYWHERE = "0.0.0.0"  # noqa: S104 - the case
BASH = shutil.which("bash")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as on POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_runs_until_ctrl_c_which_is_its_normal_end(start, number):
    with start("simulate", "--port", "0") as command:
        command.wait_for("Ctrl-C ends it")
        command.send(number)
        done = command.end()
    assert (done.code, done.err) == (0, "ended; 0 jobs were simulated\n")


@pytest.mark.skipif(BASH is None, reason="the line is for a shell such as bash")
def test_the_line_it_prints_works_in_a_shell(start, here):
    options = ("--port", "0", "--duration", "0", "--fault", "502-html@poll:0.0", "--seed", "3")
    with start("simulate", *options, "--variant", "big-seeds") as command:
        line = command.wait_for("pika-async generate", "stdout")
        assert line.startswith("PIKA_API_KEY=any PIKA_BASE_URL=http://127.0.0.1:")
        program = f"'{sys.executable}' '{IMPATIENT}' -m pika_async.cli"
        script = f'pika-async() {{ {program} "$@"; }}\n{line}'
        done = subprocess.run([BASH, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (here / done.stdout.rstrip("\n")).exists()


def test_a_port_in_use_is_one_sentence(pika):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = pika("simulate", "--port", str(port))
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        f"error: port {port} is in use; choose another with --port (0: any that is free).\n"
    )


def test_the_list_has_every_fault_and_variant_with_what_it_does(pika):
    done = pika("simulate", "--list")
    assert done.code == 0
    for name, says in {**{n: row.says for n, row in FAULTS.items()}, **VARIANTS}.items():
        if name != "custom":
            assert any(
                line.split()[:1] == [name] and line.endswith(says) for line in done.out.splitlines()
            ), name


def names_in(listed: str) -> list[str]:
    return [line.split()[0] for line in listed.splitlines() if line.startswith("  ")]


@pytest.mark.parametrize("service", SERVICES)
def test_the_list_of_a_service_has_just_what_can_be_asked_of_it(pika, service):
    """Each name that stands there is one that the simulator of this service takes."""
    done = pika("simulate", "--list", "--service", service)
    names = {name: name in VARIANTS for name in names_in(done.out)}
    Simulator(
        service=service,
        faults=[Fault(name) for name, varies in names.items() if not varies],
        variants=[name for name, varies in names.items() if varies],
    )
    rest = {*FAULTS, *VARIANTS} - {*names, "custom"}
    assert rest
    for name in rest:
        with pytest.raises(ValueError, match=f"at {service}; it is one of"):
            if name in VARIANTS:
                Simulator(service=service, variants=[name])
            else:
                Simulator(service=service, faults=[Fault(name)])


def test_the_list_of_all_names_the_service_of_each(pika):
    lines = [line.split() for line in pika("simulate", "--list").out.splitlines()]
    where = {words[0]: words[1] for words in lines if len(words) > 1}
    assert where["402-balance"] == "pika"
    assert where["500-panic"] == "gateway"
    assert where["link-late"] == "gateway"
    assert where["big-headers"] == "fal"
    assert where["502-html"] == where["lagging"] == where["unknown-status"] == "all"


def test_the_list_of_the_service_in_the_environment(pika, monkeypatch):
    monkeypatch.setenv("PIKA_SERVICE", "fal")
    assert "402-balance" not in names_in(pika("simulate", "--list").out)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--fault", "402-balance"],
            "at gateway; it is one of pika. Of the same status there are: 402-quota-not-enough.\n",
        ),
        (["--variant", "big-headers"], "'big-headers' at gateway; it is one of fal. There are: "),
        (["--list", "--service", "nope"], "'nope' is not allowed; allowed are gateway, pika, fal"),
        (["--fault", "503-panic"], "There is no fault '503-panic'. Those of 503 are: 503-no-"),
        (["--fault", "502-htm"], "There is no fault '502-htm'. Did you mean '502-html'?"),
        (["--fault", "502-html:often"], "'often' is not a probability"),
        (["--fault", "502-html:2"], "must be from 0 to 1"),
        (["--fault", "html@poll"], "it is for 'download'"),
        (["--variant", "nope"], "There is no variant 'nope'"),
        (["--duration", "-1"], "--duration"),
        (["--port", "70000"], "--port"),
        (["--submits-per-second", "0"], "submits_per_second"),
        (["--host", "192.0.2.1"], "cannot listen on 192.0.2.1"),
    ],
)
def test_wrong_arguments_are_one_sentence(pika, arguments, words):
    done = pika("simulate", *arguments)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert "Traceback" not in done.err


def test_what_listens_on_every_address_prints_one_that_works_from_elsewhere(start, here):
    """The address and both ports, so that a firewall or a container can be told of them."""
    port, media_port = two_free_ports()
    options = ("--host", EVERYWHERE, "--port", str(port), "--duration", "0")
    with start("simulate", *options, "--media-port", str(media_port)) as command:
        line = command.wait_for("pika-async generate", "stdout")
        videos = command.wait_for("its videos are at")
        url = line.split("PIKA_BASE_URL=")[1].split()[0]
        assert EVERYWHERE not in line
        assert url.endswith(f":{port}")
        assert videos.split(" at ")[1].startswith(url.replace(f":{port}", f":{media_port}"))
        assert line.endswith(" --allow-insecure")
        program = [sys.executable, IMPATIENT, "-m", "pika_async.cli"]
        done = subprocess.run(
            [*program, *("generate", "a red panda", "--base-url", url, "--allow-insecure")],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert (here / done.stdout.rstrip("\n")).exists()


def two_free_ports() -> tuple[int, int]:
    with socket.create_server(("", 0)) as one, socket.create_server(("", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


@every_row(
    ("host", "port", "media_port"),
    [("127.0.0.1", 8700, 0), (EVERYWHERE, 8700, 8701), (EVERYWHERE, 0, 0), ("::", 65535, 0)],
)
def test_the_port_of_the_videos_can_be_named_where_others_are_to_reach_it(host, port, media_port):
    assert _media_port(host, port) == media_port
