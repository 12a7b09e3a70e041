//! How Compute Engine is reached: project, endpoint and credentials, looked up in the
//! places where Google's own tools look, before the first call.
//!
//! What is sent to an endpoint on this machine is never somebody's login: there only
//! credentials count that were named on purpose.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use http::Uri;
use serde_json::Value as Json;

use crate::provider::settings::Variable;
use crate::provider::{ProviderError, ProviderErrorKind};

/// What to do about credentials, said wherever they are missing or refused.
pub const ADVICE: &str = "Log in with `gcloud auth application-default login`, or name the key \
     file of a service account in GOOGLE_APPLICATION_CREDENTIALS or in `credentials` of the \
     provider's block, and check it with `sandplan init`.";

/// The file that `gcloud auth application-default login` writes, below the home directory.
const LOGIN: &str = ".config/gcloud/application_default_credentials.json";

/// The variable that says where a machine's metadata server is.
const METADATA: &str = "GCE_METADATA_HOST";

/// What the provider's block says.
#[derive(Debug, Clone, Default)]
pub struct Block {
    pub project: Option<String>,
    pub endpoint: Option<String>,
    /// The path of a key file.
    pub credentials: Option<String>,
}

/// Where the right to call comes from.
#[derive(Clone, PartialEq)]
pub enum Source {
    /// No credentials are sent.
    Nobody,
    /// A token that somebody else has fetched; it is never printed.
    Token(String),
    /// The content of a file: a login, a service account's key, a federation.
    File { path: PathBuf, content: Json },
    /// The metadata server of the machine that this runs on.
    Machine,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_string())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => f.write_str("no credentials"),
            Self::Token(_) => f.write_str("an access token of the environment"),
            Self::File { path, .. } => write!(f, "{}", path.display()),
            Self::Machine => f.write_str("the service account of this machine"),
        }
    }
}

/// How the API is reached.
#[derive(Debug, Clone)]
pub struct Access {
    pub project: String,
    /// Without the API's own path; nothing means Google's.
    pub endpoint: Option<String>,
    pub source: Source,
}

impl Access {
    /// Looks up what the block leaves open.
    pub fn new(block: &Block, variable: &Variable) -> Result<Self, ProviderError> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let endpoint = block.endpoint.clone();
        let endpoint = endpoint.or_else(|| variable("CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE"));
        let endpoint = endpoint.as_deref().map(root_of).transpose()?;
        let source = source(block, &variable, endpoint.as_deref().is_some_and(is_local))?;
        let named = block.project.clone();
        let named = named.or_else(|| variable("GOOGLE_CLOUD_PROJECT"));
        let named = named.or_else(|| variable("CLOUDSDK_CORE_PROJECT"));
        let project = named.or_else(|| source.project()).ok_or_else(|| {
            denied(
                "There is no project for Google Cloud. Write `project` into the block `provider \
                 \"gcp\"`, or put it into the environment variable GOOGLE_CLOUD_PROJECT.",
            )
        })?;
        Ok(Self { project, endpoint, source })
    }
}

impl Source {
    /// Returns the project that a key or login belongs to.
    fn project(&self) -> Option<String> {
        let Self::File { content, .. } = self else { return None };
        let names = ["project_id", "quota_project_id"];
        names.iter().find_map(|name| content.get(*name)?.as_str().map(str::to_owned))
    }
}

type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

fn source(block: &Block, variable: Lookup<'_>, local: bool) -> Result<Source, ProviderError> {
    if let Some(path) = &block.credentials {
        return file(Path::new(path), "`credentials` of the provider's block");
    }
    if let Some(token) = variable("GOOGLE_OAUTH_ACCESS_TOKEN") {
        return token_of(&token, "GOOGLE_OAUTH_ACCESS_TOKEN");
    }
    if let Some(path) = variable("CLOUDSDK_AUTH_ACCESS_TOKEN_FILE") {
        let said = "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE";
        let token = std::fs::read_to_string(&path).map_err(|e| unreadable(&path, said, &e))?;
        return token_of(&token, said);
    }
    if let Some(path) = variable("GOOGLE_APPLICATION_CREDENTIALS") {
        return file(Path::new(&path), "GOOGLE_APPLICATION_CREDENTIALS");
    }
    if local {
        return Ok(match variable(METADATA) {
            Some(_) => Source::Machine,
            None => Source::Nobody,
        });
    }
    let login = login_file(variable).filter(|path| path.exists());
    match login {
        Some(path) => file(&path, "the login of `gcloud auth application-default login`"),
        None if is_on_google(variable) => Ok(Source::Machine),
        None => Err(denied(&format!("There are no credentials for Google Cloud. {ADVICE}"))),
    }
}

fn login_file(variable: Lookup<'_>) -> Option<PathBuf> {
    let own = variable("CLOUDSDK_CONFIG").map(PathBuf::from);
    let own = own.map(|folder| folder.join("application_default_credentials.json"));
    own.or_else(|| Some(PathBuf::from(variable("HOME")?).join(LOGIN)))
}

/// Tells whether a metadata server can be expected: what Google's machines, functions
/// and clusters have in common.
fn is_on_google(variable: Lookup<'_>) -> bool {
    const SIGNS: [&str; 4] = [METADATA, "K_SERVICE", "CLOUD_RUN_JOB", "KUBERNETES_SERVICE_HOST"];
    let product = std::fs::read_to_string("/sys/class/dmi/id/product_name").unwrap_or_default();
    product.trim().starts_with("Google") || SIGNS.iter().any(|sign| variable(sign).is_some())
}

