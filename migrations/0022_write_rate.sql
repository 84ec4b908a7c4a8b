-- How far an account has used up its writes of a minute: the time, in milliseconds since 1970, at which it has all of them
-- again. One row for each account that writes; beside the data, so that all processes on the database count together.

create table write_rate (
    account text primary key not null references account (id) on delete cascade,
    full_at bigint not null
);
