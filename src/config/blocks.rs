//! The top-level blocks of a file and how a file adds them to a configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Config;
use super::body::{Argument, BlockBody, NestedBlock, unsupported_block};
use super::expr::Expr;
use super::variable::{Variable, flag};
use crate::address::{BlockAddress, ResourceType, is_identifier};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceRange};
use crate::evaluate::{RefStep, Reference};

/// The block types that a file may hold.
const BLOCKS: [&str; 10] = [
    "sandplan", "provider", "variable", "locals", "profile", "ssh_key", "network", "sandbox",
    "snapshot", "output",
];

/// The block types of the language that this version cannot run yet.
const LATER: [&str; 6] = ["module", "check", "secret", "import", "moved", "removed"];

/// The meta-arguments and meta-blocks of a resource, which no schema lists.
const META_ARGUMENTS: [&str; 5] = ["count", "for_each", "depends_on", "provider", "profile"];

/// A `provider` block.
#[derive(Debug, Clone)]
pub struct ProviderBlock {
    pub platform: Arc<str>,
    pub alias: Option<Arc<str>>,
    pub body: BlockBody,
    pub range: SourceRange,
}

/// A `profile` block: a recipe that sandboxes take whole.
#[derive(Debug, Clone)]
pub struct Profile {
    pub extends: Option<ProfileReference>,
    pub body: BlockBody,
    pub range: SourceRange,
}

/// A use of a profile: `profile.agent`.
#[derive(Debug, Clone)]
pub struct ProfileReference {
    pub name: Arc<str>,
    pub range: SourceRange,
}

/// A resource block.
#[derive(Debug, Clone)]
pub struct Resource {
    pub address: BlockAddress,
    pub provider: Option<Expr>,
    pub profile: Option<ProfileReference>,
    pub count: Option<Expr>,
    pub for_each: Option<Expr>,
    /// `sandbox.a`, each as written.
    pub depends_on: Vec<Expr>,
    pub lifecycle: Lifecycle,
    /// What is left: the arguments and blocks of the schema.
    pub body: BlockBody,
    pub range: SourceRange,
}

/// A `lifecycle` block.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    pub create_before_destroy: bool,
    pub prevent_destroy: bool,
    pub ignore_changes: IgnoreChanges,
    pub replace_triggered_by: Vec<Expr>,
    pub preconditions: Vec<Rule>,
}

/// Which differences are no reason to change an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum IgnoreChanges {
    #[default]
    None,
    All,
    /// Top-level arguments, or one key of a map: `labels`, `labels["x"]`.
    These(Vec<Ignored>),
}

/// An element of `ignore_changes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    pub argument: Arc<str>,
    /// Only this key of it.
    pub key: Option<Arc<str>>,
    pub range: SourceRange,
}

/// A condition with what to say when it is false.
#[derive(Debug, Clone)]
pub struct Rule {
    pub condition: Expr,
    pub error_message: Expr,
    pub range: SourceRange,
}

/// An `output` block.
#[derive(Debug, Clone)]
pub struct Output {
    pub value: Expr,
    pub sensitive: bool,
    pub depends_on: Vec<Expr>,
    pub range: SourceRange,
}

impl Config {
    /// Takes in the blocks of one file.
    pub fn add_file(&mut self, body: &BlockBody) -> Diagnostics {
        let mut problems: Diagnostics = body.arguments.iter().map(stray_argument).collect();
        for block in &body.blocks {
            problems.extend(self.add_block(block));
        }
        problems
    }

    fn add_block(&mut self, block: &NestedBlock) -> Diagnostics {
        match &*block.kind {
            "sandplan" => self.settings.read(block),
            "provider" => self.add_provider(block),
            "variable" => self.add_variable(block),
            "locals" => self.add_locals(block),
            "profile" => self.add_profile(block),
            "output" => self.add_output(block),
            kind if LATER.contains(&kind) => later(block).into(),
            kind => match ResourceType::from_word(kind) {
                Some(kind) => self.add_resource(block, kind),
                None => unsupported_block(block, BLOCKS.into_iter().chain(LATER)).into(),
            },
        }
    }

