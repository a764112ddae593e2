//! Brings official models into `models/`: takes the documentation out, keeps the rest as it is.

use std::path::Path;

use anyhow::Context;

use super::ordered::{Json, Ordered};

/// Reads `<service>.json` of each service from `from` and writes it to `models/`, stripped and compact.
pub(crate) fn import_models(from: &Path) -> anyhow::Result<()> {
    for (service, _) in super::SERVICES {
        let name = format!("{service}.json");
        let path = from.join(&name);
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let mut model: Json = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        strip(&mut model);
        let mut text = lines(&model)?;
        text.push('\n');
        std::fs::write(crate::shell::root().join("models").join(&name), text)?;
    }
    Ok(())
}

/// Removes `documentation` wherever it is text (a shape or member may have the name), and what only documentation needs.
fn strip(value: &mut Json) {
    match value {
        Json::Object(Ordered(entries)) => {
            entries.retain(|(key, value)| {
                !(matches!(key.as_str(), "documentation" | "examples") && is_text(value))
            });
            entries.iter_mut().for_each(|(_, value)| strip(value));
        }
        Json::Array(list) => list.iter_mut().for_each(strip),
        Json::Scalar(_) => {}
    }
}

fn is_text(value: &Json) -> bool {
    matches!(value, Json::Scalar(scalar) if scalar.is_string())
}

/// One operation or shape a line, so that a new version's difference can be read.
fn lines(model: &Json) -> anyhow::Result<String> {
    let Json::Object(Ordered(model)) = model else { anyhow::bail!("a model is an object") };
    let mut sections = Vec::new();
    for (section, value) in model {
        let text = match value {
            Json::Object(Ordered(entries)) if matches!(section.as_str(), "operations" | "shapes") => {
                let mut rows = Vec::new();
                for (name, entry) in entries {
                    rows.push(format!("{}:{}", serde_json::to_string(name)?, serde_json::to_string(entry)?));
                }
                format!("{{\n{}\n}}", rows.join(",\n"))
            }
            _ => serde_json::to_string(value)?,
        };
        sections.push(format!("{}:{text}", serde_json::to_string(section)?));
    }
    Ok(format!("{{\n{}\n}}", sections.join(",\n")))
}
