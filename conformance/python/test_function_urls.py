"""Function URLs and streamed answers with ordinary clients: what is there comes while the function still runs."""

import http.client
import json
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest

# Waits until its own concurrency is reserved, which the test does when it has seen the first piece.
STREAMS = """
const wait = (ms) => new Promise((go) => setTimeout(go, ms));
exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {
  if (event.requestContext) {
    stream = awslambda.HttpResponseStream.from(stream, {
      statusCode: 202, headers: { 'content-type': 'text/plain', 'x-a': 'b' }, cookies: ['c=1', 'd=2'],
    });
  }
  stream.write('first ');
  const url = `${process.env.AWS_ENDPOINT_URL}/2019-09-30/functions/${context.functionName}/concurrency`;
  while (!(await (await fetch(url)).text()).includes('Reserved')) await wait(5);
  if (event.fail || event.rawPath === '/fail') throw new TypeError('late');
  stream.write('last');
  stream.end();
});
"""


def public(client, name, **config):
    """A URL that everybody may use, with the two permissions that AWS asks for."""
    url = client.create_function_url_config(FunctionName=name, AuthType="NONE", **config)["FunctionUrl"]
    client.add_permission(
        FunctionName=name, StatementId="url", Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType="NONE"
    )
    client.add_permission(
        FunctionName=name, StatementId="invoke", Action="lambda:InvokeFunction", Principal="*", InvokedViaFunctionUrl=True
    )
    return url


def go_on(client, name):
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=5)


def ask(url, method="GET", body=None, headers=None):
    request = urllib.request.Request(url, method=method, data=body, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, dict(reply.headers), reply.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


@pytest.mark.parametrize("fails", [False, True], ids=["whole", "fails late"])
def test_events_come_while_the_function_runs(lam, deploy, fails):
    name = deploy(STREAMS, Timeout=20)
    answer = lam.invoke_with_response_stream(FunctionName=name, Payload=json.dumps({"fail": fails}), LogType="Tail")
    assert answer["StatusCode"] == 200 and answer["ExecutedVersion"] == "$LATEST"
    events = iter(answer["EventStream"])
    assert next(events)["PayloadChunk"]["Payload"] == b"first "
    go_on(lam, name)
    rest = list(events)
    end = rest.pop()["InvokeComplete"]
    assert "LogResult" in end
    if fails:
        assert rest == [] and end["ErrorCode"] == "Unhandled"
        assert json.loads(end["ErrorDetails"])["errorType"] == "TypeError"
    else:
        assert [chunk["PayloadChunk"]["Payload"] for chunk in rest] == [b"last"] and "ErrorCode" not in end


def test_a_plain_function_streams_one_chunk_and_errors_are_told_in_the_end(lam, deploy):
    name = deploy("def handler(e, c):\n    return e['x']\n", runtime="python3.11")
    events = list(lam.invoke_with_response_stream(FunctionName=name, Payload=b'{"x": [1]}')["EventStream"])
    assert events == [{"PayloadChunk": {"Payload": b"[1]"}}, {"InvokeComplete": {}}]
    (end,) = lam.invoke_with_response_stream(FunctionName=name, Payload=b"{}")["EventStream"]
    assert json.loads(end["InvokeComplete"]["ErrorDetails"])["errorType"] == "KeyError"
    with pytest.raises(lam.exceptions.ResourceNotFoundException):
        lam.invoke_with_response_stream(FunctionName="nobody")
    assert lam.invoke_with_response_stream(FunctionName=name, InvocationType="DryRun")["StatusCode"] == 204


def test_a_url_streams(lam, deploy):
    name = deploy(STREAMS, Timeout=20)
    url = urlsplit(public(lam, name, InvokeMode="RESPONSE_STREAM"))
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
    connection.request("GET", url.path)
    reply = connection.getresponse()
    assert (reply.status, reply.headers["content-type"], reply.headers["x-a"]) == (202, "text/plain", "b")
    assert reply.headers.get_all("set-cookie") == ["c=1", "d=2"]
    assert reply.headers["transfer-encoding"] == "chunked"
    assert reply.read1(64) == b"first "
    go_on(lam, name)
    assert reply.read() == b"last"
    # What fails after the first byte is cut off: no client takes it for whole.
    connection.request("GET", f"{url.path}fail")
    with pytest.raises(http.client.IncompleteRead):
        connection.getresponse().read()


def test_a_url_from_its_making_to_its_end(lam, deploy):
    code = """
exports.handler = async (e) => e.rawPath === '/boom' ? Promise.reject(new Error('x'))
  : e.rawPath === '/raw' ? { plain: true }
  : { statusCode: 201, headers: { 'x-path': e.rawPath }, cookies: ['a=1'], body: JSON.stringify(e) };
"""
    name = deploy(code)
    made = lam.create_function_url_config(FunctionName=name, AuthType="NONE")
    url = made["FunctionUrl"]
    status, headers, body = ask(url)
    assert (status, headers["x-amzn-errortype"]) == (403, "AccessDeniedException")
    assert json.loads(body)["Message"].startswith("Forbidden. ")
    lam.delete_function_url_config(FunctionName=name)
    assert public(lam, name) == url, "deployed again, a function has its URL again"

    status, headers, body = ask(f"{url}a/b?x=1&x=2", "POST", b'{"k": 1}', {"content-type": "application/json", "cookie": "c=2"})
    event = json.loads(body)
    assert (status, headers["x-path"], headers["set-cookie"]) == (201, "/a/b", "a=1")
    assert (event["version"], event["body"], event["isBase64Encoded"]) == ("2.0", '{"k": 1}', False)
    assert (event["queryStringParameters"], event["cookies"]) == ({"x": "1,2"}, ["c=2"])
    assert event["requestContext"]["http"]["method"] == "POST"
    assert ask(f"{url}raw")[2] == b'{"plain":true}'
    status, _, body = ask(f"{url}boom")
    assert (status, body) == (502, b"Internal Server Error")
    assert ask(url, "HEAD")[0] == 201

    # By host, for who resolves such names.
    parts = urlsplit(url)
    url_id = parts.path.split("/")[3]
    status, _, body = ask(f"http://{parts.netloc}/by/host", headers={"host": f"{url_id}.lambda-url.us-east-1.on.aws"})
    assert (status, json.loads(body)["rawPath"]) == (201, "/by/host")

    lam.update_function_url_config(FunctionName=name, AuthType="AWS_IAM", Cors={"AllowOrigins": ["*"], "AllowMethods": ["GET"]})
    assert ask(url)[0] == 403
    status, headers, _ = ask(
        url, "OPTIONS", headers={"origin": "https://a.example", "access-control-request-method": "GET"}
    )
    assert (status, headers["access-control-allow-origin"]) == (200, "*")
    lam.delete_function_url_config(FunctionName=name)
    assert ask(url)[2] == b'{"Message":null}'
    with pytest.raises(lam.exceptions.ResourceNotFoundException):
        lam.get_function_url_config(FunctionName=name)
