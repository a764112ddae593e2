//! The table and the JSON of a run.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use crate::load::Measured;

#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
    notes: Vec<(String, String)>,
}

/// What a figure is held against.
#[derive(Debug, Clone, Default)]
pub(crate) struct Beside {
    /// What the machine could do at all, in the same run.
    pub(crate) ceiling: Option<Measured>,
    /// What is to be reached.
    pub(crate) mark: Option<Mark>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Mark {
    PerSecond(f64),
    /// Microseconds that half of all calls take at most.
    P50(f64),
}

impl Mark {
    /// The figure, and the share of it that was reached: 1 or more is well.
    fn beside(self, measured: &Measured) -> (String, f64) {
        match self {
            Self::PerSecond(mark) => (format!("{mark:.0}"), measured.per_second / mark),
            Self::P50(mark) => (format!("{mark:.0}us"), mark / measured.p50_us.max(0.001)),
        }
    }
}

#[derive(Debug)]
struct Row {
    name: String,
    measured: Measured,
    beside: Beside,
}

impl Report {
    pub(crate) fn add(&mut self, name: impl Into<String>, measured: Measured, beside: Beside) {
        let row = Row { name: name.into(), measured, beside };
        eprintln!("{}", row.line());
        self.rows.push(row);
    }

    /// What is not operations a second.
    pub(crate) fn note(&mut self, name: &str, text: &str) {
        eprintln!("{name:<34} {text}");
        self.notes.push((name.to_owned(), text.to_owned()));
    }

    pub(crate) fn print(&self) {
        let mut out = std::io::stdout().lock();
        let head = format!(
            "{:<34} {:>9} {:>9} {:>9} {:>6} {:>8} {:>10} {:>6} {:>8} {:>6}",
            "", "ops/s", "p50 us", "p99 us", "99/50", "cpu us", "ceiling/s", "share", "mark", "of it"
        );
        let _ = writeln!(out, "{head}");
        for row in &self.rows {
            let _ = writeln!(out, "{}", row.line());
        }
        for (name, text) in &self.notes {
            let _ = writeln!(out, "{name:<34} {text}");
        }
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let notes = self.notes.iter().map(|(name, text)| json!({"name": name, "note": text}));
        let rows: Vec<Value> = self.rows.iter().map(Row::json).chain(notes).collect();
        Ok(std::fs::write(path, serde_json::to_vec_pretty(&rows)?)?)
    }
}

impl Row {
    fn line(&self) -> String {
        let Measured { per_second, p50_us, p99_us, cpu_us } = &self.measured;
        let share = |of: Option<f64>| of.map_or(String::new(), |of| format!("{:.2}", per_second / of));
        let whole = |figure: Option<f64>| figure.map_or(String::new(), |figure| format!("{figure:.0}"));
        let cpu = cpu_us.map_or(String::new(), |us| format!("{us:.1}"));
        let ceiling = self.beside.ceiling.as_ref().map(|ceiling| ceiling.per_second);
        let (mark, reached) = match self.beside.mark.map(|mark| mark.beside(&self.measured)) {
            Some((mark, reached)) => (mark, format!("{reached:.2}")),
            None => Default::default(),
        };
        format!(
            "{:<34} {per_second:>9.0} {p50_us:>9.1} {p99_us:>9.1} {:>6.1} {cpu:>8} {:>10} {:>6} {:>8} {:>6}",
            self.name,
            p99_us / p50_us.max(0.001),
            whole(ceiling),
            share(ceiling),
            mark,
            reached,
        )
    }

    fn json(&self) -> Value {
        let figures = |m: &Measured| json!({"per_second": m.per_second, "p50_us": m.p50_us, "p99_us": m.p99_us, "cpu_us": m.cpu_us});
        json!({
            "name": self.name,
            "measured": figures(&self.measured),
            "ceiling": self.beside.ceiling.as_ref().map(figures),
            "mark": self.beside.mark.map(|mark| match mark {
                Mark::PerSecond(per_second) => json!({"per_second": per_second}),
                Mark::P50(us) => json!({"p50_us": us}),
            }),
        })
    }
}
