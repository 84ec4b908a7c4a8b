//! `rivulet doctor`: what is wrong with the machine, the disk and the proxy, each as a sentence that says what to do.
//! Nothing is printed of what is well.

mod clock;
mod disk;
mod files;
mod machine;
mod postgres;
mod public;
mod redis;
mod web;

pub use machine::Machine;

use crate::server::settings::Settings;
use std::io::Write;
use web::Web;

pub(super) async fn run(settings: &Settings, out: &mut (dyn Write + Send)) -> anyhow::Result<bool> {
    let findings = if settings.database_url.is_postgres() {
        let mut findings = postgres::findings(settings).await?;
        findings.extend(around(settings).await?);
        findings
    } else {
        findings(settings, &Machine::read(&settings.database()?)).await?
    };
    for finding in &findings {
        writeln!(out, "- {finding}")?;
    }
    if findings.is_empty() {
        writeln!(out, "All is well.")?;
    }
    Ok(findings.is_empty())
}

/// Everything that is found wrong with this machine, its database of SQLite, and the public address where there is one.
///
/// # Errors
/// A wrong setting.
pub async fn findings(settings: &Settings, machine: &Machine) -> anyhow::Result<Vec<String>> {
    let database = settings.database()?;
    let mut findings = disk::findings(machine, &database);
    findings.extend(files::findings(machine, &database, &settings.backups()?));
    if let Some((series, every)) = settings.schedule()? {
        findings.extend(disk::late(machine, &series, every));
    }
    findings.extend(around(settings).await?);
    Ok(findings)
}

/// What does not depend on the database.
async fn around(settings: &Settings) -> anyhow::Result<Vec<String>> {
    let mut findings = Vec::new();
    let web = Web::new().map_err(anyhow::Error::msg)?;
    findings.extend(clock::findings(settings, &web).await);
    match settings.redis() {
        Ok(Some(options)) => findings.extend(redis::findings(&options.url).await),
        Ok(None) => {}
        Err(why) => findings.push(format!("{why}.")),
    }
    if let Some(url) = &settings.public_url {
        findings.extend(public::findings(url, &web).await);
    }
    Ok(findings)
}
