"""Code: what nothing uses any more leaves the disk while the platform runs, and an account has no more of it than it may."""

import io
import json
import os
import shutil
import threading
import time
import zipfile

import pytest

from harness import Platform
from support import eventually, logged, package, refused, trust

HANDLER = "import os, time\nimport {name}\ndef handler(event, context):\n    print('runs', event, flush=True)\n    time.sleep(event)\n    return sorted(os.listdir('/var/task')) + sorted(os.listdir('/opt'))\n"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A platform whose accounts may have 1 MiB of code."""
    with Platform(tmp_path_factory.mktemp("code"), arguments=("--max-account-code-mib", "1")) as running:
        arn = running.client("iam").create_role(RoleName="code", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
        running.client("iam").attach_role_policy(RoleName="code", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
        running.role = arn
        yield running


def code(name, more=b""):
    return package(app__py=HANDLER.format(name=name), **{name + "__py": "pass\n", "more": more})


def make(small, name, **settings):
    client = small.client("lambda")
    client.create_function(FunctionName=name, Runtime="python3.12", Role=small.role, Handler="app.handler", Timeout=60, Code={"ZipFile": code("first")}, **settings)
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    return client


def on_disk(small):
    return {folder: len(os.listdir(small.data_dir / "code/000000000000" / folder)) for folder in ("packages", "unpacked", "layered")}


def invoke(client, name, event=0):
    answer = client.invoke(FunctionName=name, Payload=json.dumps(event))
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


def test_code_that_nothing_uses_leaves_the_disk_and_what_runs_keeps_it(small):
    layers = [small.client("lambda").publish_layer_version(LayerName=f"l{n}", Content={"ZipFile": package(**{f"file{n}": b"x"})})["LayerVersionArn"] for n in (1, 2)]
    client = make(small, "lasting", Layers=layers)
    assert invoke(client, "lasting") == ["app.py", "first.py", "more", "file1", "file2"]
    assert on_disk(small) == {"packages": 3, "unpacked": 3, "layered": 1}
    # An invocation that runs while its code is replaced and its function deleted has its files to the end.
    answers = []
    runs = threading.Thread(target=lambda: answers.append(invoke(client, "lasting", 30)))
    runs.start()
    eventually(lambda: "runs 30" in str(logged(small.client("logs"), "/aws/lambda/lasting")), timeout_s=20)
    client.update_function_code(FunctionName="lasting", ZipFile=code("second"))
    for n in (1, 2):
        client.delete_layer_version(LayerName=f"l{n}", VersionNumber=1)
    client.delete_function(FunctionName="lasting")
    eventually(lambda: on_disk(small) == {"packages": 3, "unpacked": 3, "layered": 1})
    assert runs.is_alive(), "it ended too early to tell"
    runs.join()
    assert answers == [["app.py", "first.py", "more", "file1", "file2"]]
    # What ran goes by itself with what ran it.
    eventually(lambda: on_disk(small) == {"packages": 0, "unpacked": 0, "layered": 0})
    client = make(small, "another")
    client.delete_function(FunctionName="another")
    eventually(lambda: on_disk(small) == {"packages": 0, "unpacked": 0, "layered": 0})


def test_updates_leave_one_package_and_versions_keep_theirs(small):
    client = make(small, "updated")
    client.publish_version(FunctionName="updated")
    for n in range(5):
        client.update_function_code(FunctionName="updated", ZipFile=code(f"n{n}", os.urandom(100_000)))
    eventually(lambda: on_disk(small)["packages"] == 2)
    assert "first.py" in invoke(client, "updated:1") and "n4.py" in invoke(client, "updated")
    client.delete_function(FunctionName="updated")


def test_an_account_has_no_more_code_than_it_may(small):
    client = make(small, "full")
    big = os.urandom(700_000)
    client.update_function_code(FunctionName="full", ZipFile=code("big", big))
    limit = client.get_account_settings()
    assert limit["AccountLimit"]["TotalCodeSize"] == 1024 * 1024 and 700_000 < limit["AccountUsage"]["TotalCodeSize"] < 1024 * 1024
    refused(client.publish_layer_version, "CodeStorageExceededException", LayerName="l", Content={"ZipFile": package(file=os.urandom(500_000))})
    refused(client.update_function_code, "CodeStorageExceededException", FunctionName="full", ZipFile=code("bigger", os.urandom(900_000)))
    client.delete_function(FunctionName="full")
    client.publish_layer_version(LayerName="l", Content={"ZipFile": package(file=os.urandom(500_000))})


def test_a_rehearsal_takes_no_room(small):
    """Each package takes a third of the 250 MiB that the account may have unpacked."""
    def zeros(seed):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, content in {"app.py": HANDLER.format(name="time"), "seed": seed, "zeros": bytes(80 << 20)}.items():
                archive.writestr(name, content)
        return buffer.getvalue()

    client = make(small, "rehearsed")
    for n in range(4):
        client.update_function_code(FunctionName="rehearsed", ZipFile=zeros(f"dry {n}"), DryRun=True)
    client.update_function_code(FunctionName="rehearsed", ZipFile=zeros("used"))
    assert "zeros" in invoke(client, "rehearsed")
    client.delete_function(FunctionName="rehearsed")


def test_layers_over_each_other_take_room(tmp_path):
    """28,000 folders take 109 MiB of the 250 MiB, and as much again in each order of their layers."""
    with Platform(tmp_path / "p", arguments=("--max-account-code-mib", "8")) as own:
        own.role = own.client("iam").create_role(RoleName="code", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
        folders = [package(file=str(n), **{f"l{n}/{m}/": "" for m in range(7_000)}) for n in range(4)]
        layers = [own.client("lambda").publish_layer_version(LayerName=f"l{n}", Content={"ZipFile": each})["LayerVersionArn"] for n, each in enumerate(folders)]
        client = make(own, "first", Layers=layers)
        other = {"FunctionName": "other", "Runtime": "python3.12", "Role": own.role, "Handler": "app.handler", "Code": {"ZipFile": code("first")}}
        refused(client.create_function, "CodeStorageExceededException", **other, Layers=layers[::-1])
        refused(client.update_function_configuration, "CodeStorageExceededException", FunctionName="first", Layers=layers[::-1])
        client.create_function(**other, Layers=layers)
        for name in ("first", "other"):
            client.delete_function(FunctionName=name)
        # The sweep gives back what functions have left.
        eventually(lambda: laid_over(own) == 0)
        client.create_function(**other, Layers=layers[::-1])
        assert laid_over(own) == 1


def laid_over(platform):
    return len(os.listdir(platform.data_dir / "code/000000000000/laid-sizes"))


LOOK = """import fcntl, os, time
PATHS = ("/var/task", "/var/task/app.py", "/opt", "/opt/file")
def handler(event, context):
    files = [os.open(path, os.O_RDONLY) for path in PATHS]
    for file in files:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if event == "hold":
        print("it holds", flush=True)
        time.sleep(25)
    seen = {path: [os.fstat(file).st_ino, os.fstat(file).st_ctime] for path, file in zip(PATHS, files)}
    for file in files:
        os.close(file)
    return seen
