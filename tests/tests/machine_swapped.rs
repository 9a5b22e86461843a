//! The application's user swaps what is theirs for links to what is root's, all the while that root works on it: the real agent
//! on a real machine. Every point of an update is tried in turn by `update::tests::swapped`; here the instant is chance.

use std::time::Duration;

use surefoot_tests::kkt;
use surefoot_tests::machine::{Machine, MachineOptions};
use surefoot_tests::scenario::{self, Faults, Site};

const SOON: Duration = Duration::from_secs(30);

/// What is root's alone, and looks like a home: what is done to the wrong one finds what it looks for.
const CANARY: &str = r#"
umask 077
mkdir -p /root/canary/releases/1.0.0/systemd /root/canary/releases/1.1.0 /root/canary/releases/1.1.0.pending /root/canary/releases/0.9.0
mkdir -p /root/canary/shared/uploads
for file in releases/0.9.0/file releases/1.0.0/VERSION releases/1.0.0/systemd/kkt-web.service releases/1.1.0/VERSION \
    releases/1.1.0.pending/file shared/.env shared/uploads/invoice.pdf secret; do
    printf 'DATABASE_URL=CANARY-OF-ROOT\n' > /root/canary/$file
done
# As `ln` by the user makes it where fs.protected_hardlinks is off.
ln /root/canary/secret /home/kktapp/kkt-system/uploads/named-again
find /root/canary -exec touch -h -d '2026-01-02 03:04:05' {} +
"#;

/// All that could be seen of a change, but for when it was read.
const LOOK: &str = "find /root/canary -printf '%P %y %m %U:%G %s %T@ %C@ %n\\n' | sort; find /root/canary -type f -exec sha256sum {} + | sort";

/// Where the words of the canary lie, and anybody but root comes: a copy keeps owner and mode behind a door that only root passes.
const LEAKED: &str = r#"
runuser -u kktapp -- grep -rslaF CANARY-OF-ROOT / --exclude-dir=proc --exclude-dir=sys --exclude-dir=dev 2>/dev/null || true
find /home /var /etc /run /tmp -xdev -type f ! -path '*/uploads/named-again' -size -64M -print0 2>/dev/null |
    xargs -0 grep -slaF CANARY-OF-ROOT | grep -v '^/var/log/journal/' || true
"#;

/// Swaps by renameat2(2), `RENAME_EXCHANGE`: short, often, and at another instant each time. It ends with everything in its place.
const SWAPPER: &str = r#"
import ctypes, glob, os, random, signal, sys, time
libc = ctypes.CDLL(None, use_errno=True)
HOME = '/home/kktapp/kkt-system.surefoot'
is_over = False
def end(*_):
    global is_over
    is_over = True
signal.signal(signal.SIGTERM, end)
def exchange(one, other):
    return libc.renameat2(-100, one.encode(), -100, other.encode(), 2) == 0
def is_canary(path):
    return os.path.islink(path) and os.readlink(path).startswith('/root/canary')
def swap(name, target, pause):
    aside = name + '.swapped'
    try:
        os.mkfifo(aside) if target == 'pipe' else os.symlink(target, aside)
    except OSError:
        return 0
    done = exchange(name, aside)
    if done:
        time.sleep(pause)
        exchange(name, aside)
    try:
        os.unlink(aside)
    except OSError:
        pass
    return done
def names():
    # Rarely: whoever meets this one goes no further, and there is more to be met.
    if random.random() < 0.02:
        yield HOME, '/root/canary'
    yield HOME + '/shared/uploads/invoice.pdf', '/root/canary/secret'
    yield HOME + '/shared/uploads/invoice.pdf', 'pipe'
    for tree in glob.glob(HOME + '/releases/*'):
        for below, target in (('systemd', '/root/canary/releases/1.0.0/systemd'), ('hooks', '/root/canary'),
                              ('migrations', '/root/canary'), ('systemd/kkt-web.service', '/root/canary/secret'),
                              ('systemd/kkt-web.service', 'pipe')):
            if os.path.exists(tree + '/' + below):
                yield tree + '/' + below, target
count = 0
while not is_over:
    for name, target in names():
        count += swap(name, target, random.choice((0, 0.0001, 0.002)))
    time.sleep(random.random() * 0.004)
print('count:', count)
"#;

/// The user's process: it swaps until it is told to end.
fn begin(machine: &Machine) {
    machine.write("/var/tmp/swapper.py", SWAPPER);
    machine.sh("systemd-run --quiet --unit=swapper --uid=kktapp python3 /var/tmp/swapper.py");
}

/// How often something was swapped.
fn end(machine: &Machine) -> u32 {
    machine.sh("systemctl stop swapper.service");
    let said = machine.journal("swapper.service");
    let count = said.rsplit_once("count: ").and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok());
    count.unwrap_or_else(|| panic!("{said}"))
}

/// Tries until it has gone in or so often; every end is one that is foreseen, and says why.
fn try_often(site: &Site<'_>, arguments: &[&str], often: u32) -> Vec<i32> {
    let mut codes = Vec::new();
    for _ in 0..often {
        let answer = site.surefoot(arguments);
        println!("{arguments:?}: {} {}", answer.code, answer.err.trim());
        codes.push(answer.code);
        match answer.code {
            0 => break,
            // Refused, or taken back, or a person is needed.
            6..=8 => assert!(answer.err.trim().len() > 20, "{arguments:?}: {answer:?}"),
            _ => panic!("{arguments:?}: {answer:?}"),
        }
        if answer.code == 8 {
            let _ = site.surefoot(&["resume"]);
        }
    }
    codes
}

#[test]
fn directories_that_are_swapped_all_the_while_lead_the_agent_nowhere() {
    let image = scenario::adopted().expect("the image is there");
    let machine = Machine::boot(&image, MachineOptions::named("swapped")).expect("the machine boots");
    let site = Site::look_at(&machine).expect("the site is there");
    let _program = Faults::install(&site).expect("the agent of this build is there");
    machine.sh(CANARY);
    let before = machine.sh(LOOK);
    let unharmed = |when: &str| {
        assert_eq!(machine.sh(LOOK), before, "{when}: something of root's was changed");
        assert_eq!(machine.sh(LEAKED), "", "{when}: something of root's lies elsewhere");
    };
    site.offer("upto-1.1.0");

    begin(&machine);
    let updates = try_often(&site, &["update", "1.1.0", "--again"], 6);
    let swapped = end(&machine);
    unharmed("after the updates");
    println!("update: {updates:?}, {swapped} swaps");
    assert!(swapped > 100, "it was hardly in the way: {swapped}");
    let _ = site.surefoot(&["resume"]);
    machine.sh("systemctl restart kkt-web.service kkt-bot.service");
    machine.wait_until("kkt serves", SOON, || kkt::health(&machine).is_some());
    if kkt::health(&machine).as_deref() == Some("1.0.0") {
        site.surefoot(&["update", "1.1.0", "--again"]).well();
    }
    site.insist_on("1.1.0");
    unharmed("after the next update");

    begin(&machine);
    let rollbacks = try_often(&site, &["rollback", "--yes"], 4);
    println!("rollback: {rollbacks:?}, {} swaps", end(&machine));
    unharmed("after the rollbacks");
    let _ = site.surefoot(&["resume"]);
    machine.sh("systemctl restart kkt-web.service kkt-bot.service");
    machine.wait_until("kkt serves", SOON, || kkt::health(&machine).is_some());
    if kkt::health(&machine).as_deref() == Some("1.1.0") {
        site.surefoot(&["rollback", "--yes"]).well();
    }
    site.insist_on("1.0.0");
    unharmed("at the end");
}
