"""Signatures that are verified: of services, of stages with AWS_IAM and of function URLs, by the official clients."""

import json
import stat
import subprocess
import sys
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from conftest import BINARY, ROLE, Server, zipped

ACCOUNT = "444455556666"
FILE = f"""
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key = a/secret+of=theirs
[other]
aws_access_key_id = AKIAOTHER
aws_secret_access_key = other
aws_account_id = {ACCOUNT}
"""
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and "
    "signing method. Consult the service documentation for details."
)
CALLS_BACK = """
const { DynamoDBClient, ListTablesCommand } = require('@aws-sdk/client-dynamodb')
exports.handler = async () => {
  const { TableNames } = await new DynamoDBClient({}).send(new ListTablesCommand({}))
  return TableNames
}
"""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "keys").write_text(FILE)
    server = Server(folder / "data", "--auth", "required", "--credentials", folder / "keys")
    yield server.start()
    server.stop()


def client(server, service, access_key="AKIADEFAULT", secret="a/secret+of=theirs"):
    return boto3.client(
        service, endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=access_key,
        aws_secret_access_key=secret, config=Config(retries={"max_attempts": 1}),
    )


def refusal(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return refused.value.response["Error"]["Code"], refused.value.response["Error"]["Message"]


def sent(url, service=None, method="GET", body=b"", secret="a/secret+of=theirs", key="AKIADEFAULT", presigned=False):
    """Status and body of a request that botocore signed, or nobody."""
    request = AWSRequest(method=method, url=url, data=body, headers={"content-type": "application/json"})
    if service:
        signer = SigV4QueryAuth if presigned else SigV4Auth
        signer(Credentials(key, secret), service, "us-east-1").add_auth(request)
    request = request.prepare()
    try:
        asked = urllib.request.Request(request.url, data=body or None, headers=dict(request.headers), method=method)
        with urllib.request.urlopen(asked, timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_whoever_has_a_key_pair_may_call(guarded):
    tables = client(guarded, "dynamodb").list_tables()["TableNames"]
    assert tables == []
    # Paths and queries that are encoded, bodies, and the form of STS.
    functions = client(guarded, "lambda")
    assert refusal(functions.get_function, FunctionName="arn:aws:lambda:us-east-1:000000000000:function:none:a")[0] == (
        "ResourceNotFoundException")
    assert functions.list_tags(Resource=add_function(functions, "tagged"))["Tags"] == {"a b": "ü/+=@-_ b"}
    assert client(guarded, "sts").get_caller_identity()["Account"] == "000000000000"
    assert client(guarded, "sts", "AKIAOTHER", "other").get_caller_identity()["Account"] == ACCOUNT


def add_function(functions, name, code="exports.handler = async (event) => event"):
    made = functions.create_function(
        FunctionName=name, Runtime="nodejs20.x", Role=ROLE, Handler="index.handler", Tags={"a b": "ü/+=@-_ b"},
        Code={"ZipFile": zipped(index_js=code)}, Timeout=20,
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    return made["FunctionArn"]


def test_nobody_else_may(guarded):
    assert refusal(client(guarded, "dynamodb", secret="wrong").list_tables) == ("InvalidSignatureException", MISMATCH)
    assert refusal(client(guarded, "lambda", secret="wrong").list_functions) == ("InvalidSignatureException", MISMATCH)
    unknown = "The security token included in the request is invalid."
    for service, call in [("dynamodb", "list_tables"), ("apigateway", "get_rest_apis"), ("logs", "describe_log_groups")]:
        asked = client(guarded, service, access_key="000000000000", secret="test")
        assert refusal(getattr(asked, call)) == ("UnrecognizedClientException", unknown)
    assert sent(guarded.url + "/2015-03-31/functions")[0] == 403
    assert sent(guarded.url + "/_rushlight/health")[0] == 200
    assert sent(guarded.url + "/_rushlight/metrics")[0] == 403
    assert sent(guarded.url + "/_rushlight/logs/tail?group=x")[0] == 403


def test_functions_call_back_with_a_pair_of_their_own(guarded):
    functions = client(guarded, "lambda", "AKIAOTHER", "other")
    add_function(functions, "calls-back", CALLS_BACK)
    client(guarded, "dynamodb", "AKIAOTHER", "other").create_table(
        TableName="theirs", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    assert json.load(functions.invoke(FunctionName="calls-back")["Payload"]) == ["theirs"]


def test_stages_with_iam_and_function_urls_verify_signatures(guarded):
    gateway, functions = client(guarded, "apigateway"), client(guarded, "lambda")
    api = gateway.create_rest_api(name="signed")["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    gateway.put_method(restApiId=api, resourceId=root, httpMethod="ANY", authorizationType="AWS_IAM")
    gateway.put_integration(restApiId=api, resourceId=root, httpMethod="ANY", type="MOCK",
                            requestTemplates={"application/json": '{"statusCode": 200}'})
    gateway.put_method_response(restApiId=api, resourceId=root, httpMethod="ANY", statusCode="200")
    gateway.put_integration_response(
        restApiId=api, resourceId=root, httpMethod="ANY", statusCode="200",
        responseTemplates={"application/json": "$context.identity.accountId $context.identity.accessKey"})
    gateway.create_deployment(restApiId=api, stageName="dev")
    stage = f"{guarded.url}/_aws/execute-api/{api}/dev/?b=%20x&a=1"
    good = (200, "000000000000 AKIADEFAULT")
    assert sent(stage, "execute-api") == good
    assert sent(stage, "execute-api", "POST", b'{"a": 1}') == good
    assert sent(stage, "execute-api", presigned=True) == good
    assert sent(stage, "execute-api", secret="wrong") == (403, '{"message":"%s"}' % MISMATCH)
    assert sent(stage, "lambda")[0] == 403
    assert sent(stage) == (403, '{"message":"Missing Authentication Token"}')
    # Another account's key is a good signature, and lets nobody in who has no policy.
    assert sent(stage, "execute-api", secret="other", key="AKIAOTHER")[0] == 403

    add_function(functions, "by-url")
    url = functions.create_function_url_config(FunctionName="by-url", AuthType="AWS_IAM")["FunctionUrl"]
    assert sent(url, "lambda")[0] == 200
    assert sent(url, "lambda", "POST", b"text")[0] == 200
    assert sent(url, "lambda", secret="wrong") == (403, '{"message":"%s"}' % MISMATCH)
    assert sent(url)[0] == 403


def test_a_pair_is_made_when_none_is_given(tmp_path):
    server = Server(tmp_path / "data", "--auth", "required")
    if server.database:
        pytest.skip("nodes of one database are given the same file")
    server.start()
    file = server.data / "credentials"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    environment = server.environment() | {"AWS_SHARED_CREDENTIALS_FILE": str(file)}
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del environment[name]
    command = [sys.executable, "-c", "import boto3; print(boto3.client('dynamodb').list_tables()['TableNames'])"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
    # Our own commands find it too, and tell it to shells.
    flags = ["--data", server.data, "--listen", f"127.0.0.1:{server.port}"]
    told = subprocess.run([BINARY, "env", *flags], env=server.environment(bare=True), capture_output=True, text=True)
    assert file.read_text().split("aws_access_key_id = ")[1].split()[0] in told.stdout
    listed = subprocess.run([BINARY, "urls", *flags], env=server.environment(bare=True), capture_output=True, text=True)
    assert listed.returncode == 0, listed.stderr
    made = file.read_text()
    server.stop()
    server.start()
    assert file.read_text() == made
    server.stop()


def test_an_open_address_needs_a_word_about_who_may_call(tmp_path):
    command = [BINARY, "start", "--memory", "--listen", "0.0.0.0:0"]
    done = subprocess.run(command, env=Server.environment(None, bare=True), capture_output=True, text=True, timeout=20)
    assert done.returncode != 0
    assert "--auth required" in done.stderr
    command = [BINARY, "start", "--memory", "--auth", "required"]
    done = subprocess.run(command, env=Server.environment(None, bare=True), capture_output=True, text=True, timeout=20)
    assert done.returncode != 0
    assert "auth = required needs --credentials FILE" in done.stderr
