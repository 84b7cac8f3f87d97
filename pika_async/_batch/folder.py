"""The folder where a batch saves its videos."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pika_async._download.names import LONGEST_NAME
from pika_async._download.targets import Problem, UnusableTargetError, check_folder
from pika_async._errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


def check_output_dir(folder: Path) -> bool:
    """Make the folder, and make sure that every video can be saved in it.

    Returns:
        Whether names there may have letters of any script.

    Raises:
        ConfigurationError: It cannot.
    """
    try:
        return check_folder(folder, LONGEST_NAME)
    except UnusableTargetError as error:
        raise ConfigurationError(
            f"{str(folder)!r} cannot be written to: {_reason(error)}", setting="output_dir"
        ) from error


def _reason(error: UnusableTargetError) -> str:
    if error.problem is Problem.NAME:
        return f"the names of the videos do not fit ({error.reason})"
    return error.reason or error.problem
