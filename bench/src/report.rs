//! The table and the JSON of a run.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use crate::load::Measured;

#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    name: String,
    measured: Measured,
    ceiling: Option<Measured>,
}

impl Report {
    pub(crate) fn add(&mut self, name: impl Into<String>, measured: Measured, ceiling: Option<Measured>) {
        let row = Row { name: name.into(), measured, ceiling };
        eprintln!("{}", row.line());
        self.rows.push(row);
    }

    pub(crate) fn print(&self) {
        let mut out = std::io::stdout().lock();
        let head = format!(
            "{:<34} {:>10} {:>10} {:>10} {:>9} {:>11} {:>7}",
            "", "ops/s", "p50 us", "p99 us", "cpu us", "ceiling/s", "share"
        );
        let _ = writeln!(out, "{head}");
        for row in &self.rows {
            let _ = writeln!(out, "{}", row.line());
        }
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        Ok(std::fs::write(path, serde_json::to_vec_pretty(&rows)?)?)
    }
}

impl Row {
    fn line(&self) -> String {
        let Measured { per_second, p50_us, p99_us, cpu_us } = &self.measured;
        let cpu = cpu_us.map_or(String::new(), |us| format!("{us:.1}"));
        let (ceiling, share) = self.ceiling.as_ref().map_or((String::new(), String::new()), |ceiling| {
            (format!("{:.0}", ceiling.per_second), format!("{:.2}", per_second / ceiling.per_second))
        });
        format!(
            "{:<34} {per_second:>10.0} {p50_us:>10.1} {p99_us:>10.1} {cpu:>9} {ceiling:>11} {share:>7}",
            self.name
        )
    }

    fn json(&self) -> Value {
        let figures = |m: &Measured| json!({"per_second": m.per_second, "p50_us": m.p50_us, "p99_us": m.p99_us, "cpu_us": m.cpu_us});
        json!({"name": self.name, "measured": figures(&self.measured), "ceiling": self.ceiling.as_ref().map(figures)})
    }
}
