-- What the deletion of an account looks for, and what the sweep looks for every minute. (SQLite finds nothing by a foreign key alone.)

create index session_by_guest on session (guest) where guest is not null;
create index known_browser_by_account on known_browser (account);
create index invitation_by_maker on invitation (made_by);

create index session_by_last_use on session (coalesce(last_used_at, created_at));
create index known_browser_by_age on known_browser (created_at);
