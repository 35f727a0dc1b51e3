use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use super::report::Report;
use super::section::Section;
use super::yaml::Value;
use crate::plan::facts::Region;
use crate::source::Secret;
use crate::source::proxmox::{Credentials, Settings};

/// Limit of one request, unless the file says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Reads `clusters`. They are counted from 1 in messages.
pub(super) fn read(clusters: &[Value], guest_timeout: Duration, report: &mut Report) -> Vec<Settings> {
    if clusters.is_empty() {
        report.problem("no clusters; list at least one under `clusters`");
    }
    let mut regions = Vec::new();
    let mut seen: HashMap<Region, usize> = HashMap::new();
    for (number, value) in (1..).zip(clusters) {
        let mut section = Section::new(&format!("cluster {number}"), Some(value), report);
        let settings = cluster(number, &mut section, guest_timeout, report);
        section.finish(report);
        let Some(settings) = settings else { continue };
        if let Some(first) = seen.insert(settings.region.clone(), number) {
            report.problem(format!(
                "cluster {number}: region {} is the region of cluster {first} too; give each its own name, \
                 or list equivalent end points of one cluster under urls",
                settings.region
            ));
        }
        regions.push(settings);
    }
    regions
}

/// One cluster; `None` when something was a problem. The order of the checks is that of §2.
fn cluster(
    number: usize,
    section: &mut Section<'_>,
    guest_timeout: Duration,
    report: &mut Report,
) -> Option<Settings> {
    let credentials = credentials(number, section, report);
    let region = region(number, section, report);
    let urls = urls(number, section, report);
    let insecure = section.switch("insecure", false, report);
    let ca_file = section
        .text("ca_file", report)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    let ca = section
        .text("ca", report)
        .filter(|pem| !pem.trim().is_empty())
        .map(str::to_owned);
    let timeout = section.duration("timeout", TIMEOUT, report);
    if insecure && (ca.is_some() || ca_file.is_some()) {
        report.warning(format!(
            "cluster {number}: insecure is true, so ca and ca_file have no effect; remove insecure"
        ));
    }
    Some(Settings {
        region: region?,
        urls: urls?,
        insecure,
        ca_file,
        ca,
        credentials: credentials?,
        timeout,
        guest_timeout,
    })
}

/// Exactly one kind of credentials, and all of it.
fn credentials(number: usize, section: &mut Section<'_>, report: &mut Report) -> Option<Credentials> {
    let mut text = |key| section.text(key, report).unwrap_or_default();
    let token = (text("token_id"), text("token_secret"));
    let files = (text("token_id_file"), text("token_secret_file"));
    let user = (text("username"), text("password"));
    let any = |pair: (&str, &str)| !pair.0.is_empty() || !pair.1.is_empty();
    let kinds = [
        ("token_id and token_secret", any(token)),
        ("token_id_file and token_secret_file", any(files)),
        // Half a log-in is no kind of credentials: a stray username beside a token is harmless (case 131).
        ("username and password", !user.0.is_empty() && !user.1.is_empty()),
    ];
    let present: Vec<&str> = kinds
        .iter()
        .filter(|(_, present)| *present)
        .map(|(name, _)| *name)
        .collect();
    match present.as_slice() {
        [] => {
            let half = if any(user) {
                ", and username needs password beside it"
            } else {
                ""
            };
            report.problem(format!(
                "cluster {number}: credentials missing; set token_id and token_secret, or token_id_file and \
                 token_secret_file, or username and password{half}"
            ));
            None
        }
        [_] if any(token) => {
            whole(number, ["token_id", "token_secret"], token, report)?;
            Some(Credentials::Token {
                id: token.0.trim().to_owned(),
                secret: Secret::new(token.1.trim()),
            })
        }
        [_] if any(files) => {
            whole(number, ["token_id_file", "token_secret_file"], files, report)?;
            Some(Credentials::TokenFiles {
                id: files.0.into(),
                secret: files.1.into(),
            })
        }
        [_] => Some(Credentials::Password {
            username: user.0.to_owned(),
            password: Secret::new(user.1),
        }),
        several => {
            report.problem(format!(
                "cluster {number}: only one kind of credentials is allowed, and there are {}; remove all but one",
                several.join(", ")
            ));
            None
        }
    }
}

/// Half a token would send requests without any credentials (D21).
fn whole(number: usize, keys: [&str; 2], pair: (&str, &str), report: &mut Report) -> Option<()> {
    let [first, second] = keys;
    let (there, missing) = match (pair.0.is_empty(), pair.1.is_empty()) {
        (false, true) => (first, second),
        (true, false) => (second, first),
        _ => return Some(()),
    };
    report.problem(format!(
        "cluster {number}: {there} is set but {missing} is empty; set both"
    ));
    None
}

fn region(number: usize, section: &mut Section<'_>, report: &mut Report) -> Option<Region> {
    let text = section.text("region", report).unwrap_or_default();
    if text.is_empty() {
        report.problem(format!(
            "cluster {number}: region missing; name the cluster, as region: fsn"
        ));
        return None;
    }
    text.parse()
        .map_err(|error| report.problem(format!("cluster {number}: {error}")))
        .ok()
}

/// `url` first, then `urls`, each in one form and only once.
fn urls(number: usize, section: &mut Section<'_>, report: &mut Report) -> Option<Vec<String>> {
    let single = section.text("url", report).unwrap_or_default();
    let mut all: Vec<&str> = section.texts("urls", report);
    if !single.is_empty() || all.is_empty() {
        all.insert(0, single);
    }
    let mut urls: Vec<String> = Vec::with_capacity(all.len());
    let mut fine = true;
    for text in all {
        match normalised(text) {
            Ok(url) if urls.contains(&url) => {}
            Ok(url) => urls.push(url),
            Err(problem) => {
                fine = false;
                report.problem(format!(
                    "cluster {number}: {problem}; write it as https://HOST:8006/api2/json"
                ));
            }
        }
    }
    fine.then_some(urls)
}

/// The URL without slashes at its end, and with the path of the API if it has none (D18).
fn normalised(text: &str) -> Result<String, String> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    if !lower.starts_with("http://") && !lower.starts_with("https://") {
        return Err(if text.is_empty() {
            "API URL missing".to_owned()
        } else {
            format!(
                "API URL missing: \"{}\" does not begin with https:// or http://",
                without_user(text)
            )
        });
    }
    let unusable = || format!("API URL \"{}\" is unusable", without_user(text));
    let uri: http::Uri = text.parse().map_err(|_| unusable())?;
    let (Some(authority), None) = (uri.authority(), uri.query()) else {
        return Err(unusable());
    };
    if authority.host().is_empty() || authority.as_str().contains('@') {
        return Err(unusable());
    }
    let scheme = uri.scheme_str().unwrap_or("https").to_ascii_lowercase();
    let path = uri.path().trim_end_matches('/');
    let path = if path.is_empty() { "/api2/json" } else { path };
    Ok(format!("{scheme}://{authority}{path}"))
}

/// A user name or password in a URL is no place for it, and a message is no better one.
fn without_user(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, host)) => format!("…@{host}"),
        None => text.to_owned(),
    }
}
