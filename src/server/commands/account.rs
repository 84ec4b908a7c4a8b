//! `rivulet account`: what admins do on their pages, for the user who owns the database's file. The rules are those of
//! the pages: an admin is left, names differ, what was revoked ends within a second in every running server.

mod export;
mod password;

use super::{Terminal, table};
use crate::error::Problem;
use crate::server::principal::{Name, Role};
use crate::server::settings::{Account, Settings};
use crate::server::store::Store;
use crate::server::store::accounts::{Credentials, NewAccount, NotMade};
use crate::server::store::audit::Note;
use crate::server::store::backup;
use crate::server::store::deletion::Deletes;
use crate::server::store::people::Search;
use crate::server::store::postgres;
use crate::server::store::schema::Schema;
use crate::server::store::updating;
use anyhow::{Context, bail, ensure};
use std::io::{BufRead, Write};

/// The actor in the audit log. No account can have this name.
const SHELL: &str = "(command line)";
const NO_ADMIN: &str = "This is the only admin that is left. Make somebody else an admin first";

pub(super) async fn run(what: Account, settings: &Settings, terminal: &mut Terminal<'_>) -> anyhow::Result<bool> {
    let is_served = if settings.database_url.is_postgres() {
        postgres::is_served(&settings.database_url, matches!(what, Account::Make { .. })).await?
    } else {
        is_served(&what, settings).await?
    };
    let store = Store::open(&settings.database_url).await?;
    let done = change(&store, what, is_served, terminal).await;
    store.close().await;
    done.map(|()| true)
}

/// Whether a server runs on this file, whose tables are those of this program.
async fn is_served(what: &Account, settings: &Settings) -> anyhow::Result<bool> {
    let database = settings.database()?;
    let is_served = backup::is_used(&database)?;
    let is_new = !database.exists() && matches!(what, Account::Make { .. });
    // The tables are left to the server, which copies the database before it changes them.
    if !is_new && updating::look(&database).await? != Schema::Current {
        let shown = database.display();
        bail!(
            "DATABASE_URL: {shown} is of an earlier version of Rivulet. Start Rivulet once, which brings it up to date"
        );
    }
    Ok(is_served)
}

async fn change(store: &Store, what: Account, is_served: bool, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
    match what {
        Account::List => list(store, terminal.out).await,
        Account::Make { name, role, given } => {
            let chosen = password::chosen(given, terminal.input)?;
            let name = Name::parse(&name).map_err(sentence)?;
            make(store, &name, role, chosen.hash().await?).await?;
            writeln!(terminal.out, "Made the {} {}.", role.name(), name.shown())?;
            chosen.print(terminal.out)
        }
        Account::Password { name, given } => {
            let found = find(store, &name).await?;
            ensure!(!found.disabled, "{} is disabled. Enable it first", called(&found));
            let chosen = password::chosen(given, terminal.input)?;
            let note = Note::new(SHELL, "set a new password", called(&found), "");
            store.set_password(found.account, &chosen.hash().await?, &note).await?;
            writeln!(terminal.out, "{} has another password, and is signed out everywhere.", called(&found))?;
            chosen.print(terminal.out)
        }
        Account::Role { name, role } => set_role(store, &name, role, terminal.out).await,
        Account::Disable { name } => set_disabled(store, &name, true, terminal.out).await,
        Account::Enable { name } => set_disabled(store, &name, false, terminal.out).await,
        Account::Export { name, file } => {
            let found = find(store, &name).await?;
            export::write(store, found.account, &file).await?;
            Ok(writeln!(terminal.out, "Wrote everything of {} to {}.", called(&found), file.display())?)
        }
        Account::Delete { name } => delete(store, &name, is_served, terminal).await,
    }
}

fn sentence(problem: Problem) -> anyhow::Error {
    anyhow::Error::msg(problem.to_string())
}

fn called(found: &Credentials) -> &str {
    found.name.as_deref().unwrap_or_default()
}

