//! Random values that are the same on every run.

use bytes::Bytes;
use item::{Item, Number, Value};

/// Xorshift: good enough to vary tests, and every run repeats it.
pub(crate) struct Seeded(u64);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() >> 11) as usize % end
    }

    pub(crate) fn text(&mut self, len_end: usize) -> String {
        const LETTERS: [char; 12] =
            ['\0', '\u{1}', 'a', 'b', 'Z', '~', '\u{7f}', 'é', '\u{ffff}', '한', '🦀', '"'];
        (0..self.below(len_end)).map(|_| LETTERS[self.below(LETTERS.len())]).collect()
    }

    pub(crate) fn bytes(&mut self, len_end: usize) -> Bytes {
        const BYTES: [u8; 6] = [0, 1, 2, 0x7f, 0xfe, 0xff];
        (0..self.below(len_end)).map(|_| BYTES[self.below(BYTES.len())]).collect()
    }

    /// The text of a number: up to `digits` digits, an exponent among those that fit.
    pub(crate) fn number_text(&mut self, digits: usize) -> String {
        let len = 1 + self.below(digits);
        let mut text = if self.below(2) == 0 { "-".to_owned() } else { String::new() };
        for _ in 0..len {
            // Runs of zeros and nines find the borrow and carry cases.
            text.push(['0', '9', '1', '5', char::from(b'0' + self.below(10) as u8)][self.below(5)]);
        }
        let exponent = match self.below(4) {
            0 => 0,
            1 => self.below(20) as i32 - 10,
            _ => self.below(200) as i32 - 110,
        };
        format!("{text}E{exponent}")
    }

    pub(crate) fn number(&mut self) -> Number {
        loop {
            if let Ok(number) = Number::parse(&self.number_text(38)) {
                return number;
            }
        }
    }

    pub(crate) fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 8 } else { 10 }) {
            0 => Value::S(self.text(40)),
            1 => Value::N(self.number()),
            2 => Value::B(self.bytes(40)),
            3 => Value::Bool(self.below(2) == 0),
            4 => Value::Null,
            5 => Value::Ss((0..=self.below(5)).map(|i| format!("{i}{}", self.text(5))).collect()),
            6 => Value::Ns((0..=self.below(5)).map(|i| Number::from(i * 10)).collect()),
            7 => Value::Bs((0..=self.below(5)).map(|i| Bytes::from(vec![i as u8, 0xff])).collect()),
            8 => Value::M(self.item(depth - 1)),
            _ => Value::L((0..self.below(5)).map(|_| self.value(depth - 1)).collect()),
        }
    }

    pub(crate) fn item(&mut self, depth: usize) -> Item {
        (0..self.below(6)).map(|_| (self.text(30), self.value(depth))).collect()
    }
}
