//! `/etc/hosts` (hosts(5)) and `/etc/resolv.conf` (resolv.conf(5)).

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

/// As many servers as the C library takes (`MAXNS`).
const SERVERS: usize = 3;

/// The addresses that a hosts file gives to `name`, in its order.
pub(super) fn hosts_entries(text: &str, name: &str) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let Some(Ok(address)) = words.next().map(str::parse) else {
            continue;
        };
        if words.any(|word| word.eq_ignore_ascii_case(name)) {
            found.push(address);
        }
    }
    found
}

/// What `/etc/resolv.conf` says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) servers: Vec<SocketAddr>,
    pub(super) search: Vec<String>,
    /// Names with fewer dots are tried with the search list first.
    pub(super) ndots: usize,
    pub(super) attempts: usize,
    /// How long one server may take.
    pub(super) timeout: Duration,
}

impl Config {
    /// Reads the text; what is unknown or malformed is skipped, as the C library does.
    ///
    /// One server gets 2 s unless `timeout` says less or more (at most 5 s), not the usual 5 s: the whole call
    /// has 15.
    pub(super) fn parse(text: &str) -> Self {
        let mut config = Self {
            servers: Vec::new(),
            search: Vec::new(),
            ndots: 1,
            attempts: 2,
            timeout: Duration::from_secs(2),
        };
        for line in text
            .lines()
            .filter(|line| !line.trim_start().starts_with(['#', ';']))
        {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => config.servers.extend(words.next().and_then(server)),
                Some("domain") => config.search = words.next().map(str::to_owned).into_iter().collect(),
                Some("search") => config.search = words.map(str::to_owned).collect(),
                Some("options") => words.for_each(|option| config.option(option)),
                _ => {}
            }
        }
        config.servers.truncate(SERVERS);
        if config.servers.is_empty() {
            config.servers.push(SocketAddr::from((Ipv4Addr::LOCALHOST, 53)));
        }
        config
    }

    fn option(&mut self, option: &str) {
        let Some((name, Ok(value))) = option
            .split_once(':')
            .map(|(name, value)| (name, value.parse::<u8>()))
        else {
            return;
        };
        match name {
            "ndots" => self.ndots = usize::from(value.min(15)),
            "timeout" => self.timeout = Duration::from_secs(u64::from(value.clamp(1, 5))),
            "attempts" => self.attempts = usize::from(value.clamp(1, 5)),
            _ => {}
        }
    }

    /// The full names to ask for, in order.
    pub(super) fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(absolute) = name.strip_suffix('.') {
            return vec![absolute.to_owned()];
        }
        let dots = name.matches('.').count();
        let searched = self.search.iter().map(|domain| domain.trim_matches('.'));
        let searched = searched
            .filter(|domain| !domain.is_empty())
            .map(|domain| format!("{name}.{domain}"));
        let alone = || std::iter::once(name.to_owned());
        if dots >= self.ndots {
            alone().chain(searched).collect()
        } else {
            searched.chain(alone()).collect()
        }
    }
}

fn server(text: &str) -> Option<SocketAddr> {
    text.parse::<IpAddr>()
        .ok()
        .map(|address| SocketAddr::new(address, 53))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Config, hosts_entries};

    #[test]
    fn a_hosts_file_may_name_a_host_several_times() {
        let text = "127.0.0.1 localhost\n192.0.2.1\tapi.example api # main\n# 192.0.2.9 api\n2001:db8::1 API\nbad api\n";
        assert_eq!(
            hosts_entries(text, "api"),
            [
                "192.0.2.1".parse::<std::net::IpAddr>().unwrap(),
                "2001:db8::1".parse().unwrap()
            ]
        );
        assert!(hosts_entries(text, "main").is_empty());
    }

    #[test]
    fn resolv_conf_is_read_as_the_c_library_does() {
        let text = "# c\n; c\ndomain x.y\nsearch a.b c.d.\nnameserver 192.0.2.53\nnameserver nonsense\n\
                    nameserver 2001:db8::53\noptions ndots:5 timeout:1 attempts:9 rotate\nnameserver 192.0.2.54\nnameserver 192.0.2.55\n";
        let config = Config::parse(text);
        let servers: Vec<String> = config.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["192.0.2.53:53", "[2001:db8::53]:53", "192.0.2.54:53"]);
        assert_eq!(
            (config.ndots, config.attempts, config.timeout),
            (5, 5, Duration::from_secs(1))
        );
        assert_eq!(
            config.candidates("api.example"),
            ["api.example.a.b", "api.example.c.d", "api.example"]
        );
        assert_eq!(config.candidates("api.example."), ["api.example"]);
    }

    #[test]
    fn an_empty_file_means_the_local_server() {
        let config = Config::parse("");
        assert_eq!(config.servers, ["127.0.0.1:53".parse().unwrap()]);
        assert_eq!(config.candidates("api.example"), ["api.example"]);
        assert_eq!(config.candidates("api"), ["api"]);
    }
}
