//! `cargo xtask demo`: the main job as a story, in under a minute, without root, systemd or PostgreSQL.

use std::time::Instant;

use anyhow::ensure;

use crate::notes::{Change, Client, Vendor};
use crate::static_server::StaticServer;

const POLICY: &str = "[policy]\nautomatic = [\"minor\", \"patch\"]\n";

/// Tells the story.
///
/// # Errors
/// When something in it does not happen as it should.
pub fn demo() -> anyhow::Result<()> {
    let start = Instant::now();
    let directory = tempfile::Builder::new().prefix("surefoot-demo-").tempdir()?;
    // Root plays the client as another user, who must be able to come here.
    crate::notes::open_to_all(directory.path())?;
    let mut story = Story { vendor: Vendor::new(directory.path())?, chapter: 0 };
    let server = StaticServer::serve(story.vendor.releases());
    story.publish("1.0.0", "Notes can be kept", Change::default())?;
    let mut client = Client::new(directory.path(), server.base_url(), &story.vendor.root(), POLICY)?;
    client.start()?;
    story.install(&client)?;
    story.update(&client)?;
    story.bad_release(&client)?;
    story.tell("What the client's admin sees", "surefoot history");
    show(&client, &["history"])?;
    println!(
        "\nDone in {:.0} s. Everything lived below {} and is gone now.",
        start.elapsed().as_secs_f64(),
        directory.path().display()
    );
    Ok(())
}

struct Story {
    vendor: Vendor,
    chapter: u32,
}

impl Story {
    fn tell(&mut self, title: &str, command: &str) {
        self.chapter += 1;
        println!("\n{}. {title}\n   $ {command}", self.chapter);
    }

    fn publish(&mut self, version: &str, words: &str, change: Change<'_>) -> anyhow::Result<()> {
        self.tell(&format!("The vendor publishes {version}: {words}"), &format!("publish v{version}"));
        let said = self.vendor.release(version, words, change)?;
        indent(&said);
        Ok(())
    }

    fn install(&mut self, client: &Client) -> anyhow::Result<()> {
        self.tell("A client's server installs it", "surefoot install");
        show(client, &["install"])?;
        for note in ["buy milk", "call Ada", "water the plants"] {
            client.note(note)?;
        }
        serves(client, "1.0.0", 3)
    }

    fn update(&mut self, client: &Client) -> anyhow::Result<()> {
        let migration = Some("alter table notes add column author text not null default 'nobody';\n");
        self.publish("1.1.0", "Notes have an author", Change { migration, ..Change::default() })?;
        self.tell("The agent takes it: it proves, backs up, migrates, switches and checks", "surefoot update");
        show(client, &["update"])?;
        client.note("a note written on 1.1.0")?;
        serves(client, "1.1.0", 4)
    }

    fn bad_release(&mut self, client: &Client) -> anyhow::Result<()> {
        let migration = Some("alter table notes drop column author;\n");
        self.publish("1.2.0", "A mistake: it answers 500", Change { migration, ill: true, ..Change::default() })?;
        self.tell("The agent tries it, sees that it is ill, and puts everything back", "surefoot update");
        let answer = client.surefoot(&["update"])?;
        indent(&format!("{}{}", answer.err, answer.out));
        ensure!(answer.code == 7, "a bad release must end with exit code 7, not {}", answer.code);
        let author: String = client.database()?.query_row("select author from notes limit 1", [], |row| row.get(0))?;
        ensure!(author == "nobody", "the schema of 1.1.0 must be back");
        serves(client, "1.1.0", 4)
    }
}

fn serves(client: &Client, version: &str, notes: u64) -> anyhow::Result<()> {
    let (found, kept) = (client.version()?, client.notes()?);
    ensure!(found == version && kept == notes, "{found} serves with {kept} notes");
    println!("   -> {version} serves, all {notes} notes are there");
    Ok(())
}

fn show(client: &Client, arguments: &[&str]) -> anyhow::Result<()> {
    let answer = client.surefoot(arguments)?.well()?;
    indent(&format!("{}{}", answer.err, answer.out));
    Ok(())
}

fn indent(text: &str) {
    for line in text.lines() {
        println!("     {line}");
    }
}
