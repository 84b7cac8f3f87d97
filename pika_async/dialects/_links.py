"""Links of videos: whole, or without the host or the scheme of the service that gave them.

Services behind a proxy, and those that serve their files themselves, name a file by its path alone.
Whoever saves a video needs all of it: https://www.rfc-editor.org/rfc/rfc3986#section-5.2. A path
that begins with no slash is left as it came, since nobody says where it begins. None of these links
is ever asked for with the key.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

import attrs

from pika_async._states import Failed, JobState, Succeeded, Video

_State = TypeVar("_State", bound=JobState | None)
# A union would be made anew at each look at each job.
_ENDED: Final = (Succeeded, Failed)


def is_whole(link: str) -> bool:
    """Whether there is a link, and its host is its own and not that of the service."""
    return bool(link) and not link.lstrip().startswith("/")


def with_whole_links(state: _State, base_url: str) -> _State:
    """The same; where it has ended, with links that can be asked for from anywhere.

    ``base_url``: where the service is that gave them.
    """
    if not isinstance(state, _ENDED) or all(map(_has_whole_links, state.videos)):
        return state
    videos = tuple(_with_whole_links(video, base_url) for video in state.videos)
    return attrs.evolve(state, videos=videos)


def _has_whole_links(video: Video) -> bool:
    # Written out: almost all have, and each job that ends is asked.
    for link in (video.url, video.share_url, video.poster_url, video.thumbnail_url):
        if link and (link[0] == "/" or link[0].isspace()):
            return False
    return True


def _with_whole_links(video: Video, base_url: str) -> Video:
    changes: dict[str, Any] = {
        name: _whole(link.strip(), base_url)
        for name in ("url", "share_url", "poster_url", "thumbnail_url")
        if (link := getattr(video, name)) and not is_whole(link)
    }
    return attrs.evolve(video, **changes)


def _whole(link: str, base_url: str) -> str:
    scheme, _, rest = base_url.partition("://")
    host = "" if link.startswith("//") else f"//{rest.partition('/')[0]}"
    return f"{scheme}:{host}{link}"
