use manifest_schema::tuf::SigningKey;

use super::*;

fn ask(line: &str) -> Result<Option<String>, CommandError> {
    let public = SigningKey::from_seed([7; 32]).public();
    let command: Command = format!("exec:{line}").parse().unwrap();
    command.within(Duration::from_secs(2)).sign(RoleName::Targets, &public, b"the message")
}

#[test]
fn an_answer_in_hex_or_base64_is_a_signature() {
    let hex = "ab".repeat(64);
    assert_eq!(ask(&format!("echo {hex}")).unwrap(), Some(hex.clone()));
    assert_eq!(ask(&format!("printf %s {}", hex.to_uppercase())).unwrap(), Some(hex.clone()));
    let base64 = format!("{}qw==", "q6ur".repeat(21));
    assert_eq!(ask(&format!("echo {base64}")).unwrap(), Some(hex));
}

#[test]
fn it_gets_the_bytes_the_role_and_the_key_and_no_secret() {
    let public = SigningKey::from_seed([7; 32]).public();
    let line = format!(
        "test \"$(cat)\" = 'the message' && test $SUREFOOT_ROLE = targets && test $SUREFOOT_KEY_ID = {} \
         && test $SUREFOOT_PUBLIC_KEY = ed25519:{public} && echo {}",
        public.id(),
        "00".repeat(64)
    );
    assert!(ask(&line).unwrap().is_some());
}

#[test]
fn code_3_means_that_it_does_not_hold_the_key() {
    assert_eq!(ask("exit 3").unwrap(), None);
}

#[test]
fn a_failure_and_another_answer_are_told() {
    assert!(matches!(ask("exit 1"), Err(CommandError::Failed { .. })));
    for line in ["echo yes", "true", "printf ab", "head -c 4096 /dev/zero"] {
        assert!(matches!(ask(line), Err(CommandError::Answer { .. })), "{line}");
    }
}

#[test]
fn a_command_that_hangs_is_stopped_with_what_it_started() {
    let begun = Instant::now();
    let hangs = ask("sleep 600 & echo $! > /dev/null; wait");
    assert!(matches!(hangs, Err(CommandError::TooLong { .. })));
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[test]
fn only_exec_is_a_signer() {
    for text in ["", "exec:", "exec:  ", "sh", "file:x"] {
        assert!(text.parse::<Command>().is_err(), "{text}");
    }
}
