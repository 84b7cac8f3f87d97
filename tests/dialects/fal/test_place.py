"""Where fal is, and with which key."""

from __future__ import annotations

import pytest
from support.tables import every_row

from pika_async import FieldError
from pika_async._wire.endpoint import endpoint
from pika_async.dialects import Fal, service_named


def placed(dialect: Fal | None = None, base_url: str | None = None, **environment: str):
    return endpoint(
        api_key=None if "key" in environment.pop("without", "") else "key",
        base_url=base_url,
        environment=environment,
        dialect=dialect or Fal(),
        allow_insecure=False,
    )


def places(*arguments: object, **environment: str) -> tuple[str, str, str]:
    found = placed(*arguments, **environment)  # type: ignore[arg-type]
    return found.base_url, found.hosts["rest"], found.hosts["platform"]


def test_it_is_a_service_by_name() -> None:
    assert service_named("fal") == Fal()


def test_queue_storage_and_platform_are_hosts_of_their_own() -> None:
    assert places() == ("https://queue.fal.run", "https://rest.fal.ai", "https://api.fal.ai/v1")


@every_row(
    ("said", "url"),
    [
        ("queue.falrun.com", "https://queue.falrun.com"),
        (" queue.falrun.com ", "https://queue.falrun.com"),
        ("http://127.0.0.1:8700/team", "http://127.0.0.1:8700/team"),
        ("127.0.0.1:8700", "https://127.0.0.1:8700"),
    ],
)
def test_the_host_of_fals_own_clients_is_read_and_a_whole_url_too(said: str, url: str) -> None:
    assert places(FAL_QUEUE_RUN_HOST=said) == (url, url, url)


def test_an_empty_host_is_none() -> None:
    assert places(FAL_QUEUE_RUN_HOST=" ")[0] == "https://queue.fal.run"


def test_the_gateways_variable_says_nothing_here() -> None:
    assert places(PIKA_BASE_URL="https://own.example")[0] == "https://queue.fal.run"


def test_storage_and_platform_may_be_named() -> None:
    dialect = Fal(rest_url="https://rest.example", platform_url="https://platform.example/v1")
    assert places(dialect, "https://own.example") == (
        "https://own.example",
        "https://rest.example",
        "https://platform.example/v1",
    )


@every_row(
    ("environment", "key"),
    [
        ({"FAL_KEY": "id:secret"}, "id:secret"),
        ({"FAL_KEY_ID": "id", "FAL_KEY_SECRET": "secret"}, "id:secret"),
        ({"FAL_KEY": "one", "FAL_KEY_ID": "id", "FAL_KEY_SECRET": "secret"}, "one"),
    ],
)
def test_the_key_is_one_variable_or_two_halves(environment, key) -> None:
    assert placed(without="key", **environment).api_key == key


@every_row("app", ["pika", "fal-ai/pika/v2.2", "", "a//b", "a/..", 5, "workflows/a"])
def test_an_app_is_owner_and_name(app) -> None:
    with pytest.raises(FieldError, match="^app: "):
        Fal(app=app)


def test_two_equal_submits_are_two_jobs() -> None:
    assert not Fal().repeatable


def test_files_above_90_mib_are_none_of_its() -> None:
    assert set(Fal().most_bytes.values()) == {90 * 1024 * 1024}
