//! The ranges of a node: from `spec.podCIDRs`, or from an annotation (spec cni-ipam §5.5).

use super::{annotation, parse_cidr};
use crate::{
    error::{Error, code},
    json::{Json, Object},
};

/// What the node has of `spec`, and its annotation if one was asked for.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// `spec.podCIDRs`, `spec.podCIDR`.
    Spec(Option<&'a [String]>, Option<&'a str>),
    /// The value of the annotation, if the node has it.
    Annotation(Option<&'a str>),
}

/// The members of an `ipam` section that say which addresses there are: `ranges`, and `routes` if the node
/// names some.
///
/// # Errors
/// Code 100 in the words of spec §5.5.
pub fn node_ranges(source: Source<'_>) -> Result<Object, Error> {
    let cidrs: Vec<&str> = match source {
        Source::Spec(Some(list), _) => list.iter().map(String::as_str).collect(),
        Source::Spec(None, Some(single)) => vec![single],
        Source::Spec(None, None) => return Err(unreadable("No spec.podCIDRs found")),
        Source::Annotation(None) => return Err(unreadable("Annotation not found")),
        Source::Annotation(Some(text)) if is_section(text) => return from_section(text),
        Source::Annotation(Some(text)) => text.split(',').map(str::trim).collect(),
    };
    let mut is_ipv4 = Vec::with_capacity(cidrs.len());
    for cidr in &cidrs {
        let parsed = parse_cidr(cidr).ok_or_else(|| unreadable(format!("invalid CIDR address: {cidr}")))?;
        is_ipv4.push(parsed.address.is_ipv4());
    }
    check_families(&is_ipv4)?;
    let sets = cidrs.into_iter().map(|cidr| {
        let range = Object::from_iter([("subnet", Json::from(cidr))]);
        Json::List(vec![Json::Object(range)])
    });
    Ok(Object::from_iter([("ranges", Json::List(sets.collect()))]))
}

fn check_families(is_ipv4: &[bool]) -> Result<(), Error> {
    match is_ipv4 {
        [] => Err(refused("No Ranges")),
        [one, other] if one == other => Err(refused("Subnets of same family")),
        [_] | [_, _] => Ok(()),
        _ => Err(refused("Too many Ranges")),
    }
}

/// Whether the annotation is written as for `node-annotation` \[E\]: a list of CIDRs has no such beginning.
fn is_section(text: &str) -> bool {
    let text = text.trim_start();
    let key = text.trim_start_matches('"');
    let after = key.strip_prefix("ranges").or_else(|| key.strip_prefix("subnet"));
    let is_key = after.is_some_and(|rest| rest.trim_start_matches('"').trim_start().starts_with(':'));
    text.starts_with(['{', '[']) || is_key
}

fn from_section(text: &str) -> Result<Object, Error> {
    let mut members =
        annotation::parse(text).map_err(|error| unreadable(format!("Bad annotation {error}")))?;
    annotation::nest_ranges(&mut members);
    let mut sets: Vec<Json> = members
        .get("ranges")
        .and_then(Json::as_list)
        .unwrap_or_default()
        .to_vec();
    // The old form of one range comes first, as in the allocator.
    if members.get("subnet").is_some() {
        let keys = ["subnet", "rangeStart", "rangeEnd", "gateway", "exclude"];
        let range: Object = keys
            .into_iter()
            .filter_map(|key| Some((key, members.get(key)?.clone())))
            .collect();
        sets.insert(0, Json::List(vec![Json::Object(range)]));
    }
    let families: Result<Vec<bool>, Error> = sets.iter().map(set_family).collect();
    check_families(&families?)?;
    let mut wanted = Object::from_iter([("ranges", Json::List(sets))]);
    // Anything else, above all a directory, is not for whoever may annotate a node to say.
    if let Some(routes) = members.get("routes") {
        wanted.set("routes", routes.clone());
    }
    Ok(wanted)
}