fn token_of(text: &str, said: &str) -> Result<Source, ProviderError> {
    let token = text.trim();
    match !token.is_empty() && token.chars().all(|c| c.is_ascii_graphic()) {
        true => Ok(Source::Token(token.to_owned())),
        false => Err(denied(&format!("The access token of {said} is malformed. {ADVICE}"))),
    }
}

fn file(path: &Path, said: &str) -> Result<Source, ProviderError> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|e| unreadable(&shown, said, &e))?;
    let content: Json = serde_json::from_str(&text).map_err(|_| {
        denied(&format!("The file {shown} ({said}) holds no credentials: it is not JSON. {ADVICE}"))
    })?;
    match content.get("type").and_then(Json::as_str) {
        Some(_) => Ok(Source::File { path: path.to_owned(), content }),
        None => Err(denied(&format!(
            "The file {shown} ({said}) holds no credentials: it has no `type`. {ADVICE}"
        ))),
    }
}

fn unreadable(path: &str, said: &str, error: &std::io::Error) -> ProviderError {
    denied(&format!("The file {path} ({said}) cannot be read: {error}. {ADVICE}"))
}

fn denied(message: &str) -> ProviderError {
    ProviderError::new(ProviderErrorKind::Denied, message)
}

/// Cuts off the API's own path, which gcloud's setting has and the client adds.
fn root_of(endpoint: &str) -> Result<String, ProviderError> {
    let text = endpoint.trim().trim_end_matches('/');
    let text = text.strip_suffix("/compute/v1").unwrap_or(text);
    match text.parse::<Uri>() {
        Ok(uri) if uri.scheme().is_some() && uri.host().is_some() => Ok(text.to_owned()),
        _ => Err(ProviderError::new(
            ProviderErrorKind::Rejected,
            format!(
                "`{endpoint}` is no address of an API. Write one such as \
                 https://compute.googleapis.com into `endpoint`, or leave it out."
            ),
        )),
    }
}

/// Tells whether an address is one of this machine.
pub fn is_local(endpoint: &str) -> bool {
    let uri = endpoint.parse::<Uri>().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn variables(given: &'static [(&'static str, &'static str)]) -> Variable {
        Arc::new(move |name| {
            given.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn here() -> Block {
        Block { endpoint: Some("http://127.0.0.1:1/compute/v1/".into()), ..Block::default() }
    }

    #[test]
    fn an_endpoint_of_this_machine_is_sent_no_login() {
        let home = variables(&[("GOOGLE_CLOUD_PROJECT", "p"), ("HOME", "/nonexistent")]);
        let access = Access::new(&here(), &home).expect("an access");
        assert_eq!(access.source, Source::Nobody);
        assert_eq!(access.endpoint.as_deref(), Some("http://127.0.0.1:1"));
        let given = [("GOOGLE_CLOUD_PROJECT", "p"), ("GOOGLE_OAUTH_ACCESS_TOKEN", "t\n")];
        let given: Variable = Arc::new(move |name| {
            given.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        });
        let access = Access::new(&here(), &given).expect("an access");
        assert_eq!(access.source, Source::Token("t".into()));
        assert!(!format!("{access:?}").contains("\"t\""), "{access:?}");
    }

    #[test]
    fn the_project_comes_from_the_block_or_the_environment_or_the_key() {
        let key = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(key.path(), r#"{"type": "service_account", "project_id": "of-key"}"#)
            .expect("written");
        let credentials = Some(key.path().display().to_string());
        let block = |project: Option<&str>| Block {
            project: project.map(str::to_owned),
            credentials: credentials.clone(),
            ..Block::default()
        };
        let nothing = variables(&[]);
        let gcloud = variables(&[("CLOUDSDK_CORE_PROJECT", "of-gcloud")]);
        let project =
            |block: &Block, variable| Access::new(block, variable).expect("an access").project;
        assert_eq!(project(&block(Some("of-block")), &gcloud), "of-block");
        assert_eq!(project(&block(None), &gcloud), "of-gcloud");
        assert_eq!(project(&block(None), &nothing), "of-key");
        let error = Access::new(&here(), &nothing).expect_err("no project");
        assert!(error.message.contains("GOOGLE_CLOUD_PROJECT"), "{error}");
    }

    #[test]
    fn unusable_credentials_are_refused_with_what_to_do() {
        for (block, variable) in [
            (Block { credentials: Some("/nonexistent".into()), ..here() }, variables(&[])),
            (Block { credentials: Some("/dev/null".into()), ..here() }, variables(&[])),
            (here(), variables(&[("GOOGLE_OAUTH_ACCESS_TOKEN", "two words")])),
        ] {
            let error = Access::new(&block, &variable).expect_err("no credentials");
            assert_eq!(error.kind, ProviderErrorKind::Denied);
            assert!(error.message.contains("gcloud auth application-default login"), "{error}");
        }
        let block = Block { endpoint: Some("nowhere".into()), ..Block::default() };
        let error = Access::new(&block, &variables(&[])).expect_err("no address");
        assert_eq!(error.kind, ProviderErrorKind::Rejected);
    }
}
