"""What goes wrong with AWS is told to whoever can mend it; a machine without AWS does not pay for its SDK."""

from __future__ import annotations

import subprocess
import sys

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from frontdesk.aws.client import explain, make_client, needs_a_person

pytestmark = pytest.mark.usefixtures("aws_keys")


def refusal(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "GetThing")


@pytest.mark.parametrize(
    ("err", "lasting", "said"),
    [
        (NoCredentialsError(), True, "no AWS credentials were found; give this machine a role"),
        (refusal("ExpiredToken"), True, r"AWS refused the credentials \(ExpiredToken: no\); give"),
        (refusal("AccessDeniedException"), True, r"AWS does not permit it \(AccessDeniedException: no\); allow"),
        (refusal("QueueDoesNotExist"), True, r"it is not there \(QueueDoesNotExist: no\); look at its name"),
        (refusal("RequestThrottled"), False, "^RequestThrottled: no$"),
        (refusal("500", ""), False, "^500$"),
        (EndpointConnectionError(endpoint_url="http://x"), False, 'Could not connect to the endpoint URL: "http://x"'),
        (TimeoutError(), False, "^TimeoutError$"),
    ],
)
def test_an_error_says_whether_a_person_must_act_and_how(err, lasting, said):
    assert needs_a_person(err) is lasting
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(explain(err))


def test_every_client_has_time_outs():
    config = make_client("sqs", region="eu-west-1").meta.config
    assert (config.connect_timeout, config.read_timeout, config.retries["total_max_attempts"]) == (2, 5, 2)


def test_a_machine_without_aws_does_not_load_its_sdk():
    code = "import sys, frontdesk.app; sys.exit(any(name.startswith('boto') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
