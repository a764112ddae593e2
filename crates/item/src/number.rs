//! DynamoDB's number: a decimal of up to 38 significant digits, exact. Knows no JSON.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// `±coefficient × 10^exponent`, in canonical form: the coefficient has at most 38 digits and does not end in
/// zero; zero is 0 × 10^0 and has no sign. So equal numbers have equal fields.
///
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Number {
    /// High and low half, because a `u128` would align every value to 16 bytes.
    coefficient: [u64; 2],
    exponent: i16,
    negative: bool,
}

/// Why a text or a result is not a number that DynamoDB holds. The messages are AWS's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    #[error("The parameter cannot be converted to a numeric value")]
    Empty,
    #[error("The parameter cannot be converted to a numeric value: {0}")]
    NotNumeric(String),
    #[error("Attempting to store more than 38 significant digits in a Number")]
    Digits,
    #[error("Number overflow. Attempting to store a number with magnitude larger than supported range")]
    Overflow,
    #[error("Number underflow. Attempting to store a number with magnitude smaller than supported range")]
    Underflow,
}

pub(crate) const DIGITS_MAX: u32 = 38;
/// Bounds of the exponent of the first digit: 1E-130 to 9.99E+125.
pub(crate) const LEADING_MIN: i32 = -130;
pub(crate) const LEADING_MAX: i32 = 125;
/// 10^38: every coefficient is less.
const COEFFICIENT_END: u128 = 10u128.pow(DIGITS_MAX);
/// Exponents are clamped here while reading; anything near it is out of range.
const EXPONENT_CLAMP: i64 = 1_000_000_000;

impl Number {
    pub const ZERO: Self = Self { coefficient: [0, 0], exponent: 0, negative: false };
    pub const ONE: Self = Self { coefficient: [0, 1], exponent: 0, negative: false };

