//! The operator's names for a provider and its settings, for messages that say what to change.

/// A provider's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The part before the slash in `provider/model`.
    pub name: String,
    /// Where its key is set, after the words "the key": `in ANTHROPIC_API_KEY`.
    pub key: String,
    /// The setting that holds its address.
    pub address: String,
}

impl Origin {
    /// A provider from the environment, by the prefix of its variables.
    pub fn environment(name: &str, variables: &str) -> Self {
        let (key, address) = (format!("in {variables}_API_KEY"), format!("{variables}_BASE_URL"));
        Self { name: name.to_owned(), key, address }
    }

    /// A provider of `rivulet.toml`.
    pub fn file(name: &str) -> Self {
        let table = format!("of [providers.{name}] in rivulet.toml");
        Self { name: name.to_owned(), key: table.clone(), address: format!("base_url {table}") }
    }
}
