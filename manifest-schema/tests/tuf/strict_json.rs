//! JSON that could be read in two ways, or costs too much to read.

use manifest_schema::strict::{self, Fault, StrictError, Value};

fn fault(json: &str) -> Fault {
    match strict::parse(json.as_bytes(), 1_000_000) {
        Err(StrictError::Ambiguous { fault, .. }) => fault,
        other => panic!("{json:?} gave {other:?}"),
    }
}

fn is_syntax(json: &[u8]) {
    let result = strict::parse(json, 1000);
    assert!(matches!(result, Err(StrictError::Syntax(_))), "{json:?} gave {result:?}");
}

#[test]
fn empty_truncated_or_trailed_json_is_refused() {
    let cases: [&[u8]; 9] = [b"", b" ", b"{", b"{\"a\":1", b"[1,]", b"{}x", b"{} {}", b"{}\0", b"\"abc"];
    cases.into_iter().for_each(is_syntax);
}

#[test]
fn a_key_twice_is_refused_at_any_depth_and_however_it_is_spelled() {
    assert_eq!(fault(r#"{"a":1,"a":1}"#), Fault::DuplicateKey("a".into()));
    assert_eq!(fault(r#"[{"x":{"a":1,"b":2,"\u0061":3}}]"#), Fault::DuplicateKey("a".into()));
}

#[test]
fn numbers_that_readers_disagree_on_are_refused() {
    for json in ["1.0", "1.5", "1e3", "-0", "18446744073709551616", "1e400", "-9223372036854775809"] {
        let result = strict::parse(json.as_bytes(), 100);
        assert!(result.is_err(), "{json} gave {result:?}");
    }
    assert_eq!(fault("1.0"), Fault::NotAnInteger);
    assert_eq!(fault("9007199254740992"), Fault::IntegerTooLarge(1 << 53));
    assert_eq!(fault("-9007199254740992"), Fault::IntegerTooLarge(-(1 << 53)));
    assert_eq!(fault("18446744073709551615"), Fault::IntegerTooLarge(u64::MAX.into()));
}

#[test]
fn the_largest_integers_are_read() {
    let largest = (1 << 53) - 1;
    assert_eq!(strict::parse(b"9007199254740991", 100).unwrap(), Value::Integer(largest));
    assert_eq!(strict::parse(b"-9007199254740991", 100).unwrap(), Value::Integer(-largest));
}

#[test]
fn sixteen_levels_are_read_and_seventeen_are_not() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(strict::parse(nested(16).as_bytes(), 100).is_ok());
    assert_eq!(fault(&nested(17)), Fault::TooDeep);
    assert_eq!(fault(&r#"{"a":"#.repeat(17)), Fault::TooDeep);
}

#[test]
fn nesting_10_000_deep_is_refused_without_reading_it_all() {
    assert_eq!(fault(&"[".repeat(10_000)), Fault::TooDeep);
}

#[test]
fn invalid_utf_8_is_refused() {
    for bytes in [b"\"\xff\"".as_slice(), b"\"\xc0\x80\"", b"\"\xed\xa0\x80\""] {
        assert!(matches!(strict::parse(bytes, 100), Err(StrictError::NotUtf8(_))));
    }
    is_syntax(br#""\ud800""#);
}

#[test]
fn a_byte_order_mark_is_refused() {
    let result = strict::parse("\u{feff}{}".as_bytes(), 100);
    assert!(matches!(result, Err(StrictError::ByteOrderMark)));
}

#[test]
fn control_characters_are_refused_written_out_and_escaped_in_strings_and_keys() {
    is_syntax(b"\"\0\"");
    is_syntax(b"\"\n\"");
    for (json, control) in [
        (r#""\u0000""#, '\0'),
        (r#""\n""#, '\n'),
        (r#"{"a\t":1}"#, '\t'),
        ("\"\u{7f}\"", '\u{7f}'),
        ("\"\u{85}\"", '\u{85}'),
    ] {
        assert_eq!(fault(json), Fault::ControlCharacter(control), "{json:?}");
    }
}

#[test]
fn documents_may_have_line_feeds_and_tabs_but_no_other_control_characters() {
    let notes: String = strict::from_slice(br#""- one\n\t- two""#, 100).unwrap();
    assert_eq!(notes, "- one\n\t- two");
    assert!(strict::from_slice::<String>(br#""\r""#, 100).is_err());
    assert!(strict::from_slice::<String>(br#""\u001b[2J""#, 100).is_err());
}

#[test]
fn one_byte_more_than_the_cap_is_refused_before_it_is_looked_at() {
    assert!(strict::parse(b"[]", 2).is_ok());
    let result = strict::parse(b"\xff\xff\xff", 2);
    assert!(matches!(result, Err(StrictError::TooLong { length: 3, cap: 2 })));
}

#[test]
fn an_error_says_where_it_is() {
    let error = strict::parse(b"{\n \"a\": 1,\n \"a\": 2}", 100).unwrap_err();
    assert_eq!(error.to_string(), "line 3, column 4: the key \"a\" appears twice");
}
