//! How AWS is reached: regions, credentials and endpoint, by the same settings that
//! AWS's own tools read.
//!
//! Nothing is read before the first call; what is missing then is an error that says
//! what to do.

use std::net::IpAddr;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ec2::config::ProvideCredentials;
use aws_sdk_ec2::config::retry::RetryConfig;
use aws_sdk_ec2::config::timeout::TimeoutConfig;
use aws_smithy_http_client::tls::{Provider as Tls, rustls_provider::CryptoMode};
use tokio::time::timeout;

use crate::provider::{ProviderError, ProviderErrorKind};

/// How to come by credentials, said wherever they are missing or refused.
pub const CREDENTIALS_ADVICE: &str = "sandplan takes them from where AWS's own tools do: the \
     environment (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE), `aws configure`, \
     `aws sso login`, or the role of the machine. Check them with `sandplan init`.";

/// How long it may take to find credentials: some are asked for over the network.
const FINDING: Duration = Duration::from_secs(30);
/// How long a connection may take to be made.
const CONNECTING: Duration = Duration::from_secs(10);

/// What the user says of how AWS is reached; the rest is as for AWS's own tools.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// The regions to work in, the first the one of bare ids; none leaves it to the
    /// environment or the profile.
    pub regions: Vec<String>,
    /// A profile of `~/.aws/config`.
    pub profile: Option<String>,
    /// Counts instead of AWS's own endpoints and of `AWS_ENDPOINT_URL`.
    pub endpoint: Option<String>,
}

/// Settings that are complete: where to call, and as whom.
#[derive(Debug, Clone)]
pub struct Found {
    pub config: SdkConfig,
    /// Never empty.
    pub regions: Vec<String>,
}

impl Access {
    /// Checks what the user gave.
    pub fn new(
        regions: Vec<String>,
        profile: Option<String>,
        endpoint: Option<String>,
    ) -> Result<Self, ProviderError> {
        if let Some(endpoint) = &endpoint {
            check_endpoint(endpoint)?;
        }
        for region in &regions {
            check_region(region)?;
        }
        Ok(Self { regions, profile, endpoint })
    }

    /// Reads the settings and looks for credentials; a call is cut off after `limit`.
    pub async fn find(&self, limit: Duration) -> Result<Found, ProviderError> {
        let config = self.load(limit).await;
        let regions = match config.region() {
            _ if !self.regions.is_empty() => self.regions.clone(),
            Some(region) => vec![region.to_string()],
            None => {
                return Err(denied(&format!(
                    "It is not said in which region of AWS to work. {REGION_ADVICE}"
                )));
            }
        };
        see_credentials(&config).await?;
        Ok(Found { config, regions })
    }

    async fn load(&self, limit: Duration) -> SdkConfig {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Tls::Rustls(CryptoMode::Ring))
            .build_https();
        let timeouts =
            TimeoutConfig::builder().connect_timeout(CONNECTING).operation_attempt_timeout(limit);
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts.build());
        if let Some(region) = self.regions.first() {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(profile) = &self.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(endpoint) = &self.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        loader.load().await
    }
}

const REGION_ADVICE: &str = "Write `provider \"aws\" { region = \"eu-central-1\" }`, pass \
     `-region`, set AWS_REGION, or give the profile a region.";

/// Looks for credentials once, so that their lack is told as such.
async fn see_credentials(config: &SdkConfig) -> Result<(), ProviderError> {
    let missing = |why: &str| {
        denied(&format!("There are no usable credentials for AWS: {why}. {CREDENTIALS_ADVICE}"))
    };
    let Some(source) = config.credentials_provider() else {
        return Err(missing("none are set up"));
    };
    match timeout(FINDING, source.provide_credentials()).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(missing(&said(&super::error::chain(&error)))),
        Err(_) => Err(missing(&format!("looking for them took more than {} s", FINDING.as_secs()))),
    }
}

/// Leaves out where they were looked for in vain, which is everywhere.
fn said(chain: &str) -> String {
    match chain.contains("no credentials found in chain") {
        true => "none were found".to_owned(),
        false => chain.to_owned(),
    }
}

fn denied(message: &str) -> ProviderError {
    ProviderError::new(ProviderErrorKind::Denied, message)
}

fn rejected(message: String) -> ProviderError {
    ProviderError::new(ProviderErrorKind::Rejected, message)
}

/// A region is part of the endpoint's name, so nothing but letters, digits and `-`
/// may stand in it; and a zone is none.
pub(super) fn check_region(region: &str) -> Result<(), ProviderError> {
    let is_name = !region.is_empty()
        && region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && region.ends_with(|c: char| c.is_ascii_digit());
    if is_name {
        return Ok(());
    }
    let zone = region.strip_suffix(|c: char| c.is_ascii_lowercase());
    let hint = match zone.filter(|region| check_region(region).is_ok()) {
        Some(near) => format!("it is a zone; its region is `{near}`"),
        None => "regions are called like `us-east-1`".to_owned(),
    };
    Err(rejected(format!("AWS has no region `{region}`: {hint}.")))
}

/// Refuses an endpoint to which user-data would travel unencrypted through the Internet.
fn check_endpoint(text: &str) -> Result<(), ProviderError> {
    let refuse =
        |why: &str| Err(rejected(format!("The endpoint `{text}` of AWS cannot be used: {why}.")));
    let (scheme, rest) = text.trim().split_once("://").unwrap_or(("", text));
    let host = host_of(rest);
    match scheme {
        _ if host.is_empty() => refuse("it names no host"),
        _ if rest.contains(['?', '#', '@', ' ']) => {
            refuse("only a scheme, a host, a port and a path may stand in it")
        }
        "https" => Ok(()),
        "http" if is_near(host) => Ok(()),
        "http" => refuse("what is sent would travel unencrypted; use https"),
        _ => refuse("it has to begin with https://"),
    }
}

fn host_of(rest: &str) -> &str {
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((v6, _)) => v6,
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// Tells whether a host is on this machine or in a private network.
fn is_near(host: &str) -> bool {
    match host.parse() {
        Ok(IpAddr::V4(v4)) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        Ok(IpAddr::V6(v6)) => v6.is_loopback() || v6.is_unique_local(),
        Err(_) => !host.contains('.'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_https_or_near() {
        let check = |text: &str| Access::new(vec![], None, Some(text.to_owned()));
        for text in [
            "https://ec2.example.com/a/",
            "http://127.0.0.1:5000",
            "http://[::1]:80",
            "http://moto:5000",
        ] {
            assert!(check(text).is_ok(), "{text}");
        }
        for text in [
            "http://ec2.us-east-1.amazonaws.com",
            "ftp://x",
            "",
            "nonsense",
            "https://a/?b=c",
            "https:///x",
        ] {
            assert_eq!(check(text).unwrap_err().kind, ProviderErrorKind::Rejected, "{text}");
        }
    }

    #[test]
    fn a_zone_in_place_of_a_region_is_told_its_region() {
        let check = |region: &str| Access::new(vec![region.to_owned()], None, None);
        assert!(check("eu-central-1").is_ok() && check("us-gov-west-1").is_ok());
        let said = check("eu-central-1b").unwrap_err().message;
        assert!(said.contains("its region is `eu-central-1`"), "{said}");
        for strange in ["", "ash", "us east 1", "evil.example.com/1"] {
            assert_eq!(check(strange).unwrap_err().kind, ProviderErrorKind::Rejected, "{strange}");
        }
    }
}
