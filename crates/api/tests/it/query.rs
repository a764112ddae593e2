//! The query protocol: STS.

use expect_test::{Expect, expect};

use crate::service::Recorder;
use crate::{cx, ready, request};

fn check(text: &str, expected: &Expect) {
    let cx = cx();
    let response = ready(api::sts::dispatch(&Recorder::default(), &cx, request(text)));
    assert_eq!(response.headers["content-type"], "text/xml");
    let body = String::from_utf8_lossy(&response.body).replace(&cx.request_id.to_string(), "ID");
    expected.assert_eq(&format!("{} {body}", response.status));
}

#[test]
fn answers_are_xml() {
    check(
        "POST /\n\nAction=GetCallerIdentity&Version=2011-06-15",
        &expect![[
            r#"200 <GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><UserId>AKIA&lt;&amp;&gt;</UserId><Account>000000000000</Account><Arn>arn:aws:iam::000000000000:root</Arn></GetCallerIdentityResult><ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata></GetCallerIdentityResponse>"#
        ]],
    );
    check(
        "GET /?Action=GetCallerIdentity&Version=2011-06-15",
        &expect![[
            r#"200 <GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><UserId>AKIA&lt;&amp;&gt;</UserId><Account>000000000000</Account><Arn>arn:aws:iam::000000000000:root</Arn></GetCallerIdentityResult><ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata></GetCallerIdentityResponse>"#
        ]],
    );
}

#[test]
fn failures_are_xml() {
    check(
        "POST /\n\nAction=MakeTea&Version=2011-06-15",
        &expect![[
            r#"400 <ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>InvalidAction</Code><Message>Could not find operation MakeTea for version 2011-06-15</Message></Error><RequestId>ID</RequestId></ErrorResponse>"#
        ]],
    );
    check(
        "POST /\n\n",
        &expect![[
            r#"400 <ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>MissingAction</Code><Message>Could not find operation: no parameter Action</Message></Error><RequestId>ID</RequestId></ErrorResponse>"#
        ]],
    );
    check(
        "POST /\n\nAction=AssumeRole",
        &expect![[
            r#"501 <ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Receiver</Type><Code>NotImplemented</Code><Message>Rushlight does not implement sts AssumeRole (see docs/coverage.md)</Message></Error><RequestId>ID</RequestId></ErrorResponse>"#
        ]],
    );
}
