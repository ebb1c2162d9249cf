//! WASI for components of other toolchains: a counter for a clock, the seeded generator, lines in the log, and nothing of the world.

mod support;

use std::sync::Arc;

use dag_model::{Field, Schema, Type};
use dag_wasm::{Aggregate, Answer, CallError, Component, InstanceOptions, LoadError, Runtime, RuntimeOptions};
use support::Guest;

/// What is tried here of WASI's own interfaces, with their own types.
const WASI: &str = "
package wasi:io@0.2.9 {
    interface error { resource error { to-debug-string: func() -> string; } }
    interface poll {
        resource pollable { ready: func() -> bool; block: func(); }
        poll: func(in: list<borrow<pollable>>) -> list<u32>;
    }
    interface streams {
        use error.{error};
        use poll.{pollable};
        variant stream-error { last-operation-failed(error), closed }
        resource input-stream {
            read: func(len: u64) -> result<list<u8>, stream-error>;
            subscribe: func() -> pollable;
        }
        resource output-stream {
            check-write: func() -> result<u64, stream-error>;
            write: func(contents: list<u8>) -> result<_, stream-error>;
            blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
            blocking-flush: func() -> result<_, stream-error>;
            splice: func(src: borrow<input-stream>, len: u64) -> result<u64, stream-error>;
        }
    }
}
package wasi:clocks@0.2.9 {
    interface monotonic-clock {
        use wasi:io/poll@0.2.9.{pollable};
        now: func() -> u64;
        resolution: func() -> u64;
        subscribe-duration: func(when: u64) -> pollable;
    }
    interface wall-clock {
        record datetime { seconds: u64, nanoseconds: u32 }
        now: func() -> datetime;
    }
}
package wasi:random@0.2.9 {
    interface random { get-random-bytes: func(len: u64) -> list<u8>; get-random-u64: func() -> u64; }
    interface insecure-seed { insecure-seed: func() -> tuple<u64, u64>; }
}
package wasi:cli@0.2.9 {
    interface environment { get-environment: func() -> list<tuple<string, string>>; }
    interface exit { exit: func(status: result); }
    interface stdin { use wasi:io/streams@0.2.9.{input-stream}; get-stdin: func() -> input-stream; }
    interface stdout { use wasi:io/streams@0.2.9.{output-stream}; get-stdout: func() -> output-stream; }
    interface stderr { use wasi:io/streams@0.2.9.{output-stream}; get-stderr: func() -> output-stream; }
}
package wasi:filesystem@0.2.9 {
    interface types {
        use wasi:io/error@0.2.9.{error};
        enum error-code { access, no-entry }
        resource descriptor { sync-data: func() -> result<_, error-code>; }
        filesystem-error-code: func(err: borrow<error>) -> option<error-code>;
    }
    interface preopens { use types.{descriptor}; get-directories: func() -> list<tuple<descriptor, string>>; }
}
package wasi:sockets@0.2.9 {
    interface network { resource network; enum error-code { access-denied } }
    interface instance-network { use network.{network}; instance-network: func() -> network; }
}
package wasi:keyvalue@0.2.9 {
    interface store { open: func(name: string); }
}
package wasi:clocks@0.3.0 {
    interface monotonic-clock { now: func() -> u64; }
}
";

fn runtime() -> Runtime {
    Runtime::new(RuntimeOptions::default()).unwrap()
}

fn loaded(guest: &Guest) -> Arc<Component> {
    runtime().load(&guest.module()).unwrap()
}

fn bound(component: &Component, seed: u64) -> Aggregate {
    let mut aggregate = component.aggregate(InstanceOptions { random: seed, ..InstanceOptions::default() }).unwrap();
    aggregate.bind("probe", &[], &Schema::new(vec![Field::new("value", Type::Float64)])).unwrap();
    aggregate
}

/// The body of a function that puts bytes at 4096 and returns so many of them.
fn body(text: &str, count: &str) -> &'static str {
    let text = format!(
        "{text}
        (i32.store (global.get $return) (i32.const 0))
        (i32.store offset=4 (global.get $return) (i32.const 4096))
        (i32.store offset=8 (global.get $return) {count})
        (global.get $return)"
    );
    text.leak()
}

fn numbers(bytes: &[u8]) -> Vec<u64> {
    bytes.chunks(8).map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap())).collect()
}