"""


def administrator(platform, user, account):
    courier = platform.client("sts", *platform.user(user, {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}))
    made = courier.assume_role(RoleArn=f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole", RoleSessionName="admin")["Credentials"]
    return made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]


def member_of(platform):
    """A client of Lambda in another account, with a role for functions there."""
    organizations = platform.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    account = organizations.create_account(AccountName="other", Email="other@example.com")["CreateAccountStatus"]["AccountId"]
    keys = administrator(platform, "courier", account)
    role = platform.client("iam", *keys).create_role(RoleName="code", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    return account, platform.client("lambda", *keys), role


def test_accounts_share_no_file_of_the_same_code(fresh):
    fresh.start()
    own = fresh.client("lambda")
    role = fresh.client("iam").create_role(RoleName="code", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    fresh.client("iam").attach_role_policy(RoleName="code", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
    account, other, other_role = member_of(fresh)
    layer = own.publish_layer_version(LayerName="shared", Content={"ZipFile": package(file="x")})["LayerVersionArn"]
    own.add_layer_version_permission(LayerName="shared", VersionNumber=1, StatementId="s", Action="lambda:GetLayerVersion", Principal=account)
    settings = {"Runtime": "python3.12", "Handler": "app.handler", "Timeout": 60, "Layers": [layer], "Code": {"ZipFile": package(app__py=LOOK)}}
    own.create_function(FunctionName="first", Role=role, **settings)
    theirs = invoke(own, "first")
    time.sleep(1.5)
    began = time.time()
    other.create_function(FunctionName="second", Role=other_role, **settings)
    # While one holds locks on all of its own files, the other takes its own.
    holds = threading.Thread(target=lambda: invoke(own, "first", "hold"))
    holds.start()
    eventually(lambda: "it holds" in str(logged(fresh.client("logs"), "/aws/lambda/first")), timeout_s=20)
    mine = invoke(other, "second")
    for path, (inode, changed) in mine.items():
        assert inode not in [inode for inode, _ in theirs.values()], (path, mine, theirs)
        assert changed > began - 0.1, f"{path} is older than this account has it"
    assert holds.is_alive(), "the locks were gone too early to tell"
    holds.join()
    # Layers stay with those who use them; what is kept is kept for each.
    own.delete_function(FunctionName="first")
    own.delete_layer_version(LayerName="shared", VersionNumber=1)
    left = lambda of: len(os.listdir(fresh.data_dir / "code" / of / "packages"))
    eventually(lambda: (left("000000000000"), left(account)) == (0, 2))
    fresh.kill()
    fresh.start()
    assert sorted(invoke(fresh.client("lambda", *administrator(fresh, "again", account)), "second")) == sorted(theirs)


def test_a_data_folder_that_kept_code_for_all_accounts_together_goes_on(fresh):
    fresh.start()
    fresh.role = fresh.client("iam").create_role(RoleName="code", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    layers = [fresh.client("lambda").publish_layer_version(LayerName=f"l{n}", Content={"ZipFile": package(**{f"file{n}": b"x"})})["LayerVersionArn"] for n in (1, 2)]
    make(fresh, "kept", Layers=layers)
    before = invoke(fresh.client("lambda"), "kept")
    fresh.stop()
    # As earlier versions had it, with something that nobody uses.
    folder = fresh.data_dir / "code"
    for kind in ("packages", "unpacked", "layered"):
        shutil.move(folder / "000000000000" / kind, folder / kind)
    shutil.rmtree(folder / "000000000000" / "laid-sizes")
    (folder / "000000000000").rmdir()
    (folder / "packages" / ("0" * 64 + ".zip")).write_bytes(b"nobody's")
    fresh.start()
    assert invoke(fresh.client("lambda"), "kept") == before
    assert sorted(os.listdir(folder)) == ["000000000000"] and on_disk(fresh) == {"packages": 3, "unpacked": 3, "layered": 1}
