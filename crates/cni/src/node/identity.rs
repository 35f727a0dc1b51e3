//! Which node is this? (spec cni-ipam §5.4)

use std::{env, fs, io};

use super::{client::Client, failure::Failure, object::Node};

/// Where a machine says who it is (machine-id(5)).
const MACHINE_ID: &str = "/etc/machine-id";

/// The node name that needs no question: `configured`, or else `$NODE_NAME`.
pub(crate) fn known_name(configured: Option<&str>) -> Option<String> {
    let configured = configured.filter(|name| !name.is_empty()).map(str::to_owned);
    configured.or_else(|| env::var("NODE_NAME").ok().filter(|name| !name.is_empty()))
}

/// Why the own node is not known.
#[derive(Debug)]
pub(crate) enum NodeError {
    /// The API server answered, and none of its nodes is certainly this machine. The text says why.
    Missing(String),
    /// It could not be asked.
    Failed(Failure),
}

impl From<Failure> for NodeError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotFound => Self::Missing("Node not found".to_owned()),
            other => Self::Failed(other),
        }
    }
}

/// The node object of this machine: by a name that is known, by the name in the kubeconfig or the client certificate, by the name
/// found before (with its UID), or else by the machine-id among all nodes.
///
/// # Errors
/// The texts of the specification.
pub(crate) fn own_node(
    client: &Client,
    name: Option<&str>,
    remembered: Option<(&str, &str)>,
) -> Result<Node, NodeError> {
    let told = name.map(str::to_owned).or_else(|| client.node_in_kubeconfig());
    if let Some(name) = told.or_else(|| client.node_in_certificate()) {
        return Ok(client.node(&name)?);
    }
    let text = machine_id()?;
    let ids: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    if let Some((name, uid)) = remembered
        && let Ok(node) = client.node::<Node>(name)
        // A disk may have been copied to another machine, and a name given to another one.
        && node.uid == uid
        && ids.contains(&node.machine_id.as_str())
    {
        return Ok(node);
    }
    by_machine_id(client, &ids)
}

fn machine_id() -> Result<String, Failure> {
    match fs::read_to_string(MACHINE_ID) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::Permanent(format!("cannot read {MACHINE_ID}: {error}")))
        }
        found => Ok(found.unwrap_or_default()),
    }
}

fn by_machine_id(client: &Client, ids: &[&str]) -> Result<Node, NodeError> {
    if ids.is_empty() {
        return Err(NodeError::Missing(format!(
            "Own node object not found: {MACHINE_ID} is missing or empty; set NODE_NAME"
        )));
    }
    let matching = client.nodes(|found: &mut Vec<(usize, Node)>, node| {
        if let Some(line) = ids.iter().position(|id| *id == node.machine_id) {
            found.push((line, node));
        }
    })?;
    choose(matching)
}

/// The node that the first line with any match names. Cloned machines share an id, and the range of another
/// node is the worst answer there is.
fn choose(matching: Vec<(usize, Node)>) -> Result<Node, NodeError> {
    let missing = |text: &str| Err(NodeError::Missing(text.to_owned()));
    let Some(line) = matching.iter().map(|(line, _)| *line).min() else {
        return missing("Own node object not found");
    };
    let mut nodes = matching
        .into_iter()
        .filter(|(other, _)| *other == line)
        .map(|(_, node)| node);
    match (nodes.next(), nodes.next()) {
        (Some(node), None) => Ok(node),
        _ => missing("Several nodes have this machine-id"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Node, NodeError, choose};

    fn node(name: &str) -> Node {
        Node {
            name: name.to_owned(),
            ..Node::default()
        }
    }

    #[test]
    fn the_first_line_with_a_match_decides() {
        let name = |matching| match choose(matching) {
            Ok(node) => node.name,
            Err(NodeError::Missing(text)) => text,
            Err(NodeError::Failed(failure)) => failure.to_string(),
        };
        assert_eq!(name(vec![(1, node("b")), (0, node("a"))]), "a");
        assert_eq!(name(vec![]), "Own node object not found");
        assert_eq!(
            name(vec![(0, node("a")), (0, node("b"))]),
            "Several nodes have this machine-id"
        );
    }
}
