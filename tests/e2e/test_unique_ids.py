"""A policy means the user or role it was written for: whoever is made later under the same name is somebody else, everywhere."""

import json

import pytest

from support import eventually, package, refused, signed_get, trust

ACCOUNT = "000000000000"
GHOST = f"arn:aws:iam::{ACCOUNT}:user/nobody-was-made"


def statement(principal, action, resource):
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action, "Resource": resource}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class Bucket:
    error = "MalformedPolicy"

    def __init__(self, platform, name):
        self.platform, self.name, self.s3 = platform, name, platform.client("s3")
        self.s3.create_bucket(Bucket=name)

    def let_in(self, arn):
        self.s3.put_bucket_policy(Bucket=self.name, Policy=document(statement(arn, "s3:ListBucket", f"arn:aws:s3:::{self.name}")))

    def shown(self):
        return json.loads(self.s3.get_bucket_policy(Bucket=self.name)["Policy"])

    def use(self, key):
        self.platform.client("s3", *key).list_objects_v2(Bucket=self.name)


class Table:
    error = "ValidationException"

    def __init__(self, platform, name):
        self.platform, self.name, self.dynamodb = platform, name, platform.client("dynamodb")
        self.arn = self.dynamodb.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
                                              AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}])["TableDescription"]["TableArn"]

    def let_in(self, arn):
        self.dynamodb.put_resource_policy(ResourceArn=self.arn, Policy=document(statement(arn, "dynamodb:GetItem", self.arn)))

    def shown(self):
        return json.loads(self.dynamodb.get_resource_policy(ResourceArn=self.arn)["Policy"])

    def use(self, key):
        self.platform.client("dynamodb", *key).get_item(TableName=self.name, Key={"k": {"S": "x"}})


class Function:
    error = "InvalidParameterValueException"

    def __init__(self, platform, name):
        self.platform, self.name, self.client = platform, name, platform.client("lambda")
        role = platform.client("iam").create_role(RoleName=name + "-fn", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
        self.client.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="app.handler",
                                    Code={"ZipFile": package(app__py="def handler(event, context):\n    return 1\n")})

    def let_in(self, arn):
        self.client.add_permission(FunctionName=self.name, StatementId="s", Action="lambda:InvokeFunction", Principal=arn)

    def shown(self):
        return json.loads(self.client.get_policy(FunctionName=self.name)["Policy"])

    def use(self, key):
        self.platform.client("lambda", *key).invoke(FunctionName=self.name, InvocationType="DryRun")


class Api:
    """A deployed API: its policy as it was frozen in the deployment, and as it is edited."""

    error = "BadRequestException"

    def __init__(self, platform, name):
        self.platform, self.gateway = platform, platform.client("apigateway")
        self.id = self.gateway.create_rest_api(name=name)["id"]
        at = {"restApiId": self.id, "resourceId": self.gateway.get_resources(restApiId=self.id)["items"][0]["id"], "httpMethod": "GET"}
        self.gateway.put_method(**at, authorizationType="AWS_IAM")
        self.gateway.put_integration(**at, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
        self.gateway.put_method_response(**at, statusCode="200")
        self.gateway.put_integration_response(**at, statusCode="200", responseTemplates={"application/json": '"hello"'})

    def let_in(self, arn):
        policy = document(statement(arn, "execute-api:Invoke", "execute-api:/*"))
        self.gateway.update_rest_api(restApiId=self.id, patchOperations=[{"op": "replace", "path": "/policy", "value": policy}])
        self.gateway.create_deployment(restApiId=self.id, stageName="prod")

    def shown(self):
        # The API shows a policy with its quotes escaped.
        return json.loads(self.gateway.get_rest_api(restApiId=self.id)["policy"].replace('\\"', '"'))

    def use(self, key):
        answer = signed_get(self.platform, f"/_aws/execute-api/{self.id}/prod/", key=key[0], secret=key[1], token=key[2] if len(key) > 2 else None)
        if answer.status_code != 200:
            assert answer.status_code == 403, answer.text
            raise PermissionError("AccessDenied: " + answer.text)
        assert answer.json() == "hello"


class Stream:
    """The stream of a table: its policy is its own."""

    error = "ValidationException"

    def __init__(self, platform, name):
        self.platform, self.dynamodb = platform, platform.client("dynamodb")
        made = self.dynamodb.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
                                          AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
                                          StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
        self.arn = made["TableDescription"]["LatestStreamArn"]

    def let_in(self, arn):
        self.dynamodb.put_resource_policy(ResourceArn=self.arn, Policy=document(statement(arn, "dynamodb:DescribeStream", self.arn)))

    def shown(self):
        return json.loads(self.dynamodb.get_resource_policy(ResourceArn=self.arn)["Policy"])

    def use(self, key):
        self.platform.client("dynamodbstreams", *key).describe_stream(StreamArn=self.arn)


class Alias(Function):
    """A function's alias, whose policy is its own."""

    def __init__(self, platform, name):
        super().__init__(platform, name)
        version = self.client.publish_version(FunctionName=name)["Version"]
        self.client.create_alias(FunctionName=name, Name="live", FunctionVersion=version)

    def let_in(self, arn):
        self.client.add_permission(FunctionName=self.name, Qualifier="live", StatementId="s", Action="lambda:InvokeFunction", Principal=arn)

    def shown(self):
        return json.loads(self.client.get_policy(FunctionName=self.name, Qualifier="live")["Policy"])

    def use(self, key):
        self.platform.client("lambda", *key).invoke(FunctionName=self.name, Qualifier="live", InvocationType="DryRun")


class Role:
    error = "MalformedPolicyDocument"

    def __init__(self, platform, name):
        self.platform, self.name, self.iam = platform, name + "-r", platform.client("iam")
        self.arn = self.iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=trust({"AWS": ACCOUNT}))["Role"]["Arn"]

    def let_in(self, arn):
        self.iam.update_assume_role_policy(RoleName=self.name, PolicyDocument=trust({"AWS": arn}))

    def shown(self):
        return self.iam.get_role(RoleName=self.name)["Role"]["AssumeRolePolicyDocument"]

    def use(self, key):
        self.platform.client("sts", *key).assume_role(RoleArn=self.arn, RoleSessionName="session")


