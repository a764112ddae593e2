//! Numbers of 38 digits: text, order and exact arithmetic.

use std::cmp::Ordering;

use item::Number;

use crate::seeded::Seeded;

const NINES_38: &str = "99999999999999999999999999999999999999";

#[test]
fn reads_what_dynamodb_reads_and_prints_what_it_prints() {
    let zeros = |n: usize| "0".repeat(n);
    let cases: Vec<(String, Result<String, &str>)> = vec![
        ("0".into(), Ok("0".into())),
        ("-0".into(), Ok("0".into())),
        ("-0.00e7".into(), Ok("0".into())),
        ("+1".into(), Ok("1".into())),
        ("1e5".into(), Ok("100000".into())),
        ("1E+5".into(), Ok("100000".into())),
        ("0.10".into(), Ok("0.1".into())),
        ("000123.4500".into(), Ok("123.45".into())),
        (".5".into(), Ok("0.5".into())),
        ("5.".into(), Ok("5".into())),
        ("1000".into(), Ok("1000".into())),
        ("-12.30e-3".into(), Ok("-0.0123".into())),
        ("9223372036854775807".into(), Ok("9223372036854775807".into())),
        ("123456789012345678901234567890".into(), Ok("123456789012345678901234567890".into())),
        (NINES_38.into(), Ok(NINES_38.into())),
        (format!("{NINES_38}000"), Ok(format!("{NINES_38}000"))),
        (format!("{}1{}", zeros(60), zeros(100)), Ok(format!("1{}", zeros(100)))),
        (format!("1.{}e0", zeros(200)), Ok("1".into())),
        ("1e125".into(), Ok(format!("1{}", zeros(125)))),
        ("9.9999999999999999999999999999999999999E+125".into(), Ok(format!("{NINES_38}{}", zeros(88)))),
        ("1e-130".into(), Ok(format!("0.{}1", zeros(129)))),
        ("0.0000001e-123".into(), Ok(format!("0.{}1", zeros(129)))),
        (
            "1e126".into(),
            Err("Number overflow. Attempting to store a number with magnitude larger than supported range"),
        ),
        (
            "-1e999999999999".into(),
            Err("Number overflow. Attempting to store a number with magnitude larger than supported range"),
        ),
        (
            "1e-131".into(),
            Err("Number underflow. Attempting to store a number with magnitude smaller than supported range"),
        ),
        (format!("{NINES_38}9"), Err("Attempting to store more than 38 significant digits in a Number")),
        (format!("1.{}1", zeros(37)), Err("Attempting to store more than 38 significant digits in a Number")),
        ("".into(), Err("The parameter cannot be converted to a numeric value")),
        ("abc".into(), Err("The parameter cannot be converted to a numeric value: abc")),
        (" 1".into(), Err("The parameter cannot be converted to a numeric value:  1")),
        ("1 ".into(), Err("The parameter cannot be converted to a numeric value: 1 ")),
        ("1e".into(), Err("The parameter cannot be converted to a numeric value: 1e")),
        ("1e+".into(), Err("The parameter cannot be converted to a numeric value: 1e+")),
        ("--1".into(), Err("The parameter cannot be converted to a numeric value: --1")),
        (".".into(), Err("The parameter cannot be converted to a numeric value: .")),
        ("-".into(), Err("The parameter cannot be converted to a numeric value: -")),
        ("1.2.3".into(), Err("The parameter cannot be converted to a numeric value: 1.2.3")),
        ("NaN".into(), Err("The parameter cannot be converted to a numeric value: NaN")),
        ("Infinity".into(), Err("The parameter cannot be converted to a numeric value: Infinity")),
        ("0x10".into(), Err("The parameter cannot be converted to a numeric value: 0x10")),
        ("1_000".into(), Err("The parameter cannot be converted to a numeric value: 1_000")),
        ("١".into(), Err("The parameter cannot be converted to a numeric value: ١")),
    ];
    for (text, expected) in cases {
        let found = Number::parse(&text).map(|number| number.to_string());
        assert_eq!(
            found.as_deref().map_err(ToString::to_string),
            expected.as_deref().map_err(|e| (*e).to_owned()),
            "{text}"
        );
    }
}

#[test]
fn adds_exactly_or_not_at_all() {
    let digits = Err("Attempting to store more than 38 significant digits in a Number".to_owned());
    let over =
        Err("Number overflow. Attempting to store a number with magnitude larger than supported range"
            .to_owned());
    let under =
        Err("Number underflow. Attempting to store a number with magnitude smaller than supported range"
            .to_owned());
    let ok = |text: &str| Ok(text.to_owned());
    for (a, b, expected) in [
        ("0.1", "0.2", ok("0.3")),
        ("1", "-1", ok("0")),
        ("99", "1", ok("100")),
        ("1e38", "-1", ok(NINES_38)),
        (NINES_38, "1", ok("100000000000000000000000000000000000000")),
        (NINES_38, "2", digits.clone()),
        ("1e37", "1", ok("10000000000000000000000000000000000001")),
        ("1e38", "1", digits.clone()),
        ("1e39", "-1", digits.clone()),
        ("4e38", "-1", digits.clone()),
        ("1e125", "1e-130", digits.clone()),
        ("1e125", "-1e-130", digits),
        ("9e125", "9e125", over),
        ("1.1e-130", "-1e-130", under),
        ("12345678901234567890123456789012345678", "-12345678901234567890123456789012345677", ok("1")),
    ] {
        let [x, y] = [a, b].map(|text| Number::parse(text).unwrap());
        let print =
            |sum: Result<Number, _>| sum.map(|n| n.to_string()).map_err(|e: item::NumberError| e.to_string());
        assert_eq!(print(x.add(&y)), expected, "{a} + {b}");
        assert_eq!(print(y.add(&x)), expected, "{b} + {a}");
        assert_eq!(print(x.sub(&y.negate())), expected, "{a} - -({b})");
    }
}

