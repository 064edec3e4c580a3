//! Which content coding an `Accept-Encoding` header asks for.

use crate::quality::parse_quality;

/// How the bytes of a text are sent. The set is closed: nothing else is offered.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Encoding {
    /// As they are.
    #[default]
    Identity,
    /// RFC 1952. What Prometheus asks for.
    Gzip,
    /// RFC 8878. Smaller than gzip, and a fifth of its work.
    Zstd,
}

impl Encoding {
    /// All codings.
    pub const ALL: [Self; 3] = [Self::Identity, Self::Gzip, Self::Zstd];

    /// Returns the name of the coding, as `Content-Encoding` has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    fn is_named(self, name: &str) -> bool {
        let is = |own: &str| name.eq_ignore_ascii_case(own);
        // Both names are one coding (RFC 9110, 8.4.1.3).
        is(self.as_str()) || (self == Self::Gzip && is("x-gzip"))
    }

    /// Of codings that are wanted as much as each other the last is taken: of those that were
    /// named the smallest, and by a `*`, which asks for nothing, what everybody can read.
    fn rank(self, named: bool) -> u8 {
        match (named, self) {
            (true, Self::Zstd) => 5,
            (true, Self::Gzip) => 4,
            (true, Self::Identity) => 3,
            (false, Self::Gzip) => 2,
            (false, Self::Identity) => 1,
            (false, Self::Zstd) => 0,
        }
    }
}

/// Picks the coding to answer with (RFC 9110, 12.5.3); nothing if the header refuses every one
/// that can be sent.
///
/// Without a header, or when it names only what is not offered here, the bytes are sent as they
/// are, unless it refuses that too (`identity;q=0` or `*;q=0`).
///
/// Several `Accept-Encoding` headers are to be joined with commas before.
#[must_use]
pub fn negotiate_encoding(accept_encoding: Option<&str>) -> Option<Encoding> {
    let Some(header) = accept_encoding else {
        return Some(Encoding::Identity);
    };
    let wishes: Vec<(&str, u16)> = header.split(',').filter_map(wish).collect();
    let wanted = Encoding::ALL.into_iter().filter_map(|encoding| {
        // Of entries that say different things of one coding, the kindest counts.
        let quality = |of: &dyn Fn(&str) -> bool| {
            let matching = wishes.iter().filter(|(name, _)| of(name));
            matching.map(|(_, quality)| *quality).max()
        };
        let named = quality(&|name| encoding.is_named(name));
        let quality = named.or_else(|| quality(&|name| name == "*"));
        Some((quality?, encoding.rank(named.is_some()), encoding))
    });
    let wanted: Vec<_> = wanted.collect();
    let best = wanted
        .iter()
        .max_by_key(|(quality, rank, _)| (*quality, *rank));
    match best {
        Some((1.., _, encoding)) => Some(*encoding),
        // What nobody speaks of is refused, but for the bytes as they are.
        _ => {
            let refused = |(_, _, encoding): &(u16, u8, Encoding)| *encoding == Encoding::Identity;
            (!wanted.iter().any(refused)).then_some(Encoding::Identity)
        }
    }
}

/// Reads one entry. Returns nothing for one that is not understood: it then asks for nothing.
fn wish(entry: &str) -> Option<(&str, u16)> {
    let (name, parameters) = entry.split_once(';').unwrap_or((entry, ""));
    let name = name.trim();
    if name.is_empty() {
        return None;
    }
    let mut quality = 1000;
    for parameter in parameters.split(';').filter(|text| !text.trim().is_empty()) {
        let (key, value) = parameter.split_once('=')?;
        if key.trim().eq_ignore_ascii_case("q") {
            quality = parse_quality(value.trim())?;
        }
    }
    Some((name, quality))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coding_that_is_wanted_most_is_sent() {
        use Encoding::{Gzip, Identity, Zstd};
        for (header, expected) in [
            ("", Some(Identity)),
            // Prometheus.
            ("gzip", Some(Gzip)),
            // Datadog's agent, through the library `requests`; with zstd from 3.14 on.
            ("gzip, deflate", Some(Gzip)),
            ("gzip, deflate, br, zstd", Some(Zstd)),
            ("GZip", Some(Gzip)),
            ("x-gzip", Some(Gzip)),
            ("br", Some(Identity)),
            ("identity", Some(Identity)),
            ("zstd;q=0.5, gzip;q=0.7", Some(Gzip)),
            ("zstd;q=0.7 , gzip ; Q=0.5", Some(Zstd)),
            ("gzip;q=0.5, identity", Some(Identity)),
            ("gzip;q=0.5, identity;q=0.4", Some(Gzip)),
            ("gzip;q=0.001", Some(Gzip)),
            ("gzip;q=0", Some(Identity)),
            ("gzip;q=0, zstd;q=0", Some(Identity)),
            ("gzip;q=0, zstd", Some(Zstd)),
            // Who names nothing gets what everybody reads.
            ("*", Some(Gzip)),
            ("*;q=0.1", Some(Gzip)),
            ("gzip;q=0, *", Some(Identity)),
            ("gzip;q=0, identity;q=0, *", Some(Zstd)),
            ("identity, *;q=0", Some(Identity)),
            ("identity, *", Some(Identity)),
            ("identity;q=0, *", Some(Gzip)),
            ("zstd, *;q=0", Some(Zstd)),
            ("gzip, identity;q=0", Some(Gzip)),
            // Nothing that could be sent is left.
            ("identity;q=0", None),
            ("br, identity;q=0", None),
            ("*;q=0", None),
            ("br, *;q=0", None),
            ("gzip;q=0, identity;q=0", None),
            ("gzip;q=0, *;q=0", None),
            // Not understood, so not asked for.
            ("gzip;q=high", Some(Identity)),
            ("gzip;q=1.5", Some(Identity)),
            ("gzip;q", Some(Identity)),
            (";;,,=;q", Some(Identity)),
            ("gzip;q=0, gzip", Some(Gzip)),
        ] {
            assert_eq!(negotiate_encoding(Some(header)), expected, "{header:?}");
        }
        assert_eq!(negotiate_encoding(None), Some(Identity));
    }
}