    /// Reads every form that DynamoDB takes: sign, leading zeros, fraction, exponent.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        if let Some(small) = Self::parse_small(text.as_bytes()) {
            return Ok(small);
        }
        if text.is_empty() {
            return Err(NumberError::Empty);
        }
        Scan::read(text.as_bytes()).ok_or_else(|| NumberError::NotNumeric(text.to_owned()))?.finish()
    }

    /// Plain integers of up to 18 digits: almost all numbers.
    fn parse_small(text: &[u8]) -> Option<Self> {
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        if digits.is_empty() || digits.len() > 18 {
            return None;
        }
        let mut magnitude = 0u64;
        for digit in digits {
            let digit = digit.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            magnitude = magnitude * 10 + u64::from(digit);
        }
        Some(Self::small(magnitude, negative))
    }

    fn small(mut magnitude: u64, negative: bool) -> Self {
        if magnitude == 0 {
            return Self::ZERO;
        }
        let mut exponent = 0;
        while magnitude.is_multiple_of(10) {
            magnitude /= 10;
            exponent += 1;
        }
        Self { coefficient: [0, magnitude], exponent, negative }
    }

    /// The canonical form of a coefficient below 10^38, or why there is none.
    pub(crate) fn new(coefficient: u128, exponent: i32, negative: bool) -> Result<Self, NumberError> {
        if coefficient == 0 {
            return Ok(Self::ZERO);
        }
        // 20 digits around here are in range: almost all stored numbers.
        if let (Ok(small), -100..=100) = (u64::try_from(coefficient), exponent) {
            let number = Self::small(small, negative);
            return Ok(Self { exponent: number.exponent + exponent as i16, ..number });
        }
        let (coefficient, exponent) = strip_zeros(coefficient, exponent);
        if coefficient >= COEFFICIENT_END {
            return Err(NumberError::Digits);
        }
        let leading = exponent + digits_of(coefficient) as i32 - 1;
        if leading > LEADING_MAX {
            return Err(NumberError::Overflow);
        }
        if leading < LEADING_MIN {
            return Err(NumberError::Underflow);
        }
        let coefficient = [(coefficient >> 64) as u64, coefficient as u64];
        let exponent = i16::try_from(exponent).map_err(|_| NumberError::Overflow)?;
        Ok(Self { coefficient, exponent, negative })
    }

    pub fn coefficient(&self) -> u128 {
        (u128::from(self.coefficient[0]) << 64) | u128::from(self.coefficient[1])
    }

    /// The power of ten of the coefficient's last digit.
    pub fn exponent(&self) -> i32 {
        i32::from(self.exponent)
    }

    pub fn is_negative(&self) -> bool {
        self.negative
    }

    pub fn is_zero(&self) -> bool {
        self.coefficient == [0, 0]
    }

    /// Significant digits; zero has one.
    pub fn digits(&self) -> u32 {
        digits_of(self.coefficient())
    }

    /// The power of ten of the first digit.
    pub(crate) fn leading(&self) -> i32 {
        self.exponent() + self.digits() as i32 - 1
    }

    /// Exactly `self + other`.
    pub fn add(&self, other: &Self) -> Result<Self, NumberError> {
        if self.is_zero() {
            return Ok(*other);
        }
        if other.is_zero() {
            return Ok(*self);
        }
        let (high, low) = if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        // `low` ends in a digit that is not zero, below `high`'s last one, so it stays the sum's last digit. A
        // sum that must reach from there over more than 39 digits cannot lose enough of them to a borrow.
        let shift = (high.exponent - low.exponent) as u32;
        let raised = 10u128
            .checked_pow(shift)
            .and_then(|factor| high.coefficient().checked_mul(factor))
            .ok_or(NumberError::Digits)?;
        let (coefficient, negative) = if high.negative == low.negative {
            (raised.checked_add(low.coefficient()).ok_or(NumberError::Digits)?, high.negative)
        } else if raised >= low.coefficient() {
            (raised - low.coefficient(), high.negative)
        } else {
            (low.coefficient() - raised, low.negative)
        };
        Self::new(coefficient, low.exponent(), negative)
    }

    /// Exactly `self - other`.
    pub fn sub(&self, other: &Self) -> Result<Self, NumberError> {
        self.add(&other.negate())
    }

    #[must_use]
    pub fn negate(&self) -> Self {
        Self { negative: !self.negative && !self.is_zero(), ..*self }
    }

    /// The integer that this number is, if it is one and fits.
    pub fn as_i64(&self) -> Option<i64> {
        if self.exponent < 0 {
            return None;
        }
        let factor = 10u128.checked_pow(u32::try_from(self.exponent).ok()?)?;
        let magnitude = i128::try_from(self.coefficient().checked_mul(factor)?).ok()?;
        i64::try_from(if self.negative { -magnitude } else { magnitude }).ok()
    }

    /// What stands before the point, if it fits.
    pub fn whole(&self) -> Option<i64> {
        if self.exponent >= 0 {
            return self.as_i64();
        }
        // Beyond 38 digits nothing is left of any coefficient.
        let divisor = 10u128.checked_pow(u32::from(self.exponent.unsigned_abs()));
        let magnitude = divisor.map_or(0, |divisor| self.coefficient() / divisor);
        let magnitude = i128::try_from(magnitude).ok()?;
        i64::try_from(if self.negative { -magnitude } else { magnitude }).ok()
    }

    /// The text that DynamoDB answers: no exponent, no leading or trailing zeros. Allocates nothing.
    pub fn text(&self) -> NumberText {
        let mut text = NumberText { bytes: [b'0'; TEXT_MAX], len: 0 };
        if self.negative {
            text.push(b"-");
        }
        let mut buffer = [0; 40];
        let digits = digits_text(self.coefficient(), &mut buffer);
        let point = digits.len() as i32 + self.exponent();
        if self.exponent >= 0 {
            text.push(digits);
            text.push_zeros(self.exponent());
        } else if point > 0 {
            let (whole, fraction) = digits.split_at(point as usize);
            text.push(whole);
            text.push(b".");
            text.push(fraction);
        } else {
            text.push(b"0.");
            text.push_zeros(-point);
            text.push(digits);
        }
        text
    }

    fn cmp_magnitude(&self, other: &Self) -> Ordering {
        if self.exponent == other.exponent {
            return self.coefficient.cmp(&other.coefficient);
        }
        match (self.is_zero(), other.is_zero()) {
            (true, true) => return Ordering::Equal,
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            (false, false) => {}
        }
        // With the first digits in one place, both scale to the same last place within 38 digits.
        self.leading().cmp(&other.leading()).then_with(|| {
            let (a, b) = (self.coefficient(), other.coefficient());
            let shift = u32::from(self.exponent.abs_diff(other.exponent));
            if self.exponent > other.exponent {
                (a * 10u128.pow(shift)).cmp(&b)
            } else {
                a.cmp(&(b * 10u128.pow(shift)))
            }
        })
    }
}

/// The longest text: a minus, `0.`, 129 zeros and 38 digits.
const TEXT_MAX: usize = 170;

/// The text of a number, on the stack.
#[derive(Debug, Clone)]
pub struct NumberText {
    /// Zeros where nothing was written yet.
    bytes: [u8; TEXT_MAX],
    len: usize,
}

impl NumberText {
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).expect("a number is written in ASCII")
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn push_zeros(&mut self, count: i32) {
        self.len += usize::try_from(count).unwrap_or(0);
    }
}

/// What was read of a text so far.
#[derive(Default)]
struct Scan {
    coefficient: u128,
    digits: u32,
    /// Zeros since the last other digit: they count only when another digit follows.
    zeros: u32,
    exponent: i64,
    negative: bool,
    too_many: bool,
    /// Power of ten of the first digit that is not zero.
    seen: bool,
    leading: i64,
}

