//! Says a problem of a block once, however many instances it has.

use std::collections::HashMap;

use crate::diagnostic::{Diagnostic, Diagnostics};

/// Joins problems that differ in nothing but the instance that they are about: what
/// they then name is the block.
pub fn once(problems: Diagnostics) -> Diagnostics {
    let mut joined: Vec<Diagnostic> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for problem in problems {
        let place = problem.range.as_ref().map(|range| range.to_string());
        let block = problem.address.as_deref().map(block);
        let Some((place, block)) = place.zip(block) else {
            joined.push(problem);
            continue;
        };
        let key = format!("{} {place} {block} {}", problem.code, problem.detail);
        match places.get(&key) {
            Some(at) => {
                let block = block.to_owned();
                joined[*at].address = Some(block);
            }
            None => {
                places.insert(key, joined.len());
                joined.push(problem);
            }
        }
    }
    joined.into_iter().collect()
}

/// Returns an address without the key of the instance.
fn block(address: &str) -> &str {
    match (address.ends_with(']'), address.find('[')) {
        (true, Some(at)) if !address.starts_with("module.") => &address[..at],
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;

    #[test]
    fn what_all_instances_have_in_common_is_said_once_of_the_block() {
        let source = Source::new("a.hcl", "image = 1");
        let problem = |address: &str, detail: &str| {
            let problem = Diagnostic::error("unsupported-argument", "No").detail(detail);
            problem.at(source.range(0..5)).address(address)
        };
        let all = [
            problem("sandbox.a[\"x\"]", "image"),
            problem("sandbox.a[\"y\"]", "image"),
            problem("sandbox.a[\"y\"]", "only here"),
            problem("sandbox.b", "image"),
            Diagnostic::error("other", "No").address("sandbox.a[\"y\"]"),
        ];
        let said = once(all.into_iter().collect());
        let addresses: Vec<_> =
            said.iter().map(|p| p.address.clone().unwrap_or_default()).collect();
        assert_eq!(addresses, ["sandbox.a", "sandbox.a[\"y\"]", "sandbox.b", "sandbox.a[\"y\"]"]);
    }
}
