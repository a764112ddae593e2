//! A service that keeps the input of each call and answers what it was given to answer.

use std::fmt::Debug;
use std::sync::Mutex;

use api::{apigateway, dynamodb, lambda, logs, sts};
use base::Cx;
use wire::Failure;

/// What came in, and what goes out: a failure, or the output made from defaults and changed by a test.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) seen: Mutex<Vec<String>>,
    pub(crate) failure: Option<Failure>,
    pub(crate) get_item: dynamodb::GetItemOutput,
    pub(crate) function: lambda::FunctionConfiguration,
    pub(crate) invoke: lambda::InvokeOutput,
    pub(crate) apis: apigateway::GetRestApisOutput,
}

impl Recorder {
    fn record<T>(&self, input: &impl Debug, output: T) -> Result<T, Failure> {
        self.seen.lock().unwrap().push(format!("{input:?}"));
        self.failure.clone().map_or(Ok(output), Err)
    }

    pub(crate) fn last(&self) -> Option<String> {
        self.seen.lock().unwrap().pop()
    }
}

impl api::dynamodbstreams::DynamoDbStreams for Recorder {}

impl dynamodb::DynamoDb for Recorder {
    async fn get_item(
        &self,
        _: &Cx,
        input: dynamodb::GetItemInput,
    ) -> Result<dynamodb::GetItemOutput, Failure> {
        self.record(&input, self.get_item.clone())
    }

    async fn put_item(
        &self,
        _: &Cx,
        input: dynamodb::PutItemInput,
    ) -> Result<dynamodb::PutItemOutput, Failure> {
        self.record(&input, Default::default())
    }

    async fn update_item(
        &self,
        _: &Cx,
        input: dynamodb::UpdateItemInput,
    ) -> Result<dynamodb::UpdateItemOutput, Failure> {
        self.record(&input, Default::default())
    }

    async fn query(&self, _: &Cx, input: dynamodb::QueryInput) -> Result<dynamodb::QueryOutput, Failure> {
        self.record(&input, Default::default())
    }

    async fn create_table(
        &self,
        _: &Cx,
        input: dynamodb::CreateTableInput,
    ) -> Result<dynamodb::CreateTableOutput, Failure> {
        self.record(&input, Default::default())
    }

    async fn list_tables(
        &self,
        _: &Cx,
        input: dynamodb::ListTablesInput,
    ) -> Result<dynamodb::ListTablesOutput, Failure> {
        self.record(&input, Default::default())
    }

    async fn batch_get_item(
        &self,
        _: &Cx,
        input: dynamodb::BatchGetItemInput,
    ) -> Result<dynamodb::BatchGetItemOutput, Failure> {
        self.record(&input, Default::default())
    }

    async fn batch_write_item(
        &self,
        _: &Cx,
        input: dynamodb::BatchWriteItemInput,
    ) -> Result<dynamodb::BatchWriteItemOutput, Failure> {
        self.record(&input, Default::default())
    }

    async fn tag_resource(
        &self,
        _: &Cx,
        input: dynamodb::TagResourceInput,
    ) -> Result<dynamodb::TagResourceOutput, Failure> {
        self.record(&input, Default::default())
    }
}

impl logs::Logs for Recorder {
    async fn put_log_events(
        &self,
        _: &Cx,
        input: logs::PutLogEventsInput,
    ) -> Result<logs::PutLogEventsOutput, Failure> {
        self.record(&input, Default::default())
    }
}

impl lambda::Lambda for Recorder {
    async fn create_function(
        &self,
        _: &Cx,
        input: lambda::CreateFunctionInput,
    ) -> Result<lambda::CreateFunctionOutput, Failure> {
        self.record(&input, self.function.clone())
    }

    async fn get_function_configuration(
        &self,
        _: &Cx,
        input: lambda::GetFunctionConfigurationInput,
    ) -> Result<lambda::FunctionConfiguration, Failure> {
        self.record(&input, self.function.clone())
    }

    async fn invoke(&self, _: &Cx, input: lambda::InvokeInput) -> Result<lambda::InvokeOutput, Failure> {
        self.record(&input, self.invoke.clone())
    }

    async fn list_functions(
        &self,
        _: &Cx,
        input: lambda::ListFunctionsInput,
    ) -> Result<lambda::ListFunctionsOutput, Failure> {
        self.record(&input, Default::default())
    }

    async fn untag_resource(
        &self,
        _: &Cx,
        input: lambda::UntagResourceInput,
    ) -> Result<lambda::UntagResourceOutput, Failure> {
        self.record(&input, Default::default())
    }

    async fn delete_function(
        &self,
        _: &Cx,
        input: lambda::DeleteFunctionInput,
    ) -> Result<lambda::DeleteFunctionOutput, Failure> {
        self.record(&input, lambda::DeleteFunctionOutput { status_code: Some(204) })
    }
}

impl apigateway::ApiGateway for Recorder {
    async fn get_rest_apis(
        &self,
        _: &Cx,
        input: apigateway::GetRestApisInput,
    ) -> Result<apigateway::GetRestApisOutput, Failure> {
        self.record(&input, self.apis.clone())
    }

    async fn create_rest_api(
        &self,
        _: &Cx,
        input: apigateway::CreateRestApiInput,
    ) -> Result<apigateway::RestApi, Failure> {
        self.record(&input, apigateway::RestApi { id: Some("a".to_owned()), ..Default::default() })
    }

    async fn put_integration(
        &self,
        _: &Cx,
        input: apigateway::PutIntegrationInput,
    ) -> Result<apigateway::Integration, Failure> {
        self.record(&input, Default::default())
    }

    async fn tag_resource(
        &self,
        _: &Cx,
        input: apigateway::TagResourceInput,
    ) -> Result<apigateway::TagResourceOutput, Failure> {
        self.record(&input, Default::default())
    }
}

impl sts::Sts for Recorder {
    async fn get_caller_identity(
        &self,
        _: &Cx,
        input: sts::GetCallerIdentityInput,
    ) -> Result<sts::GetCallerIdentityOutput, Failure> {
        let output = sts::GetCallerIdentityOutput {
            user_id: Some("AKIA<&>".to_owned()),
            account: Some("000000000000".to_owned()),
            arn: Some("arn:aws:iam::000000000000:root".to_owned()),
        };
        self.record(&input, output)
    }
}