def principal(shown):
    return shown["Statement"][0]["Principal"]["AWS"]


def gone(platform, user, key):
    iam = platform.client("iam")
    iam.delete_access_key(UserName=user, AccessKeyId=key)
    iam.delete_user(UserName=user)


@pytest.mark.parametrize("kind", [Bucket, Table, Stream, Function, Alias, Api, Role])
def test_a_user_who_is_made_again_is_another(platform, name, kind):
    iam, resource = platform.client("iam"), kind(platform, name.lower())
    refused(resource.let_in, kind.error, arn=GHOST)
    user = name + "-u"
    first = platform.user(user)
    arn = iam.get_user(UserName=user)["User"]["Arn"]
    unique = iam.get_user(UserName=user)["User"]["UserId"]
    resource.let_in(arn)
    assert principal(resource.shown()) == arn
    resource.use(first)
    # A new name is followed.
    iam.update_user(UserName=user, NewUserName=user + "2")
    assert principal(resource.shown()) == arn + "2"
    resource.use(first)
    iam.update_user(UserName=user + "2", NewUserName=user)
    gone(platform, user, first[0])
    assert principal(resource.shown()) == unique
    second = platform.user(user)
    assert iam.get_user(UserName=user)["User"]["Arn"] == arn
    assert principal(resource.shown()) == unique
    with pytest.raises(Exception) as caught:
        resource.use(second)
    assert "AccessDenied" in str(caught.value)


