//! Releases and assets in GitHub's JSON, with the addresses of the door one came through.

use serde_json::{Value, json};

use super::model::{Asset, AssetState, Release};
use super::world::Links;

/// A release as the REST API shows it.
pub(crate) fn release(slug: &str, release: &Release, links: &Links) -> Value {
    let id = release.id;
    let own = format!("{}/repos/{slug}/releases/{id}", links.api);
    let assets = release.assets.iter();
    json!({
        "url": own,
        "assets_url": format!("{own}/assets"),
        "upload_url": format!("{}/repos/{slug}/releases/{id}/assets{{?name,label}}", links.uploads),
        "html_url": format!("{}/{slug}/releases/tag/{}", links.web, shown_tag(release)),
        "tarball_url": archive(slug, release, links, "tarball"),
        "zipball_url": archive(slug, release, links, "zipball"),
        "id": id,
        "node_id": format!("RE_{id}"),
        "author": author(links),
        "tag_name": release.tag,
        "target_commitish": release.target,
        "name": release.name,
        "body": release.body,
        "draft": release.draft,
        "prerelease": release.prerelease,
        "immutable": release.immutable,
        "created_at": seconds(release.created_at),
        "published_at": release.published_at.map(seconds),
        "assets": assets.map(|one| asset(slug, release, one, links)).collect::<Vec<_>>(),
    })
}

/// An asset as the REST API shows it.
pub(crate) fn asset(slug: &str, release: &Release, asset: &Asset, links: &Links) -> Value {
    let id = asset.id;
    let tag = shown_tag(release);
    json!({
        "url": format!("{}/repos/{slug}/releases/assets/{id}", links.api),
        "browser_download_url":
            format!("{}/{slug}/releases/download/{tag}/{}", links.web, asset.name),
        "id": id,
        "node_id": format!("RA_{id}"),
        "name": asset.name,
        "label": asset.label.clone().unwrap_or_default(),
        "state": match asset.state {
            AssetState::Starter => "starter",
            AssetState::Uploaded => "uploaded",
        },
        "content_type": asset.content_type,
        "size": asset.size,
        "digest": asset.digest,
        "download_count": asset.downloads,
        "created_at": seconds(asset.created_at),
        "updated_at": seconds(asset.created_at),
        "uploader": author(links),
    })
}

/// Times have whole seconds on GitHub.
pub(crate) fn seconds(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A draft's addresses bear a stand-in for the tag that does not exist yet.
pub(crate) fn shown_tag(release: &Release) -> String {
    if release.draft { format!("untagged-{:020x}", release.id) } else { release.tag.clone() }
}

fn archive(slug: &str, release: &Release, links: &Links, kind: &str) -> Option<String> {
    let there = !release.draft;
    there.then(|| format!("{}/repos/{slug}/{kind}/{}", links.api, release.tag))
}

fn author(links: &Links) -> Value {
    let own = format!("{}/users/octocat", links.api);
    let mut author = json!({
        "login": "octocat",
        "id": 1,
        "node_id": "MDQ6VXNlcjE=",
        "avatar_url": format!("{}/images/octocat.gif", links.web),
        "gravatar_id": "",
        "url": own,
        "html_url": format!("{}/octocat", links.web),
        "type": "User",
        "site_admin": false,
    });
    for list in ["followers", "following", "gists", "starred", "subscriptions", "events"] {
        author[format!("{list}_url")] = json!(format!("{own}/{list}"));
    }
    author["organizations_url"] = json!(format!("{own}/orgs"));
    author["repos_url"] = json!(format!("{own}/repos"));
    author["received_events_url"] = json!(format!("{own}/received_events"));
    author
}
