#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| seatgate_fuzz::run("removal_reply", data));
