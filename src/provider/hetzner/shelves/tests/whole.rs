//! Whole plans, by a provider whose pure half is this platform's.

use std::sync::Arc;

use async_trait::async_trait;
use proptest::prelude::*;

use super::fixture::{bare, catalogue, catalogue_with, stock};
use crate::address::ResourceType;
use crate::apply::pure::merge;
use crate::diagnostic::Diagnostics;
use crate::object::{Object, Prior, ProviderRef, RemoteId, RemoteObject, State, Status};
use crate::plan::tests::fixture::{desired, nothing, now};
use crate::plan::{Action, Plan, PlanInputs, PlanOptions, ProviderSet};
use crate::provider::cloud::catalogue::Catalogue;
use crate::provider::cloud::plan::{Context, plan};
use crate::provider::cloud::validate::validate;
use crate::provider::hetzner::TERMS;
use crate::provider::hetzner::schema;
use crate::provider::*;
use crate::render;
use crate::schema::ResourceSchema;
use crate::value::Value;

/// A platform that is only planned with.
struct Shelf(ProviderRef, Catalogue);

#[async_trait]
impl Provider for Shelf {
    fn name(&self) -> &ProviderRef {
        &self.0
    }

    fn schema(&self, of: ResourceType) -> Option<&ResourceSchema> {
        (of == ResourceType::Sandbox).then(schema)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { honours: vec![], ttl: TtlEnforcement::Guest, default_parallel: 4 }
    }

    fn validate(&self, config: &ResourceConfig<'_>) -> Diagnostics {
        validate(&TERMS, config, None)
    }

    fn plan(&self, change: &ProposedChange<'_>) -> PlannedChange {
        plan(
            &Context { terms: &TERMS, catalogue: Some(&self.1), regions: &[], pending: &bare },
            change,
        )
    }

    async fn whoami(&self) -> Result<Account, ProviderError> {
        Err(never())
    }

    async fn list(&self, _: ListRequest) -> Result<Vec<RemoteObject>, ProviderError> {
        Err(never())
    }

    async fn read(
        &self,
        _: ResourceType,
        _: &RemoteId,
    ) -> Result<Option<RemoteObject>, ProviderError> {
        Err(never())
    }

    async fn create(&self, _: CreateRequest) -> Result<RemoteObject, ProviderError> {
        Err(never())
    }

    async fn update(&self, _: UpdateRequest) -> Result<RemoteObject, ProviderError> {
        Err(never())
    }

    async fn delete(&self, _: DeleteRequest) -> Result<(), ProviderError> {
        Err(never())
    }

    async fn provision(&self, _: ProvisionRequest) -> Result<ProvisionOutcome, ProviderError> {
        Err(never())
    }
}

fn never() -> ProviderError {
    ProviderError::new(ProviderErrorKind::Unavailable, "This platform is only planned with.")
}

fn try_plan(text: &str, prior: &Prior, catalogue: Catalogue) -> Result<Plan, Diagnostics> {
    let text = format!("sandplan {{\n  default_provider = \"hetzner\"\n}}\n{text}");
    let desired = desired(&text)?;
    let name = ProviderRef::of("hetzner");
    let shelf: Arc<dyn Provider> = Arc::new(Shelf(name.clone(), catalogue));
    let providers: ProviderSet = [(name, shelf)].into();
    let options = &PlanOptions::default();
    crate::plan::plan(&PlanInputs {
        desired: &desired,
        prior,
        providers: &providers,
        options,
        now: now(),
    })
}

