//! The software bill of materials of a package: what is linked into its program, as CycloneDX JSON.
//!
//! It knows cargo's own resolution for the shipped program (no dev-dependencies, no build scripts, no procedural macros, the
//! features as shipped) and the hashes of `Cargo.lock`. It is ours, because the tools there are name crates by the folder that
//! they were built in: whoever builds again elsewhere would get other bytes. The same sources, compiler and date give the same
//! file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::recipe::Recipe;

/// A crate, by name and version.
type Key = (String, String);

/// What cargo links into a program.
struct Linked {
    root: Key,
    /// Each crate and its licence, as an SPDX expression.
    licences: BTreeMap<Key, String>,
    depends_on: BTreeMap<Key, BTreeSet<Key>>,
}

/// The bill of materials of the program that `package` builds by `recipe`, as the text of a CycloneDX file.
///
/// # Errors
/// When cargo cannot resolve the package with its `Cargo.lock`.
pub fn bill_of_materials(recipe: &Recipe, package: &str) -> Result<String> {
    let compiler = recipe.compiler()?;
    let linked = Linked::of(&tree(recipe, package, &compiler.host)?)?;
    let hashes = hashes(recipe.sources())?;
    let (root, rest): (Vec<_>, Vec<_>) =
        linked.licences.iter().map(|of| (of.0, component(of, &hashes))).partition(|(key, _)| **key == linked.root);
    let components: Vec<Value> =
        rest.into_iter().map(|(_, component)| component).chain([standard_library(&compiler.release)]).collect();
    let mut root = root.into_iter().next().context("cargo tree does not begin with the package")?.1;
    root["type"] = json!("application");
    let dependencies: Vec<Value> = linked.depends_on.iter().map(dependency).collect();
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": jiff::Timestamp::from_second(recipe.date())?.to_string(),
            "component": root,
            "properties": [
                { "name": "surefoot:target", "value": compiler.host },
                { "name": "surefoot:compiler", "value": compiler.commit },
            ],
        },
        "components": components,
        "dependencies": dependencies,
    });
    Ok(format!("{bill:#}\n"))
}

/// `cargo tree` with its depth before each line, the licence behind.
fn tree(recipe: &Recipe, package: &str, target: &str) -> Result<String> {
    recipe.cargo_output(&[
        "tree",
        "--locked",
        "--package",
        package,
        "--target",
        target,
        "--edges",
        "normal,no-proc-macro",
        "--prefix",
        "depth",
        "--format",
        "|{p}|{l}",
    ])
}

impl Linked {
    fn of(tree: &str) -> Result<Self> {
        let mut licences = BTreeMap::new();
        let mut depends_on: BTreeMap<Key, BTreeSet<Key>> = BTreeMap::new();
        let mut above: Vec<Key> = Vec::new();
        for line in tree.lines() {
            let (depth, key, licence) = entry(line).with_context(|| format!("cargo tree says {line:?}"))?;
            above.truncate(depth);
            if let Some(parent) = above.last() {
                depends_on.entry(parent.clone()).or_default().insert(key.clone());
            }
            depends_on.entry(key.clone()).or_default();
            licences.insert(key.clone(), licence);
            above.push(key);
        }
        let root = above.into_iter().next().context("cargo tree says nothing")?;
        Ok(Self { root, licences, depends_on })
    }
}

/// A line such as `2|rustix v1.1.6|MIT (*)`: its depth, the crate, the licence.
fn entry(line: &str) -> Option<(usize, Key, String)> {
    let mut parts = line.split('|');
    let depth = parts.next()?.parse().ok()?;
    let (name, rest) = parts.next()?.split_once(" v")?;
    let version = rest.split(' ').next()?;
    let licence = parts.next()?.trim_end_matches(" (*)");
    // The old way to write "or", which SPDX does not know.
    let licence = licence.split('/').map(str::trim).collect::<Vec<_>>().join(" OR ");
    Some((depth, (name.to_owned(), version.to_owned()), licence))
}

