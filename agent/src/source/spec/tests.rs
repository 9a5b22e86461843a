use super::*;

fn urls(text: &str, downloads: Option<&str>) -> [String; 2] {
    let spec = SourceSpec::parse(text, &Hosts::public(downloads).expect("a site")).expect("a source");
    let target = hashed_path("v1.1.0/app-v1.1.0.tar.zst", "ab12");
    [spec.metadata_url("7.root.json"), spec.target_url(&target)]
        .map(|location| location.expect("a location").to_string())
}

#[test]
fn each_form_has_its_addresses() {
    let target = "v1.1.0/ab12.app-v1.1.0.tar.zst";
    for (text, downloads, metadata, targets) in [
        (
            "github:acme/app.web",
            None,
            "https://github.com/acme/app.web/releases/latest/download/",
            "https://github.com/acme/app.web/releases/download/",
        ),
        (
            "github:acme/app",
            Some("http://127.0.0.1:8080/"),
            "http://127.0.0.1:8080/acme/app/releases/latest/download/",
            "http://127.0.0.1:8080/acme/app/releases/download/",
        ),
        ("https://get.example/app/", None, "https://get.example/app/metadata/", "https://get.example/app/targets/"),
        ("https://get.example", None, "https://get.example/metadata/", "https://get.example/targets/"),
        ("http://[::1]:81/a", None, "http://[::1]:81/a/metadata/", "http://[::1]:81/a/targets/"),
        ("/srv/app", None, "/srv/app/metadata/", "/srv/app/targets/"),
        ("file:///srv/my%20app", None, "/srv/my app/metadata/", "/srv/my app/targets/"),
    ] {
        let expected = [format!("{metadata}7.root.json"), format!("{targets}{target}")];
        assert_eq!(urls(text, downloads), expected, "{text}");
    }
}

#[test]
fn what_is_no_source_is_refused_with_a_sentence() {
    for (text, part) in [
        ("", "write github:OWNER/REPO"),
        ("releases", "write github:OWNER/REPO"),
        ("ftp://get.example/", "write github:OWNER/REPO"),
        ("file://get.example/srv", "write github:OWNER/REPO"),
        ("github:acme", "names no repository"),
        ("github:acme/app/more", "names no repository"),
        ("github:acme/..", "names no repository"),
        ("https://", "not a URL"),
        ("http://get.example/", "not encrypted"),
        ("http://127.0.0.1.get.example/", "not encrypted"),
        ("https://get.example/?token=1", "query"),
        ("https://get.example/#a", "fragment"),
        ("/srv/../etc", "without '..'"),
    ] {
        let error = SourceSpec::parse(text, &Hosts::default()).expect_err(text).to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn a_password_is_refused_and_not_repeated() {
    let error = SourceSpec::parse("https://me:secret@get.example/a", &Hosts::default()).expect_err("a password");
    assert_eq!(
        error.to_string(),
        "\"https://get.example/a\" carries a user name or password, which a source cannot have"
    );
}

#[test]
fn no_name_leaves_the_source() {
    for text in ["/srv/app", "https://get.example/app", "github:acme/app"] {
        let spec = SourceSpec::parse(text, &Hosts::default()).expect("a source");
        for name in ["", ".", "..", "../a", "a/../../b", "/etc/passwd", "a//b", "a\\b", "a\nb", "a\0"] {
            assert!(spec.metadata_url(name).is_err(), "{text} {name:?}");
            assert!(spec.target_url(name).is_err(), "{text} {name:?}");
        }
    }
    let spec = SourceSpec::parse("https://get.example/app", &Hosts::default()).expect("a source");
    let odd = spec.target_url("v1/a?b#c%2e").expect("a location").to_string();
    assert_eq!(odd, "https://get.example/app/targets/v1/a%3Fb%23c%252e");
}
