#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    publisher::fuzzing::bundle(bytes);
});