    fn add_provider(&mut self, block: &NestedBlock) -> Diagnostics {
        let mut problems = Diagnostics::new();
        let Some(platform) = problems.absorb(block.label().map_err(Diagnostics::from)) else {
            return problems;
        };
        let mut body = block.body.clone();
        let alias = take(&mut body, "alias");
        let alias = alias.and_then(|argument| literal(&argument.value, &mut problems));
        let duplicate = self.providers.iter().any(|p| p.platform == *platform && p.alias == alias);
        if duplicate {
            let what = "Each further configuration of a provider needs an `alias` of its own.";
            problems.push(duplicate_block(block, what));
        }
        let range = block.header.clone();
        self.providers.push(ProviderBlock { platform: platform.clone(), alias, body, range });
        problems
    }

    fn add_variable(&mut self, block: &NestedBlock) -> Diagnostics {
        let (variable, mut problems) = Variable::read(block);
        if let Some(variable) = variable
            && let Some(first) = self.variables.insert(variable.name.clone(), variable)
        {
            problems.push(duplicate_block(block, &first_at("variable", &first.range)));
        }
        problems
    }

    fn add_locals(&mut self, block: &NestedBlock) -> Diagnostics {
        let mut problems = block.unlabelled();
        problems.extend(block.body.blocks.iter().map(|b| unsupported_block(b, std::iter::empty())));
        for argument in &block.body.arguments {
            let value = argument.value.clone();
            if let Some(first) = self.locals.insert(argument.name.clone(), value) {
                problems.push(
                    Diagnostic::error("duplicate-address", "Duplicate local value")
                        .detail(first_at("local value", &first.range()))
                        .at(argument.name_range.clone()),
                );
            }
        }
        problems
    }

    fn add_profile(&mut self, block: &NestedBlock) -> Diagnostics {
        let mut problems = Diagnostics::new();
        let Some(name) = problems.absorb(name_of(block)) else { return problems };
        let mut body = block.body.clone();
        let extends = take(&mut body, "extends");
        let extends = extends.and_then(|a| profile_reference(&a.value, &mut problems));
        let profile = Profile { extends, body, range: block.header.clone() };
        if let Some(first) = self.profiles.insert(name, profile) {
            problems.push(duplicate_block(block, &first_at("profile", &first.range)));
        }
        problems
    }

    fn add_resource(&mut self, block: &NestedBlock, kind: ResourceType) -> Diagnostics {
        let mut problems = Diagnostics::new();
        let Some(name) = problems.absorb(name_of(block)) else { return problems };
        let resource = Resource::read(BlockAddress::root(kind, name), block, &mut problems);
        if let Some(first) = self.resources.insert(resource.address.clone(), resource) {
            problems.push(duplicate_block(block, &first_at(kind.as_str(), &first.range)));
        }
        problems
    }

    fn add_output(&mut self, block: &NestedBlock) -> Diagnostics {
        let mut problems =
            block.body.only(&["value", "description", "sensitive", "depends_on"], &[]);
        let Some(name) = problems.absorb(name_of(block)) else { return problems };
        let Some(value) = block.body.expr("value") else {
            problems.push(missing_argument(&block.header, "value"));
            return problems;
        };
        let output = Output {
            value: value.clone(),
            sensitive: flag(block, "sensitive", false, &mut problems),
            depends_on: references(block.body.expr("depends_on"), &mut problems),
            range: block.header.clone(),
        };
        if let Some(first) = self.outputs.insert(name, output) {
            problems.push(duplicate_block(block, &first_at("output", &first.range)));
        }
        problems
    }
}

impl Resource {
    fn read(address: BlockAddress, block: &NestedBlock, problems: &mut Diagnostics) -> Self {
        let mut body = block.body.clone();
        let mut meta: BTreeMap<&str, Expr> = META_ARGUMENTS
            .into_iter()
            .filter_map(|name| Some((name, take(&mut body, name)?.value)))
            .collect();
        problems.extend(meta.iter().filter_map(|(name, expr)| misplaced(&address, name, expr)));
        if let (Some(_), Some(for_each)) = (meta.get("count"), meta.get("for_each")) {
            problems.push(
                Diagnostic::error("count-and-for-each", "Invalid combination of arguments")
                    .detail("`count` and `for_each` exclude each other: both say how many instances there are.")
                    .at(for_each.range()),
            );
        }
        let lifecycle = read_lifecycle(&mut body, problems);
        let profile = meta.remove("profile");
        Self {
            provider: meta.remove("provider"),
            profile: profile.and_then(|expr| profile_reference(&expr, problems)),
            count: meta.remove("count"),
            for_each: meta.remove("for_each"),
            depends_on: references(meta.get("depends_on"), problems),
            lifecycle,
            body,
            range: block.header.clone(),
            address,
        }
    }
}

