//! The platforms that a build knows, as a value: `main` hands it in, and nobody
//! else names a platform. One line each.

use std::sync::Arc;

use super::local;
use super::settings::{Built, Settings};
use crate::diagnostic::{Diagnostic, SourceRange, did_you_mean};
use crate::object::ProviderRef;

/// A platform that sandboxes can run on.
#[derive(Clone)]
pub struct Platform {
    /// As `provider "NAME"` says it.
    pub name: &'static str,
    /// The arguments and blocks of a sandbox that it honours.
    pub honours: &'static [&'static str],
    /// Makes a configured provider; nothing is called yet.
    pub build: fn(ProviderRef, Settings) -> Built,
}

/// The platforms that a build knows.
#[derive(Clone)]
pub struct Registry {
    platforms: Arc<[Platform]>,
}

impl Registry {
    /// Returns the platforms that this build was compiled with; `local` is always there.
    #[rustfmt::skip]
    pub fn built_in() -> Self {
        let platforms = vec![
            Platform { name: "local", honours: &local::HONOURS, build: local::build },
            #[cfg(feature = "aws")]
            Platform { name: "aws", honours: &super::aws::HONOURS, build: super::aws::build::build },
            #[cfg(feature = "hetzner")]
            Platform { name: "hetzner", honours: &super::hetzner::HONOURS, build: super::hetzner::build::build },
            #[cfg(feature = "gcp")]
            Platform { name: "gcp", honours: &super::gcp::terms::HONOURS, build: super::gcp::build::build },
        ];
        Self { platforms: platforms.into() }
    }

    /// Adds a platform, or puts it in place of the one of its name.
    pub fn with(self, platform: Platform) -> Self {
        let others = self.platforms.iter().filter(|known| known.name != platform.name);
        let platforms = others.cloned().chain([platform.clone()]).collect();
        Self { platforms }
    }

    /// Lists the names of the platforms.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.platforms.iter().map(|platform| platform.name)
    }

    /// Tells whether a platform is known.
    pub fn knows(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    /// Builds a configured provider.
    pub fn build(&self, name: ProviderRef, settings: Settings) -> Built {
        match self.platforms.iter().find(|known| *known.name == *name.platform) {
            Some(known) => (known.build)(name, settings),
            None => Err(self.unknown(&name.platform, settings.range).into()),
        }
    }

    /// Lists the platforms that honour an argument or block of a sandbox.
    pub fn honouring(&self, argument: &str) -> Vec<&'static str> {
        let able = self.platforms.iter().filter(|platform| platform.honours.contains(&argument));
        able.map(|platform| platform.name).collect()
    }

    fn unknown(&self, platform: &str, range: Option<SourceRange>) -> Diagnostic {
        let names: Vec<_> = self.names().collect();
        let detail = format!(
            "This build of sandplan has no provider `{platform}`; it has: {}.",
            names.join(", ")
        );
        Diagnostic::error("unknown-provider", "Unknown provider")
            .detail(detail)
            .at(range)
            .hint(did_you_mean(platform, names))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::provider::Reporter;
    use crate::provider::local::Clock;
    use crate::value::Value;

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
            registry: Registry::built_in(),
        }
    }

    #[test]
    fn an_unknown_platform_is_suggested_a_near_one() {
        let built = Registry::built_in().build(ProviderRef::of("locl"), settings(Value::null()));
        let problems = built.err().expect("a problem");
        assert!(problems.to_string().contains("did you mean `local`?"), "{problems}");
    }

    #[test]
    fn local_takes_no_credentials() {
        let attributes = Value::object([("token", "x".into()), ("parallel", 4i64.into())]);
        let built = Registry::built_in().build(ProviderRef::of("local"), settings(attributes));
        let problems = built.err().expect("a problem");
        assert_eq!(problems.len(), 1);
        assert!(problems.to_string().contains("`token`"), "{problems}");
    }

    #[test]
    fn platforms_answer_for_what_they_honour() {
        let thing = Platform { name: "thing", honours: &["image"], build: local::build };
        let registry = Registry::built_in().with(thing.clone()).with(thing);
        assert!(registry.honouring("env").contains(&"local"));
        assert!(!registry.honouring("image").contains(&"local"));
        assert_eq!(registry.honouring("image").last(), Some(&"thing"));
        assert_eq!(registry.names().filter(|name| *name == "thing").count(), 1);
    }
}
