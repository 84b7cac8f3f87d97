"""One way to run Hypothesis: the same examples each time, however slow the machine."""

from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")
