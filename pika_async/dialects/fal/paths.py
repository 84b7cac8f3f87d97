"""Names and addresses at fal: of endpoints, of jobs, and of what the service gave itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from pika_async._checks import FieldError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pika_async._http import Endpoint

_SPACES: Final = ("workflows", "comfy")
# What stands before owner and app in the paths of endpoints that are made of others.
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*").fullmatch
_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9_-]+").fullmatch
STATUS: Final = "status_url"
RESPONSE: Final = "response_url"
CANCEL: Final = "cancel_url"


def checked_path(field: str, path: str) -> str:
    """The path of an endpoint or of an app: two or more names with slashes between them.

    Raises:
        FieldError: It is none.
    """
    names = path.split("/")
    if len(names) < 2 + (names[0] in _SPACES) or not all(map(_SEGMENT, names)):
        raise FieldError(field, path, 'the path of an endpoint, such as "owner/app/path"')
    return path


def app_of(path: str) -> str:
    """Owner and app, which is where the jobs of an endpoint are asked for."""
    names = path.split("/")
    return "/".join(names[: 2 + (names[0] in _SPACES)])


def job_url(endpoint: Endpoint, app: str, job_id: str) -> str:
    """Where a job's result lies; its status is one step below."""
    return f"{endpoint.base_url}/{app}/requests/{_path_segment(job_id)}"


def own_addresses(endpoint: Endpoint, addresses: Iterable[object]) -> list[str]:
    """Those that lie at the service, each once: the key goes nowhere else."""
    prefix = f"{endpoint.base_url}/"
    own = (one for one in addresses if isinstance(one, str) and one.startswith(prefix))
    return list(dict.fromkeys(own))


def _path_segment(job_id: str) -> str:
    if _PLAIN_ID(job_id):
        return job_id
    # quote() leaves dots alone, and "." and ".." would climb the path.
    if not job_id.strip("."):
        return job_id.replace(".", "%2E")
    return quote(job_id, safe="", errors="surrogatepass")
