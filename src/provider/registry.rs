//! The platforms that this build knows: one line each.

use std::path::PathBuf;
use std::sync::Arc;

use super::cloud::region;
#[cfg(feature = "gcp")]
use super::gcp::{self, Gcp};
use super::hetzner::{self, Hetzner};
use super::local::{self, Clock, Local};
use super::portable::asks_nothing;
use super::{Provider, Reporter};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceRange, did_you_mean};
use crate::object::ProviderRef;
use crate::ssh::Identities;
use crate::value::Value;

/// Reads a variable of the process's environment; nothing where it is not set.
pub type Variable = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What a provider is built from.
pub struct Settings {
    /// The attributes of the `provider` block, wholly known; an empty object
    /// where there is none.
    pub attributes: Value,
    /// Where the block stands.
    pub range: Option<SourceRange>,
    /// The region of the command line, which counts instead of the block's.
    pub region: Option<String>,
    /// The directory for what providers keep on this machine: `$XDG_DATA_HOME/sandplan`.
    pub data_dir: PathBuf,
    pub clock: Clock,
    pub variable: Variable,
    /// Hears what calls wait for that no operation makes.
    pub notices: Reporter,
}

/// A platform that this build knows.
pub struct Platform {
    pub name: &'static str,
    /// The arguments and blocks of a sandbox that it honours.
    pub honours: &'static [&'static str],
    build: fn(ProviderRef, Settings) -> Result<Arc<dyn Provider>, Diagnostics>,
}

const PLATFORMS: &[Platform] = &[
    Platform { name: "local", honours: &local::HONOURS, build: build_local },
    Platform { name: "hetzner", honours: &hetzner::HONOURS, build: build_hetzner },
    #[cfg(feature = "gcp")]
    Platform { name: "gcp", honours: &gcp::terms::HONOURS, build: build_gcp },
];

/// Attributes of a `provider` block that are not the platform's own.
const COMMON: [&str; 2] = ["alias", "parallel"];

/// Lists the platforms, the default one first.
pub fn platforms() -> &'static [Platform] {
    PLATFORMS
}

/// Builds a configured provider.
pub fn build(
    platform: &str,
    name: ProviderRef,
    settings: Settings,
) -> Result<Arc<dyn Provider>, Diagnostics> {
    match PLATFORMS.iter().find(|known| known.name == platform) {
        Some(known) => (known.build)(name, settings),
        None => Err(unknown(platform, settings.range).into()),
    }
}

/// Lists the platforms that honour an argument or block of a sandbox.
pub fn honouring(argument: &str) -> Vec<&'static str> {
    let able = PLATFORMS.iter().filter(|platform| platform.honours.contains(&argument));
    able.map(|platform| platform.name).collect()
}

/// Each alias keeps its sandboxes apart.
fn build_local(name: ProviderRef, settings: Settings) -> Result<Arc<dyn Provider>, Diagnostics> {
    accept(&settings, "local", &[])?;
    let data_dir = settings.data_dir.join(name.to_string());
    Ok(Arc::new(Local::new(name, data_dir, settings.clock)))
}

/// Makes it also where the token is missing: then its first call says so.
fn build_hetzner(name: ProviderRef, settings: Settings) -> Result<Arc<dyn Provider>, Diagnostics> {
    accept(&settings, "hetzner", &["endpoint", "region", "token"])?;
    let given = |name: &str| settings.attributes.get(name).map(Value::revealed);
    let text = |name: &str| given(name).and_then(|value| value.as_str().map(str::to_owned));
    let variable = |name: &str| (settings.variable)(name).filter(|value| !value.is_empty());
    let endpoint = text("endpoint").or_else(|| variable("HCLOUD_ENDPOINT"));
    let token = text("token").or_else(|| variable("HCLOUD_TOKEN"));
    let mut tuning = hetzner::client::Tuning::default();
    let parallel = given("parallel").and_then(|value| value.as_number()?.to_u64());
    if let Some(parallel) = parallel.and_then(|parallel| usize::try_from(parallel).ok()) {
        tuning.bounds.parallel = parallel.max(1);
    }
    Ok(Arc::new(Hetzner::new(
        name,
        hetzner::Settings {
            access: hetzner::access::Access::new(endpoint.as_deref(), token.as_deref()),
            tuning,
            regions: region::defaults(settings.region.as_deref(), given("region")),
            identities: identities(&settings),
            clock: settings.clock,
            notices: settings.notices,
        },
    )))
}

/// Makes it also where credentials are missing: then its first call says so.
#[cfg(feature = "gcp")]
fn build_gcp(name: ProviderRef, settings: Settings) -> Result<Arc<dyn Provider>, Diagnostics> {
    accept(&settings, "gcp", &["credentials", "endpoint", "prices", "project", "region"])?;
    let given = |name: &str| settings.attributes.get(name).map(Value::revealed);
    let text = |name: &str| given(name).and_then(|value| value.as_str().map(str::to_owned));
    let block = gcp::access::Block {
        project: text("project"),
        endpoint: text("endpoint"),
        credentials: text("credentials"),
    };
    let set = (settings.variable)("CLOUDSDK_COMPUTE_REGION").filter(|region| !region.is_empty());
    let mut regions = region::defaults(settings.region.as_deref(), given("region"));
    regions.extend(set.filter(|_| regions.is_empty()));
    let mut tuning = gcp::client::Tuning::default();
    let parallel = given("parallel").and_then(|value| value.as_number()?.to_u64());
    if let Some(parallel) = parallel.and_then(|parallel| usize::try_from(parallel).ok()) {
        tuning.parallel = parallel.max(1);
    }
    Ok(Arc::new(Gcp::new(
        name,
        gcp::Settings {
            access: gcp::access::Access::new(&block, &settings.variable),
            tuning,
            regions,
            prices: prices(given("prices"), &settings)?,
            identities: identities(&settings),
            clock: settings.clock,
            notices: settings.notices,
        },
    )))
}

