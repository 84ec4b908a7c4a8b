//! What an account, and an API token, may do.

/// What an account may do besides its own conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    Member,
    /// Answers on the sites that list the account.
    Agent,
    Admin,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Member, Self::Agent, Self::Admin];

    pub fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Agent => "agent",
            Self::Admin => "admin",
        }
    }

    /// Whether such an account can answer on sites.
    pub fn may_answer(self) -> bool {
        matches!(self, Self::Agent | Self::Admin)
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == text)
    }

    /// Reads a stored role. One that this version does not know has no rights.
    pub fn of(text: &str) -> Self {
        Self::parse(text).unwrap_or(Self::Member)
    }
}

/// What an API token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    Read,
    Write,
}

impl Scope {
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Read, Self::Write].into_iter().find(|scope| scope.name() == text)
    }

    /// Reads a stored scope. One that this version does not know has the fewest rights.
    pub fn of(text: &str) -> Self {
        Self::parse(text).unwrap_or(Self::Read)
    }
}
