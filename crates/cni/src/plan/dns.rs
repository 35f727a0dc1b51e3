use crate::json::{Json, Object};

/// The resolver settings of a result (spec §3.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dns {
    nameservers: Vec<String>,
    domain: Option<String>,
    search: Vec<String>,
    options: Vec<String>,
}

impl Dns {
    /// Reads the text of a resolv.conf(5). Nothing is validated, and a `#` inside a line is no comment.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut dns = Self::default();
        for line in text
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with(['#', ';']))
        {
            let mut words = line.split_whitespace();
            let (Some(key), Some(first)) = (words.next(), words.next()) else {
                continue;
            };
            let all = std::iter::once(first).chain(words).map(str::to_owned);
            match key {
                "nameserver" => dns.nameservers.push(first.to_owned()),
                "domain" => dns.domain = Some(first.to_owned()),
                "search" => dns.search.extend(all),
                "options" => dns.options.extend(all),
                _ => {}
            }
        }
        dns
    }

    /// The object of a result; what says nothing is left out.
    pub(super) fn to_object(&self) -> Object {
        let mut object = Object::default();
        let list =
            |items: &[String]| Json::List(items.iter().map(|item| Json::from(item.as_str())).collect());
        if !self.nameservers.is_empty() {
            object.set("nameservers", list(&self.nameservers));
        }
        if let Some(domain) = &self.domain {
            object.set("domain", Json::from(domain.as_str()));
        }
        if !self.search.is_empty() {
            object.set("search", list(&self.search));
        }
        if !self.options.is_empty() {
            object.set("options", list(&self.options));
        }
        object
    }
}
