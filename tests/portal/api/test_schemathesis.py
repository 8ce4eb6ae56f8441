"""Generated requests: every answer is one that the description of the interface allows.

Which values there are depends on the release, not on the description: a value that is well formed
and absent may be refused, and then with a described problem.
"""

import pytest
import schemathesis
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, given, settings

from rarecare.portal.api.views import api, throttle
from rarecare.portal.wsgi import application

PATHS = api.get_openapi_schema()["paths"]
GOOD, BAD = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
CASES = [(path, GOOD) for path in PATHS] + [
    (path, BAD)
    for path, methods in PATHS.items()
    if any(one["in"] == "query" for one in methods["get"]["parameters"])
]
EXAMPLES = 12
HEADERS = {"Host": "localhost", "Accept-Encoding": "identity"}


@pytest.fixture
def described(portal, monkeypatch):
    """The description, as the portal gives it; its database stays open between requests."""
    monkeypatch.setattr(throttle, "num_requests", 10**6)
    cache.clear()
    for signal in (request_started, request_finished):  # as Django's own test client does
        signal.disconnect(close_old_connections)
    yield schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application)
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)
    cache.clear()


@pytest.mark.parametrize(("path", "mode"), CASES)
def test_every_answer_is_described(described, path, mode):
    operation = described[path]["GET"]
    answers = []

    @settings(max_examples=EXAMPLES, derandomize=True, database=None, deadline=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def tried(case):
        answer = case.call_and_validate(
            headers=HEADERS, excluded_checks=[schemathesis.checks.CHECKS.get_one(
                "positive_data_acceptance")],
        )  # fmt: skip
        answers.append(answer.status_code)

    tried()
    assert answers
