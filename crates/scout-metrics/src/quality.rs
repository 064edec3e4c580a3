//! How much something is wanted: the `q` of `Accept` and `Accept-Encoding`.

/// Reads `0` to `1` with at most three decimals, in thousandths (RFC 9110, 12.4.2).
pub(crate) fn parse_quality(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = decimals.bytes().all(|byte| byte.is_ascii_digit());
    if !matches!(whole, "0" | "1") || decimals.len() > 3 || !digits {
        return None;
    }
    let thousandths: u16 = format!("{whole}{decimals:0<3}").parse().ok()?;
    (thousandths <= 1000).then_some(thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualities_are_thousandths() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1", Some(1000)),
            ("0.5", Some(500)),
            ("0.", Some(0)),
            ("1.000", Some(1000)),
            ("0.075", Some(75)),
            ("1.001", None),
            ("0.1234", None),
            ("", None),
            (".5", None),
        ] {
            assert_eq!(parse_quality(text), expected, "{text:?}");
        }
    }
}
