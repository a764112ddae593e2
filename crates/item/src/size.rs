//! What an item weighs against DynamoDB's limits and capacity units.
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>

use crate::{ITEM_BYTES_MAX, Item, Number, Value, ValueError};

/// A map or list itself; each of its elements adds [`ELEMENT`].
const CONTAINER: usize = 3;
const ELEMENT: usize = 1;

impl Item {
    /// Bytes of all names and values.
    pub fn size(&self) -> usize {
        self.as_slice().iter().map(|(name, value)| name.len() + value.size()).sum()
    }

    /// Refuses an item over 400 KB.
    pub fn size_check(&self) -> Result<(), ValueError> {
        if self.size() > ITEM_BYTES_MAX { Err(ValueError::ItemSize) } else { Ok(()) }
    }
}

impl Value {
    /// Bytes of the value without its name.
    pub fn size(&self) -> usize {
        match self {
            Self::S(text) => text.len(),
            Self::N(number) => number.size(),
            Self::B(bytes) => bytes.len(),
            Self::Bool(_) | Self::Null => 1,
            Self::M(item) => CONTAINER + item.size() + ELEMENT * item.len(),
            Self::L(list) => CONTAINER + list.iter().map(|element| ELEMENT + element.size()).sum::<usize>(),
            Self::Ss(members) => members.iter().map(String::len).sum(),
            Self::Ns(members) => members.iter().map(Number::size).sum(),
            Self::Bs(members) => members.iter().map(bytes::Bytes::len).sum(),
        }
    }
}

impl Number {
    /// A byte for every two digits, one for the exponent, one for a minus. Digits before and after the point are
    /// counted apart; zero has none (measured at the limit of 400 KB; the guide says less).
    pub fn size(&self) -> usize {
        if self.is_zero() {
            return 1;
        }
        let digits = self.digits() as usize;
        let behind = usize::try_from(-self.exponent()).unwrap_or(0);
        let halves = match digits.checked_sub(behind) {
            Some(before) if before > 0 => before.div_ceil(2) + behind.div_ceil(2),
            _ => digits.div_ceil(2),
        };
        halves + 1 + usize::from(self.is_negative())
    }
}
