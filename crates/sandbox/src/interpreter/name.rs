//! AWS's runtime names, <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html>, and how near one version
//! of a language is to another. Pure; knows no interpreter.

use super::Family;

/// Every managed runtime, deprecated ones too, newest first within a family.
pub(crate) const ALL: [&str; 44] = [
    "nodejs26.x",
    "nodejs24.x",
    "nodejs22.x",
    "nodejs20.x",
    "nodejs18.x",
    "nodejs16.x",
    "nodejs14.x",
    "nodejs12.x",
    "nodejs10.x",
    "nodejs8.10",
    "nodejs6.10",
    "nodejs4.3",
    "nodejs",
    "python3.15",
    "python3.14",
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
    "python3.9",
    "python3.8",
    "python3.7",
    "python3.6",
    "python2.7",
    "java25",
    "java21",
    "java17",
    "java11",
    "java8.al2",
    "java8",
    "ruby4.0",
    "ruby3.4",
    "ruby3.3",
    "ruby3.2",
    "ruby2.7",
    "ruby2.5",
    "dotnet10",
    "dotnet8",
    "dotnet6",
    "dotnetcore3.1",
    "dotnetcore2.1",
    "provided.al2023",
    "provided.al2",
    "provided",
];

/// The version a runtime's name asks for, or an interpreter has: as many numbers as distinguish AWS's runtimes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Version {
    pub(crate) major: u32,
    /// 0 where a runtime's name has none.
    pub(crate) minor: u32,
}

impl Version {
    /// `22` of `nodejs22.x`, `3.13` of `python3.13`; `None` for names without numbers, which any version serves.
    pub(crate) fn of_runtime(family: Family, runtime: &str) -> Option<Self> {
        let numbers = runtime.strip_prefix(family.prefix())?.trim_start_matches("core");
        Self::parse(family, numbers)
    }

    /// Of what an interpreter says of itself: `20.20.2`, `17.0.15`, `1.8.0_402`.
    pub(crate) fn parse(family: Family, text: &str) -> Option<Self> {
        let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map_while(|n| n.parse().ok());
        let (mut major, mut minor) = (numbers.next()?, numbers.next().unwrap_or(0));
        if family == Family::Java && major == 1 {
            // 1.8 is Java 8.
            (major, minor) = (minor, 0);
        }
        // The others change with their first number only.
        let minor_counts = matches!(family, Family::Python | Family::Ruby);
        Some(Self { major, minor: if minor_counts { minor } else { 0 } })
    }

    /// Smaller is nearer. A Java program does not run on a Java older than itself; other languages are nearly as well
    /// served by the version before as by the one after, which is preferred.
    fn distance(self, wanted: Self, family: Family) -> (bool, u32, bool) {
        let scale = |v: Self| v.major * if matches!(family, Family::Python) { 100 } else { 10 } + v.minor;
        let older = self < wanted;
        (older && family == Family::Java, scale(self).abs_diff(scale(wanted)), older)
    }
}

/// The place of the nearest of `found`; the newest when any will do.
pub(crate) fn nearest(family: Family, wanted: Option<Version>, found: &[Version]) -> Option<usize> {
    let indexes = 0..found.len();
    match wanted {
        Some(wanted) => indexes.min_by_key(|&i| found[i].distance(wanted, family)),
        None => indexes.max_by_key(|&i| found[i]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_ask_for_versions() {
        for (runtime, family, major, minor) in [
            ("nodejs22.x", Family::Node, 22, 0),
            ("nodejs8.10", Family::Node, 8, 0),
            ("python3.13", Family::Python, 3, 13),
            ("java8.al2", Family::Java, 8, 0),
            ("java21", Family::Java, 21, 0),
            ("ruby3.4", Family::Ruby, 3, 4),
            ("dotnetcore3.1", Family::Dotnet, 3, 0),
        ] {
            assert_eq!(Family::of_runtime(runtime), Some(family), "{runtime}");
            assert_eq!(Version::of_runtime(family, runtime), Some(Version { major, minor }), "{runtime}");
        }
        assert_eq!(Version::of_runtime(Family::Node, "nodejs"), None);
        assert_eq!(Version::parse(Family::Java, "1.8.0_402"), Some(Version { major: 8, minor: 0 }));
    }

    #[test]
    fn the_nearest_serves() {
        let node = |wanted, found: &[u32]| {
            let found: Vec<Version> = found.iter().map(|&major| Version { major, minor: 0 }).collect();
            let wanted = Version { major: wanted, minor: 0 };
            let near = |family| nearest(family, Some(wanted), &found).map(|i| found[i].major);
            (near(Family::Node), near(Family::Java))
        };
        assert_eq!(node(22, &[20, 24, 26]), (Some(24), Some(24)));
        assert_eq!(node(25, &[17, 21]), (Some(21), Some(21)));
        assert_eq!(node(18, &[17, 21]), (Some(17), Some(21)));
        assert_eq!(node(18, &[]), (None, None));
    }
}
