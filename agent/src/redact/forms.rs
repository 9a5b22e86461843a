//! The ways in which one secret can be written: as it is, within a URL, quoted for a shell, for JSON, for SQL, for HTML.

use std::fmt::Write as _;

/// Lines of a longer secret that are shorter give nothing away and stand in many texts.
const SHORTEST_LINE: usize = 12;
/// Nobody passes a longer one within a URL or through a shell; each form of it costs memory.
const LONGEST: usize = 4096;

/// All of them, without order, some of them twice.
pub(super) fn of(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    forms.extend(json(secret));
    forms.extend(lines(secret));
    if secret.len() > LONGEST {
        return forms;
    }
    for kept in ["-_.~", "-_.~!$&'()*+,;=", "-_.~/", "_.-~:/?#[]@!$&'()*+,;=", ""] {
        let encoded = percent(secret, kept);
        forms.push(encoded.replace("%20", "+"));
        forms.push(lower_hex(&encoded));
        forms.push(encoded);
    }
    forms.push(secret.escape_debug().to_string());
    forms.push(secret.escape_default().to_string());
    forms.extend(["'\\''", "'\"'\"'", "''", "\\'"].map(|quote| secret.replace('\'', quote)));
    forms.push(escape(secret, "\"\\$`"));
    forms.push(escape(secret, "\"\\$`!"));
    forms.push(escape(secret, " !\"#$&'()*,;<>?[\\]^`{|}~"));
    forms.extend(html(secret));
    forms
}

fn json(text: &str) -> [String; 2] {
    let json = serde_json::to_string(text).expect("a text is JSON");
    let inner = &json[1..json.len() - 1];
    [inner.replace('/', "\\/"), inner.to_owned()]
}

fn percent(text: &str, kept: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(char::from(byte)) && byte.is_ascii() {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// `%2F` as `%2f`: both are legal (RFC 3986, §2.1).
fn lower_hex(encoded: &str) -> String {
    let mut left = 0;
    let lower = |c: char| {
        left = if c == '%' { 3 } else { usize::saturating_sub(left, 1) };
        if left > 0 { c.to_ascii_lowercase() } else { c }
    };
    encoded.chars().map(lower).collect()
}

fn escape(text: &str, special: &str) -> String {
    text.chars().flat_map(|c| special.contains(c).then_some('\\').into_iter().chain([c])).collect()
}

fn html(text: &str) -> [String; 2] {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    [text.replace('\'', "&#x27;"), text.replace('\'', "&#39;")]
}

/// A key of many lines can be printed with something before each.
fn lines(text: &str) -> impl Iterator<Item = String> + '_ {
    let lines = text.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_LINE && !line.starts_with("-----"));
    lines.filter(|_| text.contains('\n')).map(str::to_owned)
}
