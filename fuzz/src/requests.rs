//! The inputs of operations: any bytes are an input, a violation or a serialization error.

use api::dynamodb as shape;
use wire::Wording;
use wire::json::ReadJson;

const DEPTH_MAX: usize = 128;

fn read<T: ReadJson>(data: &[u8]) {
    for wording in [Wording::Newer, Wording::Older] {
        let _ = wire::json::document::<T>(data, DEPTH_MAX, wording);
    }
}

/// One input of each kind of shape; the first byte chooses.
const READERS: &[fn(&[u8])] = &[
    read::<shape::PutItemInput>,
    read::<shape::UpdateItemInput>,
    read::<shape::QueryInput>,
    read::<shape::ScanInput>,
    read::<shape::BatchWriteItemInput>,
    read::<shape::BatchGetItemInput>,
    read::<shape::TransactWriteItemsInput>,
    read::<shape::CreateTableInput>,
    read::<shape::UpdateTableInput>,
    read::<shape::ExecuteStatementInput>,
    read::<shape::ImportTableInput>,
];

pub(crate) fn request(data: &[u8]) {
    if let Some((first, body)) = data.split_first() {
        READERS[usize::from(*first) % READERS.len()](body);
    }
}
