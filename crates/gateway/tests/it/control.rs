//! The control plane over the wire.

use expect_test::{Expect, expect};

use crate::world::World;

async fn check(script: &str, expected: Expect) {
    expected.assert_eq(&World::new().script(script).await);
}

#[tokio::test]
async fn rest_apis() {
    check(
        r#"
        a = POST /restapis {"name":"first","description":"d","binaryMediaTypes":["image/png"],"tags":{"k":"v"}}
        b = POST /restapis {"name":"second","endpointConfiguration":{"types":["REGIONAL"]}}
        c = POST /restapis {"name":"third","tags":{"_custom_id_":"my-api"}}
        POST /restapis {"name":"fourth","tags":{"_custom_id_":"my-api"}}
        POST /restapis {"name":"fifth","tags":{"_custom_id_":"not.a.label"}}
        POST /restapis {"name":"x","description":""}
        POST /restapis {"name":"x","minimumCompressionSize":-1}
        POST /restapis {"name":" "}
        POST /restapis {"name":"x","cloneFrom":"y"}
        GET /restapis/$a
        GET /restapis/nothere
        page = GET /restapis?limit=2
        GET /restapis?limit=2&position=$page_next
        GET /restapis?position=*
        PATCH /restapis/$a {"patchOperations":[{"op":"replace","path":"/name","value":"renamed"},{"op":"remove","path":"/description"},{"op":"add","path":"/binaryMediaTypes/image~1jpeg"},{"op":"replace","path":"/binaryMediaTypes/image~1png","value":"image/gif"},{"op":"replace","path":"/endpointConfiguration/types/EDGE","value":"REGIONAL"},{"op":"replace","path":"/minimumCompressionSize","value":"10"}]}
        PATCH /restapis/$b {"patchOperations":[{"op":"replace","path":"/minimumCompressionSize","value":"x"}]}
        PATCH /restapis/$b {"patchOperations":[{"op":"add","path":"/minimumCompressionSize","value":"1"}]}
        PATCH /restapis/$b {"patchOperations":[{"op":"replace","path":"/binaryMediaTypes","value":"a/b"}]}
        PATCH /restapis/$b {"patchOperations":[{"op":"replace","path":"/name","value":""}]}
        PATCH /restapis/nothere {"patchOperations":[]}
        DELETE /restapis/$a
        GET /restapis/$a
        DELETE /restapis/$a
        "#,
        expect![[r#"
            POST /restapis {"name":"first","description":"d","binaryMediaTypes":["image/png"],"tags":{"k":"v"}}
                201 {"apiKeySource":"HEADER","binaryMediaTypes":["image/png"],"createdDate":1795454460,"description":"d","disableExecuteApiEndpoint":false,"endpointConfiguration":{"ipAddressType":"ipv4","types":["EDGE"]},"id":"<a>","name":"first","rootResourceId":"<a_root>","tags":{"k":"v"}}
            POST /restapis {"name":"second","endpointConfiguration":{"types":["REGIONAL"]}}
                201 {"apiKeySource":"HEADER","createdDate":1795454461,"disableExecuteApiEndpoint":false,"endpointConfiguration":{"ipAddressType":"ipv4","types":["REGIONAL"]},"id":"<b>","name":"second","rootResourceId":"<b_root>"}
            POST /restapis {"name":"third","tags":{"_custom_id_":"my-api"}}
                201 {"apiKeySource":"HEADER","createdDate":1795454462,"disableExecuteApiEndpoint":false,"endpointConfiguration":{"ipAddressType":"ipv4","types":["EDGE"]},"id":"<c>","name":"third","rootResourceId":"<c_root>","tags":{"_custom_id_":"<c>"}}
            POST /restapis {"name":"fourth","tags":{"_custom_id_":"my-api"}}
                409 A REST API with the id <c> already exists
            POST /restapis {"name":"fifth","tags":{"_custom_id_":"not.a.label"}}
                400 The tag _custom_id_ must be a host name's label (a-z, 0-9, -; at most 63): not.a.label
            POST /restapis {"name":"x","description":""}
                400 Description cannot be an empty string
            POST /restapis {"name":"x","minimumCompressionSize":-1}
                400 Invalid minimum compression size, must be between 0 and 10485760
            POST /restapis {"name":" "}
                400 API name cannot be empty
            POST /restapis {"name":"x","cloneFrom":"y"}
                501 Rushlight does not implement CreateRestApi with cloneFrom
            GET /restapis/$a
                200 {"apiKeySource":"HEADER","binaryMediaTypes":["image/png"],"createdDate":1795454460,"description":"d","disableExecuteApiEndpoint":false,"endpointConfiguration":{"ipAddressType":"ipv4","types":["EDGE"]},"id":"<a>","name":"first","rootResourceId":"<a_root>","tags":{"k":"v"}}
            GET /restapis/nothere
                404 Invalid API identifier specified 000000000000:nothere
            GET /restapis?limit=2
                200 {"item":[{"apiKeySource":"HEADER","binaryMediaTypes":["image/png"],"createdDate":1795454460,"description":"d","disableExecuteApiEndpoint":false,"endpointConfiguration":{"ipAddressType":"ipv4","types":["EDGE"]},"id":"<a>","name":"first","rootResourceId":"<a_root>","tags":{"k":"v"}},{"apiKeySource":"HEADER","createdDate":1795454461,"disableExecuteApiEndpoint":false,"endpointConfiguration":{"ipAddressType":"ipv4","types":["REGIONAL"]},"id":"<b>","name":"second","rootResourceId":"<b_root>"}],"position":"<page_next>"}
            GET /restapis?limit=2&position=$page_next
                200 {"item":[{"apiKeySource":"HEADER","createdDate":1795454462,"disableExecuteApiEndpoint":false,"endpointConfiguration":{"ipAddressType":"ipv4","types":["EDGE"]},"id":"<c>","name":"third","rootResourceId":"<c_root>","tags":{"_custom_id_":"<c>"}}]}
            GET /restapis?position=*
                400 Invalid position parameter
            PATCH /restapis/$a {"patchOperations":[{"op":"replace","path":"/name","value":"renamed"},{"op":"remove","path":"/description"},{"op":"add","path":"/binaryMediaTypes/image~1jpeg"},{"op":"replace","path":"/binaryMediaTypes/image~1png","value":"image/gif"},{"op":"replace","path":"/endpointConfiguration/types/EDGE","value":"REGIONAL"},{"op":"replace","path":"/minimumCompressionSize","value":"10"}]}
                200 {"apiKeySource":"HEADER","binaryMediaTypes":["image/jpeg","image/gif"],"createdDate":1795454460,"disableExecuteApiEndpoint":false,"endpointConfiguration":{"ipAddressType":"ipv4","types":["REGIONAL"]},"id":"<a>","minimumCompressionSize":10,"name":"renamed","rootResourceId":"<a_root>","tags":{"k":"v"}}
            PATCH /restapis/$b {"patchOperations":[{"op":"replace","path":"/minimumCompressionSize","value":"x"}]}
                400 Invalid minimum compression size, must be between 0 and 10485760
            PATCH /restapis/$b {"patchOperations":[{"op":"add","path":"/minimumCompressionSize","value":"1"}]}
                400 Invalid patch operation specified. Must be one of: [replace]
            PATCH /restapis/$b {"patchOperations":[{"op":"replace","path":"/binaryMediaTypes","value":"a/b"}]}
                400 Invalid patch path /binaryMediaTypes
            PATCH /restapis/$b {"patchOperations":[{"op":"replace","path":"/name","value":""}]}
                400 API name cannot be empty
            PATCH /restapis/nothere {"patchOperations":[]}
                404 Invalid API identifier specified 000000000000:nothere
            DELETE /restapis/$a
                202 
            GET /restapis/$a
                404 Invalid API identifier specified 000000000000:<a>
            DELETE /restapis/$a
                404 Invalid API identifier specified 000000000000:<a>
        "#]],
    )
    .await;
}

#[tokio::test]
async fn another_account_sees_nothing() {
    let store = store::Store::memory();
    let ours = World::on(store.clone());
    ours.make("a", r#"POST /restapis {"name":"x","tags":{"_custom_id_":"ours"}}"#).await;
    let theirs = World::on(store).of_account("111111111111");
    let seen = theirs
        .script(
            r#"
            GET /restapis/ours
            GET /restapis
            DELETE /restapis/ours
            POST /restapis {"name":"x","tags":{"_custom_id_":"ours"}}
            "#,
        )
        .await;
    expect![[r#"
        GET /restapis/ours
            404 Invalid API identifier specified 111111111111:ours
        GET /restapis
            200 {"item":[]}
        DELETE /restapis/ours
            404 Invalid API identifier specified 111111111111:ours
        POST /restapis {"name":"x","tags":{"_custom_id_":"ours"}}
            409 A REST API with the id ours already exists
    "#]]
    .assert_eq(&seen);
}

#[tokio::test]
async fn resources() {
    check(
        r#"
        api = POST /restapis {"name":"x"}
        pets = POST /restapis/$api/resources/$api_root {"pathPart":"pets"}
        one = POST /restapis/$api/resources/$pets {"pathPart":"{id}"}
        POST /restapis/$api/resources/$pets {"pathPart":"{other}"}
        POST /restapis/$api/resources/$api_root {"pathPart":"pets"}
        POST /restapis/$api/resources/$api_root {"pathPart":"a/b"}
        POST /restapis/$api/resources/nothere {"pathPart":"x"}
        POST /restapis/nothere/resources/x {"pathPart":"x"}
        proxy = POST /restapis/$api/resources/$api_root {"pathPart":"{proxy+}"}
        POST /restapis/$api/resources/$proxy {"pathPart":"x"}
        PUT /restapis/$api/resources/$one/methods/GET {"authorizationType":"NONE"}
        page = GET /restapis/$api/resources?limit=2
        GET /restapis/$api/resources?limit=2&position=$page_next
        GET /restapis/$api/resources?embed=methods
        GET /restapis/$api/resources/$one
        GET /restapis/$api/resources/$one?embed=methods
        GET /restapis/nothere/resources
        PATCH /restapis/$api/resources/$pets {"patchOperations":[{"op":"replace","path":"/pathPart","value":"dogs"}]}
        PATCH /restapis/$api/resources/$pets {"patchOperations":[{"op":"remove","path":"/pathPart"}]}
        PATCH /restapis/$api/resources/$pets {"patchOperations":[{"op":"replace","path":"/invalid","value":"x"}]}
        PATCH /restapis/$api/resources/$pets {"patchOperations":[{"op":"replace","path":"/parentId","value":"$one"}]}
        PATCH /restapis/$api/resources/$one {"patchOperations":[{"op":"replace","path":"/parentId","value":"$api_root"}]}
        DELETE /restapis/$api/resources/$pets
        DELETE /restapis/$api/resources/$pets
        DELETE /restapis/$api/resources/$api_root
        GET /restapis/$api/resources/$one
        "#,
        expect![[r#"
            POST /restapis {"name":"x"}
                201 {"apiKeySource":"HEADER","createdDate":1795454460,"disableExecuteApiEndpoint":false,"endpointConfiguration":{"ipAddressType":"ipv4","types":["EDGE"]},"id":"<api>","name":"x","rootResourceId":"<api_root>"}
            POST /restapis/$api/resources/$api_root {"pathPart":"pets"}
                201 {"id":"<pets>","parentId":"<api_root>","path":"/pets","pathPart":"pets"}
            POST /restapis/$api/resources/$pets {"pathPart":"{id}"}
                201 {"id":"<one>","parentId":"<pets>","path":"/pets/{id}","pathPart":"{id}"}
            POST /restapis/$api/resources/$pets {"pathPart":"{other}"}
                400 A sibling ({id}) of this resource already has a variable path part -- only one is allowed
            POST /restapis/$api/resources/$api_root {"pathPart":"pets"}
                409 Another resource with the same parent already has this name: pets
            POST /restapis/$api/resources/$api_root {"pathPart":"a/b"}
                400 Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the beginning and the end.
            POST /restapis/$api/resources/nothere {"pathPart":"x"}
                404 Invalid Resource identifier specified
            POST /restapis/nothere/resources/x {"pathPart":"x"}
                404 Invalid API identifier specified 000000000000:nothere
            POST /restapis/$api/resources/$api_root {"pathPart":"{proxy+}"}
                201 {"id":"<proxy>","parentId":"<api_root>","path":"/{proxy+}","pathPart":"{proxy+}"}
            POST /restapis/$api/resources/$proxy {"pathPart":"x"}
                400 Cannot create a child of a resource with a greedy path variable: {proxy+}
            PUT /restapis/$api/resources/$one/methods/GET {"authorizationType":"NONE"}
                201 {"apiKeyRequired":false,"authorizationType":"NONE","httpMethod":"GET"}
            GET /restapis/$api/resources?limit=2
                200 {"item":[{"id":"<api_root>","path":"/"},{"id":"<pets>","parentId":"<api_root>","path":"/pets","pathPart":"pets"}],"position":"<page_next>"}
            GET /restapis/$api/resources?limit=2&position=$page_next
                200 {"item":[{"id":"<one>","parentId":"<pets>","path":"/pets/{id}","pathPart":"{id}","resourceMethods":{"GET":{}}},{"id":"<proxy>","parentId":"<api_root>","path":"/{proxy+}","pathPart":"{proxy+}"}]}
            GET /restapis/$api/resources?embed=methods
                200 {"item":[{"id":"<api_root>","path":"/"},{"id":"<pets>","parentId":"<api_root>","path":"/pets","pathPart":"pets"},{"id":"<one>","parentId":"<pets>","path":"/pets/{id}","pathPart":"{id}","resourceMethods":{"GET":{"apiKeyRequired":false,"authorizationType":"NONE","httpMethod":"GET"}}},{"id":"<proxy>","parentId":"<api_root>","path":"/{proxy+}","pathPart":"{proxy+}"}]}
            GET /restapis/$api/resources/$one
                200 {"id":"<one>","parentId":"<pets>","path":"/pets/{id}","pathPart":"{id}","resourceMethods":{"GET":{}}}
            GET /restapis/$api/resources/$one?embed=methods
                200 {"id":"<one>","parentId":"<pets>","path":"/pets/{id}","pathPart":"{id}","resourceMethods":{"GET":{"apiKeyRequired":false,"authorizationType":"NONE","httpMethod":"GET"}}}
            GET /restapis/nothere/resources
                404 Invalid API identifier specified 000000000000:nothere
            PATCH /restapis/$api/resources/$pets {"patchOperations":[{"op":"replace","path":"/pathPart","value":"dogs"}]}
                200 {"id":"<pets>","parentId":"<api_root>","path":"/dogs","pathPart":"dogs"}
            PATCH /restapis/$api/resources/$pets {"patchOperations":[{"op":"remove","path":"/pathPart"}]}
                400 Invalid patch path  '/pathPart' specified for op 'remove'. Please choose supported operations
            PATCH /restapis/$api/resources/$pets {"patchOperations":[{"op":"replace","path":"/invalid","value":"x"}]}
                400 Invalid patch path  '/invalid' specified for op 'replace'. Must be one of: [/parentId, /pathPart]
            PATCH /restapis/$api/resources/$pets {"patchOperations":[{"op":"replace","path":"/parentId","value":"$one"}]}
                400 Resources cannot be cyclical.
            PATCH /restapis/$api/resources/$one {"patchOperations":[{"op":"replace","path":"/parentId","value":"$api_root"}]}
                400 A sibling ({proxy+}) of this resource already has a variable path part -- only one is allowed
            DELETE /restapis/$api/resources/$pets
                202 
            DELETE /restapis/$api/resources/$pets
                404 Invalid Resource identifier specified
            DELETE /restapis/$api/resources/$api_root
                400 Root resource cannot be deleted
            GET /restapis/$api/resources/$one
                404 Invalid Resource identifier specified
        "#]],
    )
    .await;
}

#[tokio::test]
async fn methods_and_their_responses() {
    check(
        r#"
        api = POST /restapis {"name":"x"}
        PUT /restapis/$api/resources/$api_root/methods/GET {"authorizationType":"NONE","requestParameters":{"method.request.querystring.q":true}}
        PUT /restapis/$api/resources/$api_root/methods/GET {"authorizationType":"NONE"}
        PUT /restapis/$api/resources/$api_root/methods/FETCH {"authorizationType":"NONE"}
        PUT /restapis/$api/resources/$api_root/methods/PUT {"authorizationType":"CUSTOM","authorizerId":"abc"}
        PUT /restapis/$api/resources/$api_root/methods/PUT {"authorizationType":"SOME"}
        PUT /restapis/$api/resources/$api_root/methods/PUT {"authorizationType":"NONE","requestValidatorId":"abc"}
        PUT /restapis/$api/resources/$api_root/methods/PUT {"authorizationType":"NONE","requestModels":{"application/json":"petModel"}}
        PUT /restapis/$api/resources/$api_root/methods/PUT {"authorizationType":"NONE","requestParameters":{"method.request.querystring.q":true,"method.request.header.q":true}}
        PUT /restapis/$api/resources/$api_root/methods/PUT {"authorizationType":"NONE","requestParameters":{"q":true}}
        PUT /restapis/$api/resources/nothere/methods/PUT {"authorizationType":"NONE"}
        PUT /restapis/nothere/resources/x/methods/PUT {"authorizationType":"NONE"}
        PATCH /restapis/$api/resources/$api_root/methods/GET {"patchOperations":[{"op":"replace","path":"/apiKeyRequired","value":"true"},{"op":"replace","path":"/authorizationType","value":"AWS_IAM"},{"op":"add","path":"/requestModels/application~1json","value":"Empty"},{"op":"replace","path":"/requestParameters/method.request.querystring.q","value":"false"},{"op":"replace","path":"/operationName","value":"Op"}]}
        PATCH /restapis/$api/resources/$api_root/methods/GET {"patchOperations":[{"op":"remove","path":"/requestParameters/method.request.querystring.q"},{"op":"remove","path":"/requestModels/application~1json"}]}
        PATCH /restapis/$api/resources/$api_root/methods/GET {"patchOperations":[{"op":"replace","path":"/httpMethod","value":"PUT"}]}
        PATCH /restapis/$api/resources/$api_root/methods/GET {"patchOperations":[{"op":"add","path":"/authorizationType","value":"NONE"}]}
        PATCH /restapis/$api/resources/$api_root/methods/GET {"patchOperations":[{"op":"add","path":"/requestModels/application/json","value":"Empty"}]}
        PATCH /restapis/$api/resources/$api_root/methods/GET {"patchOperations":[{"op":"replace","path":"/authorizationType","value":"COGNITO_USER_POOLS"}]}
        PATCH /restapis/$api/resources/$api_root/methods/PUT {"patchOperations":[]}
        PUT /restapis/$api/resources/$api_root/methods/GET/responses/200 {"responseParameters":{"method.response.header.x":false},"responseModels":{"application/json":"Empty"}}
        PUT /restapis/$api/resources/$api_root/methods/GET/responses/200 {}
        PUT /restapis/$api/resources/$api_root/methods/GET/responses/2000 {}
        PUT /restapis/$api/resources/$api_root/methods/GET/responses/201 {"responseParameters":{"x":false}}
        PATCH /restapis/$api/resources/$api_root/methods/GET/responses/200 {"patchOperations":[{"op":"add","path":"/responseParameters/method.response.header.y","value":"true"},{"op":"remove","path":"/responseModels/application~1json"}]}
        GET /restapis/$api/resources/$api_root/methods/GET/responses/200
        GET /restapis/$api/resources/$api_root/methods/GET/responses/404
        DELETE /restapis/$api/resources/$api_root/methods/GET/responses/200
        DELETE /restapis/$api/resources/$api_root/methods/GET/responses/200
        GET /restapis/$api/resources/$api_root/methods/GET
        DELETE /restapis/$api/resources/$api_root/methods/GET
        GET /restapis/$api/resources/$api_root/methods/GET
        DELETE /restapis/$api/resources/$api_root/methods/GET
        "#,
        expect![[r#"
            POST /restapis {"name":"x"}
                201 {"apiKeySource":"HEADER","createdDate":1795454460,"disableExecuteApiEndpoint":false,"endpointConfiguration":{"ipAddressType":"ipv4","types":["EDGE"]},"id":"<api>","name":"x","rootResourceId":"<api_root>"}
            PUT /restapis/$api/resources/$api_root/methods/GET {"authorizationType":"NONE","requestParameters":{"method.request.querystring.q":true}}
                201 {"apiKeyRequired":false,"authorizationType":"NONE","httpMethod":"GET","requestParameters":{"method.request.querystring.q":true}}
            PUT /restapis/$api/resources/$api_root/methods/GET {"authorizationType":"NONE"}
                409 Method already exists for this resource
            PUT /restapis/$api/resources/$api_root/methods/FETCH {"authorizationType":"NONE"}
                400 Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY
            PUT /restapis/$api/resources/$api_root/methods/PUT {"authorizationType":"CUSTOM","authorizerId":"abc"}
                400 Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a valid authorizer.
            PUT /restapis/$api/resources/$api_root/methods/PUT {"authorizationType":"SOME"}
                400 Invalid authorization type specified. Must be one of [NONE, AWS_IAM, CUSTOM, COGNITO_USER_POOLS]
            PUT /restapis/$api/resources/$api_root/methods/PUT {"authorizationType":"NONE","requestValidatorId":"abc"}
                400 Invalid Request Validator identifier specified
            PUT /restapis/$api/resources/$api_root/methods/PUT {"authorizationType":"NONE","requestModels":{"application/json":"petModel"}}
                400 Invalid model identifier specified: petModel
            PUT /restapis/$api/resources/$api_root/methods/PUT {"authorizationType":"NONE","requestParameters":{"method.request.querystring.q":true,"method.request.header.q":true}}
                400 Parameter names must be unique across querystring, header and path
            PUT /restapis/$api/resources/$api_root/methods/PUT {"authorizationType":"NONE","requestParameters":{"q":true}}
                400 Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression specified: q]
            PUT /restapis/$api/resources/nothere/methods/PUT {"authorizationType":"NONE"}
                404 Invalid Resource identifier specified
            PUT /restapis/nothere/resources/x/methods/PUT {"authorizationType":"NONE"}
                404 Invalid Resource identifier specified
            PATCH /restapis/$api/resources/$api_root/methods/GET {"patchOperations":[{"op":"replace","path":"/apiKeyRequired","value":"true"},{"op":"replace","path":"/authorizationType","value":"AWS_IAM"},{"op":"add","path":"/requestModels/application~1json","value":"Empty"},{"op":"replace","path":"/requestParameters/method.request.querystring.q","value":"false"},{"op":"replace","path":"/operationName","value":"Op"}]}
                200 {"apiKeyRequired":true,"authorizationType":"AWS_IAM","httpMethod":"GET","operationName":"Op","requestModels":{"application/json":"Empty"},"requestParameters":{"method.request.querystring.q":false}}
            PATCH /restapis/$api/resources/$api_root/methods/GET {"patchOperations":[{"op":"remove","path":"/requestParameters/method.request.querystring.q"},{"op":"remove","path":"/requestModels/application~1json"}]}
                200 {"apiKeyRequired":true,"authorizationType":"AWS_IAM","httpMethod":"GET","operationName":"Op"}
            PATCH /restapis/$api/resources/$api_root/methods/GET {"patchOperations":[{"op":"replace","path":"/httpMethod","value":"PUT"}]}
                400 Invalid patch path /httpMethod
            PATCH /restapis/$api/resources/$api_root/methods/GET {"patchOperations":[{"op":"add","path":"/authorizationType","value":"NONE"}]}
                400 Invalid patch operation specified. Must be one of: [replace]
            PATCH /restapis/$api/resources/$api_root/methods/GET {"patchOperations":[{"op":"add","path":"/requestModels/application/json","value":"Empty"}]}
                400 Invalid patch path /requestModels/application/json
            PATCH /restapis/$api/resources/$api_root/methods/GET {"patchOperations":[{"op":"replace","path":"/authorizationType","value":"COGNITO_USER_POOLS"}]}
                400 Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a valid authorizer.
            PATCH /restapis/$api/resources/$api_root/methods/PUT {"patchOperations":[]}
                404 Invalid Method identifier specified
            PUT /restapis/$api/resources/$api_root/methods/GET/responses/200 {"responseParameters":{"method.response.header.x":false},"responseModels":{"application/json":"Empty"}}
                201 {"responseModels":{"application/json":"Empty"},"responseParameters":{"method.response.header.x":false},"statusCode":"200"}
            PUT /restapis/$api/resources/$api_root/methods/GET/responses/200 {}
                409 Response already exists for this resource
            PUT /restapis/$api/resources/$api_root/methods/GET/responses/2000 {}
                400 1 validation error detected: Value '2000' at 'statusCode' failed to satisfy constraint: Member must satisfy regular expression pattern: [1-5]\d\d
            PUT /restapis/$api/resources/$api_root/methods/GET/responses/201 {"responseParameters":{"x":false}}
                400 Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression specified: x]
            PATCH /restapis/$api/resources/$api_root/methods/GET/responses/200 {"patchOperations":[{"op":"add","path":"/responseParameters/method.response.header.y","value":"true"},{"op":"remove","path":"/responseModels/application~1json"}]}
                201 {"responseParameters":{"method.response.header.x":false,"method.response.header.y":true},"statusCode":"200"}
            GET /restapis/$api/resources/$api_root/methods/GET/responses/200
                200 {"responseParameters":{"method.response.header.x":false,"method.response.header.y":true},"statusCode":"200"}
            GET /restapis/$api/resources/$api_root/methods/GET/responses/404
                404 Invalid Response status code specified
            DELETE /restapis/$api/resources/$api_root/methods/GET/responses/200
                204 
            DELETE /restapis/$api/resources/$api_root/methods/GET/responses/200
                404 Invalid Response status code specified
            GET /restapis/$api/resources/$api_root/methods/GET
                200 {"apiKeyRequired":true,"authorizationType":"AWS_IAM","httpMethod":"GET","operationName":"Op"}
            DELETE /restapis/$api/resources/$api_root/methods/GET
                204 
            GET /restapis/$api/resources/$api_root/methods/GET
                404 Invalid Method identifier specified
            DELETE /restapis/$api/resources/$api_root/methods/GET
                404 Invalid Method identifier specified
        "#]],
    )
    .await;
}

#[tokio::test]
async fn integrations_and_their_responses() {
    check(
        r#"
        api = POST /restapis {"name":"x"}
        PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"MOCK"}
        PUT /restapis/$api/resources/$api_root/methods/GET {"authorizationType":"NONE","requestParameters":{"method.request.querystring.q":false}}
        GET /restapis/$api/resources/$api_root/methods/GET/integration
        PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"MOCK","requestTemplates":{"application/json":"{\"statusCode\": 200}"}}
        PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"HTTP_PROXY","uri":"http://127.0.0.1/"}
        PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"HTTP_PROXY","httpMethod":"GET","uri":"not a url"}
        PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"AWS_PROXY","httpMethod":"POST","uri":"hello"}
        PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"AWS_PROXY","httpMethod":"POST","uri":"arn:aws:apigateway:us-east-1:lambda:hello"}
        PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"AWS_PROXY","httpMethod":"POST","uri":"arn:aws:apigateway:us-east-1:sqs:path/q"}
        PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"AWS","httpMethod":"POST","uri":"arn:aws:apigateway:us-east-1:sqs:path/q"}
        PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"MOCK","timeoutInMillis":29001}
        PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"MOCK","passthroughBehavior":"SOMETIMES"}
        PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"SOMETHING"}
        PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"HTTP_PROXY","httpMethod":"ANY","uri":"http://h/","requestParameters":{"integration.request.header.x":"method.request.header.undeclared"}}
        PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"HTTP_PROXY","httpMethod":"ANY","uri":"http://h/","requestParameters":{"integration.request.header.x":"nonsense"}}
        PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"HTTP_PROXY","httpMethod":"ANY","uri":"http://h/","requestParameters":{"integration.request.header.x":"method.request.querystring.q"}}
        PATCH /restapis/$api/resources/$api_root/methods/GET/integration {"patchOperations":[{"op":"replace","path":"/uri","value":"http://i/"},{"op":"add","path":"/requestTemplates/application~1json","value":"{}"},{"op":"replace","path":"/timeoutInMillis","value":"50"},{"op":"remove","path":"/requestParameters/integration.request.header.x"}]}
        PATCH /restapis/$api/resources/$api_root/methods/GET/integration {"patchOperations":[{"op":"replace","path":"/timeoutInMillis","value":"1"}]}
        PATCH /restapis/$api/resources/$api_root/methods/GET/integration {"patchOperations":[{"op":"replace","path":"/nothing","value":"1"}]}
        PUT /restapis/$api/resources/$api_root/methods/GET/integration/responses/200 {"selectionPattern":"","responseTemplates":{"application/json":""}}
        PUT /restapis/$api/resources/$api_root/methods/GET/integration/responses/200 {"responseParameters":{"method.response.header.x":"'1'"}}
        PUT /restapis/$api/resources/$api_root/methods/GET/responses/200 {"responseParameters":{"method.response.header.x":false}}
        PUT /restapis/$api/resources/$api_root/methods/GET/integration/responses/200 {"responseParameters":{"method.response.header.y":"'1'"}}
        PUT /restapis/$api/resources/$api_root/methods/GET/integration/responses/200 {"responseParameters":{"method.response.header.x":"'1'"}}
        PATCH /restapis/$api/resources/$api_root/methods/GET/integration/responses/200 {"patchOperations":[{"op":"replace","path":"/selectionPattern","value":"2.."},{"op":"replace","path":"/responseParameters/method.response.header.x","value":"'2'"},{"op":"add","path":"/responseTemplates/text~1html","value":"<p>"}]}
        GET /restapis/$api/resources/$api_root/methods/GET/integration/responses/404
        DELETE /restapis/$api/resources/$api_root/methods/GET/integration/responses/200
        DELETE /restapis/$api/resources/$api_root/methods/GET/integration/responses/200
        DELETE /restapis/$api/resources/$api_root/methods/GET/integration
        DELETE /restapis/$api/resources/$api_root/methods/GET/integration
        PUT /restapis/$api/resources/$api_root/methods/GET/integration/responses/200 {}
        PUT /restapis/$api/resources/$api_root/methods/PUT/integration {"type":"MOCK"}
        "#,
        expect![[r#"
            POST /restapis {"name":"x"}
                201 {"apiKeySource":"HEADER","createdDate":1795454460,"disableExecuteApiEndpoint":false,"endpointConfiguration":{"ipAddressType":"ipv4","types":["EDGE"]},"id":"<api>","name":"x","rootResourceId":"<api_root>"}
            PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"MOCK"}
                404 Invalid Method identifier specified
            PUT /restapis/$api/resources/$api_root/methods/GET {"authorizationType":"NONE","requestParameters":{"method.request.querystring.q":false}}
                201 {"apiKeyRequired":false,"authorizationType":"NONE","httpMethod":"GET","requestParameters":{"method.request.querystring.q":false}}
            GET /restapis/$api/resources/$api_root/methods/GET/integration
                404 Invalid Integration identifier specified
            PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"MOCK","requestTemplates":{"application/json":"{\"statusCode\": 200}"}}
                201 {"cacheKeyParameters":[],"cacheNamespace":"<api_root>","passthroughBehavior":"WHEN_NO_MATCH","requestTemplates":{"application/json":"{\"statusCode\": 200}"},"timeoutInMillis":29000,"type":"MOCK"}
            PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"HTTP_PROXY","uri":"http://127.0.0.1/"}
                400 Enumeration value for HttpMethod must be non-empty
            PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"HTTP_PROXY","httpMethod":"GET","uri":"not a url"}
                400 Invalid HTTP endpoint specified for URI
            PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"AWS_PROXY","httpMethod":"POST","uri":"hello"}
                400 Invalid ARN specified in the request
            PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"AWS_PROXY","httpMethod":"POST","uri":"arn:aws:apigateway:us-east-1:lambda:hello"}
                400 AWS ARN for integration must contain path or action
            PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"AWS_PROXY","httpMethod":"POST","uri":"arn:aws:apigateway:us-east-1:sqs:path/q"}
                400 Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream invocations.
            PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"AWS","httpMethod":"POST","uri":"arn:aws:apigateway:us-east-1:sqs:path/q"}
                400 Role ARN must be specified for AWS integrations
            PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"MOCK","timeoutInMillis":29001}
                400 Timeout should be between 50 ms and 29000 ms
            PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"MOCK","passthroughBehavior":"SOMETIMES"}
                400 Invalid passthrough behavior specified. Must be one of [WHEN_NO_MATCH, WHEN_NO_TEMPLATES, NEVER]
            PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"SOMETHING"}
                400 1 validation error detected: Value 'SOMETHING' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [HTTP, AWS, MOCK, HTTP_PROXY, AWS_PROXY]
            PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"HTTP_PROXY","httpMethod":"ANY","uri":"http://h/","requestParameters":{"integration.request.header.x":"method.request.header.undeclared"}}
                400 Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression parameter specified: method.request.header.undeclared]
            PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"HTTP_PROXY","httpMethod":"ANY","uri":"http://h/","requestParameters":{"integration.request.header.x":"nonsense"}}
                400 Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression specified: nonsense]
            PUT /restapis/$api/resources/$api_root/methods/GET/integration {"type":"HTTP_PROXY","httpMethod":"ANY","uri":"http://h/","requestParameters":{"integration.request.header.x":"method.request.querystring.q"}}
                201 {"cacheKeyParameters":[],"cacheNamespace":"<api_root>","httpMethod":"ANY","passthroughBehavior":"WHEN_NO_MATCH","requestParameters":{"integration.request.header.x":"method.request.querystring.q"},"timeoutInMillis":29000,"type":"HTTP_PROXY","uri":"http://h/"}
            PATCH /restapis/$api/resources/$api_root/methods/GET/integration {"patchOperations":[{"op":"replace","path":"/uri","value":"http://i/"},{"op":"add","path":"/requestTemplates/application~1json","value":"{}"},{"op":"replace","path":"/timeoutInMillis","value":"50"},{"op":"remove","path":"/requestParameters/integration.request.header.x"}]}
                200 {"cacheKeyParameters":[],"cacheNamespace":"<api_root>","httpMethod":"ANY","passthroughBehavior":"WHEN_NO_MATCH","requestTemplates":{"application/json":"{}"},"timeoutInMillis":50,"type":"HTTP_PROXY","uri":"http://i/"}
            PATCH /restapis/$api/resources/$api_root/methods/GET/integration {"patchOperations":[{"op":"replace","path":"/timeoutInMillis","value":"1"}]}
                400 Timeout should be between 50 ms and 29000 ms
            PATCH /restapis/$api/resources/$api_root/methods/GET/integration {"patchOperations":[{"op":"replace","path":"/nothing","value":"1"}]}
                400 Invalid patch path /nothing
            PUT /restapis/$api/resources/$api_root/methods/GET/integration/responses/200 {"selectionPattern":"","responseTemplates":{"application/json":""}}
                201 {"responseTemplates":{"application/json":""},"selectionPattern":"","statusCode":"200"}
            PUT /restapis/$api/resources/$api_root/methods/GET/integration/responses/200 {"responseParameters":{"method.response.header.x":"'1'"}}
                400 Invalid mapping expression specified: Validation Result: warnings : [], errors : [Output mapping refers to an invalid method response: 200]
            PUT /restapis/$api/resources/$api_root/methods/GET/responses/200 {"responseParameters":{"method.response.header.x":false}}
                201 {"responseParameters":{"method.response.header.x":false},"statusCode":"200"}
            PUT /restapis/$api/resources/$api_root/methods/GET/integration/responses/200 {"responseParameters":{"method.response.header.y":"'1'"}}
                400 Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression parameter specified: method.response.header.y]
            PUT /restapis/$api/resources/$api_root/methods/GET/integration/responses/200 {"responseParameters":{"method.response.header.x":"'1'"}}
                201 {"responseParameters":{"method.response.header.x":"'1'"},"statusCode":"200"}
            PATCH /restapis/$api/resources/$api_root/methods/GET/integration/responses/200 {"patchOperations":[{"op":"replace","path":"/selectionPattern","value":"2.."},{"op":"replace","path":"/responseParameters/method.response.header.x","value":"'2'"},{"op":"add","path":"/responseTemplates/text~1html","value":"<p>"}]}
                200 {"responseParameters":{"method.response.header.x":"'2'"},"responseTemplates":{"text/html":"<p>"},"selectionPattern":"2..","statusCode":"200"}
            GET /restapis/$api/resources/$api_root/methods/GET/integration/responses/404
                404 Invalid Response status code specified
            DELETE /restapis/$api/resources/$api_root/methods/GET/integration/responses/200
                204 
            DELETE /restapis/$api/resources/$api_root/methods/GET/integration/responses/200
                404 Invalid Response status code specified
            DELETE /restapis/$api/resources/$api_root/methods/GET/integration
                204 
            DELETE /restapis/$api/resources/$api_root/methods/GET/integration
                404 Invalid Integration identifier specified
            PUT /restapis/$api/resources/$api_root/methods/GET/integration/responses/200 {}
                404 Invalid Integration identifier specified
            PUT /restapis/$api/resources/$api_root/methods/PUT/integration {"type":"MOCK"}
                404 Invalid Method identifier specified
        "#]],
    )
    .await;
}