async fn find(store: &Store, name: &str) -> anyhow::Result<Credentials> {
    let key = Name::parse(name).map_err(sentence)?.key().to_owned();
    let found = store.credentials(&key).await?.with_context(|| format!("There is no account with the name {name}"))?;
    let is_leaving = store.leaving().await?.contains(&found.account);
    ensure!(!is_leaving, "{} is being deleted", called(&found));
    Ok(found)
}

async fn list(store: &Store, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
    let mut rows = vec![["NAME", "ROLE", "STATE", "LAST USED"].map(str::to_owned)];
    let mut search = Search::default();
    loop {
        let (people, next) = store.people(&search).await?;
        for person in people {
            let state = if person.account.disabled { "disabled" } else { "enabled" };
            let used = person.last_used_at.map_or("-".to_owned(), |time| crate::server::times::minute(&time));
            let name = person.account.name.unwrap_or_default();
            rows.push([name, person.account.role.name().to_owned(), state.to_owned(), used]);
        }
        let Some(next) = next else { break };
        search.after = next;
    }
    Ok(table::write(out, &rows)?)
}

async fn make(store: &Store, name: &Name, role: Role, hash: String) -> anyhow::Result<()> {
    let new = NewAccount { guest: None, name, password: Some(hash), role, invitation: None };
    let note = Note::new(SHELL, "made the account", name.shown(), role.name());
    match store.add_account_for(new, &note).await? {
        Ok(_) => Ok(()),
        Err(NotMade::NameTaken) => {
            bail!("The name {} is taken, or looks like one that is. Choose another", name.shown())
        }
        Err(NotMade::Invitation | NotMade::HasName) => bail!("{} could not be made", name.shown()),
    }
}

async fn set_role(store: &Store, name: &str, role: Role, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
    let found = find(store, name).await?;
    let before = store.account(found.account).await?.role;
    if before != role {
        let detail = format!("{} to {}", before.name(), role.name());
        let note = Note::new(SHELL, "changed the role", called(&found), &detail);
        store.set_role(found.account, role, &note).await?.context(NO_ADMIN)?;
    }
    let article = if role == Role::Member { "a" } else { "an" };
    Ok(writeln!(out, "{} is {article} {}.", called(&found), role.name())?)
}

async fn set_disabled(store: &Store, name: &str, disabled: bool, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
    let found = find(store, name).await?;
    let state = if disabled { "disabled" } else { "enabled" };
    let note = Note::new(SHELL, state, called(&found), "");
    store.set_disabled(found.account, disabled, &note).await?.context(NO_ADMIN)?;
    Ok(writeln!(out, "{} is {state}.", called(&found))?)
}

async fn delete(store: &Store, name: &str, is_served: bool, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
    let found = find(store, name).await?;
    let name = called(&found);
    let held = store.holdings(found.account).await?;
    let plural = |count: i64, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let (conversations, images) = (plural(held.conversations, "conversation"), plural(held.images, "image"));
    writeln!(terminal.messages, "{name} has {conversations} and {images}. Type the name to delete all of it:")?;
    let typed = line(terminal.input)?;
    ensure!(typed.trim() == name, "This is not the name of the account. Nothing is deleted");
    store.begin_deletion(found.account, Deletes::Admin(SHELL)).await?.context(NO_ADMIN)?;
    if is_served {
        // It has to end the streams of the conversations first.
        return Ok(writeln!(
            terminal.out,
            "{name} cannot be used any more. The running server deletes the rest within minutes."
        )?);
    }
    store.finish_deletion(found.account).await?;
    Ok(writeln!(terminal.out, "{name} is deleted.")?)
}

/// The first line that is typed, without its end.
fn line(input: &mut (dyn BufRead + Send)) -> anyhow::Result<String> {
    let mut line = String::new();
    input.read_line(&mut line).context("Nothing can be read from the standard input")?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}
