"""What an account cannot take from another one: environments, reserved concurrency, asynchronous deliveries, starts. On a platform of its own."""

import concurrent.futures
import json
import time

import pytest

from harness.platform import Platform
from support import eventually, logged, package, refused, trust

SLEEPER = "import time\ndef handler(event, context):\n    time.sleep(event.get('s', 0))\n    return time.time()\n"
SLOW_MODULE = "import time\ntime.sleep(8)\ndef handler(event, context): return 1\n"
MACHINE = 24


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    with Platform(tmp_path_factory.mktemp("fair"), arguments=("--max-environments", str(MACHINE))) as made:
        yield made


@pytest.fixture(scope="module")
def accounts(own):
    """Clients of two members' administrators, by service; nothing is shared between the two."""
    org = own.client("organizations")
    org.create_organization(FeatureSet="ALL")
    courier = own.client("sts", *own.user("courier", {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}))

    def member(name):
        account = org.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]["AccountId"]
        keys = courier.assume_role(RoleArn=f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole", RoleSessionName="admin")["Credentials"]
        return lambda service: own.client(service, keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], max_pool_connections=50)

    return member("greedy"), member("modest")


@pytest.fixture
def make(name):
    """Makes functions of an account, and removes them at the end."""
    made = []

    def function(account, suffix, code=SLEEPER, **settings):
        iam, client = account("iam"), account("lambda")
        try:
            role = iam.get_role(RoleName="runs")["Role"]["Arn"]
        except iam.exceptions.NoSuchEntityException:
            role = iam.create_role(RoleName="runs", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
        client.create_function(FunctionName=name + suffix, Runtime="python3.12", Role=role, Handler="app.handler", Timeout=150,
                               Code={"ZipFile": package(app__py=code)}, **settings)
        made.append((client, name + suffix))
        client.get_waiter("function_active_v2").wait(FunctionName=name + suffix, WaiterConfig={"Delay": 1})
        return name + suffix

    yield function
    for client, each in made:
        client.delete_function(FunctionName=each)


def invoke(client, function, seconds=0):
    """True where it ran, false where it was refused for want of room."""
    try:
        answer = client.invoke(FunctionName=function, Payload=json.dumps({"s": seconds}))
    except client.exceptions.TooManyRequestsException as refusal:
        assert refusal.response["Reason"] == "ConcurrentInvocationLimitExceeded"
        return False
    assert "FunctionError" not in answer, answer["Payload"].read()
    return True


def test_one_account_leaves_another_its_share_and_its_reservations(accounts, make):
    greedy, modest = (account("lambda") for account in accounts)
    takes, share, reserved = make(accounts[0], "-takes"), make(accounts[1], "-share"), make(accounts[1], "-reserved")
    with concurrent.futures.ThreadPoolExecutor(60) as threads:
        many = [threads.submit(invoke, greedy, takes, 20) for _ in range(30)]
        eventually(lambda: sum(one.done() for one in many) >= 30 - MACHINE, 60)
        assert all(invoke(modest, share) for _ in range(3)), "an account's share is its own"
        ran = sum(one.result() for one in many)
        # Two accounts have functions: each has a quarter of the machine to itself, and one half is whoever's comes first.
        assert ran == MACHINE - MACHINE // 4

        assert modest.put_function_concurrency(FunctionName=reserved, ReservedConcurrentExecutions=3)["ReservedConcurrentExecutions"] == 3
        many = [threads.submit(invoke, greedy, takes, 20) for _ in range(30)]
        eventually(lambda: sum(one.done() for one in many) >= 30 - MACHINE, 60)
        kept = [threads.submit(invoke, modest, reserved, 2) for _ in range(3)]
        assert all(one.result() for one in kept), "what is reserved is kept free"
        assert sum(one.result() for one in many) <= MACHINE - 3


def test_settings_tell_what_the_machine_has_and_reservations_what_it_can_keep(accounts, make):
    greedy, modest = (account("lambda") for account in accounts)
    first, second = make(accounts[0], "-first"), make(accounts[1], "-second")
    limit = modest.get_account_settings()["AccountLimit"]
    assert (limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]) == (MACHINE, MACHINE)
    message = refused(modest.put_function_concurrency, "InvalidParameterValueException", FunctionName=second, ReservedConcurrentExecutions=MACHINE // 2 + 1)
    assert message.endswith(f"UnreservedConcurrentExecution below its minimum value of [{MACHINE // 2}].")
    greedy.put_function_concurrency(FunctionName=first, ReservedConcurrentExecutions=MACHINE // 2)
    message = refused(modest.put_function_concurrency, "InvalidParameterValueException", FunctionName=second, ReservedConcurrentExecutions=MACHINE // 2)
    assert "more than this machine can keep free" in message
    modest.put_function_concurrency(FunctionName=second, ReservedConcurrentExecutions=MACHINE // 4)
    assert modest.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == MACHINE - MACHINE // 4
    # Memory is kept, too.
    message = refused(modest.update_function_configuration, "InvalidParameterValueException", FunctionName=second, MemorySize=10_240)
    assert "more than this machine can keep free" in message
    assert modest.get_function_configuration(FunctionName=second)["MemorySize"] == 128
    greedy.delete_function_concurrency(FunctionName=first)
    modest.put_function_concurrency(FunctionName=second, ReservedConcurrentExecutions=MACHINE // 2)


def test_slow_starts_of_one_account_hold_up_no_other(accounts, make):
    greedy, modest = (account("lambda") for account in accounts)
    slow, quick = make(accounts[0], "-slow", SLOW_MODULE), make(accounts[1], "-quick")
    with concurrent.futures.ThreadPoolExecutor(30) as threads:
        many = [threads.submit(invoke, greedy, slow) for _ in range(24)]
        time.sleep(0.5)
        assert invoke(modest, quick)
        assert not any(one.done() and one.result() for one in many), "the slow ones are still starting"
        assert any(one.result() for one in many)


def test_asynchronous_invocations_of_one_account_hold_up_no_other(accounts, make):
    greedy, modest = (account("lambda") for account in accounts)
    takes, quick = make(accounts[0], "-takes"), make(accounts[1], "-quick", SLEEPER.replace("return", "print('ran', event['at']) or"))
    logs = accounts[1]("logs")
    accounts[1]("iam").attach_role_policy(RoleName="runs", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
    for _ in range(24):
        greedy.invoke(FunctionName=takes, InvocationType="Event", Payload=b'{"s": 120}')
    time.sleep(1)
    modest.invoke(FunctionName=quick, InvocationType="Event", Payload=b'{"at": "once"}')

    # Long before the first of the others is done.
    eventually(lambda: logged(logs, f"/aws/lambda/{quick}", filterPattern="ran once"))


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Clients of an account that has a machine to itself."""
    with Platform(tmp_path_factory.mktemp("alone")) as made:
        yield lambda service: made.client(service, max_pool_connections=50)


def test_slow_starts_of_a_function_hold_up_no_other_of_its_account(alone, make):
    client = alone("lambda")
    slow, quick = make(alone, "-slow", SLOW_MODULE), make(alone, "-quick")
    with concurrent.futures.ThreadPoolExecutor(12) as threads:
        many = [threads.submit(invoke, client, slow) for _ in range(12)]
        time.sleep(0.5)
        assert invoke(client, quick)
        assert not any(one.done() for one in many), "the slow ones are still starting"
        assert any(one.result() for one in many)


def test_slow_events_of_a_function_hold_up_no_other_of_its_account(alone, make):
    client, logs = alone("lambda"), alone("logs")
    takes, quick = make(alone, "-takes"), make(alone, "-quick", SLEEPER.replace("return", "print('ran', event['at']) or"))
    alone("iam").attach_role_policy(RoleName="runs", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
    assert invoke(client, takes)
    for _ in range(20):
        client.invoke(FunctionName=takes, InvocationType="Event", Payload=b'{"s": 120}')
    time.sleep(1)
    client.invoke(FunctionName=quick, InvocationType="Event", Payload=b'{"at": "once"}')

    # Long before the first of the others is done.
    eventually(lambda: logged(logs, f"/aws/lambda/{quick}", filterPattern="ran once"))
