//! A request as it came: whose it is, where it is for, what it asks.

use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::HeaderMap;

use super::form::Form;

const MOST_BODY: usize = 4 * 1024 * 1024;

#[derive(Debug, Clone, Default)]
pub struct Call {
    /// Such as `ec2`, `sts`, `ssm`.
    pub service: String,
    pub region: String,
    /// Such as `RunInstances`.
    pub action: String,
    pub access_key: String,
    pub session_token: Option<String>,
    /// Empty for services that speak JSON.
    pub form: Form,
    /// The action of services that speak JSON, with its prefix.
    pub target: Option<String>,
    pub content_type: String,
    pub body: Bytes,
}

impl Call {
    pub async fn of(request: Request) -> Self {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, MOST_BODY).await.unwrap_or_default();
        Self::read(&parts.headers, parts.uri.query().unwrap_or_default(), body)
    }

    fn read(headers: &HeaderMap, query: &str, body: Bytes) -> Self {
        let header = |name: &str| {
            let value = headers.get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        let target = header("x-amz-target");
        let form = match &target {
            Some(_) => Form::default(),
            None if body.is_empty() => Form::parse(query),
            None => Form::parse(&String::from_utf8_lossy(&body)),
        };
        let of_target = target.as_deref().and_then(|text| text.rsplit('.').next());
        let action = of_target.or(form.get("Action")).unwrap_or_default().to_owned();
        let [access_key, region, service] =
            credential(&header("authorization").unwrap_or_default()).unwrap_or_default();
        let content_type = header("content-type").unwrap_or_default();
        let session_token = header("x-amz-security-token");
        Self {
            service,
            region,
            action,
            access_key,
            session_token,
            form,
            target,
            content_type,
            body,
        }
    }
}

/// Access key, region and service of `… Credential=KEY/DAY/REGION/SERVICE/aws4_request, …`.
fn credential(authorization: &str) -> Option<[String; 3]> {
    let scope = authorization.split_once("Credential=")?.1;
    let scope = scope.split([',', ' ']).next()?;
    let [key, _, region, service, _] = scope.split('/').collect::<Vec<_>>()[..] else {
        return None;
    };
    Some([key, region, service].map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_credential_tells_who_and_where() {
        let text = "AWS4-HMAC-SHA256 Credential=AKIA1/20260101/eu-west-1/ec2/aws4_request, \
                    SignedHeaders=host, Signature=abc";
        assert_eq!(credential(text).unwrap(), ["AKIA1", "eu-west-1", "ec2"]);
        assert!(credential("Bearer x").is_none());
    }
}
