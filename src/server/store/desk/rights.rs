//! Conditions of statements: who may be on a site.

/// A visitor who may be here: whose token it is, on a site that is open. $2 is the token's hash, $3 the time.
macro_rules! visitor_is_let_in {
    () => {
        "visitor_token.token_hash = $2 and visitor.site = site.id and site.disabled_at is null and site.leaving_at is null
         and (visitor.blocked_until is null or visitor.blocked_until < $3)"
    };
}

/// An account that answers on the site of the statement's row. The argument is the account's parameter.
macro_rules! answers_on {
    ($site:literal, $account:literal) => {
        concat!(
            "exists (select 1 from site_agent join account answering on answering.id = site_agent.account
                join site open_site on open_site.id = site_agent.site
                where site_agent.site = ",
            $site,
            " and site_agent.account = ",
            $account,
            " and answering.role in ('agent', 'admin') and answering.disabled_at is null
                and answering.leaving_at is null and open_site.leaving_at is null)"
        )
    };
}

pub(in crate::server::store) use {answers_on, visitor_is_let_in};
