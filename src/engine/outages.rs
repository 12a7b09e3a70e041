//! Plans although some provider cannot be worked with: the others go on, and the
//! plan says what it leaves alone. Where none can, that is an error.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{Project, reach};
use crate::diagnostic::Diagnostics;
use crate::graph;
use crate::object::{Outages, Prior, ProviderRef};
use crate::plan::{Action, Change, Mode, Plan, PlanOptions};

impl Project {
    /// Makes the plan, with what the platforms say of sizes and prices. What a provider
    /// would have to do that cannot be worked with is left alone.
    pub async fn plan(&self, prior: &Prior, options: &PlanOptions) -> Result<Plan, Diagnostics> {
        let mut prior = Cow::Borrowed(prior);
        if options.mode == Mode::Normal {
            let found = self.prepare(&prior).await;
            if !found.is_empty() {
                prior.to_mut().outages.extend(found);
            }
        }
        self.some_works(&prior, options)?;
        self.plan_offline(&prior, options)
    }

    /// Makes a plan that leaves alone also what these providers would have to do.
    pub fn plan_without(
        &self,
        (prior, plan): (&Prior, &Plan),
        found: Outages,
        options: &PlanOptions,
    ) -> Result<Plan, Diagnostics> {
        let mut prior = prior.clone();
        prior.outages.extend(plan.outages.clone());
        prior.outages.extend(found);
        self.some_works(&prior, options)?;
        self.plan_offline(&prior, options)
    }

    /// Finds the providers that cannot be used on which a plan makes or changes
    /// something; all are asked at once.
    pub async fn unusable(&self, plan: &Plan) -> Outages {
        let works = |change: &&Change| {
            (change.action != Action::NoOp && change.after.is_some())
                || !change.provision.is_empty()
        };
        let providers = plan.changes.iter().filter(works).map(|change| &change.provider);
        let providers: BTreeSet<&ProviderRef> = providers.collect();
        let checks = providers.into_iter().filter_map(|name| {
            let provider = self.providers.get(name)?;
            Some(async move {
                let checked = provider.check().await;
                Some((name.clone(), reach::unusable(name, &checked.err()?)))
            })
        });
        futures_util::future::join_all(checks).await.into_iter().flatten().collect()
    }

    /// Lets every provider that the plan may be about fetch what planning needs, at once.
    async fn prepare(&self, prior: &Prior) -> Outages {
        let mut names = self.used(prior);
        let default = &self.desired.default_provider;
        if graph::stays(&prior.objects).values().any(|home| home != default) {
            // What has to be made anew goes there.
            names.insert(default.clone());
        }
        names.retain(|name| !prior.outages.contains_key(name));
        let calls = names.into_iter().filter_map(|name| {
            let provider = self.providers.get(&name)?;
            self.expect(&name, prior);
            Some(async move {
                let prepared = provider.prepare().await;
                let problem = reach::unusable(&name, &prepared.err()?);
                Some((name, problem))
            })
        });
        futures_util::future::join_all(calls).await.into_iter().flatten().collect()
    }

    /// Tells a provider that wants to know of the sandboxes that it has, or is to have.
    fn expect(&self, name: &ProviderRef, prior: &Prior) {
        let Some(provider) = self.providers.get(name).filter(|provider| provider.expects()) else {
            return;
        };
        let schema_of = |provider: &ProviderRef, kind| self.providers.get(provider)?.schema(kind);
        let stays = graph::stays(&prior.objects);
        let mut sandboxes = self.desired.sandboxes_on(name, &schema_of, &stays);
        let living = prior.objects.iter().filter(|object| object.provider == *name);
        sandboxes.extend(living.map(|object| object.attributes.clone()));
        provider.expect(&sandboxes);
    }

    fn used(&self, prior: &Prior) -> BTreeSet<ProviderRef> {
        let schema_of = |provider: &ProviderRef, kind| self.providers.get(provider)?.schema(kind);
        self.desired.providers_used(&schema_of, &graph::stays(&prior.objects))
    }

    /// Refuses to plan where not one provider can be worked with that it is about.
    fn some_works(&self, prior: &Prior, options: &PlanOptions) -> Result<(), Diagnostics> {
        if prior.outages.is_empty() {
            return Ok(());
        }
        let mut about: BTreeSet<ProviderRef> =
            prior.state.objects.iter().map(|object| object.provider.clone()).collect();
        if options.mode == Mode::Normal {
            about.extend(self.used(prior));
        }
        let outages = about.iter().map(|name| prior.outages.get(name).cloned());
        match outages.collect::<Option<Vec<_>>>() {
            Some(all) if !all.is_empty() => Err(all.into_iter().collect()),
            _ => Ok(()),
        }
    }
}