#[track_caller]
fn plan_of(text: &str, prior: &Prior) -> Plan {
    try_plan(text, prior, catalogue()).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

#[track_caller]
fn problems_of(text: &str, catalogue: Catalogue) -> Diagnostics {
    match try_plan(text, &nothing(), catalogue) {
        Ok(plan) => panic!("no problem: {:?}", plan.changes),
        Err(problems) => problems,
    }
}

/// Carries a plan out: of each sandbox's candidates, the one at this place has room.
fn applied(plan: &Plan, place: usize) -> Prior {
    let object = |change: &crate::plan::Change| {
        let planned = change.after.as_ref().expect("something planned");
        let candidates = planned.attributes.get("candidates").and_then(Value::as_elements);
        let candidates = candidates.expect("candidates");
        let chosen = &candidates[place % candidates.len()];
        let told = [("id", Value::from("1")), ("ipv4", Value::from("10.0.0.1"))];
        let told = Value::object(told).with("name", Value::from("a"));
        let reported = ["server_type", "location", "hourly_cost"]
            .into_iter()
            .fold(told, |all, name| all.with(name, chosen.get(name).cloned().expect(name)));
        let merged = merge(&planned.attributes, &reported, Some(schema()));
        assert_eq!(merged.inconsistent, [] as [Arc<str>; 0]);
        Object {
            address: change.address.clone(),
            deposed: None,
            version: 1,
            provider: change.provider.clone(),
            remote_id: RemoteId::from("1"),
            status: Status::Ready,
            schema_version: planned.schema_version,
            attributes: merged.attributes,
            depends_on: vec![],
            steps: vec![],
            failure: None,
            create_before_destroy: false,
        }
    };
    let objects = plan.changes.iter().map(object).collect();
    Prior::unrefreshed(State { objects, ..State::empty(plan.lineage.clone()) })
}

fn text(plan: &Plan) -> String {
    render::plan::text(plan, &render::sample::text_options())
}

#[test]
fn a_plan_shows_what_is_tried_and_what_it_costs() {
    let file = r#"
        sandbox "review" {
          name   = "review"
          region = ["ash", "fsn1"]
          ttl    = "8h"
          hetzner { server_type = ["cpx32", "cx33"] }
        }
        sandbox "small" {
          size = { vcpus = 2 }
        }
    "#;
    insta::assert_snapshot!(text(&plan_of(file, &nothing())), @r##"
    sandplan made this plan. Its symbols mean:
      + create

    sandplan will perform the following actions:

      # sandbox.review will be created
      # note: tries cpx32 in ash, else cpx32 in fsn1, else cx33 in fsn1
      # note: cx33 is not offered in ash
      + sandbox "review" {
          + created_at  = (known after apply)
          + disk_size   = (known after apply)
          + expires_at  = (known after apply)
          + hetzner     = {
              + server_type = ["cpx32", "cx33"]
            }
          + host_key    = (known after apply)
          + hourly_cost = (known after apply)
          + id          = (known after apply)
          + ipv4        = (known after apply)
          + ipv6        = (known after apply)
          + location    = (known after apply)
          + name        = "review"
          + region      = ["ash", "fsn1"]
          + server_type = (known after apply)
          + ssh_command = (known after apply)
          + status      = (known after apply)
          + ttl         = "8h"

            # price: 0.026061 EUR per hour, 0.208488 EUR for its TTL of 8h
            # when its TTL ends, it shuts itself down
        }

      # sandbox.small will be created
      + sandbox "small" {
          + created_at  = (known after apply)
          + disk_size   = (known after apply)
          + host_key    = (known after apply)
          + hourly_cost = "0.015708 EUR"
          + id          = (known after apply)
          + ipv4        = (known after apply)
          + ipv6        = (known after apply)
          + location    = "ash"
          + name        = (known after apply)
          + server_type = "cpx22"
          + size        = {
              + vcpus = 2
            }
          + ssh_command = (known after apply)
          + status      = (known after apply)

            # price: 0.015708 EUR per hour
        }

    Plan: 2 to add, 0 to change, 0 to destroy.
    Price: 0.041769 EUR per hour for 2 sandboxes, 0.208488 EUR for their TTLs, 1 of
    them without a TTL.
    "##);
}

#[test]
fn an_update_and_its_price_read_well() {
    let file = |server_type: &str| {
        format!(
            "sandbox \"a\" {{\n ttl = \"8h\"\n hetzner {{\n server_type = \"{server_type}\"\n }}\n}}"
        )
    };
    let prior = applied(&plan_of(&file("cpx32"), &nothing()), 0);
    insta::assert_snapshot!(text(&plan_of(&file("cpx42"), &prior)), @r##"
    sandplan made this plan. Its symbols mean:
      ~ update in-place

    sandplan will perform the following actions:

      # sandbox.a will be updated in-place
      # note: will be powered off to change its type from cpx32 to cpx42; its disk
      #       stays as it is
      ~ sandbox "a" {
          ~ hetzner     = {
              ~ server_type = "cpx32" -> "cpx42"
            }
          ~ hourly_cost = "0.026061 EUR" -> "0.046648 EUR"
            id          = "1"
            name        = "a"
          ~ server_type = "cpx32" -> "cpx42"
            # (3 unchanged attributes hidden)

            # price: 0.046648 EUR per hour, 0.373184 EUR for its TTL of 8h
        }

    Plan: 0 to add, 1 to change, 0 to destroy.
    Price: 0.046648 EUR per hour for 1 sandbox, 0.373184 EUR for its TTL.
    "##);
}

#[test]
fn a_refusal_points_into_the_file_and_spares_what_exists() {
    let file = "sandbox \"a\" {\n  hetzner {\n    server_type = \"cpx31\"\n  }\n}";
    let problems = problems_of(file, catalogue());
    let problem = problems.iter().next().expect("a problem");
    assert_eq!(problem.code, "deprecated-server-type");
    assert_eq!(problem.address.as_deref(), Some("sandbox.a"));
    assert_eq!(problem.range.as_ref().map(|range| range.start.line), Some(6));

    let sold = catalogue_with(|json| {
        let types = json["server_types"].as_array_mut().expect("types");
        let old = types.iter_mut().find(|of| of["name"] == "cpx31").expect("cpx31");
        for place in old["locations"].as_array_mut().expect("places") {
            place["deprecation"] = serde_json::Value::Null;
        }
    });
    let plan = try_plan(file, &nothing(), sold).expect("a plan");
    assert!(plan_of(file, &applied(&plan, 0)).is_empty());
}

#[test]
fn a_cost_limit_counts_the_dearest_candidate() {
    let file = |limit: &str| {
        format!(
            "sandplan {{\n limits {{\n max_hourly_cost = \"{limit}\"\n }}\n}}\n\
             sandbox \"a\" {{\n region = \"fsn1\"\n hetzner {{\n server_type = [\"cx33\", \"cpx62\"]\n }}\n}}"
        )
    };
    assert!(try_plan(&file("0.08 EUR"), &nothing(), catalogue()).is_ok());
    let problems = problems_of(&file("0.02 EUR"), catalogue());
    assert_eq!(
        problems.to_string().split_once(": ").expect("a place").1,
        "Hourly cost over the limit: All sandboxes together would cost 0.075327 EUR per hour; the limit is 0.02 EUR."
    );
    assert!(problems.iter().all(|p| p.failure == crate::diagnostic::Failure::Refused));
    let dollars = problems_of(&file("5 USD"), catalogue());
    assert!(dollars.to_string().contains("in USD is not known"), "{dollars}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_plan_after_an_apply_is_empty_whichever_candidate_had_room(
        types in Just(vec!["cpx32", "cx33", "cpx42", "cx53", "cpx22"]).prop_shuffle(),
        regions in Just(vec!["ash", "nbg1", "fsn1"]).prop_shuffle(),
        (count, place) in (0usize..5, 0usize..15),
        later in any::<bool>(),
    ) {
        let own = match count {
            0 => "size = { vcpus = 4 }".to_owned(),
            count => format!("hetzner {{\n server_type = {:?}\n }}", &types[..count]),
        };
        // A type that is sold nowhere in these regions would be refused.
        let file = format!("sandbox \"a\" {{\n region = {regions:?}\n {own}\n}}");
        let prior = applied(&plan_of(&file, &nothing()), place);
        let catalogue = catalogue_with(|json| if later {
            stock(json, "cpx32", "ash", false);
            stock(json, "cx53", "nbg1", true);
        });
        let again = try_plan(&file, &prior, catalogue).expect("a plan");
        prop_assert_eq!(again.changes[0].action, Action::NoOp);
        prop_assert!(again.is_empty());
    }
}
