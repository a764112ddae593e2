//! AWS Security Token Service: who the caller is. Stores nothing and verifies nothing.

use api::sts::{GetCallerIdentityInput, GetCallerIdentityOutput, Sts};
use base::{Cx, Principal};
use wire::Failure;

/// Answers from the call's context alone.
#[derive(Debug, Default)]
pub struct TokenService;

impl TokenService {
    pub fn new() -> Self {
        Self
    }
}

impl Sts for TokenService {
    async fn get_caller_identity(
        &self,
        cx: &Cx,
        _: GetCallerIdentityInput,
    ) -> Result<GetCallerIdentityOutput, Failure> {
        let account = cx.scope.account.to_string();
        let (user_id, arn) = identity(cx);
        Ok(GetCallerIdentityOutput { user_id: Some(user_id), account: Some(account), arn: Some(arn) })
    }
}

/// Until users exist, an access key is the account's root, as AWS prints it.
fn identity(cx: &Cx) -> (String, String) {
    let account = cx.scope.account;
    let partition = cx.scope.region.partition();
    let root = format!("arn:{partition}:iam::{account}:root");
    match &cx.principal {
        Principal::Service { name, source_arn } => (format!("{account}:{name}"), source_arn.to_string()),
        Principal::Anonymous | Principal::AccessKey(_) | Principal::Internal => (account.to_string(), root),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{Region, Scope};
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    #[test]
    fn an_access_key_is_the_root_of_its_account() {
        let scope =
            Scope { account: "123456789012".parse().expect("12 digits"), region: Region::new("cn-north-1") };
        let cx = Cx { principal: Principal::AccessKey("123456789012".into()), ..Cx::internal(scope) };
        let service = TokenService::new();
        let call = pin!(service.get_caller_identity(&cx, GetCallerIdentityInput {}));
        let Poll::Ready(answer) = call.poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("it waits for nothing")
        };
        let answer = answer.expect("it never fails");
        assert_eq!(answer.account.as_deref(), Some("123456789012"));
        assert_eq!(answer.user_id.as_deref(), Some("123456789012"));
        assert_eq!(answer.arn.as_deref(), Some("arn:aws-cn:iam::123456789012:root"));
    }
}
