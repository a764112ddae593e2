//! SearchVectors: exact. Every vector that the condition leaves is looked at, a page at a time.

use api::dynamodb::{
    ReturnConsumedCapacity, SearchResultItem, SearchVectorsInput, SearchVectorsOutput, VectorCapacity,
};
use base::Cx;
use bytes::Bytes;
use expr::{KeyCondition, Placeholders, Projection};
use item::{Item, Value, codec};
use store::{KeyRange, ScanOptions};

use crate::asked::Maps;
use crate::capacity::{is_told, vector_bytes};
use crate::error::{Error, Result};
use crate::request::{Envelope, Kinds};
use crate::table::{Index, Table};
use crate::vector::{Vector, float};
use crate::{DynamoDb, layout, record};

const TOP_MAX: usize = 100;

/// A search, held against its index.
#[derive(Debug)]
struct Search<'a> {
    index: &'a Index,
    vector: &'a Vector,
    asked: Vec<f32>,
    top: usize,
    /// What attributes must equal.
    wanted: Vec<(String, Value)>,
}

/// An entry that may be among the nearest.
#[derive(Debug)]
struct Candidate {
    score: f64,
    entry: Bytes,
}

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: SearchVectorsInput) -> Result<SearchVectorsOutput> {
    let top = usize::try_from(input.top_k).ok().filter(|top| *top <= TOP_MAX).ok_or_else(|| {
        Error::invalid(format!(
            "Provided TopK value '{}' is out of valid range. The value must be between 1 and {TOP_MAX} inclusive",
            input.top_k
        ))
    })?;
    let asked: Option<Vec<f32>> = input.search_vector.iter().map(float).collect();
    let asked = asked.ok_or_else(|| {
        Error::invalid(
            "Search vector contains invalid values. All values in the search vector must be a 32-bit floating-point \
             number attribute",
        )
    })?;
    let (condition, projection) = parse(&input)?;
    let table = db.table(cx, &input.table_name).await?;
    let (index, vector) = index_of(&table, &input.index_name)?;
    if asked.len() != vector.dimensions as usize {
        return Err(Error::invalid(format!(
            "Input search vector dimension {} does not match vector index dimension {}",
            asked.len(),
            vector.dimensions
        )));
    }
    let wanted = equalities(index, vector, condition)?;
    let search = Search { index, vector, asked, top, wanted };
    let (found, bytes) = search.run(db, &table).await?;
    let shown = found.into_iter().map(|candidate| search.show(candidate, projection.as_ref()));
    Ok(SearchVectorsOutput {
        search_results: Some(shown.collect::<Result<_>>()?),
        consumed_capacity: capacity(bytes, input.return_consumed_capacity),
    })
}

fn parse(input: &SearchVectorsInput) -> Result<(Option<KeyCondition>, Option<Projection>)> {
    let refuse = |error| Envelope::Bare.refuse(error);
    let (condition, projection) =
        (input.search_condition_expression.as_deref(), input.projection_expression.as_deref());
    let maps = Maps::new(&input.expression_attribute_names, &input.expression_attribute_values);
    Kinds::default()
        .expression("SearchConditionExpression", condition.is_some())
        .expression("ProjectionExpression", projection.is_some())
        .check(maps, Envelope::Bare)?;
    let mut placeholders = Placeholders::new(maps.names, maps.values).map_err(refuse)?;
    let condition = condition.map(|text| KeyCondition::parse_search(text, &mut placeholders)).transpose();
    let condition = condition.map_err(refuse)?;
    let projection = projection.map(|text| Projection::parse(text, &mut placeholders)).transpose();
    let projection = projection.map_err(refuse)?;
    placeholders.finish().map_err(refuse)?;
    Ok((condition, projection))
}

fn index_of<'t>(table: &'t Table, name: &str) -> Result<(&'t Index, &'t Vector)> {
    let found = table.index(name).filter(|index| !index.is_deleting() && index.phase.is_none());
    match found.and_then(|index| Some((index, index.vector.as_ref()?))) {
        Some((index, _)) if index.building => {
            Err(Error::invalid(format!("Cannot search backfilling vector index: {name}")))
        }
        Some(found) => Ok(found),
        None => Err(Error::invalid(format!("The table does not have the specified index: {name}"))),
    }
}

