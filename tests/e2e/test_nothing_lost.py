"""`kill -9` under load, again and again: what was acknowledged is there after the restart, and so is its record."""

import concurrent.futures
import json
import subprocess
import threading

import botocore.exceptions

from harness.platform import binary, free_port
from support import eventually, package, trust


def test_acknowledged_changes_survive_kill_9(fresh):
    fresh.start()
    fresh.client("dynamodb").create_table(
        TableName="items", BillingMode="PAY_PER_REQUEST", AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}])
    acknowledged, lock = {"items": set(), "users": set(), "functions": set()}, threading.Lock()
    role = fresh.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    for turn in range(3):
        stop = threading.Event()

        def load(worker, turn=turn, stop=stop):
            dynamodb, iam, functions = (fresh.client(s) for s in ("dynamodb", "iam", "lambda"))
            code = package(app__py="def handler(e, c): return 1\n")
            for n in range(100_000):
                if stop.is_set():
                    return
                name = f"x{turn}-{worker}-{n}"
                try:
                    dynamodb.put_item(TableName="items", Item={"id": {"S": name}})
                    with lock:
                        acknowledged["items"].add(name)
                    if n % 10 == 0:
                        iam.create_user(UserName=name)
                        with lock:
                            acknowledged["users"].add(name)
                    if n % 40 == 0:
                        functions.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="app.handler", Code={"ZipFile": code})
                        with lock:
                            acknowledged["functions"].add(name)
                except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
                    return

        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            workers = [pool.submit(load, worker) for worker in range(6)]
            enough = len(acknowledged["items"]) + 300
            eventually(lambda: len(acknowledged["items"]) > enough and acknowledged["functions"], timeout_s=120)
            fresh.kill()
            stop.set()
            [worker.result(120) for worker in workers]
        fresh.start()
    dynamodb, iam, functions = (fresh.client(s) for s in ("dynamodb", "iam", "lambda"))
    items = {item["id"]["S"] for page in dynamodb.get_paginator("scan").paginate(TableName="items") for item in page["Items"]}
    users = {user["UserName"] for page in iam.get_paginator("list_users").paginate() for user in page["Users"]}
    made = {f["FunctionName"] for page in functions.get_paginator("list_functions").paginate() for f in page["Functions"]}
    assert acknowledged["items"] <= items and acknowledged["users"] <= users and acknowledged["functions"] <= made
    recorded = {(event["requestParameters"] or {}).get("userName") for event in fresh.events(EventName="CreateUser")}
    assert users <= recorded, "a change without its record"
    some = next(iter(made))
    assert json.loads(functions.invoke(FunctionName=some)["Payload"].read()) == 1


def test_a_second_process_on_the_same_folder_is_refused(fresh):
    fresh.start()
    second = subprocess.run([binary(), "serve", "--listen", f"127.0.0.1:{free_port()}", "--data-dir", str(fresh.data_dir)],
                            capture_output=True, text=True, timeout=60)
    assert second.returncode == 1 and "one process at a time" in second.stderr, second.stderr
    assert fresh.client("sts").get_caller_identity()


def test_sigterm_drains_and_the_administrators_key_stays(fresh):
    fresh.start()
    key = fresh.root()
    assert fresh.stop() == 0
    fresh.start()
    assert fresh.root() == key and fresh.client("sts").get_caller_identity()


def test_a_given_root_key_is_used_and_checked(fresh):
    fresh.environment = {"FASTNESS_ROOT_ACCESS_KEY_ID": "MYOWNKEYIDWITH20CHAR", "FASTNESS_ROOT_SECRET_ACCESS_KEY": "a-secret-that-i-chose-myself-0123456789"}
    fresh.start()
    assert fresh.root() == ("MYOWNKEYIDWITH20CHAR", "a-secret-that-i-chose-myself-0123456789")
    assert fresh.client("sts").get_caller_identity()["Account"] == "000000000000"
    assert (fresh.data_dir / "credentials").stat().st_mode & 0o777 == 0o600
