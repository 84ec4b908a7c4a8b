//! How whoever runs the server names a provider and its settings: for the sentences that say what to change.

/// A provider's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// What stands before the slash in `provider/model`.
    pub name: String,
    /// Where its key is written, behind the words "the key": `in ANTHROPIC_API_KEY`.
    pub key: String,
    /// The setting that holds its address.
    pub address: String,
}

impl Origin {
    /// A provider of the environment, by the beginning that its variables share.
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
