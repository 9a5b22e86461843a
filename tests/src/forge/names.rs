//! What GitHub makes of an asset's name.
//!
//! Names are changed silently, which is why a publisher has to compare the name it gets
//! back: everything but letters, digits and `._+-` becomes a period, runs of periods
//! become one, and none remains at either end. A `+` that is not percent-encoded is a space in a
//! query string, hence a period.

/// The name under which an upload's `?name=` is stored, from the still encoded query value.
pub(crate) fn stored_name(encoded: &str) -> String {
    let spaced = encoded.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy();
    sanitise(&decoded)
}

fn sanitise(name: &str) -> String {
    let mut clean = String::with_capacity(name.len());
    for character in name.chars() {
        let kept = match character {
            c if c.is_ascii_alphanumeric() || "_+-".contains(c) => c,
            _ => '.',
        };
        if kept != '.' || !clean.ends_with('.') {
            clean.push(kept);
        }
    }
    clean.trim_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::stored_name;

    #[test]
    fn names_change_as_they_do_on_github() {
        let cases = [
            ("app-v1.0.0.tar.gz", "app-v1.0.0.tar.gz"),
            ("a%20b.txt", "a.b.txt"),
            ("a+b.txt", "a.b.txt"),
            ("a%2Bb.txt", "a+b.txt"),
            ("a~(1)..txt", "a.1.txt"),
            (".env.", "env"),
        ];
        for (sent, stored) in cases {
            assert_eq!(stored_name(sent), stored, "for {sent}");
        }
    }
}
