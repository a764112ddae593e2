"""Lambda's control plane by its official client: layers in running functions, packages from a bucket, waiters."""

import io
import json
import urllib.request
import uuid
import zipfile

import pytest
from botocore.exceptions import ClientError

from conftest import ROLE, zipped


def package(files):
    """A zip of these paths; what is in a `bin` may be run."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in files.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = (0o755 if "bin/" in path else 0o644) << 16
            archive.writestr(entry, text)
    return buffer.getvalue()


def refusal(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def fetched(url):
    with urllib.request.urlopen(url, timeout=10) as reply:
        return reply.read()


NODE = """
const { execFileSync } = require("child_process"), fs = require("fs");
exports.handler = async () => ({
  both: require("both"), first: require("first"), second: require("second"),
  tool: execFileSync("tool").toString().trim(), lib: fs.readFileSync("/opt/lib/data", "utf8"),
  libs: process.env.LD_LIBRARY_PATH.split(":").includes("/opt/lib"),
});
"""

PYTHON = """
import os, subprocess, both, first, second
def handler(event, context):
    return dict(both=both.NAME, first=first.NAME, second=second.NAME,
        tool=subprocess.run(["tool"], capture_output=True, text=True).stdout.strip(), lib=open("/opt/lib/data").read(),
        libs="/opt/lib" in os.environ["LD_LIBRARY_PATH"].split(":"))
