-- `migrations/0050_preferences.sql`.

create table preferences (
    account text collate "C" primary key not null references account (id) on delete cascade,
    theme text collate "C" not null,
    text_size text collate "C" not null,
    send_key text collate "C" not null,
    announced text collate "C" not null,
    favourites text collate "C" not null default '[]',
    instructions text collate "C" not null default '',
    number bigint not null
);
