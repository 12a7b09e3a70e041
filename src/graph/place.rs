//! Which provider an instance is to be on.
//!
//! A sandbox says so, or takes the default. A snapshot is where its sandbox is. SSH
//! keys and networks are on every provider that a sandbox using them runs on, and
//! one that no sandbox uses is on the default provider.

use std::collections::BTreeSet;

use super::evaluation::Evaluation;
use super::expand;
use super::nodes::names_a_provider;
use super::scope::BlockScope;
use crate::address::{Address, InstanceKey, ResourceType};
use crate::config::{Expr, Resource};
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::object::ProviderRef;
use crate::schema::PLATFORMS;

/// Returns the provider of one instance.
pub fn provider_of(
    evaluation: &Evaluation<'_>,
    resource: &Resource,
    (key, scope): (Option<&InstanceKey>, &BlockScope<'_>),
) -> Result<ProviderRef, Diagnostics> {
    match (resource.address.kind, key) {
        (ResourceType::SshKey | ResourceType::Network, Some(InstanceKey::String(name))) => {
            Ok(name.parse().unwrap_or_else(|never: std::convert::Infallible| match never {}))
        }
        (ResourceType::Snapshot, _) => of_snapshot(evaluation, resource, scope),
        _ => chosen(evaluation, resource, scope),
    }
}

/// Lists the providers that an SSH key or a network has an instance on.
pub fn spread(
    evaluation: &Evaluation<'_>,
    resource: &Resource,
) -> Result<BTreeSet<ProviderRef>, Diagnostics> {
    let desired = evaluation.desired;
    let users = desired.users.get(&resource.address).into_iter().flatten();
    let users = users.filter_map(|user| desired.config.resources.get(user));
    let mut providers = BTreeSet::new();
    for user in users {
        match of_sandboxes(evaluation, user) {
            Ok(its) => providers.extend(its),
            Err(problems) if evaluation.leaves_out(&user.address) => return Err(problems),
            // The sandbox comes later, and tells the problem itself.
            Err(_) => return Err(Diagnostics::new()),
        }
    }
    if providers.is_empty() {
        providers.insert(desired.default_provider.clone());
    }
    let kind = resource.address.kind;
    providers.retain(|provider| (evaluation.schema_of)(provider, kind).is_some());
    Ok(providers)
}

/// Lists the providers that a sandbox block runs on.
fn of_sandboxes(
    evaluation: &Evaluation<'_>,
    sandbox: &Resource,
) -> Result<Vec<ProviderRef>, Diagnostics> {
    let names_one =
        sandbox.provider.as_ref().is_none_or(|p| names_a_provider(&evaluation.desired.config, p));
    if names_one {
        let plain = BlockScope::plain(evaluation.names());
        return Ok(vec![chosen(evaluation, sandbox, &plain)?]);
    }
    let instances = expand::repeated(evaluation, sandbox)?.instances.into_iter();
    let providers = instances.map(|(_, instance)| {
        let scope = BlockScope::instance(evaluation.names(), instance);
        chosen(evaluation, sandbox, &scope)
    });
    providers.collect()
}

fn of_snapshot(
    evaluation: &Evaluation<'_>,
    snapshot: &Resource,
    scope: &BlockScope<'_>,
) -> Result<ProviderRef, Diagnostics> {
    let sandbox = snapshot.body.expr("sandbox");
    let value = sandbox.map(|expr| expr.evaluate(scope)).transpose()?;
    if let Some(home) = value.as_ref().and_then(|value| evaluation.homes.of(value)) {
        return Ok(home.clone());
    }
    let needed = evaluation.desired.dependencies(&snapshot.address).into_iter().flatten();
    let sandboxes: Vec<_> = needed.filter(|b| b.kind == ResourceType::Sandbox).collect();
    let homes: BTreeSet<&ProviderRef> =
        sandboxes.iter().flat_map(|block| evaluation.providers_of(block)).collect();
    let mut several = homes.iter();
    match (several.next(), several.next()) {
        (Some(one), None) => Ok((*one).clone()),
        (None, _) if sandboxes.is_empty() => Ok(evaluation.desired.default_provider.clone()),
        // The sandboxes could not be evaluated, or there are none.
        (None, _) => Err(Diagnostics::new()),
        (Some(_), Some(_)) => Err(Diagnostic::error("invalid-provider", "Invalid provider")
            .detail("The sandboxes that this refers to run on several providers, and it cannot be told where the snapshot is to be. Name one whole sandbox, as in `sandbox.NAME[\"KEY\"]`, without an attribute.")
            .at(sandbox.map_or_else(|| snapshot.range.clone(), Expr::range))
            .into()),
    }
}

/// Returns the provider that a block's argument chooses, or else the default.
fn chosen(
    evaluation: &Evaluation<'_>,
    resource: &Resource,
    scope: &BlockScope<'_>,
) -> Result<ProviderRef, Diagnostics> {
    let Some(expr) = &resource.provider else {
        return Ok(evaluation.desired.default_provider.clone());
    };
    let text = if names_a_provider(&evaluation.desired.config, expr) {
        expr.as_words().map(|words| words.join("."))
    } else {
        let value = expr.evaluate(scope)?;
        value.as_str().map(str::to_owned)
    };
    match text.and_then(|text| text.parse().ok()) {
        Some(provider) => Ok(provider),
        None => Err(Diagnostic::error("invalid-provider", "Invalid provider")
            .detail("Name a provider that is known while planning, such as `\"hetzner\"` or `\"hetzner.eu\"`.")
            .at(expr.range())
            .into()),
    }
}

/// Says why a provider cannot have an instance: it is not there, or lacks the type.
pub fn not_possible(
    evaluation: &Evaluation<'_>,
    resource: &Resource,
    (address, provider): (&Address, &ProviderRef),
) -> Diagnostic {
    let has_sandboxes =
        |name: &ProviderRef| (evaluation.schema_of)(name, ResourceType::Sandbox).is_some();
    if has_sandboxes(provider) {
        return lacking(resource, provider, address);
    }
    let platform = ProviderRef { platform: provider.platform.clone(), alias: None };
    unknown(resource, (provider, has_sandboxes(&platform)), address)
}

fn lacking(resource: &Resource, provider: &ProviderRef, address: &Address) -> Diagnostic {
    let kind = address.kind();
    let advice = match kind {
        ResourceType::Snapshot => {
            " `sandplan snapshot` saves the files of a sandbox there by command."
        }
        _ => "",
    };
    Diagnostic::error("unsupported-resource", "Resource not supported by the provider")
        .detail(format!(
            "The provider `{provider}` cannot make {}.{advice} Remove the block, or choose another provider.",
            kind.with_article()
        ))
        .at(resource.range.clone())
        .address(address)
}

/// Says that a provider is not there; `is_built` tells whether its platform is.
fn unknown(
    resource: &Resource,
    (provider, is_built): (&ProviderRef, bool),
    address: &Address,
) -> Diagnostic {
    let platform = &provider.platform;
    let is_real = is_built || PLATFORMS.contains(&&**platform);
    let detail = match &provider.alias {
        _ if !is_real => format!("There is no provider called `{platform}`."),
        Some(alias) if is_built => format!(
            "No `provider \"{platform}\"` block with `alias = \"{alias}\"` is in the configuration."
        ),
        _ => format!("This build of sandplan has no `{platform}` provider."),
    };
    Diagnostic::error("unknown-provider", "Unknown provider")
        .detail(detail)
        .at(resource.provider.as_ref().map_or_else(|| resource.range.clone(), Expr::range))
        .hint(did_you_mean(platform, PLATFORMS).filter(|_| !is_real))
        .address(address)
}
