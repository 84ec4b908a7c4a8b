//! Sites and their agents.

use super::rights::answers_on;
use crate::contract::site::{AgentNames, AnsweredBy, Site, SiteName};
use crate::model::{AccountId, Named, SiteId};
use crate::server::store::Store;
use crate::server::store::audit::{self, Note};
use crate::server::store::columns::{called, id};
use crate::server::store::desk::changes::release_all;
use crate::server::store::revocations::{Revoked, note_by};
use crate::server::store::sql::{Row, query, query_scalar};
use crate::server::times::now;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A site as it is stored, with what no answer holds.
#[derive(Clone, Debug)]
pub struct StoredSite {
    pub site: Site,
    /// What an agent's id before visitors is a hash of.
    pub author_key: String,
}

macro_rules! select_sites {
    ($rest:literal) => {
        concat!(
            "select site.id, site.name, site.title, site.answered_by, site.model, site.system, site.parameters, site.texts,
                    site.handoff, site.limits, site.agent_names, site.author_key, site.retention_days, site.disabled_at,
                    site.created_at
             from site where site.leaving_at is null and ",
            $rest
        )
    };
}

/// Reads JSON that Rivulet wrote. What an earlier version has not written has its default.
fn read<T: DeserializeOwned>(row: &Row, column: &str) -> sqlx::Result<T> {
    serde_json::from_str(row.try_get(column)?).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn written(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings and numbers become JSON")
}

fn site(row: &Row) -> sqlx::Result<StoredSite> {
    let days = row.try_get::<Option<i64>>("retention_days")?;
    let site = Site {
        id: id(row.try_get("id")?)?,
        name: row.try_get("name")?,
        title: row.try_get("title")?,
        answered_by: AnsweredBy::of(row.try_get("answered_by")?),
        model: row.try_get("model")?,
        system: row.try_get("system")?,
        parameters: read(row, "parameters")?,
        texts: read(row, "texts")?,
        handoff: read(row, "handoff")?,
        limits: read(row, "limits")?,
        agent_names: AgentNames::of(row.try_get("agent_names")?),
        retention_days: days.and_then(|days| u32::try_from(days).ok()),
        is_disabled: row.try_get::<Option<&str>>("disabled_at")?.is_some(),
        created_at: row.try_get("created_at")?,
    };
    Ok(StoredSite { site, author_key: row.try_get("author_key")? })
}

impl Store {
    /// `RowNotFound`: it is not there, or being deleted.
    pub async fn site(&self, site_id: SiteId) -> sqlx::Result<StoredSite> {
        let row = query(select_sites!("site.id = $1")).bind(site_id.to_string()).fetch_one(self.read()).await?;
        site(&row)
    }

    pub async fn sites(&self) -> sqlx::Result<Vec<Site>> {
        let rows = query(select_sites!("1 = 1 order by site.created_at")).fetch_all(self.read()).await?;
        rows.iter().map(|row| site(row).map(|stored| stored.site)).collect()
    }

    /// The sites on which the account answers.
    pub async fn sites_of_agent(&self, account: AccountId) -> sqlx::Result<Vec<SiteName>> {
        let rows = query(concat!(
            "select site.id, site.name, site.title from site where site.leaving_at is null and ",
            answers_on!("site.id", "$1"),
            " order by site.created_at"
        ))
        .bind(account.to_string())
        .fetch_all(self.read())
        .await?;
        let read = rows.iter().map(|row| {
            Ok(SiteName { id: id(row.try_get("id")?)?, name: row.try_get("name")?, title: row.try_get("title")? })
        });
        read.collect()
    }

    /// Makes a site. `false`: its id is taken.
    pub async fn add_site(&self, new: &Site, author_key: &str, note: &Note) -> sqlx::Result<bool> {
        let mut write = self.write().await?;
        let made = query(
            "insert into site (id, name, title, answered_by, model, system, parameters, texts, handoff, limits, agent_names,
                               author_key, retention_days, disabled_at, created_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) on conflict (id) do nothing",
        )
        .bind(new.id.to_string())
        .bind(&new.name)
        .bind(&new.title)
        .bind(new.answered_by.name())
        .bind(&new.model)
        .bind(&new.system)
        .bind(written(&new.parameters))
        .bind(written(&new.texts))
        .bind(written(&new.handoff))
        .bind(written(&new.limits))
        .bind(new.agent_names.name())
        .bind(author_key)
        .bind(new.retention_days.map(i64::from))
        .bind(new.is_disabled.then(now))
        .bind(&new.created_at)
        .execute(&mut *write)
        .await?;
        if made.rows_affected() == 0 {
            return Ok(false);
        }
        audit::add(&mut write, note).await?;
        write.commit().await?;
        Ok(true)
    }

    /// Writes a site's settings. Its visitors check their right again.
    pub async fn change_site(&self, new: &Site, note: &Note) -> sqlx::Result<()> {
        let mut write = self.write().await?;
        query(
            "update site set name = $2, title = $3, answered_by = $4, model = $5, system = $6, parameters = $7, texts = $8,
                    handoff = $9, limits = $10, agent_names = $11, retention_days = $12,
                    disabled_at = case when $13 = 0 then null else coalesce(disabled_at, $14) end
             where id = $1 and leaving_at is null returning id",
        )
        .bind(new.id.to_string())
        .bind(&new.name)
        .bind(&new.title)
        .bind(new.answered_by.name())
        .bind(&new.model)
        .bind(&new.system)
        .bind(written(&new.parameters))
        .bind(written(&new.texts))
        .bind(written(&new.handoff))
        .bind(written(&new.limits))
        .bind(new.agent_names.name())
        .bind(new.retention_days.map(i64::from))
        .bind(i64::from(new.is_disabled))
        .bind(now())
        .fetch_one(&mut *write)
        .await?;
        audit::add(&mut write, note).await?;
        note_by(&mut write, Some(self.process()), Revoked::Site(new.id)).await?;
        write.commit().await
    }

    /// Takes a site out of use for good: nobody reaches it any more. What it has is deleted in steps (`sweeping`).
    pub async fn begin_site_deletion(&self, site: SiteId, note: &Note) -> sqlx::Result<()> {
        let mut write = self.write().await?;
        query("update site set leaving_at = $2 where id = $1 and leaving_at is null returning id")
            .bind(site.to_string())
            .bind(now())
            .fetch_one(&mut *write)
            .await?;
        audit::add(&mut write, note).await?;
        note_by(&mut write, Some(self.process()), Revoked::Site(site)).await?;
        write.commit().await
    }

    /// The accounts that are to answer on the site. One without the role does not.
    pub async fn agents(&self, site: SiteId) -> sqlx::Result<Vec<Named>> {
        let rows = query(
            "select account.id, account.name from site_agent join account on account.id = site_agent.account
             where site_agent.site = $1 and account.disabled_at is null and account.leaving_at is null
             order by account.name_key",
        )
        .bind(site.to_string())
        .fetch_all(self.read())
        .await?;
        rows.iter().map(|row| Ok(called(id(row.try_get("id")?)?, row.try_get("name")?))).collect()
    }

    /// `RowNotFound`: there is no such site, or no such person.
    pub async fn add_agent(&self, site: SiteId, account: AccountId, note: &Note) -> sqlx::Result<()> {
        let mut write = self.write().await?;
        let known: Option<String> = query_scalar(
            "select account.id from account join site on site.id = $1
             where account.id = $2 and account.name is not null and account.leaving_at is null and site.leaving_at is null",
        )
        .bind(site.to_string())
        .bind(account.to_string())
        .fetch_optional(&mut *write)
        .await?;
        known.ok_or(sqlx::Error::RowNotFound)?;
        query("insert into site_agent (site, account) values ($1, $2) on conflict (site, account) do nothing")
            .bind(site.to_string())
            .bind(account.to_string())
            .execute(&mut *write)
            .await?;
        audit::add(&mut write, note).await?;
        write.commit().await
    }

    /// Takes the site away from an agent. The conversations that the agent has on it wait for another one. Returns which.
    pub async fn remove_agent(
        &self,
        site: SiteId,
        account: AccountId,
        note: &Note,
    ) -> sqlx::Result<Vec<crate::model::ConversationId>> {
        let mut write = self.write().await?;
        query("delete from site_agent where site = $1 and account = $2 returning account")
            .bind(site.to_string())
            .bind(account.to_string())
            .fetch_one(&mut *write)
            .await?;
        let released = release_all(&mut write, account, Some(site)).await?;
        audit::add(&mut write, note).await?;
        note_by(&mut write, Some(self.process()), Revoked::Agent(account)).await?;
        write.commit().await?;
        Ok(released)
    }

    /// Whether the account answers on the site.
    pub async fn is_agent_of(&self, account: AccountId, site: SiteId) -> sqlx::Result<bool> {
        let row = query(concat!("select 1 where ", answers_on!("$1", "$2")))
            .bind(site.to_string())
            .bind(account.to_string())
            .fetch_optional(self.read())
            .await?;
        Ok(row.is_some())
    }
}
