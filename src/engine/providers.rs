//! Makes the providers of a configuration: each configured one, and the default
//! configuration of every platform that this build knows.

use std::sync::Arc;

use super::{Environment, Notice};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceRange, did_you_mean};
use crate::graph::Desired;
use crate::object::{OperationId, ProviderRef};
use crate::plan::ProviderSet;
use crate::provider::settings::Settings;
use crate::provider::{Report, Reporter};
use crate::schema::PLATFORMS;
use crate::value::Value;

/// Makes them; nothing is called yet.
pub fn build(desired: &Desired, environment: &Environment) -> Result<ProviderSet, Diagnostics> {
    let mut problems = Diagnostics::new();
    let mut providers = ProviderSet::new();
    let evaluation = desired.evaluate(&|_, _| None);
    let heard = heard(environment.notice.clone());
    let make = |name: &ProviderRef, attributes: Value, range: Option<SourceRange>| {
        let data_dir = environment.data_home.clone();
        let (clock, variable) = (environment.clock.clone(), environment.variable.clone());
        let region = desired.region.clone();
        let notices = heard.of(OperationId::from(name.to_string()));
        let registry = environment.registry.clone();
        let settings =
            Settings { attributes, range, region, data_dir, clock, variable, notices, registry };
        environment.registry.build(name.clone(), settings)
    };
    for block in &desired.config.providers {
        let name = ProviderRef { platform: block.platform.clone(), alias: block.alias.clone() };
        if !environment.registry.knows(&block.platform) {
            problems.extend(unknown(block));
            continue;
        }
        let arguments = evaluation.provider_settings(block);
        let provider =
            arguments.and_then(|arguments| make(&name, arguments, Some(block.range.clone())));
        if let Some(provider) = problems.absorb(provider) {
            providers.insert(name, provider);
        }
    }
    for platform in environment.registry.names() {
        let name = ProviderRef::of(platform);
        if !providers.contains_key(&name)
            && let Some(provider) =
                problems.absorb(make(&name, Value::Object(Arc::default()), None))
        {
            providers.insert(name, provider);
        }
    }
    problems.into_result(providers)
}

/// Makes a reporter whose phases are said at once, each with its provider's name. Its
/// thread ends when the last provider is dropped.
fn heard(notice: Notice) -> Reporter {
    let (channel, mut reports) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        while let Some((provider, report)) = reports.blocking_recv() {
            if let Report::Phase(phase) = report {
                notice(&format!("{provider}: {phase}"));
            }
        }
    });
    Reporter::new(OperationId::from(""), channel)
}

/// A block of a platform that this build lacks is an error only where the
/// platform does not exist at all: the same file serves several builds.
fn unknown(block: &crate::config::ProviderBlock) -> Option<Diagnostic> {
    let platform = &block.platform;
    (!PLATFORMS.contains(&&**platform)).then(|| {
        Diagnostic::error("unknown-provider", "Unknown provider")
            .detail(format!("There is no provider called `{platform}`."))
            .at(block.range.clone())
            .hint(did_you_mean(platform, PLATFORMS))
    })
}
