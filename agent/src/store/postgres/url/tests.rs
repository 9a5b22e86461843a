use super::*;

fn read(text: &str) -> (String, Option<String>) {
    let target: Target = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    (target.conninfo(&target.database), target.password)
}

/// URL, connection string, password.
const READ: [(&str, &str, Option<&str>); 24] = [
    ("postgresql://app:pw@db.example:5433/kkt", "dbname='kkt' host='db.example' port='5433' user='app'", Some("pw")),
    ("postgres://app:pw@h/kkt", "dbname='kkt' host='h' user='app'", Some("pw")),
    ("postgresql+asyncpg://app:pw@h/kkt", "dbname='kkt' host='h' user='app'", Some("pw")),
    ("postgresql+psycopg2://app@h/kkt", "dbname='kkt' host='h' user='app'", None),
    ("postgresql:///kkt", "dbname='kkt'", None),
    ("postgresql://app@/kkt?host=/var/run/postgresql", "dbname='kkt' host='/var/run/postgresql' user='app'", None),
    ("postgresql://app@%2Frun%2Fpg:5433/kkt", "dbname='kkt' host='/run/pg' port='5433' user='app'", None),
    (
        "postgresql:///kkt?host=/run/pg&port=5433&user=app&password=s",
        "dbname='kkt' host='/run/pg' port='5433' user='app'",
        Some("s"),
    ),
    ("postgresql://h1:5432,h2:5433/kkt", "dbname='kkt' host='h1,h2' port='5432,5433'", None),
    (
        "postgresql://h1,h2:5433/kkt?target_session_attrs=read-write",
        "dbname='kkt' host='h1,h2' port=',5433' target_session_attrs='read-write'",
        None,
    ),
    (
        "postgresql+psycopg2://u:p@/kkt?host=h1:5432&host=h2:5433",
        "dbname='kkt' host='h1,h2' port='5432,5433' user='u'",
        Some("p"),
    ),
    ("postgresql://u@/kkt?host=h1,h2&port=5500", "dbname='kkt' host='h1,h2' port='5500,5500' user='u'", None),
    ("postgresql://u@[::1]:5433/kkt", "dbname='kkt' host='::1' port='5433' user='u'", None),
    ("postgresql://u:p%40s%2Fs%3Aw%23rd@h/kkt", "dbname='kkt' host='h' user='u'", Some("p@s/s:w#rd")),
    ("postgresql://u:a:b/c?d#e@h/kkt", "dbname='kkt' host='h' user='u'", Some("a:b/c?d#e")),
    ("postgresql://u:p@ss@h/kkt", "dbname='kkt' host='h' user='u'", Some("p@ss")),
    ("postgresql://u:100%@h/kkt", "dbname='kkt' host='h' user='u'", Some("100%")),
    ("postgresql://u:a+b@h/kkt", "dbname='kkt' host='h' user='u'", Some("a+b")),
    ("postgresql://u@h/kkt?ssl=require", "dbname='kkt' host='h' user='u' sslmode='require'", None),
    (
        "postgresql://u@h/kkt?ssl=true&pool_size=5&max_overflow=2&prepared_statement_cache_size=0",
        "dbname='kkt' host='h' user='u' sslmode='require'",
        None,
    ),
    (
        "postgresql://u@h/kkt?sslmode=verify-full&sslrootcert=/etc/ca.pem&connect_timeout=5",
        "dbname='kkt' host='h' user='u' sslmode='verify-full' sslrootcert='/etc/ca.pem' connect_timeout='5'",
        None,
    ),
    (
        "postgresql://u@h/kkt?options=-c%20search_path%3Da,b",
        "dbname='kkt' host='h' user='u' options='-c search_path=a,b'",
        None,
    ),
    ("postgresql://o'brien@h/a%20b%5C", "dbname='a b\\\\' host='h' user='o\\'brien'", None),
    (
        "postgresql://u@h/kkt?schema=public&application_name=web",
        "dbname='kkt' host='h' user='u' application_name='web'",
        None,
    ),
];

#[test]
fn urls_become_what_libpq_understands() {
    for (url, conninfo, password) in READ {
        assert_eq!(read(url), (conninfo.to_owned(), password.map(str::to_owned)), "{url}");
    }
}

#[test]
fn what_cannot_be_understood_is_refused_with_a_reason() {
    for (url, wanted) in [
        ("kkt", UrlError::NotAUrl),
        ("mysql+pymysql://u@h/kkt", UrlError::Scheme("mysql+pymysql".to_owned())),
        ("sqlite:///x.db", UrlError::Scheme("sqlite".to_owned())),
        ("jdbc:postgresql://h/kkt", UrlError::Scheme("jdbc:postgresql".to_owned())),
        ("postgresql://u@h", UrlError::NoDatabase),
        ("postgresql://u@h/?sslmode=require", UrlError::NoDatabase),
        ("postgresql://u:p@s/s:w#rd@h/kkt", UrlError::Ambiguous),
        ("postgresql://u/x:p@h/kkt", UrlError::Ambiguous),
        ("postgresql://u@h:port/kkt", UrlError::Port("port".to_owned())),
        ("postgresql://u@h:0/kkt", UrlError::Port("0".to_owned())),
        ("postgresql://u:%ff@h/kkt", UrlError::NotText("password")),
        ("postgresql://u:a%00b@h/kkt", UrlError::NotText("password")),
        ("postgresql://u@h/kkt?ssl=maybe", UrlError::Ssl("maybe".to_owned())),
        ("postgresql://u@h/kkt?sslpassword=x", UrlError::Secret("sslpassword".to_owned())),
    ] {
        assert_eq!(url.parse::<Target>().map(|target| target.conninfo("")), Err(wanted), "{url}");
    }
}

#[test]
fn a_server_on_this_machine_is_told_from_one_elsewhere() {
    for (url, port) in [
        ("postgresql:///kkt", Some(5432)),
        ("postgresql://localhost/kkt", Some(5432)),
        ("postgresql://127.0.0.1:5433/kkt", Some(5433)),
        ("postgresql://[::1]/kkt", Some(5432)),
        ("postgresql:///kkt?host=/run/pg&port=6000", Some(6000)),
        ("postgresql:///kkt?port=6000", Some(6000)),
        ("postgresql://10.0.0.1/kkt", None),
        ("postgresql://db.example/kkt", None),
        ("postgresql://localhost,db.example/kkt", None),
    ] {
        assert_eq!(url.parse::<Target>().unwrap().local_port(), port, "{url}");
    }
}

#[test]
fn no_message_holds_the_password() {
    let target: Target = "postgresql://u:geheim@h/kkt".parse().unwrap();
    assert!(!format!("{target:?}{}", target.server()).contains("geheim"));
}