@pytest.mark.parametrize("kind", [Bucket, Table, Stream, Function, Alias, Api])
def test_a_role_that_is_made_again_is_another(platform, name, kind):
    iam, sts, resource = platform.client("iam"), platform.client("sts", *platform.user(name + "-c", {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"})), kind(platform, name.lower())

    def session():
        made = sts.assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
        return made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]

    def make():
        return iam.create_role(RoleName=name + "-x", AssumeRolePolicyDocument=trust({"AWS": ACCOUNT}))["Role"]

    role = make()
    arn = role["Arn"]
    resource.let_in(arn)
    first = session()
    resource.use(first)
    iam.delete_role(RoleName=name + "-x")
    assert make()["RoleId"] != role["RoleId"]
    assert principal(resource.shown()) == role["RoleId"]
    for credentials in (first, session()):
        with pytest.raises(Exception):
            resource.use(credentials)


@pytest.mark.parametrize("kind", [Bucket, Table, Stream, Function, Alias, Api])
def test_a_session_with_any_name_it_can_have_is_named_and_no_other(platform, name, kind):
    """A function named `x` has the session `ROLE/x`. What could not be read again is refused when it is put: it would shut everybody out."""
    platform.client("iam").create_role(RoleName=name + "-s", AssumeRolePolicyDocument=trust({"AWS": ACCOUNT}))
    resource, arn = kind(platform, name.lower()), f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}-s/"
    for session in ("", "a~b", "a/b", "é", "y" * 65):
        refused(resource.let_in, kind.error, arn=arn + session)
    resource.let_in(arn + "x")
    assert principal(resource.shown()) == arn + "x"


class Neighbour:
    """Another account of the same platform."""

    def __init__(self, platform):
        self.platform, org = platform, platform.client("organizations")
        org.create_organization(FeatureSet="ALL")
        request = org.create_account(Email="b@example.com", AccountName="b")["CreateAccountStatus"]["Id"]
        self.account = eventually(lambda: org.describe_create_account_status(CreateAccountRequestId=request)["CreateAccountStatus"].get("AccountId"))
        courier = platform.client("sts", *platform.user("courier", {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}))
        made = courier.assume_role(RoleArn=f"arn:aws:iam::{self.account}:role/OrganizationAccountAccessRole", RoleSessionName="admin")["Credentials"]
        self.iam = platform.client("iam", made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])

    def user(self, name, may=True):
        """A new user who may do everything, as far as the own account has a say: the user, and a key."""
        user = self.iam.create_user(UserName=name)["User"]
        if may:
            self.allow(name)
        made = self.iam.create_access_key(UserName=name)["AccessKey"]
        return user, (made["AccessKeyId"], made["SecretAccessKey"])

    def allow(self, name):
        self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}))

    def remove(self, name, key):
        self.iam.delete_access_key(UserName=name, AccessKeyId=key)
        for policy in self.iam.list_user_policies(UserName=name)["PolicyNames"]:
            self.iam.delete_user_policy(UserName=name, PolicyName=policy)
        self.iam.delete_user(UserName=name)


def denied(resource, key):
    with pytest.raises(Exception) as caught:
        resource.use(key)
    assert "AccessDenied" in str(caught.value), caught.value


@pytest.mark.parametrize("kind", [Api, Bucket, Role])
def test_a_user_of_another_account_who_is_made_again_is_another(fresh, name, kind):
    platform = fresh.start()
    neighbour, resource = Neighbour(platform), kind(platform, name.lower())
    refused(resource.let_in, kind.error, arn=f"arn:aws:iam::{neighbour.account}:user/nobody-was-made")
    ana, first = neighbour.user("ana", may=False)
    _, other = neighbour.user("eve")
    resource.let_in(ana["Arn"])
    assert principal(resource.shown()) == ana["Arn"]
    # Both accounts have a say.
    denied(resource, first)
    denied(resource, other)
    neighbour.allow("ana")
    resource.use(first)
    # A new name is followed, over the border of the accounts too.
    neighbour.iam.update_user(UserName="ana", NewUserName="anna")
    assert principal(resource.shown()) == ana["Arn"].replace("user/ana", "user/anna")
    resource.use(first)
    neighbour.iam.update_user(UserName="anna", NewUserName="ana")
    neighbour.remove("ana", first[0])
    assert principal(resource.shown()) == ana["UserId"]
    again, second = neighbour.user("ana")
    assert again["Arn"] == ana["Arn"] and again["UserId"] != ana["UserId"]
    assert principal(resource.shown()) == ana["UserId"]
    denied(resource, second)
    # Whom the owner names now is the new one; and who names the account means all of it.
    resource.let_in(again["Arn"])
    resource.use(second)
    denied(resource, other)
    resource.let_in(f"arn:aws:iam::{neighbour.account}:root")
    resource.use(other)
    neighbour.remove("ana", second[0])
    resource.use(neighbour.user("ana")[1])


def test_an_api_does_not_know_a_remade_user_of_another_account_after_a_restart(fresh, name):
    platform = fresh.start()
    neighbour, resource = Neighbour(platform), Api(platform, name.lower())
    ana, first = neighbour.user("ana")
    resource.let_in(ana["Arn"])
    resource.use(first)
    neighbour.remove("ana", first[0])
    _, second = neighbour.user("ana")
    platform.stop()
    platform.start()
    denied(resource, second)
    assert principal(Api.shown(resource)) == ana["UserId"]
