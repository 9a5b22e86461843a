use super::*;
use crate::durable;
use crate::store::{Clients, Stubborn};

const GOOD: &str = r#"
product = "kkt"
directory = "/srv/kkt"
source = "github:acme/kkt"
user = "nobody"
"#;

fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, Layout) {
    let root = tempfile::tempdir().unwrap();
    let layout = Layout::new(root.path());
    durable::make_dirs(&layout.config(), 0o755).unwrap();
    for (name, text) in files {
        let path = layout.config().join(name);
        durable::make_dirs(path.parent().unwrap(), 0o755).unwrap();
        durable::write_atomic(&path, text.as_bytes(), 0o644).unwrap();
    }
    (root, layout)
}

fn refusal(files: &[(&str, &str)]) -> String {
    let (_root, layout) = machine(files);
    crate::exit::chain(&load(&layout).unwrap_err())
}

#[test]
fn a_drop_in_wins_and_the_rest_stays() {
    let (_root, layout) = machine(&[
        ("kkt.toml", GOOD),
        ("kkt.d/10-policy.toml", "[policy]\nautomatic = [\"minor\"]\n"),
        ("kkt.d/20-policy.toml", "[policy]\nautomatic = [\"patch\"]\n"),
        ("kkt.root.json", "{}"),
    ]);
    let settings = select(&layout, None).unwrap();
    assert_eq!(settings.policy.automatic, [manifest_schema::manifest::Severity::Patch]);
    assert!(settings.policy.force_critical);
    assert_eq!(settings.root, layout.config().join("kkt.root.json"));
}

#[test]
fn mistakes_are_told_with_file_and_key() {
    let unknown = refusal(&[("kkt.toml", &format!("{GOOD}\n[policy]\nautomatik = []\n"))]);
    assert!(unknown.contains("kkt.toml") && unknown.contains("automatik"), "{unknown}");
    let wrong_type = refusal(&[("kkt.toml", &format!("{GOOD}\nkeep_previous_days = \"7\"\n"))]);
    assert!(wrong_type.contains("keep_previous_days"), "{wrong_type}");
    let drop_in = refusal(&[("kkt.toml", GOOD), ("kkt.d/1.toml", "oops = 1")]);
    assert!(drop_in.contains("1.toml") && drop_in.contains("oops"), "{drop_in}");
    let relative = refusal(&[("kkt.toml", &GOOD.replace("/srv", "srv"))]);
    assert!(relative.contains("directory") && relative.contains("absolute"), "{relative}");
    let missing = refusal(&[("kkt.toml", "product = \"kkt\"")]);
    assert!(missing.contains("missing field"), "{missing}");
}

#[test]
fn clients_of_databases_are_dealt_with_as_configured() {
    let read = |more: &str| {
        let (_root, layout) = machine(&[("kkt.toml", &format!("{GOOD}{more}"))]);
        select(&layout, None).unwrap().instance.clients
    };
    assert_eq!(read(""), Clients { stubborn: Stubborn::Disconnect, wait_seconds: 10 });
    let set = read("[database]\nclients = \"call-off\"\nclients_wait_seconds = 3\n");
    assert_eq!(set, Clients { stubborn: Stubborn::CallOff, wait_seconds: 3 });
    let wrong = refusal(&[("kkt.toml", &format!("{GOOD}[database]\nclients = \"kill\"\n"))]);
    assert!(wrong.contains("disconnect") && wrong.contains("call-off"), "{wrong}");
    let long = refusal(&[("kkt.toml", &format!("{GOOD}[database]\nclients_wait_seconds = 10000\n"))]);
    assert!(long.contains("at most 600"), "{long}");
}

#[test]
fn mirrors_are_asked_in_the_order_in_which_they_are_written() {
    let with = |mirrors: &str| GOOD.replace("user =", &format!("mirrors = [{mirrors}]\nuser ="));
    let (_root, layout) = machine(&[("kkt.toml", &with("\"https://mirror.example/kkt\", \"/srv/mirror\""))]);
    let settings = select(&layout, None).unwrap();
    let sources: Vec<String> = settings.sources().map(ToString::to_string).collect();
    assert_eq!(sources, ["https://github.com/acme/kkt", "https://mirror.example/kkt/", "/srv/mirror"]);
    for (mirrors, words) in [
        ("\"http://mirror.example/\"", "not encrypted"),
        ("\"https://user:secret@mirror.example/\"", "user name or password"),
        ("\"mirror.example\"", "not understood"),
        ("\"github:acme/kkt\"", "named twice"),
        ("\"/srv/a\", \"/srv/a\"", "named twice"),
        (&(0..9).map(|n| format!("\"/srv/{n}\", ")).collect::<String>(), "at most 8"),
    ] {
        let refused = refusal(&[("kkt.toml", &with(mirrors))]);
        assert!(refused.contains("mirrors") && refused.contains(words), "{refused}");
        assert!(!refused.contains("secret"), "{refused}");
    }
}

#[test]
fn files_that_nobody_reads_and_two_claims_are_errors() {
    assert!(refusal(&[("kkt.toml", GOOD), ("kkt.tmol", "")]).contains("nothing reads"));
    assert!(refusal(&[("kkt.toml", GOOD), ("ktk.d/a.toml", "")]).contains("nothing reads"));
    assert!(refusal(&[("kkt.toml", GOOD), ("kkt.d/a.conf", "")]).contains("nothing reads"));
    assert!(refusal(&[("a.toml", GOOD), ("b.toml", GOOD)]).contains("both claim"));
}

