//! How often a chain of invocations has come through a function: counted in the trace header, which SDKs inside of
//! functions pass on. Pure.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>

use base::Trace;

/// Invocations of one function in a chain, after which the chain is cut.
pub(crate) const ROUNDS_MAX: u32 = 16;
/// Functions that a header names; the oldest are forgotten.
const NAMED_MAX: usize = 32;
const FIELD: &str = "Lineage=";

/// What stands for a function in the header.
fn mark(arn: &str) -> String {
    let hash =
        arn.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{hash:08x}")
}

fn entries(trace: &str) -> impl Iterator<Item = (&str, u32)> {
    let field = trace.split(';').find_map(|field| field.trim().strip_prefix(FIELD)).unwrap_or_default();
    field.split('|').filter_map(|entry| {
        let (mark, count) = entry.rsplit_once(':')?;
        Some((mark, count.parse().ok()?))
    })
}

/// Whether a chain that comes to the function of this ARN has been there often enough.
pub(crate) fn is_loop(trace: &Trace, arn: &str) -> bool {
    // Most requests begin a chain.
    if !trace.header().contains(FIELD) {
        return false;
    }
    let own = mark(arn);
    entries(trace.header()).any(|(mark, count)| mark == own && count >= ROUNDS_MAX)
}

/// The header that the function of this ARN is given: the one that came, with one more round.
pub(crate) fn passed_on(trace: &Trace, arn: &str) -> String {
    let own = mark(arn);
    let header = trace.passed_on();
    let mut lineage: Vec<(&str, u32)> = entries(&header).collect();
    match lineage.iter_mut().find(|(mark, _)| *mark == own) {
        Some((_, count)) => *count = count.saturating_add(1),
        None => lineage.push((&own, 1)),
    }
    let forgotten = lineage.len().saturating_sub(NAMED_MAX);
    let mut out = String::with_capacity(header.len() + 24);
    for field in header.split(';').filter(|field| !field.trim().starts_with(FIELD) && !field.is_empty()) {
        out.push_str(field);
        out.push(';');
    }
    out.push_str(FIELD);
    for (index, (mark, count)) in lineage[forgotten..].iter().enumerate() {
        let bar = if index == 0 { "" } else { "|" };
        out.push_str(&format!("{bar}{mark}:{count}"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_a_loop_after_sixteen_rounds() {
        let (f, g) = ("arn:f", "arn:g");
        let mut trace = Trace::new("Root=1-a-b;Parent=c;Sampled=0");
        for round in 0..ROUNDS_MAX {
            assert!(!is_loop(&trace, f), "{round}");
            trace = Trace::new(passed_on(&trace, f));
            trace = Trace::new(passed_on(&trace, g));
        }
        assert!(is_loop(&trace, f) && is_loop(&trace, g) && !is_loop(&trace, "arn:h"));
        let expected = format!("Root=1-a-b;Parent=c;Sampled=0;Lineage={}:16|{}:16", mark(f), mark(g));
        assert_eq!(trace.header(), expected);
    }

    #[test]
    fn a_header_of_somebody_else_does_no_harm() {
        for text in ["", "Lineage=", "Lineage=x|:|a:b|a:99999999999", "Lineage=25:a87bd80c:1;Root=1"] {
            let trace = Trace::new(text);
            assert!(!is_loop(&trace, "arn:f"));
            assert!(passed_on(&trace, "arn:f").ends_with(&format!("{}:1", mark("arn:f"))), "{text}");
        }
        let many: Vec<String> = (0..1000).map(|i| format!("{i:08x}:1")).collect();
        let trace = Trace::new(format!("Lineage={}", many.join("|")));
        assert!(passed_on(&trace, "arn:f").len() < 500);
    }
}
