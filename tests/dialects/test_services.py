"""Which service is meant, where it is, and which other one would take what this one does not."""

from __future__ import annotations

import pytest
from attrs import frozen
from support.tables import every_row

from pika_async import (
    ConfigurationError,
    FieldError,
    GenerationRequest,
    MoneyMeaning,
    PikaClient,
)
from pika_async._wire.endpoint import endpoint
from pika_async.dialects import Fal, Gateway, Pika, check_at, service_named, service_of


@frozen
class Elsewhere(Gateway):
    """A service with three hosts, one of which may be named."""

    files: str | None = None

    @property
    def name(self):
        return "elsewhere"

    @property
    def hosts(self):
        return {
            "api": "https://api.example",
            "files": "https://files.example",
            "platform": "https://platform.example",
        }

    @property
    def named_hosts(self):
        return {} if self.files is None else {"files": self.files}

    url_variable = "ELSEWHERE_HOST"

    def base_url(self, environment):
        host = environment.get("ELSEWHERE_HOST")
        return f"https://{host}" if host else None


def placed(dialect, *, base_url=None, **environment):
    found = endpoint(
        api_key="key",
        base_url=base_url,
        environment=environment,
        dialect=dialect,
        allow_insecure=False,
    )
    return found.base_url, found.hosts["files"], found.hosts["platform"]


@every_row("name", ["gateway", " Gateway "])
def test_a_service_is_named_by_a_word(name):
    assert service_named(name) == Gateway()


def test_an_unknown_service_is_refused_with_those_that_there_are():
    with pytest.raises(FieldError, match="service: 'sora' is not allowed; allowed are gateway"):
        service_named("sora")


@every_row("environment", [{}, {"PIKA_SERVICE": ""}, {"PIKA_SERVICE": "gateway"}])
def test_the_environment_names_the_service_and_else_it_is_the_gateway(environment):
    assert service_of(environment).name == "gateway"


def test_a_client_takes_the_service_of_the_environment(monkeypatch):
    monkeypatch.setenv("PIKA_SERVICE", "sora")
    with pytest.raises(
        ConfigurationError, match="^PIKA_SERVICE: 'sora' is not allowed; allowed are gateway, pika"
    ) as caught:
        PikaClient("key")
    assert caught.value.money is MoneyMeaning.NOT_SENT
    assert "gateway" in repr(PikaClient("key", dialect=Gateway()))


def test_all_hosts_are_the_services_own_where_nothing_is_said():
    assert placed(Elsewhere()) == (
        "https://api.example",
        "https://files.example",
        "https://platform.example",
    )


@every_row("said", [{"base_url": "https://own.example"}, {"ELSEWHERE_HOST": "own.example"}])
def test_with_a_base_url_of_ones_own_every_host_is_at_that_one(said):
    assert placed(Elsewhere(), **said) == ("https://own.example",) * 3


def test_a_host_that_is_named_stays_where_it_is_named():
    here = "https://own.example"
    dialect = Elsewhere(files="https://disk.example")
    assert placed(dialect, base_url=here) == (here, "https://disk.example", here)


def test_another_services_variable_says_nothing_here():
    assert placed(Elsewhere(), PIKA_BASE_URL="https://own.example")[0] == "https://api.example"


def test_what_is_refused_says_which_other_service_would_take_it():
    @frozen
    class Strict(Gateway):
        @property
        def name(self):
            return "strict"

        def check(self, request):
            raise FieldError("seed", request.seed, "nothing here")

    with pytest.raises(FieldError, match="; the service 'gateway' would take it$") as caught:
        check_at(Strict(), GenerationRequest("x", seed=5, motion=3))
    assert "gateway" in caught.value.services


def test_a_service_that_would_refuse_it_too_is_not_named():
    with pytest.raises(FieldError) as caught:
        check_at(Gateway(), GenerationRequest("x", duration=5, motion=3, seed=1))
    assert caught.value.services == ()


def test_a_service_that_takes_what_another_one_does_not_is_named():
    with pytest.raises(FieldError, match="; the service 'pika' .*would take it$") as caught:
        check_at(Gateway(), GenerationRequest("x", duration=5))
    assert "pika" in caught.value.services


@every_row("dialect", [Gateway(), Pika(), Fal()])
def test_no_other_service_is_named_for_a_model_that_only_one_can_have(dialect):
    """It would be asked for a model of that path, which it does not know."""
    field = "mask" if dialect == Gateway() else "motion"
    given = (
        {"video": "https://x/v.mp4", "mask": "https://x/m.png"}
        if field == "mask"
        else {"motion": 2}
    )
    with pytest.raises(FieldError) as caught:
        check_at(dialect, GenerationRequest("x", model="fal-ai/some/model", **given))
    assert (caught.value.field, caught.value.services) == (field, ())


@every_row("name", ["pika", " Pika "])
def test_pikas_own_api_is_named_by_its_word(name):
    assert service_named(name) == Pika()


def test_pikas_own_api_is_one_host_with_one_key():
    environment = {"PIKA_API_KEY": "of-pika"}
    here = {"dialect": Pika(), "base_url": None, "allow_insecure": False}
    found = endpoint(api_key=None, environment=environment, **here)
    assert (found.base_url, found.api_key, found.hosts) == (
        "https://api.dev.pika.art",
        "of-pika",
        {},
    )
    elsewhere = {**environment, "PIKA_BASE_URL": "https://own.example/x/"}
    own = endpoint(api_key=None, environment=elsewhere, **here)
    assert own.base_url == "https://own.example/x"


class TestGateway:
    @every_row(
        ("field", "value"),
        [
            ("resolution", "720p"),
            ("duration", 5),
            ("keyframes", ["https://host.example/a.png"] * 2),
            ("ingredients", ["https://host.example/a.png"]),
            ("region", "the sky"),
            ("mask", "https://host.example/a.png"),
        ],
    )
    def test_it_refuses_what_its_body_has_no_place_for(self, field, value):
        clip = {"video": "https://host.example/a.mp4"} if field in ("region", "mask") else {}
        with pytest.raises(FieldError, match=f"^{field}: .*the gateway has no such field"):
            Gateway().check(GenerationRequest("x", **{field: value}, **clip))

    def test_it_refuses_an_effect_of_another_service_and_names_its_own(self):
        with pytest.raises(FieldError, match="'Baby Me'.* is not allowed; allowed are Ta-da, "):
            Gateway().check(GenerationRequest("x", pikaffect="Baby Me"))

    def test_metadata_are_the_callers_and_not_refused(self):
        Gateway().check(GenerationRequest("x", metadata={"sku": "17"}))
