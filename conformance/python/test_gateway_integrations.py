"""Integrations of REST APIs with AWS services, without a function between, by boto3."""

import json
import urllib.error
import urllib.request
import uuid

import pytest

ROLE = "arn:aws:iam::000000000000:role/api"


@pytest.fixture
def apigateway(server):
    return server.client("apigateway")


@pytest.fixture
def api(apigateway):
    made = apigateway.create_rest_api(name="services", binaryMediaTypes=["image/png"])["id"]
    root = apigateway.get_resources(restApiId=made)["items"][0]["id"]
    yield made, root
    apigateway.delete_rest_api(restApiId=made)


@pytest.fixture
def table(server):
    dynamodb = server.client("dynamodb")
    name = f"items-{uuid.uuid4().hex[:8]}"
    dynamodb.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])
    yield name
    dynamodb.delete_table(TableName=name)


def serve(apigateway, api, resource, verb, target, responses, request=None, http_method="POST", **more):
    """A method behind which stands `target`; `responses` by status: its pattern and template."""
    at = {"restApiId": api, "resourceId": resource, "httpMethod": verb}
    parameters = {"method.request.path.id": True} if "{id}" in resource_path(apigateway, api, resource) else {}
    apigateway.put_method(**at, authorizationType="NONE", requestParameters=parameters)
    apigateway.put_integration(
        **at, type="AWS", integrationHttpMethod=http_method, credentials=ROLE,
        uri=f"arn:aws:apigateway:us-east-1:{target}",
        requestTemplates={"application/json": request} if request else {}, **more)
    for status, (pattern, template) in responses.items():
        apigateway.put_method_response(**at, statusCode=status)
        apigateway.put_integration_response(
            **at, statusCode=status, responseTemplates={"application/json": template} if template else {},
            **({"selectionPattern": pattern} if pattern else {}))


def resource_path(apigateway, api, resource):
    return apigateway.get_resource(restApiId=api, resourceId=resource)["path"]


