//! The services that this server routes to, with the names by which requests mean them.

/// A control or data API behind the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    DynamoDb,
    DynamoDbStreams,
    Lambda,
    ApiGateway,
    ApiGatewayV2,
    Logs,
    Sts,
}

impl Service {
    pub const ALL: [Self; 7] = [
        Self::DynamoDb,
        Self::DynamoDbStreams,
        Self::Lambda,
        Self::ApiGateway,
        Self::ApiGatewayV2,
        Self::Logs,
        Self::Sts,
    ];

    /// The name in metrics, health and `ports::ServiceCall`.
    pub fn name(self) -> &'static str {
        match self {
            Self::DynamoDb => "dynamodb",
            Self::DynamoDbStreams => "dynamodbstreams",
            Self::Lambda => "lambda",
            Self::ApiGateway => "apigateway",
            Self::ApiGatewayV2 => "apigatewayv2",
            Self::Logs => "logs",
            Self::Sts => "sts",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }

    /// By the part of `X-Amz-Target` before the dot.
    pub(crate) fn from_target(prefix: &str) -> Option<Self> {
        match prefix {
            "DynamoDB_20120810" => Some(Self::DynamoDb),
            "DynamoDBStreams_20120810" => Some(Self::DynamoDbStreams),
            "Logs_20140328" => Some(Self::Logs),
            "AWSSecurityTokenService" | "AWSSecurityTokenServiceV20110615" => Some(Self::Sts),
            _ => None,
        }
    }

    /// By the signing name of a SigV4 scope. Both API Gateways sign as `apigateway`: the path tells them apart.
    pub(crate) fn from_signing_name(name: &str, path: &str) -> Option<Self> {
        match name {
            "dynamodb" => Some(Self::DynamoDb),
            "lambda" => Some(Self::Lambda),
            "apigateway" if path.starts_with("/v2/") => Some(Self::ApiGatewayV2),
            "apigateway" => Some(Self::ApiGateway),
            "logs" => Some(Self::Logs),
            "sts" => Some(Self::Sts),
            _ => None,
        }
    }
}