#[tokio::test]
async fn tags_and_the_account() {
    check(
        r#"
        api = POST /restapis {"name":"x","tags":{"a":"1"}}
        GET /tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2F$api
        PUT /tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2F$api {"tags":{"b":"2"}}
        DELETE /tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2F$api?tagKeys=a
        GET /tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2F$api
        GET /tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2F$api%2Fstages%2Fnone
        GET /tags/nonsense
        PUT /tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2F$api {"tags":{"aws:x":"2"}}
        GET /account
        "#,
        expect![[r#"
            POST /restapis {"name":"x","tags":{"a":"1"}}
                201 {"apiKeySource":"HEADER","createdDate":1795454460,"disableExecuteApiEndpoint":false,"endpointConfiguration":{"ipAddressType":"ipv4","types":["EDGE"]},"id":"<api>","name":"x","rootResourceId":"<api_root>","tags":{"a":"1"}}
            GET /tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2F$api
                200 {"tags":{"a":"1"}}
            PUT /tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2F$api {"tags":{"b":"2"}}
                204 
            DELETE /tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2F$api?tagKeys=a
                204 
            GET /tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2F$api
                200 {"tags":{"b":"2"}}
            GET /tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2F$api%2Fstages%2Fnone
                404 Invalid stage identifier specified
            GET /tags/nonsense
                400 Invalid ARN specified in the request
            PUT /tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2F$api {"tags":{"aws:x":"2"}}
                400 Invalid tag: aws:x
            GET /account
                200 {"apiKeyVersion":"4","features":["UsagePlans"],"throttleSettings":{"burstLimit":5000,"rateLimit":10000.0}}
        "#]],
    )
    .await;
}

/// Many edits of one API at a time: none is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_edits_do_not_lose_updates() {
    let world = std::sync::Arc::new(World::new());
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    let tasks: Vec<_> = (0..40)
        .map(|i| {
            let world = std::sync::Arc::clone(&world);
            tokio::spawn(async move {
                let line = format!(r#"POST /restapis/$api/resources/$api_root {{"pathPart":"p{i}"}}"#);
                let (_, resource) = world.control(&line).await;
                let to = format!("/restapis/$api/resources/{}/methods", resource["id"].as_str().unwrap());
                for method in ["GET", "PUT"] {
                    let put = format!(r#"PUT {to}/{method} {{"authorizationType":"NONE"}}"#);
                    assert_eq!(world.control(&put).await.0, 201);
                }
                let patch = format!(
                    r#"PATCH /restapis/$api {{"patchOperations":[{{"op":"add","path":"/binaryMediaTypes/a~1{i}"}}]}}"#
                );
                assert_eq!(world.control(&patch).await.0, 200);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let (_, api) = world.control("GET /restapis/$api").await;
    assert_eq!(api["binaryMediaTypes"].as_array().unwrap().len(), 40);
    let (_, resources) = world.control("GET /restapis/$api/resources?limit=500").await;
    let items = resources["item"].as_array().unwrap();
    assert_eq!(items.len(), 41);
    let methods: usize = items
        .iter()
        .filter_map(|item| item["resourceMethods"].as_object())
        .map(|methods| methods.len())
        .sum();
    assert_eq!(methods, 80);
}