impl Scan {
    /// `[+-] digits [. digits] [(e|E) [+-] digits]` with a digit before or after the point.
    fn read(text: &[u8]) -> Option<Self> {
        let mut scan = Self::default();
        let (negative, text) = split_sign(text);
        scan.negative = negative;
        let whole = text.iter().take_while(|b| b.is_ascii_digit()).count();
        let mut rest = &text[whole..];
        let mut fraction: &[u8] = &[];
        if let [b'.', after @ ..] = rest {
            let len = after.iter().take_while(|b| b.is_ascii_digit()).count();
            fraction = &after[..len];
            rest = &after[len..];
        }
        if whole + fraction.len() == 0 {
            return None;
        }
        let power = match rest {
            [] => 0,
            [b'e' | b'E', after @ ..] => read_exponent(after)?,
            _ => return None,
        };
        for (index, digit) in text[..whole].iter().enumerate() {
            scan.push(*digit, (whole - 1 - index) as i64 + power);
        }
        for (index, digit) in fraction.iter().enumerate() {
            scan.push(*digit, power - 1 - index as i64);
        }
        Some(scan)
    }

    /// Takes a digit that stands at `place`, its power of ten.
    fn push(&mut self, digit: u8, place: i64) {
        if digit == b'0' {
            self.zeros += u32::from(self.seen);
            return;
        }
        if !self.seen {
            self.seen = true;
            self.leading = place;
        }
        let digits = self.digits + self.zeros + 1;
        if digits > DIGITS_MAX {
            self.too_many = true;
            return;
        }
        self.coefficient = self.coefficient * 10u128.pow(self.zeros + 1) + u128::from(digit - b'0');
        self.digits = digits;
        self.zeros = 0;
        self.exponent = place;
    }

    /// AWS looks at the magnitude before it counts digits.
    fn finish(self) -> Result<Number, NumberError> {
        if !self.seen {
            return Ok(Number::ZERO);
        }
        if self.leading > i64::from(LEADING_MAX) {
            return Err(NumberError::Overflow);
        }
        if self.leading < i64::from(LEADING_MIN) {
            return Err(NumberError::Underflow);
        }
        if self.too_many {
            return Err(NumberError::Digits);
        }
        let exponent = i32::try_from(self.exponent).map_err(|_| NumberError::Overflow)?;
        Number::new(self.coefficient, exponent, self.negative)
    }
}

fn split_sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    }
}

fn read_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = split_sign(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let magnitude =
        digits.iter().fold(0i64, |sum, digit| (sum * 10 + i64::from(digit - b'0')).min(EXPONENT_CLAMP));
    Some(if negative { -magnitude } else { magnitude })
}

fn strip_zeros(mut coefficient: u128, mut exponent: i32) -> (u128, i32) {
    while coefficient > u128::from(u64::MAX) && coefficient.is_multiple_of(10) {
        coefficient /= 10;
        exponent += 1;
    }
    if let Ok(mut small) = u64::try_from(coefficient) {
        while small.is_multiple_of(10) {
            small /= 10;
            exponent += 1;
        }
        return (u128::from(small), exponent);
    }
    (coefficient, exponent)
}

fn digits_of(coefficient: u128) -> u32 {
    coefficient.checked_ilog10().unwrap_or(0) + 1
}

/// The decimal digits of `coefficient`, in `buffer`.
fn digits_text(coefficient: u128, buffer: &mut [u8; 40]) -> &[u8] {
    const CHUNK: u128 = 10u128.pow(18);
    let mut at = buffer.len();
    let mut rest = coefficient;
    loop {
        let mut chunk = (rest % CHUNK) as u64;
        rest /= CHUNK;
        let end = at;
        while chunk != 0 || (rest != 0 && end - at < 18) {
            at -= 1;
            buffer[at] = b'0' + (chunk % 10) as u8;
            chunk /= 10;
        }
        if rest == 0 {
            break;
        }
    }
    if at == buffer.len() {
        at -= 1;
        buffer[at] = b'0';
    }
    &buffer[at..]
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.cmp_magnitude(other),
            (true, true) => other.cmp_magnitude(self),
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
        }
    }
}

impl From<i64> for Number {
    fn from(integer: i64) -> Self {
        Self::small(integer.unsigned_abs(), integer < 0)
    }
}

impl From<u32> for Number {
    fn from(integer: u32) -> Self {
        Self::small(u64::from(integer), false)
    }
}

impl From<usize> for Number {
    fn from(integer: usize) -> Self {
        Self::small(integer as u64, false)
    }
}

impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        Self::parse(text)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
