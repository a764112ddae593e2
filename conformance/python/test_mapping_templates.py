"""Mapping templates as their users write them: through a MOCK, through a Lambda function, and what they override."""

import json

import pytest
import requests

from test_gateway import Api, uri

# Says what it was given; fails on demand, with a message that selection patterns look at.
TELL = """
exports.handler = async (event) => {
  if (event.fail) throw new Error('[' + event.fail + '] not today');
  return { given: event, items: [{ id: 1, tag: 'a/b' }, { id: 2, tag: null }] };
};
"""

# The console's "method request passthrough", shortened.
PASS_THROUGH = """#set($allParams = $input.params())
{
"body-json" : $input.json('$'),
"params" : {
#foreach($type in $allParams.keySet())
    #set($params = $allParams.get($type))
"$type" : {
    #foreach($paramName in $params.keySet())
    "$paramName" : "$util.escapeJavaScript($params.get($paramName)).replaceAll("\\\\'", "'")"
        #if($foreach.hasNext),#end
    #end
}
    #if($foreach.hasNext),#end
#end
},
"stage-variables" : {
#foreach($key in $stageVariables.keySet())
"$key" : "$util.escapeJavaScript($stageVariables.get($key))"
    #if($foreach.hasNext),#end
#end
},
"context" : { "stage" : "$context.stage", "user" : "$context.identity.user", "fail": "$input.path('$.fail')" }
#if($input.path('$.fail') != ''), "fail": "$input.path('$.fail')"#end
}
"""


@pytest.fixture
def api(server):
    made = Api(server)
    yield made
    made.client.delete_rest_api(restApiId=made.id)


def respond(api, at, status, template=None, parameters=None, **settings):
    declared = {name: False for name in parameters or {}}
    api.client.put_method_response(**at, statusCode=status, responseParameters=declared)
    templates = {"application/json": template} if template is not None else {}
    api.client.put_integration_response(
        **at, statusCode=status, responseTemplates=templates, responseParameters=parameters or {}, **settings)


def test_a_mock_answers_what_its_templates_make(api):
    request = """#set($context.requestOverride.path.body = $input.body)
        {"statusCode": #if($input.path('$.age') >= 18) 200 #else 403 #end, }"""
    at = api.method("POST", "/people/{id}", type="MOCK", requestTemplates={"application/json": request})
    respond(api, at, "200", """#set($body = $util.parseJson($context.requestOverride.path.body))
#set($context.responseOverride.header.X-Name = $body.name)
{"id": "$input.params('id')", "name": "$body.name", "tags": $body.tags, "first": "$body.tags[0]", "all": "$body"}""")
    respond(api, at, "403", """#set($context.responseOverride.status = 451)
{"message": "too young, $!nobody"}""", selectionPattern="403")
    api.deploy()
    url = api.url("/people/7?x=1")
    body = {"name": "Ada", "age": 36, "tags": ["a/b", {"c": 1}]}
    answer = requests.post(url, json=body)
    assert answer.status_code == 200
    assert answer.headers["X-Name"] == "Ada"
    # Lists of JSON print as JSON, with their slashes escaped; maps as Java prints them.
    assert answer.text == (
        '{"id": "7", "name": "Ada", "tags": ["a\\/b",{"c":1}], "first": "a/b", '
        '"all": "{name=Ada, age=36, tags=["a\\/b",{"c":1}]}"}')
    answer = requests.post(url, json={**body, "age": 17})
    assert (answer.status_code, answer.json()) == (451, {"message": "too young, "})
    answer = requests.post(url, data="{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Could not parse request body into json: ")
    assert answer.headers["x-amzn-ErrorType"] == "BadRequestException"


def test_a_function_behind_templates(api, deploy, server):
    name = deploy(TELL)
    at = api.method("POST", "/f/{id}", type="AWS", integrationHttpMethod="POST", uri=uri(name),
                    requestTemplates={"application/json": PASS_THROUGH})
    server.client("lambda").add_permission(
        FunctionName=name, StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com")
    respond(api, at, "200", """#set($root = $input.path('$'))
{"given": $input.json('$.given'), "ids": [#foreach($item in $root.items)$item.id#if($foreach.hasNext), #end#end],
"first": $input.json('$.items[?(@.id == 1)].tag'), "none": $input.json('$.nothing'), "count": $root.items.size()}""",
            {"method.response.header.X-First": "integration.response.body.items[0].tag"})
    respond(api, at, "404", """{"error": "$input.path('$.errorMessage')"}""", selectionPattern=r"\[(?!5)\d{3}\].*+")
    api.deploy(variables={"color": "blue"})
    answer = requests.post(api.url("/f/1?q=it's"), json={"a": [1, {"b": None}]})
    assert answer.status_code == 200
    assert answer.headers["X-First"] == "a/b"
    told = answer.json()
    given = told.pop("given")
    assert told == {"ids": [1, 2], "first": ["a/b"], "none": "", "count": 2}
    assert given["body-json"] == {"a": [1, {"b": None}]}
    assert given["params"]["path"] == {"id": "1"}
    assert given["params"]["querystring"] == {"q": "it's"}
    assert given["params"]["header"]["Content-Type"] == "application/json"
    assert given["stage-variables"] == {"color": "blue"}
    assert given["context"] == {"stage": "dev", "user": "", "fail": ""}
    answer = requests.post(api.url("/f/1"), json={"fail": "404"})
    assert (answer.status_code, answer.json()) == (404, {"error": "[404] not today"})
    # No pattern matches: the response without one answers.
    assert requests.post(api.url("/f/1"), json={"fail": "500"}).status_code == 200


def test_what_a_template_makes_for_a_function_is_json(api, deploy, server):
    name = deploy(TELL)
    at = api.method("POST", "/f", type="AWS", integrationHttpMethod="POST", uri=uri(name),
                    requestTemplates={"application/json": "{\"a\": \"$input.params('q')\"}"})
    server.client("lambda").add_permission(
        FunctionName=name, StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com")
    respond(api, at, "200")
    api.deploy()
    assert requests.post(api.url("/f"), params={"q": "fine"}).json()["given"] == {"a": "fine"}
    answer = requests.post(api.url("/f"), params={"q": 'not "fine"'})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Could not parse request body into json: ")


def test_what_is_wrong_with_a_template_is_said_by_the_log_alone(api):
    for path, template in [("/open", "#if($x)"), ("/throws", "$context.stage.substring(99)"),
                           ("/bomb", "#foreach($a in [1..1000])#foreach($b in [1..1000])#foreach($c in [1..1000])"
                                     "$c#end#end#end")]:
        at = api.method("GET", path, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
        respond(api, at, "200", template)
    api.deploy()
    for path in ["/open", "/throws", "/bomb"]:
        answer = requests.get(api.url(path))
        assert (answer.status_code, answer.json()) == (500, {"message": "Internal server error"}), path
