"""Our values on the engine's wire."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from temporalio.converter import (
    AdvancedJSONEncoder,
    CompositePayloadConverter,
    DataConverter,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
    JSONTypeConverter,
)

from pika_async import ConfigurationError
from pika_async.temporal._codec import from_plain, is_ours, to_plain


class _Encoder(AdvancedJSONEncoder):
    def default(self, o: Any) -> Any:
        return to_plain(o) if is_ours(type(o)) else super().default(o)


class _Types(JSONTypeConverter):
    def to_typed_value(self, hint: type, value: Any) -> Any:
        return from_plain(value, hint) if is_ours(hint) else JSONTypeConverter.Unhandled


class PikaPayloadConverter(CompositePayloadConverter):
    """Temporal's own converter, whose JSON knows requests, states, money and outcomes too."""

    def __init__(self) -> None:
        json = JSONPlainPayloadConverter(encoder=_Encoder, custom_type_converters=[_Types()])
        super().__init__(
            *(
                json if isinstance(converter, JSONPlainPayloadConverter) else converter
                for converter in DefaultPayloadConverter.default_encoding_payload_converters
            )
        )


PIKA_DATA_CONVERTER: Final = dataclasses.replace(
    DataConverter.default, payload_converter_class=PikaPayloadConverter
)


def with_our_values(given: DataConverter | None) -> DataConverter:
    """A data converter that knows our values; codecs, such as for encryption, stay.

    Raises:
        ConfigurationError: It converts values in a way of its own already.
    """
    if given is None:
        return PIKA_DATA_CONVERTER
    if _knows_our_values(given):
        return given
    if given.payload_converter_class is not DefaultPayloadConverter:
        raise ConfigurationError(
            f"data_converter: {given.payload_converter_class.__name__} converts values in a way of "
            "its own; derive it from pika_async.temporal.PikaPayloadConverter, so that it knows "
            "requests and outcomes too"
        )
    return dataclasses.replace(given, payload_converter_class=PikaPayloadConverter)


def check_knows_our_values(given: DataConverter) -> None:
    """Refuse the data converter of a client that cannot carry our values.

    Raises:
        ConfigurationError: The client has not the plugin.
    """
    if not _knows_our_values(given):
        raise ConfigurationError(
            "this Temporal client cannot carry requests and outcomes; connect it with "
            "Client.connect(…, plugins=[PikaPlugin()])"
        )


def _knows_our_values(given: DataConverter) -> bool:
    return issubclass(given.payload_converter_class, PikaPayloadConverter)