/// Whether the first range of a set is IPv4; the allocator refuses sets of both.
fn set_family(set: &Json) -> Result<bool, Error> {
    let first = set.as_list().and_then(<[Json]>::first).and_then(Json::as_object);
    let subnet = first
        .and_then(|range| range.get("subnet"))
        .and_then(Json::as_str)
        .unwrap_or_default();
    let cidr = parse_cidr(subnet).ok_or_else(|| unreadable(format!("invalid CIDR address: {subnet}")))?;
    Ok(cidr.address.is_ipv4())
}

fn unreadable(details: impl Into<String>) -> Error {
    Error::new(code::KUBE_NODE, "Get PodCIDRs").with_details(details)
}

fn refused(details: &str) -> Error {
    Error::new(code::KUBE_NODE, "CIDR config").with_details(details)
}

#[cfg(test)]
mod tests {
    use super::{Source, node_ranges};

    fn annotation(text: &str) -> Result<String, String> {
        text_of(Source::Annotation(Some(text)))
    }

    fn text_of(source: Source<'_>) -> Result<String, String> {
        node_ranges(source)
            .map(|members| serde_json::to_string(&members).unwrap())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_words_of_the_table_are_used() {
        let table = [
            ("a,b", "Get PodCIDRs; invalid CIDR address: a"),
            ("", "Get PodCIDRs; invalid CIDR address: "),
            ("192.0.2.0/24,", "Get PodCIDRs; invalid CIDR address: "),
            (
                "192.0.2.0/24,198.51.100.0/24",
                "CIDR config; Subnets of same family",
            ),
            (
                "192.0.2.0/24,198.51.100.0/24,2001:db8::/64",
                "CIDR config; Too many Ranges",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(annotation(text), Err(expected.to_owned()), "{text}");
        }
        assert_eq!(
            text_of(Source::Annotation(None)),
            Err("Get PodCIDRs; Annotation not found".to_owned())
        );
        assert_eq!(
            text_of(Source::Spec(None, None)),
            Err("Get PodCIDRs; No spec.podCIDRs found".to_owned())
        );
        assert_eq!(
            text_of(Source::Spec(Some(&[]), Some("192.0.2.0/24"))),
            Err("CIDR config; No Ranges".to_owned())
        );
    }

    #[test]
    fn host_bits_are_left_for_the_allocator_to_find() {
        assert_eq!(
            annotation(" 192.0.2.5/24 "),
            Ok(r#"{"ranges":[[{"subnet":"192.0.2.5/24"}]]}"#.to_owned())
        );
    }

    #[test]
    fn the_older_single_range_is_a_fallback() {
        let single = text_of(Source::Spec(None, Some("192.0.2.0/24")));
        assert_eq!(
            single,
            Ok(r#"{"ranges":[[{"subnet":"192.0.2.0/24"}]]}"#.to_owned())
        );
    }

    #[test]
    fn a_section_may_say_more_but_not_where_to_write() {
        let text = r#"ranges: [{"subnet":"192.0.2.0/24","rangeStart":"192.0.2.9"}], dataDir: "/etc", routes: [{"dst":"::/0"}]"#;
        let expected =
            r#"{"ranges":[[{"subnet":"192.0.2.0/24","rangeStart":"192.0.2.9"}]],"routes":[{"dst":"::/0"}]}"#;
        assert_eq!(annotation(text), Ok(expected.to_owned()));
        let old = annotation(r#"{"subnet":"192.0.2.0/24","gateway":"192.0.2.7"}"#);
        assert_eq!(
            old,
            Ok(r#"{"ranges":[[{"subnet":"192.0.2.0/24","gateway":"192.0.2.7"}]]}"#.to_owned())
        );
        assert!(
            annotation("ranges: env")
                .unwrap_err()
                .starts_with("Get PodCIDRs; Bad annotation at byte 8")
        );
        assert_eq!(annotation("{}"), Err("CIDR config; No Ranges".to_owned()));
        assert_eq!(
            annotation("ranges-of-mine"),
            Err("Get PodCIDRs; invalid CIDR address: ranges-of-mine".to_owned())
        );
    }
}
