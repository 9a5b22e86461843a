use super::*;

fn knowing(settings: &str) -> Redactor {
    Redactor::new(in_settings(settings))
}

#[test]
fn a_setting_is_a_secret_by_its_key_its_url_or_its_looks() {
    for (setting, secret, name) in [
        ("SECRET_KEY=correct-horse", "correct-horse", "SECRET_KEY"),
        ("export SMTP_PASSWORD='two words'", "two words", "SMTP_PASSWORD"),
        ("API_TOKEN=\"tok\\\"en1\"", "tok\"en1", "API_TOKEN"),
        ("DATABASE_URL=postgresql://kkt:p%40ssw0rd@db/kkt", "p%40ssw0rd", "DATABASE_URL"),
        ("DATABASE_URL=postgresql://kkt:p%40ssw0rd@db/kkt", "p@ssw0rd", "DATABASE_URL"),
        ("DATABASE_URL=postgresql://kkt:p@ss/w0rd@db/kkt", "p@ss/w0rd", "DATABASE_URL"),
        ("BROKER=amqp://u:longpass@mq:5672//", "longpass", "BROKER"),
        ("SENTRY_DSN=https://0123456789abcdef@o1.ingest.example/42", "0123456789abcdef", "SENTRY_DSN"),
        ("HOOK=https://hooks.example/services/T0/x8Yz3kQ2mN4pR7sT", "x8Yz3kQ2mN4pR7sT", "HOOK"),
        ("DB=host=db user=kkt password=longpass", "longpass", "DB"),
        ("NOTHING=f3a9c1d27b5e4860aa17", "f3a9c1d27b5e4860aa17", "NOTHING"),
        ("  \"password\": \"in-json\",", "in-json", "password"),
        ("db_password: in-yaml", "in-yaml", "db_password"),
        ("# old_token = \"commented\"", "commented", "old_token"),
        ("PASSWORD=with # no comment", "with # no comment", "PASSWORD"),
        ("PRIVATE_KEY=\"-----BEGIN\nMIIEvQIBADANBgkq\n-----END\"", "MIIEvQIBADANBgkq", "PRIVATE_KEY"),
        ("PASSWORD='unclosed\nTOKEN=next-line", "next-line", "TOKEN"),
    ] {
        let redacted = knowing(setting).apply(&format!("it said {secret}, then"));
        assert_eq!(redacted, format!("it said [redacted: {name}], then"), "{setting}");
    }
}

#[test]
fn what_says_nothing_is_not_replaced_blindly() {
    let settings = "AUTH=true\nKEY=8000\nAUTH_HOST=localhost\nBASE_URL=https://kkt.example.org/app\nPORT=8000\nPASSWORD=kkt\n\
                    TITLE=A very long title of an application\nPRIVATE_KEY_FILE=/etc/ssl/private/kkt.pem\nSECRET=password\n";
    let text = "true 8000 localhost https://kkt.example.org/app kkt A very long title of an application \
                /etc/ssl/private/kkt.pem: password authentication failed";
    assert_eq!(knowing(settings).apply(text), text);
}

#[test]
fn a_secret_is_found_however_it_is_written() {
    let redactor = knowing("PASSWORD=\"p@ s'w\\\"ö/$1&<\"");
    for text in [
        "p@ s'w\"ö/$1&<",
        "p%40%20s%27w%22%C3%B6%2F%241%26%3C",
        "p%40%20s%27w%22%c3%b6%2f%241%26%3c",
        "p%40+s%27w%22%C3%B6%2F%241%26%3C",
        "p%40%20s'w%22%C3%B6%2F$1&%3C",
        "'p@ s'\\''w\"ö/$1&<'",
        "'p@ s'\"'\"'w\"ö/$1&<'",
        "\"p@ s'w\\\"ö/\\$1&<\"",
        "p@\\ s\\'w\\\"ö/\\$1\\&\\<",
        "{\"a\": \"p@ s'w\\\"ö/$1&<\"}",
        "p@ s'w\\\"ö\\/$1&<",
        "p@ s''w\"ö/$1&<",
        "<b>p@ s&#x27;w&quot;ö/$1&amp;&lt;</b>",
    ] {
        let redacted = redactor.apply(text);
        assert!(redacted.contains("[redacted: PASSWORD]") && !redacted.contains("$1"), "{text}: {redacted}");
        assert!(!redacted.contains("241"), "{text}: {redacted}");
    }
}

