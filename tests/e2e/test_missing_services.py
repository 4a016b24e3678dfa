"""A call to a service that is not here: named for whoever signed it, and no way around a signature for anybody else."""

import pytest

from support import refused

CALLS = [
    ("sqs", "list_queues", {}),
    ("sns", "list_topics", {}),
    ("ecr", "describe_repositories", {}),
    ("xray", "get_sampling_rules", {}),
    ("cloudcontrol", "list_resources", {"TypeName": "AWS::S3::Bucket"}),
]


@pytest.mark.parametrize("service,operation,arguments", CALLS)
def test_it_is_named_for_whoever_signs(platform, service, operation, arguments):
    client = platform.client(service)
    signing = client.meta.service_model.signing_name
    told = refused(getattr(client, operation), "NotImplemented", **arguments)
    assert told == f"The service {signing} is not available on this platform."


@pytest.mark.parametrize("service,operation,arguments", CALLS)
def test_a_wrong_signature_is_refused_first(platform, service, operation, arguments):
    key, _ = platform.root()
    client = platform.client(service, key=key, secret="no" * 20)
    with pytest.raises(Exception, match="SignatureDoesNotMatch|InvalidSignature"):
        getattr(client, operation)(**arguments)
    client = platform.client(service, key="AKIAAAAAAAAAAAAAAAAA", secret="no" * 20)
    with pytest.raises(Exception, match="InvalidClientTokenId|UnrecognizedClient"):
        getattr(client, operation)(**arguments)


def test_without_a_signature_nothing_is_told(platform):
    answer = platform.raw("POST", "/", {"X-Amz-Target": "AmazonSQS.SendMessage", "Content-Type": "application/x-amz-json-1.1"}, b"{}")
    assert answer.status_code == 400 and "MissingAuthenticationToken" in answer.text and "sqs" not in answer.text
