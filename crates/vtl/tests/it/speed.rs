//! What a mapping costs: a body of 2 KB, twenty references, a loop. Asks for the figure only of a release build, and
//! with room to spare: the figure itself is in docs/decisions.md.

use std::fmt::Write;
use std::time::{Duration, Instant};

use vtl::{Limits, Overrides, Template};

use crate::sample::Sample;

#[test]
fn a_mapping_of_two_kilobytes() {
    let mut body = String::from(
        "{\"id\":\"o-1\",\"customer\":{\"name\":\"Ada\",\"address\":{\"city\":\"London\",\"zip\":\"N1\"}},\"items\":[",
    );
    for number in 0..20 {
        let comma = if number > 0 { "," } else { "" };
        let _ = write!(
            body,
            "{comma}{{\"sku\":\"sku-{number:04}\",\"title\":\"An article of some length\",\"price\":{number}.25,\"count\":{number}}}"
        );
    }
    body.push_str("],\"note\":\"");
    body.push_str(&"n".repeat(2048 - body.len().min(2040)));
    body.push_str("\"}");
    let template = "#set($root = $input.path('$'))\n{\"id\":\"$root.id\",\"name\":\"$root.customer.name\",\
        \"city\":\"$root.customer.address.city\",\"zip\":\"$root.customer.address.zip\",\"stage\":\"$context.stage\",\
        \"request\":\"$context.requestId\",\"ip\":\"$context.identity.sourceIp\",\"q\":\"$input.params('q')\",\
        \"p\":\"$input.params('id')\",\"color\":\"$stageVariables.color\",\"first\":$input.json('$.items[0]'),\
        \"note\":\"$util.escapeJavaScript($root.note)\",\"items\":[#foreach($item in $root.items)\
        {\"s\":\"$item.sku\",\"t\":\"$item.title\",\"p\":$item.price,\"c\":$item.count}#if($foreach.hasNext),#end#end],\
        \"size\":$root.items.size(),\"again\":\"$root.id\"}";
    let template = Template::compile(template).expect("compiles");
    let each = best(&template, &body);
    println!("{} bytes: {each:?}", body.len());
    if !cfg!(debug_assertions) {
        assert!(each.as_micros() < 120, "{each:?}");
    }
    for part in
        ["$input.path('$.id')", "$context.stage", "$input.params('q')", "#foreach($x in [1..100])$x #end"]
    {
        println!("{part}: {:?}", best(&Template::compile(part).expect("compiles"), &body));
    }
}

/// The shortest of many times, so that a busy machine does not count.
fn best(template: &Template, body: &str) -> Duration {
    let (sample, limits, overrides) = (Sample(body), Limits::default(), Overrides::default());
    let rounds = if cfg!(debug_assertions) { 1 } else { 100 };
    let times = (0..rounds).map(|_| {
        let start = Instant::now();
        for _ in 0..10 {
            template.render(&sample, &overrides, &limits).expect("renders");
        }
        start.elapsed() / 10
    });
    times.min().unwrap_or_default()
}
