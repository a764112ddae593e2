//! Lists of API keys as CSV (RFC 4180): a line of column names, then a key a line. Pure; knows no store.
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-key-file-format.html>

use crate::error::{GatewayError, Result};

const KEYS_MAX: usize = 10_000;

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ListedKey {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) description: Option<String>,
    pub(crate) enabled: bool,
    pub(crate) plans: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Name,
    Key,
    Description,
    Enabled,
    UsagePlanIds,
}

pub(crate) fn parse(text: &str) -> Result<Vec<ListedKey>> {
    let mut lines = lines(text.trim_start_matches('\u{feff}'))?.into_iter();
    let columns =
        lines.next().unwrap_or_default().iter().map(|name| column(name)).collect::<Result<Vec<_>>>()?;
    for (wanted, name) in [(Column::Name, "name"), (Column::Key, "key")] {
        if !columns.contains(&wanted) {
            return Err(GatewayError::bad_request(format!(
                "Invalid API key file: the column '{name}' is required"
            )));
        }
    }
    let keys: Vec<ListedKey> =
        lines.enumerate().map(|(at, fields)| listed(&columns, fields, at + 2)).collect::<Result<_>>()?;
    if keys.len() > KEYS_MAX {
        return Err(GatewayError::limit(format!("An API key file has at most {KEYS_MAX} keys")));
    }
    Ok(keys)
}

fn column(name: &str) -> Result<Column> {
    Ok(match name.trim().to_ascii_lowercase().as_str() {
        "name" => Column::Name,
        "key" => Column::Key,
        "description" => Column::Description,
        "enabled" => Column::Enabled,
        "usageplanids" => Column::UsagePlanIds,
        _ => {
            return Err(GatewayError::bad_request(format!("Invalid API key file: unknown column '{name}'")));
        }
    })
}

fn listed(columns: &[Column], fields: Vec<String>, line: usize) -> Result<ListedKey> {
    if fields.len() != columns.len() {
        return Err(GatewayError::bad_request(format!(
            "Invalid API key file: line {line} has {} fields and {} columns",
            fields.len(),
            columns.len()
        )));
    }
    // A key is on unless its line says otherwise.
    let mut key = ListedKey { enabled: true, ..ListedKey::default() };
    for (column, field) in columns.iter().zip(fields) {
        match column {
            Column::Name => key.name = field,
            Column::Key => key.value = field,
            Column::Description => key.description = Some(field).filter(|field| !field.is_empty()),
            Column::Enabled => {
                key.enabled = field.trim().is_empty() || field.trim().eq_ignore_ascii_case("true")
            }
            Column::UsagePlanIds => {
                let ids = field.split(',').map(str::trim).filter(|id| !id.is_empty());
                key.plans = ids.map(str::to_owned).collect();
            }
        }
    }
    Ok(key)
}

/// Lines of fields; empty lines are passed over.
fn lines(text: &str) -> Result<Vec<Vec<String>>> {
    let (mut lines, mut fields, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut chars = text.chars().peekable();
    let mut quoted = false;
    while let Some(char) = chars.next() {
        match char {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                fields.push(std::mem::take(&mut field));
                lines.push(std::mem::take(&mut fields));
            }
            other => field.push(other),
        }
    }
    if quoted {
        return Err(GatewayError::bad_request("Invalid API key file: a quote is not closed"));
    }
    fields.push(field);
    lines.push(fields);
    lines.retain(|fields| fields.iter().any(|field| !field.is_empty()));
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: Expect) {
        let shown = match parse(text) {
            Ok(keys) => keys.iter().map(|key| format!("{key:?}\n")).collect(),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn lists_are_read() {
        check(
            "Name,key,description,Enabled,usageplanIds\nA,apikey1,An imported key,TRUE,\"p1, p2\"\r\n\n\"B \"\"b\"\"\",k2,,FALSE,",
            expect![[r#"
                ListedKey { name: "A", value: "apikey1", description: Some("An imported key"), enabled: true, plans: ["p1", "p2"] }
                ListedKey { name: "B \"b\"", value: "k2", description: None, enabled: false, plans: [] }
            "#]],
        );
        check(
            "key,name\nk,n\n",
            expect![[r#"
            ListedKey { name: "n", value: "k", description: None, enabled: true, plans: [] }
        "#]],
        );
        check("", expect!["Invalid API key file: the column 'name' is required"]);
        check("name\nx", expect!["Invalid API key file: the column 'key' is required"]);
        check("name,key,colour\n", expect!["Invalid API key file: unknown column 'colour'"]);
        check("name,key\nx", expect!["Invalid API key file: line 2 has 1 fields and 2 columns"]);
        check("name,key\n\"x,y", expect!["Invalid API key file: a quote is not closed"]);
    }
}