#[test]
fn an_instance_must_be_named_where_there_are_two() {
    let (_root, layout) = machine(&[("a.toml", GOOD), ("b.toml", &GOOD.replace("/srv/kkt", "/srv/b"))]);
    assert!(select(&layout, None).is_err());
    assert_eq!(select(&layout, Some("b")).unwrap().instance.name.as_str(), "b");
    assert!(matches!(select(&layout, Some("c")), Err(ConfigError::NoInstance { .. })));
}

#[test]
fn a_unit_of_another_name_is_not_written_over_by_the_release() {
    let (_root, layout) = machine(&[("kkt.toml", &format!("{GOOD}\n[services.web]\nunit = \"test-web.service\"\n"))]);
    let profile = serde_json::json!({ "services": [
        { "name": "web", "unit": "web.service", "unit_file": "systemd/web.service" },
        { "name": "bot", "unit": "bot.service", "unit_file": "systemd/bot.service" },
    ] });
    let profile = select(&layout, None).unwrap().localise(serde_json::from_value(profile).unwrap()).unwrap();
    let units: Vec<_> =
        profile.services.iter().map(|service| (service.unit.as_deref(), service.unit_file.is_some())).collect();
    assert_eq!(units, [(Some("test-web.service"), false), (Some("bot.service"), true)]);
}

#[test]
fn a_token_is_named_by_its_place_and_only_for_a_github_whose_addresses_are_known() {
    let read = |github: &str| {
        let (_root, layout) =
            machine(&[("kkt.toml", &format!("{GOOD}[github]\n{github}")), ("kkt.token", "ghp_secret")]);
        load(&layout).map(|mut all| (all.remove(0), layout)).map_err(|error| crate::exit::chain(&error))
    };
    let (settings, layout) = read("token_file = \"kkt.token\"").unwrap();
    assert_eq!(settings.token, Some(crate::source::TokenPlace::File(layout.config().join("kkt.token"))));
    assert_eq!(settings.source.to_string(), "https://github.com/acme/kkt");
    let enterprise = "api = \"https://github.example.com/api/v3\"\ndownloads = \"https://github.example.com\"\n";
    let (settings, _) = read(&format!("{enterprise}token_credential = \"github-token\"")).unwrap();
    assert_eq!(settings.source.to_string(), "https://github.example.com/acme/kkt");
    assert!(settings.token.is_some());
    for (github, words) in [
        (enterprise, "api is asked with a token only"),
        ("token_file = \"a.token\"\ntoken_credential = \"a\"", "not both"),
        ("downloads = \"https://github.example.com\"\ntoken_file = \"a.token\"", "say both api and downloads"),
        ("api = \"https://github.example.com/api/v3\"\ntoken_file = \"a.token\"", "say both api and downloads"),
        ("downloads = \"http://github.example.com\"", "not encrypted"),
        ("token = \"ghp_secret\"", "unknown field"),
        ("token_file = \"ghp_secret\"", "names a file"),
    ] {
        let told = read(github).map(|_| ()).unwrap_err();
        assert!(told.contains(words) && !told.contains("ghp_secret"), "{github}: {told}");
    }
    let elsewhere = GOOD.replace("github:acme/kkt", "https://releases.example/kkt");
    let told = refusal(&[("kkt.toml", &format!("{elsewhere}[github]\ntoken_file = \"a.token\""))]);
    assert!(told.contains("no source is on GitHub"), "{told}");
}

#[test]
fn the_group_that_may_ask_is_one_of_this_machine_and_the_same_everywhere() {
    let two = |one: &str, other: &str| {
        let second = GOOD.replace("/srv/kkt", "/srv/lab");
        [("kkt.toml", format!("{GOOD}group = \"{one}\"\n")), ("lab.toml", format!("{second}group = \"{other}\"\n"))]
    };
    let read = |files: [(&str, String); 2]| {
        let (_root, layout) = machine(&[(files[0].0, &files[0].1), (files[1].0, &files[1].1)]);
        load(&layout).map_err(|error| crate::exit::chain(&error))
    };
    let groups = read(two("daemon", "daemon")).unwrap().into_iter().map(|settings| settings.group.unwrap().name);
    assert_eq!(groups.collect::<Vec<_>>(), ["daemon", "daemon"]);
    let unknown = read(two("nobody-has-this", "daemon")).unwrap_err();
    assert!(unknown.contains("there is no group \"nobody-has-this\""), "{unknown}");
    let different = read(two("daemon", "adm")).unwrap_err();
    assert!(different.contains("lab.toml") && different.contains("all instances that name a group"), "{different}");
}

#[test]
fn a_drop_in_that_cannot_be_read_is_told_with_its_path() {
    let (_root, layout) = machine(&[("kkt.toml", GOOD)]);
    durable::make_dirs(&layout.config().join("kkt.d"), 0o755).unwrap();
    let drop_in = layout.config().join("kkt.d/10-policy.toml");
    durable::replace_link(&drop_in, std::path::Path::new("/nowhere/at-all.toml")).unwrap();
    let told = |layout: &Layout| crate::exit::chain(&load(layout).unwrap_err());
    assert!(told(&layout).contains("10-policy.toml"), "{}", told(&layout));
    durable::remove_file(&drop_in).unwrap();
    durable::make_dir(&drop_in, 0o755).unwrap();
    assert!(told(&layout).contains("10-policy.toml"), "{}", told(&layout));
}
