//! The database where it is PostgreSQL: whether it can be reached and used, and what goes over the wire to it.

use crate::server::settings::Settings;
use crate::server::store::postgres::{connect, is_in_the_open, look, options, shown};
use sqlx::Connection;
use sqlx::postgres::PgConnectOptions;

/// What a node of Rivulet needs: its pool, and a connection for its signs of life.
const CONNECTIONS: i64 = 20;

/// # Errors
/// A wrong setting.
pub(super) async fn findings(settings: &Settings) -> anyhow::Result<Vec<String>> {
    let options = options("DATABASE_URL", &settings.database_url)?;
    let mut findings = Vec::new();
    if is_in_the_open(&options) {
        findings.push(format!(
            "What goes to the database {} is not protected on the way: add ?sslmode=verify-full to DATABASE_URL (and \
             &sslrootcert=FILE where its certificate is from an authority of your own).",
            shown(&options)
        ));
    }
    findings.extend(of_server(&options).await);
    Ok(findings)
}

/// All of it, where a server that is asked to start stops at the first.
async fn of_server(options: &PgConnectOptions) -> Vec<String> {
    let mut connection = match connect(options).await {
        Ok(connection) => connection,
        Err(error) => return vec![format!("{error:#}.")],
    };
    let found = look(&mut connection).await;
    connection.close().await.ok();
    let found = match found {
        Ok(found) => found,
        Err(error) => return vec![format!("The database {} could not be looked at: {error}.", shown(options))],
    };
    let mut findings: Vec<_> =
        found.faults().iter().map(|fault| format!("The database {}: {fault}.", shown(options))).collect();
    if found.connections < CONNECTIONS {
        findings.push(format!(
            "The database server takes {} connections, and each node of Rivulet needs {CONNECTIONS}: raise max_connections.",
            found.connections
        ));
    }
    if !found.is_durable {
        findings.push(
            "The database server does not wait for its disk (fsync, full_page_writes or synchronous_commit is off): what was \
             acknowledged is lost when its machine loses power. Switch them on."
                .into(),
        );
    }
    findings
}