/// The SHA-256 of the crates' archives, as `Cargo.lock` has them; the workspace's own have none.
fn hashes(sources: &Path) -> Result<BTreeMap<Key, String>> {
    let path = sources.join("Cargo.lock");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let lock: toml::Table = text.parse().with_context(|| format!("{} is not TOML", path.display()))?;
    let packages = lock.get("package").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    ensure!(!packages.is_empty(), "{} locks no package", path.display());
    let word = |package: &toml::Value, key: &str| package.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    Ok(packages
        .iter()
        .filter_map(|it| Some(((word(it, "name")?, word(it, "version")?), word(it, "checksum")?)))
        .collect())
}

fn component(((name, version), licence): (&Key, &String), hashes: &BTreeMap<Key, String>) -> Value {
    let key = (name.clone(), version.clone());
    let mut component = json!({
        "type": "library",
        "bom-ref": purl(&key),
        "name": name,
        "version": version,
        "licenses": [{ "expression": licence }],
        "purl": purl(&key),
    });
    if let Some(hash) = hashes.get(&key) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": hash }]);
    }
    if let Some(inside) = carried(&key) {
        component["components"] = json!([inside]);
    }
    component
}

/// The library in another language that a crate carries in its archive and compiles into the program.
fn carried((name, version): &Key) -> Option<Value> {
    match name.as_str() {
        // The version that this program is linked with: one `Cargo.lock`, one SQLite.
        "libsqlite3-sys" => Some(foreign("sqlite", rusqlite::version(), "blessing")),
        "zstd-sys" => Some(foreign("zstd", version.split_once("+zstd.")?.1, "BSD-3-Clause")),
        _ => None,
    }
}

fn standard_library(version: &str) -> Value {
    foreign("rust", version, "MIT OR Apache-2.0")
}

fn foreign(name: &str, version: &str, licence: &str) -> Value {
    let purl = format!("pkg:generic/{name}@{version}");
    json!({
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "licenses": [{ "expression": licence }],
        "purl": purl,
    })
}

fn dependency((key, on): (&Key, &BTreeSet<Key>)) -> Value {
    json!({ "ref": purl(key), "dependsOn": on.iter().map(purl).collect::<Vec<_>>() })
}

/// The package URL (purl-spec, "cargo"); a version's build metadata begins with a sign that must be escaped there.
fn purl((name, version): &Key) -> String {
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "0|app v0.1.0 (/somewhere/app)|MIT OR Apache-2.0\n1|one v1.0.0|MIT/Apache-2.0\n\
                        2|shared v0.3.0+lib.7|Zlib\n1|two v2.0.0|MIT\n2|shared v0.3.0+lib.7|Zlib (*)\n";

    fn key(name: &str, version: &str) -> Key {
        (name.to_owned(), version.to_owned())
    }

    #[test]
    fn what_cargo_draws_is_what_is_linked() {
        let linked = Linked::of(TREE).unwrap();
        let shared = key("shared", "0.3.0+lib.7");
        assert_eq!(linked.root, key("app", "0.1.0"));
        assert_eq!(linked.licences.len(), 4);
        assert_eq!(linked.licences[&key("one", "1.0.0")], "MIT OR Apache-2.0");
        assert_eq!(linked.licences[&shared], "Zlib");
        assert_eq!(linked.depends_on[&linked.root], BTreeSet::from([key("one", "1.0.0"), key("two", "2.0.0")]));
        assert_eq!(linked.depends_on[&key("two", "2.0.0")], BTreeSet::from([shared.clone()]));
        assert!(linked.depends_on[&shared].is_empty());
        assert_eq!(purl(&shared), "pkg:cargo/shared@0.3.0%2Blib.7");
    }

    #[test]
    fn a_line_that_is_not_understood_is_no_line_less() {
        assert!(Linked::of("0|app v0.1.0|MIT\n? what\n").is_err());
        assert!(Linked::of("").is_err());
    }
}
