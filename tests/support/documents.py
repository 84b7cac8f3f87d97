"""Job documents of Pika's own API as no service would send them, for Hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)
DOCUMENTS = st.dictionaries(
    st.sampled_from(
        ["id", "status", "output", "billing", "error", "message", "detail", "code", "errors"]
    ),
    ANY_JSON
    | st.sampled_from(["media_1", "queued", "completed", "failed", "FAILED ", " running"])
    | st.fixed_dictionaries(
        {},
        optional={
            "media_type": ANY_JSON | st.sampled_from(["video", "videos", "image", "url"]),
            "video": ANY_JSON | st.just({"url": "https://x.example/a.mp4"}),
            "videos": ANY_JSON,
            "url": ANY_JSON,
            "state": ANY_JSON | st.just("settled"),
            "charge_micro_usd": ANY_JSON,
            "code": ANY_JSON,
            "message": ANY_JSON,
        },
    ),
)
STATUSES = st.sampled_from([200, 201, 204, 302, 400, 401, 402, 403, 404, 409, 422, 429, 500, 503])
