//! Plain questions to name servers (RFC 1035), over UDP.
//!
//! Ours because it is a page of code: a library of DNS messages brings a dozen crates, and a resolver would go by
//! `resolv.conf`, caches and search lists, where the probe has to ask this server this question.

mod message;
mod query;

use std::io;

use futures::future::join;

use self::message::{Kind, Question};
use super::outcome::Passed;
use super::target::NameServer;
use nodenet::plan::probe::DEFAULT_DNS_HOST;

/// What the servers are asked.
enum Wish {
    /// The name servers of the host: every resolver can answer that of the root servers.
    NameServers(Question),
    /// Its addresses; either family will do.
    Addresses(Question, Question),
}

/// Asks the servers in order until one answers, two seconds for each.
pub(super) async fn attempt(host: &str, servers: &[NameServer]) -> Result<Passed, String> {
    let wish = Wish::about(host).ok_or_else(|| format!("{host:?} is no DNS name"))?;
    if servers.is_empty() {
        return Err("the node has no name servers".to_owned());
    }
    let mut problems = Vec::new();
    for server in servers {
        match wish.ask(server).await {
            Ok(()) => {
                return Ok(Passed::Dns {
                    server: server.clone(),
                });
            }
            Err(problem) => problems.push(format!("{server}: {problem}")),
        }
    }
    Err(problems.join("; "))
}

impl Wish {
    fn about(host: &str) -> Option<Self> {
        let question = |kind| Question::new(host, kind);
        if host.trim_end_matches('.').eq_ignore_ascii_case(DEFAULT_DNS_HOST) {
            return question(Kind::Ns).map(Self::NameServers);
        }
        Some(Self::Addresses(question(Kind::A)?, question(Kind::Aaaa)?))
    }

    async fn ask(&self, server: &NameServer) -> io::Result<()> {
        match self {
            Self::NameServers(question) => query::ask(question, server).await,
            Self::Addresses(v4, v6) => match join(query::ask(v4, server), query::ask(v6, server)).await {
                (Err(problem), Err(_)) => Err(problem),
                _ => Ok(()),
            },
        }
    }
}
