-- What an account has chosen for all its browsers. Without a row, what the browser's cookie says is so.

create table preferences (
    account text primary key not null references account (id) on delete cascade,
    theme text not null,
    text_size text not null,
    send_key text not null,
    announced text not null,
    favourites text not null default '[]', -- JSON: ids of models
    instructions text not null default '', -- for the model, in all conversations
    number bigint not null -- counts the changes
);
