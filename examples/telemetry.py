"""Spans and metrics of OpenTelemetry, printed instead of sent; runs against the simulator.

Put an exporter of yours where the console's are, and leave the simulator out. Needs the SDK:

pip install "/path/to/clone[otel]" opentelemetry-sdk
python examples/telemetry.py "a red panda surfing" "an otter asleep"
"""

import argparse
import asyncio
import sys

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

from pika_async import Batch, PikaClient
from pika_async.otel import Telemetry
from pika_async.simulator import Simulator


async def main(prompts: list[str]) -> None:
    tracer_provider = TracerProvider()
    tracer_provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
    meter_provider = MeterProvider([PeriodicExportingMetricReader(ConsoleMetricExporter())])
    telemetry = Telemetry(tracer_provider=tracer_provider, meter_provider=meter_provider)
    # Whatever is open when this ends is exported too, as "left".
    with telemetry:
        async with (
            Simulator(duration=3) as simulator,
            PikaClient("any-key", base_url=simulator.url, observer=telemetry) as client,
            Batch(client, prompts) as batch,
        ):
            async for result in batch:
                print(result.prompt, "succeeded" if result.ok else result.error, file=sys.stderr)
    tracer_provider.shutdown()
    meter_provider.shutdown()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("prompts", nargs="+")
    asyncio.run(main(**vars(parser.parse_args())))
