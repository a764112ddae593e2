//! Numbers of JSON at their whole precision: how they compare and whether one is a multiple of another. The cost is
//! bounded by their digits, however large their exponents are. Knows text alone.

use std::cmp::Ordering;

/// `0.DIGITS * 10^exponent`, without zeros at either end; no digits for zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    /// Of a number as JSON writes it.
    pub(super) fn parse(text: &str) -> Self {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all: Vec<u8> =
            whole.bytes().chain(fraction.bytes()).map(|byte| byte.wrapping_sub(b'0')).collect();
        let zeros = all.iter().take_while(|digit| **digit == 0).count();
        let end = all.iter().rposition(|digit| *digit != 0).map_or(zeros, |last| last + 1);
        let digits = all.get(zeros..end).unwrap_or_default().to_vec();
        if digits.is_empty() {
            return Self { negative: false, digits, exponent: 0 };
        }
        let limit = if power.starts_with('-') { i64::MIN / 4 } else { i64::MAX / 4 };
        let power = power.trim_start_matches('+').parse().unwrap_or(limit).clamp(i64::MIN / 4, i64::MAX / 4);
        let shift = i64::try_from(whole.len()).unwrap_or(0) - i64::try_from(zeros).unwrap_or(0);
        Self { negative, digits, exponent: power + shift }
    }

    /// The same text for the same number.
    pub(super) fn canonical(&self) -> String {
        let digits: String = self.digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        format!("{}{digits}e{}", if self.negative { "-" } else { "" }, self.exponent)
    }

    pub(super) fn is_positive(&self) -> bool {
        !self.negative && !self.digits.is_empty()
    }

    /// None where neither is known: the divisor has more digits than a machine number.
    pub(super) fn is_multiple_of(&self, divisor: &Self) -> Option<bool> {
        if self.digits.is_empty() {
            return Some(true);
        }
        // Both as whole numbers of the smaller unit.
        let unit = |number: &Self| number.exponent - i64::try_from(number.digits.len()).unwrap_or(0);
        let gap = unit(self) - unit(divisor);
        let mut modulus = 0_u128;
        for digit in &divisor.digits {
            modulus = modulus.checked_mul(10)?.checked_add(u128::from(*digit))?;
        }
        if modulus == 0 {
            return None;
        }
        for _ in gap..0 {
            modulus = match modulus.checked_mul(10) {
                Some(larger) => larger,
                // Larger than a number of so few digits.
                None if self.digits.len() <= 38 => return Some(false),
                None => return None,
            };
        }
        let step =
            |rest: u128, digit: u8| Some(rest.checked_mul(10)?.checked_add(u128::from(digit))? % modulus);
        let mut rest = 0;
        for digit in &self.digits {
            rest = step(rest, *digit)?;
        }
        // Ten has the prime factors 2 and 5, of which the modulus has less than 128 each: further zeros change nothing.
        for _ in 0..gap.clamp(0, 128) {
            rest = step(rest, 0)?;
        }
        Some(rest == 0)
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| match (number.digits.is_empty(), number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let size = || self.exponent.cmp(&other.exponent).then_with(|| self.digits.cmp(&other.digits));
        sign(self).cmp(&sign(other)).then_with(|| match sign(self) {
            0 => Ordering::Equal,
            1 => size(),
            _ => size().reverse(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare() {
        let rising = [
            "-1e400", "-12", "-2", "-0.5", "0", "1e-400", "0.05", "0.5", "1", "1.5", "2", "10", "12", "1e400",
        ];
        for (at, a) in rising.iter().enumerate() {
            for (other, b) in rising.iter().enumerate() {
                assert_eq!(Decimal::parse(a).cmp(&Decimal::parse(b)), at.cmp(&other), "{a} {b}");
            }
        }
        for (a, b) in
            [("1", "1.0"), ("100", "1e2"), ("0.001", "1E-3"), ("-0", "0.0"), ("0e99999999999999999999", "0")]
        {
            assert_eq!(Decimal::parse(a), Decimal::parse(b), "{a} {b}");
            assert_eq!(Decimal::parse(a).canonical(), Decimal::parse(b).canonical());
        }
    }

    #[test]
    fn numbers_divide() {
        for (number, divisor, wanted) in [
            ("10", "2", Some(true)),
            ("7", "2", Some(false)),
            ("0", "7", Some(true)),
            ("0.3", "0.1", Some(true)),
            ("4.5", "1.5", Some(true)),
            ("4.6", "1.5", Some(false)),
            ("0.0075", "0.0001", Some(true)),
            ("0.00751", "0.0001", Some(false)),
            ("1e999999999999", "3", Some(false)),
            ("3e999999999999", "3", Some(true)),
            ("1e999999999999", "1024", Some(true)),
            ("1", "1e999999999999", Some(false)),
            ("123456789012345678901234567890", "10", Some(true)),
            ("1", "123456789012345678901234567890123456789012", None),
        ] {
            assert_eq!(
                Decimal::parse(number).is_multiple_of(&Decimal::parse(divisor)),
                wanted,
                "{number} {divisor}"
            );
        }
    }
}