def call(server, api, verb, path, body=None):
    url = f"{server.url}/restapis/{api}/dev/_user_request_{path}"
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, method=verb, data=data, headers={"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_a_table_is_served_without_a_function(server, apigateway, api, table):
    made, root = api
    items = apigateway.create_resource(restApiId=made, parentId=root, pathPart="items")["id"]
    item = apigateway.create_resource(restApiId=made, parentId=items, pathPart="{id}")["id"]
    put = (
        '#set($body = $input.path("$"))'
        '{"TableName":"%s","ConditionExpression":"attribute_not_exists(id)",'
        '"Item":{"id":{"S":"$body.id"},"title":{"S":"$util.escapeJavaScript($body.title)"},'
        '"tags":{"L":[#foreach($tag in $body.tags){"S":"$tag"}#if($foreach.hasNext),#end#end]}}}' % table)
    serve(apigateway, made, items, "POST", "dynamodb:action/PutItem",
          {"201": (None, '{"made":true}'), "409": ("400", '{"why":"$input.path("$.message")"}')}, put)
    get = '{"TableName":"%s","Key":{"id":{"S":"$input.params("id")"}}}' % table
    shown = (  # What is not there is an empty text, and that is true, as on AWS.
        '#set($item = $input.path("$.Item"))'
        '#if($item.id != ""){"id":"$item.id.S","title":"$util.escapeJavaScript($item.title.S)",'
        '"tags":[#foreach($tag in $item.tags.L)"$tag.S"#if($foreach.hasNext),#end#end]}'
        '#else#set($context.responseOverride.status = 404){"missing":"$input.params("id")"}#end')
    serve(apigateway, made, item, "GET", "dynamodb:action/GetItem", {"200": (None, shown)}, get)
    update = (
        '{"TableName":"%s","Key":{"id":{"S":"$input.params("id")"}},"ReturnValues":"UPDATED_NEW",'
        '"UpdateExpression":"ADD seen :one","ExpressionAttributeValues":{":one":{"N":"1"}}}' % table)
    serve(apigateway, made, item, "POST", "dynamodb:action/UpdateItem",
          {"200": (None, '{"seen":$input.path("$.Attributes.seen.N")}')}, update)
    scan = '{"TableName":"%s"}' % table
    serve(apigateway, made, items, "GET", "dynamodb:action/Scan",
          {"200": (None, '{"count":$input.path("$.Count")}')}, scan)
    query = (
        '{"TableName":"%s","KeyConditionExpression":"id = :id",'
        '"ExpressionAttributeValues":{":id":{"S":"$input.params("id")"}}}' % table)
    titles = '[#foreach($item in $input.path("$.Items"))"$util.escapeJavaScript($item.title.S)"#if($foreach.hasNext),#end#end]'
    serve(apigateway, made, item, "PUT", "dynamodb:action/Query", {"200": (None, titles)}, query)
    apigateway.create_deployment(restApiId=made, stageName="dev")

    thing = {"id": "a", "title": 'a "b"', "tags": ["x", "y"]}
    assert call(server, made, "POST", "/items", thing) == (201, {"made": True})
    assert call(server, made, "POST", "/items", thing) == (409, {"why": "The conditional request failed"})
    stored = server.client("dynamodb").get_item(TableName=table, Key={"id": {"S": "a"}})["Item"]
    assert stored["title"] == {"S": 'a "b"'} and len(stored["tags"]["L"]) == 2
    assert call(server, made, "POST", "/items/a") == (200, {"seen": 1})
    assert call(server, made, "GET", "/items") == (200, {"count": 1})
    assert call(server, made, "GET", "/items/a") == (200, thing)
    assert call(server, made, "GET", "/items/none") == (404, {"missing": "none"})
    assert call(server, made, "PUT", "/items/a") == (200, ['a "b"'])
    assert call(server, made, "PUT", "/items/none") == (200, [])


def test_services_are_called_by_name_and_by_path(server, apigateway, api):
    made, root = api
    for part, target, http_method in [
        ("functions", "lambda:path/2015-03-31/functions/", "GET"),
        ("apis", "apigateway:path/restapis", "GET"),
        ("groups", "logs:action/DescribeLogGroups", "POST"),
        ("streams", "streams.dynamodb:action/ListStreams", "POST"),
        ("queue", "sqs:path/000000000000/queue", "POST"),
    ]:
        resource = apigateway.create_resource(restApiId=made, parentId=root, pathPart=part)["id"]
        serve(apigateway, made, resource, "POST", target, {"200": (None, None)}, "{}", http_method)
    identity = apigateway.create_resource(restApiId=made, parentId=root, pathPart="identity")["id"]
    serve(apigateway, made, identity, "POST", "sts:action/GetCallerIdentity&Version=2011-06-15",
          {"200": (None, '{"ours":$input.body.contains("<Account>000000000000</Account>")}')})
    apigateway.create_deployment(restApiId=made, stageName="dev")
    assert "Functions" in call(server, made, "POST", "/functions", {})[1]
    assert made in [found["id"] for found in call(server, made, "POST", "/apis", {})[1]["item"]]
    assert "logGroups" in call(server, made, "POST", "/groups", {})[1]
    assert "Streams" in call(server, made, "POST", "/streams", {})[1]
    assert call(server, made, "POST", "/identity", {}) == (200, {"ours": True})
    status, answer = call(server, made, "POST", "/queue", {})
    assert status == 500 and "the AWS service sqs" in answer["message"]


def test_a_method_that_tries_itself_out_comes_to_an_end(server, apigateway, api):
    made, root = api
    target = f"apigateway:path/restapis/{made}/resources/{root}/methods/POST"
    serve(apigateway, made, root, "POST", target, {"200": (None, None)}, "{}")
    apigateway.create_deployment(restApiId=made, stageName="dev")
    status, answer = call(server, made, "POST", "/", {})
    assert status == 200 and "Loop Detected" in json.dumps(answer)


@pytest.mark.parametrize("change, words", [
    ({"credentials": ""}, "Role ARN must be specified for AWS integrations"),
    ({"uri": "arn:aws:apigateway:us-east-1:dynamodb:PutItem"}, "AWS ARN for integration must contain path or action"),
    ({"uri": "https://dynamodb"}, "Invalid ARN specified in the request"),
    ({"integrationHttpMethod": ""}, "Enumeration value for HttpMethod must be non-empty"),
    ({"requestParameters": {"integration.request.header.x": "method.request.header.y"}},
     "Invalid mapping expression specified: Validation Result: warnings : [], errors : "
     "[Invalid mapping expression parameter specified: method.request.header.y]"),
])
def test_what_an_integration_may_be(apigateway, api, change, words):
    made, root = api
    at = {"restApiId": made, "resourceId": root, "httpMethod": "POST"}
    apigateway.put_method(**at, authorizationType="NONE")
    asked = {
        "type": "AWS", "integrationHttpMethod": "POST", "credentials": ROLE,
        "uri": "arn:aws:apigateway:us-east-1:dynamodb:action/PutItem", **change}
    with pytest.raises(apigateway.exceptions.BadRequestException) as refused:
        apigateway.put_integration(**at, **asked)
    assert refused.value.response["Error"]["Message"] == words
