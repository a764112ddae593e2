//! GetItem. What is not projected goes from the store to the wire unbuilt.

use api::dynamodb::{GetItemInput, GetItemOutput};
use base::Cx;
use bytes::Bytes;
use expr::{Placeholders, Projection};
use item::Image;

use crate::capacity::{Tally, read_units};
use crate::error::{Error, Result};
use crate::request::{Envelope, Kinds, Maps, check_projection, parse_projection};
use crate::{DynamoDb, write};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: GetItemInput) -> Result<GetItemOutput> {
    let projection = projection(&input)?;
    let table = db.table(cx, &input.table_name).await?;
    check_projection(projection.as_ref(), &table, None)?;
    let key = write::request_key(&table, &input.key)?;

    let found = db.store.get(&key).await?;
    let image = found.map(|entry| stored(entry.value)).transpose()?;
    let size = image.as_ref().map_or(0, Image::size);
    let tally = Tally::of_table(read_units(size, input.consistent_read.unwrap_or(false)));
    Ok(GetItemOutput {
        item: image.map(|image| projected(image, projection.as_ref())).transpose()?,
        consumed_capacity: tally.told(&table, &input.table_name, input.return_consumed_capacity),
    })
}

fn projection(input: &GetItemInput) -> Result<Option<Projection>> {
    let maps = Maps { names: input.expression_attribute_names.as_ref(), values: None };
    Kinds::default()
        .expression("ProjectionExpression", input.projection_expression.is_some())
        .parameter("AttributesToGet", input.attributes_to_get.is_some())
        .check(maps, Envelope::Bare)?;
    let refuse = |error| Envelope::Bare.refuse(error);
    let mut placeholders = Placeholders::new(maps.names, None).map_err(refuse)?;
    let (expression, names) = (input.projection_expression.as_deref(), input.attributes_to_get.as_deref());
    let projection = parse_projection(expression, names, &mut placeholders, Envelope::Bare)?;
    placeholders.finish().map_err(refuse)?;
    Ok(projection)
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
