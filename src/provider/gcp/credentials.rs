//! Credentials as the client library takes them, made of what was found.

use google_cloud_auth::build_errors::Error as BuildError;
use google_cloud_auth::credentials::{
    CacheableResource, Credentials, CredentialsProvider, EntityTag, anonymous, external_account,
    impersonated, mds, service_account, user_account,
};
use google_cloud_auth::errors::CredentialsError;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use super::access::{ADVICE, Source};
use crate::provider::{ProviderError, ProviderErrorKind};

/// All that Compute Engine asks for; what may be done is for the roles of the account.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Makes credentials. A token is fetched by the first call that needs one.
pub fn credentials(source: &Source) -> Result<Credentials, ProviderError> {
    let made = match source {
        Source::Nobody => return Ok(anonymous::Builder::new().build()),
        Source::Token(token) => return bearer(token),
        Source::Machine => mds::Builder::default().with_scopes([SCOPE]).build(),
        Source::File { content, .. } => of_file(content.clone()),
    };
    made.map_err(|error| {
        let message = format!("The credentials in {source} cannot be used: {error}. {ADVICE}");
        ProviderError::new(ProviderErrorKind::Denied, message)
    })
}

fn of_file(content: serde_json::Value) -> Result<Credentials, BuildError> {
    let kind = content.get("type").and_then(|kind| kind.as_str()).unwrap_or_default();
    match kind {
        "authorized_user" => user_account::Builder::new(content).with_scopes([SCOPE]).build(),
        "impersonated_service_account" => {
            impersonated::Builder::new(content).with_scopes([SCOPE]).build()
        }
        "external_account" => external_account::Builder::new(content).with_scopes([SCOPE]).build(),
        // Whatever else it says, the library knows why that is no key.
        _ => service_account::Builder::new(content)
            .with_access_specifier(service_account::AccessSpecifier::from_scopes([SCOPE]))
            .build(),
    }
}

/// A token that somebody else has fetched.
#[derive(Debug)]
struct Bearer {
    header: HeaderValue,
    tag: EntityTag,
}

fn bearer(token: &str) -> Result<Credentials, ProviderError> {
    let header = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut header = header.map_err(|_| {
        let message = format!("The access token is malformed. {ADVICE}");
        ProviderError::new(ProviderErrorKind::Denied, message)
    })?;
    header.set_sensitive(true);
    Ok(Credentials::from(Bearer { header, tag: EntityTag::new() }))
}

impl CredentialsProvider for Bearer {
    async fn headers(
        &self,
        known: http::Extensions,
    ) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        if known.get::<EntityTag>() == Some(&self.tag) {
            return Ok(CacheableResource::NotModified);
        }
        let data = HeaderMap::from_iter([(AUTHORIZATION, self.header.clone())]);
        Ok(CacheableResource::New { entity_tag: self.tag.clone(), data })
    }

    async fn universe_domain(&self) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_token_is_sent_and_never_printed() {
        let credentials = credentials(&Source::Token("hush".into())).expect("credentials");
        assert!(!format!("{credentials:?}").contains("hush"), "{credentials:?}");
        let headers = credentials.headers(http::Extensions::new()).await.expect("headers");
        let CacheableResource::New { data, .. } = headers else { panic!("no headers") };
        assert_eq!(data[AUTHORIZATION], "Bearer hush");
    }

    #[tokio::test]
    async fn a_file_of_another_kind_is_refused() {
        let content = serde_json::json!({"type": "shopping_list"});
        let path = "/list.json".into();
        let error = credentials(&Source::File { path, content }).expect_err("no credentials");
        assert_eq!(error.kind, ProviderErrorKind::Denied);
        assert!(error.message.contains("/list.json"), "{error}");
    }
}