#[test]
fn a_secret_that_nobody_knows_is_found_by_its_shape() {
    for (text, wanted) in [
        ("at postgresql://kkt:hunter2@db/kkt failed", "at postgresql://kkt:[redacted: password]@db/kkt failed"),
        ("redis://:hunter2@cache/0", "redis://:[redacted: password]@cache/0"),
        ("cloning https://0123456789abcdef0123@git.example/x", "cloning https://[redacted: token]@git.example/x"),
        ("Authorization: Basic a2t0Omh1bnRlcjI=", "Authorization: [redacted: header]"),
        ("curl -H 'authorization: token abc' x", "curl -H 'authorization: [redacted: header]' x"),
        ("{\"Authorization\": \"Bearer abc\", \"a\": 1}", "{\"Authorization\": \"[redacted: header]\", \"a\": 1}"),
        ("sent Bearer abcdefgh.ijk", "sent Bearer [redacted: token]"),
        ("PGPASSWORD=hunter2 psql", "PGPASSWORD=[redacted: PGPASSWORD] psql"),
        ("connect(password='hunter 2', x=1)", "connect(password='[redacted: password]', x=1)"),
        ("{\"client_secret\":\"x\",\"a\":1}", "{\"client_secret\":\"[redacted: client_secret]\",\"a\":1}"),
        ("mytool --api-key abc --verbose", "mytool --api-key [redacted: api-key] --verbose"),
        ("mytool --token=abc", "mytool --token=[redacted: token]"),
        ("password: hunter2!", "password: [redacted: password]"),
        ("ALTER ROLE kkt PASSWORD 'hunter2'", "ALTER ROLE kkt PASSWORD [redacted: password]"),
        ("key AKIAIOSFODNN7EXAMPLE.", "key [redacted: AWS key]."),
        ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "[redacted: token]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", "[redacted: JWT]"),
        ("a\n-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nb", "a\n[redacted: private key]\nb"),
        ("-----BEGIN PRIVATE KEY-----\nMII, and cut", "[redacted: private key]"),
    ] {
        assert_eq!(Redactor::default().apply(text), wanted);
    }
}

#[test]
fn sentences_stay_as_they_are() {
    for text in [
        "FATAL:  password authentication failed for user \"kkt\"",
        "invalid token: it has expired",
        "http://127.0.0.1:8000/health answers with status 500 instead of 200",
        "DETAIL:  Key (id)=(5) already exists.",
        "https://kkt.example.org:8443/a@b",
        "PASSWORD=[redacted: PASSWORD]",
        "the secret of it is that nobody knows",
        "no password supplied",
    ] {
        assert_eq!(Redactor::default().apply(text), text);
    }
}

#[test]
fn half_a_secret_beside_a_gap_goes_too() {
    let redactor = knowing("SECRET_KEY=abcdefghijklmnopqrst");
    let text = "begin abcdefghijkl\n[… 70000 bytes left out …]\nklmnopqrst end";
    let wanted = "begin [redacted: SECRET_KEY]\n[… 70000 bytes left out …]\n[redacted: SECRET_KEY] end";
    assert_eq!(redactor.apply(text), wanted);
}

#[test]
fn redacting_twice_changes_nothing_more() {
    let redactor = knowing("SECRET_KEY=redacted: SECRET\nDATABASE_URL=postgresql://u:longpass@h/d\n");
    let once = redactor.apply("SECRET_KEY=abc DATABASE_URL=postgresql://u:longpass@h/d password=longpass --token x");
    assert!(!once.contains("longpass"));
    assert_eq!(knowing("DATABASE_URL=postgresql://u:longpass@h/d").apply(&once), once);
}

#[test]
fn all_texts_of_a_value_are_redacted() {
    let mut value = serde_json::json!({ "a": ["x hunter-two"], "password": "abc", "key": "DATABASE_URL", "n": 1 });
    knowing("TOKEN=hunter-two").apply_to(&mut value);
    let wanted = serde_json::json!({ "a": ["x [redacted: TOKEN]"], "password": "[redacted: password]", "key": "DATABASE_URL", "n": 1 });
    assert_eq!(value, wanted);
}

#[test]
fn its_own_description_tells_nothing() {
    assert!(!format!("{:?}", knowing("TOKEN=hunter-two")).contains("hunter"));
}

/// A bundle of certificates within a file of settings took six gigabytes, and a minute.
#[test]
fn a_long_secret_is_found_and_costs_no_more_than_a_few_times_its_length() {
    let long: String =
        (0..250_000_u32).map(|n| char::from(b'!' + (n.wrapping_mul(2_654_435_761) >> 24) as u8 % 90)).collect();
    let redactor = Redactor::new([Secret { name: "BUNDLE".to_owned(), value: long.clone() }]);
    let known = redactor.known.as_ref().unwrap();
    assert!(known.search.memory_usage() < 40 * long.len(), "{} bytes", known.search.memory_usage());
    assert_eq!(redactor.apply(&format!("it is {long}.")), "it is [redacted: BUNDLE].");
    assert_eq!(redactor.apply(&serde_json::to_string(&long).unwrap()), "\"[redacted: BUNDLE]\"");
}
