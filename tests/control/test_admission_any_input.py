"""Whatever comes in as a review, an answer goes out: generated requests and bytes."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.control.admission import Answer, admit, admit_label, probe
from tests.control.test_admission import JSON, SETTINGS, constraint, policies

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["kind", "metadata", "name", "namespace", "labels", "apiVersion", "spec"]), inner
        )
    ),
    max_leaves=12,
)
_REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "uid": _VALUES,
        "kind": st.fixed_dictionaries(
            {
                "group": st.sampled_from(
                    ["", "templates.gatekeeper.sh", "constraints.gatekeeper.sh", "config.gatekeeper.sh"]
                )
            },
            optional={"kind": st.sampled_from(["Pod", "Namespace", "ConstraintTemplate", "Config", "Says"])},
        ),
        "name": st.text(max_size=70),
        "namespace": st.sampled_from(["", "shop"]),
        "operation": st.sampled_from(["CREATE", "UPDATE", "DELETE", "CONNECT", "", "X"]),
        "userInfo": _VALUES,
        "object": _VALUES,
        "oldObject": _VALUES,
    },
)
_SNAPSHOT = policies(constraint(match={"labelSelector": {"matchLabels": {"a": "b"}}}), constraint("all"))


@settings(max_examples=300, deadline=None)
@given(_REQUESTS)
def test_any_request_gets_an_answer(request: dict[str, Any]) -> None:
    call = json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}).encode()
    for answer in (
        admit(call, JSON, _SNAPSHOT, SETTINGS),
        admit_label(call, JSON, SETTINGS),
        probe("/p", call, JSON, "p"),
    ):
        assert isinstance(answer, Answer)
        assert json.loads(answer.body)["response"]["status"]["code"] in (200, 299, 400, 403, 422, 500)


@given(st.binary())
def test_any_bytes_get_an_answer(data: bytes) -> None:
    assert isinstance(admit(data, JSON, _SNAPSHOT, SETTINGS), Answer)
