//! Numbers, keys and items: their text, their order and their stored form.

use bytes::Bytes;
use item::{Item, KeyKind, Number, Place, Value, codec, key as key_codec};
use wire::Wording;
use wire::json::{ReadJson, WriteJson, Writer};

const DEPTH_MAX: usize = 128;

/// The text of a number is the number again; sums are exact, or refused.
pub(crate) fn number(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (left, right) = text.split_once(' ').unwrap_or((text, "1"));
    let (Ok(left), Ok(right)) = (Number::parse(left), Number::parse(right)) else { return };
    assert_eq!(Number::parse(left.text().as_str()).expect("its own text"), left);
    if let Ok(sum) = left.add(&right)
        && let Ok(back) = sum.sub(&right)
    {
        assert_eq!(back, left, "{text:?}");
    }
}

/// Keys sort as their values do, and give them back.
pub(crate) fn key(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let half = rest.len() / 2;
    let kind = [KeyKind::S, KeyKind::N, KeyKind::B][usize::from(kind % 3)];
    let (Some(left), Some(right)) = (value(kind, &rest[..half]), value(kind, &rest[half..])) else { return };
    for place in [Place::Inner, Place::Last] {
        let (mut one, mut other) = (Vec::new(), Vec::new());
        if key_codec::encode(&left, place, &mut one).is_err()
            || key_codec::encode(&right, place, &mut other).is_err()
        {
            continue;
        }
        assert_eq!(one.cmp(&other), order(&left, &right), "{left:?} {right:?}");
        let (back, _) = key_codec::decode(kind, place, &one).expect("what was just encoded");
        assert_eq!(back, left);
    }
    // Bytes that nobody encoded are refused, not believed.
    let _ = key_codec::decode(kind, Place::Inner, rest);
    let _ = key_codec::decode(kind, Place::Last, rest);
}

fn value(kind: KeyKind, bytes: &[u8]) -> Option<Value> {
    match kind {
        KeyKind::B => Some(Value::B(Bytes::copy_from_slice(bytes))),
        KeyKind::S => Some(Value::from(std::str::from_utf8(bytes).ok()?)),
        KeyKind::N => Some(Value::N(Number::parse(std::str::from_utf8(bytes).ok()?).ok()?)),
    }
}

fn order(left: &Value, right: &Value) -> std::cmp::Ordering {
    match (left, right) {
        (Value::N(left), Value::N(right)) => left.cmp(right),
        (Value::S(left), Value::S(right)) => left.as_bytes().cmp(right.as_bytes()),
        (Value::B(left), Value::B(right)) => left.cmp(right),
        _ => unreachable!("both are of one kind"),
    }
}

/// Stored bytes are an item or are refused; all ways of reading them agree.
pub(crate) fn stored_item(data: &[u8]) {
    let Ok(item) = codec::decode(data) else { return };
    let _ = codec::check(data);
    let again = codec::encode(&item);
    assert_eq!(codec::decode(&again).expect("an item of ours"), item);
    assert_eq!(codec::size(&again).expect("an item of ours"), item.size());
    let (mut direct, mut built) = (Writer::new(), Writer::new());
    codec::write_json(&again, &mut direct).expect("an item of ours");
    item.write_json(&mut built);
    assert_eq!(direct.into_vec(), built.into_vec());
    for (name, value) in item.iter() {
        assert_eq!(codec::get(&again, name).expect("an item of ours").as_ref(), Some(value));
    }
}

/// An item that was read is written as JSON that reads the same, and stored without loss.
pub(crate) fn item_json(data: &[u8]) {
    let Ok(item) = read::<Item>(data) else { return };
    let mut writer = Writer::new();
    item.write_json(&mut writer);
    assert_eq!(read::<Item>(&writer.into_vec()).expect("JSON of ours"), item);
    assert_eq!(codec::decode(&codec::encode(&item)).expect("an item of ours"), item);
    let _ = (item.size_check(), item::depth_check(&item));
}

fn read<T: ReadJson>(data: &[u8]) -> Result<T, wire::Refusal> {
    wire::json::document::<T>(data, DEPTH_MAX, Wording::Newer)
}
