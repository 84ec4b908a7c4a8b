//! The commands besides serving.

use super::DatabaseUrl;
use crate::server::principal::Role;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Commands besides serving.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// List the models that can be chosen.
    Models,
    /// Ask every provider one small question, and report what is wrong.
    Check,
    /// Copy the database to a file and check the copy, also while Rivulet runs.
    Backup(Backup),
    /// Put a backup in the place of the database, which is kept beside it. Rivulet must not be running.
    Restore {
        /// The backup.
        file: PathBuf,
    },
    /// Copy the database to one of PostgreSQL, in which nothing is yet, and compare. Rivulet must not be running.
    Move {
        /// postgres://USER:PASSWORD@HOST/DATABASE. Without the password, PGPASSWORD and ~/.pgpass are read.
        #[arg(long, value_name = "URL", hide_env_values = true, value_parser = DatabaseUrl::parse)]
        to: DatabaseUrl,
    },
    /// Make and change accounts.
    #[command(subcommand)]
    Account(Account),
    /// Ask the server that listens on RIVULET_LISTEN whether it lives; the exit code tells.
    Health {
        /// Whether it also takes messages: see /readyz.
        #[arg(long)]
        ready: bool,
    },
    /// Look at the disk, the clock, the proxy and the limits of this machine, and report what is wrong.
    Doctor,
}

#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Where the copy goes; - for the standard output.
    pub file: PathBuf,
    /// Replace the file if it is there.
    #[arg(long)]
    pub force: bool,
}

/// What is done to an account. It is named as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Account {
    /// List the accounts that have a name.
    List,
    /// Make an account, and print its password unless that is given.
    Make {
        name: String,
        #[arg(long, default_value = "member", value_parser = role)]
        role: Role,
        #[command(flatten)]
        given: Given,
    },
    /// Set another password, and print it unless it is given. Signs the account out everywhere.
    Password {
        name: String,
        #[command(flatten)]
        given: Given,
    },
    /// Change the role. Signs the account out everywhere.
    Role {
        name: String,
        #[arg(value_parser = role)]
        role: Role,
    },
    /// Sign the account out, refuse its tokens and stop its replies, until it is enabled again.
    Disable { name: String },
    /// Let a disabled account in again.
    Enable { name: String },
    /// Write everything that is stored of an account to a zip archive.
    Export {
        name: String,
        /// Where the archive goes.
        file: PathBuf,
    },
    /// Delete an account with everything in it. Asks for its name again, on the standard input.
    Delete { name: String },
}

#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// Read the password from the first line of the standard input.
    #[arg(long)]
    pub password_stdin: bool,
}

fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| "expected member, agent or admin".into())
}