/// A number as 400 decimal digits around a fixed point, lowest first, and its sign.
#[derive(Clone)]
struct Reference {
    digits: Vec<i32>,
    negative: bool,
}

const POINT: i32 = 200;

impl Reference {
    fn read(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once('E').unwrap();
        let negative = mantissa.starts_with('-');
        let mantissa = mantissa.trim_start_matches('-');
        let mut digits = vec![0; 400];
        for (place, digit) in mantissa.bytes().rev().enumerate() {
            digits[(POINT + exponent.parse::<i32>().unwrap()) as usize + place] = i32::from(digit - b'0');
        }
        Self { digits, negative }
    }

    fn cmp_magnitude(&self, other: &Self) -> Ordering {
        self.digits.iter().rev().cmp(other.digits.iter().rev())
    }

    fn add(&self, other: &Self) -> Self {
        let (large, small) = if self.cmp_magnitude(other).is_lt() { (other, self) } else { (self, other) };
        let sign = if self.negative == other.negative { 1 } else { -1 };
        let mut digits = Vec::with_capacity(400);
        let mut carry = 0;
        for (a, b) in large.digits.iter().zip(&small.digits) {
            let sum = a + sign * b + carry;
            digits.push(sum.rem_euclid(10));
            carry = sum.div_euclid(10);
        }
        Self { digits, negative: large.negative }
    }

    /// Canonical text if DynamoDB holds it.
    fn print(&self) -> Option<String> {
        let Some(first) = self.digits.iter().rposition(|digit| *digit != 0) else { return Some("0".into()) };
        let last = self.digits.iter().position(|digit| *digit != 0)?;
        let leading = first as i32 - POINT;
        if first - last >= 38 || !(-130..=125).contains(&leading) {
            return None;
        }
        let (point, top) = (POINT as usize, first.max(POINT as usize));
        let mut text = if self.negative { "-".to_owned() } else { String::new() };
        for place in (last.min(point)..=top).rev() {
            text.push(char::from(b'0' + self.digits[place] as u8));
            if place == point && last < point {
                text.push('.');
            }
        }
        Some(text)
    }

    fn cmp(&self, other: &Self) -> Ordering {
        let zero = |r: &Self| r.digits.iter().all(|digit| *digit == 0);
        let sign = |r: &Self| {
            if zero(r) {
                0
            } else if r.negative {
                -1
            } else {
                1
            }
        };
        sign(self).cmp(&sign(other)).then_with(|| match sign(self) {
            1 => self.cmp_magnitude(other),
            -1 => other.cmp_magnitude(self),
            _ => Ordering::Equal,
        })
    }
}

#[test]
fn agrees_with_schoolbook_arithmetic() {
    let mut seeded = Seeded::new(1);
    let mut exact = 0;
    for _ in 0..20_000 {
        let [a, b] = [seeded.number_text(40), seeded.number_text(38)];
        let [x, y] = [Reference::read(&a), Reference::read(&b)];
        let [n, m] = [Number::parse(&a), Number::parse(&b)];
        assert_eq!(n.as_ref().ok().map(ToString::to_string), x.print(), "{a}");
        let (Ok(n), Ok(m)) = (n, m) else { continue };
        assert_eq!(n.cmp(&m), x.cmp(&y), "{a} <=> {b}");
        assert_eq!(n == m, x.cmp(&y).is_eq(), "{a} == {b}");
        let sum = n.add(&m).ok().map(|sum| sum.to_string());
        assert_eq!(sum, x.add(&y).print(), "{a} + {b}");
        exact += usize::from(sum.is_some());
    }
    assert!(exact > 2_000, "only {exact} sums were exact: the test says little");
}

#[test]
fn any_text_is_a_number_or_an_error() {
    let mut seeded = Seeded::new(2);
    for _ in 0..20_000 {
        let text: String =
            (0..seeded.below(60)).map(|_| char::from(b"0123456789+-.eE x"[seeded.below(17)])).collect();
        if let Ok(number) = Number::parse(&text) {
            assert_eq!(Number::parse(&number.to_string()), Ok(number), "{text}");
        }
    }
}

#[test]
fn knows_which_are_small_integers() {
    for (text, expected) in [
        ("0", Some(0)),
        ("-1200", Some(-1200)),
        ("9223372036854775807", Some(i64::MAX)),
        ("-9223372036854775808", Some(i64::MIN)),
        ("9223372036854775808", None),
        ("0.5", None),
        ("1e125", None),
    ] {
        let number = Number::parse(text).unwrap();
        assert_eq!(number.as_i64(), expected, "{text}");
        if let Some(integer) = expected {
            assert_eq!(Number::from(integer), number);
        }
    }
}
