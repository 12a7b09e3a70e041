//! The parameters of a request in EC2's form: `InstanceId.1`, `Filter.2.Value.1`.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Names and values in the order they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form(pub Vec<(String, String)>);

/// One filter of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    pub name: String,
    pub values: Vec<String>,
}

impl Form {
    pub fn of(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    pub fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let split = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        };
        Self(pairs.map(split).collect())
    }

    pub fn encode(&self) -> String {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let pairs = self.0.iter();
        let pairs = pairs.map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        pairs.collect::<Vec<_>>().join("&")
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn has(&self, name: &str, value: &str) -> bool {
        self.get(name) == Some(value)
    }

    /// The entries of a list: `InstanceId.1`, `InstanceId.2`, ….
    pub fn list(&self, name: &str) -> Vec<&str> {
        let is_entry = |key: &str| {
            key.strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('.'))
                .is_some_and(|number| number.chars().all(|c| c.is_ascii_digit()))
        };
        self.0.iter().filter(|(key, _)| is_entry(key)).map(|(_, value)| value.as_str()).collect()
    }

    /// A copy without the parameters whose name begins so.
    pub fn without(&self, prefix: &str) -> Self {
        Self(self.0.iter().filter(|(name, _)| !name.starts_with(prefix)).cloned().collect())
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    fn filters(&self) -> Vec<Filter> {
        let named = self.0.iter().filter_map(|(key, name)| {
            let prefix = key.strip_suffix(".Name").filter(|key| key.starts_with("Filter."))?;
            let values = self.list(&format!("{prefix}.Value"));
            let values = values.into_iter().map(str::to_owned).collect();
            Some(Filter { name: name.clone(), values })
        });
        named.collect()
    }

    /// Takes filters of these names out.
    pub fn split_filters(&self, names: &[&str]) -> (Self, Vec<Filter>) {
        let is_taken = |filter: &Filter| names.contains(&filter.name.as_str());
        let (taken, left): (Vec<_>, Vec<_>) = self.filters().into_iter().partition(is_taken);
        let mut form = self.without("Filter.");
        for (at, filter) in left.iter().enumerate() {
            let prefix = format!("Filter.{}", at + 1);
            form = form.with(&format!("{prefix}.Name"), &filter.name);
            for (number, value) in filter.values.iter().enumerate() {
                form = form.with(&format!("{prefix}.Value.{}", number + 1), value);
            }
        }
        (form, taken)
    }

    /// The tags that are asked for objects of a kind.
    pub fn tags_for(&self, kind: &str) -> Vec<(String, String)> {
        let mut tags = Vec::new();
        for prefix in self.tag_specifications(kind) {
            for (key, name) in &self.0 {
                if let Some(tag) = key.strip_suffix(".Key").filter(|key| key.starts_with(&prefix)) {
                    let value = self.get(&format!("{tag}.Value")).unwrap_or_default();
                    tags.push((name.clone(), value.to_owned()));
                }
            }
        }
        tags
    }

    /// `TagSpecification.N.` of a kind of objects.
    pub fn tag_specifications(&self, kind: &str) -> Vec<String> {
        let all = self.0.iter().filter(|(key, value)| {
            key.starts_with("TagSpecification.") && key.ends_with(".ResourceType") && value == kind
        });
        all.filter_map(|(key, _)| Some(key.strip_suffix("ResourceType")?.to_owned())).collect()
    }
}

fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_taken_out_and_the_rest_is_numbered_anew() {
        let form = Form::parse(
            "Action=X&Filter.1.Name=instance-state-name&Filter.1.Value.1=running\
             &Filter.2.Name=tag%3Aa+b&Filter.2.Value.1=1&Filter.2.Value.2=2&InstanceId.1=i-1",
        );
        let (left, taken) = form.split_filters(&["instance-state-name"]);
        assert_eq!(taken[0].values, ["running"]);
        assert_eq!(left.get("Filter.1.Name"), Some("tag:a b"));
        assert_eq!(left.list("Filter.1.Value"), ["1", "2"]);
        assert_eq!(Form::parse(&left.encode()), left);
        assert_eq!(left.list("InstanceId"), ["i-1"]);
    }

    #[test]
    fn tags_are_found_by_kind() {
        let form = Form::of(&[
            ("TagSpecification.1.ResourceType", "snapshot"),
            ("TagSpecification.1.Tag.1.Key", "a"),
            ("TagSpecification.1.Tag.1.Value", "b"),
        ]);
        assert_eq!(form.tags_for("snapshot"), [("a".to_owned(), "b".to_owned())]);
        assert!(form.tags_for("image").is_empty());
    }
}
