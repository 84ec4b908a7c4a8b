-- A stop that was asked of another process than the one that generates the reply. 0 or 1.

alter table message add column stop_asked bigint not null default 0;
