"""Transforms templates with the published transform: a list of trees in, a list of results out, as JSON."""

import json
import os
import sys

os.environ["AWS_DEFAULT_REGION"] = "us-east-1"

from samtranslator.model import apigateway
from samtranslator.model.exceptions import ExceptionWithMessage
from samtranslator.translator.transform import transform


class NoPolicies:
    def load(self):
        return {}


class Clock:
    """What names the deployments of APIs that want one every time."""

    def __init__(self, now):
        self.time = lambda: now


def run(item):
    apigateway.time = Clock(item["now"])
    try:
        return {"template": transform(item["template"], item["parameters"], NoPolicies())}
    except ExceptionWithMessage as error:
        causes = getattr(error, "causes", [error])
        return {"errors": [cause.message for cause in causes]}


json.dump([run(item) for item in json.load(sys.stdin)], sys.stdout)
