// The API to look around in: pets, answered without a backend.

export function petStore(): object {
  const mock = (statusCode: number, body: unknown) => ({
    type: "mock",
    requestTemplates: { "application/json": `{"statusCode": ${statusCode}}` },
    responses: { default: { statusCode: String(statusCode), responseTemplates: { "application/json": typeof body === "string" ? body : JSON.stringify(body, null, 2) } } },
  });
  const answers = { "200": { description: "OK" } };
  const pets = [
    { id: 1, type: "dog", price: 249.99 },
    { id: 2, type: "cat", price: 124.99 },
    { id: 3, type: "fish", price: 0.99 },
  ];
  const pet = `{ "id": "$input.params('petId')", "type": "dog", "price": 249.99 }`;
  const made = `{ "pet": $input.json('$'), "message": "success" }`;
  const pathParameter = { name: "petId", in: "path", required: true, schema: { type: "string" } };
  return {
    openapi: "3.0.1",
    info: { title: "PetStore", version: "1.0", description: "An example API: three pets, answered by API Gateway itself." },
    paths: {
      "/pets": {
        get: { responses: answers, "x-amazon-apigateway-integration": mock(200, pets) },
        post: { responses: answers, "x-amazon-apigateway-integration": mock(200, made) },
      },
      "/pets/{petId}": {
        get: { parameters: [pathParameter], responses: answers, "x-amazon-apigateway-integration": mock(200, pet) },
      },
    },
  };
}
