//! The post-mortem of an update that failed: everything that explains it is there, and no secret is, wherever one was planted.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod failures;
mod reading;
mod told;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use surefoot_tests::notes::World;

type Outcome = anyhow::Result<()>;

/// Secrets as an application's `.env` has them. Whatever is told of an update, this word is nowhere in it.
const CANARY: &str = "canary";
const ENV: &str = "\
# the application's own
SECRET_KEY=canary-key-1f3a
export SMTP_PASSWORD=\"canary mail 'pa$$word'\"
DATABASE_URL=postgresql+asyncpg://notes:canary%2Fpass@db.internal/notes
UPLOADS=Zk3canary9QpL8Q7w6E5r4T
DEBUG=true
";
/// Says them in all the ways that programs do.
const CONFESS: &str = "\
cat .env
echo \"stderr: $(cat .env)\" >&2
echo \"decoded: canary/pass, json: \\\"canary mail 'pa\\$\\$word'\\\"\" >&2
echo 'the agent was told canary-token-77'
echo 'Authorization: Bearer canary.header' >&2
";
const LAST_WORDS: &str = "echo 'cannot connect to postgresql://notes:canary%2Fpass@db.internal/notes' >&2";

/// 1.0.0 serves, and secrets lie where applications and admins leave them.
fn world() -> anyhow::Result<World> {
    let world = World::installed()?;
    world.client.leave(".env", ENV)?;
    world.configure(world.source(), "# token = \"canary-token-77\"\n")?;
    Ok(world)
}

/// From this release on the application keeps an `.env`.
fn keeps_env(checkout: &Path) {
    change(checkout, |text| {
        text.replacen(
            "[[application.keep]]",
            "[[application.keep]]\npath = \".env\"\ntype = \"file\"\n\n[[application.keep]]",
            1,
        )
    });
}

fn change(checkout: &Path, change: impl Fn(&str) -> String) {
    let path = checkout.join("publish.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, change(&text)).unwrap();
}

fn write_script(checkout: &Path, name: &str, lines: &str) {
    let path = checkout.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{lines}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
