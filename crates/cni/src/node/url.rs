//! The few URLs a kubeconfig holds: `scheme://host[:port][/prefix]`.

use std::{fmt, net::IpAddr};

/// Whether a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

/// Where a server is: an address that needs nothing, or a name that must be looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Address(IpAddr),
    Name(String),
}

impl fmt::Display for Host {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(out),
            Self::Name(name) => out.write_str(name),
        }
    }
}

/// A server, as named by a kubeconfig.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) scheme: Scheme,
    pub(crate) host: Host,
    pub(crate) port: u16,
    /// Path in front of `/api`, without a slash at its end; usually empty.
    pub(crate) prefix: String,
}

impl Url {
    /// Reads `text`. The error says what is wrong, not which key it came from; it never repeats the text, which
    /// may hold a password.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = match text.split_once("://") {
            Some((name, rest)) => (scheme(name)?, rest),
            // The Kubernetes clients read a server without a scheme as plain http.
            None => (Scheme::Http, text),
        };
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        if authority.contains('@') {
            return Err(
                "user information in an address is not supported; remove the part before \"@\"".to_owned(),
            );
        }
        if !rest.bytes().all(|byte| byte.is_ascii_graphic()) || rest.contains(['?', '#', '"', '\\']) {
            return Err("not an address of the form https://host:port".to_owned());
        }
        let (host, port) = host_and_port(authority)?;
        let default = if scheme == Scheme::Https { 443 } else { 80 };
        let port = port.map_or(Ok(default), |port| {
            port.parse()
                .map_err(|_| format!("port {port} is not a number from 1 to 65535"))
        })?;
        Ok(Self {
            scheme,
            host,
            port,
            prefix: path.trim_end_matches('/').to_owned(),
        })
    }

    /// `host:port` with an IPv6 address in brackets, as the `Host` header and `CONNECT` want it.
    pub(crate) fn authority(&self) -> String {
        match &self.host {
            Host::Address(IpAddr::V6(address)) => format!("[{address}]:{}", self.port),
            host => format!("{host}:{}", self.port),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.scheme == Scheme::Https {
            "https"
        } else {
            "http"
        };
        write!(out, "{scheme}://{}{}", self.authority(), self.prefix)
    }
}

fn scheme(name: &str) -> Result<Scheme, String> {
    if name.eq_ignore_ascii_case("https") {
        Ok(Scheme::Https)
    } else if name.eq_ignore_ascii_case("http") {
        Ok(Scheme::Http)
    } else {
        Err(format!("scheme {name} is not supported; use https or http"))
    }
}

fn host_and_port(authority: &str) -> Result<(Host, Option<&str>), String> {
    let no_host = || "the host is missing; write https://host:port".to_owned();
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, after) = rest
            .split_once(']')
            .ok_or("an IPv6 address without its closing bracket")?;
        let address = address
            .parse()
            .map_err(|_| format!("{address} is not an IPv6 address"))?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((Host::Address(IpAddr::V6(address)), Some(port))),
            None if after.is_empty() => Ok((Host::Address(IpAddr::V6(address)), None)),
            None => Err(format!("unexpected {after} after an IPv6 address")),
        };
    }
    let (name, port) = authority
        .split_once(':')
        .map_or((authority, None), |(name, port)| (name, Some(port)));
    if name.is_empty() {
        return Err(no_host());
    }
    let host = name
        .parse()
        .map_or_else(|_| Host::Name(name.to_owned()), Host::Address);
    Ok((host, port.filter(|port| !port.is_empty())))
}

#[cfg(test)]
mod tests {
    use super::{Host, Scheme, Url};

    #[test]
    fn the_forms_of_a_kubeconfig_are_read() {
        let table = [
            ("https://192.0.2.1:6443", "https://192.0.2.1:6443"),
            ("https://[2001:db8::1]:6443/", "https://[2001:db8::1]:6443"),
            ("https://[2001:db8::1]", "https://[2001:db8::1]:443"),
            ("HTTP://localhost:8080", "http://localhost:8080"),
            (
                "https://rancher.example/k8s/clusters/c-1/",
                "https://rancher.example:443/k8s/clusters/c-1",
            ),
            ("api.example:8080", "http://api.example:8080"),
        ];
        for (text, shown) in table {
            assert_eq!(Url::parse(text).map(|url| url.to_string()).as_deref(), Ok(shown));
        }
    }

    #[test]
    fn a_name_is_told_from_an_address() {
        assert_eq!(
            Url::parse("https://api").unwrap().host,
            Host::Name("api".to_owned())
        );
        assert_eq!(Url::parse("https://192.0.2.1").unwrap().scheme, Scheme::Https);
    }

    #[test]
    fn what_is_not_a_server_is_refused_without_repeating_secrets() {
        for text in [
            "",
            "https://",
            "ftp://x",
            "https://a b",
            "https://x:99999",
            "https://[::1",
            "https://x?y",
        ] {
            assert!(Url::parse(text).is_err(), "{text}");
        }
        assert!(
            !Url::parse("https://me:hunter2@x")
                .unwrap_err()
                .contains("hunter2")
        );
    }
}