/// What `condition` asks of the attributes of the index's SearchSchema.
fn equalities(
    index: &Index,
    vector: &Vector,
    condition: Option<KeyCondition>,
) -> Result<Vec<(String, Value)>> {
    let missing =
        || Error::invalid("SearchConditionExpression must be provided when SearchSchema has a HASH key");
    let Some(condition) = condition else {
        return if index.key.hash.is_empty() { Ok(Vec::new()) } else { Err(missing()) };
    };
    let wanted = condition.equalities().map_err(|_| {
        Error::invalid(
            "Invalid SearchConditionExpression: Invalid comparator used in SearchConditionExpression",
        )
    })?;
    let known = |name: &str| index.key.has(name) || vector.filters.iter().any(|part| part.name == name);
    if let Some((name, _)) = wanted.iter().find(|(name, _)| !known(name)) {
        return Err(Error::invalid(format!(
            "SearchConditionExpression must not contain any attributes that is not in SearchSchema. Invalid \
             attribute: {name}"
        )));
    }
    let named = |name: &str| wanted.iter().any(|(wanted, _)| wanted == name);
    if index.key.hash.iter().all(|part| named(&part.name)) { Ok(wanted) } else { Err(missing()) }
}

impl Search<'_> {
    /// The nearest, the nearest first, and the bytes of the vectors that were looked at.
    async fn run(&self, db: &DynamoDb, table: &Table) -> Result<(Vec<Candidate>, usize)> {
        let mut nearest: Vec<Candidate> = Vec::new();
        let mut bytes = 0;
        let Some(mut range) = self.range(table) else { return Ok((nearest, bytes)) };
        loop {
            let page = db.store.scan(range.clone(), ScanOptions::default()).await?;
            for (_, entry) in page.entries {
                bytes += self.asked.len() * size_of::<f32>();
                if let Some(score) = self.score(&entry)? {
                    nearest.push(Candidate { score, entry });
                }
            }
            // Stable: of equally near ones the first in the order of the index stays.
            let farness = |candidate: &Candidate| self.vector.distance.farness(candidate.score);
            nearest.sort_by(|a, b| farness(a).total_cmp(&farness(b)));
            nearest.truncate(self.top);
            let Some(next) = page.next else { return Ok((nearest, bytes)) };
            range = range.resume(next, false);
            tokio::task::yield_now().await;
        }
    }

    /// The entries to look at: those of one partition if the index has such. None if there can be none.
    fn range(&self, table: &Table) -> Option<KeyRange> {
        let value =
            |name: &str| self.wanted.iter().find(|(wanted, _)| wanted == name).map(|(_, value)| value);
        let mut hash = Vec::with_capacity(self.index.key.hash.len());
        for part in &self.index.key.hash {
            hash.push(value(&part.name).filter(|value| part.kind.fits(value))?);
        }
        Some(KeyRange::prefix(layout::partition(table.id, self.index.number, hash).ok()?))
    }

    /// How near an entry is, unless the condition is against it.
    fn score(&self, entry: &[u8]) -> Result<Option<f64>> {
        let read = |name: &str| {
            name == self.vector.attribute || self.wanted.iter().any(|(wanted, _)| wanted == name)
        };
        let looked_at = codec::decode_some(entry, read).map_err(|error| Error::Corrupt(error.to_string()))?;
        let fits = self.wanted.iter().all(|(name, value)| looked_at.get(name) == Some(value));
        let kept = self.vector.kept(&looked_at).filter(|_| fits);
        Ok(kept.map(|kept| self.vector.distance.score(&self.asked, &kept)))
    }

    /// Without the vector, unless it is asked for.
    fn show(&self, candidate: Candidate, projection: Option<&Projection>) -> Result<SearchResultItem> {
        let entry: Item = record::decode(&candidate.entry)?;
        let wanted = projection.is_some_and(|projection| projection.wants(&self.vector.attribute));
        let kept = self.vector.kept(&entry).filter(|_| wanted);
        let item = self.vector.shown(entry, kept.as_deref());
        let item = projection.map_or_else(|| item.clone(), |projection| projection.apply(&item));
        Ok(SearchResultItem { item: Some(item), score: Some(candidate.score) })
    }
}

/// The same in total and by index.
fn capacity(bytes: usize, wanted: Option<ReturnConsumedCapacity>) -> Option<VectorCapacity> {
    is_told(wanted).then(|| VectorCapacity {
        vector_search_request_bytes: Some(vector_bytes(bytes)),
        vector_write_request_bytes: None,
    })
}