/// Reads what server types cost an hour, as the user says.
#[cfg(feature = "gcp")]
fn prices(
    given: Option<&Value>,
    settings: &Settings,
) -> Result<std::collections::BTreeMap<String, bigdecimal::BigDecimal>, Diagnostics> {
    let Some(prices) = given.filter(|prices| !prices.is_null()) else {
        return Ok(Default::default());
    };
    let wrong = |what: &str| {
        let detail = format!(
            "{what} Write what a type costs an hour, as a number: prices = \
             {{ \"e2-standard-4\" = 0.134 }}."
        );
        let problem = Diagnostic::error("invalid-price", "Invalid price").detail(detail);
        Diagnostics::from(problem.at(settings.range.clone()))
    };
    let prices = prices.as_attributes().ok_or_else(|| wrong("`prices` is no map."))?;
    let read = |(name, value): (&Arc<str>, &Value)| {
        let number = value.as_number().map(|number| number.to_string());
        let number = number.or_else(|| value.as_str().map(str::to_owned));
        let price = number.and_then(|text| text.parse::<bigdecimal::BigDecimal>().ok());
        let price = price.filter(|price| *price >= bigdecimal::BigDecimal::from(0));
        let price = price.ok_or_else(|| wrong(&format!("The price of `{name}` is no amount.")))?;
        Ok((name.to_string(), price))
    };
    prices.iter().map(read).collect()
}

/// Says by which keys machines are logged in to: sandplan's own, the agent's, and
/// those that `ssh` tries by itself.
fn identities(settings: &Settings) -> Identities {
    const FILES: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];
    let variable = |name: &str| (settings.variable)(name).filter(|value| !value.is_empty());
    let home = variable("HOME").map(|home| PathBuf::from(home).join(".ssh"));
    Identities {
        access_key: Some(settings.data_dir.join("ssh/id_ed25519")),
        agent: variable("SSH_AUTH_SOCK").map(PathBuf::from),
        files: home.into_iter().flat_map(|ssh| FILES.map(|file| ssh.join(file))).collect(),
    }
}

/// Refuses attributes of a `provider` block that the platform does not have.
fn accept(settings: &Settings, platform: &str, own: &[&str]) -> Result<(), Diagnostics> {
    let attributes = settings.attributes.as_attributes().into_iter().flat_map(|all| all.iter());
    let set = attributes.filter(|(_, value)| !asks_nothing(value)).map(|(name, _)| &**name);
    let strange = set.filter(|name| !COMMON.contains(name) && !own.contains(name));
    let problem = |name: &str| {
        let detail = format!("The provider `{platform}` has no argument `{name}`.");
        Diagnostic::error("unsupported-argument", "Argument not supported by the provider")
            .detail(detail)
            .at(settings.range.clone())
    };
    strange.map(problem).collect::<Diagnostics>().into_result(())
}

fn unknown(platform: &str, range: Option<SourceRange>) -> Diagnostic {
    let names: Vec<_> = PLATFORMS.iter().map(|known| known.name).collect();
    let detail = format!(
        "This build of sandplan has no provider `{platform}`; it has: {}.",
        names.join(", ")
    );
    Diagnostic::error("unknown-provider", "Unknown provider")
        .detail(detail)
        .at(range)
        .hint(did_you_mean(platform, names))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn settings(attributes: Value) -> Settings {
        let clock: Clock = Arc::new(|| Timestamp::UNIX_EPOCH);
        Settings {
            attributes,
            range: None,
            region: None,
            data_dir: "/nonexistent".into(),
            clock,
            variable: Arc::new(|_| None),
            notices: Reporter::silent(),
        }
    }

    #[test]
    fn an_unknown_platform_is_suggested_a_near_one() {
        let name = ProviderRef::of("locl");
        let problems = build("locl", name, settings(Value::null())).err().unwrap();
        assert!(problems.to_string().contains("did you mean `local`?"), "{problems}");
    }

    #[test]
    fn local_takes_no_credentials() {
        let attributes = Value::object([("token", "x".into()), ("parallel", 4i64.into())]);
        let problems =
            build("local", ProviderRef::of("local"), settings(attributes)).err().unwrap();
        assert_eq!(problems.len(), 1);
        assert!(problems.to_string().contains("`token`"), "{problems}");
    }

    #[test]
    fn platforms_answer_for_what_they_honour() {
        assert_eq!(honouring("env"), ["local", "hetzner"]);
        assert_eq!(honouring("image"), ["hetzner"]);
    }
}
