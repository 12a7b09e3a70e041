//! How the API is reached: endpoint and token, checked before the first call.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;
use reqwest::header::HeaderValue;

use crate::provider::{ProviderError, ProviderErrorKind};

/// The API's public endpoint.
pub const ENDPOINT: &str = "https://api.hetzner.cloud/v1";

/// Where to get a token, said wherever one is missing or refused.
pub const TOKEN_ADVICE: &str = "Make an API token with read and write permission in the Cloud \
     Console (project, Security, API tokens), put it into the environment variable HCLOUD_TOKEN, \
     and check it with `sandplan init`.";

/// An API token. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Takes a token as the user gave it; space around it does not count.
    pub fn parse(text: Option<&str>) -> Result<Self, ProviderError> {
        let text = text.map(str::trim).unwrap_or_default();
        if text.is_empty() {
            return Err(denied(&format!("There is no token for Hetzner Cloud. {TOKEN_ADVICE}")));
        }
        if !text.chars().all(|c| c.is_ascii_graphic()) {
            return Err(denied(&format!(
                "The token for Hetzner Cloud is malformed: it holds {}. {TOKEN_ADVICE}",
                strangeness(text)
            )));
        }
        Ok(Self(text.to_owned()))
    }

    /// Says what is unusual about the token, to be told when it is refused.
    pub fn hint(&self) -> Option<String> {
        let length = self.0.len();
        (length != 64).then(|| format!("It has {length} characters; tokens usually have 64."))
    }

    /// Returns the value of the header `Authorization`, marked as a secret.
    pub(super) fn header(&self) -> Result<HeaderValue, ProviderError> {
        let value = HeaderValue::from_str(&format!("Bearer {}", self.0));
        let mut value = value.map_err(|_| {
            denied(&format!("The token for Hetzner Cloud is malformed. {TOKEN_ADVICE}"))
        })?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// Names the kind of character that no token has; never the character itself.
fn strangeness(text: &str) -> &'static str {
    match text {
        _ if text.contains(char::is_whitespace) => "white space",
        _ if text.contains(char::is_control) => "control characters",
        _ => "characters that are not ASCII",
    }
}

fn denied(message: &str) -> ProviderError {
    ProviderError::new(ProviderErrorKind::Denied, message)
}

/// Endpoint, credentials, and how the program calls itself.
#[derive(Debug, Clone)]
pub struct Access {
    pub endpoint: Url,
    pub token: Token,
    pub user_agent: String,
}

impl Access {
    /// Checks what the user gave; without an endpoint, the public one is taken.
    pub fn new(endpoint: Option<&str>, token: Option<&str>) -> Result<Self, ProviderError> {
        let endpoint = parse_endpoint(endpoint.unwrap_or(ENDPOINT))?;
        let user_agent = format!("sandplan/{}", env!("CARGO_PKG_VERSION"));
        Ok(Self { endpoint, token: Token::parse(token)?, user_agent })
    }

    /// Tells whether the endpoint is on this machine.
    pub fn is_local(&self) -> bool {
        match self.endpoint.host_str() {
            Some("localhost") => true,
            Some(host) => address(host).is_some_and(|address| address.is_loopback()),
            None => false,
        }
    }
}

/// Reads an endpoint; one to which the token would travel unencrypted through
/// the Internet is refused.
fn parse_endpoint(text: &str) -> Result<Url, ProviderError> {
    let rejected = |why: &str| {
        let message = format!("The endpoint `{text}` of Hetzner Cloud cannot be used: {why}.");
        ProviderError::new(ProviderErrorKind::Rejected, message)
    };
    let text = text.trim().trim_end_matches('/');
    let url = Url::parse(text).map_err(|error| rejected(&error.to_string()))?;
    let host = url.host_str().ok_or_else(|| rejected("it names no host"))?;
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err(rejected("only a scheme, a host, a port and a path may stand in it"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_near(host) => Ok(url),
        "http" => Err(rejected("the token would be sent unencrypted; use https")),
        _ => Err(rejected("it has to begin with https://")),
    }
}

/// Tells whether a host is on this machine or in a private network.
fn is_near(host: &str) -> bool {
    match address(host) {
        Some(IpAddr::V4(v4)) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        Some(IpAddr::V6(v6)) => v6.is_loopback() || v6.is_unique_local(),
        None => !host.contains('.'),
    }
}

fn address(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(token: Option<&str>) -> ProviderError {
        Access::new(None, token).unwrap_err()
    }

    #[test]
    fn a_missing_token_points_to_init_and_the_variable() {
        for token in [None, Some(""), Some("  \n")] {
            let error = refused(token);
            assert_eq!(error.kind, ProviderErrorKind::Denied);
            let said = error.message;
            assert!(said.contains("`sandplan init`") && said.contains("HCLOUD_TOKEN"), "{said}");
        }
    }

    #[test]
    fn a_malformed_token_is_described_but_not_shown() {
        for (token, why) in [
            ("secret secret", "white space"),
            ("secret\u{7}", "control characters"),
            ("secr\u{e9}t", "not ASCII"),
        ] {
            let error = refused(Some(token));
            assert_eq!(error.kind, ProviderErrorKind::Denied);
            assert!(error.message.contains(why), "{}", error.message);
            assert!(!error.message.contains("secr"), "{}", error.message);
        }
    }

    #[test]
    fn a_token_never_prints() {
        let access = Access::new(None, Some(" top-secret\n")).unwrap();
        assert!(!format!("{access:?}").contains("top-secret"));
        assert!(!format!("{:?}", access.token.header().unwrap()).contains("top-secret"));
        assert_eq!(access.token.hint().unwrap(), "It has 10 characters; tokens usually have 64.");
    }

    #[test]
    fn endpoints_are_https_or_near() {
        let check = |text| Access::new(Some(text), Some("t")).map(|access| access.endpoint);
        for text in [
            "https://api.hetzner.cloud/v1/",
            "http://127.0.0.1:8080",
            "http://[::1]:80/v1",
            "http://10.0.0.7:1",
            "http://emulator:8080/v1",
        ] {
            assert!(check(text).is_ok(), "{text}");
        }
        for text in ["http://api.hetzner.cloud/v1", "ftp://x", "", "nonsense", "https://a/?b=c"] {
            assert_eq!(check(text).unwrap_err().kind, ProviderErrorKind::Rejected, "{text}");
        }
    }
}
