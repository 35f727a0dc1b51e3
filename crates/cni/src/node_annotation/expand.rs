//! The `ipam` section that an annotation stands for (spec cni-ipam §6.1, §6.3).

use crate::{
    delegate::NextIpam,
    error::Error,
    json::{Json, Object},
    plan::annotation,
};

use super::failed;

/// `ipam.annotation`.
///
/// # Errors
/// Code 11 when there is none.
pub(super) fn annotation_key(document: &Object) -> Result<&str, Error> {
    let ipam = document.get("ipam").and_then(Json::as_object);
    let key = ipam
        .and_then(|ipam| ipam.get("annotation"))
        .and_then(Json::as_str);
    key.filter(|key| !key.is_empty())
        .ok_or_else(|| failed("No annotation specified"))
}

/// The `ipam` section that the annotation stands for. Nothing of the old one is kept, unless it says `"merge":
/// true` \[E\].
///
/// # Errors
/// Code 11 for a text that is no annotation.
pub(super) fn expanded_ipam(document: &Object, text: &str, next: Option<&NextIpam>) -> Result<Object, Error> {
    let bad = |error: annotation::SyntaxError| failed("Bad annotation").with_details(error.to_string());
    let members = annotation::parse(text).map_err(bad)?;
    let ipam = document.get("ipam").and_then(Json::as_object);
    let merged = match ipam {
        Some(ipam) if ipam.get("merge") == Some(&Json::Bool(true)) => {
            kept(ipam).chain(members.iter()).collect()
        }
        _ => members.iter().collect::<Vec<_>>(),
    };
    let members: Object = merged
        .into_iter()
        .map(|(key, value)| (key, value.clone()))
        .collect();
    let mut section = annotation::section(next.map_or("host-local", NextIpam::kind), &members);
    if next.is_none() {
        annotation::nest_ranges(&mut section);
    }
    Ok(section)
}

/// What a merge keeps of the old section.
fn kept(ipam: &Object) -> impl Iterator<Item = (&str, &Json)> {
    let ours = ["type", "annotation", "merge", "cacheTTL"];
    ipam.iter()
        .filter(move |(key, _)| !ours.iter().any(|one| one.eq_ignore_ascii_case(key)))
}
