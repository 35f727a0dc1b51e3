//! Which node is this? (spec cni-ipam §5.4)

use std::env;

use super::{access::Access, certificate, client::Client, failure::Failure, object::Node, tls, url::Scheme};
use crate::{machine, plan::Reading};

/// The node name that needs no question: `configured`, or else `$NODE_NAME`.
pub(super) fn told_name(configured: Option<&str>) -> Option<String> {
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

impl Access {
    /// The node this access was made for: named in the kubeconfig, or in a kubelet's client certificate
    /// (`system:node:<name>`), when that is how we are known. Whatever cannot be read names none.
    pub(super) fn node_name(&self) -> Option<String> {
        self.node.clone().or_else(|| self.node_in_certificate())
    }

    fn node_in_certificate(&self) -> Option<String> {
        if self.server.scheme == Scheme::Http {
            return None;
        }
        let certificate = tls::load(self.user.certificate.as_ref()?, "client-certificate").ok()?;
        let der = tls::first_certificate(&certificate)?;
        certificate::common_name(&der)?
            .strip_prefix("system:node:")
            .map(str::to_owned)
    }
}

/// The node object of this machine: by `name` when it is known, by the name found before, or else by the machine-id
/// among all nodes.
///
/// # Errors
/// The texts of the specification.
pub(crate) fn own_node(
    client: &Client,
    name: Option<&str>,
    remembered: Option<&Reading>,
) -> Result<Node, NodeError> {
    if let Some(name) = name {
        return Ok(client.node(name)?);
    }
    let ids = machine::ids()
        .map_err(|error| Failure::Permanent(format!("cannot read {}: {error}", machine::MACHINE_ID)))?;
    if let Some(reading) = remembered {
        match client.node::<Node>(&reading.node) {
            // A disk may have been copied to another machine, and a name given to another one.
            Ok(node) if node.uid == reading.uid && ids.contains(&node.machine_id) => return Ok(node),
            Err(failure @ Failure::Transient(_)) => return Err(failure.into()),
            Ok(_) | Err(_) => {}
        }
    }
    by_machine_id(client, &ids)
}

fn by_machine_id(client: &Client, ids: &[String]) -> Result<Node, NodeError> {
    if ids.is_empty() {
        return Err(NodeError::Missing(format!(
            "Own node object not found: {} is missing or empty; set NODE_NAME",
            machine::MACHINE_ID
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
