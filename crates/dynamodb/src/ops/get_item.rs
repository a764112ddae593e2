//! GetItem. What is not projected goes from the store to the wire unbuilt.

use api::dynamodb::{GetItemInput, GetItemOutput};
use base::Cx;
use bytes::Bytes;
use expr::Projection;
use item::Image;

use crate::asked::AskedRead;
use crate::capacity::{Tally, read_units};
use crate::error::{Error, Result};
use crate::request::check_projection;
use crate::throttle::Way;
use crate::{DynamoDb, write};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: GetItemInput) -> Result<GetItemOutput> {
    let projection = AskedRead::from(&input).parse()?.projection;
    let table = db.table(cx, &input.table_name).await?;
    check_projection(projection.as_ref(), &table, None)?;
    let key = write::request_key(&table, &input.key)?;

    let admission = db.admission();
    admission.check(&table, None, Way::Read)?;
    let found = db.store.get(&key).await?;
    let image = found.map(|entry| stored(entry.value)).transpose()?;
    let size = image.as_ref().map_or(0, Image::size);
    let tally = Tally::of_table(read_units(size, input.consistent_read.unwrap_or(false)));
    admission.charge(&table, Way::Read, &tally);
    tally.record(&cx.trace);
    Ok(GetItemOutput {
        item: image.map(|image| projected(image, projection.as_ref())).transpose()?,
        consumed_capacity: tally.told(&table, &input.table_name, input.return_consumed_capacity),
    })
}

pub(crate) fn stored(value: Bytes) -> Result<Image> {
    Image::stored(value).map_err(|error| Error::Corrupt(error.to_string()))
}

pub(crate) fn projected(image: Image, projection: Option<&Projection>) -> Result<Image> {
    let Some(projection) = projection else { return Ok(image) };
    let item = match &image {
        Image::Item(item) => projection.apply(item),
        Image::Stored(stored) => {
            let part = projection.apply_stored(stored.bytes());
            part.map_err(|error| Error::Corrupt(error.to_string()))?
        }
    };
    Ok(item.into())
}
