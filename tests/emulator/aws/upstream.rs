//! The moto server behind the proxy: questions to it, and its errors.

use axum::body::Bytes;

use super::call::Call;
use super::form::Form;
use super::refusal::Refusal;
use super::xml::Element;

const VERSION: &str = "2016-11-15";

pub struct Upstream {
    url: String,
    account: String,
    client: reqwest::Client,
}

/// An answer as it goes out.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub content_type: String,
    pub body: Bytes,
}

impl Reply {
    pub fn xml(root: &Element) -> Self {
        let content_type = "text/xml;charset=UTF-8".to_owned();
        Self { status: 200, content_type, body: root.document().into() }
    }

    /// The document of an answer that is no error.
    pub fn document(&self) -> Result<Element, Refusal> {
        let text = String::from_utf8_lossy(&self.body);
        let document = Element::parse(&text)
            .map_err(|error| broken(&format!("moto answered {}: {error}: {text}", self.status)))?;
        match self.status {
            200 => Ok(document),
            status => Err(read_error(&document).status(status)),
        }
    }
}

impl Upstream {
    pub fn new(url: &str, account: &str) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().unwrap_or_default();
        Self { url: url.to_owned(), account: account.to_owned(), client }
    }

    /// Passes a request on as it is.
    pub async fn forward(&self, call: &Call) -> Result<Reply, Refusal> {
        let scope = format!("{}/{}", call.region, call.service);
        let mut request = self.request(&scope).header("content-type", &call.content_type);
        if let Some(target) = &call.target {
            request = request.header("x-amz-target", target);
        }
        let body = match call.target {
            Some(_) => call.body.clone(),
            None => call.form.encode().into(),
        };
        exchange(request.body(body)).await
    }

    /// Asks EC2 in a region.
    pub async fn ask(&self, region: &str, form: &Form) -> Result<Element, Refusal> {
        let mut form = form.clone();
        if form.get("Version").is_none() {
            form = form.with("Version", VERSION);
        }
        let request = self.request(&format!("{region}/ec2"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        exchange(request.body(form.encode())).await?.document()
    }

    /// moto looks at the scope, and never at the signature.
    fn request(&self, scope: &str) -> reqwest::RequestBuilder {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIAPROXY/20260101/{scope}/aws4_request, \
             SignedHeaders=host, Signature=0"
        );
        let request = self.client.post(format!("{}/", self.url));
        request.header("authorization", authorization).header("x-moto-account-id", &self.account)
    }
}

async fn exchange(request: reqwest::RequestBuilder) -> Result<Reply, Refusal> {
    let unreachable = |error: reqwest::Error| broken(&format!("moto: {error}"));
    let answer = request.send().await.map_err(unreachable)?;
    let status = answer.status().as_u16();
    let content_type = answer.headers().get("content-type");
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or("text/xml");
    let content_type = content_type.to_owned();
    let body = answer.bytes().await.map_err(unreachable)?;
    if content_type.starts_with("text/html") && status >= 500 {
        return Err(broken(&String::from_utf8_lossy(&body)));
    }
    Ok(Reply { status, content_type, body })
}

/// The proxy or moto is at fault, not the client.
fn broken(message: &str) -> Refusal {
    Refusal::new("InternalError", format!("emulator: {message}"))
}

fn read_error(document: &Element) -> Refusal {
    let paths = ["Errors/Error", "Error"];
    let error = paths.iter().find_map(|path| document.at(path));
    let text = |name| error.map(|error| error.text(name)).unwrap_or_default();
    Refusal::new(&text("Code"), text("Message"))
}
