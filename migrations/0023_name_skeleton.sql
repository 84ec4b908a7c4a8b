-- What names look like, by UTS 39: a new one may not look like one that is there. Two readings of each: of the name without
-- case, and of the name as it is written. Filled at the start for accounts that have none yet; those that look alike already stay.

alter table account add column name_skeleton text; -- null: a guest, or not filled yet
alter table account add column name_look text;

create index account_by_name_skeleton on account (name_skeleton) where name_skeleton is not null;
create index account_by_name_look on account (name_look) where name_look is not null;
