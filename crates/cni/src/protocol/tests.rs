use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt as _;

use super::{CniVersion, Command, MAX_INPUT, Request, decode, input, name, request};
use crate::error::Error;

const ALL: [(&str, &str); 5] = [
    ("CNI_COMMAND", "ADD"),
    ("CNI_CONTAINERID", "c1"),
    ("CNI_NETNS", "/run/netns/x"),
    ("CNI_IFNAME", "eth0"),
    ("CNI_PATH", "/opt/cni/bin:/usr/lib/cni"),
];

/// All variables but for these changes; an empty value is as good as none.
fn ask(changes: &[(&str, &str)]) -> Result<Request, Error> {
    let mut variables = HashMap::from(ALL);
    variables.extend(changes.iter().copied());
    request(&|name| variables.get(name).map(OsString::from))
}

#[test]
fn a_call_has_everything_the_environment_says() {
    let Ok(Request::Call(call)) = ask(&[("CNI_ARGS", "A=b"), ("CNI_NETNS_OVERRIDE", "True")]) else {
        panic!("a complete environment is a call");
    };
    assert_eq!(
        (call.command, call.container_id.as_str(), call.ifname.as_str()),
        (Command::Add, "c1", "eth0")
    );
    assert_eq!((call.args.as_str(), call.netns_override), ("A=b", true));
    assert_eq!(call.path.len(), 2);
}

#[test]
fn every_command_requires_what_the_table_says() {
    let nothing = [
        ("CNI_CONTAINERID", ""),
        ("CNI_NETNS", ""),
        ("CNI_IFNAME", ""),
        ("CNI_PATH", ""),
    ];
    let missing = |command| {
        let changes: Vec<_> = nothing.into_iter().chain([("CNI_COMMAND", command)]).collect();
        ask(&changes).map_err(|e| (e.code, e.msg))
    };
    for (command, names) in [
        ("ADD", "CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH"),
        ("CHECK", "CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH"),
        ("DEL", "CNI_CONTAINERID,CNI_IFNAME,CNI_PATH"),
        ("GC", "CNI_PATH"),
    ] {
        let msg = format!("required env variables [{names}] missing");
        assert_eq!(missing(command), Err((4, msg)));
    }
    assert!(matches!(missing("STATUS"), Ok(Request::Call(_))));
    assert_eq!(missing("VERSION"), Ok(Request::Version));
    assert_eq!(missing(""), Ok(Request::Nothing));
    assert_eq!(missing("add"), Ok(Request::Unknown("add".to_owned())));
}

#[test]
fn commands_without_attachment_do_not_look_at_its_names() {
    for command in ["GC", "STATUS", "VERSION", "FOO"] {
        let asked = ask(&[
            ("CNI_COMMAND", command),
            ("CNI_CONTAINERID", "a/b"),
            ("CNI_IFNAME", "a/b"),
        ]);
        assert!(asked.is_ok(), "{command}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_where_they_name_something() {
    let with = |variable: &'static str| {
        request(&move |name| {
            let garbage = name == variable;
            let value = HashMap::from(ALL).get(name).map(OsString::from);
            if garbage {
                Some(OsString::from_vec(vec![b'e', 0xff]))
            } else {
                value
            }
        })
    };
    assert_eq!(
        with("CNI_CONTAINERID").unwrap_err().msg,
        "invalid characters in containerID"
    );
    assert_eq!(with("CNI_IFNAME").unwrap_err().msg, "interface name is not UTF-8");
    assert!(with("CNI_NETNS").is_ok());
    assert!(with("CNI_ARGS").is_ok());
    assert!(matches!(with("CNI_COMMAND"), Ok(Request::Unknown(_))));
}

#[test]
fn versions_are_exact_texts() {
    for version in CniVersion::ALL {
        assert_eq!(CniVersion::negotiate(version.text(), Command::Add), Ok(version));
    }
    assert_eq!(CniVersion::negotiate("", Command::Del), Ok(CniVersion::V0_1_0));
    for unknown in ["1.0", "1.0.1", "v1.0.0", "1.0.0 ", "0.9.9"] {
        assert_eq!(
            CniVersion::negotiate(unknown, Command::Add).unwrap_err().code,
            1,
            "{unknown}"
        );
    }
}

#[test]
fn commands_came_with_versions() {
    let outcome = |version, command| CniVersion::negotiate(version, command).map_err(|e| (e.code, e.msg));
    let refused = |who: &str, command: &str| Err((1, format!("{who} version does not allow {command}")));
    assert_eq!(outcome("0.3.1", Command::Check), refused("config", "CHECK"));
    assert_eq!(outcome("", Command::Check), refused("config", "CHECK"));
    assert_eq!(outcome("0.4.0", Command::Check), Ok(CniVersion::V0_4_0));
    assert_eq!(outcome("1.0.0", Command::Status), refused("config", "STATUS"));
    assert_eq!(outcome("1.2.0", Command::Gc), refused("plugin", "GC"));
    assert_eq!(outcome("1.1.0", Command::Gc), Ok(CniVersion::V1_1_0));
    // Newer than CHECK, older than what we speak, but nobody's version.
    assert_eq!(outcome("0.4.5", Command::Check).map_err(|e| e.0), Err(1));
    for garbage in ["one", "1.x.0", "1.0.0.0", "1..0", "-1.0.0", "99999999999.0.0"] {
        assert_eq!(
            outcome(garbage, Command::Check).map_err(|e| e.0),
            Err(6),
            "{garbage}"
        );
    }
}

#[test]
fn stdin_has_a_limit_and_what_is_behind_it_is_not_read() {
    let mut endless = io::repeat(b' ');
    let refused = input::read(&mut endless).unwrap_err();
    assert_eq!(refused.code, 5, "{refused}");
    let at_limit = io::Read::take(io::repeat(b' '), MAX_INPUT);
    assert_eq!(input::read(at_limit).unwrap().len() as u64, MAX_INPUT);
}

#[test]
fn names_stay_in_their_directory() {
    let outcome = |stdin: &str| decode(stdin.as_bytes()).and_then(|document| Ok(name(&document)?.to_owned()));
    assert_eq!(outcome(r#"{"NAME":"a.b-c_1"}"#), Ok("a.b-c_1".to_owned()));
    for bad in ["..", ".", "a/b", "-a", "_a", "é", "a\u{0}", "a b"] {
        let stdin = serde_json::json!({"name": bad}).to_string();
        assert_eq!(outcome(&stdin).unwrap_err().code, 7, "{bad}");
    }
    assert_eq!(outcome("[]").unwrap_err().code, 6);
    assert_eq!(outcome("null").unwrap_err().msg, "missing network name");
}
