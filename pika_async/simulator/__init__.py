"""A service to try and test against: a real HTTP server that behaves like the one that sells."""

from pika_async.simulator._catalogue import FAULTS, SERVICES, VARIANTS
from pika_async.simulator._faults import Fault
from pika_async.simulator._jobs import Polls, SimulatedJob
from pika_async.simulator._records import Download, Poll, Stray, Submission
from pika_async.simulator._rows import FaultRow
from pika_async.simulator._server import Simulator

__all__ = [
    "FAULTS",
    "SERVICES",
    "VARIANTS",
    "Download",
    "Fault",
    "FaultRow",
    "Poll",
    "Polls",
    "SimulatedJob",
    "Simulator",
    "Stray",
    "Submission",
]
