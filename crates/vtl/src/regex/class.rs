//! Character classes: what `[...]`, `\d` and `\p{...}` stand for. Knows single characters alone.

/// A set of characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) items: Vec<Item>,
    /// Of `[a&&b]`: what must hold besides.
    pub(super) also: Vec<Class>,
    pub(super) negated: bool,
    pub(super) fold: Fold,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    Range(char, char),
    Kind(Kind, bool),
    Class(Class),
}

/// How letters are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fold {
    Exact,
    Ascii,
    Unicode,
}

/// The named classes. Those of POSIX are of ASCII, as in Java.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Digit,
    Word,
    Space,
    Horizontal,
    Vertical,
    Lower,
    Upper,
    Ascii,
    Alpha,
    Alnum,
    Punct,
    Graph,
    Print,
    Blank,
    Control,
    Hex,
    Letter,
    LetterUpper,
    LetterLower,
    Number,
    White,
    AnyControl,
}

impl Kind {
    /// The class that `\p{NAME}` names.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name.strip_prefix("Is").unwrap_or(name) {
            "Lower" => Self::Lower,
            "Upper" => Self::Upper,
            "ASCII" => Self::Ascii,
            "Alpha" => Self::Alpha,
            "Digit" => Self::Digit,
            "Alnum" => Self::Alnum,
            "Punct" => Self::Punct,
            "Graph" => Self::Graph,
            "Print" => Self::Print,
            "Blank" => Self::Blank,
            "Cntrl" => Self::Control,
            "XDigit" => Self::Hex,
            "Space" => Self::Space,
            "L" | "Alphabetic" | "Letter" | "javaLetter" => Self::Letter,
            "Lu" | "Uppercase" | "javaUpperCase" => Self::LetterUpper,
            "Ll" | "Lowercase" | "javaLowerCase" => Self::LetterLower,
            "N" | "Nd" | "javaDigit" => Self::Number,
            "White_Space" | "WhiteSpace" | "javaWhitespace" | "Z" | "Zs" => Self::White,
            "Cc" | "Control" => Self::AnyControl,
            _ => return None,
        })
    }

    fn has(self, c: char) -> bool {
        match self {
            Self::Digit => c.is_ascii_digit(),
            Self::Word => c.is_ascii_alphanumeric() || c == '_',
            Self::Space => matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c'),
            Self::Horizontal => {
                matches!(
                    c,
                    ' ' | '\t' | '\u{a0}' | '\u{1680}' | '\u{180e}' | '\u{2000}'
                        ..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
                )
            }
            Self::Vertical => matches!(c, '\n' | '\x0b' | '\x0c' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}'),
            Self::Lower => c.is_ascii_lowercase(),
            Self::Upper => c.is_ascii_uppercase(),
            Self::Ascii => c.is_ascii(),
            Self::Alpha => c.is_ascii_alphabetic(),
            Self::Alnum => c.is_ascii_alphanumeric(),
            Self::Punct => c.is_ascii_punctuation(),
            Self::Graph => c.is_ascii_graphic(),
            Self::Print => c.is_ascii_graphic() || c == ' ',
            Self::Blank => matches!(c, ' ' | '\t'),
            Self::Control => c.is_ascii_control(),
            Self::Hex => c.is_ascii_hexdigit(),
            Self::Letter => c.is_alphabetic(),
            Self::LetterUpper => c.is_uppercase(),
            Self::LetterLower => c.is_lowercase(),
            Self::Number => c.is_numeric(),
            Self::White => c.is_whitespace(),
            Self::AnyControl => c.is_control(),
        }
    }
}

impl Class {
    pub(super) fn of(kind: Kind, negated: bool) -> Self {
        Self { items: vec![Item::Kind(kind, negated)], also: Vec::new(), negated: false, fold: Fold::Exact }
    }

    pub(super) fn has(&self, c: char) -> bool {
        let inside = self.items.iter().any(|item| match item {
            Item::Range(low, high) => self.fold.any(c, |c| (*low..=*high).contains(&c)),
            Item::Kind(kind, negated) => kind.has(c) != *negated,
            Item::Class(class) => class.has(c),
        });
        (inside && self.also.iter().all(|class| class.has(c))) != self.negated
    }
}

impl Fold {
    /// Whether `test` holds for the character or, letters being compared so, for its other case.
    fn any(self, c: char, test: impl Fn(char) -> bool) -> bool {
        test(c)
            || match self {
                Self::Exact => false,
                Self::Ascii => test(c.to_ascii_lowercase()) || test(c.to_ascii_uppercase()),
                Self::Unicode => test(lower(c)) || test(upper(c)),
            }
    }

    pub(super) fn same(self, one: char, other: char) -> bool {
        one == other
            || match self {
                Self::Exact => false,
                Self::Ascii => one.eq_ignore_ascii_case(&other),
                Self::Unicode => lower(upper(one)) == lower(upper(other)),
            }
    }
}

/// The one-character lower case, or the character.
fn lower(c: char) -> char {
    let mut all = c.to_lowercase();
    match (all.next(), all.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

fn upper(c: char) -> char {
    let mut all = c.to_uppercase();
    match (all.next(), all.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}