/// Why a call ended the instance.
fn trap(answer: Result<Vec<u8>, CallError>) -> String {
    match answer {
        Err(CallError::Trap(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// A guest whose `scan` looks twice at the monotonic clock, once at the wall clock, and draws a number; `state` does the same.
fn looks() -> Guest {
    let looks = body(
        "(local $pollable i32)
        (i64.store (i32.const 4096) (call $now))
        (i64.store (i32.const 4104) (call $now))
        (call $wall (i32.const 4112))
        (i64.store (i32.const 4128) (call $random))",
        "(i32.const 40)",
    );
    Guest {
        wit: (WASI, &["wasi:clocks/monotonic-clock@0.2.9", "wasi:clocks/wall-clock@0.2.9", "wasi:random/random@0.2.9"]),
        imports: r#"
            (import "wasi:clocks/monotonic-clock@0.2.9" "now" (func $now (result i64)))
            (import "wasi:clocks/wall-clock@0.2.9" "now" (func $wall (param i32)))
            (import "wasi:random/random@0.2.9" "get-random-u64" (func $random (result i64)))"#,
        scan: looks,
        state: looks,
        ..Guest::default()
    }
}

#[test]
fn the_clock_counts_and_two_instances_side_by_side_see_the_same() {
    let component = loaded(&looks());
    let (mut one, mut other) = (bound(&component, 7), bound(&component, 7));
    for round in 0..3 {
        let seen = numbers(&one.scan(&[]).unwrap());
        assert_eq!(seen, numbers(&other.scan(&[]).unwrap()));
        let [first, second, seconds, nanoseconds, _] = seen[..] else { panic!("{seen:?}") };
        assert!(second > first && first > 1_000_000_000, "{seen:?}");
        assert!(seconds * 1_000_000_000 + (nanoseconds & 0xffff_ffff) > second, "{seen:?}");
        // Neither the machine's time nor its speed.
        assert_eq!(first, 1_000_001_000 + 4_000 * round);
    }
    let mut seeded = bound(&component, 8);
    assert_ne!(numbers(&seeded.scan(&[]).unwrap())[4], numbers(&bound(&component, 7).scan(&[]).unwrap())[4]);
}

#[test]
fn what_goes_on_from_a_snapshot_sees_what_would_have_been_seen() {
    let component = loaded(&looks());
    let mut through = bound(&component, 7);
    through.scan(&[]).unwrap();
    // A snapshot looks at the clock and draws, too, and nobody can tell later whether it was taken.
    let saved = through.random_state();
    assert_eq!(numbers(&through.state(&[]).unwrap())[0], 1_000_004_000, "the clock stands");
    assert_eq!(through.random_state(), saved);

    let mut restored = bound(&component, 7);
    restored.merge(&[]).unwrap();
    restored.go_on_from(saved);
    for _ in 0..3 {
        assert_eq!(restored.scan(&[]).unwrap(), through.scan(&[]).unwrap());
    }
}

#[test]
fn who_waits_for_the_clock_waits_no_time() {
    let guest = Guest {
        wit: (WASI, &["wasi:clocks/monotonic-clock@0.2.9", "wasi:io/poll@0.2.9"]),
        imports: r#"
            (import "wasi:clocks/monotonic-clock@0.2.9" "now" (func $now (result i64)))
            (import "wasi:clocks/monotonic-clock@0.2.9" "subscribe-duration" (func $in (param i64) (result i32)))
            (import "wasi:io/poll@0.2.9" "[method]pollable.block" (func $block (param i32)))
            (import "wasi:io/poll@0.2.9" "[method]pollable.ready" (func $ready (param i32) (result i32)))
            (import "wasi:io/poll@0.2.9" "[resource-drop]pollable" (func $drop (param i32)))
            (import "wasi:io/poll@0.2.9" "poll" (func $poll (param i32 i32 i32)))"#,
        // An hour; then the first of a day and a minute.
        scan: body(
            "(local $hour i32)
            (local.set $hour (call $in (i64.const 3600000000000)))
            (i64.store (i32.const 4096) (i64.extend_i32_u (call $ready (local.get $hour))))
            (call $block (local.get $hour))
            (i64.store (i32.const 4104) (i64.extend_i32_u (call $ready (local.get $hour))))
            (call $drop (local.get $hour))
            (i64.store (i32.const 4112) (call $now))
            (i32.store (i32.const 8192) (call $in (i64.const 86400000000000)))
            (i32.store (i32.const 8196) (call $in (i64.const 60000000000)))
            (call $poll (i32.const 8192) (i32.const 2) (i32.const 8200))
            (i64.store (i32.const 4120) (i64.extend_i32_u (i32.load (i32.const 8204))))
            (i64.store (i32.const 4128) (i64.extend_i32_u (i32.load (i32.load (i32.const 8200)))))
            (i64.store (i32.const 4136) (call $now))",
            "(i32.const 48)",
        ),
        ..Guest::default()
    };
    let seen = numbers(&bound(&loaded(&guest), 0).scan(&[]).unwrap());
    let (hour, minute) = (3_600_000_000_000, 60_000_000_000);
    assert_eq!(seen[..2], [0, 1], "it is ready once it was waited for");
    assert!((hour..hour + 2_000_000_000).contains(&seen[2]), "{seen:?}");
    assert_eq!(seen[3..5], [1, 1], "the minute alone");
    assert!((seen[2] + minute..seen[2] + minute + 1_000_000).contains(&seen[5]), "{seen:?}");
}

#[test]
fn random_bytes_are_the_generators_and_so_many_at_a_time() {
    let guest = Guest {
        wit: (WASI, &["wasi:random/random@0.2.9", "wasi:random/insecure-seed@0.2.9"]),
        imports: r#"
            (import "wasi:random/random@0.2.9" "get-random-bytes" (func $bytes (param i64 i32)))
            (import "wasi:random/insecure-seed@0.2.9" "insecure-seed" (func $seed (param i32)))"#,
        scan: body(
            "(call $bytes (i64.const 11) (i32.const 8192))
            (memory.copy (i32.const 4112) (i32.load (i32.const 8192)) (i32.load (i32.const 8196)))
            (call $seed (i32.const 4096))",
            "(i32.add (i32.const 16) (i32.load (i32.const 8196)))",
        ),
        update: "(call $bytes (i64.const 1048577) (i32.const 8192)) (global.get $ok)",
        ..Guest::default()
    };
    let component = loaded(&guest);
    let (mut one, mut other) = (bound(&component, 1), bound(&component, 2));
    let (first, second) = (one.scan(&[]).unwrap(), other.scan(&[]).unwrap());
    assert_eq!((first.len(), &first[..16]), (27, &second[..16]), "maps are spread the same everywhere");
    assert_ne!(first[16..], second[16..]);
    assert_ne!(first[16..], one.scan(&[]).unwrap()[16..]);
    let Err(CallError::Trap(why)) = one.update(&[]) else { panic!("that is too many") };
    assert_eq!(why, "it asked for 1048577 random bytes; the limit is 1048576 at a time");
}

/// A guest that writes its words to standard error.
fn writes(scan: &'static str) -> Guest {
    Guest {
        wit: (
            WASI,
            &["wasi:cli/stderr@0.2.9", "wasi:cli/stdout@0.2.9", "wasi:io/streams@0.2.9", "wasi:cli/exit@0.2.9"],
        ),
        imports: r#"
            (import "wasi:cli/stderr@0.2.9" "get-stderr" (func $stderr (result i32)))
            (import "wasi:cli/stdout@0.2.9" "get-stdout" (func $stdout (result i32)))
            (import "wasi:cli/exit@0.2.9" "exit" (func $exit (param i32)))
            (import "wasi:io/streams@0.2.9" "[method]output-stream.check-write" (func $room (param i32 i32)))
            (import "wasi:io/streams@0.2.9" "[method]output-stream.splice" (func $splice (param i32 i32 i64 i32)))
            (import "wasi:io/streams@0.2.9" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))
            (import "wasi:io/streams@0.2.9" "[resource-drop]output-stream" (func $drop (param i32)))"#,
        scan,
        ..Guest::default()
    }
}

#[test]
fn what_a_guest_writes_to_standard_error_before_it_traps_is_the_reason() {
    let guest = writes("(call $write (call $stderr) (global.get $words) (i32.const 14) (i32.const 8192)) unreachable");
    let why = trap(bound(&loaded(&guest), 0).scan(&[]));
    assert!(why.starts_with("the disk is on (") && why.contains("unreachable"), "{why}");
    // Standard output is no reason.
    let guest = writes("(call $write (call $stdout) (global.get $words) (i32.const 14) (i32.const 8192)) unreachable");
    let why = trap(bound(&loaded(&guest), 0).scan(&[]));
    assert!(!why.contains("the disk"), "{why}");
    let guest = writes(
        "(call $write (call $stderr) (global.get $words) (i32.const 14) (i32.const 8192)) (call $exit (i32.const 1)) unreachable",
    );
    let why = trap(bound(&loaded(&guest), 0).scan(&[]));
    assert_eq!(why, "the disk is on (it ended itself with `wasi:cli/exit` exit)");
    let guest = writes("(call $splice (call $stderr) (i32.const 1) (i64.const 1) (i32.const 8192)) unreachable");
    assert!(runtime().load(&guest.module()).is_ok(), "what is never called is no hindrance");
}

#[test]
fn an_instance_has_only_so_much_open_and_what_it_closes_does_not_count() {
    let open = |close: &str| {
        let text = format!(
            "(local $count i32)
            (loop $again
                (local.set $count (i32.add (local.get $count) (i32.const 1)))
                {close}
                (br_if $again (i32.lt_u (local.get $count) (i32.const 5000))))"
        );
        bound(&loaded(&writes(body(&text, "(i32.const 0)"))), 0).scan(&[])
    };
    assert_eq!(open("(call $drop (call $stdout))"), Ok(Vec::new()));
    let why = trap(open("(drop (call $stdout))"));
    assert_eq!(why, "it has more than 1024 streams and pollables open, which is the limit");
}

#[test]
fn there_are_no_files_no_environment_and_no_input() {
    let guest = Guest {
        wit: (
            WASI,
            &[
                "wasi:filesystem/preopens@0.2.9",
                "wasi:filesystem/types@0.2.9",
                "wasi:cli/environment@0.2.9",
                "wasi:cli/stdin@0.2.9",
                "wasi:io/streams@0.2.9",
            ],
        ),
        imports: r#"
            (import "wasi:filesystem/preopens@0.2.9" "get-directories" (func $folders (param i32)))
            (import "wasi:filesystem/types@0.2.9" "[method]descriptor.sync-data" (func $sync (param i32 i32)))
            (import "wasi:cli/environment@0.2.9" "get-environment" (func $environment (param i32)))
            (import "wasi:cli/stdin@0.2.9" "get-stdin" (func $stdin (result i32)))
            (import "wasi:io/streams@0.2.9" "[method]input-stream.read" (func $read (param i32 i64 i32)))"#,
        scan: body(
            "(call $folders (i32.const 4096))
            (call $environment (i32.const 4104))
            (call $read (call $stdin) (i64.const 10) (i32.const 4112))",
            "(i32.const 24)",
        ),
        ..Guest::default()
    };
    let seen = bound(&loaded(&guest), 0).scan(&[]).unwrap();
    assert_eq!((&seen[4..8], &seen[12..16]), (&[0; 4][..], &[0; 4][..]), "no folders, no variables");
    assert_eq!((seen[16], seen[20]), (1, 1), "an error, which is that the stream has ended");
}

#[test]
fn the_network_is_refused_by_name_when_it_is_called() {
    let guest = Guest {
        wit: (WASI, &["wasi:sockets/instance-network@0.2.9"]),
        imports: r#"(import "wasi:sockets/instance-network@0.2.9" "instance-network" (func $network (result i32)))"#,
        scan: body("(drop (call $network))", "(i32.const 0)"),
        ..Guest::default()
    };
    let why = trap(bound(&loaded(&guest), 0).scan(&[]));
    assert_eq!(why, "it called `wasi:sockets/instance-network` instance-network, and an operator has no network");
}

#[test]
fn what_is_imported_and_how_it_is_answered_is_part_of_the_description() {
    let component = loaded(&looks());
    let imports = &component.description().imports;
    let imports: Vec<_> = imports.iter().map(|import| (import.name.as_str(), import.answer)).collect();
    assert_eq!(
        imports,
        [
            ("dag:operator/host@0.1.0", Answer::Host),
            ("wasi:clocks/monotonic-clock@0.2.9", Answer::Clock),
            ("wasi:clocks/wall-clock@0.2.9", Answer::Clock),
            ("wasi:random/random@0.2.9", Answer::Random),
        ]
    );
}

#[test]
fn an_import_that_nothing_answers_is_refused_by_name_with_what_to_do() {
    let refused = |names: &'static [&'static str], imports: &'static str| {
        let guest = Guest { wit: (WASI, names), imports, ..Guest::default() };
        match runtime().load(&guest.module()).map(|_| ()) {
            Err(error @ LoadError::Import(_)) => error.to_string(),
            other => panic!("{other:?}"),
        }
    };
    let why = refused(
        &["wasi:keyvalue/store@0.2.9"],
        r#"(import "wasi:keyvalue/store@0.2.9" "open" (func (param i32 i32)))"#,
    );
    assert!(why.contains("imports `wasi:keyvalue/store@0.2.9`, which nothing here answers"), "{why}");
    assert!(why.contains("build it without what needs this"), "{why}");
    let why = refused(
        &["wasi:clocks/monotonic-clock@0.3.0"],
        r#"(import "wasi:clocks/monotonic-clock@0.3.0" "now" (func (result i64)))"#,
    );
    assert!(why.contains("imports `wasi:clocks/monotonic-clock@0.3.0`") && why.contains("of WASI 0.2"), "{why}");
}

#[test]
fn what_is_called_as_wasi_and_has_other_types_is_refused() {
    let component = r#"(component
        (import "wasi:clocks/monotonic-clock@0.2.9" (instance (export "now" (func (result string)))))
        (instance $i) (export "dag:operator/aggregating@0.1.0" (instance $i)))"#;
    let refused = runtime().load(&wat::parse_str(component).unwrap()).map(|_| ());
    assert!(matches!(&refused, Err(LoadError::Interface(why)) if why.contains("now")), "{refused:?}");
}