"""


def layer(name):
    files = {"bin/tool": f"#!/bin/sh\necho {name}\n", "lib/data": name}
    for module in ("both", name):
        files[f"nodejs/node_modules/{module}/index.js"] = f"module.exports = '{name}';"
        files[f"python/{module}.py"] = f"NAME = '{name}'\n"
    return package(files)


@pytest.mark.parametrize("runtime, file, code", [("nodejs20.x", "index_js", NODE), ("python3.11", "index_py", PYTHON)])
def test_the_later_layer_wins_and_outlives_its_deletion(own_server, runtime, file, code):
    lam = own_server.client("lambda")
    first, second = (
        lam.publish_layer_version(LayerName=name, Content={"ZipFile": layer(name)})["LayerVersionArn"]
        for name in ("first", "second"))
    lam.create_function(
        FunctionName="f", Runtime=runtime, Role=ROLE, Handler="index.handler", Timeout=20,
        Code={"ZipFile": zipped(**{file: code})}, Layers=[first, second])

    def said():
        reply = lam.invoke(FunctionName="f")
        answer = json.loads(reply["Payload"].read())
        assert "FunctionError" not in reply, answer
        return answer

    every = {"first": "first", "second": "second", "libs": True}
    assert said() == {**every, "both": "second", "tool": "second", "lib": "second"}
    lam.update_function_configuration(FunctionName="f", Layers=[second, first])
    assert said() == {**every, "both": "first", "tool": "first", "lib": "first"}
    for name in ("first", "second"):
        lam.delete_layer_version(LayerName=name, VersionNumber=1)
    own_server.kill()
    own_server.start()
    assert said() == {**every, "both": "first", "tool": "first", "lib": "first"}
    assert [used["Arn"] for used in lam.get_function(FunctionName="f")["Configuration"]["Layers"]] == [second, first]
    assert lam.publish_layer_version(LayerName="first", Content={"ZipFile": layer("first")})["Version"] == 2


def test_packages_can_be_fetched(lam, deploy):
    content = layer("l")
    made = lam.publish_layer_version(
        LayerName=f"l-{uuid.uuid4().hex[:8]}", Content={"ZipFile": content}, CompatibleRuntimes=["nodejs22.x"],
        CompatibleArchitectures=["x86_64"], LicenseInfo="MIT", Description="d")
    found = lam.get_layer_version_by_arn(Arn=made["LayerVersionArn"])
    assert fetched(found["Content"]["Location"]) == content
    assert found["Content"]["CodeSize"] == len(content)
    code = package({"index.js": "exports.handler = async () => 1;"})
    assert fetched(lam.get_function(FunctionName=deploy(code))["Code"]["Location"]) == code
    name = made["LayerArn"].rsplit(":", 1)[1]
    assert [v["Version"] for v in lam.list_layer_versions(LayerName=made["LayerArn"])["LayerVersions"]] == [1]
    pages = lam.get_paginator("list_layers").paginate(CompatibleRuntime="nodejs22.x", CompatibleArchitecture="x86_64")
    assert name in [item["LayerName"] for page in pages for item in page["Layers"]]
    lam.add_layer_version_permission(
        LayerName=name, VersionNumber=1, StatementId="s", Action="lambda:GetLayerVersion", Principal="*")
    policy = json.loads(lam.get_layer_version_policy(LayerName=name, VersionNumber=1)["Policy"])
    assert policy["Statement"][0]["Resource"] == made["LayerVersionArn"]
    lam.remove_layer_version_permission(LayerName=name, VersionNumber=1, StatementId="s")
    lam.delete_layer_version(LayerName=name, VersionNumber=1)
    missing = ("ResourceNotFoundException", "The resource you requested does not exist.")
    assert refusal(lam.get_layer_version, LayerName=name, VersionNumber=1) == missing


def test_code_from_a_bucket_and_waiters(own_server):
    bucket = own_server.data / "objects" / "code"
    bucket.mkdir(parents=True)
    for n in (1, 2):
        (bucket / f"{n}.zip").write_bytes(zipped(index_js=f"exports.handler = async () => {n};"))
    lam = own_server.client("lambda")
    made = lam.create_function(
        FunctionName="f", Runtime="nodejs20.x", Role=ROLE, Handler="index.handler", Tags={"a": "1"},
        Code={"S3Bucket": "code", "S3Key": "1.zip"})
    assert made["State"] == "Pending"
    for waiter in ("function_exists", "function_active", "function_active_v2"):
        lam.get_waiter(waiter).wait(FunctionName="f")
    assert lam.invoke(FunctionName="f")["Payload"].read() == b"1"
    updated = lam.update_function_code(FunctionName="f", S3Bucket="code", S3Key="2.zip")
    assert updated["LastUpdateStatus"] == "InProgress"
    for waiter in ("function_updated", "function_updated_v2"):
        lam.get_waiter(waiter).wait(FunctionName="f")
    assert lam.invoke(FunctionName="f")["Payload"].read() == b"2"
    version = lam.publish_version(FunctionName="f")["Version"]
    lam.get_waiter("published_version_active").wait(FunctionName="f", Qualifier=version)
    for key, code, why in [("3.zip", "NoSuchKey", "The specified key does not exist."),
                           ("1.zip", "NoSuchBucket", "The specified bucket does not exist")]:
        bucket_name = "code" if code == "NoSuchKey" else "none"
        told = f"Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: {why}"
        asked = {"FunctionName": "f", "S3Bucket": bucket_name, "S3Key": key}
        assert refusal(lam.update_function_code, **asked) == ("InvalidParameterValueException", told)


def test_what_is_kept_beside_functions(lam, deploy):
    profile = "arn:aws:signer:us-east-1:000000000000:/signing-profiles/p/0123456789"
    made = lam.create_code_signing_config(AllowedPublishers={"SigningProfileVersionArns": [profile]})
    arn = made["CodeSigningConfig"]["CodeSigningConfigArn"]
    name = deploy("exports.handler = async () => 1;", CodeSigningConfigArn=arn)
    assert lam.get_function_code_signing_config(FunctionName=name)["CodeSigningConfigArn"] == arn
    assert lam.list_functions_by_code_signing_config(CodeSigningConfigArn=arn)["FunctionArns"][0].endswith(name)
    lam.tag_resource(Resource=arn, Tags={"a": "1"})
    assert lam.list_tags(Resource=arn)["Tags"] == {"a": "1"}
    lam.delete_function_code_signing_config(FunctionName=name)
    lam.delete_code_signing_config(CodeSigningConfigArn=arn)
    lam.put_runtime_management_config(FunctionName=name, UpdateRuntimeOn="FunctionUpdate")
    assert lam.get_runtime_management_config(FunctionName=name)["UpdateRuntimeOn"] == "FunctionUpdate"
    revision = lam.get_function_configuration(FunctionName=name)["RevisionId"]
    permission = {"FunctionName": name, "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    lam.add_permission(StatementId="a", RevisionId=revision, **permission)
    assert refusal(lam.add_permission, StatementId="b", RevisionId=revision, **permission)[0] == "PreconditionFailedException"
    usage = lam.get_account_settings()["AccountUsage"]
    assert usage["FunctionCount"] >= 1 and usage["TotalCodeSize"] > 0
