"""Answers CloudFormation for a custom resource: put beside inline source that imports it, as on AWS."""

import json
import urllib.request

SUCCESS = "SUCCESS"
FAILED = "FAILED"


def send(event, context, responseStatus, responseData, physicalResourceId=None, noEcho=False, reason=None):
    answer = {
        "Status": responseStatus,
        "Reason": reason or f"See the details in CloudWatch Log Stream: {context.log_stream_name}",
        "PhysicalResourceId": physicalResourceId or context.log_stream_name,
        "NoEcho": noEcho,
        "Data": responseData,
    }
    answer.update((name, event[name]) for name in ("StackId", "RequestId", "LogicalResourceId"))
    request = urllib.request.Request(
        event["ResponseURL"], data=json.dumps(answer).encode(), headers={"Content-Type": ""}, method="PUT"
    )
    try:
        with urllib.request.urlopen(request) as taken:
            print("Status code:", taken.status)
    except OSError as error:
        print("The answer was not taken:", error)