fn read_lifecycle(body: &mut BlockBody, problems: &mut Diagnostics) -> Lifecycle {
    let (mine, rest) =
        std::mem::take(&mut body.blocks).into_iter().partition(|b| &*b.kind == "lifecycle");
    body.blocks = rest;
    let mine: Vec<NestedBlock> = mine;
    if let Some(second) = mine.get(1) {
        problems.push(duplicate_block(second, "Only one `lifecycle` block is allowed here."));
    }
    let Some(block) = mine.first() else { return Lifecycle::default() };
    problems.extend(block.body.only(
        &[
            "create_before_destroy",
            "prevent_destroy",
            "snapshot_on_destroy",
            "ignore_changes",
            "replace_triggered_by",
        ],
        &["precondition"],
    ));
    let rules = block.body.blocks_of("precondition").map(Rule::read);
    if flag(block, "snapshot_on_destroy", false, problems) {
        problems.push(not_yet("snapshot_on_destroy", block.body.expr("snapshot_on_destroy")));
    }
    Lifecycle {
        create_before_destroy: flag(block, "create_before_destroy", false, problems),
        prevent_destroy: flag(block, "prevent_destroy", false, problems),
        ignore_changes: ignore_changes(block.body.expr("ignore_changes"), problems),
        replace_triggered_by: list(block.body.expr("replace_triggered_by"), problems),
        preconditions: rules.filter_map(|rule| problems.absorb(rule)).collect(),
    }
}

fn ignore_changes(expr: Option<&Expr>, problems: &mut Diagnostics) -> IgnoreChanges {
    let Some(expr) = expr else { return IgnoreChanges::None };
    if expr.as_words().as_deref() == Some(&["all"]) {
        return IgnoreChanges::All;
    }
    let mut these = Vec::new();
    for element in list(Some(expr), problems) {
        match element.references().first() {
            Some(reference) => {
                these.push(Ignored {
                    argument: reference.root.as_str().into(),
                    key: first_key(reference),
                    range: reference.range.clone(),
                });
            }
            None => problems.push(
                Diagnostic::error("invalid-ignore-changes", "Invalid ignore_changes")
                    .detail("Each element must name an argument, such as `labels` or `labels[\"owner\"]`; or write `ignore_changes = all`.")
                    .at(element.range()),
            ),
        }
    }
    IgnoreChanges::These(these)
}

fn first_key(reference: &Reference) -> Option<Arc<str>> {
    match reference.steps.first()? {
        RefStep::Attr(name) => Some(name.as_str().into()),
        RefStep::Index(index) => index.as_str().map(Into::into),
    }
}

impl Rule {
    /// Reads a `validation` or `precondition` block.
    pub fn read(block: &NestedBlock) -> Result<Self, Diagnostics> {
        let mut problems = block.body.only(&["condition", "error_message"], &[]);
        let mut need = |name| match block.body.expr(name) {
            Some(expr) => Some(expr.clone()),
            None => {
                problems.push(missing_argument(&block.header, name));
                None
            }
        };
        match (need("condition"), need("error_message")) {
            (Some(condition), Some(error_message)) => {
                problems.into_result(Self { condition, error_message, range: block.header.clone() })
            }
            _ => Err(problems),
        }
    }
}

/// Refuses a meta-argument that resources of this type do not take.
fn misplaced(address: &BlockAddress, name: &str, expr: &Expr) -> Option<Diagnostic> {
    let kind = address.kind;
    let detail = match (kind, name) {
        (ResourceType::SshKey | ResourceType::Network, "count" | "for_each" | "provider") => {
            format!(
                "This is made on each provider that a sandbox using it runs on: its instances are `{address}[\"PROVIDER\"]`. Remove `{name}`."
            )
        }
        (ResourceType::Snapshot, "provider") => {
            "A snapshot is made where its sandbox is. Remove `provider`.".to_owned()
        }
        (ResourceType::Snapshot, "profile") => return Some(not_yet("profile", Some(expr))),
        (ResourceType::SshKey | ResourceType::Network, "profile") => {
            format!("Only a sandbox takes a profile. Remove `profile` from this `{kind}`.")
        }
        _ => return None,
    };
    Some(
        Diagnostic::error("misplaced-argument", "Argument not possible here")
            .detail(detail)
            .at(expr.range())
            .address(address),
    )
}

