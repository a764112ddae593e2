//! Vector indexes: which items have a vector, what the index keeps of them, and how near two vectors are. Entries lie
//! among those of the other indexes; they keep the vector as 32-bit floats. Pure; knows no request and no store.

use item::{Item, Number, Value};
use minicbor::{Decode, Encode};

use crate::error::{Error, Result};
use crate::table::{Index, KeyPart, Table};

/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/> (vector indexes)
pub(crate) const DIMENSIONS_MAX: i64 = 4096;

/// What an index of vectors has beside its name, key and projection. Its key is what a search must name (HASH), or empty.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Vector {
    #[n(0)]
    pub(crate) attribute: String,
    #[n(1)]
    pub(crate) dimensions: u32,
    #[n(2)]
    pub(crate) distance: Distance,
    /// What a search may name (INLINE_FILTER).
    #[n(3)]
    pub(crate) filters: Vec<KeyPart>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum Distance {
    #[n(0)]
    Cosine,
    #[n(1)]
    DotProduct,
    #[n(2)]
    Euclidean,
}

impl Distance {
    /// As AWS tells it: rounded through a 32-bit float.
    pub(crate) fn score(self, a: &[f32], b: &[f32]) -> f64 {
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        let score = match self {
            Self::DotProduct => dot(a, b),
            Self::Euclidean => {
                a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>().sqrt()
            }
            Self::Cosine => match (dot(a, a) * dot(b, b)).sqrt() {
                // A vector without a direction is as far from others as one at a right angle.
                0.0 => 1.0,
                lengths => 1.0 - dot(a, b) / lengths,
            },
        };
        f64::from(score as f32)
    }

    /// Smaller is nearer.
    pub(crate) fn farness(self, score: f64) -> f64 {
        if self == Self::DotProduct { -score } else { score }
    }
}

impl Vector {
    /// The vector of an item, if it has one of the right form.
    pub(crate) fn of(&self, item: &Item) -> Option<Vec<f32>> {
        let elements = item.get(&self.attribute)?.as_l()?;
        if elements.len() != self.dimensions as usize {
            return None;
        }
        elements.iter().map(float).collect()
    }

    /// The vector of an entry.
    pub(crate) fn kept(&self, entry: &Item) -> Option<Vec<f32>> {
        let bytes = entry.get(&self.attribute)?.as_b()?;
        Some(bytes.as_chunks().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect())
    }

    /// What is shown of an entry that has the vector `vector`, if that was asked for.
    pub(crate) fn shown(&self, mut entry: Item, vector: Option<&[f32]>) -> Item {
        entry.remove(&self.attribute);
        if let Some(vector) = vector {
            let number = |float: &f32| Number::parse(&float.to_string()).ok().map(Value::from);
            entry.insert(self.attribute.as_str(), Value::L(vector.iter().filter_map(number).collect()));
        }
        entry
    }

    /// Refuses a value that is no vector of this index.
    fn check(&self, index: &Index, item: &Item) -> Result<()> {
        let (attribute, name) = (&self.attribute, &index.name);
        let Some(value) = item.get(attribute) else { return Ok(()) };
        let refuse =
            |what: String| Err(Error::invalid(format!("One or more parameter values were invalid. {what}")));
        let Some(elements) = value.as_l() else {
            return refuse(format!(
                "Invalid type for parameter {attribute}, Expected: 32-bit floating point number list IndexName: \
                 {name}"
            ));
        };
        if elements.len() != self.dimensions as usize {
            return refuse(format!(
                "Invalid size for parameter {attribute}, Expected: {}, Actual: {} IndexName: {name}",
                self.dimensions,
                elements.len()
            ));
        }
        match elements.iter().enumerate().find(|(_, element)| float(element).is_none()) {
            Some((at, element)) => refuse(format!(
                "Invalid type for parameter {attribute}[{at}], Expected: 32-bit floating point number, Actual: {}. \
                 IndexName: {name}",
                element.kind().as_str()
            )),
            None => Ok(()),
        }
    }
}

/// A number that a 32-bit float can be.
pub(crate) fn float(value: &Value) -> Option<f32> {
    value.as_n()?.text().as_str().parse().ok().filter(|float: &f32| float.is_finite())
}

/// Refuses an item with something else where an index has its vectors. `written` says which attributes are looked at.
pub(crate) fn check(table: &Table, item: &Item, written: impl Fn(&str) -> bool) -> Result<()> {
    let vectors = table.kept_indexes().filter_map(|index| Some((index, index.vector.as_ref()?)));
    for (index, vector) in vectors.filter(|(_, vector)| written(&vector.attribute)) {
        vector.check(index, item)?;
    }
    Ok(())
}

/// What `index` keeps of `item`, which has a vector: its projection, what searches look at, and the vector as bytes.
pub(crate) fn entry(table: &Table, index: &Index, vector: &Vector, item: &Item) -> Item {
    let mut kept = item.clone();
    kept.retain(|name, _| index.projects(table, name) || vector.filters.iter().any(|part| part.name == name));
    let bytes =
        vector.of(item).unwrap_or_default().into_iter().flat_map(f32::to_le_bytes).collect::<Vec<u8>>();
    kept.insert(vector.attribute.as_str(), Value::B(bytes.into()));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_aws() {
        let (a, b, c, d) = ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.6, 0.8, 0.0]);
        let of = |distance: Distance| [a, b, c, d].map(|other| distance.score(&a, &other) as f32);
        for (distance, expected) in [
            (Distance::Cosine, [0.0, 1.0, 2.0, 0.4]),
            (Distance::Euclidean, [0.0, 2.0_f32.sqrt(), 2.0, 0.8_f32.sqrt()]),
            (Distance::DotProduct, [1.0, 0.0, -1.0, 0.6]),
        ] {
            let told = of(distance);
            assert!(
                told.iter().zip(expected).all(|(told, expected)| (told - expected).abs() < 1e-6),
                "{told:?}"
            );
        }
        assert_eq!(Distance::Cosine.score(&[0.3, 0.7, 0.1], &[0.3, 0.7, 0.1]), 0.0);
        assert_eq!(Distance::Cosine.score(&a, &[0.0; 3]), 1.0);
    }
}