/// Says that an argument is missing in the block whose header stands at `range`.
pub fn missing_argument(range: &SourceRange, name: &str) -> Diagnostic {
    Diagnostic::error("missing-argument", "Missing required argument")
        .detail(format!("The argument `{name}` has to be given here."))
        .at(range.clone())
}

fn take(body: &mut BlockBody, name: &str) -> Option<Argument> {
    let at = body.arguments.iter().position(|argument| &*argument.name == name)?;
    Some(body.arguments.remove(at))
}

fn list(expr: Option<&Expr>, problems: &mut Diagnostics) -> Vec<Expr> {
    let Some(expr) = expr else { return Vec::new() };
    expr.as_elements().unwrap_or_else(|| {
        problems.push(
            Diagnostic::error("not-a-list", "A list of references is required")
                .detail("Write the references between brackets: `[sandbox.a, sandbox.b]`.")
                .at(expr.range()),
        );
        Vec::new()
    })
}

/// Reads `[sandbox.a, sandbox.b]`: whole blocks, or single instances of them.
fn references(expr: Option<&Expr>, problems: &mut Diagnostics) -> Vec<Expr> {
    let elements = list(expr, problems);
    for element in &elements {
        let is_whole = match element.references().as_slice() {
            [reference] => {
                let attributes =
                    reference.steps.iter().filter(|step| matches!(step, RefStep::Attr(_)));
                element.range() == reference.range && attributes.count() == 1
            }
            _ => false,
        };
        if !is_whole {
            problems.push(
                Diagnostic::error("invalid-depends-on", "Invalid depends_on reference")
                    .detail("Each element names something whole, without quotes and without an attribute: `sandbox.a`.")
                    .at(element.range()),
            );
        }
    }
    elements
}

fn literal(expr: &Expr, problems: &mut Diagnostics) -> Option<Arc<str>> {
    let value = problems.absorb(super::settings::constant(expr))?;
    match value.as_str() {
        Some(text) => Some(text.into()),
        None => {
            problems.push(
                Diagnostic::error("wrong-type", "Unsuitable value type")
                    .detail("A string is required here.")
                    .at(expr.range()),
            );
            None
        }
    }
}

fn profile_reference(expr: &Expr, problems: &mut Diagnostics) -> Option<ProfileReference> {
    match expr.as_words().as_deref() {
        Some(["profile", name]) => {
            Some(ProfileReference { name: (*name).into(), range: expr.range() })
        }
        _ => {
            problems.push(
                Diagnostic::error("invalid-profile", "Invalid profile reference")
                    .detail("Name a profile block of this configuration, such as `profile.agent`.")
                    .at(expr.range()),
            );
            None
        }
    }
}

fn name_of(block: &NestedBlock) -> Result<Arc<str>, Diagnostics> {
    let name = block.label()?;
    if is_identifier(name) {
        return Ok(name.clone());
    }
    Err(Diagnostic::error("invalid-name", "Invalid name")
        .detail(format!(
            "`{name}` cannot name a block: a name begins with a letter or underscore and holds only letters, digits, underscores and dashes."
        ))
        .at(block.header.clone())
        .into())
}

fn stray_argument(argument: &Argument) -> Diagnostic {
    Diagnostic::error("unknown-argument", "Unsupported argument")
        .detail(format!(
            "The argument `{}` stands outside of any block; at the top of a file only blocks do.",
            argument.name
        ))
        .at(argument.name_range.clone())
}

fn later(block: &NestedBlock) -> Diagnostic {
    Diagnostic::error("unsupported-block", "Block type not supported yet")
        .detail(format!(
            "`{}` blocks belong to the language, but this version of sandplan cannot run them yet. Remove the block to go on.",
            block.kind
        ))
        .at(block.header.clone())
}

/// Refuses an argument of the language that this version cannot honour.
pub fn not_yet(name: &str, expr: Option<&Expr>) -> Diagnostic {
    Diagnostic::error("unsupported-argument", "Argument not supported yet")
        .detail(format!(
            "`{name}` belongs to the language, but this version of sandplan cannot honour it yet. Remove it to go on."
        ))
        .at(expr.map(Expr::range))
}

fn duplicate_block(block: &NestedBlock, detail: &str) -> Diagnostic {
    Diagnostic::error("duplicate-address", "Duplicate block")
        .detail(detail)
        .at(block.header.clone())
}

fn first_at(what: &str, range: &SourceRange) -> String {
    let article = if what.starts_with(['a', 'o']) { "An" } else { "A" };
    format!("{article} {what} of this name was declared already at {range}. Names must be unique.")
}
